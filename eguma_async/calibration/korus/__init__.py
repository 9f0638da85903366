"""What Korus Ticket's documentation leaves open, as questions to its server."""

from .probe import Circumstances, Client, KorusProbe
from .questions import QUESTIONS
from .simulated import simulated_circumstances

__all__ = ["QUESTIONS", "Circumstances", "Client", "KorusProbe", "simulated_circumstances"]
