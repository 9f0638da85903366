"""Every public coroutine, cancelled at every point, in memory."""

from __future__ import annotations

import pytest

from eguma_async import AsyncSession, KorusSession
from tests.cancellation.driver import Timing
from tests.cancellation.eguma_cases import EGUMA_CASES
from tests.cancellation.grid import sweep
from tests.cancellation.korus_cases import KORUS_CASES
from tests.cancellation.public import coroutines_of

CASES = [*EGUMA_CASES, *KORUS_CASES]


@pytest.mark.parametrize("when", Timing, ids=lambda when: when.name.lower())
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_in_memory(case, when):
    await sweep(case, when)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_cancelled_again_and_again(case):
    """Some frameworks cancel a task at every step until it has left the scope they end."""
    await sweep(case, Timing.AT_SUSPENSION, again=True)


@pytest.mark.parametrize(
    ("session", "cases"),
    [(AsyncSession("key"), EGUMA_CASES), (KorusSession(token="token"), KORUS_CASES)],
    ids=["eguma", "korus"],
)
def test_every_public_coroutine_has_a_case(session, cases):
    covered = {name for case in cases for name in case.covers}
    assert covered == coroutines_of(session)
