"""Searches the provider's lists for what a line asks for, and takes nothing that may be another's.

Two lines may ask for the same: the lists cannot tell then whose a booking is that they show.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any, TypeVar

from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.journal import LatePolicy, State
from eguma_async.core.looking import Looking
from eguma_async.core.resumable import Found, Resumable

from .desk import Desk
from .line import Line

T = TypeVar("T")


async def search(desk: Desk, line: Line, operation: Resumable[T], looking: Looking) -> Found[T]:
    """Return what the lists show of a line.

    What may be that of another open line is a candidate for a person, unless a recovery will send
    that line again: the server's answer tells then.

    Raises:
        OutcomeUnknownError: The other line has to come first.
        EgumaError: A list cannot be read, so that nothing is known.
    """
    found = await operation.look_up(looking)
    made = None if found.value is None else operation.remote_id(found.value)
    if made is None:
        return found
    others = [other async for other in _alike(desk, line, operation)]
    # In this order: whoever is not open any more has noted by now what it stands for.
    if await looking.is_taken(made) or any(_comes_first(desk, other) for other in others):
        raise OutcomeUnknownError(
            "what the lists show may be that of another entry; look again once that is settled"
        )
    return Found(candidates=(made,)) if others else found


async def _alike(desk: Desk, line: Line, operation: Resumable[Any]) -> AsyncIterator[Line]:
    """Read the other open lines that the lists cannot tell from this one."""
    name = line.identity
    async for kept in desk.records.all(open_only=True):
        other = kept.content
        if other is None or other.identity.series == name.series or other.body is None:
            continue
        there = other.identity
        if (there.provider, there.environment, there.kind) != (
            name.provider,
            name.environment,
            name.kind,
        ):
            continue
        if other.locked or other.state is State.CANCELLING:  # what that stands for is known
            continue
        try:
            asked = desk.wire.decode(type(operation), other.body)
        except Exception:  # noqa: BLE001, S112  # it holds a customer's data; nobody can read it here
            continue
        if operation.is_like(asked):
            yield other


def _comes_first(desk: Desk, other: Line) -> bool:
    """Tell whether the server will be asked with the key of another line what came of it."""
    is_wanted = other.late is LatePolicy.CONFIRM or not desk.is_late(other)
    is_undecided = other.state in (State.INFLIGHT, State.BLOCKED_AUTH)
    return is_undecided and is_wanted and desk.may_send_again(other)
