"""Sends what a journal keeps: it is written down first, and its outcome when that is known."""

from __future__ import annotations

from typing import Any, TypeVar
from uuid import uuid4

import attrs

from eguma_async.core.durable import Wire
from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    JournalError,
    NotSentError,
    OutcomeUnknownError,
    ResultMismatchError,
)
from eguma_async.core.journal import (
    ClientRefConflictError,
    Entry,
    Intent,
    LatePolicy,
    OnRecovered,
    Recovery,
    State,
)
from eguma_async.core.log import logger
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.resumable import Resumable

from .desk import Desk
from .errand import Asked, Errand
from .identity import Identity
from .line import Line
from .outcomes import in_doubt, named, refusal_again
from .owners import new_owner
from .pauses import pauses
from .records import Kept
from .recovery import RecoveryPass
from .work import Work

T = TypeVar("T")


class JournalledCalls:
    """Sends the operations of one session that its journal keeps.

    Args:
        desk: What the work is done with.
        account: Name of the account; empty if it was not named.
    """

    def __init__(self, desk: Desk, *, account: str) -> None:
        self._desk = desk
        self._records = desk.records
        self._wire: Wire = desk.wire
        self._account = account
        self._running: dict[str, Errand[Any]] = {}
        self._is_open = False

    async def open(self) -> None:
        """Make the journal ready."""
        await self._records.open()
        # Here and not before: a process may be forked between the making of a session and its use.
        self._desk = attrs.evolve(self._desk, owner=new_owner(self._desk.boot))
        self._is_open = True

    async def close(self) -> None:
        """Let go of the journal, if it was made ready."""
        if self._is_open:
            self._is_open = False
            await self._records.close()

    async def send(
        self,
        operation: Resumable[T],
        intent: Intent,
        /,
        *,
        key: str | None,
        timeouts: Timeouts | None,
    ) -> T:
        """Write an operation down, send it, and write down what came of it.

        Raises:
            ClientRefConflictError: The reference stands for something else, or has ended.
            JournalError: The journal cannot be used. Nothing was sent.
            EgumaError: As for a call without a journal.
        """
        self._records.check_usable()
        self._check(operation, intent)
        asked = Asked(
            operation=operation,
            body=self._wire.encode(operation),
            identity=self._identity(operation, intent),
            intent=intent,
            key=None if key is None else self._wire.checked_key(operation, key),
            timeouts=timeouts,
        )
        errand = await self._joined(asked)
        if errand is None:
            errand = Errand(asked)
            errand.start(self._wire, self._carry_out(errand), self._running)
        return await errand.outcome()

    async def _joined(self, asked: Asked[T]) -> Errand[T] | None:
        """Return what is under way already for the same request; None if nothing is.

        A recovery may end without a value, and another generation is another request: their end
        is waited for.
        """
        while (errand := self._running.get(asked.identity.series)) is not None:
            if errand.asked.body != asked.body:
                raise self._clash("something else is being asked for under this client_ref", asked)
            if errand.recovers or (
                asked.intent.new_generation and not errand.asked.intent.new_generation
            ):
                await errand.ended()
                continue
            if asked.key not in (None, errand.asked.key):
                raise self._clash("it is being sent with another idempotency key", asked)
            break
        return errand

    def _clash(self, why: str, asked: Asked[Any]) -> EgumaError:
        reference = asked.identity.client_ref
        return ClientRefConflictError(why, client_ref=reference, operation=asked.operation.name())

    def _check(self, operation: Resumable[Any], intent: Intent) -> None:
        operation.check_complete()
        if intent.late is LatePolicy.COMPENSATE and not operation.can_be_undone():
            raise ConfigurationError(
                f"{operation.name()} cannot be taken back: late must be DISCOVER or CONFIRM"
            )

    async def recover(
        self,
        kinds: tuple[type[Resumable[Any]], ...],
        /,
        *,
        wait: bool,
        client_ref: str | None,
        on_recovered: OnRecovered | None,
    ) -> Recovery:
        """Bring what is open to its end."""
        self._records.check_usable()
        found = RecoveryPass(
            self._desk,
            account=self._account,
            kinds={kind.KIND: kind for kind in kinds},
            client_ref=client_ref,
            running=self._running,
            on_recovered=on_recovered,
        )
        return await found.run(wait=wait)

    async def entry(self, kind: str, client_ref: str, /) -> Entry | None:
        """Return what the journal knows of a reference; None if nothing."""
        self._records.check_usable()
        kept = await self._records.latest(self._named(kind, client_ref))
        return None if kept is None else kept.entry()

    def _identity(self, operation: Resumable[Any], intent: Intent) -> Identity:
        reference = intent.client_ref or operation.reference() or uuid4().hex
        return self._named(operation.KIND, reference)

    def _named(self, kind: str, client_ref: str) -> Identity:
        return Identity(
            provider=self._wire.provider,
            environment=self._wire.environment,
            account=self._account,
            kind=kind,
            client_ref=client_ref,
        )

    async def _carry_out(self, errand: Errand[T]) -> T:
        asked = errand.asked
        kept, is_ours = await self._begun(asked)
        for pause in () if is_ours else pauses():
            there = await self._records.latest(asked.identity)
            if there is None:  # withdrawn meanwhile
                kept, is_ours = await self._begun(asked)
            else:
                line = self._checked(asked, there)
                if line.state.is_open:
                    if not (errand.is_wanted or errand.begun):
                        raise _cancelled()
                    errand.begun, errand.key = True, line.key
                    with in_doubt(line):
                        taken = await self._desk.claim(there)
                        if taken is not None:
                            return await self._go_on(asked, taken)
                    if pause is None:
                        break
                    await self._wire.session.clock.sleep(pause)
                elif line.state is State.CONFIRMED and not await self._is_undone(asked, line):
                    return await self._recalled(asked, line)
                else:
                    kept, is_ours = await self._anew(asked, there)
            if is_ours:
                break
        if not is_ours:
            raise named(OutcomeUnknownError("another process is still at work on it"), kept.line)
        return await self._sent(errand, kept)

    async def _sent(self, errand: Errand[T], kept: Kept) -> T:
        """Send what was written down just now, or withdraw it if nobody wants it any more."""
        asked = errand.asked
        if not errand.is_wanted:
            await self._withdraw(errand, kept)
            if errand.is_wanted:  # by somebody who has come meanwhile
                return await self._carry_out(errand)
            raise _cancelled()
        errand.begun, errand.key = True, kept.line.key
        return await Work(self._desk, kept, asked.operation, asked.timeouts).send()

    async def _begun(self, asked: Asked[Any]) -> tuple[Kept, bool]:
        """Write it down, unless it is there; return what is there, and whether it is this."""
        if self._is_over(asked):
            there = await self._records.latest(asked.identity)
            if there is not None:
                return there, False
        return await self._desk.insert(await self._line(asked, 1))

    async def _withdraw(self, errand: Errand[Any], kept: Kept) -> None:
        try:
            await self._records.delete(kept)
        except JournalError as error:
            errand.begun = True
            logger.warning(
                "cancelled before it was sent, but the journal could not withdraw it, so that a"
                " recovery may send it; client_ref: %s (%s)",
                kept.line.identity.client_ref,
                error,
            )
            raise

    def _is_over(self, asked: Asked[Any]) -> bool:
        """Tell whether it is not to be sent any more."""
        until = asked.intent.book_by
        return until is not None and until <= self._wire.session.clock.now()

    async def _line(self, asked: Asked[Any], generation: int) -> Line:
        """Return the line of something that is about to be sent.

        Raises:
            ConfigurationError: It is not to be sent any more.
        """
        if self._is_over(asked):
            raise ConfigurationError("book_by has passed already; nothing was sent")
        now = self._desk.moments.now()
        until = asked.intent.book_by or now.time + self._desk.rules.book_by
        key = asked.key
        if key is None and asked.operation.REPEAT is Repeat.KEYED:
            key = asked.identity.key(generation)
        shared = await self._records.shared_time(now.wall)
        return Line(
            identity=asked.identity,
            generation=generation,
            operation=asked.operation.name(),
            credential=self._wire.credential,
            state=State.INFLIGHT,
            key=key,
            digest=self._records.script.digest(asked.body),
            body=asked.body,
            attempts=1,
            created=now,
            first_sent=now,
            last_sent=now,
            book_by=until.timestamp() if asked.operation.WAITS else None,
            late=asked.intent.late,
            owner=self._desk.owner,
            lease_until=self._desk.lease_from(shared, asked.timeouts),
        )

    def _checked(self, asked: Asked[Any], kept: Kept) -> Line:
        """Return what the journal knows, if it is what is asked for.

        Raises:
            ClientRefConflictError: It is something else.
            JournalError: It cannot be read, or a person has to look at it first.
        """
        line = kept.line
        if not self._desk.is_of_these_credentials(line):
            raise self._conflict(
                line,
                "this client_ref was asked for with other credentials. If they are of the same"
                " account, open the journal with any_credentials=True",
            )
        may_differ = asked.intent.new_generation and not line.state.is_open
        digest = self._records.script.digest(asked.body)
        if line.digest not in ("", digest) and not may_differ:  # empty once it was erased
            raise self._conflict(line, "this client_ref stands for something else already")
        if asked.key is not None and line.key != asked.key and not may_differ:
            raise self._conflict(line, "this client_ref was sent with another idempotency key")
        if line.locked:
            locked = JournalError("it is encrypted with a key that this journal was not given")
            locked.outcome_unknown = line.state.is_open
            raise named(locked, line)
        if line.state is State.NEEDS_OPERATOR:
            raise named(
                OutcomeUnknownError(f"a person has to find out what came of it ({line.reason})"),
                line,
            )
        return line

    def _conflict(self, line: Line, why: str) -> EgumaError:
        return named(ClientRefConflictError(why, entry=line.entry()), line)

    async def _anew(self, asked: Asked[Any], kept: Kept) -> tuple[Kept, bool]:
        """Begin again what has ended without success, or was cancelled since."""
        line = kept.line
        if line.state is State.UNSENT and not asked.intent.new_generation:
            again = await self._desk.write(kept, await self._line(asked, line.generation))
            return (kept, False) if again is None else (again, True)
        is_keyed = asked.operation.REPEAT is Repeat.KEYED
        was_made = line.state in (State.CONFIRMED, State.CANCELLED)
        if (is_keyed or was_made) and not asked.intent.new_generation:
            if line.state is State.REJECTED:
                raise named(refusal_again(line), line)
            raise self._conflict(line, "it was cancelled since" if was_made else "it was not made")
        return await self._desk.insert(await self._line(asked, line.generation + 1))

    async def _go_on(self, asked: Asked[T], kept: Kept) -> T:
        """Take up what was begun before, here or in another process."""
        work = Work(self._desk, kept, asked.operation, asked.timeouts)
        line = kept.line
        if line.state is State.CANCELLING:
            await work.compensate()
            raise self._conflict(work.line, "it came too late and was cancelled")
        may_be_sent = line.state is not State.VERIFY and not self._is_over(asked)
        if may_be_sent and self._desk.may_send_again(line):
            return await work.resume()
        found = await work.look()
        if found is not None:
            return found
        if work.line.state.is_open:
            raise named(
                OutcomeUnknownError("it may have been made, and the lists do not show it yet"),
                work.line,
            )
        raise named(refusal_again(work.line), work.line)

    async def _recalled(self, asked: Asked[T], line: Line) -> T:
        """Return what came of it, as the journal has kept it.

        Raises:
            ClientRefConflictError: It is something else that was made.
        """
        if line.digest not in ("", self._records.script.digest(asked.body)):
            raise self._conflict(line, "this client_ref stands for something else, which was made")
        if line.result is None:
            raise named(JournalError("it was made; what came of it was erased"), line)
        kind = type(asked.operation)
        try:
            value = await kind.recall(line.result, self._wire.plain)
        except EgumaError as error:
            unread = OutcomeUnknownError("it was made, and cannot be read now")
            raise named(unread, line) from error.with_traceback(None)
        except (KeyError, TypeError, AttributeError):  # of what a person has written
            malformed = True
        else:
            malformed = False
        if malformed:
            raise named(JournalError("it was made; what is kept of it cannot be read"), line)
        value = kind.noted(value, persisted=True)
        if line.differences:
            raise named(ResultMismatchError(result=value, differences=line.differences), line)
        return value

    async def _is_undone(self, asked: Asked[Any], line: Line) -> bool:
        """Tell whether it was cancelled since, as far as the journal knows.

        Raises:
            OutcomeUnknownError: It may have been.
        """
        undoing = asked.operation.undo(line.result or {})
        if undoing is None:
            return False
        done = await self._records.latest(self._identity(undoing, Intent()))
        if done is not None and done.line.state.is_open:
            unknown = "it was made, and it is not known whether it was cancelled since"
            raise named(OutcomeUnknownError(unknown), line)
        return done is not None and done.line.state is State.CONFIRMED


def _cancelled() -> EgumaError:
    return NotSentError("cancelled before anything was sent")
