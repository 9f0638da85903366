"""e-guma's resources: products, availabilities, reservations, bookings, orders, tickets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .availabilities import Availabilities
from .bookings import Bookings
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
    """

    def __init__(self, session: Session) -> None:
        self.products = Products(session)
        self.availabilities = Availabilities(session)
        self.reservations = Reservations(session)
        self.bookings = Bookings(session)
        self.orders = Orders(session)
        self.tickets = Tickets(session)
