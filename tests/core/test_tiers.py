"""The tiers of the codec may differ in speed only: on odd and on broken answers too."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest

import eguma_async as eguma_face
import eguma_async.korus as korus_face
from tests.support.codecs import (
    CODECS,
    anatomy,
    answers,
    outcome,
    spoilt,
    third_tier,
    without_first_tier,
)

MUTATIONS = 260

EGUMA = {
    "admission-availability": eguma_face.GetAdmissionAvailability,
    "availabilities": eguma_face.ListAvailabilities,
    "booking": eguma_face.BookTickets,
    "cancel-booking": eguma_face.CancelBooking,
    "cancel-reservation": eguma_face.CancelReservation,
    "checkin": eguma_face.CheckInTicket,
    "events": eguma_face.ListEvents,
    "orders": eguma_face.ListOrders,
    "products": eguma_face.ListProducts,
    "reservation": eguma_face.ReserveTickets,
    "ticket-info": eguma_face.GetTicket,
}
KORUS = {
    "availability": korus_face.GetOfferAvailability,
    "beneficiary": korus_face.UpdateBeneficiary,
    "catalogs": korus_face.ListCatalogs,
    "document-link": korus_face.LinkDocument,
    "documents": korus_face.ListDocuments,
    "offer-sessions": korus_face.ListOfferSessions,
    "offer-tickets": korus_face.ListOfferTickets,
    "offers": korus_face.ListOffers,
    "option-values": korus_face.ListOptionValues,
    "order-create": korus_face.CreateOrders,
    "order": korus_face.GetOrder,
    "orders": korus_face.ListOrders,
    "price": korus_face.GetOfferPrice,
    "product-bases": korus_face.ListProductBases,
    "products": korus_face.ListProducts,
    "reservation": korus_face.GetReservation,
    "reservations": korus_face.ListReservations,
    "reserve": korus_face.ReserveOffers,
}
ANSWERS: list[Any] = [
    pytest.param(provider, *answer, id=f"{provider} {answer[0]}")
    for provider, kinds in (("eguma", EGUMA), ("korus", KORUS))
    for answer in answers(provider, kinds)
]


def test_there_are_enough_mutations():
    assert len(ANSWERS) * MUTATIONS >= 8000


@pytest.mark.parametrize(("provider", "name", "kind", "document"), ANSWERS)
def test_all_tiers_say_the_same_of_mutated_answers(provider, name, kind, document):
    rng = random.Random(name)
    make = CODECS[provider]
    whole, second, third = make(), without_first_tier(make()), third_tier(make())
    seen = {"value": 0, "refused": 0}
    for _ in range(MUTATIONS):
        body = spoilt(document, rng)
        said, expected = outcome(third, body, kind)
        seen[said] += 1
        assert outcome(second, body, kind)[0] == said, body
        got, repaired = outcome(whole, body, kind)[1], outcome(second, body, kind)[1]
        if said == "refused":
            assert got == repaired == expected, body
        else:
            assert anatomy(repaired) == anatomy(expected), body
            # Operations restore the texts of moments that the first tier has read.
            assert anatomy(got, texts=False) == anatomy(expected, texts=False), body
    assert min(seen.values()) > MUTATIONS // 20  # the mutations reach both ends


@pytest.mark.parametrize(("provider", "name", "kind", "document"), ANSWERS)
def test_documented_answers_are_read_by_the_first_two_tiers(provider, name, kind, document):
    body = json.dumps(document).encode()
    codec = CODECS[provider]()
    codec.converter.structure = None  # type: ignore[method-assign,assignment]  # it would fail
    expected = third_tier(CODECS[provider]()).decode(body, kind)
    assert anatomy(codec.decode(body, kind), texts=False) == anatomy(expected, texts=False)
    assert anatomy(without_first_tier(codec).decode(body, kind)) == anatomy(expected)
