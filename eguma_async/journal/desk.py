"""What the work of one session is done with, and which lines it may work on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import attrs

from eguma_async.core.durable import EntryListener, Wire
from eguma_async.core.hooks import EntryWritten
from eguma_async.core.journal import State
from eguma_async.core.messages import Timeouts

from .line import Line
from .moments import Moments, age
from .owners import LONGEST_LEASE, is_at_work
from .records import Kept, Records, changed
from .rules import JournalRules


@attrs.define
class _Writing:
    """What becomes of a write."""

    done: bool = False
    error: str | None = None


@attrs.frozen(kw_only=True)
class Desk:
    """What the work of one session is done with.

    Attributes:
        records: The lines.
        wire: The way to the server.
        rules: For how long things hold.
        moments: Tells the time.
        boot: Names this start of the machine.
        owner: Names this session among those that share the journal; empty until it is open.
    """

    records: Records
    wire: Wire
    rules: JournalRules
    moments: Moments
    boot: str
    owner: str = ""

    def lease_from(self, now: float, timeouts: Timeouts | None = None) -> float:
        """Return until when a line is ours: longer than one attempt can take."""
        longest = (timeouts or self.wire.timeouts).total
        lease = max(self.rules.lease.total_seconds(), 1.5 * longest)
        return now + min(lease, LONGEST_LEASE)

    def is_leased(self, line: Line, now: float) -> bool:
        """Tell whether somebody else works on a line."""
        return line.owner != self.owner and is_at_work(line.owner, line.lease_until, now, self.boot)

    async def claim(self, kept: Kept) -> Kept | None:
        """Make a line ours; None if it is somebody else's, or was changed meanwhile.

        Whoever had it before may have sent it: it is in doubt from now on.
        """
        line, moment = kept.line, self.moments.now()
        now = await self.records.shared_time(moment.wall)
        if self.is_leased(line, now):
            return None
        may_be_sent = line.state is State.INFLIGHT
        return await self.write(
            kept,
            changed(
                line,
                owner=self.owner,
                lease_until=self.lease_from(now),
                in_doubt=line.in_doubt or may_be_sent,
            ),
        )

    async def insert(self, line: Line) -> tuple[Kept, bool]:
        """Keep a new line, as `Records.insert` does, and tell of it."""
        if (listener := self.wire.listener) is None:
            return await self.records.insert(line)
        with self._telling(listener, line) as outcome:
            kept, outcome.done = await self.records.insert(line)
        return kept, outcome.done

    async def write(self, kept: Kept, line: Line, *, remote_id: str | None = None) -> Kept | None:
        """Write what a line says from now on, as `Records.write` does, and tell of it."""
        if (listener := self.wire.listener) is None:
            return await self.records.write(kept, line, remote_id=remote_id)
        with self._telling(listener, line) as outcome:
            written = await self.records.write(kept, line, remote_id=remote_id)
            outcome.done = written is not None
        return written

    @contextmanager
    def _telling(self, listener: EntryListener, line: Line) -> Iterator[_Writing]:
        clock, outcome = self.wire.session.clock, _Writing()
        began = clock.monotonic()
        try:
            yield outcome
        except BaseException as error:
            outcome.error = type(error).__name__
            raise
        finally:
            listener.entry_written(
                EntryWritten(
                    provider=line.identity.provider,
                    kind=line.identity.kind,
                    state=line.state,
                    seconds=clock.monotonic() - began,
                    done=outcome.done,
                    error=outcome.error,
                )
            )

    def may_send_again(self, line: Line) -> bool:
        """Tell whether the server still knows the key that a line was sent with."""
        if line.key is None or line.first_sent is None:
            return True
        passed = age(line.first_sent, self.moments.now())
        return passed is not None and passed < self.rules.resend_window.total_seconds()

    def is_late(self, line: Line) -> bool:
        """Tell whether a line is not wanted any more, or may not be."""
        if line.book_by is None:
            return False
        passed = age(line.created, self.moments.now())
        return passed is None or passed > line.book_by - line.created.wall

    def is_of_these_credentials(self, line: Line) -> bool:
        """Tell whether a line may be sent with the credentials of this session."""
        known = {line.credential, self.wire.credential}
        vouched_for = bool(line.identity.account) or self.rules.any_credentials
        return vouched_for or len(known - {""}) < 2
