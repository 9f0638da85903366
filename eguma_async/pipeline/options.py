"""The options that every session takes."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Sequence
from typing import TypedDict, TypeVar

import attrs

from eguma_async.core.clock import Clock, ServersTime, SystemClock, checked_clock
from eguma_async.core.durable import Journal
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.hooks import Observer, ObserverLike
from eguma_async.core.messages import DEFAULT_TIMEOUTS, Timeouts
from eguma_async.core.transport import Transport, checked_transport, clock_of

from .limiting import Limits
from .observers import checked_observer
from .policy import RetryPolicy

T = TypeVar("T")
F = TypeVar("F", bound=Callable[..., None])


class SessionOptions(TypedDict, total=False):
    """Options of a session. One that is left out, or None, has its default.

    Attributes:
        transport: Carries the requests; over the network with aiohttp if not given. One that is
            passed in is not closed by the session.
        timeouts: Limits of each attempt.
        retry: When to send again; ``RetryPolicy(attempts=1)`` for never.
        limits: How many requests may be under way at once.
        clock: Where to read the time and sleep; the machine's if not given. The time of day is then
            that of a transport with a `clock`, as a sandbox's has.
        observer: An `Observer`, which sees each call and each request; or a plain function, which
            is called with an `AttemptEvent` after each request; or several, as a list or tuple.
        random: Returns a number from 0 to 1, for the jitter of the pauses.
        journal: Keeps bookings until their outcome is known, so that none is lost or made twice.
            The session opens and closes it; several sessions may share one.
    """

    transport: Transport | None
    timeouts: Timeouts | None
    retry: RetryPolicy | None
    limits: Limits | None
    clock: Clock | None
    observer: ObserverLike | Sequence[ObserverLike] | None
    random: Callable[[], float] | None
    journal: Journal | None


@attrs.frozen(kw_only=True)
class CheckedOptions:
    """The options of a session with every default filled in."""

    transport: Transport | None
    timeouts: Timeouts
    retry: RetryPolicy
    limits: Limits
    clock: Clock
    observer: Observer | None
    random: Callable[[], float]
    journal: Journal | None


def checked_options(
    given: SessionOptions, *, random: Callable[[], float] = random.random
) -> CheckedOptions:
    """Return options with their defaults.

    Args:
        given: What the caller passed.
        random: The default of that option.

    Raises:
        ConfigurationError: One is of the wrong kind.
        TypeError: There is no option of that name.
    """
    known = SessionOptions.__annotations__
    if unknown := sorted(given.keys() - known):
        raise TypeError(f"no option {', '.join(unknown)}; there is {', '.join(known)}")
    transport = given.get("transport")
    clock = given.get("clock")
    return CheckedOptions(
        transport=None if transport is None else checked_transport(transport),
        timeouts=option("timeouts", given.get("timeouts"), DEFAULT_TIMEOUTS),
        retry=option("retry", given.get("retry"), RetryPolicy()),
        limits=option("limits", given.get("limits"), Limits()),
        clock=_clock_for(transport) if clock is None else checked_clock(clock),
        observer=checked_observer(given.get("observer")),
        random=_checked_function("random", given.get("random"), random),
        journal=_checked_journal(given.get("journal")),
    )


def _checked_journal(given: Journal | None) -> Journal | None:
    if given is not None and (isinstance(given, type) or not hasattr(given, "attach")):
        raise ConfigurationError(
            'journal must be a journal, such as SQLiteJournal("bookings.db"), not'
            f" {type(given).__name__}"
        )
    return given


def _clock_for(transport: Transport | None) -> Clock:
    """Return the machine's clock, or one that tells the time where the requests go."""
    server = clock_of(transport)
    return SystemClock() if server is None else ServersTime(server)


def _checked_function(
    name: str, given: Callable[[], float] | None, default: Callable[[], float]
) -> Callable[[], float]:
    if given is not None and not callable(given):
        raise ConfigurationError(f"{name} must be a function, not {type(given).__name__}")
    return default if given is None else given


def spelled_out(init: F) -> F:
    """Let `help` and notebooks show each option of an ``__init__`` instead of ``**options``."""
    signature = inspect.signature(init)
    named = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
    options = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind)
        for name, kind in SessionOptions.__annotations__.items()
    ]
    init.__signature__ = signature.replace(parameters=[*named, *options])  # type: ignore[attr-defined]  # PEP 362: what `inspect.signature` looks for
    return init


def option(name: str, value: T | None, default: T) -> T:
    """Return an option, or its default if it is None.

    Raises:
        ConfigurationError: It is of another class than its default.
    """
    if value is None:
        return default
    if not isinstance(value, type(default)):
        kind = type(default).__name__
        raise ConfigurationError(f"{name} must be a {kind}, not {type(value).__name__}")
    return value
