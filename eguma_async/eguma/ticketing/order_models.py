"""Orders: what they look like."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import attrs

from eguma_async.core.enums import OpenEnum
from eguma_async.core.fields import LENIENT
from eguma_async.core.scalars import Cents

if TYPE_CHECKING:
    from eguma_async.rendering.pdf import PageSize, TicketPage
    from eguma_async.rendering.qr import TicketCode

    from .products import Product, SlotType


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

    def qr(self) -> TicketCode:
        """Return its code, which the gate scans.

        Raises:
            ConfigurationError: The number is nothing that a code can say.
        """
        from eguma_async.rendering.qr import TicketCode

        return TicketCode(self.number)


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

    def shown_start(self, slot_type: SlotType | None = None) -> datetime | date | None:
        """Return when it starts, as people are told: a day without a time if it is for that day.

        Args:
            slot_type: That of the product. If it is not known, midnight stands for the whole day.
        """
        from eguma_async.rendering.pdf import shown_start

        if self.starts_at is None:
            return None
        midnight = self.starts_at.time() == time()
        known = slot_type in ("day", "time")
        return shown_start(self.starts_at, whole_day=slot_type == "day" if known else midnight)


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

    def pages(
        self, products: Iterable[Product] = (), *, merchant: str = ""
    ) -> tuple[TicketPage, ...]:
        """Return what a page for each of its tickets shows, in its language.

        Args:
            products: Those of the merchant, which tell whether one is for a whole day. A line whose
                product is not among them is for a whole day if it starts at midnight.
            merchant: Who sells it, such as `ProductList.company_name`.

        Raises:
            ConfigurationError: A number is nothing that a code can say.
        """
        from eguma_async.rendering.pdf import TicketPage

        slot_types = {product.id: product.slot_type for product in products}
        return tuple(
            TicketPage(
                number=ticket.number,
                product=line.name,
                category=line.ticket_type_name,
                starts=line.shown_start(slot_types.get(line.product_id)),
                reference=self.order_number,
                merchant=merchant,
                persons=ticket.count_people,
                language=self.language,
                is_cancelled=self.status is OrderStatus.CANCELLED,
            )
            for line in self.order_lines
            for ticket in line.tickets
        )

    def pdf(
        self,
        products: Iterable[Product] = (),
        *,
        merchant: str = "",
        size: PageSize = "a4",
        font: Path | str | None = None,
    ) -> bytes:
        """Return its tickets in PDF, a page for each, in its language.

        It is drawn by packages of the extra `pdf`: ``pip install 'eguma_async[pdf]'``. The pages of
        a cancelled order say so, and have no code.

        Args:
            products: As for `pages`.
            merchant: As for `pages`.
            size: Of the paper.
            font: A TrueType font, for what is not western European.

        Raises:
            ConfigurationError: The order has no ticket, an argument is wrong, or a package is
                missing.
        """
        from eguma_async.rendering.pdf import tickets_pdf

        return tickets_pdf(self.pages(products, merchant=merchant), size=size, font=font)
