"""Availabilities: the slots of a product, with stock and prices."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Sized
from datetime import date, datetime
from functools import reduce
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError, ResultMismatchError, StatusError
from eguma_async.core.fields import LENIENT, also_named
from eguma_async.core.listing import Listing, UnreadableElement, refuse_unreadable, unreadable_of
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import IN_PATH, Operation, ResponseContext, Send, in_query
from eguma_async.core.scalars import AsWritten, Cents, WrittenDatetime

from .items import TicketItem
from .matching import joined
from .products import SlotType
from .ranges import all_plainly_within, check_order, in_parts, within
from .starts import are_plain
from .windows import checked_window, in_windows

if TYPE_CHECKING:
    from eguma_async.core.fan_out import Executor, FanOut, InPieces, Progress
    from eguma_async.core.session import Session

    _Read = Operation["AvailabilityList"] | InPieces["AvailabilityList"]


@attrs.frozen(kw_only=True)
class CategoryPrice:
    """The price of one person category in one slot. It may differ from slot to slot.

    Attributes:
        category_id: Person category.
        price_in_cents: Price of one ticket in the list's currency; None if the server sends none.
            Under its other names, such as ``price``, too, a whole number is an amount in cents, as
            every amount of this API is. 45.00 or "45" are read under no name: they may be francs.
        min_quantity: Least quantity per booking; None if there is no limit.
        max_quantity: Greatest quantity per booking; None if there is no limit.
        allow_zero_quantity: True if the category may be left out although it has a minimum.
    """

    category_id: str
    price_in_cents: Cents | None = attrs.field(
        metadata=also_named("price", "amount_in_cents", "unit_price_in_cents")
    )
    min_quantity: int | None = None
    max_quantity: int | None = None
    allow_zero_quantity: bool = False

    @property
    def least_quantity(self) -> int:
        """How many must be bought if any are: 1 or more."""
        return max(self.min_quantity or 1, 1)

    @property
    def is_mandatory(self) -> bool:
        """True if the category must be part of every order."""
        return bool(self.min_quantity and self.min_quantity > 0 and not self.allow_zero_quantity)

    def can_book(self, quantity: int) -> bool:
        """Tell whether a quantity keeps to the limits; 0 stands for leaving the category out."""
        if quantity == 0:
            return not self.is_mandatory
        most = self.max_quantity
        return quantity >= self.least_quantity and (most is None or quantity <= most)


@attrs.frozen(kw_only=True)
class Availability:
    """One slot that can be booked.

    Attributes:
        slot_type: `SlotType.DAY` or `SlotType.TIME`.
        starts_at: Start in the merchant's wall-clock time; midnight for a day slot. As a rule it
            has no zone. Pass it on as it is: it is sent back to the letter, with the zone and the
            fraction the server wrote, if it did.
        closing_at: Cut-off in the same time; None if there is none.
        availability_count: Tickets left, open holds taken off; None means unlimited. A slot
            without this field is unreadable: it is never taken for free by omission.
        prices: One entry for each category sold in this slot. They are read all or not at all.
    """

    slot_type: SlotType
    starts_at: AsWritten
    availability_count: int | None
    prices: tuple[CategoryPrice, ...]
    closing_at: datetime | None = None

    @property
    def is_sold_out(self) -> bool:
        """True if too few tickets are left for any order, minimum quantities included."""
        return self.availability_count is not None and self.availability_count < self._least

    @property
    def _least(self) -> int:
        """How many tickets the smallest order has."""
        mandatory = [price.least_quantity for price in self.prices if price.is_mandatory]
        if mandatory:
            return sum(mandatory)
        return min((price.least_quantity for price in self.prices), default=1)

    def can_book(self, items: Iterable[TicketItem]) -> bool:
        """Tell whether an order fits the slot as it was listed: places, categories, quantities.

        The server has the last word: places may be gone meanwhile, and so may the slot after its
        `closing_at`. A category with a minimum that does not allow zero must be part of the order,
        as the API documents it; some servers may let it be left out.

        Args:
            items: What is to be bought.
        """
        quantities: Counter[str] = Counter()
        for item in items:
            quantities[item.category_id.casefold()] += item.quantity
        free = self.availability_count
        if not quantities or (free is not None and quantities.total() > free):
            return False
        fits = [price.can_book(quantities.pop(_key(price), 0)) for price in self.prices]
        return all(fits) and not quantities

    def total_in_cents(self, items: Iterable[TicketItem]) -> int | None:
        """Return what an order costs in this slot; None if a price is not known.

        Args:
            items: What is to be bought.
        """
        prices = {_key(price): price.price_in_cents for price in self.prices}
        total = 0
        for item in items:
            price = prices.get(item.category_id.casefold())
            if price is None:
                return None
            total += price * item.quantity
        return total


def _key(price: CategoryPrice) -> str:
    return price.category_id.casefold()


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
    availabilities: tuple[Availability, ...] = attrs.field(metadata=LENIENT)
    currency: str | None = None

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """Slots of an unknown form: they are on sale, and cannot be sold with this version."""
        return unreadable_of(self.availabilities)


@attrs.frozen(kw_only=True)
class ListAvailabilities(Operation[AvailabilityList]):
    """List the slots of a product from one day to another, both included.

    A range that is refused for its length is read in parts.

    Source: article "List of Availabilities" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/products/{product_id}/availabilities.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ
    STANDS_ALONE: ClassVar[bool] = True

    product_id: str = attrs.field(validator=checks.identifier, metadata=IN_PATH)
    from_date: date = attrs.field(validator=checks.calendar_day, metadata=in_query("from"))
    to_date: date = attrs.field(validator=checks.calendar_day, metadata=in_query("to"))

    def __attrs_post_init__(self) -> None:
        if self.to_date < self.from_date:
            check_order(self.from_date, self.to_date)

    def complete(self, value: AvailabilityList, context: ResponseContext, /) -> AvailabilityList:
        """Keep the starts as they are written, and the slots of the days that were asked for."""
        slots, body = value.availabilities, context.response.body
        if self.STANDS_ALONE and not (slots or context.is_part):
            refuse_unreadable(slots, "$.availabilities")
        if all_plainly_within(slots, self.from_date, self.to_date) and are_plain(body):
            return value  # as a rule
        found = within(as_written(slots, body), self.from_date, self.to_date)
        return attrs.evolve(value, availabilities=found)

    async def fall_back(self, refusal: StatusError, send: Send, /) -> AvailabilityList:
        """Read the range in parts."""
        found = await in_parts(self, refusal, send, _together)
        if self.STANDS_ALONE:
            refuse_unreadable(found.availabilities, "$.availabilities")
        return found


