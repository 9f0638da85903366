"""All of them. The runner asks those first that change nothing."""

from __future__ import annotations

from eguma_async.calibration.questions import Question

from .probe import EgumaProbe
from .reads import READS
from .writes import WRITES

QUESTIONS: tuple[Question[EgumaProbe], ...] = (*READS, *WRITES)
