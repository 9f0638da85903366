"""The lines of a journal in its store: each write says which version it replaces."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import attrs

from eguma_async.core.errors import JournalCorruptError, JournalError
from eguma_async.core.journal import Entry, State

from .identity import Identity
from .line import Line, Script
from .moments import as_time
from .sealing import Sealer
from .stores.base import Row, Store, place_of

_PAGE = 200


@attrs.frozen
class Kept:
    """A row of the store and what it says.

    Attributes:
        row: The row.
        content: What it says; None if it is damaged.
    """

    row: Row
    content: Line | None

    @property
    def line(self) -> Line:
        """What it says.

        Raises:
            JournalCorruptError: It is damaged.
        """
        if self.content is None:
            damaged = JournalCorruptError(
                "the journal's entry for this reference is damaged: look at the provider's back"
                " office, then resolve the entry"
            )
            damaged.outcome_unknown = True
            raise damaged
        return self.content

    def entry(self) -> Entry:
        """Return what the outside may know of it."""
        if self.content is not None:
            return self.content.entry()
        return Entry(
            provider="",
            environment="",
            account="",
            kind="",
            client_ref=self.row.series,
            generation=self.row.generation,
            state=State.QUARANTINED,
            created_at=as_time(self.row.created_at),
        )


class Records:
    """Reads and writes lines.

    Args:
        store: Keeps them.
        sealer: Encrypts what is private.
    """

    def __init__(self, store: Store, sealer: Sealer) -> None:
        self._store = store
        self._sealer = sealer
        self._known: Script | None = None
        self._process = 0
        self._users = 0

    async def open(self) -> None:
        """Make the store ready, unless somebody else has done so."""
        self._users += 1
        try:
            await self._store.open()
            self._known = Script(await self._store.secret(), self._sealer)
        except BaseException:  # a cancellation, too: nobody else will close it
            with suppress(JournalError):  # what went wrong before says more
                await self.close()
            raise
        self._process = os.getpid()

    async def close(self) -> None:
        """Let go of the store, unless somebody else still needs it."""
        self._users -= 1
        if self._users == 0:
            self._known = None
            await self._store.close()

    def check_usable(self) -> None:
        """Check that the store can be used here.

        Raises:
            JournalError: It is not open, or belongs to the process this one was forked from.
        """
        if self._known is None:
            raise JournalError("the journal is not open")
        if self._process != os.getpid():
            raise JournalError(
                "the journal belongs to the process this one was forked from; open one here"
            )

    @property
    def script(self) -> Script:
        """How lines are written."""
        assert self._known is not None  # noqa: S101  # set by `open`
        return self._known

    async def shared_time(self, own: float) -> float:
        """Return the time by the clock that all users of the store share.

        Args:
            own: The time by the machine's clock.
        """
        shared = await self._store.now()
        return own if shared is None else shared

    async def insert(self, line: Line) -> tuple[Kept, bool]:
        """Keep a new line; return what stands at its place, and whether it is this one."""
        row = self.script.first(line)
        try:
            there = await self._store.insert(row)
        except JournalError as error:
            failure = error.with_traceback(None)
        else:
            return self._inserted(line, row, there)
        # A write that fails may have been done. Nobody is told that it was asked for.
        try:
            if await self._store.latest(row.series) == row:  # not one that somebody else has begun
                await self._store.delete(row)
        except JournalError:
            failure.outcome_unknown = True
            failure.message += (
                "; it may have been written all the same, and a recovery would send it"
            )
        raise failure

    def _inserted(self, line: Line, row: Row, there: Row) -> tuple[Kept, bool]:
        is_ours = there == row
        return (Kept(there, line) if is_ours else self._kept(there)), is_ours

    async def latest(self, identity: Identity) -> Kept | None:
        """Return the last generation of an identity."""
        row = await self._store.latest(identity.series)
        return None if row is None else self._kept(row)

    async def write(self, kept: Kept, line: Line, *, remote_id: str | None = None) -> Kept | None:
        """Write what a line says from now on; None if somebody else wrote first.

        Args:
            kept: What is replaced.
            line: What it says now.
            remote_id: The server's id of what was made, once it is known.
        """
        remote = None if remote_id is None else line.identity.remote(remote_id)
        new = self.script.next(line, kept.row, remote)
        return Kept(new, line) if await self._store.replace(new) else None

    async def delete(self, kept: Kept) -> bool:
        """Remove a line."""
        return await self._store.delete(kept.row)

    async def is_taken(self, line: Line, remote_id: str) -> bool:
        """Tell whether another line, or an earlier generation of this one, stands for something."""
        row = await self._store.made(line.identity.remote(remote_id))
        mine = line.identity.series, line.generation
        return row is not None and (row.series, row.generation) != mine

    async def all(self, *, open_only: bool = False) -> AsyncIterator[Kept]:
        """Read all lines, the oldest first."""
        after = None
        while True:
            rows = await self._store.rows(open_only=open_only, after=after, limit=_PAGE)
            for row in rows:
                yield self._kept(row)
            if len(rows) < _PAGE:
                return
            after = place_of(rows[-1])

    def _kept(self, row: Row) -> Kept:
        return Kept(row, self.script.line(row))


def changed(line: Line, **changes: Any) -> Line:
    """Return a line with changes; one whose outcome is known for good keeps nothing private."""
    new = attrs.evolve(line, **changes)
    if new.state.is_open:
        return new
    return attrs.evolve(new, body=None, owner=None, lease_until=0.0)