@attrs.frozen(kw_only=True)
class ListAvailabilitiesWindow(ListAvailabilities):
    """List the slots in a part of a range: it may hold none that can be read, as others may."""

    STANDS_ALONE: ClassVar[bool] = False

    @classmethod
    def name(cls) -> str:
        """Return the name of the whole."""
        return ListAvailabilities.name()


def as_written(slots: tuple[Availability, ...], body: bytes) -> tuple[Availability, ...]:
    """Return slots whose starts remember their text, where it is not the one we would write.

    The API wants the very text back, and what is decoded has lost it: "Z", a fraction of zeros.

    Args:
        slots: As decoded.
        body: What they were decoded from.
    """
    if are_plain(body) and all(slot.starts_at.tzinfo is None for slot in slots):
        return slots
    import msgspec  # noqa: PLC0415  # a model that is never read needs none

    rows = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))["availabilities"]
    skipped = {each.index for each in unreadable_of(slots)}
    texts = [row["starts_at"] for index, row in enumerate(rows) if index not in skipped]
    kept = (
        attrs.evolve(slot, starts_at=WrittenDatetime.kept(slot.starts_at, text))
        for slot, text in zip(slots, texts, strict=True)
    )
    return Listing(kept, unreadable_of(slots))


def _together(earlier: AvailabilityList, later: AvailabilityList) -> AvailabilityList:
    whole = attrs.evolve(
        earlier, availabilities=joined(earlier.availabilities, later.availabilities)
    )
    if earlier.currency != later.currency:
        raise ResultMismatchError(
            "the parts of a range contradict each other",
            result=whole,
            differences=("currency: two of them in one list of prices",),
        )
    return whole


