"""What a reservation is asked with, and what it looks like."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import attrs

from eguma_async.core import checks
from eguma_async.core.enums import OpenEnum
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.fields import LENIENT, LOCAL, also_named, wire_named
from eguma_async.core.listing import UnreadableElement, unreadable_of
from eguma_async.korus.errors import PartialFailureError
from eguma_async.korus.json_ld import RAW, Iri, Resource, as_list, link_of
from eguma_async.korus.operations import as_tuple, iri, optional

Day: TypeAlias = date


class ReservationStatus(OpenEnum):
    """State of a reservation."""

    RESERVED = "reserved"
    RELEASED = "released"


class SeatsArrangement(OpenEnum):
    """Whether the held seats are side by side."""

    ADJACENT = "ADJACENT"
    NON_ADJACENT = "NON_ADJACENT"
    UNKNOWN = "UNKNOWN"


@attrs.frozen
class TicketChoice:
    """A ticket of an offer, with the session chosen for it.

    Attributes:
        ticket: IRI of the ticket.
        session: IRI of the session; None for a ticket with whole-day access.
    """

    ticket: str = attrs.field(validator=iri)
    session: str | None = attrs.field(default=None, validator=optional(iri))


def _choices(instance: object, field: checks.Field, values: tuple[Any, ...]) -> None:
    if not values or not all(isinstance(value, TicketChoice) for value in values):
        raise ConfigurationError(
            f"{field.name} must hold a TicketChoice for each ticket of the offer"
        )
    if checks.repeated(value.ticket for value in values) is not None:
        raise ConfigurationError(
            f"{field.name} names a ticket twice; for other sessions add another OfferItem"
        )


@attrs.frozen
class OfferItem:
    """A number of units of one offer.

    Attributes:
        offer: IRI of the offer.
        ticket_sessions: One `TicketChoice` for each ticket of the offer.
        quantity: How many, above 0.
    """

    offer: str = attrs.field(validator=iri)
    ticket_sessions: tuple[TicketChoice, ...] = attrs.field(converter=as_tuple, validator=_choices)
    quantity: int = attrs.field(default=1, validator=checks.positive_count)


def offer_items(instance: object, field: checks.Field, values: tuple[Any, ...]) -> None:
    """Accept at least one `OfferItem`."""
    if not values or not all(isinstance(value, OfferItem) for value in values):
        raise ConfigurationError(f"{field.name} must hold at least one OfferItem, and nothing else")


@attrs.frozen(kw_only=True)
class TicketSeating:
    """A seat. All of it is text, and any of it may be missing."""

    seat_number: str | None = None
    level: str | None = None
    row: str | None = None
    stand: str | None = None
    stair: str | None = None
    gate: str | None = None


@attrs.frozen(kw_only=True)
class ReservedTicket:
    """A ticket of a reserved offer.

    Attributes:
        ticket: As it was asked for.
        session: As it was asked for; None for whole-day access.
        seating: Seat, if it is known already.
    """

    ticket: Iri
    session: Iri | None = None
    seating: TicketSeating | None = None


@attrs.frozen(kw_only=True)
class ReservedItem:
    """An offer that is held.

    Attributes:
        offer: As it was asked for.
        product: Product of the offer.
        unit_amount_incl_tax: Price of one unit, in euro.
        unit_amount_excl_tax: None if the issuer does not supply it.
        quantity: None if the server does not say.
        date: Day of the offer; None if undated.
        offer_tickets: Its tickets.
    """

    offer: Iri
    product: Iri | None = None
    unit_amount_incl_tax: Decimal = attrs.field(metadata=also_named("amountInclTax"))
    unit_amount_excl_tax: Decimal | None = attrs.field(
        default=None, metadata=also_named("amountExclTax")
    )
    quantity: int | None = None
    date: Day | None = None
    offer_tickets: tuple[ReservedTicket, ...] = ()


@attrs.frozen(kw_only=True)
class Reservation(Resource):
    """Offers held until `expires_at`, at a price that is fixed until then.

    Attributes:
        expired: As the server saw it when it responded.
        created_at: In UTC.
        expires_at: End of the hold, in UTC. It differs from reservation to reservation.
        total_amount_incl_tax: In euro.
        total_amount_excl_tax: None if an issuer does not supply it.
        items: What is held.
        order: IRI of the order made of it; None until then.
        organization: Who reserved; its spelling differs between resources.
        catalog: None from older servers.
        seats_arrangement: None from older servers, as are `releasable` and `status`.
        releasable: True if the hold could be given back early, which no published call does.
    """

    expired: bool
    created_at: datetime
    expires_at: datetime
    total_amount_incl_tax: Decimal
    total_amount_excl_tax: Decimal | None = None
    items: tuple[ReservedItem, ...] = ()
    order: Iri | None = None
    organization: Iri | None = None
    catalog: Iri | None = None
    seats_arrangement: SeatsArrangement | None = None
    releasable: bool | None = None
    status: ReservationStatus | None = None


def words_of(raw: dict[str, Any]) -> str:
    """Return what a failure says, wherever it says it: its shape is not published."""
    for name in ("message", "error", "detail", "description"):
        if isinstance(raw.get(name), str):
            return str(raw[name])
    said = (violation.get("message") for violation in violations_of(raw))
    return "; ".join(text for text in said if isinstance(text, str))


def violations_of(raw: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the broken rules that a failure names."""
    listed = as_list(raw.get("violations"))
    return [v for v in listed if isinstance(v, dict)] if isinstance(listed, list) else []


