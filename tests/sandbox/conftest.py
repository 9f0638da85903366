"""What the tests of all sandboxes share."""

from __future__ import annotations

import pytest

from eguma_async.sandbox import SandboxClock
from tests.support.clocks import still_clock


@pytest.fixture
def clock() -> SandboxClock:
    return still_clock()
