"""Products: the admissions a key may sell."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core.enums import OpenEnum
from eguma_async.core.fields import LENIENT
from eguma_async.core.listing import UnreadableElement, refuse_unreadable, unreadable_of
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import Operation, ResponseContext

if TYPE_CHECKING:
    from eguma_async.core.session import Session


class SlotType(OpenEnum):
    """Granularity of a product's calendar."""

    DAY = "day"
    """Exactly one slot a day."""
    TIME = "time"
    """Slots with a time of their own."""


@attrs.frozen(kw_only=True)
class Category:
    """A person category of a product, such as Adult.

    Attributes:
        id: The `category_id` of a `TicketItem`.
        name: In the merchant's default language.
        age_from: Lower bound in years; None if there is none.
        age_to: Upper bound in years; None if there is none.
        name_translations: Names by ISO 639-1 language, if the server sends them; None for a
            language that is not filled in.
    """

    id: str
    name: str
    age_from: int | None = None
    age_to: int | None = None
    name_translations: dict[str, str | None] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class Product:
    """An admission with a calendar.

    Attributes:
        id: Product id.
        name: In the merchant's default language.
        name_translations: Names by ISO 639-1 language; the keys are the languages a booking may
            ask for. None for a language that is switched on and not filled in. Empty from servers
            that do not send them.
        description: May hold HTML.
        description_translations: Descriptions by language; None as above.
        is_active: False for a product that stays in the list but cannot be booked.
        slot_type: `SlotType.DAY` or `SlotType.TIME`.
        updated_at: Last change, wall-clock time without zone, for synchronising a cache.
        categories: Person categories; without any, nothing can be booked.
    """

    id: str
    name: str
    is_active: bool
    slot_type: SlotType
    updated_at: datetime
    categories: tuple[Category, ...]
    description: str | None = None
    name_translations: dict[str, str | None] = attrs.field(factory=dict, hash=False)
    description_translations: dict[str, str | None] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class ProductList:
    """The products of one merchant.

    Attributes:
        company_name: The merchant.
        currency: ISO 4217 code of all amounts; None from older servers.
        products: Those the key may sell, inactive ones included.
    """

    company_name: str
    products: tuple[Product, ...] = attrs.field(metadata=LENIENT)
    currency: str | None = None

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """Products of an unknown form: they are on sale, and cannot be sold with this version."""
        return unreadable_of(self.products)


@attrs.frozen(kw_only=True)
class ListProducts(Operation[ProductList]):
    """List the products the key may sell.

    Source: article "List of Products" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/products.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    def complete(self, value: ProductList, context: ResponseContext, /) -> ProductList:
        """Check that any of the products can be read."""
        refuse_unreadable(value.products, "$.products")
        return value


class Products:
    """``session.ticketing.products``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self, *, timeouts: Timeouts | None = None) -> ProductList:
        """List the products the key may sell, inactive ones and ones without category included.

        A product that cannot be read does not hide the others: see `ProductList.unreadable`.

        Args:
            timeouts: Limits of each attempt of this call.

        Raises:
            AuthenticationError: The key is unknown or switched off.
            AccessDeniedError: The key's user is not approved for third-party integrations.
            DecodingError: None of the products can be read.
        """
        return await self._session.send(ListProducts(), timeouts=timeouts)
