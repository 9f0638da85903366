"""What came in: the latest requests without their secrets, and who wants to be told of them."""

from __future__ import annotations

import hashlib
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator
from datetime import datetime
from typing import TypeAlias

import attrs

from .messages import SandboxRequest, printable

KEPT_REQUESTS = 10_000

logger: logging.Logger = logging.getLogger("eguma_async")
logger.addHandler(logging.NullHandler())  # where to write is the program's own matter


@attrs.frozen
class RequestRecord:
    """One request that reached a sandbox, without anything secret.

    Text in it that is no Unicode shows a replacement character.

    Attributes:
        at: When it came, by the sandbox's clock.
        method: HTTP verb.
        path: Path.
        query: Pairs of the query; the values of secret ones are ``***``.
        header_names: Lower-case names, sorted; no values.
        idempotency_key: Value of ``Idempotency-Key``, or None.
        body_sha256: Hexadecimal digest of the body's bytes.
    """

    at: datetime
    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    header_names: tuple[str, ...]
    idempotency_key: str | None
    body_sha256: str

    @classmethod
    def of(cls, request: SandboxRequest, at: datetime, secret: Collection[str]) -> RequestRecord:
        """Make the record of a request, given the lower-case names of secret parameters."""
        key = request.headers.get("idempotency-key")
        return cls(
            at,
            printable(request.method),
            printable(request.path),
            tuple(
                (printable(name), "***" if name.lower() in secret else printable(value))
                for name, value in request.query
            ),
            tuple(sorted(map(printable, request.headers))),
            None if key is None else printable(key),
            hashlib.sha256(request.body).hexdigest(),
        )


Listener: TypeAlias = Callable[[RequestRecord], object]
"""Is told of each request."""


class RequestLog:
    """The latest requests, oldest first; `total` counts those that were forgotten too."""

    def __init__(self, maximum: int = KEPT_REQUESTS) -> None:
        self._records: deque[RequestRecord] = deque(maxlen=maximum)
        self._listeners: list[Listener] = []
        self.total: int = 0

    def add(self, record: RequestRecord) -> None:
        """Append a record, and tell the listeners; the oldest one goes once the log is full."""
        self._records.append(record)
        self.total += 1
        for listener in tuple(self._listeners):
            try:
                listener(record)
            except Exception:
                logger.exception("a listener to the requests of a sandbox failed")

    def listen(self, listener: Listener, /) -> Callable[[], None]:
        """Call a function with the record of each request from now on, before it is processed.

        What the function raises is logged and changes nothing.

        Returns:
            A function that ends this; it may be called more than once.
        """
        self._listeners.append(listener)
        registered = [listener]

        def stop() -> None:
            if registered:
                self._listeners.remove(registered.pop())

        return stop

    def clear(self) -> None:
        """Forget all records and start counting anew; listeners stay."""
        self._records.clear()
        self.total = 0

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[RequestRecord]:
        return iter(tuple(self._records))

    def __getitem__(self, index: int) -> RequestRecord:
        return self._records[index]
