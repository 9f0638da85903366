"""The idempotency key of a call: made above the retries, and found on whatever goes wrong."""

from __future__ import annotations

import uuid
from typing import Any

from eguma_async.core.checks import header_value
from eguma_async.core.errors import ConfigurationError, EgumaError
from eguma_async.core.messages import Replay
from eguma_async.core.operation import Operation

from .observing import logger


def key_for(operation: Operation[Any], given: str | None) -> str | None:
    """Return the key of a call, made afresh if need be; None for one that carries none.

    Raises:
        ConfigurationError: The key is malformed, or the operation takes none.
    """
    if operation.REPLAY is Replay.KEYED:
        return str(uuid.uuid4()) if given is None else header_value("idempotency_key", given)
    if given is not None:
        raise ConfigurationError(
            f"{operation.name()} takes no idempotency key; the API refuses it there"
        )
    return None


def label(error: BaseException, operation: Operation[Any], key: str | None) -> None:
    """Put the operation and its key on an error, or on the one behind a cancellation."""
    named = error if isinstance(error, EgumaError) else error.__cause__
    if isinstance(named, EgumaError):
        named.operation = named.operation or operation.name()
        named.idempotency_key = named.idempotency_key or key
        if named is not error and named.idempotency_key and named.outcome_unknown:
            # A TaskGroup throws a cancellation away; here is where the key can be found then.
            logger.warning(
                "%s was cancelled under way and may have been processed; idempotency key: %s",
                named.operation,
                named.idempotency_key,
            )
