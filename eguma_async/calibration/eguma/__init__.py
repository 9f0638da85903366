"""What e-guma's documentation leaves open, as questions to its server."""

from .probe import Circumstances, EgumaProbe, key_credentials
from .questions import QUESTIONS
from .simulated import simulated_circumstances

__all__ = ["QUESTIONS", "Circumstances", "EgumaProbe", "key_credentials", "simulated_circumstances"]
