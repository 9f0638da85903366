"""Access tokens of one client: fetched with its own credentials, and shared if need be."""

from __future__ import annotations

from typing import NoReturn

from eguma_async.core.checks import checked_base_url, is_printable
from eguma_async.core.clock import Clock, SystemClock, checked_clock
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.transport import Transport
from eguma_async.pipeline.authenticating import Auth
from eguma_async.pipeline.bearer import (
    Bearer,
    FunctionBearer,
    TokenCache,
    TokenFunction,
    bearer_header,
    is_token,
)
from eguma_async.pipeline.fixed import FixedCredentials
from eguma_async.pipeline.layers import Layers, MakeAuth
from eguma_async.pipeline.oauth import ClientCredentials
from eguma_async.pipeline.settings import Settings, settings_for

from .provider import KORUS, TOKEN_URL


class KorusTokens:
    """The access tokens of one client, for several sessions to share: one fetch for all of them.

    ::

        tokens = KorusTokens()
        async with KorusSession(token=tokens) as one, KorusSession(token=tokens) as other:
            ...

    It has no connections of its own and needs no closing: a token is fetched through the session
    that needs it first. All sessions that are open at once belong to one event loop.

    Args:
        client_id: Name of your client; from ``KORUS_CLIENT_ID`` if not given.
        client_secret: Its secret; from ``KORUS_CLIENT_SECRET`` if not given.
        token_url: Where tokens are fetched; from ``KORUS_TOKEN_URL`` if not given, else the live
            identity server, for sessions on the live API only.
        refresh_token_url: Where tokens are renewed; `token_url` if not given.
        clock: Tells how old a token is.
        profile: As for `KorusSession`.

    Raises:
        ConfigurationError: No credentials, or a malformed argument.
    """

    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        token_url: str | None = None,
        refresh_token_url: str | None = None,
        clock: Clock | None = None,
        profile: str | None = None,
    ) -> None:
        settings = client_settings(profile)
        client = (
            settings
            if isinstance(settings, ConfigurationError)
            else read_client(settings, client_id, client_secret, token_url, refresh_token_url)
        )
        del client_secret  # a traceback that shows variables must not show it
        if isinstance(client, ConfigurationError):
            raise client
        self._client = client
        self._clock = SystemClock() if clock is None else checked_clock(clock)
        self._cache = TokenCache(self._clock)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("KorusTokens are not pickled: give the other side its own credentials")

    def _auth_for(self, base_url: str | None) -> MakeAuth:
        """Return what makes the credentials of a session.

        Args:
            base_url: Where the session's API is; None for the live one.

        Raises:
            ConfigurationError: The tokens are the live identity server's, and the API is another.
        """
        self._client.check_belongs_to(base_url)

        def make(network: Transport, layers: Layers, /) -> Auth:
            return self._client.bearer(self._cache, self._clock, network, layers)

        return make


class Client:
    """The credentials of a client, and where they may be sent. A plain class: it shows nothing."""

    __slots__ = ("_is_live", "_refresh_url", "_secret", "_token_url", "name")

    def __init__(
        self, client_id: str, secret: str, *, token_url: str | None, refresh_url: str | None
    ) -> None:
        self.name: str = client_id
        self._secret = secret
        self._is_live = token_url is None
        self._token_url = TOKEN_URL if token_url is None else token_url
        self._refresh_url = self._token_url if refresh_url is None else refresh_url

    def check_belongs_to(self, base_url: str | None) -> None:
        """Check that the identity server is one for an API.

        Raises:
            ConfigurationError: It is the live one by default only, and the API is another.
        """
        if not self._is_live or base_url is None:
            return
        try:
            url = checked_base_url(base_url)
        except ConfigurationError:
            return  # the session refuses it with the reason
        if url.lower() == KORUS.base_url:
            return
        raise ConfigurationError(
            "base_url is not the live API, but nothing says where its tokens are fetched: pass"
            " token_url or set KORUS_TOKEN_URL, so that no secret goes to the live identity server"
        )

    def bearer(self, cache: TokenCache, clock: Clock, network: Transport, layers: Layers) -> Bearer:
        """Return what gives each request of a session a token.

        Args:
            cache: Keeps the token.
            clock: Times the tokens.
            network: Carries the requests for tokens.
            layers: Makes the way they take.
        """
        fetching = ClientCredentials(
            network,
            layers,
            client_id=self.name,
            client_secret=self._secret,
            token_url=self._token_url,
            refresh_url=self._refresh_url,
            clock=clock,
        )
        return Bearer(cache, fetching.fetch, random=layers.random)


