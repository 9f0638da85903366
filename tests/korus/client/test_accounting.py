"""What is held, compared with what was asked for: by item, with sessions, units and repetitions."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async import EgumaError, ResultMismatchError
from eguma_async.korus import (
    FailedReservation,
    InconsistentAnswerError,
    Iri,
    OfferItem,
    PartialFailureError,
    Reservation,
    ReservedItem,
    ReservedTicket,
    TicketChoice,
)
from eguma_async.korus.booking.accounting import account
from eguma_async.testing import json_reply

A, B = "/v1/ticketing/catalogs/c/offers/a", "/v1/ticketing/catalogs/c/offers/b"
ENTRY, SHOW = f"{A}/tickets/entry", f"{A}/tickets/show"
EARLY, LATE = f"{SHOW}/sessions/early", f"{SHOW}/sessions/late"
TIME = datetime(2025, 1, 29, 7, 50, tzinfo=UTC)


def asked(session=EARLY, quantity=1, offer=A):
    return OfferItem(offer, [TicketChoice(ENTRY), TicketChoice(SHOW, session)], quantity)


def held(item, quantity=None, **changes):
    """What a server says of an item that it holds."""
    tickets = tuple(
        ReservedTicket(ticket=c.ticket, session=c.session) for c in item.ticket_sessions
    )
    values = {
        "offer": item.offer,
        "unit_amount_incl_tax": Decimal(80),
        "quantity": quantity,
        "offer_tickets": tickets,
    }
    return ReservedItem(**(values | changes))


def reservation(*items):
    return Reservation(
        iri=Iri("/v1/booking/reservations/1"),
        expired=False,
        created_at=TIME,
        expires_at=TIME,
        total_amount_incl_tax=Decimal(80),
        items=items,
    )


def failed(offer=A, **raw):
    return FailedReservation(raw={"offer": offer, **raw})


def tickets(*pairs):
    return tuple(ReservedTicket(ticket=ticket, session=session) for ticket, session in pairs)


BOTH = tickets((ENTRY, None), (SHOW, EARLY), (SHOW, LATE))
OK = ((), (), ())

CASES = {
    "as asked": ([asked()], [held(asked(), 1)], [], OK),
    "without the number": ([asked(quantity=3)], [held(asked())], [], OK),
    "without the tickets": ([asked()], [held(asked(), 1, offer_tickets=())], [], OK),
    "other order of tickets": (
        [asked()],
        [held(asked(), 1, offer_tickets=tickets((SHOW, EARLY), (ENTRY, None)))],
        [],
        OK,
    ),
    "each ticket for each unit": (
        [asked(quantity=2)],
        [held(asked(), 2, offer_tickets=tickets(*[(ENTRY, None), (SHOW, EARLY)] * 2))],
        [],
        OK,
    ),
    "a session where none was asked": (
        [asked(session=None)],
        [held(asked(), 1)],
        [],
        OK,
    ),
    "equal items in one": ([asked(), asked()], [held(asked(), 2)], [], OK),
    "equal items apart": ([asked(), asked()], [held(asked()), held(asked())], [], OK),
    "one item in units": ([asked(quantity=3)], [held(asked())] * 3, [], OK),
    "sessions in one, with the number": (
        [asked(EARLY), asked(LATE)],
        [held(asked(), 2, offer_tickets=BOTH)],
        [],
        OK,
    ),
    "sessions in one, without the number": (
        [asked(EARLY), asked(LATE)],
        [held(asked(), offer_tickets=BOTH)],
        [],
        OK,
    ),
    "an item lost": ([asked(EARLY), asked(LATE)], [held(asked(EARLY), 1)], [], ((asked(LATE),), (), ())),
    "an equal item lost": ([asked(), asked()], [held(asked())], [], ((asked(),), (), ())),
    "a unit lost": ([asked(quantity=3)], [held(asked(), 2)], [], ((asked(),), (), ())),
    "no units": ([asked()], [held(asked(), 0)], [], ((asked(),), (), ())),
    "everything lost": ([asked(quantity=2)], [], [], ((asked(quantity=2),), (), ())),
    "one of two lost, without the number": (
        [asked(quantity=3), asked()],
        [held(asked())],
        [],
        ((asked(quantity=3),), (), ()),
    ),
    "refused": ([asked(EARLY), asked(LATE)], [held(asked(LATE))], [failed()], OK),
    "some units refused": ([asked(quantity=3)], [held(asked(), 2)], [failed(quantity=1)], OK),
    "fewer refused than missing": (
        [asked(quantity=4)],
        [held(asked(), 1)],
        [failed(quantity=1)],
        ((asked(quantity=2),), (), ()),
    ),
    "refused twice": ([asked()], [], [failed(), failed(quantity=1)], OK),
    "refused by another name": ([asked()], [held(asked(), 1)], [failed(offer=B)], OK),
    "another session": (
        [asked(EARLY)],
        [held(asked(LATE), 1)],
        [],
        ((asked(EARLY),), (f"1 of {A} with {LATE} held, not asked for",), ()),
    ),
    "no session where one was asked": (
        [asked(EARLY)],
        [held(asked(None), 1)],
        [],
        ((asked(EARLY),), (f"1 of {A} held, not asked for",), ()),
    ),
    "another session, without the number": (
        [asked(EARLY)],
        [held(asked(LATE))],
        [],
        ((asked(EARLY),), (f"some of {A} with {LATE} held, not asked for",), ()),
    ),
    "another session besides": (
        [asked(EARLY, 2)],
        [held(asked(), 2, offer_tickets=BOTH)],
        [],
        ((), (f"{A} with {LATE} held, not asked for",), ()),
    ),
    "a ticket less": (
        [asked()],
        [held(asked(), 1, offer_tickets=tickets((SHOW, EARLY)))],
        [],
        ((asked(),), (f"1 of {A} with {EARLY} held, not asked for",), ()),
    ),
    "a unit more": ([asked()], [held(asked(), 3)], [], ((), (f"2 of {A} with {EARLY} held, not asked for",), ())),
    "another offer": (
        [asked()],
        [held(asked(), 1), held(asked(offer=B), 1)],
        [],
        ((), (f"1 of {B} with {EARLY} held, not asked for",), ()),
    ),
    "held and refused": ([asked()], [held(asked(), 1)], [failed()], ((), (), (A,))),
    "both held, one refused": (
        [asked(EARLY), asked(LATE)],
        [held(asked(EARLY)), held(asked(LATE))],
        [failed()],
        ((), (), (A,)),
    ),
}  # fmt: skip


@pytest.mark.parametrize(("items", "lots", "failures", "expected"), CASES.values(), ids=CASES)
def test_what_came_back_is_compared_item_by_item(items, lots, failures, expected):
    for reservations in ([reservation(*lots)], [reservation(lot) for lot in lots]):
        found = account(items, reservations, failures)
        assert (found.missing, found.unexpected, found.contradicted) == expected


# Any request, any fate, any way to tell it


KINDS = [asked(EARLY), asked(LATE), asked(None), asked(EARLY, offer=B)]
fates = st.lists(st.sampled_from(["held", "refused", "lost"]), min_size=1, max_size=4)
requests = st.lists(
    st.tuples(st.sampled_from(KINDS[:2] + KINDS[3:]), fates), min_size=1, max_size=5
)


def key(item):
    return item.offer, tuple((c.ticket, c.session) for c in item.ticket_sessions)


def units(items):
    counted: Counter[Any] = Counter()
    for item in items:
        counted[key(item)] += item.quantity
    return +counted


@given(requests, st.data())
def test_nothing_is_lost_and_nothing_is_made_up(request, data):
    items = [attrs.evolve(item, quantity=len(fate)) for item, fate in request]
    lost: Counter[Any] = Counter()
    lots, refusals = [], []
    for item, fate in request:
        told = Counter(fate)
        lost[key(item)] += told["lost"]
        if data.draw(st.booleans()):
            lots += [held(item, 1)] * told["held"]
        elif told["held"]:
            lots.append(held(item, told["held"]))
        if told["refused"]:
            refusals.append(failed(item.offer, quantity=told["refused"]))
    found = account(items, [reservation(*data.draw(st.permutations(lots)))], refusals)
    assert (found.unexpected, found.contradicted) == ((), ())
    missing = units(found.missing)
    if refusals:  # which name the offer alone, and so may be those of any of its items
        assert by_offer(missing) == by_offer(lost)
    else:
        assert missing == +lost


wholes = st.lists(
    st.tuples(
        st.sampled_from(KINDS), st.integers(1, 5), st.sampled_from(["held", "refused", "lost"])
    ),
    min_size=1,
    max_size=6,
)


@given(wholes, st.data())
def test_a_server_that_tells_no_numbers_hides_no_lost_item(request, data):
    items = [attrs.evolve(item, quantity=number) for item, number, _ in request]
    told = list(zip(items, (fate for *_, fate in request), strict=True))
    lots = data.draw(st.permutations([held(item) for item, fate in told if fate == "held"]))
    refusals = [failed(item.offer) for item, fate in told if fate == "refused"]
    lost = units(item for item, fate in told if fate == "lost")
    found = account(items, [reservation(*lots)], refusals)
    assert (found.unexpected, found.contradicted) == ((), ())
    # Of equal items with different numbers it may seem to be other ones.
    assert len(found.missing) == sum(fate == "lost" for _, fate in told)
    assert bool(found.missing) == bool(lost)


def by_offer(counted):
    total: Counter[Any] = Counter()
    for (offer, _), number in counted.items():
        total[offer] += number
    return +total


@given(requests, st.data())
def test_merging_equal_items_changes_nothing(request, data):
    items = [attrs.evolve(item, quantity=len(fate)) for item, fate in request]
    kept: Counter[Any] = Counter()
    for item, fate in request:
        kept[key(item)] += fate.count("held")
    by_key = {key(item): item for item in items}
    lots = [held(by_key[k], number) for k, number in kept.items() if number]
    found = account(items, [reservation(*data.draw(st.permutations(lots)))], [])
    expected = units(items)
    expected.subtract(kept)
    assert units(found.missing) == +expected
    assert found.unexpected == ()


@given(requests, st.sampled_from([*KINDS[:2], KINDS[3]]), st.integers(1, 3))
def test_what_nobody_asked_for_is_told(request, extra, number):
    items = [attrs.evolve(item, quantity=len(fate)) for item, fate in request]
    lots = [held(item, item.quantity) for item in items]
    found = account(items, [reservation(*lots, held(extra, number))], [])
    assert found.missing == ()
    (line,) = found.unexpected
    assert line.startswith(f"{number} of {extra.offer}")


# On the wire


def bulk(*items, **more):
    row = {
        "@id": "/v1/booking/reservations/r1",
        "expired": False,
        "createdAt": "2025-01-29T07:55:53+00:00",
        "expiresAt": "2025-01-29T08:10:53+00:00",
        "totalAmountInclTax": "80.00",
        "items": list(items),
    }
    return json_reply({"reservations": [row | more], "failedReservations": []})


def on_wire(item, quantity=None):
    chosen = [
        {"ticket": choice.ticket, **({"session": choice.session} if choice.session else {})}
        for choice in item.ticket_sessions
    ]
    row = {"unitAmountInclTax": "80.00", "offer": item.offer, "offerTickets": chosen}
    return row if quantity is None else row | {"quantity": quantity}


SHORT = {
    "item": ([asked(EARLY), asked(LATE)], bulk(on_wire(asked(EARLY))), asked(LATE)),
    "units": ([asked(quantity=3)], bulk(on_wire(asked(), 2)), asked()),
    "repetition": ([asked(), asked()], bulk(on_wire(asked(), 1)), asked()),
    "nothing in it": ([asked()], bulk(), asked()),
    "expired": ([asked()], bulk(on_wire(asked(), 1), expired=True), asked()),
    "ordered": ([asked()], bulk(on_wire(asked(), 1), order="/v1/booking/orders/1"), asked()),
}


@pytest.mark.parametrize(("items", "response", "missing"), SHORT.values(), ids=SHORT)
async def test_a_hold_that_is_short_is_told_before_payment(scripted, items, response, missing):
    async with scripted(response, response) as (session, transport):
        result = await session.reservations.create(items)
        assert result.missing == (missing,)
        assert result.unaccounted == (A,)
        with pytest.raises(PartialFailureError, match="items not in the response: 1") as caught:
            async with session.reservations.hold(items):
                raise AssertionError("entered")
    error = caught.value
    assert error.result == result
    assert error.differences == (f"1 of {A} neither held nor refused",)
    assert isinstance(error, ResultMismatchError)
    assert not error.outcome_unknown
    assert len(transport.requests) == 2


async def test_another_session_is_told_at_once_with_what_is_held(scripted):
    response = bulk(on_wire(asked(LATE), 1))
    async with scripted(response, response) as (session, transport):
        for call in (
            lambda: session.reservations.create([asked(EARLY)]),
            lambda: session.reservations.hold([asked(EARLY)], allow_partial=True).__aenter__(),
        ):
            with pytest.raises(ResultMismatchError, match="not asked for") as caught:
                await call()
            error = caught.value
            assert [r.id for r in error.result.reservations] == ["r1"]
            assert error.result.missing == (asked(EARLY),)
            assert (error.operation, error.attempts) == ("ReserveOffers", 1)
            assert not isinstance(error, PartialFailureError)
    assert len(transport.requests) == 2  # never sent again


async def test_a_contradiction_carries_the_result(scripted):
    row = {"offer": A, "message": "no"}
    body = bulk(on_wire(asked(), 1)).body.replace(
        b'"failedReservations":[]', b'"failedReservations":[{"offer":"%s"}]' % A.encode()
    )
    async with scripted(attrs.evolve(json_reply(row), body=body)) as (session, _):
        with pytest.raises(InconsistentAnswerError) as caught:
            await session.reservations.create([asked()])
    assert caught.value.differences == (f"{A} is held and refused",)
    assert caught.value.outcome_unknown


@pytest.mark.parametrize("generation", ["seed", "1.0.7", "release"])
@pytest.mark.parametrize("per", ["item", "catalog"])
async def test_the_sandbox_in_every_shape_is_as_asked(shop, generation, per):
    async with shop(generation=generation, reservation_per=per) as opened:
        plain, show = opened.item("plain"), opened.item("example")
        items = [plain, show, attrs.evolve(plain, quantity=3), plain, show]
        result = await opened.session.reservations.create(items)
    assert result.missing == ()
    result.raise_for_failures()


async def test_the_sandbox_says_what_it_refuses(shop):
    async with shop() as opened:
        items = [opened.item("example"), opened.item("fails_reserving"), opened.item("example")]
        result = await opened.session.reservations.create(items)
        with pytest.raises(EgumaError) as caught:
            result.raise_for_failures()
    assert result.missing == ()
    offer = items[1].offer
    assert isinstance(caught.value, PartialFailureError)
    assert caught.value.differences == (f"{offer} was refused",)
