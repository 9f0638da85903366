"""What a file is for: how its errors speak of it, and what makes it that."""

from __future__ import annotations

import attrs

from eguma_async.core.errors import EgumaError


@attrs.frozen(kw_only=True)
class FileKind:
    """A kind of file of SQLite.

    Attributes:
        noun: What it is called, such as ``"journal"``.
        in_memory: What keeps the same in memory.
        elsewhere: What to use instead where a local disk will not do.
        restore: What to do if it is damaged.
        error: Raised when it cannot be used.
        corrupt: Raised when it is damaged, or something else; a kind of `error`.
        application_id: What tells it from other files of SQLite.
        version: Of its tables.
        tables: Statements that make it, besides what every kind has.
        probes: What is read of a file that is too large to be checked whole: an end of each tree.
    """

    noun: str
    in_memory: str
    elsewhere: str
    restore: str
    error: type[EgumaError]
    corrupt: type[EgumaError]
    application_id: int
    version: int
    tables: tuple[str, ...]
    probes: tuple[str, ...]
