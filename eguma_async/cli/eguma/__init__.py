"""The commands of e-guma: a whole sale, step by step."""

from __future__ import annotations

from cyclopts import App

from . import bookings, catalog, demo, fanout, reservations, tickets


def add_to(app: App) -> None:
    """Add the commands of this package."""
    for commands in (demo, catalog, reservations, bookings, tickets, fanout):
        commands.add_to(app)
