"""What keeps the lines of a journal. A store knows rows and versions, and nothing of what they say.

A row is written as a whole or not at all, and what was written stays written: `insert` and
`replace` return once the row would survive a power cut. Each write names the version it replaces,
so of two that act on the same knowledge one is told to look again.
"""

from __future__ import annotations

import abc
from typing import Self

import attrs


@attrs.frozen(kw_only=True)
class Row:
    """One line of a journal as a store keeps it.

    Attributes:
        series: 64 hex digits that name who asked for what under which reference.
        generation: Which asking of the series it is, from 1.
        version: 1 when it is inserted; each write adds one.
        is_open: False once its outcome is known for good.
        created_at: When it was inserted, in seconds since 1970.
        remote: 64 hex digits that name what the server made; None as long as that is not known.
        data: Everything else. No store looks into it.
    """

    series: str
    generation: int
    version: int
    is_open: bool
    created_at: float
    remote: str | None = None
    data: bytes = attrs.field(repr=False)

    def next(self, *, is_open: bool, remote: str | None, data: bytes) -> Self:
        """Return the row as it is to be after the next write."""
        return attrs.evolve(
            self, version=self.version + 1, is_open=is_open, remote=remote, data=data
        )


Place = tuple[float, str, int]
"""Where a row stands in the order of a journal: when it was inserted, its series, generation."""


def place_of(row: Row) -> Place:
    """Return where a row stands."""
    return (row.created_at, row.series, row.generation)


class Store(abc.ABC):
    """Keeps rows. One that is not open is opened by `open`; both may be called twice.

    All methods but `describe` raise `JournalError` if the store cannot do what is asked, and
    `JournalCorruptError` if what it finds is damaged or not its own.

    A task that is cancelled while it waits for a write does not undo the write. Nor is a write
    undone that raises: where a disk fails or a server does not answer, it may have been done.
    """

    @abc.abstractmethod
    def describe(self) -> str:
        """Return what and where it is, for messages: no password, no secret."""

    @abc.abstractmethod
    async def open(self) -> None:
        """Make it ready, and make it if there is none. It checks that what it promises holds."""

    @abc.abstractmethod
    async def close(self) -> None:
        """Let go of it. What is under way is finished first."""

    @abc.abstractmethod
    async def secret(self) -> bytes:
        """Return 32 random bytes that were made with the store and never change."""

    @abc.abstractmethod
    async def now(self) -> float | None:
        """Return the seconds since 1970 by the clock that all users of the store share.

        None if that is the machine's own: all users are on it then.
        """

    @abc.abstractmethod
    async def insert(self, row: Row) -> Row:
        """Keep a row and return what stands at its place: this row, or the one that was there."""

    @abc.abstractmethod
    async def replace(self, row: Row) -> bool:
        """Write a row in the place of the version before it; False if that is not there."""

    @abc.abstractmethod
    async def delete(self, row: Row) -> bool:
        """Remove a row; False if it is not there in this version."""

    @abc.abstractmethod
    async def latest(self, series: str) -> Row | None:
        """Return the row of the highest generation of a series."""

    @abc.abstractmethod
    async def made(self, remote: str) -> Row | None:
        """Return a row that stands for what the server made."""

    @abc.abstractmethod
    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows in the order of their places.

        Args:
            open_only: Leave out those whose outcome is known.
            after: Begin behind this place.
            limit: How many at most.
        """
