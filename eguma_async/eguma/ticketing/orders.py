"""Orders: what was sold, by this API and elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.enums import OpenEnum
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, in_query

if TYPE_CHECKING:
    from eguma_async.core.session import Session


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
    """A customer's answer to a question on a ticket.

    Attributes:
        name: The question.
        type: Seen so far: ``text``, ``dateTime`` (a date), ``optionId``.
        value: None or empty if unanswered.
    """

    name: str
    type: str
    value: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class OrderTicket:
    """A ticket of an order.

    Attributes:
        number: 19 digits; what a booking calls `ticket_number`.
        count_people: How many persons it admits.
        answers: Empty if there are no questions.
    """

    number: str
    count_people: int = 1
    answers: tuple[TicketAnswer, ...] = ()


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
    total_price_in_cents: int
    total_count_people: int
    starts_at: datetime | None = None
    unit_price_in_cents: int | None = None
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
    amount_in_cents: int
    is_complimentary: bool


@attrs.frozen(kw_only=True)
class Order:
    """An order of the merchant, made by this API, in the web shop or at the desk.

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
    discount_in_cents: int
    grand_total_in_cents: int
    order_lines: tuple[OrderLine, ...]
    payments: tuple[Payment, ...]
    customer: OrderCustomer | None = None
    note: str = attrs.field(default="", repr=False)
    tags: tuple[str, ...] = ()
    promocode: str | None = None
    promocode_name: str | None = None


@attrs.frozen(kw_only=True)
class ListOrders(Operation[tuple[Order, ...]]):
    """List the merchant's ticket orders.

    Source: article "List of Ticket-Orders" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/orders.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    updated_at_after: datetime | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(checks.naive_instant),
        metadata=in_query("updated_at_after"),
    )
    updated_at_before: datetime | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(checks.naive_instant),
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
    ) -> tuple[Order, ...]:
        """List the orders that match all of the given filters. There are no pages.

        Args:
            updated_at_after: Changed at this moment or later; wall-clock time without zone,
                whole seconds.
            updated_at_before: Changed before this moment.
            order_number: Exactly this number.
            last_name: Exactly this last name, upper and lower case told apart.
        """
        operation = ListOrders(
            updated_at_after=updated_at_after,
            updated_at_before=updated_at_before,
            order_number=order_number,
            last_name=last_name,
        )
        del last_name  # a traceback that shows variables would show it
        return await self._session.send(operation)
