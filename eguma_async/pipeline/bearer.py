"""Access tokens that are fetched, renewed in time, and shared by all calls of a session."""

from __future__ import annotations

import asyncio
import copy
import logging
import re
from collections.abc import Awaitable, Callable
from typing import NoReturn

from eguma_async.core.clock import Clock
from eguma_async.core.errors import (
    EgumaError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.messages import Credentials

logger: logging.Logger = logging.getLogger("eguma_async")

RENEW_AT = 0.8
"""Share of its life after which a token is renewed."""
SPREAD = 0.05
"""How far from that share it may be, so that many sessions do not renew at the same moment."""
PAUSE = 30.0
"""Seconds until the next try after a renewal that failed while the old token still holds."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}", re.ASCII)


def is_token(value: object) -> bool:
    """Tell whether a value is fit to stand in an ``Authorization`` header."""
    return isinstance(value, str) and _TOKEN.fullmatch(value) is not None


class Token:
    """An access token with its life. A plain class: it has no readable ``repr``.

    Attributes:
        credentials: The token as a header.
        fetched_at: When it was asked for, on the monotonic clock.
        life: Seconds it holds.
        refresh_token: What to renew it with; None if there is nothing.
        refresh_life: Seconds the refresh token holds; None if it does not end.
    """

    __slots__ = ("credentials", "fetched_at", "life", "refresh_life", "refresh_token")

    credentials: Credentials
    fetched_at: float
    life: float
    refresh_life: float | None
    refresh_token: str | None

    def __init__(
        self,
        access_token: str,
        *,
        fetched_at: float,
        life: float,
        refresh_token: str | None = None,
        refresh_life: float | None = None,
    ) -> None:
        self.credentials = bearer_header(access_token)
        self.fetched_at = fetched_at
        self.life = life
        self.refresh_token = refresh_token
        self.refresh_life = refresh_life

    def __repr__(self) -> str:
        return "Token(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("tokens are not pickled: give the other side its own credentials")

    def holds(self, now: float) -> bool:
        """Tell whether the token is valid at a moment of the monotonic clock."""
        return now < self.fetched_at + self.life

    def refreshable(self, now: float) -> bool:
        """Tell whether there is a refresh token that is still valid."""
        if self.refresh_token is None:
            return False
        return self.refresh_life is None or now < self.fetched_at + self.refresh_life


def bearer_header(access_token: str) -> Credentials:
    """Return the credentials that carry a token."""
    return Credentials(headers=(("Authorization", f"Bearer {access_token}"),))


class Bearer:
    """Keeps one valid token for all calls. However many need a new one, it is fetched once.

    A token is renewed in the background at about 80 % of its life, and calls go on with the old
    one meanwhile. Only without a valid token do they wait. A fetch belongs to no single call:
    cancelling one that waits leaves the others theirs. If it fails, all of them fail alike.

    Args:
        fetch: Gets a token, given the one before it, if there was one.
        clock: Tells how old a token is.
        random: Returns a number from 0 to 1, for the moment of renewal.
    """

    renews = True

    def __init__(
        self,
        fetch: Callable[[Token | None], Awaitable[Token]],
        *,
        clock: Clock,
        random: Callable[[], float],
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._random = random
        self._token: Token | None = None
        self._refused: Credentials | None = None
        self._renew_at = 0.0
        self._renewal: asyncio.Task[EgumaError | None] | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def ready(self) -> Credentials | None:
        """Return the token if it is valid, and see to its renewal in time."""
        now = self._clock.monotonic()
        token = self._token
        if token is None or token.credentials is self._refused or not token.holds(now):
            return None
        if now >= self._renew_at:
            self._begin()
        return token.credentials

    async def credentials(self) -> Credentials:
        """Return a valid token, and see to its renewal in time.

        Raises:
            AuthenticationError: The credentials for the token were refused.
            TransportError: No token could be fetched; the call itself was not sent.
        """
        return self.ready() or (await self._renewed()).credentials

    def rejected(self, used: Credentials, /) -> None:
        """Use a token no longer that the server refused, unless it has been renewed meanwhile."""
        if self._token is not None and self._token.credentials is used:
            self._refused = used

    async def aclose(self) -> None:
        """End a fetch that is under way."""
        if self._renewal is not None:
            self._renewal.cancel()
            await asyncio.wait({self._renewal})

    def _begin(self) -> asyncio.Task[EgumaError | None]:
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew())
        return self._renewal

    async def _renewed(self) -> Token:
        renewal = self._begin()
        await asyncio.wait({renewal})  # unlike `await renewal`, it leaves the task alone
        if renewal.cancelled():
            raise SessionStateError("the session was closed while it fetched a token")
        failure = renewal.result()
        if failure is not None:
            raise copy.copy(failure)  # each call writes its own name on it
        assert self._token is not None  # noqa: S101  # no failure, so there is one
        return self._token

    async def _renew(self) -> EgumaError | None:
        try:
            token = await self._fetch(self._token)
        except EgumaError as error:
            self._renew_at = self._clock.monotonic() + PAUSE
            logger.debug("no new token: %s", error)
            return _as_not_sent(error).with_traceback(None)
        share = RENEW_AT - SPREAD + 2 * SPREAD * self._random()
        self._token = token
        self._renew_at = token.fetched_at + share * token.life
        return None


def _as_not_sent(error: EgumaError) -> EgumaError:
    """Word a failure for the call that waits. It says nothing of what that call would have done.

    A plain `TransportError`, as the fetch has been tried again already.
    """
    if isinstance(error, TransportError):
        return TransportError(
            f"not sent, as there is no token: {error.message}", attempts=error.attempts
        )
    error.outcome_unknown = False
    return error
