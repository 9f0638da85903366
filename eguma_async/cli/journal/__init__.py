"""``eguma journal``: what was asked for, what is known of it, and what to do about it."""

from __future__ import annotations

from cyclopts import App

from . import entries, upkeep
from .guides import GUIDES

__all__ = ["GUIDES", "add_to"]

HELP = """Look into a journal of bookings, and bring what is open to its end.

All but `recover` need no API key and no network. Nothing of a customer is shown.
"""


def add_to(app: App) -> None:
    """Add the commands of this package; each provider adds its own `recover`."""
    journal = App(name="journal", help=HELP)
    for commands in (entries, upkeep):
        commands.add_to(journal)
    app.command(journal)
