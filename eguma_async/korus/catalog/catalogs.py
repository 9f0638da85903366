"""Catalogs: what an issuer sells."""

from __future__ import annotations

from datetime import datetime
from typing import ClassVar

import attrs

from eguma_async.core.fields import LENIENT
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import in_query
from eguma_async.core.session import Session
from eguma_async.korus.json_ld import Collection, Resource
from eguma_async.korus.operations import (
    GetOperation,
    PagedOperation,
    optional,
    order_of,
    pager,
)
from eguma_async.pipeline.pages import Pager


@attrs.frozen(kw_only=True)
class Catalog(Resource):
    """An issuer's offer as a whole; usually one for each issuer.

    Attributes:
        name: Of the catalog.
        created_at: First import, aware.
        last_synced_at: Last synchronisation with the issuer; None from older servers.
    """

    name: str
    created_at: datetime
    last_synced_at: datetime | None = None


@attrs.frozen(kw_only=True)
class CatalogPage(Collection[Catalog]):
    """One page of catalogs."""

    member: tuple[Catalog, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class ListCatalogs(PagedOperation[CatalogPage]):
    """List the catalogs that the organization of the token may see.

    Source: ``GET /v1/ticketing/catalogs``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "/v1/ticketing/catalogs"

    order: str | None = attrs.field(
        default=None, validator=optional(order_of), metadata=in_query("order[createdAt]")
    )


@attrs.frozen(kw_only=True)
class GetCatalog(GetOperation[Catalog]):
    """Read one catalog.

    Source: ``GET /v1/ticketing/catalogs/{id}``, docs.korusticket.com.
    """


class Catalogs:
    """``session.catalogs``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, *, order: str | None = None, timeouts: Timeouts | None = None) -> Pager[Catalog]:
        """List the catalogs; none means that the organization has none yet.

        Args:
            order: By the moment of creation, ``"asc"`` or ``"desc"``.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(self._session, ListCatalogs(order=order), timeouts)

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> Catalog:
        """Read one catalog.

        Raises:
            NotFoundError: Unknown.
            AccessDeniedError: Not open to this organization.
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetCatalog(iri=iri), timeouts=timeouts)
