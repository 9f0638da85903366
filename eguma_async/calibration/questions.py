"""A question to a server as a value: what it settles, what it may do there, how it is asked."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from typing import Generic, TypeVar

import attrs

P = TypeVar("P")


class Risk(enum.IntEnum):
    """What asking does at the server, from harmless on."""

    READ = 0
    """Nothing."""
    HOLD = 1
    """It holds places, and gives them back."""
    BOOK = 2
    """It books, and cancels."""
    KEEP = 3
    """It books, and what it has booked may not be cancelled afterwards."""


class NotSeenError(Exception):
    """The question has no answer here.

    Args:
        reason: Why, and what would be needed.
        status: HTTP status of the answer that is the reason; None for another one.

    Attributes:
        reason: The same.
        status: The same.
    """

    def __init__(self, reason: str, *, status: int | None = None) -> None:
        super().__init__(reason)
        self.reason: str = reason
        self.status: int | None = status


@attrs.frozen(kw_only=True)
class Answer:
    """What a server does.

    Attributes:
        values: Options with the value that makes a sandbox do the same.
        evidence: What was seen, such as ``409 idempotency_key_reused``. It holds no secret, no
            body, and nothing of customers.
        missing: Why the other options of the question were not seen.
    """

    values: Mapping[str, object]
    evidence: str
    missing: str = ""


@attrs.frozen(kw_only=True)
class Question(Generic[P]):
    """One question.

    Attributes:
        text: The question, for people.
        options: Options it settles. It is left out where they all are settled already.
        risk: What asking does.
        takes_long: Whether it waits for minutes or hours.
        ask: Asks it.

    Raises:
        NotSeenError: By `ask`: there is no answer here.
    """

    text: str
    options: tuple[str, ...]
    risk: Risk = Risk.READ
    takes_long: bool = False
    ask: Callable[[P], Awaitable[Answer]]
