"""What e-guma's documentation leaves open, as questions to its server."""

from .probe import Circumstances, EgumaProbe, key_credentials
from .questions import QUESTIONS

__all__ = ["QUESTIONS", "Circumstances", "EgumaProbe", "key_credentials"]
