"""What a replica asks of a provider."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias, TypeVar

import attrs

from eguma_async.core.clock import Clock
from eguma_async.core.errors import EgumaError

from .records import Record, Window

T_co = TypeVar("T_co", covariant=True)

Keep: TypeAlias = Callable[[Sequence[Record]], Awaitable[None]]
"""Takes records as they come, some at a time."""


@attrs.frozen(kw_only=True)
class Answer:
    """That a window was read to its end.

    Attributes:
        asked_at: When the server's clock showed what as it was asked, or before that: all that it
            had by then is in the answer.
        is_easy: True if a window of twice the size would have been no burden.
    """

    asked_at: float
    is_easy: bool


class TooMuchError(EgumaError):
    """A window cannot be read as a whole: it is too large, too slow, or refused.

    Attributes:
        reason: What happened.
    """

    def __init__(self, reason: EgumaError) -> None:
        super().__init__(reason.message)
        self.reason = reason


class Source(Protocol[T_co]):
    """Where the records come from."""

    @property
    def origin(self) -> str:
        """What the records are of; a copy of something else is refused."""
        ...

    @property
    def earliest(self) -> float:
        """A moment before which hardly anything happened."""
        ...

    @property
    def clock(self) -> Clock:
        """The client's clock."""
        ...

    async def ask(self, window: Window, keep: Keep, /, *, whole: bool) -> Answer:
        """Read all records that changed within a window, and maybe more.

        Some may be handed over twice, as when the answer breaks off.

        Args:
            window: The window.
            keep: Takes them.
            whole: Read it whatever it takes: it cannot be made smaller.

        Raises:
            TooMuchError: A smaller window might be read.
            EgumaError: It might not.
        """
        ...

    def read(self, data: bytes, /) -> T_co:
        """Return what a record's bytes stand for.

        Raises:
            DecodingError: They cannot be read.
        """
        ...
