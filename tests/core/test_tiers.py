"""The tiers of the codec may differ in speed only: on odd and on broken answers too."""

from __future__ import annotations

import json
import random
from datetime import date
from decimal import Decimal
from typing import Any

import attrs
import pytest

import eguma_async as eguma_face
import eguma_async.korus as korus_face
from eguma_async.core.codec import Codec
from eguma_async.core.errors import DecodingError
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


@attrs.frozen(kw_only=True)
class Leaf:
    """Of a user's own operation."""

    name: str
    size: int | None = None


@attrs.frozen(kw_only=True)
class Collections:
    """Of a user's own operation, with collections that the operations here lack."""

    numbers: set[int] = attrs.field(factory=set)
    words: frozenset[str] = attrs.field(factory=frozenset)
    rows: list[list[int]] = attrs.field(factory=list)
    named: dict[str, Leaf] = attrs.field(factory=dict)


OWN_TYPES: list[Any] = [
    Collections,
    tuple[int, str],
    tuple[Leaf, date],
    tuple[()],
    tuple[tuple[Decimal, ...], ...],
    tuple[Leaf | None, ...],
    list[int],
    list[Decimal],
    set[int],
    frozenset[str],
    dict[str, list[str]],
    dict[str, Leaf],
    int | str,
    int | str | None,
    int | float | None,
    bool | str,
    tuple[int | str, ...],
]
OWN_ANSWERS: list[Any] = [
    *(None, True, 1, 5.5, -0.0, 2**70, "", "a", "12", "1.50", "2026-01-01", [], {}, [1], ["1"]),
    *([None], [1.0], ["a"], [1, "a"], [1, "a", 2], [[1]], ["12"], [["1.5"], ["2"]], {"a": "12"}),
    *({"name": "x"}, [{"name": "x"}, None], [{"name": "x"}, "2026-01-01"], {"a": {"name": "x"}}),
    *(
        {"numbers": [1, 1]},
        {"numbers": "12"},
        {"numbers": ["12"]},
        {"words": "ab"},
        {"words": None},
    ),
    *({"rows": [[1], "23"]}, {"rows": {}}, {"named": {"a": {"name": 5}}}, {"a": "bc", "d": ["e"]}),
]


@pytest.mark.parametrize("kind", OWN_TYPES, ids=str)
def test_all_tiers_say_the_same_of_a_users_own_types(kind):
    whole, second, third = Codec(), without_first_tier(Codec()), third_tier(Codec())
    for document in OWN_ANSWERS:
        body = json.dumps(document).encode()
        told = [repr(outcome(codec, body, kind)) for codec in (whole, second, third)]
        assert told[0] == told[1] == told[2], body


@pytest.mark.parametrize(
    ("kind", "document", "value"),
    [
        (tuple[int, str], [1, "a"], (1, "a")),
        (tuple[int, str], ["1", "a"], (1, "a")),
        (int | str, "1", "1"),
        (int | str, 1, 1),
        (float | str, 1, 1.0),
        (Collections, {"numbers": ["12"]}, Collections(numbers={12})),
    ],
)
def test_what_a_users_own_types_are_read_as(kind, document, value):
    for codec in (Codec(), third_tier(Codec())):
        found = codec.decode(json.dumps(document).encode(), kind)
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "document", "problems"),
    [
        (tuple[int, str], [1], ("expected 2 elements, got 1 @ $",)),
        (
            tuple[int, str],
            ["x", []],
            ("expected a whole number, got text @ $[0]", "expected text, got an array @ $[1]"),
        ),
        (int | str, [], ("expected another kind of value, got an array @ $",)),
        (Collections, {"words": "ab"}, ("expected an array, got text @ $.words",)),
    ],
)
def test_what_is_wrong_with_a_users_own_types(kind, document, problems):
    with pytest.raises(DecodingError) as caught:
        Codec().decode(json.dumps(document).encode(), kind)
    assert caught.value.problems == problems


def test_a_hook_of_the_users_is_honoured_in_a_union():
    codec = Codec()
    assert codec.decode(b'[1, "a"]', tuple[int | str, ...]) == (1, "a")
    codec.converter.register_structure_hook(int, lambda value, _: value * 100)
    assert codec.decode(b'[1, "a"]', tuple[int | str, ...]) == (100, "a")
