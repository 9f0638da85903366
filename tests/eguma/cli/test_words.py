"""What a command may send has words."""

from __future__ import annotations

from eguma_async.cli.eguma.words import ADVICE
from eguma_async.core.messages import Repeat
from eguma_async.eguma.session import AsyncSession
from tests.support.operations import operations_of

SENT = {
    *("ListProducts", "ListAvailabilities", "ListOrders", "GetTicket", "ReserveTickets"),
    *("CancelReservation", "BookTickets", "CancelBooking", "CheckInTicket", "CheckOutTicket"),
}


def test_every_operation_of_the_commands_has_words() -> None:
    assert ADVICE.operations.keys() == SENT


def test_the_words_are_those_of_operations_there_are() -> None:
    assert operations_of(AsyncSession).keys() >= SENT


def test_every_write_says_what_to_do_when_its_outcome_is_unknown() -> None:
    operations = operations_of(AsyncSession)
    for name in SENT:
        is_write = operations[name].REPEAT is not Repeat.READ
        assert bool(ADVICE.operations[name].in_doubt) == is_write, name
