"""What the simulated catalogs hold, from the catalog down to the session of a ticket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TypeAlias

import attrs

from . import ids

Text: TypeAlias = Mapping[str, str]
"""A text by language; French is always there."""

CENT = Decimal("0.01")
TAX_FACTOR = Decimal("1.055")
SEATS_PER_ROW = 20


def without_tax(amount: Decimal) -> Decimal:
    """Return an amount without the 5.5 % of tax, rounded half up to cents."""
    return (amount / TAX_FACTOR).quantize(CENT, ROUND_HALF_UP)


@attrs.define(eq=False, kw_only=True)
class Organization:
    """A customer of the API with its credentials."""

    id: str
    name: str
    client_id: str
    client_secret: str = attrs.field(repr=False)
    catalogs: set[str] = attrs.field(factory=set)


@attrs.define(eq=False, kw_only=True)
class Catalog:
    """What one issuer sells. The first language is the default one."""

    id: str
    name: str
    created_at: datetime
    languages: tuple[str, ...] = ("fr", "en")
    bases: list[ProductBase] = attrs.field(factory=list, repr=False)
    products: list[Product] = attrs.field(factory=list, repr=False)
    offers: list[Offer] = attrs.field(factory=list, repr=False)

    @property
    def iri(self) -> str:
        """Address."""
        return f"{ids.CATALOGS}/{self.id}"

    @property
    def catalog(self) -> Catalog:
        """The catalog this belongs to, as all records of a catalog have it."""
        return self


@attrs.define(eq=False, kw_only=True)
class ProductBase:
    """A main entry of a catalog.

    Attributes:
        document_delay: How long after an order its documents are ready.
        maximum: Most units of this base in one order; None for no limit.
        options: Values by option code, each with its label.
    """

    catalog: Catalog = attrs.field(repr=False)
    id: str
    name: Text
    description: Text
    disabled: bool = False
    use_session: bool = False
    recurring: bool = True
    asks_names: bool = False
    document_delay: timedelta = timedelta()
    maximum: int | None = None
    universe: str = "leisure"
    venue: Mapping[str, str | None] | None = None
    options: Mapping[str, Mapping[str, Text]] = attrs.field(factory=dict, repr=False)
    products: list[Product] = attrs.field(factory=list, repr=False)

    @property
    def iri(self) -> str:
        """Address."""
        return f"{self.catalog.iri}/product_bases/{self.id}"


@attrs.define(eq=False, kw_only=True)
class Product:
    """A variant of a product base."""

    base: ProductBase = attrs.field(repr=False)
    id: str
    name: Text
    description: Text
    switched_off: bool = False
    option_values: frozenset[str] = frozenset()

    @property
    def iri(self) -> str:
        """Address."""
        return f"{self.catalog.iri}/products/{self.id}"

    @property
    def catalog(self) -> Catalog:
        """The catalog this belongs to."""
        return self.base.catalog

    @property
    def disabled(self) -> bool:
        """Not for sale, by itself or with its whole base."""
        return self.switched_off or self.base.disabled


@attrs.define(eq=False, kw_only=True)
class Failure:
    """The issuer's system fails for an offer.

    Attributes:
        at: ``"reservation"`` or ``"ordering"``.
        times: How often it will still fail; None for always.
        message: What the issuer says.
    """

    at: str
    times: int | None = None
    message: str = "Refused by the issuer's system"

    def strikes(self, at: str) -> bool:
        """Tell whether it fails at this point, and count that."""
        if self.at != at or self.times == 0:
            return False
        if self.times is not None:
            self.times -= 1
        return True


@attrs.define(eq=False, kw_only=True)
class Offer:
    """A price and a stock for a product, for a day or undated.

    Attributes:
        price: What a unit costs now, tax included.
        price_without_tax: The same without tax, if the issuer names it; else it is computed.
        quotes_tax: Whether the price operation tells the amount without tax.
        listed_price: What the offer list says, if that lags behind `price`.
        original_price: Price before a discount.
        stock: Units that can be sold in all; None without limit.
        taken: Units held or sold.
        hold: How long reservations live; None for the sandbox's default.
        failure: What its issuer's system does wrong.
        label: What it demonstrates, such as ``"sold_out"``; empty for no example.
    """

    product: Product = attrs.field(repr=False)
    id: str
    date: date | None
    price: Decimal
    price_without_tax: Decimal | None = None
    quotes_tax: bool = True
    listed_price: Decimal | None = None
    original_price: Decimal | None = None
    stock: int | None = None
    taken: int = 0
    availability_check: bool = False
    hold: timedelta | None = None
    failure: Failure | None = None
    label: str = ""
    tickets: list[OfferTicket] = attrs.field(factory=list, repr=False)

    @property
    def iri(self) -> str:
        """Address."""
        return f"{self.catalog.iri}/offers/{self.id}"

    @property
    def catalog(self) -> Catalog:
        """The catalog this belongs to."""
        return self.product.catalog

    @property
    def available(self) -> int | None:
        """Units left; None without limit."""
        return None if self.stock is None else max(0, self.stock - self.taken)

    @property
    def amount_without_tax(self) -> Decimal:
        """What a unit costs now, without tax."""
        return self.price_without_tax or without_tax(self.price)

    def fails(self, at: str) -> str | None:
        """Return what the issuer says if its system fails at this point, and count that."""
        if self.failure is None or not self.failure.strikes(at):
            return None
        return self.failure.message


@attrs.define(eq=False, kw_only=True)
class OfferTicket:
    """A ticket contained in an offer.

    Attributes:
        whole_day: No session is to be chosen.
        vouchers: Order tickets get an entry code.
        asked: Beneficiary fields demanded after the order.
        amendable: A beneficiary may be changed once set.
        deadline: Last moment to name the beneficiary.
        stand: Stand whose seats are given out; None without seats.
    """

    offer: Offer = attrs.field(repr=False)
    id: str
    name: Text
    description: Text
    whole_day: bool
    vouchers: bool = True
    asked: tuple[str, ...] = ()
    amendable: bool = True
    deadline: datetime | None = None
    stand: str | None = None
    seats: Seats = attrs.field(factory=lambda: Seats(), repr=False)  # noqa: PLW0108  # defined below
    sessions: list[TicketSession] = attrs.field(factory=list, repr=False)

    @property
    def iri(self) -> str:
        """Address."""
        return f"{self.offer.iri}/tickets/{self.id}"

    @property
    def catalog(self) -> Catalog:
        """The catalog this belongs to."""
        return self.offer.catalog


@attrs.define(eq=False, kw_only=True)
class TicketSession:
    """One time slot of an offer ticket; its stock is always limited."""

    ticket: OfferTicket = attrs.field(repr=False)
    id: str
    occurs_at: datetime
    stock: int
    taken: int = 0
    seats: Seats = attrs.field(factory=lambda: Seats(), repr=False)  # noqa: PLW0108  # defined below

    @property
    def iri(self) -> str:
        """Address."""
        return f"{self.ticket.iri}/sessions/{self.id}"

    @property
    def catalog(self) -> Catalog:
        """The catalog this belongs to."""
        return self.ticket.catalog

    @property
    def available(self) -> int:
        """Places left."""
        return max(0, self.stock - self.taken)


class Seats:
    """The seats of one place and time, by number from 0; the lowest free ones go first."""

    def __init__(self) -> None:
        self._taken: set[int] = set()

    def take(self, count: int) -> tuple[int, ...]:
        """Take the lowest free seats."""
        chosen: list[int] = []
        number = 0
        while len(chosen) < count:
            if number not in self._taken:
                chosen.append(number)
            number += 1
        self._taken.update(chosen)
        return tuple(chosen)

    def give_back(self, numbers: tuple[int, ...]) -> None:
        """Free seats again."""
        self._taken.difference_update(numbers)


def adjacent(numbers: tuple[int, ...]) -> bool:
    """Tell whether seats are side by side in one row."""
    first, last = min(numbers), max(numbers)
    return last - first == len(numbers) - 1 and first // SEATS_PER_ROW == last // SEATS_PER_ROW
