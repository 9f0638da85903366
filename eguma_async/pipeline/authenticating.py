"""The layer that gives each request its credentials."""

from __future__ import annotations

from typing import Protocol

from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse, masked
from eguma_async.core.transport import Transport

from .call import cancelled_as


class Auth(Protocol):
    """Knows the secrets of one session."""

    @property
    def renews(self) -> bool:
        """True if there may be other credentials once the server has refused some."""
        ...

    def ready(self) -> Credentials | None:
        """Return credentials that are valid now, or None if they have to be fetched first."""
        ...

    async def credentials(self) -> Credentials:
        """Return credentials that are valid now, fetching them if need be."""
        ...

    def rejected(self, used: Credentials, /) -> None:
        """Take note that the server refused `used` with 401."""
        ...

    async def aclose(self) -> None:
        """End what is still under way."""
        ...


class Authenticating:
    """Attaches credentials to requests for its own origin, and to no others.

    Whatever an error response repeats of the credentials is masked before anyone sees it.
    """

    def __init__(self, inner: Transport, *, auth: Auth, base_url: str) -> None:
        self._inner = inner
        self._auth = auth
        self._prefix = f"{base_url}/"

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send with credentials that are valid now."""
        if not request.url.startswith(self._prefix):
            return await self._inner.send(request)
        used = self._auth.ready() or await self._credentials()
        response = await self._inner.send(request.but(credentials=used))
        if 200 <= response.status < 300:
            return response
        if response.status == 401:
            self._auth.rejected(used)
        return masked(response, used)

    async def _credentials(self) -> Credentials:
        """Return credentials. Whatever goes wrong here, the request itself was not sent."""
        with cancelled_as(NotSentError("cancelled while waiting for credentials")):
            try:
                return await self._auth.credentials()
            except OutcomeUnknownError as error:
                reason = error.message
        raise NotSentError(f"no credentials: {reason}")

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()
