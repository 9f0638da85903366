"""Credentials that never change: a key in the query string, or a token that came ready."""

from __future__ import annotations

from eguma_async.core.messages import Credentials


class FixedCredentials:
    """Credentials that were handed over ready, and are used until they are refused.

    Args:
        credentials: The secrets.
    """

    renews = False

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def ready(self) -> Credentials:
        """Return the credentials."""
        return self._credentials

    async def credentials(self) -> Credentials:
        """Return the credentials."""
        return self._credentials

    def rejected(self, used: Credentials, /) -> None:
        """Do nothing: there are no others."""

    async def aclose(self) -> None:
        """Do nothing: nothing is under way."""
