"""What an order is asked with, and what it looks like."""

from __future__ import annotations

import re
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import attrs

from eguma_async.core import checks
from eguma_async.core.enums import OpenEnum
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fields import LENIENT, LOCAL, wire_named
from eguma_async.core.listing import UnreadableElement, unreadable_of
from eguma_async.korus.errors import PartialFailureError, says_expired
from eguma_async.korus.json_ld import RAW, Iri, Resource
from eguma_async.korus.operations import optional

from .reservation_models import TicketSeating, named_in, violations_of, words_of

if TYPE_CHECKING:
    from eguma_async.rendering.qr import TicketCode

Day: TypeAlias = date

_COUNTRY = re.compile(r"[A-Z]{2}", re.ASCII)
_LANGUAGE = re.compile(r"[a-z]{2}", re.ASCII)


class Title(OpenEnum):
    """How a person is addressed."""

    MR = "mr"
    MRS = "mrs"
    MX = "mx"


class OrderStatus(OpenEnum):
    """State of an order."""

    CONFIRMED = "confirmed"
    CANCELLED = "cancelled"


class TicketStatus(OpenEnum):
    """State of a ticket."""

    WAITING_BENEFICIARY_DATA = "waiting_beneficiary_data"
    VALIDATED = "validated"


def _country(instance: object, field: checks.Field, value: object) -> None:
    if not (isinstance(value, str) and _COUNTRY.fullmatch(value)):
        raise ConfigurationError(f"{field.name} must be two capitals (ISO 3166-1), such as FR")


def _language(instance: object, field: checks.Field, value: object) -> None:
    if not (isinstance(value, str) and _LANGUAGE.fullmatch(value)):
        raise ConfigurationError(f"{field.name} must be two letters (ISO 639-1), such as fr")


def _title(value: Any) -> Any:
    return Title(value) if isinstance(value, str) else value


@attrs.frozen
class Customer:
    """Who buys. It is in no ``repr``.

    Attributes:
        firstname: Not empty, as are `lastname` and `email`.
        phone: Free text.
        country: ISO 3166-1 alpha-2, in capitals.
        language: ISO 639-1.
        optin: Consent to marketing.
        title: How to address the person.
    """

    firstname: str = attrs.field(validator=checks.text, repr=False)
    lastname: str = attrs.field(validator=checks.text, repr=False)
    email: str = attrs.field(validator=checks.text, repr=False)
    phone: str | None = attrs.field(
        default=None, kw_only=True, validator=optional(checks.text), repr=False
    )
    country: str | None = attrs.field(
        default=None, kw_only=True, validator=optional(_country), repr=False
    )
    language: str | None = attrs.field(
        default=None, kw_only=True, validator=optional(_language), repr=False
    )
    optin: bool | None = attrs.field(default=None, kw_only=True, repr=False)
    title: Title | None = attrs.field(default=None, kw_only=True, converter=_title, repr=False)


@attrs.frozen(kw_only=True)
class OrderCustomer:
    """Who bought, as the server tells it: any of it may be None, and none is in a ``repr``."""

    firstname: str | None = attrs.field(default=None, repr=False)
    lastname: str | None = attrs.field(default=None, repr=False)
    email: str | None = attrs.field(default=None, repr=False)
    phone: str | None = attrs.field(default=None, repr=False)
    country: str | None = attrs.field(default=None, repr=False)
    language: str | None = attrs.field(default=None, repr=False)
    optin: bool | None = attrs.field(default=None, repr=False)
    title: Title | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class Beneficiary:
    """Who uses a ticket. It is in no ``repr``.

    Attributes:
        firstname: Needed, as is `lastname`; the others only if the ticket asks for them.
        title: How to address the person.
        nationality: ISO 3166-1 alpha-2, in capitals.
    """

    firstname: str | None = attrs.field(default=None, repr=False)
    lastname: str | None = attrs.field(default=None, repr=False)
    title: Title | None = attrs.field(default=None, repr=False)
    nationality: str | None = attrs.field(default=None, repr=False)
    date_of_birth: Day | None = attrs.field(default=None, repr=False)
    place_of_birth: str | None = attrs.field(default=None, repr=False)
    email: str | None = attrs.field(default=None, repr=False)
    phone: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class OrderTicket(Resource):
    """A ticket of an order.

    Attributes:
        iri: In the response to a fresh order it may be a name for that alone; read the order
            again for the one `Beneficiaries` takes.
        ticket: Ticket of the offer; None from newer servers.
        voucher: Entry code; None without one.
        occurs_at: Start of the session, with the venue's offset; None for whole-day access.
        event: Name of the event, from older servers.
        required_beneficiary_fields: Names of what is still to be told of the beneficiary, as the
            API writes them.
        beneficiary: Who uses it; None if nobody is named.
        beneficiary_designation_deadline: Last moment to name somebody, with the venue's offset.
        beneficiary_amendable: True if that may be changed later.
        seating: None without a seat.
    """

    ticket: Iri | None = None
    voucher: str | None = attrs.field(default=None, repr=False)
    occurs_at: datetime | None = None
    event: str | None = None
    required_beneficiary_fields: tuple[str, ...] = ()
    beneficiary: Beneficiary | None = attrs.field(default=None, repr=False)
    beneficiary_designation_deadline: datetime | None = None
    beneficiary_amendable: bool | None = None
    status: TicketStatus | None = None
    seating: TicketSeating | None = None

    def qr(self) -> TicketCode:
        """Return the code of its voucher.

        The API does not say in which kind of code a venue expects it: what the issuer made is in
        the documents of the order.

        Raises:
            ConfigurationError: It has no voucher, or none that a code can say.
        """
        from eguma_async.rendering.qr import TicketCode

        return TicketCode(self.voucher)  # type: ignore[arg-type]  # it refuses None


