"""Availabilities: the slots of a product, with stock and prices."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Sized
from datetime import date, datetime
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fields import also_named
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import IN_PATH, Operation, in_query

from .products import SlotType

if TYPE_CHECKING:
    from eguma_async.core.session import FanOut, Progress, Session


@attrs.frozen(kw_only=True)
class CategoryPrice:
    """The price of one person category in one slot. It may differ from slot to slot.

    Attributes:
        category_id: Person category.
        price_in_cents: Price of one ticket in the list's currency; None if the server sends none.
        min_quantity: Least quantity per booking; None if there is no limit.
        max_quantity: Greatest quantity per booking; None if there is no limit.
        allow_zero_quantity: True if the category may be left out although it has a minimum.
    """

    category_id: str
    price_in_cents: int | None = attrs.field(
        metadata=also_named("price", "amount_in_cents", "unit_price_in_cents")
    )
    min_quantity: int | None = None
    max_quantity: int | None = None
    allow_zero_quantity: bool = False


@attrs.frozen(kw_only=True)
class Availability:
    """One slot that can be booked.

    Attributes:
        slot_type: `SlotType.DAY` or `SlotType.TIME`.
        starts_at: Start in the merchant's wall-clock time, without zone; midnight for a day slot.
            Pass it on as it is.
        closing_at: Cut-off in the same time; None if there is none.
        availability_count: Tickets left, open holds taken off; None means unlimited. An answer
            without this field is a `DecodingError`: a slot is never taken for free by omission.
        prices: One entry for each category sold in this slot.
    """

    slot_type: SlotType
    starts_at: datetime
    availability_count: int | None
    prices: tuple[CategoryPrice, ...]
    closing_at: datetime | None = None

    @property
    def is_sold_out(self) -> bool:
        """True if no ticket is left."""
        return self.availability_count is not None and self.availability_count <= 0


@attrs.frozen(kw_only=True)
class AvailabilityList:
    """The slots of one product in a range of days.

    Attributes:
        company_name: The merchant.
        product_name: In the merchant's default language.
        currency: ISO 4217 code of the prices; None from older servers.
        availabilities: Possibly empty, as for an unpublished product or a range in the past.
    """

    company_name: str
    product_name: str
    availabilities: tuple[Availability, ...]
    currency: str | None = None


@attrs.frozen(kw_only=True)
class ListAvailabilities(Operation[AvailabilityList]):
    """List the slots of a product from one day to another, both included.

    Source: article "List of Availabilities" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/products/{product_id}/availabilities.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    product_id: str = attrs.field(validator=checks.identifier, metadata=IN_PATH)
    from_date: date = attrs.field(validator=checks.calendar_day, metadata=in_query("from"))
    to_date: date = attrs.field(validator=checks.calendar_day, metadata=in_query("to"))

    def __attrs_post_init__(self) -> None:
        if self.to_date < self.from_date:
            raise ConfigurationError("to_date must not be before from_date")


class Availabilities:
    """``session.ticketing.availabilities``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(self, product_id: str, *, from_date: date, to_date: date) -> AvailabilityList:
        """List the slots of a product.

        Args:
            product_id: Id of a product.
            from_date: First day; one in the past means today.
            to_date: Last day, included.

        Raises:
            ConfigurationError: The id is malformed, or the days are in the wrong order.
            NotFoundError: The product is unknown, or another merchant's.
            AccessDeniedError: The product is not enabled for this key.
        """
        return await self._session.send(
            ListAvailabilities(product_id=product_id, from_date=from_date, to_date=to_date)
        )

    def fan_out(
        self,
        product_ids: Iterable[str] | AsyncIterable[str],
        *,
        from_date: date,
        to_date: date,
        concurrency: int = 20,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> FanOut[AvailabilityList]:
        """List the slots of many products at once; one `Outcome` each, in the order they come.

        Args:
            product_ids: Taken one by one, as workers become free.
            from_date: First day, for all products.
            to_date: Last day, included.
            concurrency: Reads under way at once.
            on_progress: Called after each outcome.

        Raises:
            ConfigurationError: One text instead of several, or, if `product_ids` has a length,
                a malformed id in it.
        """
        if isinstance(product_ids, str):
            raise ConfigurationError("product_ids must be several ids, not one text")

        def operation(product_id: str) -> ListAvailabilities:
            return ListAvailabilities(product_id=product_id, from_date=from_date, to_date=to_date)

        async def drawn(ids: AsyncIterable[str]) -> AsyncIterator[ListAvailabilities]:
            async for product_id in ids:
                yield operation(product_id)

        operations: Iterable[ListAvailabilities] | AsyncIterable[ListAvailabilities]
        if isinstance(product_ids, AsyncIterable):
            operations = drawn(product_ids)
        elif isinstance(product_ids, Sized):  # the length is what progress is measured by
            operations = tuple(map(operation, product_ids))
        else:
            operations = map(operation, product_ids)
        return self._session.fan_out(operations, concurrency=concurrency, on_progress=on_progress)
