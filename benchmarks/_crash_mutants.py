"""Journals that do one thing wrong: each shows that the harness would notice."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from typing import Any

import attrs

from eguma_async import Intent, NotSentError, OutcomeUnknownError, RetryPolicy
from eguma_async.core.durable import Wire
from eguma_async.core.messages import Timeouts
from eguma_async.core.resumable import Resumable
from eguma_async.journal.calls import JournalledCalls
from eguma_async.journal.desk import Desk
from eguma_async.journal.journal import Journal
from eguma_async.journal.line import Line

MUTANTS = (
    "new-key-per-attempt",
    "ref-not-unique",
    "written-after-sending",
    "body-reserialised",
    "timeout-is-failure",
    "in-progress-is-failure",
    "key-expiry-ignored",
    "no-lease",
)


class _Wire:
    """A session's way to the server, with one step changed."""

    def __init__(self, inner: Wire) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class _NewKey(_Wire):
    async def send(self, operation: Any, /, *, key: str | None, **rest: Any) -> Any:
        key = None if key is None else uuid.uuid4().hex
        return await self._inner.send(operation, key=key, **rest)


class _Reserialised(_Wire):
    async def send(self, operation: Any, /, *, body: bytes, in_doubt: bool, **rest: Any) -> Any:
        if in_doubt:
            body = json.dumps(json.loads(body), indent=1).encode()
        return await self._inner.send(operation, body=body, in_doubt=in_doubt, **rest)


class _TimeoutIsFailure(_Wire):
    async def send(self, operation: Any, /, **rest: Any) -> Any:
        try:
            return await self._inner.send(operation, **rest)
        except OutcomeUnknownError:
            raise NotSentError("it failed") from None


class _InProgressIsFailure(_Wire):
    async def send(self, operation: Any, /, **rest: Any) -> Any:
        try:
            return await self._inner.send(operation, **rest)
        except OutcomeUnknownError as error:
            if error.refusal is None:
                raise
            raise NotSentError("it failed") from None


class _NotUnique(JournalledCalls):
    async def send(self, operation: Resumable[Any], intent: Intent, /, **rest: Any) -> Any:
        return await super().send(
            operation, attrs.evolve(intent, client_ref=uuid.uuid4().hex), **rest
        )


class _WrittenAfter(JournalledCalls):
    async def send(
        self,
        operation: Resumable[Any],
        intent: Intent,
        /,
        *,
        key: str | None,
        timeouts: Timeouts | None,
    ) -> Any:
        key = uuid.uuid4().hex
        await self._wire.send(
            operation,
            body=self._wire.encode(operation),
            key=key,
            in_doubt=False,
            before_again=_yes,
            timeouts=timeouts,
        )
        return await super().send(operation, intent, key=key, timeouts=timeouts)


class _NoLease(Desk):
    def lease_from(self, now: float, timeouts: Timeouts | None = None) -> float:
        return 0.0


class _NoExpiry(Desk):
    def may_send_again(self, line: Line) -> bool:
        return True


_DESKS = {"no-lease": _NoLease, "key-expiry-ignored": _NoExpiry}


async def _yes() -> None:
    """Let it go on."""


_WIRES: dict[str, Callable[[Wire], Any]] = {
    "new-key-per-attempt": _NewKey,
    "body-reserialised": _Reserialised,
    "timeout-is-failure": _TimeoutIsFailure,
    "in-progress-is-failure": _InProgressIsFailure,
}
_CALLS = {"ref-not-unique": _NotUnique, "written-after-sending": _WrittenAfter}


def journal_of(mutant: str | None, kind: type[Journal]) -> type[Journal]:
    """Return the class of a mutant's journal."""

    class Mutant(kind):  # type: ignore[valid-type,misc]  # a class by argument
        def attach(self, wire: Wire, /) -> JournalledCalls:
            wrap = _WIRES.get(mutant or "")
            calls: JournalledCalls = super().attach(wire if wrap is None else wrap(wire))
            calls.__class__ = _CALLS.get(mutant or "", JournalledCalls)
            kind_of_desk = _DESKS.get(mutant or "")
            if kind_of_desk is not None:
                fields = attrs.asdict(calls._desk, recurse=False)  # noqa: SLF001  # a mutant
                calls._desk = kind_of_desk(**fields)  # noqa: SLF001  # as above
            return calls

    return Mutant if mutant else kind


def retry_of(mutant: str | None, policy: RetryPolicy) -> RetryPolicy:
    """Return when a mutant sends again."""
    # Else the next attempt would mostly tell what became of the one that timed out.
    return attrs.evolve(policy, attempts=1) if mutant == "timeout-is-failure" else policy
