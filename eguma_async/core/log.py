"""The package's logger, which no handler of a program can turn against a call."""

from __future__ import annotations

import logging
from collections.abc import MutableMapping
from contextlib import suppress
from typing import Any


class Logger(logging.LoggerAdapter[logging.Logger]):
    """Hands records on, and lets go of what a handler or a filter raises.

    The ones of the standard library catch their own errors. One that does not must not turn a
    booking that was made into an error. Fields in `extra` go with a record as they are given.
    """

    def process(
        self, msg: Any, kwargs: MutableMapping[str, Any]
    ) -> tuple[Any, MutableMapping[str, Any]]:
        """Return both as they are: an adapter puts its own fields in the place of the call's."""
        return msg, kwargs

    def log(self, level: int, msg: object, *args: object, **kwargs: Any) -> None:
        """Write a record, if anybody wants it."""
        kwargs["stacklevel"] = kwargs.get("stacklevel", 1) + 1  # the caller's line, not this one
        with suppress(Exception):  # where would it be told? The log is what fails
            super().log(level, msg, *args, **kwargs)


logger: Logger = Logger(logging.getLogger("eguma_async"))
# Where to write is the program's own matter. Without any handler Python would choose stderr.
logger.logger.addHandler(logging.NullHandler())
