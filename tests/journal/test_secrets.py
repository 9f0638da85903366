"""Nothing of a customer, a key or a ticket is shown by what the journal raises, logs or keeps."""

from __future__ import annotations

import json
import logging
import pickle
import traceback

import pytest

from eguma_async import EgumaError, RetryPolicy
from eguma_async.journal.journal import Journal
from eguma_async.sandbox import DropAfter, Reply

BOOKING = "*/booking.json"
REF = "order-4711"
FAULTS = {
    "lost": lambda: DropAfter(path=BOOKING),
    "refused": lambda: Reply(400, body=json.dumps({"error_code": "sold_out"}), path=BOOKING),
    "unreadable": lambda: Reply(200, body="{}", path=BOOKING),
    "key reused": lambda: Reply(
        409, body=json.dumps({"error_code": "idempotency_key_reused"}), path=BOOKING
    ),
}


def with_variables(error: BaseException) -> str:
    """Return a traceback that shows the variables of every frame, as error trackers do."""
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    return "".join(told.format(chain=True))


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
async def test_errors_under_a_journal_show_no_customer(world, fault, caplog):
    caplog.set_level(logging.DEBUG)
    world.sandbox.faults.add(fault())
    shown = []
    async with world.process(retry=RetryPolicy(attempts=1)) as session:
        with pytest.raises(EgumaError) as caught:
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        shown += [with_variables(caught.value), repr(caught.value), str(caught.value)]
        shown.append(repr(pickle.loads(pickle.dumps(caught.value)).__dict__))
        recovery = await session.ticketing.bookings.recover()
        shown.append(repr(recovery))
        shown += [with_variables(each.error) for each in recovery.entries if each.error]
        shown.append(repr(vars(session)))
    async with Journal(world.store) as journal:
        shown += [repr(entry) async for entry in journal.entries()]
        shown.append(repr(vars(journal)))
    everything = "\n".join([*shown, caplog.text])
    assert "anary" not in everything
    assert world.sandbox.demo_key not in everything
    tickets = [t.number for order in world.sandbox.bookings() for t in order.tickets]
    assert not [number for number in tickets if number in everything]


async def test_a_booking_in_an_entry_is_not_shown(world):
    async with world.process() as session:
        booking = await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
        entry = await session.ticketing.bookings.entry(REF)
    assert booking.tickets[0].ticket_number not in repr(entry)
    assert booking.tickets[0].ticket_number == entry.result["tickets"][0]["ticket_number"]


async def test_an_error_that_is_none_of_ours_shows_no_customer_either(world):
    class Broken:
        async def send(self, request, /):
            raise RuntimeError("a mistake of the transport")

        async def aclose(self):
            """Do nothing."""

    async with world.process() as session:
        world.transport.inner = Broken()
        with pytest.raises(RuntimeError) as caught:
            await session.ticketing.bookings.create(**world.slot(), client_ref=REF)
    raised = caught.value.__traceback__
    assert raised is not None  # its first frame is this test's
    assert "anary" not in with_variables(caught.value.with_traceback(raised.tb_next))
    (entry,) = await world.entries()
    assert entry.in_doubt or entry.state.is_open
