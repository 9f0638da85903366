"""``eguma korus``: the single steps of a sale through Korus Ticket."""

from __future__ import annotations

from cyclopts import App

from . import calibrate, catalog, doctor, journal, orders, reservations, tickets
from .guides import GUIDES
from .words import ADVICE

__all__ = ["ADVICE", "GUIDES", "add_to"]

HELP = """Sell admission tickets through Korus Ticket.

Client id and secret are read from KORUS_CLIENT_ID and KORUS_CLIENT_SECRET, or the secret from
stdin with --secret-stdin. IRIs are passed on as they are listed.
"""


def add_to(app: App) -> None:
    """Add the commands of this package."""
    korus = App(name="korus", help=HELP)
    for commands in (catalog, reservations, orders, tickets, journal, doctor, calibrate):
        commands.add_to(korus)
    app.command(korus)