def named_in(raw: dict[str, Any], member: str, kind: str) -> Iri | None:
    """Return the IRI of what failed: of a member of the failure, or of what stands there itself.

    Args:
        raw: The failure.
        member: Name of the member.
        kind: A part of the path of such an IRI, which tells it from the failure's own name.
    """
    itself = link_of(raw)
    return link_of(raw.get(member)) or (itself if itself and kind in itself else None)


@attrs.frozen(kw_only=True)
class FailedReservation:
    """An offer that could not be reserved.

    Attributes:
        raw: The element as it came; its shape is not published.
    """

    raw: dict[str, Any] = attrs.field(repr=False, hash=False, metadata=RAW)

    @property
    def offer(self) -> Iri | None:
        """IRI of the offer, if it is there."""
        return named_in(self.raw, "offer", "/offers/")

    @property
    def quantity(self) -> int | None:
        """How many units of it, if that is there."""
        quantity = self.raw.get("quantity")
        return quantity if type(quantity) is int and quantity > 0 else None

    @property
    def message(self) -> str:
        """The server's words; empty if there are none."""
        return words_of(self.raw)


@attrs.frozen(kw_only=True)
class BulkReservations:
    """What came of a request to hold several offers. Look at both sides.

    Attributes:
        reservations: What is held. How many there are, and which item went where, is up to the
            server: match them by `ReservedItem.offer`.
        failed: What could not be held.
        missing: Items that were asked for and stand on neither side, with the number of units that
            do not: three units of which two are held are missing once.
    """

    reservations: tuple[Reservation, ...] = attrs.field(metadata=LENIENT)
    failed: tuple[FailedReservation, ...] = attrs.field(
        default=(), metadata=wire_named("failedReservations")
    )
    missing: tuple[OfferItem, ...] = attrs.field(default=(), metadata=LOCAL)

    @property
    def unaccounted(self) -> tuple[str, ...]:
        """Offers of the items that are missing."""
        return tuple(dict.fromkeys(item.offer for item in self.missing))

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """Reservations that were made and cannot be read. What they hold is missing above."""
        return unreadable_of(self.reservations)

    @property
    def total_amount_incl_tax(self) -> Decimal:
        """Price of all that is held, in euro."""
        return sum((r.total_amount_incl_tax for r in self.reservations), Decimal())

    def raise_for_failures(self) -> None:
        """Do nothing if everything is held.

        Raises:
            PartialFailureError: Something is not. What is held stays so until it expires.
        """
        if self.failed or self.missing or self.unreadable:
            refused = (f"{failure.offer or 'an offer'} was refused" for failure in self.failed)
            lost = (f"{i.quantity} of {i.offer} neither held nor refused" for i in self.missing)
            raise PartialFailureError(
                f"offers that could not be reserved: {len(self.failed)}, items not in the response:"
                f" {len(self.missing)}, reservations made: {len(self.reservations)}",
                result=self,
                differences=(*refused, *lost),
            )
