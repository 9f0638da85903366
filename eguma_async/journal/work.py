"""What is done with a line that is ours: send it, take it up again, look for it, cancel it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import attrs

from eguma_async.core.durable import Wire
from eguma_async.core.errors import (
    EgumaError,
    JournalError,
    NotSentError,
    ResultMismatchError,
)
from eguma_async.core.journal import State
from eguma_async.core.log import logger
from eguma_async.core.messages import Timeouts
from eguma_async.core.resumable import Found, Looking, Resumable

from .line import Line
from .moments import Moments, age, as_time
from .outcomes import after_failure, after_looking, named
from .owners import LONGEST_LEASE, is_at_work
from .records import Kept, Records, changed
from .rules import JournalRules

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Desk:
    """What the work of one session is done with.

    Attributes:
        records: The lines.
        wire: The way to the server.
        rules: For how long things hold.
        moments: Tells the time.
        owner: Names this session among those that share the journal.
        boot: Names this start of the machine.
    """

    records: Records
    wire: Wire
    rules: JournalRules
    moments: Moments
    owner: str
    boot: str

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
        return await self.records.write(
            kept,
            changed(
                line,
                owner=self.owner,
                lease_until=self.lease_from(now),
                in_doubt=line.in_doubt or may_be_sent,
            ),
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


class Work(Generic[T]):
    """The work on one line that is ours.

    Args:
        desk: What it is done with.
        kept: The line.
        operation: What it asks for.
        timeouts: Limits of each attempt.
    """

    def __init__(
        self,
        desk: Desk,
        kept: Kept,
        operation: Resumable[T],
        timeouts: Timeouts | None = None,
    ) -> None:
        self._desk = desk
        self._kept = kept
        self._operation = operation
        self._timeouts = timeouts

    @property
    def line(self) -> Line:
        """The line as it stands."""
        return self._kept.line

    async def send(self) -> T:
        """Send it, and write down what came of it."""
        return await self._concluded(self._request)

    async def resume(self) -> T:
        """Take it up again after an attempt of unknown outcome."""
        await self._write(
            changed(
                self.line,
                state=State.INFLIGHT,
                attempts=self.line.attempts + 1,
                last_sent=self._desk.moments.now(),
            )
        )
        looking = self._looking()
        return await self._concluded(lambda: self._operation.resume(looking, self._request))

    async def look(self) -> T | None:
        """Search the provider's lists; return what was found, and write that down."""
        found = await self._looked_up()
        if found.value is not None:
            return await self._done(found.value)
        await self._write(self._after_looking(found))
        return None

    async def _looked_up(self) -> Found[T]:
        try:
            return await self._operation.look_up(self._looking())
        except EgumaError as error:
            failure = error.with_traceback(None)
        await self._write(changed(self.line, owner=None, lease_until=0.0))
        raise named(failure, self.line)

    async def compensate(self) -> T | None:
        """Settle it with the server, and cancel it if it was done only now.

        Returns:
            What was done in time; None if it is cancelled.
        """
        if self.line.state is not State.CANCELLING:
            found = await self._looked_up()
            if found.value is not None:
                return await self._done(found.value)
            if found.candidates:
                await self._write(self._after_looking(found))
                return None
            return await self._concluded(self._request, is_late=True)
        await self._undo()
        return None

    async def _undo(self) -> None:
        record = self.line.result or {}
        undoing = self._operation.undo(record)
        if undoing is None:
            await self._write(changed(self.line, state=State.NEEDS_OPERATOR, reason="late"))
            return
        try:
            await self._desk.wire.session.send(undoing)
        except EgumaError as error:
            failure = error.with_traceback(None)
        else:
            await self._write(changed(self.line, state=State.CANCELLED, reason="late"))
            return
        await self._write(changed(self.line, owner=None, lease_until=0.0))
        raise named(failure, self.line)

    # One request, and what it comes to

    async def _request(self) -> T:
        line = self.line
        assert line.body is not None  # noqa: S101  # an open line has one
        value, _ = await self._desk.wire.send(
            self._operation,
            body=line.body,
            key=line.key,
            in_doubt=line.in_doubt,
            before_again=self._before_again,
            timeouts=self._timeouts,
        )
        return value

    async def _before_again(self) -> None:
        """Write down that it is sent once more, and see that it is still ours to send.

        Raises:
            NotSentError: It is not.
        """
        if not self._desk.may_send_again(self.line):
            raise NotSentError("the server may have forgotten its key: it is not sent again")
        now = self._desk.moments.now()
        line = changed(
            self.line,
            attempts=self.line.attempts + 1,
            last_sent=now,
            lease_until=self._desk.lease_from(
                await self._desk.records.shared_time(now.wall), self._timeouts
            ),
        )
        try:
            is_ours = await self._write(line)
        except JournalError as error:
            reason = error.message
        else:
            if is_ours:
                return
            reason = "another process has taken it over"
        raise NotSentError(f"not sent again: {reason}")

    async def _concluded(self, sending: Callable[[], Awaitable[T]], *, is_late: bool = False) -> T:
        try:
            value = await sending()
        except ResultMismatchError as mismatch:
            if mismatch.result is None or not self._operation.is_done(mismatch.result):
                await self._failed(mismatch)
            else:
                mismatch.result = await self._done(mismatch.result, mismatch.differences)
            raise named(mismatch, self.line) from None
        except EgumaError as error:
            failure = error.with_traceback(None)
        else:
            if is_late and not self._operation.was_there_before(value):
                return await self._done_too_late(value)
            return await self._done(value)
        found = await self._failed(failure)
        if found is not None:
            return found
        raise named(failure, self.line)

    async def _done(self, value: T, differences: tuple[str, ...] = ()) -> T:
        record = dict(self._operation.record(value))
        remote_id = self._operation.remote_id(value)
        line = changed(
            self.line,
            state=State.REJECTED if remote_id is None else State.CONFIRMED,
            reason="mismatch" if differences else None,
            result=record,
            differences=differences,
        )
        persisted = await self._settled(line, remote_id)
        return self._operation.noted(value, persisted=persisted)

    async def _done_too_late(self, value: T) -> T:
        record = dict(self._operation.record(value))
        line = changed(self.line, state=State.CANCELLING, reason="late", result=record)
        await self._settled(line, self._operation.remote_id(value))
        await self._undo()
        return value

    async def _failed(self, error: EgumaError) -> T | None:
        """Write down what a failure means; return what the lists show in spite of it."""
        waited = None
        if self.line.first_sent is not None:
            waited = age(self.line.first_sent, self._desk.moments.now())
        line = after_failure(self.line, error, waited)
        found = await self._found_at_once() if line.state is State.VERIFY else None
        if found is not None:
            return await self._done(found)
        try:
            await self._write(line)
        except JournalError as unwritten:
            logger.warning("the journal could not note a failure: %s", unwritten)
        return None

    async def _found_at_once(self) -> T | None:
        try:
            return (await self._operation.look_up(self._looking())).value
        except EgumaError:
            return None  # a recovery looks again

    def _after_looking(self, found: Found[T]) -> Line:
        return after_looking(self.line, found, self._desk.moments.now(), self._desk.rules)

    def _looking(self) -> Looking:
        line, now = self.line, self._desk.moments.now()
        first = line.first_sent or line.created

        async def is_taken(remote_id: str) -> bool:
            return await self._desk.records.is_taken(line.identity, remote_id)

        return Looking(
            session=self._desk.wire.plain,
            began_at=as_time(min(first.wall, now.wall)),
            ended_at=as_time(now.wall),
            is_taken=is_taken,
        )

    # Writing

    async def _write(self, line: Line) -> bool:
        new = await self._desk.records.write(self._kept, line)
        if new is None:
            return False
        self._kept = new
        return True

    async def _settled(self, line: Line, remote_id: str | None) -> bool:
        """Write down what was done, whoever has the line meanwhile: it is a fact.

        Returns:
            False if it could not be written.
        """
        try:
            for _ in range(5):
                new = await self._desk.records.write(self._kept, line, remote_id=remote_id)
                if new is not None:
                    self._kept = new
                    return True
                kept = await self._desk.records.latest(line.identity)
                if kept is None or kept.content is None or kept.row.generation != line.generation:
                    return False
                if kept.content.state is State.CONFIRMED:
                    return True
                self._kept = kept
        except JournalError as error:
            logger.warning("done, but the journal could not note it: %s", error)
        return False
