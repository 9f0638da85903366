"""The calls that write, cancelled over real sockets, and one read of each kind."""

from __future__ import annotations

import pytest

from eguma_async import LeanTransport
from tests.cancellation.driver import Timing
from tests.cancellation.eguma_cases import EGUMA_CASES
from tests.cancellation.grid import sweep
from tests.cancellation.journal_cases import EGUMA_JOURNALLED, KORUS_JOURNALLED
from tests.cancellation.korus_cases import KORUS_CASES
from tests.cancellation.wires import ByteServer

ALSO = ("LifeCycle.aclose", "BaseSession.stream", "FanOut.__anext__", "Documents.download")
EVENTS = ["head read", "body read", "committed", "half answer sent"]
CASES = [
    case
    for case in (*EGUMA_CASES, *KORUS_CASES)
    if case.write or case.covers[0] in ALSO or case.covers[0].startswith(("Hold", "Reservations"))
] + [case for case in (*EGUMA_JOURNALLED, *KORUS_JOURNALLED) if case.write]


# Closing sends nothing: whether the server has anything left to tell of depends on the transport.
POINTS = [
    pytest.param(case, when, id=f"{case.id}-{when.name.lower()}")
    for case in CASES
    for when in Timing
    if not (case.covers == ("LifeCycle.aclose",) and when is Timing.ON_EVENT)
]


@pytest.mark.parametrize(("case", "when"), POINTS)
async def test_over_a_socket(case, when):
    async with ByteServer().serving() as server:
        await sweep(case, when, server)


@pytest.mark.parametrize("when", [Timing.AT_SUSPENSION, Timing.AFTER_DONE])
async def test_a_booking_is_cancelled_on_both_sides_of_its_arrival(when):
    """A grid in which no write ever arrives, or every one does, would prove little."""
    (case,) = (one for one in EGUMA_CASES if one.id == "eguma Bookings.create")
    async with ByteServer().serving() as server:
        done = await sweep(case, when, server)
    assert 0 < done.arrived < done.cancelled


async def test_the_server_is_cancelled_at_each_of_its_events():
    (case,) = (one for one in EGUMA_CASES if one.id == "eguma Bookings.create")
    async with ByteServer().serving() as server:
        done = await sweep(case, Timing.ON_EVENT, server)
        assert server.events.seen[-8:-4] == EVENTS
    assert (done.cancelled, done.arrived) == (4, 4)


OVER_LEAN = {
    "eguma Bookings.create",
    "eguma Hold.book",
    "eguma LifeCycle.aclose",
    "eguma BaseSession.stream",
    "eguma FanOut.__anext__",
    "korus Documents.download",
}


@pytest.mark.parametrize(
    ("case", "when"), [point for point in POINTS if getattr(point.values[0], "id", "") in OVER_LEAN]
)
async def test_over_a_socket_of_the_lean_transport(case, when):
    async with ByteServer(LeanTransport).serving() as server:
        await sweep(case, when, server)


def test_the_cases_over_the_lean_transport_are_there():
    assert {case.id for case in CASES} >= OVER_LEAN
