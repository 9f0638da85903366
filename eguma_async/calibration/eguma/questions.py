"""All of them. The runner asks those first that change nothing."""

from __future__ import annotations

from eguma_async.calibration.questions import Question

from .bookings import BOOKINGS
from .holds import HOLDS
from .probe import EgumaProbe
from .reads import READS

QUESTIONS: tuple[Question[EgumaProbe], ...] = (*READS, *HOLDS, *BOOKINGS)
"""All questions, those that change nothing first."""
