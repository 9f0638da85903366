"""How a session is made once more in another process: everything but its secrets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import attrs

from .fan_out import Executor


@attrs.frozen(kw_only=True)
class SessionRecipe:
    """What another process needs to make a session like this one.

    Credentials are not part of it: the other process has them in its own environment.

    Attributes:
        factory: What makes a session, as ``"package.module:name"``. It is called with the options.
        options: Keyword arguments of the factory.
        credential: Fingerprint of the session's credentials, to tell whether those of the other
            process are the same; empty if they have none that lasts.
        redis_variable: Name of the environment variable of the other process that holds the URL of
            a Redis server, through which such sessions keep to one rate; empty for none.
        obstacle: Why the factory alone cannot make a session like this one; empty if it can.
    """

    factory: str
    options: Mapping[str, Any] = attrs.field(factory=dict)
    credential: str = ""
    redis_variable: str = ""
    obstacle: str = ""


@runtime_checkable
class NeedsSessions(Protocol):
    """An executor whose workers make sessions of their own."""

    def with_sessions(self, recipe: SessionRecipe, /) -> Executor:
        """Return the executor of a session whose workers make theirs by a recipe."""
        ...