class Availabilities:
    """``session.ticketing.availabilities``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(
        self,
        product_id: str,
        *,
        from_date: date,
        to_date: date,
        timeouts: Timeouts | None = None,
    ) -> AvailabilityList:
        """List the slots of a product.

        A range that the server refuses for its length is read in parts; if one of them cannot be
        read, that is raised. A slot that cannot be read does not hide the others: see
        `AvailabilityList.unreadable`.

        Args:
            product_id: Id of a product.
            from_date: First day, on the merchant's calendar; one in the past means today.
            to_date: Last day, included.
            timeouts: Limits of each attempt of this call.

        Raises:
            ConfigurationError: The id is malformed, or the days are in the wrong order.
            NotFoundError: The product is unknown, or another merchant's.
            AccessDeniedError: The product is not enabled for this key.
            InvalidRequestError: The server refuses single days, too.
            DecodingError: None of the slots can be read.
        """
        operation = ListAvailabilities(product_id=product_id, from_date=from_date, to_date=to_date)
        return await self._session.send(operation, timeouts=timeouts)

    def fan_out(
        self,
        product_ids: Iterable[str] | AsyncIterable[str],
        *,
        from_date: date,
        to_date: date,
        window_days: int | None = None,
        concurrency: int | None = None,
        ordered: bool = False,
        executor: Executor | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        timeouts: Timeouts | None = None,
    ) -> FanOut[AvailabilityList]:
        """List the slots of many products at once; one `Outcome` each, in the order they come.

        As with `list`, a range that is refused for its length is read in parts.

        Args:
            product_ids: Taken one by one, as workers become free.
            from_date: First day, for all products.
            to_date: Last day, included.
            window_days: Read longer ranges in windows of so many days, side by side, and join
                them. If one fails, the product has failed: the error names the window, and
                `Outcome.parts` has those that were read.
            concurrency: Reads under way at once. As many as the server keeps up with, if not
                given: see `Limits.adaptive`.
            ordered: Yield the outcomes in the order of `product_ids`.
            executor: Carries the reads out elsewhere, instead of this session.
            on_progress: Called after each outcome.
            timeouts: Limits of each attempt.

        Raises:
            ConfigurationError: One text instead of several, a window below one day, or, if
                `product_ids` has a length, a malformed id in it.
        """
        if isinstance(product_ids, str):
            raise ConfigurationError("product_ids must be several ids, not one text")
        days = checked_window(window_days)

        def operation(product_id: str) -> ListAvailabilities:
            return ListAvailabilities(product_id=product_id, from_date=from_date, to_date=to_date)

        def windows(whole: ListAvailabilities) -> _Read:
            return in_windows(whole, days, _window, _all_together)

        async def drawn(ids: AsyncIterable[str]) -> AsyncIterator[_Read]:
            async for product_id in ids:
                yield windows(operation(product_id))

        reads: Iterable[_Read] | AsyncIterable[_Read]
        if isinstance(product_ids, AsyncIterable):
            reads = drawn(product_ids)
        elif isinstance(product_ids, Sized):  # the length is what progress is measured by
            # One object a product, so that a malformed id is found before anything is sent; the
            # windows are made when their turn comes.
            reads = _Windows(tuple(map(operation, product_ids)), windows)
        else:
            reads = map(windows, map(operation, product_ids))
        return self._session.fan_out(
            reads,
            concurrency=concurrency,
            ordered=ordered,
            executor=executor,
            on_progress=on_progress,
            timeouts=timeouts,
        )


class _Windows:
    """Reads with a known number, each made of windows when its turn comes."""

    def __init__(
        self,
        operations: tuple[ListAvailabilities, ...],
        windows: Callable[[ListAvailabilities], _Read],
    ) -> None:
        self._operations = operations
        self._windows = windows

    def __len__(self) -> int:
        return len(self._operations)

    def __iter__(self) -> Iterator[_Read]:
        return map(self._windows, self._operations)


def _all_together(lists: tuple[AvailabilityList, ...]) -> AvailabilityList:
    whole = reduce(_together, lists)
    refuse_unreadable(whole.availabilities, "$.availabilities")
    return whole


def _window(whole: ListAvailabilities, first: date, last: date) -> ListAvailabilitiesWindow:
    return ListAvailabilitiesWindow(product_id=whole.product_id, from_date=first, to_date=last)