def client_settings(profile: str | None) -> Settings | ConfigurationError:
    """Return what environment and profile say of a client, or what is wrong with the profile."""
    return settings_for("korus", ("client_id", "token_url", "client_secret"), profile)


def read_client(
    settings: Settings,
    client_id: str | None,
    client_secret: str | None,
    token_url: str | None,
    refresh_token_url: str | None,
) -> Client | ConfigurationError:
    """Return the client of the arguments, or of environment and profile.

    What is wrong with it is returned, not raised: the frames would hold the secret.
    """
    try:
        name, secret = settings.text("client_id", client_id), settings.secret(client_secret)
    except ConfigurationError as error:
        return error.with_traceback(None)
    if name is None or secret is None:
        return ConfigurationError(
            "no credentials: pass client_id and client_secret to KorusSession, or a token, or set"
            " the environment variables KORUS_CLIENT_ID and KORUS_CLIENT_SECRET, or name a profile"
        )
    for given, label in ((name, "client_id"), (secret, "client_secret")):
        if not isinstance(given, str) or not given.strip():
            return ConfigurationError("client_id and client_secret must be text and not empty")
        if not is_printable(given):
            return ConfigurationError(
                f"{label} holds a line break or another control character; if it comes from a"
                " file, strip it"
            )
    url = settings.text("token_url", token_url or None)
    try:
        url = None if url is None else checked_base_url(url, "token_url")
        refresh_url = refresh_token_url
        if refresh_url is not None:
            refresh_url = checked_base_url(refresh_url, "refresh_token_url")
    except ConfigurationError as error:
        return error.with_traceback(None)
    return Client(name, secret, token_url=url, refresh_url=refresh_url)


def auth_of(
    settings: Settings,
    client_id: str | None,
    client_secret: str | None,
    token: str | TokenFunction | KorusTokens | None,
    *,
    token_url: str | None,
    refresh_token_url: str | None,
    base_url: str | None,
) -> MakeAuth | ConfigurationError:
    """Return what makes the credentials of a session, or what is wrong with its arguments."""
    if token is not None:
        if client_id is not None or client_secret is not None:
            return ConfigurationError("pass either token or client_id and client_secret, not both")
        return _given_auth(token, base_url)
    client = read_client(settings, client_id, client_secret, token_url, refresh_token_url)
    if isinstance(client, ConfigurationError):
        return client
    try:
        client.check_belongs_to(base_url)
    except ConfigurationError as error:
        return error.with_traceback(None)
    return lambda network, layers: client.bearer(
        TokenCache(layers.clock), layers.clock, network, layers
    )


def client_name(
    settings: Settings, client_id: str | None, token: str | TokenFunction | KorusTokens | None
) -> str:
    """Return what names the client whose tokens these are; empty if that cannot be told."""
    if isinstance(token, KorusTokens):
        return token._client.name  # noqa: SLF001  # of this module
    return "" if token is not None else settings.text("client_id", client_id) or ""


def _given_auth(
    token: str | TokenFunction | KorusTokens, base_url: str | None
) -> MakeAuth | ConfigurationError:
    if isinstance(token, KorusTokens):
        try:
            return token._auth_for(base_url)  # noqa: SLF001  # of this module
        except ConfigurationError as error:
            return error.with_traceback(None)
    auth: Auth
    if isinstance(token, str) and is_token(token):
        auth = FixedCredentials(bearer_header(token))
    elif callable(token) and not isinstance(token, type):
        auth = FunctionBearer(token)
    else:
        return ConfigurationError(
            "token must be visible ASCII characters, without spaces; or a function that returns"
            " such a text; or KorusTokens"
        )
    return lambda *_: auth
