"""What the doctor looks at, and what it finds: values without a provider."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from eguma_async.cli.errors import Exit

if TYPE_CHECKING:
    from .examination import Examination


class State(enum.Enum):
    """How a check came out."""

    OK = "ok"
    WARNING = "warning"
    """Calls work, but something is not as it should be. It does not change the exit code."""
    FAILED = "failed"
    SKIPPED = "skipped"
    """Nothing was looked at: there is nothing, or another check has failed."""


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What came of one check. No part of it holds a secret.

    Attributes:
        state: How it came out.
        said: What was found, in one line.
        advice: What to do about it.
        code: The exit code it stands for.
        facts: The same for programs: names and plain values.
    """

    state: State
    said: str
    advice: str = ""
    code: Exit = Exit.OK
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Check:
    """One thing to look at.

    Attributes:
        name: Its name for programs.
        title: Its name for people.
        look: Looks at it; it never raises because of what it finds.
        needs: Names of checks without which it makes no sense: where one has failed or was
            skipped, it is skipped.
    """

    name: str
    title: str
    look: Callable[[Examination], Awaitable[Finding]]
    needs: tuple[str, ...] = ()


def fine(said: str, **facts: Any) -> Finding:
    """Return that all is well."""
    return Finding(state=State.OK, said=said, facts=facts)


def warning(said: str, advice: str, **facts: Any) -> Finding:
    """Return that something should be looked at."""
    return Finding(state=State.WARNING, said=said, advice=advice, facts=facts)


def failed(said: str, advice: str, code: Exit, **facts: Any) -> Finding:
    """Return that something keeps calls from working."""
    return Finding(state=State.FAILED, said=said, advice=advice, code=code, facts=facts)


def skipped(why: str, **facts: Any) -> Finding:
    """Return that there was nothing to look at."""
    return Finding(state=State.SKIPPED, said=why, facts=facts)
