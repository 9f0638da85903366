"""Products: the variants of a product base."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from eguma_async.core.fields import LENIENT
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import IN_PATH_AS_IS
from eguma_async.core.session import Session
from eguma_async.korus.json_ld import RAW, Collection, Resource
from eguma_async.korus.operations import GetOperation, PagedOperation, iri, pager
from eguma_async.pipeline.pages import Pager


@attrs.frozen(kw_only=True)
class Product(Resource):
    """One variant, such as a three-day entry at the adult tariff.

    Attributes:
        name: Translated.
        description: HTML, possibly empty.
        disabled: True if it is not for sale.
        raw: The object as it came.
    """

    name: str
    description: str | None = None
    disabled: bool = False
    raw: dict[str, Any] = attrs.field(factory=dict, repr=False, eq=False, metadata=RAW)


@attrs.frozen(kw_only=True)
class ProductPage(Collection[Product]):
    """One page of products."""

    member: tuple[Product, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class ListProducts(PagedOperation[ProductPage]):
    """List the products of a product base, or of a whole catalog.

    Source: ``GET .../product_bases/{id}/products`` and ``GET .../catalogs/{id}/products``,
    docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{parent}/products"

    parent: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)


@attrs.frozen(kw_only=True)
class GetProduct(GetOperation[Product]):
    """Read one product.

    Source: ``GET .../catalogs/{catalogId}/products/{id}``, docs.korusticket.com.
    """


class Products:
    """``session.products``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(self, parent: str, *, timeouts: Timeouts | None = None) -> Pager[Product]:
        """List products.

        Args:
            parent: IRI of a product base for its variants, or of a catalog for all of them.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(self._session, ListProducts(parent=parent), timeouts)

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> Product:
        """Read one product.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetProduct(iri=iri), timeouts=timeouts)
