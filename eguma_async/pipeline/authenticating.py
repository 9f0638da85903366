"""The layer that gives each attempt its credentials."""

from __future__ import annotations

import asyncio
from typing import Protocol

import attrs

from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse
from eguma_async.core.transport import Transport


class Auth(Protocol):
    """Knows the secrets of one session."""

    def ready(self) -> Credentials | None:
        """Return credentials that are valid now, or None if they have to be fetched first."""
        ...

    async def credentials(self) -> Credentials:
        """Return credentials that are valid now, fetching them if need be."""
        ...

    async def rejected(self, used: Credentials, /) -> bool:
        """Take note that the server refused `used` with 401; True if others are worth a try."""
        ...

    async def aclose(self) -> None:
        """End what is still under way."""
        ...


class QueryKey:
    """A fixed key in the query string."""

    def __init__(self, name: str, key: str) -> None:
        self._credentials = Credentials(query=((name, key),))

    def ready(self) -> Credentials:
        """Return the key."""
        return self._credentials

    async def credentials(self) -> Credentials:
        """Return the key."""
        return self._credentials

    async def rejected(self, used: Credentials, /) -> bool:
        """Return False: there is no other key to try."""
        return False

    async def aclose(self) -> None:
        """Do nothing: nothing is under way."""


class Authenticating:
    """Attaches credentials to requests for its own origin, and to no others.

    A 401 means the request was refused before it was processed, so it may be sent once more, if
    there are other credentials to send. Whatever an error answer repeats of the credentials is
    masked before anyone sees it.
    """

    def __init__(self, inner: Transport, *, auth: Auth, base_url: str) -> None:
        self._inner = inner
        self._auth = auth
        self._prefix = f"{base_url}/"

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send with fresh credentials, and a second time if they were refused and renewed."""
        if not request.url.startswith(self._prefix):
            return await self._inner.send(request)
        used = self._auth.ready() or await self._credentials()
        response = await self._inner.send(request.with_credentials(used))
        if 200 <= response.status < 300:
            return response
        if response.status == 401 and await self._renewed(used):
            used = await self._credentials()
            response = await self._inner.send(request.with_credentials(used))
        return attrs.evolve(response, body=used.scrub(response.body))

    async def _renewed(self, used: Credentials) -> bool:
        try:
            return await self._auth.rejected(used)
        except asyncio.CancelledError as cancelled:
            cancelled.__cause__ = NotSentError("cancelled after a 401, which refused the request")
            raise

    async def _credentials(self) -> Credentials:
        """Return credentials. Whatever goes wrong here, the request itself was not sent."""
        try:
            return await self._auth.credentials()
        except OutcomeUnknownError as error:
            reason = error.message
        except asyncio.CancelledError as cancelled:
            cancelled.__cause__ = NotSentError("cancelled while waiting for credentials")
            raise
        raise NotSentError(f"no credentials: {reason}")

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
