"""Tokens from an OAuth 2.0 server, for a client with its own credentials (RFC 6749, 4.4)."""

from __future__ import annotations

from urllib.parse import urlencode

from eguma_async.core.clock import Clock
from eguma_async.core.errors import (
    AuthenticationError,
    DecodingError,
    EgumaError,
    StatusError,
    error_class,
)
from eguma_async.core.messages import (
    Credentials,
    HttpRequest,
    HttpResponse,
    Repeat,
    Timeouts,
    masked,
)
from eguma_async.core.provider import classify, json_object
from eguma_async.core.text import printable
from eguma_async.core.transport import Transport

from .bearer import Token, is_token
from .call import Call
from .layers import Layers
from .policy import RetryPolicy

OPERATION = "FetchToken"
DEFAULT_LIFE = 300.0
"""Seconds a token is taken to hold if the server does not say."""

_POLICY = RetryPolicy(attempts=3, deadline=10.0, budget=1.0)
_TIMEOUTS = Timeouts(connect=5.0, read=10.0, total=10.0)


class ClientCredentials:
    """Fetches tokens. It tries three times within 10 seconds; asking twice does no harm.

    Args:
        network: Carries the requests.
        layers: Makes the way they take.
        client_id: Name of the client.
        client_secret: Its secret; it stands in the body of a token request and nowhere else.
        token_url: Where tokens are fetched.
        refresh_url: Where they are renewed.
        clock: Times the tokens.
    """

    def __init__(
        self,
        network: Transport,
        layers: Layers,
        *,
        client_id: str,
        client_secret: str,
        token_url: str,
        refresh_url: str,
        clock: Clock,
    ) -> None:
        self._client = (("client_id", client_id), ("client_secret", client_secret))
        self._token_url = token_url
        self._refresh_url = refresh_url
        self._clock = clock
        self._runner = layers.repeated(
            network,
            policy=_POLICY,
            verdict=lambda response, _: classify(response, own_answer=False),
        )

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    async def fetch(self, before: Token | None) -> Token:
        """Renew a token, or fetch a new one if that does not work.

        Raises:
            AuthenticationError: The credentials are refused.
            EgumaError: The server cannot be reached, or its response cannot be read.
        """
        if before is not None and before.refreshable(self._clock.monotonic()):
            try:
                return await self._ask(self._refresh_url, "refresh_token", before)
            except EgumaError:
                pass  # used, expired or revoked: the client's own credentials decide
        return await self._ask(self._token_url, "client_credentials", None)

    # The secrets stand in frames that neither wait nor raise: a traceback may show their variables.

    def _secrets(self, before: Token | None) -> Credentials:
        own = (("refresh_token", before.refresh_token or ""),) if before is not None else ()
        return Credentials(query=(*own, *self._client))

    def _request(self, url: str, grant_type: str, secrets: Credentials) -> HttpRequest:
        return HttpRequest(
            method="POST",
            url=url,
            headers={
                "Accept": "application/json",
                "Content-Type": "application/x-www-form-urlencoded",
            },
            body=urlencode((("grant_type", grant_type), *secrets.query)).encode(),
            timeouts=_TIMEOUTS,
            repeat=Repeat.IDEMPOTENT,
            operation=OPERATION,
        )

    async def _ask(self, url: str, grant_type: str, before: Token | None) -> Token:
        began = self._clock.monotonic()
        secrets = self._secrets(before)
        request = self._request(url, grant_type, secrets)

        async def refused(call: Call[Token], _: HttpRequest, response: HttpResponse) -> Token:
            raise call.refusal(_refusal(response, secrets), masked(response, secrets))

        call: Call[Token] = Call(
            OPERATION,
            request.repeat,
            began=self._runner.clock.monotonic(),
            read=lambda _, response: _token(response, began),
            refused=refused,
        )
        return (await self._runner.run(call, request)).value


def _refusal(response: HttpResponse, secrets: Credentials) -> StatusError:
    """Make an error of a refusal, without its body: it may repeat what was sent."""
    content = json_object(response)
    code, words = content.get("error"), content.get("error_description")
    kind = AuthenticationError if response.status in (400, 401) else error_class(response.status)
    return kind(
        _clean(words, secrets), status=response.status, error_code=_clean(code, secrets) or None
    )


def _clean(words: object, secrets: Credentials) -> str:
    if not isinstance(words, str):
        return ""
    return printable(secrets.scrub(words.encode("utf-8", "replace")).decode())


def _token(response: HttpResponse, began: float) -> Token:
    content = json_object(response)
    access_token, refresh_token = content.get("access_token"), content.get("refresh_token")
    if not is_token(access_token):
        raise DecodingError("unreadable response", problems=("no token @ $.access_token",))
    return Token(
        str(access_token),
        fetched_at=began,
        life=_seconds(content.get("expires_in")) or DEFAULT_LIFE,
        refresh_token=str(refresh_token) if is_token(refresh_token) else None,
        refresh_life=_seconds(content.get("refresh_expires_in")),
    )


def _seconds(value: object) -> float | None:
    """Read a number of seconds; 0 stands for none, as servers write it for a life without end."""
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value < 1e9:
        return None
    return float(value)
