"""The journal: what was asked for, kept until its outcome is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import Any, Self

import attrs

from eguma_async.core.checks import is_printable
from eguma_async.core.clock import Clock, SystemClock, checked_clock
from eguma_async.core.durable import DurableCalls, Wire
from eguma_async.core.errors import ConfigurationError, JournalError
from eguma_async.core.journal import Entry, State

from .calls import JournalledCalls
from .desk import Desk
from .identity import Identity
from .line import Line
from .moments import Moments, as_time, this_boot
from .owners import is_at_work
from .records import Kept, Records, changed
from .rules import JournalRules
from .sealing import sealer_for
from .stores.base import Store

_RESOLVED = (State.CONFIRMED, State.ABSENT, State.CANCELLED)


class Journal:
    """Keeps what was asked for in a store. Use one of its kinds: `SQLiteJournal` and the others.

    A session opens and closes it: ``AsyncSession(journal=...)``. To look into it without a
    session, use it with ``async with``.

    Args:
        store: Where it is kept.
        account: Name of the account whose bookings these are, if one journal holds those of
            several, or if the credentials change. What was asked for under it is taken up with
            any credentials.
        key: Encrypts what is kept of customers and tickets: 32 bytes or their base64, or several,
            of which the first encrypts and all open; from ``EGUMA_ASYNC_JOURNAL_KEY`` if not
            given; an empty text for none. Needs the extra ``crypto``. With a key, what is not
            encrypted is not believed: add an empty one, ``[key, ""]``, to go on with a journal that
            had none.
        any_credentials: Take up what was asked for with other credentials, as after a new key of
            the same account. Never true for a journal of several accounts.
        rules: For how long things hold.
        clock: Tells the time of what is done without a session.

    Raises:
        ConfigurationError: An argument is malformed, or a package is missing.
    """

    def __init__(
        self,
        store: Store,
        *,
        account: str = "",
        key: str | bytes | Iterable[str | bytes] | None = None,
        any_credentials: bool = False,
        rules: JournalRules | None = None,
        clock: Clock | None = None,
    ) -> None:
        sealer = sealer_for(key)
        del key  # a traceback that shows variables must not show it
        if isinstance(sealer, ConfigurationError):
            raise sealer
        if not isinstance(account, str) or (account and not is_printable(account)):
            raise ConfigurationError("account must be a text that can be printed")
        self._account = account
        if not isinstance(rules, JournalRules | None):
            raise ConfigurationError("rules must be JournalRules")
        self._rules = attrs.evolve(rules or JournalRules(), any_credentials=any_credentials)
        self._records = Records(store, sealer)
        self._store = store
        self._clock = SystemClock() if clock is None else checked_clock(clock)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._store.describe()}>"

    async def __aenter__(self) -> Self:
        await self._records.open()
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._records.close()

    def attach(self, wire: Wire, /) -> DurableCalls:
        """Return what sends the operations of a session. Sessions call it."""
        desk = Desk(
            records=self._records,
            wire=wire,
            rules=self._rules,
            moments=Moments(wire.session.clock, this_boot()),
            boot=this_boot(),
        )
        return JournalledCalls(desk, account=self._account)

    # What an operator does

    async def entries(
        self, *, open_only: bool = False, client_ref: str | None = None
    ) -> AsyncIterator[Entry]:
        """Read the entries, the oldest first.

        Args:
            open_only: Leave out those whose outcome is known for good.
            client_ref: Only those of this reference.
        """
        async for kept in self._matching(client_ref, open_only=open_only):
            yield kept.entry()

    async def resolve(
        self,
        client_ref: str,
        state: State,
        *,
        kind: str | None = None,
        account: str | None = None,
        environment: str | None = None,
        result: Mapping[str, Any] | None = None,
        remote_id: str | None = None,
    ) -> Entry:
        """Say what came of an entry, after a person has found out.

        Args:
            client_ref: Its reference; of a damaged entry, the 64 digits it is shown with.
            state: What came of it: CONFIRMED, ABSENT or CANCELLED.
            kind: Which one, if the reference stands for several.
            account: The same.
            environment: The same: the base URL it was asked for at.
            remote_id: The server's id of what was made: no other entry is taken for it then.
            result: What was made, such as ``{"booking_id": ..., "booking_reference": ...}``.

        Raises:
            ConfigurationError: There is no such state to choose, or no entry fits, or several.
            JournalError: Its outcome is known already, or somebody works on it.
        """
        if state not in _RESOLVED:
            choice = ", ".join(map(str, _RESOLVED))
            raise ConfigurationError(f"an entry is resolved as one of: {choice}")
        kept = (await self._generations(client_ref, kind, account, environment))[-1]
        line = kept.content or _rewritten(kept)
        if not line.state.is_open:
            raise JournalError(f"its outcome is known already: {line.state.value}")
        now = await self._records.shared_time(self._clock.now().timestamp())
        if is_at_work(line.owner, line.lease_until, now, this_boot()):
            raise JournalError(
                f"somebody works on it until {as_time(line.lease_until):%H:%M:%S} UTC; try again"
            )
        new = changed(
            line,
            state=state,
            reason="resolved",
            result=line.result if result is None else dict(result),
            locked=False,
        )
        written = await self._records.write(kept, new, remote_id=remote_id)
        if written is None:
            raise JournalError("it was changed meanwhile; look at it again")
        return written.entry()

    async def erase(
        self,
        client_ref: str,
        *,
        kind: str | None = None,
        account: str | None = None,
        environment: str | None = None,
    ) -> Entry:
        """Forget what came of an entry, its tickets included; what is left is that it has ended.

        That of earlier generations is forgotten as well.

        Args:
            client_ref: Its reference.
            kind: Which one, if the reference stands for several.
            account: The same.
            environment: The same: the base URL it was asked for at.

        Returns:
            The last generation.

        Raises:
            ConfigurationError: There is no such entry.
            JournalError: Its outcome is not known yet: what is kept of it is still needed.
        """
        generations = await self._generations(client_ref, kind, account, environment)
        if any(kept.line.state.is_open for kept in generations):
            raise JournalError("its outcome is not known yet; recover or resolve it first")
        written = [await self._erased(kept) for kept in generations]
        return written[-1].entry()

    async def _erased(self, kept: Kept) -> Kept:
        new = changed(
            kept.line,
            result=None,
            differences=(),
            candidates=(),
            digest="",
            reason="erased",
            locked=False,
        )
        written = await self._records.write(kept, new)
        if written is None:
            raise JournalError("it was changed meanwhile; look at it again")
        return written

    async def prune(self, *, older_than: timedelta = timedelta(days=30)) -> int:
        """Remove entries that have ended, and return how many.

        A reference that is gone stands for nothing: what is asked for under it is new.

        Args:
            older_than: Only those that were asked for longer ago: 4 days at least, as servers
                know a key for 3.

        Raises:
            ConfigurationError: `older_than` is shorter.
        """
        if not isinstance(older_than, timedelta) or older_than < timedelta(days=4):
            raise ConfigurationError("older_than must be a timedelta of 4 days at least")
        before = (self._clock.now() - older_than).timestamp()
        removed = 0
        async for kept in self._records.all():
            if kept.row.created_at >= before:
                break
            # What was not sent keeps its place when it is asked for again.
            line = kept.content
            if line is not None and not line.state.is_open and line.created.wall < before:
                removed += await self._records.delete(kept)
        return removed

    async def _matching(
        self, client_ref: str | None, *, open_only: bool = False
    ) -> AsyncIterator[Kept]:
        self._records.check_usable()
        async for kept in self._records.all(open_only=open_only):
            if client_ref in (None, kept.entry().client_ref):
                yield kept

    async def _generations(
        self, client_ref: str, kind: str | None, account: str | None, environment: str | None
    ) -> list[Kept]:
        """Return all generations of the entry that a reference stands for, the last one last."""
        found: dict[str, list[Kept]] = {}
        async for kept in self._matching(client_ref):
            entry = kept.entry()
            if (
                kind in (None, entry.kind)
                and account in (None, entry.account)
                and environment in (None, entry.environment)
            ):
                found.setdefault(kept.row.series, []).append(kept)
        if not found:
            raise ConfigurationError("the journal has no such entry")
        if len(found) > 1:
            entries = [several[0].entry() for several in found.values()]
            names = sorted(f"{e.kind} {e.account} at {e.environment}" for e in entries)
            raise ConfigurationError(
                f"several entries have this reference ({'; '.join(names)}); say which"
            )
        (generations,) = found.values()
        return sorted(generations, key=lambda kept: kept.row.generation)


def _rewritten(kept: Kept) -> Line:
    """Return a line in the place of a damaged one, of which nothing is believed."""
    moment = Moments(SystemClock(), this_boot()).now()
    return Line(
        identity=Identity(
            provider="", environment="", account="", kind="", client_ref=kept.row.series
        ),
        generation=kept.row.generation,
        operation="",
        credential="",
        state=State.QUARANTINED,
        key=None,
        digest="",
        body=None,
        created=attrs.evolve(moment, wall=kept.row.created_at),
    )
