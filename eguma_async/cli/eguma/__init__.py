"""The commands of e-guma: a whole sale, step by step."""

from __future__ import annotations

from cyclopts import App

from . import (
    availabilities,
    bookings,
    calibrate,
    cancellations,
    catalog,
    doctor,
    fanout,
    journal,
    orders,
    reservations,
    tickets,
)
from .guides import GUIDES
from .words import ADVICE

__all__ = ["ADVICE", "GUIDES", "add_to"]


def add_to(app: App) -> None:
    """Add the commands of this package."""
    for commands in (
        catalog,
        availabilities,
        reservations,
        bookings,
        cancellations,
        orders,
        tickets,
        fanout,
        journal,
        doctor,
        calibrate,
    ):
        commands.add_to(app)
