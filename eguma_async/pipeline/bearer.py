"""Access tokens that are fetched, renewed in time, and shared by all calls."""

from __future__ import annotations

import asyncio
import copy
import inspect
import re
from collections.abc import Awaitable, Callable
from typing import NoReturn, TypeAlias, TypeGuard

from eguma_async.core.clock import Clock
from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.log import logger
from eguma_async.core.messages import Credentials

RENEW_AT = 0.8
"""Share of its life after which a token is renewed."""
SPREAD = 0.05
"""How far from that share it may be, so that many sessions do not renew at the same moment."""
PAUSE = 30.0
"""Seconds until the next try after a renewal that failed while the old token still holds."""

_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}", re.ASCII)


def is_token(value: object) -> TypeGuard[str]:
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
        self.credentials: Credentials = bearer_header(access_token)
        self.fetched_at: float = fetched_at
        self.life: float = life
        self.refresh_token: str | None = refresh_token
        self.refresh_life: float | None = refresh_life

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


FetchToken: TypeAlias = Callable[[Token | None], Awaitable[Token]]
"""Gets a token, given the one before it, if there was one."""


class TokenCache:
    """Keeps one valid token for all who share it. However many need a new one, it is fetched once.

    A token is renewed in the background at about 80 % of its life, and calls go on with the old
    one meanwhile. Only without a valid token do they wait. A fetch belongs to no single call:
    cancelling one that waits leaves the others theirs. If it fails, all of them fail alike.

    Args:
        clock: Tells how old a token is.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._token: Token | None = None
        self._refused: Credentials | None = None
        self._renew_at = 0.0
        self._renewal: asyncio.Task[Token | EgumaError] | None = None
        self._renews_for: object = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("tokens are not pickled: give the other side its own credentials")

    def valid(self) -> Token | None:
        """Return the token if it is valid."""
        token = self._token
        if token is None or token.credentials is self._refused:
            return None
        return token if token.holds(self._clock.monotonic()) else None

    def is_due(self) -> bool:
        """Tell whether the token is to be renewed, although it may still be valid."""
        return self._clock.monotonic() >= self._renew_at

    def reject(self, used: Credentials) -> None:
        """Use a token no longer that the server refused, unless it has been renewed meanwhile."""
        if self._token is not None and self._token.credentials is used:
            self._refused = used

    def renew(self, owner: Bearer) -> asyncio.Task[Token | EgumaError]:
        """Begin to fetch a token on behalf of one who needs it, unless that is under way already.

        Raises:
            SessionStateError: It is under way in another event loop.
        """
        self._require_own_loop()
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._renew(owner))
            self._renews_for = owner
        return self._renewal

    async def abandon(self, owner: Bearer) -> None:
        """End the fetch that is under way on behalf of one who goes; the others begin anew."""
        if self._renewal is not None and self._renews_for is owner and not self._renewal.done():
            self._renewal.cancel()
            await asyncio.wait({self._renewal})

    async def _renew(self, owner: Bearer) -> Token | EgumaError:
        try:
            token = await owner.fetch(self._token)
        except EgumaError as error:
            self._renew_at = self._clock.monotonic() + PAUSE
            logger.debug("no new token: %s", error)
            return _as_not_sent(error).with_traceback(None)
        except Exception as foreign:  # noqa: BLE001  # whatever a transport raises
            self._renew_at = self._clock.monotonic() + PAUSE
            failure = TransportError(
                f"not sent, as there is no token: fetching it raised {type(foreign).__name__}"
            )
            failure.__cause__ = foreign
            return failure
        share = RENEW_AT - SPREAD + 2 * SPREAD * owner.random()
        self._token = token
        self._renew_at = token.fetched_at + share * token.life
        return token

    def _require_own_loop(self) -> None:
        loop = asyncio.get_running_loop()
        if self._loop is not loop:
            if self._loop is not None and self._loop.is_running():
                raise SessionStateError(
                    "these tokens are used by another event loop that is running: make others for"
                    " each loop"
                )
            self._loop, self._renewal = loop, None  # what a loop that has ended began is over


class Bearer:
    """Gives each request of a session a valid token.

    Args:
        cache: Keeps the token; sessions may share one.
        fetch: Gets a token through this session.
        random: Returns a number from 0 to 1, for the moment of renewal.
    """

    renews = True

    def __init__(
        self, cache: TokenCache, fetch: FetchToken, *, random: Callable[[], float]
    ) -> None:
        self.fetch = fetch
        self.random = random
        self._cache = cache
        self._closed = False

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def ready(self) -> Credentials | None:
        """Return the token if it is valid, and see to its renewal in time."""
        token = self._cache.valid()
        if token is None:
            return None
        if self._cache.is_due() and not self._closed:
            self._cache.renew(self)
        return token.credentials

    async def credentials(self) -> Credentials:
        """Return a valid token, and see to its renewal in time.

        Raises:
            AuthenticationError: The credentials for the token were refused.
            TransportError: No token could be fetched; the call itself was not sent.
            SessionStateError: The session was closed meanwhile, or the tokens belong to another
                event loop.
        """
        while (ready := self.ready()) is None:
            self._require_open()
            renewal = self._cache.renew(self)
            await asyncio.wait({renewal})  # unlike `await renewal`, it leaves the task alone
            self._require_open()
            if renewal.cancelled():
                continue  # the session that fetched it was closed
            outcome = renewal.result()
            if isinstance(outcome, EgumaError):
                raise copy.copy(outcome)  # each call writes its own name on it
            return outcome.credentials
        return ready

    def _require_open(self) -> None:
        if self._closed:
            raise SessionStateError("the session was closed before there was a token")

    def rejected(self, used: Credentials, /) -> None:
        """Use a token no longer that the server refused, unless it has been renewed meanwhile."""
        self._cache.reject(used)

    async def aclose(self) -> None:
        """End a fetch that is under way for this session."""
        self._closed = True
        await self._cache.abandon(self)


TokenFunction: TypeAlias = Callable[[], str | Awaitable[str]]
"""Returns a valid access token; it may be a coroutine function."""


class FunctionBearer:
    """Asks a function for the token of each request.

    Args:
        function: Keeps the token itself as long as it holds.
    """

    renews = True

    def __init__(self, function: TokenFunction) -> None:
        self._function = function

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def ready(self) -> None:
        """Return None: the function has to be asked."""
        return

    async def credentials(self) -> Credentials:
        """Return the token that the function gives.

        Raises:
            EgumaError: The function failed; the call itself was not sent.
            ConfigurationError: It gave no token.
        """
        token, failure = await self._ask()
        if failure is not None:
            raise failure  # out here, so that its doubts about another call do not hang on to it
        if not is_token(token):
            del token  # a traceback that shows variables must not show it
            raise ConfigurationError(
                "the function for the token must return it as text: visible ASCII characters,"
                " without spaces"
            )
        return bearer_header(token)

    async def _ask(self) -> tuple[object, EgumaError | None]:
        try:
            token = self._function()
            return (await token if inspect.isawaitable(token) else token), None
        except EgumaError as error:
            return None, _as_not_sent(copy.copy(error)).with_traceback(None)
        except Exception as error:  # noqa: BLE001  # whatever a caller's function raises
            failure = TransportError(
                f"not sent, as there is no token: the function for it raised {type(error).__name__}"
            )
            failure.__cause__ = error
            return None, failure

    def rejected(self, used: Credentials, /) -> None:
        """Do nothing: the function is asked again in any case."""

    async def aclose(self) -> None:
        """Do nothing: nothing is under way."""


def _as_not_sent(error: EgumaError) -> EgumaError:
    """Word a failure for the call that waits. It says nothing of what that call would have done.

    A plain `TransportError`, as the fetch has been tried again already.
    """
    if isinstance(error, TransportError):
        return TransportError(f"not sent, as there is no token: {error.message}")
    error.outcome_unknown = False
    return error
