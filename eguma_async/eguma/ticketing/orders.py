"""Orders: what was sold, by this API and elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.enums import OpenEnum
from eguma_async.core.fields import LENIENT
from eguma_async.core.listing import Listing, refuse_unreadable
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import Operation, ResponseContext, in_query
from eguma_async.core.scalars import Cents
from eguma_async.eguma.checks import naive_instant
from eguma_async.eguma.merchant_time import lower_bound, upper_bound

from .matching import member, only

if TYPE_CHECKING:
    from eguma_async.core.session import ElementStream, Session


class OrderStatus(OpenEnum):
    """State of an order."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"


class OrderLocation(OpenEnum):
    """Where an order was made."""

    WEB = "web"
    LOCAL = "local"


class CustomerTitle(OpenEnum):
    """How a customer is addressed."""

    MR = "Mr"
    MRS = "Mrs"
    COMPANY = "Company"


@attrs.frozen(kw_only=True)
class OrderCustomer:
    """Who bought. Fields that were not asked for are None or empty; none of it is in a ``repr``.

    Attributes:
        country: ISO 3166-1 alpha-2.
        double_opt_in_confirmed_at: Wall-clock time without zone.
    """

    id: str | None = None
    title: CustomerTitle | None = attrs.field(default=None, repr=False)
    first_name: str | None = attrs.field(default=None, repr=False)
    last_name: str | None = attrs.field(default=None, repr=False)
    company: str | None = attrs.field(default=None, repr=False)
    street: str | None = attrs.field(default=None, repr=False)
    zip: str | None = attrs.field(default=None, repr=False)
    city: str | None = attrs.field(default=None, repr=False)
    country: str | None = attrs.field(default=None, repr=False)
    email: str | None = attrs.field(default=None, repr=False)
    accepts_marketing: bool | None = attrs.field(default=None, repr=False)
    double_opt_in_confirmed_at: datetime | None = attrs.field(default=None, repr=False)
    phone: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class TicketAnswer:
    """A customer's answer to a question on a ticket. Nothing in it is needed to sell.

    Attributes:
        name: The question.
        type: Seen so far: ``text``, ``dateTime`` (a date), ``optionId``.
        value: Whatever JSON the server keeps for it, such as a text, a number, true or a list;
            None or empty if unanswered.
    """

    name: str = ""
    type: str = ""
    value: Any = attrs.field(default=None, repr=False, hash=False)


@attrs.frozen(kw_only=True)
class OrderTicket:
    """A ticket of an order.

    Attributes:
        number: 19 digits; what a booking calls `ticket_number`.
        count_people: How many persons it admits.
        answers: Empty if there are no questions. One that cannot be read does not matter to the
            sale: it is in the `Listing.unreadable` of this tuple.
    """

    number: str
    count_people: int = 1
    answers: tuple[TicketAnswer, ...] = attrs.field(default=(), metadata=LENIENT)


@attrs.frozen(kw_only=True)
class OrderLine:
    """A line of an order.

    Attributes:
        product_id: Event or admission.
        name: Its name.
        starts_at: Wall-clock time without zone; None for an admission without a date.
        ticket_type_id: Not known to be the same as a `category_id`.
        unit_price_in_cents: None if the server does not send it.
        total_price_in_cents: Quantity times unit price.
        total_count_people: Persons for this ticket type.
    """

    product_id: str
    name: str
    ticket_type_id: str
    ticket_type_name: str
    quantity: int
    total_price_in_cents: Cents
    total_count_people: int
    starts_at: datetime | None = None
    unit_price_in_cents: Cents | None = None
    tags: tuple[str, ...] = ()
    tickets: tuple[OrderTicket, ...] = ()


@attrs.frozen(kw_only=True)
class Payment:
    """A payment of an order.

    Attributes:
        amount_in_cents: In the order's currency.
        is_complimentary: True if nothing was paid.
    """

    payment_id: str
    name: str
    amount_in_cents: Cents
    is_complimentary: bool


@attrs.frozen(kw_only=True)
class Order:
    """An order of the merchant, made by this API, in the web shop or at the desk.

    Its lines, tickets and payments are read all or not at all: what is missing would make a wrong
    total.

    Attributes:
        id: For an order made by this API, its `booking_id`.
        order_number: For an order made by this API, its `booking_reference`.
        created_at: Wall-clock time without zone.
        updated_at: The same; equal to `created_at` until something changes.
        currency: ISO 4217.
        language: ISO 639-1.
        note: Internal and external notes together.
        discount_in_cents: Total discount.
        grand_total_in_cents: Lines, shipping fee and discounts together.
        promocode: Code that was used, if any.
        promocode_name: Its internal name.
        customer: None if nobody was named.
    """

    id: str
    order_number: str
    status: OrderStatus
    created_at: datetime
    updated_at: datetime
    currency: str
    language: str
    location: OrderLocation
    discount_in_cents: Cents
    grand_total_in_cents: Cents
    order_lines: tuple[OrderLine, ...]
    payments: tuple[Payment, ...]
    customer: OrderCustomer | None = None
    note: str = attrs.field(default="", repr=False)
    tags: tuple[str, ...] = ()
    promocode: str | None = None
    promocode_name: str | None = None


