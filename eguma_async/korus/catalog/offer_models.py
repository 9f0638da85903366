"""What an offer looks like."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any, TypeAlias

import attrs

from eguma_async.core.fields import also_named
from eguma_async.korus.json_ld import RAW, Iri, Resource

Day: TypeAlias = date


def upper(text: str) -> str:
    """Return a text in capitals."""
    return text.upper()


@attrs.frozen(kw_only=True)
class OfferPrice:
    """A price of one unit. It becomes firm only in a reservation.

    Attributes:
        amount_incl_tax: To pay.
        amount_excl_tax: None if the issuer does not supply it.
        original_amount_incl_tax: Price before a discount; None without one.
        currency: ISO 4217, in capitals.
    """

    amount_incl_tax: Decimal
    amount_excl_tax: Decimal | None = None
    original_amount_incl_tax: Decimal | None = None
    currency: str = attrs.field(default="EUR", converter=upper)


@attrs.frozen(kw_only=True)
class OfferProduct(Resource):
    """The product of an offer; all but the IRI may be None, as a server may send that alone."""

    name: str | None = None
    description: str | None = None
    disabled: bool | None = None


@attrs.frozen(kw_only=True)
class OfferTicket(Resource):
    """A ticket contained in an offer; inside of an offer, all but the IRI may be None.

    Attributes:
        name: Translated.
        description: HTML, possibly empty.
        date_access: True if it holds the whole day; False if exactly one session must be chosen.
        form: Form to fill in, from older servers; None otherwise.
    """

    name: str | None = None
    description: str | None = None
    date_access: bool | None = None
    form: Iri | None = None


@attrs.frozen(kw_only=True)
class Offer(Resource):
    """A product that can be reserved.

    Attributes:
        date: Day it is valid; None if undated.
        product: What is sold.
        tickets: What it contains; a reservation must name each of them.
        price: None if the server sends none.
        availability_check_required: True if `Offers.availability` should be asked first. True as
            well if the server does not say: asking costs one read.
        realtime_price_required: The same for `Offers.price`.
        available_quantity: Stock, near to real time; None if not limited.
    """

    product: OfferProduct
    date: Day | None = None
    tickets: tuple[OfferTicket, ...] = ()
    price: OfferPrice | None = None
    availability_check_required: bool = True
    realtime_price_required: bool = True
    available_quantity: int | None = None


@attrs.frozen(kw_only=True)
class SessionAvailability:
    """The stock of one session.

    Attributes:
        session: IRI of the session.
        available_quantity: Places left.
    """

    session: Iri
    available_quantity: int | None = None


@attrs.frozen(kw_only=True)
class OfferAvailability:
    """The stock of an offer at this moment. It holds nothing.

    Attributes:
        available_quantity: Units left; None if not limited.
        sessions_availability: One for each session; empty from older servers.
    """

    available_quantity: int | None = None
    sessions_availability: tuple[SessionAvailability, ...] = ()


@attrs.frozen(kw_only=True)
class OfferSession(Resource):
    """A time slot of a ticket. Its fields are not published; `raw` has them all.

    Attributes:
        occurs_at: Start, with the venue's offset.
        available_quantity: Places left; None if unknown.
        raw: The object as it came.
    """

    occurs_at: datetime | None = attrs.field(
        default=None, metadata=also_named("startsAt", "startAt", "date")
    )
    available_quantity: int | None = None
    raw: dict[str, Any] = attrs.field(factory=dict, repr=False, eq=False, metadata=RAW)
