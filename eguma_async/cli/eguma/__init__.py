"""The commands of e-guma: a whole sale, step by step."""

from __future__ import annotations

from cyclopts import App

from . import availabilities, bookings, catalog, fanout, journal, orders, reservations, tickets
from .words import ADVICE

__all__ = ["ADVICE", "add_to"]


def add_to(app: App) -> None:
    """Add the commands of this package."""
    for commands in (
        catalog,
        availabilities,
        reservations,
        bookings,
        orders,
        tickets,
        fanout,
        journal,
    ):
        commands.add_to(app)
