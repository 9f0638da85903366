"""Something that hears what an observer tells OpenTelemetry."""

from __future__ import annotations

import pytest

from tests.support.telemetry import Heard


@pytest.fixture
def heard(caplog):
    """Hears of spans and metrics; afterwards no span may be left open, and no
    context may have been left out of turn.
    """
    heard = Heard()
    yield heard
    assert heard.begun == len(heard.spans), "a span has not ended"
    assert [r.getMessage() for r in caplog.records if "context" in r.getMessage()] == []
