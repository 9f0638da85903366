"""What a command may send has words."""

from __future__ import annotations

from eguma_async.cli.korus.words import ADVICE
from eguma_async.core.messages import Repeat
from eguma_async.korus.session import KorusSession
from tests.support.operations import operations_of

SENT = {
    *("ListCatalogs", "ListProductBases", "ListProducts", "ListOffers", "GetOffer"),
    *("GetOfferPrice", "GetOfferAvailability", "ListOfferTickets", "ListOfferSessions"),
    *("ListReservations", "GetReservation", "ListOrders", "GetOrder", "LinkDocument"),
    *("ReserveOffers", "CreateOrders", "UpdateBeneficiary"),
}
NO_OPERATION = {"FetchToken", "DownloadDocument"}
"""Requests that are part of another call, but fail under a name of their own."""


def test_every_operation_of_the_commands_has_words() -> None:
    assert ADVICE.operations.keys() - NO_OPERATION == SENT


def test_the_words_are_those_of_operations_there_are() -> None:
    assert operations_of(KorusSession).keys() >= SENT


def test_every_write_says_what_to_do_when_its_outcome_is_unknown() -> None:
    operations = operations_of(KorusSession)
    for name in SENT:
        is_write = operations[name].REPEAT is not Repeat.READ
        assert bool(ADVICE.operations[name].in_doubt) == is_write, name
