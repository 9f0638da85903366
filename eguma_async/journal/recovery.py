"""One pass over what is open in a journal, the oldest first."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

from eguma_async.core.errors import (
    EgumaError,
    JournalCorruptError,
    JournalError,
    OutcomeUnknownError,
)
from eguma_async.core.hooks import EntryRecovered
from eguma_async.core.journal import (
    LatePolicy,
    OnRecovered,
    Recovered,
    Recovery,
    State,
)
from eguma_async.core.resumable import Resumable

from .desk import Desk
from .errand import Asked, Errand
from .line import Line
from .outcomes import named
from .records import Kept
from .stores.base import Place, place_of
from .work import Work

_AT_ONCE = 2
"""A recovery has time; those who buy now do not."""


class RecoveryPass:
    """Brings the open lines of one account to their end.

    Args:
        desk: What the work is done with.
        account: Name of the account.
        kinds: Which operations, by what they ask for.
        client_ref: Only what was asked for under this reference; None for all.
        running: What is under way in this process.
        on_recovered: Told of each line.
    """

    def __init__(
        self,
        desk: Desk,
        *,
        account: str,
        kinds: Mapping[str, type[Resumable[Any]]],
        client_ref: str | None,
        running: dict[str, Errand[Any]],
        on_recovered: OnRecovered | None,
    ) -> None:
        self._desk = desk
        self._account = account
        self._kinds = kinds
        self._client_ref = client_ref
        self._running = running
        self._on_recovered = on_recovered
        self._busy = self._others = 0

    async def run(self, *, wait: bool) -> Recovery:
        """Carry it out.

        Args:
            wait: Look a second time after a pause where the lists show nothing yet.
        """
        found: dict[Place, Recovered] = {}
        await self._each([kept async for kept in self._mine()], found)
        looked = {p for p, each in found.items() if each.entry.state is State.VERIFY}
        if wait and looked:
            await self._desk.wire.session.clock.sleep(self._desk.rules.settle.total_seconds())
            every = self._desk.records.all(open_only=True)
            await self._each([kept async for kept in every if place_of(kept.row) in looked], found)
        return Recovery(
            entries=tuple(found[place] for place in sorted(found)),
            busy=self._busy,
            others=self._others,
        )

    async def _mine(self) -> AsyncIterator[Kept]:
        """Read the open lines of this account; what is damaged may be one of them."""
        async for kept in self._desk.records.all(open_only=True):
            line = kept.content
            if line is None:
                yield kept
            elif not self._is_of_this_account(line):
                self._others += 1
            elif line.identity.kind in self._kinds and self._client_ref in (
                None,
                line.identity.client_ref,
            ):
                yield kept

    def _is_of_this_account(self, line: Line) -> bool:
        wire, name = self._desk.wire, line.identity
        ours = (wire.provider, wire.environment, self._account)
        return (
            name.provider,
            name.environment,
            name.account,
        ) == ours and self._desk.is_of_these_credentials(line)

    async def _each(self, lines: list[Kept], found: dict[Place, Recovered]) -> None:
        left = iter(lines)

        async def work() -> None:
            for kept in left:
                recovered = await self._one(kept)
                if recovered is None:
                    self._busy += 1
                    continue
                found[place_of(kept.row)] = recovered
                self._tell(recovered)
                if self._on_recovered is not None:
                    self._on_recovered(recovered)

        workers = [asyncio.create_task(work()) for _ in range(_AT_ONCE)]
        try:
            await asyncio.gather(*workers)  # no task group: its error would be a group
        finally:
            for worker in workers:
                worker.cancel()
            await asyncio.wait(workers)

    def _tell(self, recovered: Recovered) -> None:
        if (listener := self._desk.wire.listener) is not None:
            entry, error = recovered.entry, recovered.error
            listener.entry_recovered(
                EntryRecovered(
                    provider=entry.provider,
                    kind=entry.kind,
                    state=entry.state,
                    error=None if error is None else type(error).__name__,
                )
            )

    async def _one(self, kept: Kept) -> Recovered | None:
        """Bring one line to its end, if that can be; None if somebody else works on it."""
        line = kept.content
        if line is None:
            damaged = JournalCorruptError("the entry is damaged; resolve it by hand")
            return Recovered(entry=kept.entry(), error=damaged)
        stop = _why_not(line)
        if stop is not None:
            return Recovered(entry=line.entry(), error=named(stop, line))
        try:
            operation = self._operation(line)
        except JournalError as unreadable:
            return Recovered(entry=line.entry(), error=named(unreadable, line))
        if line.identity.series in self._running:
            return None
        claimed = await self._desk.claim(kept)
        if claimed is None or line.identity.series in self._running:
            return None  # whoever asks for it has come first, maybe while it was claimed
        return await self._brought_to_its_end(claimed, operation)

    def _operation(self, line: Line) -> Resumable[Any]:
        """Return what a line asks for.

        Raises:
            JournalError: Another version of this package has written it.
        """
        assert line.body is not None  # noqa: S101  # an open line that is not locked has one
        try:
            return self._desk.wire.decode(self._kinds[line.identity.kind], line.body)
        except Exception:  # noqa: BLE001  # it holds a customer's data, and must hide no other
            told = JournalError("this version of the package cannot read what was asked for")
        told.outcome_unknown = True
        raise told

    async def _brought_to_its_end(self, kept: Kept, operation: Resumable[Any]) -> Recovered:
        line = kept.line
        assert line.body is not None  # noqa: S101  # as above
        work = Work(self._desk, kept, operation)
        errand = Errand(
            Asked(operation=operation, body=line.body, identity=line.identity), recovers=True
        )
        errand.start(self._desk.wire, self._go_on(work), self._running)
        try:
            value = await errand.outcome()
        except EgumaError as failed:
            error = failed.with_traceback(None)
        except Exception as foreign:  # noqa: BLE001  # of a transport, and must hide no other
            error = named(
                OutcomeUnknownError(f"the transport failed ({type(foreign).__name__})"), work.line
            )
        else:
            return Recovered(entry=work.line.entry(), value=value, error=_why_open(work.line))
        is_known = not work.line.state.is_open
        return Recovered(entry=work.line.entry(), error=None if is_known else error)

    async def _go_on(self, work: Work[Any]) -> Any:
        line = work.line
        if line.state is State.CANCELLING:
            return await work.compensate()
        if line.state is State.VERIFY or not self._desk.may_send_again(line):
            return await work.look()
        if line.late is LatePolicy.CONFIRM or not self._desk.is_late(line):
            return await work.resume()
        if line.late is LatePolicy.COMPENSATE:
            return await work.compensate()
        return await work.look()


def _why_not(line: Line) -> EgumaError | None:
    """Return why nothing can be done about a line here; None if something can."""
    if line.locked:
        return JournalError("it is encrypted with a key that this journal was not given")
    if line.state is State.NEEDS_OPERATOR:
        return OutcomeUnknownError(f"a person has to find out what came of it ({line.reason})")
    return None


def _why_open(line: Line) -> EgumaError | None:
    """Return why a line is still open after work that went well; None if it is not."""
    if not line.state.is_open:
        return None
    why = _why_not(line) or OutcomeUnknownError(
        "it may have been made, and the lists do not show it yet"
    )
    return named(why, line)