@attrs.frozen(kw_only=True)
class OrderItem:
    """A line of an order. Which of the amounts are there depends on the server's version.

    Attributes:
        id: None from older servers.
        unit_amount_incl_tax: Price of one unit, in euro.
        total_amount_incl_tax: Price of the line.
        amount_incl_tax: Older name; what it means for more than one unit is not known.
        quantity: None if the server does not say.
        date: Day of the offer; None if undated.
        tickets: As many as the issuer makes of it.
    """

    id: str | None = None
    product: Iri | None = None
    unit_amount_incl_tax: Decimal | None = None
    unit_amount_excl_tax: Decimal | None = None
    total_amount_incl_tax: Decimal | None = None
    total_amount_excl_tax: Decimal | None = None
    amount_incl_tax: Decimal | None = None
    amount_excl_tax: Decimal | None = None
    quantity: int | None = None
    date: Day | None = None
    tickets: tuple[OrderTicket, ...] = ()


@attrs.frozen(kw_only=True)
class Order(Resource):
    """A booking in the issuer's system, made of one reservation.

    Attributes:
        created_at: In UTC.
        reference: The server's own reference.
        external_reference: Yours; several orders may share it. None if none was given.
        reservation: What it was made of.
        total_amount_incl_tax: In euro.
        customer: None if the server does not repeat it.
        documents: IRIs of the documents, for `Documents`.
        connector_reference: Booking number in the issuer's system.
        status: None from older servers.
        cancelled_at: When it was cancelled; None if it was not.
        notes: None if the server does not repeat them.
    """

    created_at: datetime
    reference: str
    reservation: Iri
    total_amount_incl_tax: Decimal
    total_amount_excl_tax: Decimal | None = None
    external_reference: str | None = None
    customer: OrderCustomer | None = None
    items: tuple[OrderItem, ...] = ()
    documents: tuple[Iri, ...] = ()
    organization: Iri | None = None
    catalog: Iri | None = None
    connector_reference: str | None = None
    status: OrderStatus | None = None
    cancelled_at: datetime | None = None
    notes: str | None = attrs.field(default=None, repr=False)


@attrs.frozen(kw_only=True)
class FailedOrder:
    """A reservation that could not be ordered. It may be tried again until it expires.

    Attributes:
        raw: The element as it came; its shape is not published. If the call was refused as a
            whole, what of the refusal concerns this reservation, at its place in the call.
    """

    raw: dict[str, Any] = attrs.field(repr=False, hash=False, metadata=RAW)

    @property
    def reservation(self) -> Iri | None:
        """IRI of the reservation, if it is there."""
        return named_in(self.raw, "reservation", "/reservations/")

    @property
    def message(self) -> str:
        """The server's words; empty if there are none."""
        return words_of(self.raw)

    @property
    def expired(self) -> bool:
        """True if the server said, in its code, that the reservation has expired."""
        return any(
            says_expired(violation.get("propertyPath"), violation.get("code"))
            for violation in violations_of(self.raw)
        )


@attrs.frozen(kw_only=True)
class BulkOrders:
    """What came of a request to order several reservations. Look at both sides.

    Attributes:
        orders: What is booked, one for each reservation. An order that was looked for after a
            lost response may have been cancelled since: see `Order.status`.
        failed: What could not be booked.
        unaccounted: Reservations that were sent and stand on neither side.
        persisted: True if the journal has it; False if it could not be written there; None without
            a journal.
    """

    orders: tuple[Order, ...] = attrs.field(metadata=LENIENT)
    failed: tuple[FailedOrder, ...] = attrs.field(default=(), metadata=wire_named("failedOrders"))
    unaccounted: tuple[str, ...] = attrs.field(default=(), metadata=LOCAL)
    persisted: bool | None = attrs.field(default=None, metadata=LOCAL)

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """Orders that were made and cannot be read. Their reservations are unaccounted for."""
        return unreadable_of(self.orders)

    def raise_for_failures(self) -> None:
        """Do nothing if everything is booked.

        Raises:
            PartialFailureError: Something is not, or is cancelled already. What is booked stays
                booked.
        """
        cancelled = [o.reservation for o in self.orders if o.status == OrderStatus.CANCELLED]
        if self.failed or self.unaccounted or self.unreadable or cancelled:
            refused = (f"{f.reservation or 'a reservation'} was refused" for f in self.failed)
            lost = (
                f"{reservation} neither ordered nor refused" for reservation in self.unaccounted
            )
            gone = (f"the order of {reservation} was cancelled" for reservation in cancelled)
            raise PartialFailureError(
                f"{len(self.failed)} reservations could not be ordered,"
                f" {len(self.unaccounted)} are not in the response;"
                f" {len(self.orders)} orders were made"
                + (f", {len(cancelled)} of them cancelled since" if cancelled else ""),
                result=self,
                differences=(*refused, *lost, *gone),
            )
