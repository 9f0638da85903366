"""The session of this API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Unpack
from urllib.parse import urlsplit

from eguma_async.core.checks import is_loopback
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.transport import SupportsPublicOnly, Transport
from eguma_async.pipeline.bearer import TokenFunction
from eguma_async.pipeline.options import SessionOptions, spelled_out
from eguma_async.pipeline.session import BaseSession
from eguma_async.pipeline.wire import fingerprint

from .booking.beneficiaries import Beneficiaries
from .booking.documents import Documents
from .booking.orders import Orders
from .booking.reservations import Reservations
from .catalog.catalogs import Catalogs
from .catalog.offers import Offers
from .catalog.product_bases import ProductBases
from .catalog.products import Products
from .provider import KORUS, with_language
from .storage import DOCUMENT_HOSTS, Storage, checked_hosts
from .tokens import KorusTokens, auth_of, client_name, client_settings

_LIVE_HOST = frozenset((urlsplit(KORUS.base_url).netloc,))
"""A document may stand beside the live API itself."""


class KorusSession(BaseSession):
    """Sells tickets through Korus Ticket. Holds the access token and the connection pool.

    ::

        async with KorusSession() as session:
            async for catalog in session.catalogs.list():
                ...

    Args:
        client_id: Name of your client; from ``KORUS_CLIENT_ID`` or the profile if not given.
        client_secret: Its secret; from ``KORUS_CLIENT_SECRET`` or the profile if not given.
        token: An access token instead of the two, used until it is refused; or a function, also a
            coroutine function, that is asked for the token of each request and keeps it as long as
            it holds; or `KorusTokens` that several sessions share.
        base_url: Where the API is; from ``KORUS_BASE_URL`` or the profile if not given, else the
            live API. Plain http is accepted for a loopback host only.
        token_url: Where tokens are fetched; from ``KORUS_TOKEN_URL`` or the profile if not given.
            It differs between environments: only for the live API it is known, and need not be
            given.
        refresh_token_url: Where tokens are renewed; `token_url` if not given.
        language: ISO 639-1 language of texts, of error messages and of documents; the catalog's
            own if not given.
        document_hosts: Hosts that documents may be fetched from.
        downloads: Carries the downloads of documents, and is not closed by the session. If not
            given: what the `public_only` of the session's transport returns, as that of
            `AiohttpTransport` does; a transport without one, such as a fake or a layer of yours,
            carries them itself, and nobody checks the addresses. What a sandbox on
            this machine keeps at its own origin is fetched by `transport`.
        profile: Name of a profile, which has what neither arguments nor environment say; from
            ``KORUS_PROFILE`` if not given, and none at all if it is ``""``. See `profiles_file`.
        options: See `SessionOptions`: ``transport``, ``timeouts``, ``retry``, ``limits``,
            ``clock``, ``observer``, ``random``, ``journal``.

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
        token: str | TokenFunction | KorusTokens | None = None,
        base_url: str | None = None,
        token_url: str | None = None,
        refresh_token_url: str | None = None,
        language: str | None = None,
        document_hosts: Iterable[str] = DOCUMENT_HOSTS,
        downloads: Transport | None = None,
        profile: str | None = None,
        **options: Unpack[SessionOptions],
    ) -> None:
        settings = client_settings(profile)
        if isinstance(settings, ConfigurationError):
            del client_secret, token  # a traceback that shows variables must not show these
            raise settings
        base_url = settings.text("base_url", base_url)
        auth = auth_of(
            settings,
            client_id,
            client_secret,
            token,
            token_url=token_url,
            refresh_token_url=refresh_token_url,
            base_url=base_url,
        )
        name = client_name(settings, client_id, token)
        del client_secret, token  # as above
        if isinstance(auth, ConfigurationError):
            raise auth
        hosts = checked_hosts(document_hosts)
        super().__init__(
            with_language(KORUS, language),
            auth,
            base_url=base_url,
            credential=fingerprint(name) if name else "",
            **settings.options(options),
        )
        if downloads is None and isinstance(self._transport, SupportsPublicOnly):
            downloads = self._transport.public_only()
            self._owned.append(downloads)
        layers, own_way = self._layers, self._layers.repeated(self._network)
        scheme, origin = _loopback_origin(self._base_url)
        storage = Storage(
            own_way if downloads is None else layers.repeated(layers.network(downloads)),
            local=own_way,
            hosts=hosts | _LIVE_HOST if self._base_url == KORUS.base_url else hosts,
            local_origin=origin,
            local_scheme=scheme,
            timeouts=self._options.timeouts,
            clock=self.clock,
        )
        self.own_options: Mapping[str, Any] = {
            "token_url": token_url,
            "refresh_token_url": refresh_token_url,
            "language": language,
        }
        self.catalogs: Catalogs = Catalogs(self)
        self.product_bases: ProductBases = ProductBases(self)
        self.products: Products = Products(self)
        self.offers: Offers = Offers(self)
        self.reservations: Reservations = Reservations(self)
        self.orders: Orders = Orders(self)
        self.documents: Documents = Documents(self, storage.fetch)
        self.beneficiaries: Beneficiaries = Beneficiaries(self)


def _loopback_origin(base_url: str) -> tuple[str, tuple[str, int] | None]:
    """Return the scheme of a URL, and host and port of its server if that is this machine."""
    parts = urlsplit(base_url)
    if parts.hostname is None or not is_loopback(parts.hostname):
        return parts.scheme, None
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return parts.scheme, (parts.hostname, port)
