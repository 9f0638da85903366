"""How a session is made once more on another machine."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import attrs

from eguma_async.core.recipe import SessionRecipe

from .options import CheckedOptions


class Recreatable(Protocol):
    """A session, as far as its recipe goes."""

    @property
    def fingerprint(self) -> str:
        """Tells its credentials from others."""
        ...

    @property
    def own_options(self) -> Mapping[str, Any]:
        """What its class takes besides the options of every session."""
        ...


def recipe_of(session: Recreatable, options: CheckedOptions, base_url: str) -> SessionRecipe:
    """Return the recipe of a session.

    Args:
        session: The session.
        options: Its options. Clock, observer, journal and source of randomness stay where they are.
        base_url: Where the API is.
    """
    obstacle = ""
    if options.transport is not None:
        obstacle = "this session has a transport of its own"
    elif options.limits.shared is not None:  # it may know a password
        obstacle = "this session shares its rate with other processes"
    return SessionRecipe(
        factory=f"{type(session).__module__}:{type(session).__qualname__}",
        options={
            "base_url": base_url,
            "timeouts": options.timeouts,
            "retry": options.retry,
            "limits": attrs.evolve(options.limits, shared=None),
            **session.own_options,
        },
        credential=session.fingerprint,
        obstacle=obstacle,
    )
