"""How a session is made once more on another machine."""

from __future__ import annotations

import attrs

from eguma_async.core.recipe import SessionRecipe

from .options import CheckedOptions


def recipe(
    factory: str, options: CheckedOptions, *, base_url: str, credential: str
) -> SessionRecipe:
    """Return the recipe of a session.

    Args:
        factory: The class of the session, as ``"package.module:name"``.
        options: Those of the session. Its clock, observer, journal and source of randomness stay
            where they are.
        base_url: Where the API is.
        credential: Fingerprint of the session's credentials.
    """
    obstacle = ""
    if options.transport is not None:
        obstacle = "this session has a transport of its own"
    elif options.limits.shared is not None:  # it may know a password
        obstacle = "this session shares its rate with other processes"
    return SessionRecipe(
        factory=factory,
        options={
            "base_url": base_url,
            "timeouts": options.timeouts,
            "retry": options.retry,
            "limits": attrs.evolve(options.limits, shared=None),
        },
        credential=credential,
        obstacle=obstacle,
    )
