"""Bookings: who buys, and what comes back."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fields import LOCAL

if TYPE_CHECKING:
    from eguma_async.rendering.pdf import PageSize, TicketPage
    from eguma_async.rendering.qr import TicketCode

    from .products import Product


@attrs.frozen
class Customer:
    """Who buys. It is in no ``repr``.

    Attributes:
        first_name: Not empty.
        last_name: Not empty.
        email: Not empty.
    """

    first_name: str = attrs.field(validator=checks.text, repr=False)
    last_name: str = attrs.field(validator=checks.text, repr=False)
    email: str = attrs.field(validator=checks.text, repr=False)


@attrs.frozen(kw_only=True)
class BookedTicket:
    """One ticket for one unit of quantity.

    Attributes:
        ticket_number: 19 digits, the payload of the QR code.
        category_id: The person category it is for. Empty if the booking was found in the list of
            orders, which does not tell it, and it cannot be concluded from the quantities.
    """

    ticket_number: str
    category_id: str

    def qr(self) -> TicketCode:
        """Return its code, which the gate scans.

        Raises:
            ConfigurationError: The number is nothing that a code can say.
        """
        from eguma_async.rendering.qr import TicketCode

        return TicketCode(self.ticket_number)


@attrs.frozen(kw_only=True)
class Booking:
    """A confirmed order. Its tickets are valid at once.

    Attributes:
        booking_id: Store it: it is what a cancellation needs.
        booking_reference: Order number for humans.
        tickets: One for each unit of quantity, in no promised order.
        language: ISO 639-1 language the tickets are rendered in; None from older servers.
        replayed: True if the server marked this answer as the repetition of an earlier one with
            the same key. False does not prove the opposite.
        idempotency_key: Key the booking was made with.
        persisted: True if the journal has it; False if it could not be written there, so that
            only this object tells of it; None without a journal.
    """

    booking_id: str
    booking_reference: str
    tickets: tuple[BookedTicket, ...]
    language: str | None = None
    replayed: bool = attrs.field(default=False, metadata=LOCAL)
    idempotency_key: str | None = attrs.field(default=None, metadata=LOCAL)
    persisted: bool | None = attrs.field(default=None, metadata=LOCAL)

    def pages(
        self, product: Product, starts_at: datetime | date, *, merchant: str = ""
    ) -> tuple[TicketPage, ...]:
        """Return what a page for each of its tickets shows, in its language.

        Args:
            product: What was booked.
            starts_at: The start that was booked; of a product by the day, its day is shown.
            merchant: Who sells it, such as `ProductList.company_name`.

        Raises:
            ConfigurationError: The product has not the categories of the tickets, or a number is
                nothing that a code can say.
        """
        from eguma_async.rendering.pdf import TicketPage, shown_start

        language = self.language or ""
        categories = {
            category.id: category.name_translations.get(language) or category.name
            for category in product.categories
        }
        if not {ticket.category_id for ticket in self.tickets} <= {"", *categories}:
            raise ConfigurationError("product is not what was booked: its categories are others")
        return tuple(
            TicketPage(
                number=ticket.ticket_number,
                product=product.name_translations.get(language) or product.name,
                category=categories.get(ticket.category_id, ""),
                starts=shown_start(starts_at, whole_day=product.slot_type == "day"),
                reference=self.booking_reference,
                merchant=merchant,
                language=language,
            )
            for ticket in self.tickets
        )

    def pdf(
        self,
        product: Product,
        starts_at: datetime | date,
        *,
        merchant: str = "",
        size: PageSize = "a4",
        font: Path | str | None = None,
    ) -> bytes:
        """Return its tickets in PDF, a page for each, in its language.

        It is drawn by packages of the extra `pdf`: ``pip install 'eguma_async[pdf]'``.

        Args:
            product: As for `pages`.
            starts_at: As for `pages`.
            merchant: As for `pages`.
            size: Of the paper.
            font: A TrueType font, for what is not western European.

        Raises:
            ConfigurationError: An argument is wrong, or a package is missing.
        """
        from eguma_async.rendering.pdf import tickets_pdf

        pages = self.pages(product, starts_at, merchant=merchant)
        return tickets_pdf(pages, size=size, font=font)


@attrs.frozen(kw_only=True)
class CancelledTicket:
    """A ticket that is no longer valid.

    Attributes:
        ticket_number: As it was issued.
    """

    ticket_number: str


@attrs.frozen(kw_only=True)
class CancelledBooking:
    """A booking that was cancelled as a whole.

    Attributes:
        booking_id: The booking.
        booking_reference: Its order number.
        cancelled_tickets: All of its tickets.
        persisted: As that of a `Booking`.
    """

    booking_id: str
    booking_reference: str
    cancelled_tickets: tuple[CancelledTicket, ...]
    persisted: bool | None = attrs.field(default=None, metadata=LOCAL)
