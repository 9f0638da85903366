"""The session of this API."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Unpack
from urllib.parse import urlsplit

from eguma_async.core.checks import checked_base_url
from eguma_async.core.clock import Clock
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.transport import SupportsPublicOnly, Transport
from eguma_async.pipeline.authenticating import Auth
from eguma_async.pipeline.bearer import Bearer, bearer_header, is_token
from eguma_async.pipeline.fixed import FixedCredentials
from eguma_async.pipeline.oauth import ClientCredentials
from eguma_async.pipeline.options import SessionOptions, spelled_out
from eguma_async.pipeline.session import BaseSession, MakeAuth

from .booking.beneficiaries import Beneficiaries
from .booking.documents import Documents
from .booking.orders import Orders
from .booking.reservations import Reservations
from .catalog.catalogs import Catalogs
from .catalog.offers import Offers
from .catalog.product_bases import ProductBases
from .catalog.products import Products
from .provider import KORUS, TOKEN_URL, with_language
from .storage import DOCUMENT_HOSTS, Storage, checked_hosts


class KorusSession(BaseSession):
    """Sells tickets through Korus Ticket. Holds the access token and the connection pool.

    ::

        async with KorusSession() as session:
            async for catalog in session.catalogs.list():
                ...

    Args:
        client_id: Name of your client; from ``KORUS_CLIENT_ID`` if not given.
        client_secret: Its secret; from ``KORUS_CLIENT_SECRET`` if not given.
        token: A ready access token instead of the two. It is used until it is refused.
        base_url: Where the API is; from ``KORUS_BASE_URL`` if not given, else the live API.
            Plain http is accepted for a loopback host only.
        token_url: Where tokens are fetched; from ``KORUS_TOKEN_URL`` if not given, else the live
            identity server. It differs between environments.
        refresh_token_url: Where tokens are renewed; `token_url` if not given.
        language: ISO 639-1 language of texts, of error messages and of documents; the catalog's
            own if not given.
        document_hosts: Hosts that documents may be fetched from.
        downloads: Carries the downloads of documents, and is not closed by the session. If not
            given: what the `public_only` of the session's transport returns, as that of
            `AiohttpTransport` does; a transport without one, such as a fake or a layer of yours,
            carries them itself, and nobody checks the addresses. What a sandbox on
            this machine keeps at its own origin is fetched by `transport`.
        options: See `SessionOptions`: ``transport``, ``timeouts``, ``retry``, ``limits``,
            ``clock``, ``observer``, ``random``.

    Attributes:
        catalogs: What issuers sell.
        product_bases: The main entries of a catalog.
        products: Their variants.
        offers: Products with price and stock, their tickets and sessions.
        reservations: Offers held for some minutes.
        orders: Bookings.
        documents: Their files.
        beneficiaries: Who uses a ticket.

    Raises:
        ConfigurationError: No credentials, or a malformed argument.
    """

    @spelled_out
    def __init__(
        self,
        client_id: str | None = None,
        client_secret: str | None = None,
        *,
        token: str | None = None,
        base_url: str | None = None,
        token_url: str | None = None,
        refresh_token_url: str | None = None,
        language: str | None = None,
        document_hosts: Iterable[str] = DOCUMENT_HOSTS,
        downloads: Transport | None = None,
        **options: Unpack[SessionOptions],
    ) -> None:
        auth = _auth(
            client_id,
            client_secret,
            token,
            token_url=token_url,
            refresh_token_url=refresh_token_url,
        )
        del client_secret, token  # a traceback that shows variables must not show these
        if isinstance(auth, ConfigurationError):
            raise auth
        hosts = checked_hosts(document_hosts)
        if base_url is None:
            base_url = os.environ.get("KORUS_BASE_URL") or None
        super().__init__(with_language(KORUS, language), auth, base_url=base_url, **options)
        own = self._owned if self._options.transport is None else self._options.transport
        self._owned_downloads: Transport | None = None
        if downloads is None and isinstance(own, SupportsPublicOnly):
            self._owned_downloads = own.public_only()
        layers, own_way = self._layers, self._layers.repeated(self._network)
        carrier = self._owned_downloads if downloads is None else downloads
        storage = Storage(
            own_way if carrier is None else layers.repeated(layers.network(carrier)),
            local=own_way,
            hosts=hosts,
            local_origin=_plain_origin(self._base_url),
            timeouts=self._options.timeouts,
        )
        self.catalogs = Catalogs(self)
        self.product_bases = ProductBases(self)
        self.products = Products(self)
        self.offers = Offers(self)
        self.reservations = Reservations(self)
        self.orders = Orders(self)
        self.documents = Documents(self, storage)
        self.beneficiaries = Beneficiaries(self)

    async def aclose(self) -> None:
        """End what is under way and close the connections. May be called twice."""
        try:
            await super().aclose()
        finally:
            if self._owned_downloads is not None:
                await self._owned_downloads.aclose()


def _auth(
    client_id: str | None,
    client_secret: str | None,
    token: str | None,
    *,
    token_url: str | None,
    refresh_token_url: str | None,
) -> MakeAuth | ConfigurationError:
    """Return what is wrong with the credentials, not raise it: its frames would hold them."""
    if token is not None:
        return _fixed_auth(token, alone=client_id is None and client_secret is None)
    name = os.environ.get("KORUS_CLIENT_ID") if client_id is None else client_id
    secret = os.environ.get("KORUS_CLIENT_SECRET") if client_secret is None else client_secret
    if name is None or secret is None:
        return ConfigurationError(
            "no credentials: pass client_id and client_secret to KorusSession, or a token, or set"
            " the environment variables KORUS_CLIENT_ID and KORUS_CLIENT_SECRET"
        )
    if not _is_filled(name) or not _is_filled(secret):
        return ConfigurationError("client_id and client_secret must be text and not empty")
    url = token_url or os.environ.get("KORUS_TOKEN_URL") or TOKEN_URL
    try:
        url = checked_base_url(url, "token_url")
        refresh_url = checked_base_url(refresh_token_url or url, "refresh_token_url")
    except ConfigurationError as error:
        return error.with_traceback(None)

    def make(network: Transport, /, *, clock: Clock, random: Callable[[], float]) -> Auth:
        client = ClientCredentials(
            network,
            client_id=name,
            client_secret=secret,
            token_url=url,
            refresh_url=refresh_url,
            clock=clock,
            random=random,
        )
        return Bearer(client.fetch, clock=clock, random=random)

    return make


def _fixed_auth(token: str, *, alone: bool) -> MakeAuth | ConfigurationError:
    if not alone:
        return ConfigurationError("pass either token or client_id and client_secret, not both")
    if not is_token(token):
        return ConfigurationError("token must be visible ASCII characters, without spaces")
    fixed = FixedCredentials(bearer_header(token))
    return lambda _, **_options: fixed


def _is_filled(value: object) -> bool:
    return isinstance(value, str) and bool(value.strip())


def _plain_origin(base_url: str) -> tuple[str, int] | None:
    """Return host and port of a plain http URL, which is a loopback one, or None."""
    parts = urlsplit(base_url)
    if parts.scheme != "http" or parts.hostname is None:
        return None
    return parts.hostname, parts.port or 80
