"""Every public coroutine, cancelled at every point, in memory."""

from __future__ import annotations

import pytest

from eguma_async import AsyncSession, KorusSession, MemoryJournal
from tests.cancellation.driver import Timing
from tests.cancellation.eguma_cases import EGUMA_CASES
from tests.cancellation.grid import sweep
from tests.cancellation.journal_cases import EGUMA_JOURNALLED, JOURNAL_CASES, KORUS_JOURNALLED
from tests.cancellation.korus_cases import KORUS_CASES
from tests.cancellation.public import coroutines_of

OF_EGUMA = [*EGUMA_CASES, *EGUMA_JOURNALLED]
OF_KORUS = [*KORUS_CASES, *KORUS_JOURNALLED]
CASES = [*OF_EGUMA, *OF_KORUS, *JOURNAL_CASES]


@pytest.mark.parametrize("when", Timing, ids=lambda when: when.name.lower())
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_in_memory(case, when):
    await sweep(case, when)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_cancelled_again_and_again(case):
    """Some frameworks cancel a task at every step until it has left the scope they end."""
    await sweep(case, Timing.AT_SUSPENSION, again=True)


@pytest.mark.parametrize(
    ("thing", "cases"),
    [
        (AsyncSession("key"), OF_EGUMA),
        (KorusSession(token="token"), OF_KORUS),
        (MemoryJournal(key=""), JOURNAL_CASES),
    ],
    ids=["eguma", "korus", "journal"],
)
def test_every_public_coroutine_has_a_case(thing, cases):
    covered = {name for case in cases for name in case.covers}
    assert covered == coroutines_of(thing)
