"""Product bases: the main entries of a catalog, with the options that tell their products apart."""

from __future__ import annotations

from typing import Any, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.enums import OpenEnum
from eguma_async.core.fields import LENIENT, also_named, wire_named
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import IN_PATH, IN_PATH_AS_IS, in_query
from eguma_async.core.session import Session
from eguma_async.korus.json_ld import RAW, Collection, Iri, Resource
from eguma_async.korus.operations import (
    GetOperation,
    ListOperation,
    PagedOperation,
    iri,
    pager,
)
from eguma_async.pipeline.pages import Pager


class OptionCode(OpenEnum):
    """By what the products of a base differ."""

    SEATING_CATEGORY = "seating_category"
    ZONE = "zone"
    PRICE_TYPE = "price_type"
    DAYS_COUNT = "days_count"


@attrs.frozen(kw_only=True)
class Venue:
    """Where it takes place.

    Attributes:
        country: ISO 3166-1 alpha-2.
        latitude: Decimal degrees, as text.
        longitude: The same.
    """

    name: str | None = None
    line1: str | None = None
    line2: str | None = None
    postal_code: str | None = None
    city: str | None = None
    country: str | None = None
    phone: str | None = None
    website: str | None = None
    latitude: str | None = None
    longitude: str | None = None


def _if_any(value: Any) -> Any:
    return None if value in ([], {}) else value


@attrs.frozen(kw_only=True)
class ProductBase(Resource):
    """An entry of a catalog that groups variants. All but the first two depend on the version.

    Attributes:
        name: Translated.
        disabled: True if it is not for sale.
        description: HTML, as are `short_description` and `terms_of_use`.
        use_session: True if its offers need a session to be chosen.
        timezone: Name of a time zone, such as ``Europe/Paris``.
        recurring: True if there are offers for several dates.
        beneficiary_info_may_be_required: True if documents may need names first.
        instant_document_delivery: True if documents are there right after ordering.
        max_amount_per_order: Most offers in one order; None if there is no limit.
        universe: Kind of event, such as ``show``.
        medias: Pictures, as they came, as their shape is not published; None without any.
        raw: The object as it came.
    """

    name: str
    disabled: bool = False
    description: str | None = None
    short_description: str | None = None
    terms_of_use: str | None = None
    use_session: bool | None = None
    timezone: str | None = None
    recurring: bool | None = None
    beneficiary_info_may_be_required: bool | None = None
    instant_document_delivery: bool | None = None
    max_amount_per_order: int | None = None
    universe: str | None = None
    venue: Venue | None = None
    medias: Any = attrs.field(default=None, converter=_if_any, hash=False)
    raw: dict[str, Any] = attrs.field(factory=dict, repr=False, eq=False, metadata=RAW)


@attrs.frozen(kw_only=True)
class ProductBaseOption:
    """An option of a product base. Its fields are not published; `raw` has them all.

    Attributes:
        code: Which option.
        name: For people, as it came: text, or an object with a text for each language.
        raw: The object as it came.
    """

    iri: Iri | None = attrs.field(default=None, metadata=wire_named("@id"))
    code: OptionCode | None = None
    name: Any = attrs.field(default=None, hash=False, metadata=also_named("label"))
    raw: dict[str, Any] = attrs.field(factory=dict, repr=False, eq=False, metadata=RAW)


@attrs.frozen(kw_only=True)
class ProductBaseOptionValue:
    """A value of an option. Its fields are not published; `raw` has them all.

    Attributes:
        name: For people, as it came: text, or an object with a text for each language.
        value: Whatever the server calls its value.
        raw: The object as it came.
    """

    iri: Iri | None = attrs.field(default=None, metadata=wire_named("@id"))
    code: str | None = None
    name: Any = attrs.field(default=None, hash=False, metadata=also_named("label"))
    value: Any = attrs.field(default=None, hash=False)
    raw: dict[str, Any] = attrs.field(factory=dict, repr=False, eq=False, metadata=RAW)


@attrs.frozen(kw_only=True)
class ProductBasePage(Collection[ProductBase]):
    """One page of product bases."""

    member: tuple[ProductBase, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class OptionPage(Collection[ProductBaseOption]):
    """One page of options."""

    member: tuple[ProductBaseOption, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class OptionValuePage(Collection[ProductBaseOptionValue]):
    """One page of values."""

    member: tuple[ProductBaseOptionValue, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class ListProductBases(PagedOperation[ProductBasePage]):
    """List the product bases of a catalog.

    Source: ``GET .../catalogs/{catalogId}/product_bases``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{catalog}/product_bases"

    catalog: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)
    with_disabled: bool | None = attrs.field(default=None, metadata=in_query("withDisabled"))


@attrs.frozen(kw_only=True)
class GetProductBase(GetOperation[ProductBase]):
    """Read one product base.

    Source: ``GET .../product_bases/{id}``, docs.korusticket.com.
    """


@attrs.frozen(kw_only=True)
class ListOptions(ListOperation[OptionPage]):
    """List the options of a product base.

    Source: ``GET .../product_bases/{id}/options``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{product_base}/options"

    product_base: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)


@attrs.frozen(kw_only=True)
class ListOptionValues(PagedOperation[OptionValuePage]):
    """List the values of an option.

    Source: ``GET .../product_bases/{id}/options/{code}/values``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{product_base}/options/{code}/values"

    product_base: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)
    code: str = attrs.field(validator=checks.identifier, metadata=IN_PATH)


class ProductBases:
    """``session.product_bases``. This data changes slowly: keep it for a day."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        catalog: str,
        *,
        with_disabled: bool | None = None,
        timeouts: Timeouts | None = None,
    ) -> Pager[ProductBase]:
        """List the product bases of a catalog, those that are not for sale only if asked for.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(
            self._session, ListProductBases(catalog=catalog, with_disabled=with_disabled), timeouts
        )

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> ProductBase:
        """Read one product base.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetProductBase(iri=iri), timeouts=timeouts)

    def options(
        self, product_base: str, *, timeouts: Timeouts | None = None
    ) -> Pager[ProductBaseOption]:
        """List the options of a product base.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(self._session, ListOptions(product_base=product_base), timeouts)

    def option_values(
        self,
        product_base: str,
        code: OptionCode | str,
        *,
        timeouts: Timeouts | None = None,
    ) -> Pager[ProductBaseOptionValue]:
        """List the values of an option.

        Raises:
            NotFoundError: The base has no such option.
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(
            self._session, ListOptionValues(product_base=product_base, code=code), timeouts
        )
