"""e-guma's resources: products, availabilities, reservations, bookings, orders, tickets, events."""

from __future__ import annotations

from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING

from eguma_async.eguma import merchant_time

if TYPE_CHECKING:
    from eguma_async.core.session import Session

    from .availabilities import Availabilities
    from .bookings import Bookings
    from .events import Events
    from .orders import Orders
    from .products import Products
    from .reservations import Reservations
    from .tickets import Tickets

__all__ = ["Ticketing"]


class Ticketing:
    """``session.ticketing``: the ticketing resources of one session.

    Each is loaded with its first use: who sells needs no events.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    @cached_property
    def products(self) -> Products:
        """The admissions the key may sell."""
        from .products import Products

        return Products(self._session)

    @cached_property
    def availabilities(self) -> Availabilities:
        """Their slots."""
        from .availabilities import Availabilities

        return Availabilities(self._session)

    @cached_property
    def reservations(self) -> Reservations:
        """Places held for 60 minutes."""
        from .reservations import Reservations

        return Reservations(self._session)

    @cached_property
    def bookings(self) -> Bookings:
        """Confirmed orders and their cancellation."""
        from .bookings import Bookings

        return Bookings(self._session)

    @cached_property
    def orders(self) -> Orders:
        """What was sold, here and elsewhere."""
        from .orders import Orders

        return Orders(self._session)

    @cached_property
    def tickets(self) -> Tickets:
        """Check-in and check-out."""
        from .tickets import Tickets

        return Tickets(self._session)

    @cached_property
    def events(self) -> Events:
        """What is published in the web shop."""
        from .events import Events

        return Events(self._session)

    def today(self) -> date:
        """Return the merchant's day, by the session's clock.

        `datetime.date.today` is the day of the machine: on one that runs in UTC, the day before
        for an hour or two after the merchant's midnight.
        """
        return merchant_time.today(self._session.clock.now())
