"""What Korus Ticket's documentation leaves open, as questions to its server."""

from .probe import Circumstances, Client, KorusProbe
from .questions import QUESTIONS

__all__ = ["QUESTIONS", "Circumstances", "Client", "KorusProbe"]
