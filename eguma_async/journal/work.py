"""What is done with a line that is ours: send it, take it up again, look for it, cancel it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar

from eguma_async.core.errors import (
    EgumaError,
    JournalError,
    NotSentError,
    OutcomeUnknownError,
    ResultMismatchError,
    StatusError,
)
from eguma_async.core.journal import State
from eguma_async.core.log import logger
from eguma_async.core.looking import Looking
from eguma_async.core.messages import Timeouts
from eguma_async.core.resumable import Found, Resumable

from .desk import Desk
from .line import Line
from .moments import age, as_time
from .outcomes import after_failure, after_looking, for_a_person, is_final, named, open_again
from .records import Kept, changed
from .searching import search

T = TypeVar("T")


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
        """Take it up again after an attempt of unknown outcome. It is wanted."""
        await self._begin_again(is_late=False)
        looking = self._looking()
        return await self._concluded(lambda: self._operation.resume(looking, self._request))

    async def look(self) -> T | None:
        """Search the provider's lists; return what was found, and write that down."""
        found = await self._looked_up()
        if found.value is not None:
            return self._unless_cancelled(await self._done(found.value))
        await self._write(self._after_looking(found))
        return None

    async def compensate(self) -> T | None:
        """Settle it with the server, and cancel it if it was done only now.

        Returns:
            What was done in time; None if it is cancelled.
        """
        if self.line.state is State.CANCELLING:
            await self._undo()
            return None
        found = await self._looked_up()
        if found.value is not None:
            return self._unless_cancelled(await self._done(found.value))
        if found.candidates:
            await self._write(self._after_looking(found))
            return None
        is_first = not self.line.sent_late
        await self._begin_again(is_late=True)
        value = await self._concluded(self._request, may_be_in_time=is_first)
        return self._unless_cancelled(value)

    def _unless_cancelled(self, value: T) -> T | None:
        return None if self.line.state is State.CANCELLED else value

    async def _looked_up(self) -> Found[T]:
        try:
            return await self._search()
        except EgumaError as error:
            failure = error.with_traceback(None)
        await self._write(changed(self.line, owner=None, lease_until=0.0))
        # Not as it is: a list that is refused is no refusal of what was asked for.
        unknown = OutcomeUnknownError("it may have been made, and the lists cannot be read")
        raise named(unknown, self.line) from failure

    async def _begin_again(self, *, is_late: bool) -> None:
        """Write down that it is sent once more.

        Raises:
            OutcomeUnknownError: It is not ours any more.
        """
        if not await self._write(await self._sent_again(self.line, is_late=is_late)):
            raise self._not_ours()

    async def _sent_again(self, line: Line, *, is_late: bool) -> Line:
        now = self._desk.moments.now()
        shared = await self._desk.records.shared_time(now.wall)
        return changed(
            line,
            state=State.INFLIGHT,
            attempts=line.attempts + 1,
            last_sent=now,
            sent_late=is_late,
            lease_until=self._desk.lease_from(shared, self._timeouts),
        )

    def _not_ours(self) -> EgumaError:
        return named(OutcomeUnknownError("another process has taken it over"), self.line)

    async def _undo(self) -> None:
        """Cancel what was done too late.

        Raises:
            EgumaError: That was refused, or what came of it is not known.
        """
        record = self.line.result or {}
        undoing = self._operation.undo(record)
        if undoing is None:
            await self._write(for_a_person(self.line, "late"))
            return
        try:
            await self._desk.wire.session.send(undoing)
        except EgumaError as error:
            failure = error.with_traceback(None)
        else:
            await self._write(changed(self.line, state=State.CANCELLED, reason="late"))
            return
        if not is_final(failure):
            await self._write(changed(self.line, owner=None, lease_until=0.0))
        elif await self._is_undone_already(undoing):
            await self._write(changed(self.line, state=State.CANCELLED, reason="late"))
            return
        else:
            made = undoing.reference()
            await self._write(for_a_person(self.line, "late", (made,) if made else ()))
        raise named(failure, self.line)

    async def _is_undone_already(self, undoing: Resumable[Any]) -> bool:
        """Tell whether somebody else has cancelled it, which is why it was refused."""
        try:
            return (await undoing.look_up(self._looking())).value is not None
        except EgumaError:
            return False

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
        line = await self._sent_again(self.line, is_late=self.line.sent_late)
        try:
            is_ours = await self._write(line)
        except JournalError as error:
            reason = error.message
        else:
            if is_ours:
                return
            reason = "another process has taken it over"
        raise NotSentError(f"not sent again: {reason}")

    async def _concluded(
        self, sending: Callable[[], Awaitable[T]], *, may_be_in_time: bool = False
    ) -> T:
        """Send it, and write down what comes of it.

        Args:
            sending: Does it.
            may_be_in_time: True if it is sent late for the first time: one attempt that the server
                marks as a repetition tells that it was done before.
        """
        attempts = self.line.attempts
        try:
            value = await sending()
        except ResultMismatchError as error:
            mismatch = error.with_traceback(None)  # the frames below hold the body
        except EgumaError as error:
            failure = error.with_traceback(None)
            found = await self._failed(failure)
            if found is not None:
                return found
            raise named(failure, self.line) from None
        else:
            is_first = may_be_in_time and self.line.attempts == attempts
            in_time = is_first and self._operation.was_there_before(value)
            return await self._done(value, is_answer=True, in_time=in_time)
        return await self._differs(mismatch)

    async def _differs(self, mismatch: ResultMismatchError) -> T:
        """Write down what was done otherwise than asked for.

        Raises:
            ResultMismatchError: That, unless it was too late and is cancelled.
        """
        value: T | None = mismatch.result
        # Without a difference it is a contradiction: nothing is sure then.
        if value is None or not mismatch.differences or not self._operation.is_done(value):
            await self._failed(mismatch)
        else:
            mismatch.result = await self._done(value, mismatch.differences)
            if self.line.state is State.CANCELLED:
                return value
        raise named(mismatch, self.line)

    async def _done(
        self,
        value: T,
        differences: tuple[str, ...] = (),
        *,
        is_answer: bool = False,
        in_time: bool = False,
    ) -> T:
        """Write down what was done, and return it with whether that could be written.

        Args:
            value: What was done.
            differences: How it differs from what was asked for.
            is_answer: True if it is the answer to a request, which may leave something open.
            in_time: True if it was surely done before its time was over.
        """
        record = dict(self._operation.record(value))
        remote_id = self._operation.remote_id(value)
        if self.line.sent_late and not in_time and remote_id is not None:
            return await self._done_too_late(value, record, remote_id)
        line = changed(
            self.line,
            state=State.REJECTED if remote_id is None else State.CONFIRMED,
            reason="mismatch" if differences else None,
            result=record,
            differences=differences,
        )
        if is_answer and self._operation.leaves_doubt(value):
            line = open_again(self.line, "unaccounted")
        persisted = await self._settled(line, remote_id)
        return self._operation.noted(value, persisted=persisted)

    async def _done_too_late(self, value: T, record: dict[str, Any], remote_id: str) -> T:
        line = changed(self.line, state=State.CANCELLING, reason="late", result=record)
        if not await self._write(line, remote_id):
            raise self._not_ours()  # maybe by somebody who wants it
        await self._undo()
        return value

    async def _failed(self, error: EgumaError) -> T | None:
        """Write down what a failure means; return what the lists show in spite of it.

        Raises:
            OutcomeUnknownError: Nothing was done, but the journal could not note that.
        """
        waited = None
        if self.line.first_sent is not None:
            waited = age(self.line.first_sent, self._desk.moments.now())
        line = after_failure(self.line, error, waited)
        found = await self._found_at_once() if line.state is State.VERIFY else None
        if found is not None:
            return await self._done(found)
        try:
            why = "" if await self._write(line) else "another process has taken it over"
        except JournalError as unwritten:
            logger.warning("the journal could not note a failure: %s", unwritten)
            why = "the journal could not note that"
        if not why or line.state.is_open:
            return None
        error.outcome_unknown = True  # a recovery may send it, and find that it goes well then
        # A server repeats a refusal that it keeps under a key: that is worth more than this.
        if line.state is State.UNSENT or line.key is None:
            told = error if isinstance(error, StatusError) else None
            raise named(
                OutcomeUnknownError(
                    f"it failed, and {why}: it may be sent once more", refusal=told
                ),
                self.line,
            ) from error
        return None

    async def _found_at_once(self) -> T | None:
        try:
            return (await self._search()).value
        except EgumaError:
            return None  # a recovery looks again

    async def _search(self) -> Found[T]:
        return await search(self._desk, self.line, self._operation, self._looking())

    def _after_looking(self, found: Found[T]) -> Line:
        return after_looking(self.line, found, self._desk.moments.now(), self._desk.rules)

    def _looking(self) -> Looking:
        line, now = self.line, self._desk.moments.now()
        first = line.first_sent or line.created

        async def is_taken(remote_id: str) -> bool:
            return await self._desk.records.is_taken(line, remote_id)

        return Looking(
            session=self._desk.wire.plain,
            began_at=as_time(min(first.wall, now.wall)),
            ended_at=as_time(now.wall),
            is_taken=is_taken,
            before_sending=self._before_again,
        )

    # Writing

    async def _write(self, line: Line, remote_id: str | None = None) -> bool:
        """Write down what the line says now; False if it is not ours any more."""
        new = await self._desk.write(self._kept, line, remote_id=remote_id)
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
                new = await self._desk.write(self._kept, line, remote_id=remote_id)
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
