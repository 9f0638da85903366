"""e-guma's resources: products, availabilities, reservations, bookings, orders, tickets, events."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from eguma_async.eguma import merchant_time

from .availabilities import Availabilities
from .bookings import Bookings
from .events import Events
from .orders import Orders
from .products import Products
from .reservations import Reservations
from .tickets import Tickets

if TYPE_CHECKING:
    from eguma_async.core.session import Session

__all__ = ["Ticketing"]


class Ticketing:
    """``session.ticketing``: the ticketing resources of one session.

    Attributes:
        products: The admissions the key may sell.
        availabilities: Their slots.
        reservations: Places held for 60 minutes.
        bookings: Confirmed orders and their cancellation.
        orders: What was sold, here and elsewhere.
        tickets: Check-in and check-out.
        events: What is published in the web shop.
    """

    def __init__(self, session: Session) -> None:
        self.products: Products = Products(session)
        self.availabilities: Availabilities = Availabilities(session)
        self.reservations: Reservations = Reservations(session)
        self.bookings: Bookings = Bookings(session)
        self.orders: Orders = Orders(session)
        self.tickets: Tickets = Tickets(session)
        self.events: Events = Events(session)
        self._session = session

    def today(self) -> date:
        """Return the merchant's day, by the session's clock.

        `datetime.date.today` is the day of the machine: on one that runs in UTC, the day before
        for an hour or two after the merchant's midnight.
        """
        return merchant_time.today(self._session.clock.now())