def _lower(bound: Any) -> Any:
    return lower_bound(bound) if _is_naive(bound) else bound


def _upper(bound: Any) -> Any:
    return upper_bound(bound) if _is_naive(bound) else bound


def _is_naive(bound: object) -> bool:
    return isinstance(bound, datetime) and bound.tzinfo is None


@attrs.frozen(kw_only=True)
class ListOrders(Operation[Listing[Order]]):
    """List the merchant's ticket orders.

    Both bounds are widened so that nothing is lost: to whole seconds, which is all the API takes,
    and to the end of the hour that autumn repeats, of which a time without zone does not tell the
    one from the other.

    Source: article "List of Ticket-Orders" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/orders.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    updated_at_after: datetime | None = attrs.field(
        default=None,
        converter=_lower,
        validator=attrs.validators.optional(naive_instant),
        metadata=in_query("updated_at_after"),
    )
    updated_at_before: datetime | None = attrs.field(
        default=None,
        converter=_upper,
        validator=attrs.validators.optional(naive_instant),
        metadata=in_query("updated_at_before"),
    )
    order_number: str | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(checks.text),
        metadata=in_query("order_number"),
    )
    last_name: str | None = attrs.field(
        default=None,
        repr=False,
        validator=attrs.validators.optional(checks.text),
        metadata=in_query("last_name"),
    )

    def complete(self, value: Listing[Order], context: ResponseContext, /) -> Listing[Order]:
        """Leave out orders of other numbers: the one that is left is the one to be cancelled.

        The other filters are the server's to interpret: it does not say in which zone it keeps
        its times, nor which of an order's persons it looks at. Too many orders do no harm there.
        """
        refuse_unreadable(value, "$")
        return self.sift(value)

    def sift(self, elements: Listing[Order], /) -> Listing[Order]:
        """Do the same with a part of the list."""
        number = self.order_number
        if number is None:
            return elements
        return only(
            elements,
            lambda order: _same_number(order.order_number, number),
            lambda raw: _same_number(member(raw, "order_number"), number),
        )


def _same_number(found: object, asked: str) -> bool:
    """Tell whether an order number may be the one asked for; one that is missing may."""
    return found is None or str(found).strip().casefold() == asked.strip().casefold()


class Orders:
    """``session.ticketing.orders``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(
        self,
        *,
        updated_at_after: datetime | None = None,
        updated_at_before: datetime | None = None,
        order_number: str | None = None,
        last_name: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> Listing[Order]:
        """List the orders that match all of the given filters. There are no pages.

        An order that cannot be read does not hide the others: it is in ``unreadable`` of the
        result, to be looked at before concluding that an order is not there.

        Whoever polls with the highest `updated_at` seen meets some orders again, and in the hour
        that autumn repeats all of that hour: tell them apart by `Order.id`.

        Args:
            updated_at_after: Changed at this moment or later; wall-clock time without zone. It is
                rounded down to whole seconds, and to the earlier reading where the clocks change.
            updated_at_before: Changed before this moment; rounded up likewise.
            order_number: Exactly this number.
            last_name: Exactly this last name, upper and lower case told apart.
            timeouts: Limits of each attempt of this call.

        Raises:
            ConfigurationError: A moment has a time zone, or a text is empty.
            DecodingError: None of the orders can be read.
        """
        operation = ListOrders(
            updated_at_after=updated_at_after,
            updated_at_before=updated_at_before,
            order_number=order_number,
            last_name=last_name,
        )
        del last_name  # a traceback that shows variables would show it
        return await self._session.send(operation, timeouts=timeouts)

    def stream(
        self,
        *,
        updated_at_after: datetime | None = None,
        updated_at_before: datetime | None = None,
        order_number: str | None = None,
        last_name: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> ElementStream[Order]:
        """Read the orders that `list` would return one by one, however many there are.

        ::

            async for order in session.ticketing.orders.stream(updated_at_after=since):
                ...

        The memory it takes does not grow with their number, and the server waits for the reader.
        Each ``async for`` asks anew; a request that fails is sent again as long as nothing was
        handed on.

        Args:
            updated_at_after: As for `list`.
            updated_at_before: As for `list`.
            order_number: As for `list`.
            last_name: As for `list`.
            timeouts: Limits of each attempt; by default the session's, but an hour in total, since
                the reader's own time counts too.

        Raises:
            ConfigurationError: As for `list`.
        """
        operation = ListOrders(
            updated_at_after=updated_at_after,
            updated_at_before=updated_at_before,
            order_number=order_number,
            last_name=last_name,
        )
        del last_name  # as above
        return self._session.elements(operation, timeouts=timeouts)
