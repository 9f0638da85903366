"""What a session brings that is neither a plain success nor a plain failure."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eguma_async.cli.connection import opened
from eguma_async.cli.eguma import ADVICE
from eguma_async.cli.errors import Exit, Stop
from eguma_async.cli.options import ConnectionOptions
from eguma_async.cli.text import say_unreadable
from eguma_async.core.errors import ResultMismatchError
from eguma_async.core.listing import Listing, UnreadableElement
from eguma_async.eguma.session import AsyncSession
from eguma_async.eguma.ticketing.bookings import BookedTicket, Booking
from eguma_async.testing import ScriptedTransport

Out = pytest.CaptureFixture[str]
BOOKING = Booking(
    booking_id="b1",
    booking_reference="1000053",
    tickets=(BookedTicket(ticket_number="1234567890123456789", category_id="adult"),),
)


async def make(options) -> AsyncSession:
    return AsyncSession("k", transport=ScriptedTransport(), **options)


async def test_a_result_that_differs_is_printed_so_that_its_ids_are_not_lost(capsys: Out) -> None:
    with pytest.raises(Stop) as stop:
        async with opened(ConnectionOptions(), ADVICE, make):
            raise ResultMismatchError(
                result=BOOKING, differences=("1 ticket is missing",), operation="BookTickets"
            )

    assert stop.value.code is Exit.UNKNOWN
    assert "1 ticket is missing" in stop.value.line
    printed = json.loads(capsys.readouterr().out)
    assert printed["booking_id"] == "b1"
    assert printed["tickets"][0]["ticket_number"] == "1234567890123456789"


async def test_a_failure_without_a_result_prints_nothing(capsys: Out) -> None:
    with pytest.raises(Stop):
        async with opened(ConnectionOptions(), ADVICE, make):
            raise ResultMismatchError(operation="BookTickets")

    assert capsys.readouterr().out == ""


def test_what_could_not_be_read_of_a_list_is_told(capsys: Out) -> None:
    broken = UnreadableElement(index=1, problems=("required field missing @ $.id",), raw={})

    say_unreadable(Listing(["a"], (broken, broken)))

    assert capsys.readouterr().err == ("2 of 3 could not be read: required field missing @ $.id.\n")


@pytest.mark.parametrize("whole", [(), ("a",), Listing(["a"])])
def test_of_a_whole_list_nothing_is_told(whole: tuple[Any, ...], capsys: Out) -> None:
    say_unreadable(whole)

    assert capsys.readouterr().err == ""
