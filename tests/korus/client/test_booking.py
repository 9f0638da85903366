"""Reservations, holds and orders, and what becomes of them when something goes wrong."""

from __future__ import annotations

import asyncio
import json
import pickle
from datetime import timedelta

import attrs
import pytest

from eguma_async import (
    AccessDeniedError,
    ConflictError,
    DecodingError,
    HttpResponse,
    InvalidRequestError,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    ServerError,
    SessionStateError,
    unknown_outcome,
)
from eguma_async.korus import (
    BulkOrders,
    CreateOrders,
    FailedOrder,
    InconsistentAnswerError,
    OfferItem,
    OrderStatus,
    PartialFailureError,
    TicketChoice,
    ViolationsError,
)
from eguma_async.korus.errors import MUST_BE_FALSE
from eguma_async.sandbox import CutBody, DropAfter, DropBefore, Reply
from eguma_async.testing import json_reply

ORDERS, BULK = "/v1/booking/orders", "/v1/booking/orders/_bulk"
RESERVE = "/v1/booking/reservations/_bulk"
ONE, TWO, THREE = (f"/v1/booking/reservations/{number}" for number in (1, 2, 3))


def order(reservation, number=1, **changes):
    return {
        "@id": f"/v1/booking/orders/{number}",
        "createdAt": "2025-01-29T07:51:00+00:00",
        "reference": f"KT-{number}",
        "externalReference": "A-1",
        "totalAmountInclTax": "80.00",
        "reservation": reservation,
        **changes,
    }


def made(*orders, **more):
    return json_reply({"orders": list(orders), **more})


def listed(*orders, after=None):
    return json_reply({"member": list(orders), "view": {"next": after}})


def held(iri, order=None, **changes):
    return json_reply(
        {
            "@id": iri,
            "expired": False,
            "createdAt": "2025-01-29T07:49:00+00:00",
            "expiresAt": "2025-01-29T08:04:00+00:00",
            "totalAmountInclTax": "80.00",
            "order": order,
            **changes,
        }
    )


def not_there(*reservations, found=()):
    """Three looks: the list shows what was found, and the reservations have no order."""
    return [listed(*found)] * 3 + [held(iri) for iri in reservations]


async def reserved(opened, *names):
    items = [opened.item(name) for name in names]
    return await opened.session.reservations.create(items)


# Reservations


async def test_what_fails_and_what_is_held_stand_side_by_side(shop):
    # K1
    async with shop() as opened:
        result = await reserved(opened, "example", "fails_reserving")
        failing = opened.sandbox.example("fails_reserving").offer
        assert [r.items[0].offer for r in result.reservations] == [opened.item("example").offer]
        (failure,) = result.failed
        assert failure.offer == failing
        assert failure.message
        assert failure.raw["quantity"] == 1
        assert result.unaccounted == ()
        with pytest.raises(
            PartialFailureError, match="offers that could not be reserved: 1"
        ) as caught:
            result.raise_for_failures()
    assert caught.value.result is result
    assert pickle.loads(pickle.dumps(caught.value)).result is None


async def test_a_failure_of_unknown_shape_is_kept_whole(scripted):
    item = OfferItem("/v1/x/offers/1", [TicketChoice("/v1/x/offers/1/tickets/1")])
    shapes = [
        {"offer": {"@id": "https://h.example/v1/x/offers/1"}, "error": "full"},
        {"offer": "/v1/x/offers/1", "violations": [{"message": "a"}, {"message": "b"}, 3]},
        {"detail": "no"},
        {"surprise": 1},
    ]
    answer = json_reply({"reservations": [], "failedReservations": shapes})
    async with scripted(answer) as (session, _):
        result = await session.reservations.create([item])
    assert [f.raw for f in result.failed] == shapes
    assert [f.offer for f in result.failed] == ["/v1/x/offers/1"] * 2 + [None] * 2
    assert [f.message for f in result.failed] == ["full", "a; b", "no", ""]


async def test_offers_the_answer_does_not_mention_are_told(scripted):
    # K2: both sides empty
    item = OfferItem("/v1/x/offers/1", [TicketChoice("/v1/x/offers/1/tickets/1")])
    async with scripted(json_reply({"reservations": [], "failedReservations": None})) as (s, _):
        result = await s.reservations.create([item])
    assert result.unaccounted == ("/v1/x/offers/1",)
    with pytest.raises(PartialFailureError):
        result.raise_for_failures()


async def test_an_offer_both_held_and_failed_is_a_contradiction(shop):
    # K2: on both sides
    async with shop() as opened:
        item = opened.item()
        answer = (await opened.session.exchange(_reserve(item)))[1].body
        twice = answer.replace(
            b'"failedReservations":[]',
            b'"failedReservations":[{"offer":"%s"}]' % item.offer.encode(),
        )
        assert twice != answer
        fault = opened.sandbox.faults.add(
            Reply(200, body=twice.decode(), path=RESERVE, content_type="application/ld+json")
        )
        with pytest.raises(InconsistentAnswerError) as caught:
            await opened.session.reservations.create([item])
    assert fault.fired == 1
    assert caught.value.outcome_unknown
    assert len(caught.value.result.reservations) == 1


def _reserve(item):
    from eguma_async.korus import ReserveOffers

    return ReserveOffers(items=[item])


async def test_a_reservation_whose_answer_is_lost_is_not_sent_again(shop):
    # K7
    async with shop() as opened:
        fault = opened.sandbox.faults.add(DropAfter(path=RESERVE))
        with pytest.raises(OutcomeUnknownError) as caught:
            await reserved(opened, "example")
        assert fault.fired == 1
        assert caught.value.operation == "ReserveOffers"
        assert opened.asked("POST", RESERVE) == 1
        (orphan,) = opened.sandbox.reservations()
        assert [r.iri async for r in opened.session.reservations.list()] == [orphan.iri]


async def test_a_combination_that_cannot_be_reserved_names_its_fault(shop):
    async with shop() as opened:
        item = opened.item()
        wrong = OfferItem(item.offer, item.ticket_sessions[:1])
        with pytest.raises(ViolationsError) as caught:
            await opened.session.reservations.create([wrong])
    assert caught.value.violations[0].index == 0
    assert isinstance(caught.value, InvalidRequestError)
    assert caught.value.expired_reservations == ()


# Holds


async def test_a_hold_becomes_an_order(shop, john):
    async with shop() as opened:
        async with opened.session.reservations.hold([opened.item()]) as hold:
            assert hold.remaining == timedelta(minutes=15)
            opened.sandbox.clock.advance(minutes=5)
            assert hold.remaining == timedelta(minutes=10)
            booked = await hold.order(john, external_reference="A-1")
            booked.raise_for_failures()
            assert repr(hold) == "<Hold of 1 reservations, ordered>"
            with pytest.raises(SessionStateError, match="ordered already"):
                await hold.order(john, external_reference="A-1")
        assert booked.orders[0].external_reference == "A-1"
        reservation = await opened.session.reservations.get(hold.reservations[0].iri)
    assert reservation.order == booked.orders[0].iri


async def test_a_hold_ends_with_the_first_of_its_reservations(shop):
    async with shop() as opened:
        items = [opened.item("example"), opened.item("short_hold")]
        async with opened.session.reservations.hold(items) as hold:
            assert hold.remaining == timedelta(minutes=5)
            opened.sandbox.clock.advance(hours=1)
            assert hold.remaining == timedelta(0)


async def test_entering_a_hold_fails_if_anything_does(shop):
    async with shop() as opened:
        items = [opened.item("example"), opened.item("fails_reserving")]
        with pytest.raises(PartialFailureError):
            async with opened.session.reservations.hold(items):
                raise AssertionError("entered")
        async with opened.session.reservations.hold(items, allow_partial=True) as hold:
            assert (len(hold.reservations), len(hold.result.failed)) == (1, 1)
        with pytest.raises(PartialFailureError):
            async with opened.session.reservations.hold(items[1:], allow_partial=True):
                raise AssertionError("entered")


async def test_leaving_a_hold_sends_nothing(shop):
    async with shop() as opened:
        async with opened.session.reservations.hold([opened.item()]):
            before = opened.sandbox.requests.total
        assert opened.sandbox.requests.total == before


async def test_a_hold_in_doubt_goes_on_with_the_same_order_only(shop, john):
    async with shop() as opened:
        async with opened.session.reservations.hold([opened.item()]) as hold:
            opened.sandbox.faults.add(DropAfter(path=BULK))
            with pytest.raises(OutcomeUnknownError):
                await hold.order(john, external_reference="A-1", settle_unknown=False)
            with pytest.raises(SessionStateError, match="same arguments"):
                await hold.order(john, external_reference="B-2")
            booked = await hold.order(john, external_reference="A-1")
        assert len(booked.orders) == 1 == len(opened.sandbox.orders())
        assert opened.asked("POST", BULK) == 1


async def test_a_hold_settles_by_itself_unless_told_otherwise(shop, john):
    async with shop() as opened:
        async with opened.session.reservations.hold([opened.item()]) as hold:
            fault = opened.sandbox.faults.add(DropAfter(path=BULK))
            booked = await hold.order(john, external_reference="A-1")
        assert fault.fired == 1
        assert [o.iri for o in booked.orders] == [o.iri for o in opened.sandbox.orders()]
        assert opened.asked("POST", BULK) == 1


async def test_a_hold_that_was_refused_may_be_ordered_differently(shop, john):
    async with shop() as opened:
        async with opened.session.reservations.hold([opened.item()]) as hold:
            fault = opened.sandbox.faults.add(Reply(409, path=BULK))
            with pytest.raises(ConflictError):
                await hold.order(john, external_reference="A-1")
            assert fault.fired == 1
            assert len((await hold.order(john, external_reference="B-2")).orders) == 1


# Orders


@pytest.mark.parametrize("generation", ["seed", "1.0.7", "release"])
async def test_reservations_become_orders(shop, john, generation):
    async with shop(generation=generation) as opened:
        held = await reserved(opened, "example", "plain")
        iris = [reservation.iri for reservation in held.reservations]
        booked = await opened.session.orders.create(iris, john, "A-1", notes="wheelchair")
        booked.raise_for_failures()
        again = [await opened.session.orders.get(o.iri) for o in booked.orders]
        found = [o async for o in opened.session.orders.list(external_reference="A-1")]
    assert [o.reservation for o in booked.orders] == iris
    assert {o.iri for o in found} == {o.iri for o in again}
    assert sum(o.total_amount_incl_tax for o in again) == 127


async def test_a_failed_order_stands_beside_the_others(shop, john):
    # K1
    async with shop() as opened:
        held = await reserved(opened, "example", "fails_ordering")
        iris = [reservation.iri for reservation in held.reservations]
        booked = await opened.session.orders.create(iris, john, "A-1")
    assert [o.reservation for o in booked.orders] == iris[:1]
    assert [f.reservation for f in booked.failed] == iris[1:]
    with pytest.raises(PartialFailureError, match="1 reservations could not be ordered"):
        booked.raise_for_failures()


async def test_an_expired_reservation_is_told_by_its_iri(shop, john):
    # K3
    async with shop() as opened:
        held = await reserved(opened, "example", "short_hold")
        iris = [reservation.iri for reservation in held.reservations]
        opened.sandbox.clock.advance(minutes=6)
        with pytest.raises(ViolationsError) as caught:
            await opened.session.orders.create(iris, john, "A-1")
        assert opened.sandbox.orders() == ()
    assert caught.value.expired_reservations == (iris[1],)
    assert [v.path for v in caught.value.violations] == ["reservations[1].expired"]
    assert pickle.loads(pickle.dumps(caught.value)).expired_reservations == (iris[1],)


async def test_a_reservation_on_both_sides_or_twice_is_a_contradiction(scripted, john):
    # K2 and K8
    for answer in (
        made(order(ONE), failedOrders=[{"reservation": ONE}]),
        made(order(ONE), order(ONE, 2)),
    ):
        async with scripted(answer) as (session, _):
            with pytest.raises(InconsistentAnswerError) as caught:
                await session.orders.create([ONE], john, "A-1", settle_unknown=True)
            assert caught.value.result.orders[0].reservation == ONE


async def test_reservations_the_answer_does_not_mention_are_told(scripted, john):
    async with scripted(made(order(ONE))) as (session, _):
        booked = await session.orders.create([ONE, TWO], john, "A-1")
    assert booked.unaccounted == (TWO,)


async def test_an_order_whose_answer_is_lost_is_never_sent_again_by_itself(shop, john):
    # K5, without settling
    async with shop() as opened:
        held = await reserved(opened, "example")
        for fault, kind in (
            (DropAfter(path=BULK), OutcomeUnknownError),
            (Reply(502, path=BULK), ServerError),
            (Reply(503, path=BULK), ServerError),
            (Reply(200, body="{", path=BULK), DecodingError),
        ):
            opened.sandbox.requests.clear()
            opened.sandbox.faults.add(fault)
            with pytest.raises(kind) as caught:
                await opened.session.orders.create([held.reservations[0].iri], john, "A-1")
            assert fault.fired == 1
            assert opened.asked("POST", BULK) == 1
            assert caught.value.outcome_unknown
            assert "idempotency-key" not in opened.sandbox.requests[0].header_names


@pytest.mark.parametrize(
    "make",
    [
        lambda: DropAfter(path=BULK),
        lambda: CutBody(path=BULK),
        lambda: Reply(502, path=BULK, after_commit=True),
        lambda: Reply(200, body="{", path=BULK, after_commit=True),
    ],
    ids=["dropped", "cut", "gateway", "garbled"],
)
async def test_an_order_that_was_made_is_found(shop, john, make):
    # K5: found
    fault = make()
    async with shop() as opened:
        held = await reserved(opened, "example")
        opened.sandbox.faults.add(fault)
        began = opened.clock.monotonic()
        booked = await opened.session.orders.create(
            [held.reservations[0].iri], john, "A-1", settle_unknown=True
        )
        assert fault.fired == 1
        assert [o.iri for o in booked.orders] == [o.iri for o in opened.sandbox.orders()]
        assert opened.asked("POST", BULK) == 1
        assert opened.clock.monotonic() - began == 2


async def test_an_order_that_was_not_made_is_sent_after_three_looks(shop, john):
    # K5: absent
    async with shop() as opened:
        held = await reserved(opened, "example")
        fault = opened.sandbox.faults.add(DropBefore(path=BULK))
        booked = await opened.session.orders.create(
            [held.reservations[0].iri], john, "A-1", settle_unknown=True
        )
        assert fault.fired == 1
        assert opened.clock.sleeps == [2, 5, 15]
        assert len(booked.orders) == 1 == len(opened.sandbox.orders())
        assert (opened.asked("POST", BULK), opened.asked("GET", ORDERS)) == (2, 3)
        assert opened.asked("GET", held.reservations[0].iri) == 1


async def test_only_what_is_missing_is_sent_again(scripted, john):
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(TWO, found=[order(ONE)]),
        made(order(TWO, 2)),
    )
    async with scripted(*steps) as (session, transport):
        booked = await session.orders.create([ONE, TWO], john, "A-1", settle_unknown=True)
    assert [o.reservation for o in booked.orders] == [ONE, TWO]
    assert b'"reservations":["/v1/booking/reservations/2"],' in transport.requests[-1].body
    assert b'"externalReference":"A-1"' in transport.requests[-1].body


async def test_a_look_reads_all_pages_of_its_own_window_and_its_own_reservations(scripted, john):
    # K6
    link = "/v1/booking/orders?external_reference=A-1&itemsPerPage=50&page=2"
    steps = (
        OutcomeUnknownError("cut"),
        listed(order("/v1/booking/reservations/older", 7), after=link),
        listed(order(ONE, 8)),
    )
    async with scripted(*steps) as (session, transport):
        booked = await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert [o.id for o in booked.orders] == ["8"]
    assert dict(transport.requests[1].query) == {
        "itemsPerPage": "50",
        "external_reference": "A-1",
        "createdAt[after]": "2025-01-29T06:50:00+00:00",
        "order[createdAt]": "asc",
    }
    assert dict(transport.requests[2].query)["page"] == "2"


async def test_two_orders_for_one_reservation_raise_the_alarm(scripted, john):
    # K8
    steps = (OutcomeUnknownError("cut"), listed(order(ONE), order(ONE, 2)))
    async with scripted(*steps) as (session, _):
        with pytest.raises(InconsistentAnswerError, match="more than one order") as caught:
            await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert isinstance(caught.value.result, BulkOrders)


async def test_an_order_on_two_pages_is_one(scripted):
    link = "/v1/booking/orders?page=2"
    async with scripted(listed(order(ONE), after=link), listed(order(ONE))) as (session, _):
        settled = await session.orders.settle("A-1", [ONE, ONE])
    assert [o.id for o in settled.orders] == ["1"]


async def test_a_cancelled_order_is_there(scripted):
    steps = (listed(order(ONE, status="cancelled"), order(TWO, 2)),)
    async with scripted(*steps) as (session, _):
        settled = await session.orders.settle("A-1", [TWO, ONE])
    assert [(o.id, o.status) for o in settled.orders] == [("2", None), ("1", OrderStatus.CANCELLED)]
    assert settled.missing == ()


async def test_an_order_that_stands_goes_before_cancelled_ones(scripted):
    cancelled = [order(ONE, n, status="cancelled") for n in (1, 3)]
    steps = (listed(cancelled[0], order(ONE, 2, status="confirmed"), cancelled[1]),)
    async with scripted(*steps) as (session, _):
        settled = await session.orders.settle("A-1", [ONE])
    assert [(o.id, o.status) for o in settled.orders] == [("2", OrderStatus.CONFIRMED)]


async def test_a_cancelled_order_is_not_sent_again_and_is_told(scripted, john):
    steps = (OutcomeUnknownError("cut"), listed(order(ONE, status="cancelled")))
    async with scripted(*steps) as (session, _):
        booked = await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert booked.orders[0].status == OrderStatus.CANCELLED
    with pytest.raises(PartialFailureError, match="1 orders were made, 1 of them cancelled since"):
        booked.raise_for_failures()


async def test_an_order_the_list_does_not_show_is_found_by_its_reservation(scripted, john):
    # The list lags, or our clock is ahead of the server's by more than the window.
    steps = (
        OutcomeUnknownError("cut"),
        *[listed()] * 3,
        held(ONE, "https://api.demo.korusticket.com/v1/booking/orders/1"),
        json_reply(order(ONE, externalReference="A-1")),
    )
    async with scripted(*steps) as (session, transport):
        booked = await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert [o.id for o in booked.orders] == ["1"]
    assert [r.operation for r in transport.requests].count("CreateOrders") == 1


async def test_a_clock_that_is_ahead_does_not_hide_an_order(shop, john):
    class Ahead:
        def __init__(self, inner):
            self.inner = inner

        def now(self):
            return self.inner.now() + timedelta(hours=3)

        def __getattr__(self, name):
            return getattr(self.inner, name)

    async with shop() as opened:
        got = await reserved(opened, "example")
        opened.session._clock = Ahead(opened.clock)
        opened.sandbox.faults.add(DropAfter(path=BULK))
        booked = await opened.session.orders.create(
            [got.reservations[0].iri], john, "A-1", settle_unknown=True
        )
        assert [o.iri for o in booked.orders] == [o.iri for o in opened.sandbox.orders()]
        assert opened.asked("POST", BULK) == 1


async def test_settling_asks_the_reservations_the_list_does_not_answer_for(scripted):
    steps = (listed(order(ONE)), held(TWO))
    async with scripted(*steps) as (session, _):
        settled = await session.orders.settle("A-1", [ONE, TWO])
    assert (len(settled.orders), settled.missing) == (1, (TWO,))


async def test_a_reservation_that_leads_to_another_ones_order_raises_the_alarm(scripted):
    steps = (listed(), held(ONE, "/v1/booking/orders/1"), json_reply(order(TWO)))
    async with scripted(*steps) as (session, _):
        with pytest.raises(InconsistentAnswerError, match="order of another one"):
            await session.orders.settle("A-1", [ONE])


@pytest.mark.parametrize(
    "failing",
    [
        [HttpResponse(status=404)],
        [held(ONE, "/v1/booking/orders/1"), HttpResponse(status=403)],
    ],
    ids=["reservation", "order"],
)
async def test_nothing_is_sent_again_unless_the_reservation_says_it_has_no_order(
    scripted, john, failing
):
    steps = (OutcomeUnknownError("cut"), *[listed()] * 3, *failing)
    async with scripted(*steps) as (session, transport):
        with pytest.raises(OutcomeUnknownError, match="cut"):
            await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert [r.operation for r in transport.requests].count("CreateOrders") == 1


async def test_the_outcome_stays_unknown_if_the_last_look_fails(scripted, john):
    refused = HttpResponse(status=403)
    steps = (OutcomeUnknownError("cut"), listed(), listed(), refused)
    async with scripted(*steps) as (session, _):
        with pytest.raises(OutcomeUnknownError, match="cut"):
            await session.orders.create([ONE], john, "A-1", settle_unknown=True)


async def test_a_refusal_of_the_second_send_is_checked_against_the_list(scripted, john):
    # The first request came late, and is what the second one was refused for.
    violation = {"violations": [{"propertyPath": "reservations[0].order", "code": "x"}]}
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(ONE),
        json_reply(violation, 422),
        listed(),
        listed(order(ONE)),
    )
    async with scripted(*steps) as (session, _):
        booked = await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert [o.reservation for o in booked.orders] == [ONE]


async def test_a_refusal_of_the_second_send_is_checked_against_the_reservation(scripted, john):
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(ONE),
        json_reply({"violations": []}, 422),
        *[listed()] * 3,
        held(ONE, "/v1/booking/orders/1"),
        json_reply(order(ONE)),
    )
    async with scripted(*steps) as (session, _):
        booked = await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert [o.reservation for o in booked.orders] == [ONE]


SECOND_REFUSALS = {
    "400": [HttpResponse(status=400)],
    "403": [HttpResponse(status=403)],
    "404": [HttpResponse(status=404)],
    "409": [HttpResponse(status=409)],
    "422": [json_reply({"violations": []}, 422)],
    "429": [HttpResponse(status=429)] * 3,
    "not sent": [NotSentError("no route")] * 3,
}
LOOKS_AFTER = {
    "nothing there": not_there(ONE),
    "list fails": [listed(), listed(), HttpResponse(status=403)],
    "reservation fails": [*[listed()] * 3, HttpResponse(status=403)],
}


@pytest.mark.parametrize("looks", LOOKS_AFTER.values(), ids=LOOKS_AFTER)
@pytest.mark.parametrize("refused", SECOND_REFUSALS.values(), ids=SECOND_REFUSALS)
async def test_a_refusal_of_the_second_send_never_overrules_the_unknown_first(
    scripted, john, refused, looks
):
    retry = RetryPolicy(attempts=3, budget=1.0)
    steps = (OutcomeUnknownError("cut"), *not_there(ONE), *refused, *looks)
    async with scripted(*steps, retry=retry) as (session, _):
        with pytest.raises(OutcomeUnknownError, match="earlier attempt may") as caught:
            await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    error = caught.value
    assert error.outcome_unknown
    assert error.operation == "CreateOrders"
    assert error.attempts == 1 + len(refused)
    if isinstance(refused[0], HttpResponse):
        assert error.refusal is not None
        assert error.refusal.status == refused[0].status
    else:
        assert error.refusal is None
        assert isinstance(error.__cause__, NotSentError)


@pytest.mark.parametrize("refused", SECOND_REFUSALS.values(), ids=SECOND_REFUSALS)
async def test_a_hold_stays_in_doubt_when_the_second_send_is_refused(scripted, john, refused):
    item = OfferItem("/v1/x/offers/1", [TicketChoice("/v1/x/offers/1/tickets/1")])
    reservation = json.loads(held(ONE).body)
    steps = (
        json_reply({"reservations": [reservation]}),
        OutcomeUnknownError("cut"),
        *not_there(ONE),
        *refused,
        *not_there(ONE),
        listed(order(ONE)),
    )
    retry = RetryPolicy(attempts=3, budget=1.0)
    async with scripted(*steps, retry=retry) as (session, _):
        async with session.reservations.hold([item], allow_partial=True) as hold:
            with pytest.raises(OutcomeUnknownError, match="earlier attempt may"):
                await hold.order(john, external_reference="A-1")
            with pytest.raises(SessionStateError, match="same arguments"):
                await hold.order(john, external_reference="B-2")
            booked = await hold.order(john, external_reference="A-1")
    assert [o.reservation for o in booked.orders] == [ONE]


@pytest.mark.parametrize(
    "looks", [not_there(TWO, found=[order(ONE)]), [HttpResponse(status=403)] * 3]
)
async def test_some_orders_leave_the_others_in_doubt_unless_the_server_says_why(
    scripted, john, looks
):
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(TWO, found=[order(ONE)]),
        HttpResponse(status=403),
        *looks,
    )
    async with scripted(*steps) as (session, _):
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.orders.create([ONE, TWO], john, "A-1", settle_unknown=True)
    assert caught.value.refusal is not None
    assert caught.value.refusal.status == 403


async def test_what_the_second_send_refuses_stands_beside_what_the_first_one_made(scripted, john):
    expired = {
        "violations": [
            {
                "propertyPath": "reservations[1].expired",
                "message": "late",
                "code": "d53a91b0-def3-426a-83d7-269da7ab4200",
            },
            {"propertyPath": "customer.email", "message": "odd"},
        ],
        "detail": "all of it",
    }
    found = [order(ONE)]
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(TWO, THREE, found=found),
        json_reply(expired, 422),
        *not_there(TWO, THREE, found=found),
    )
    async with scripted(*steps) as (session, _):
        booked = await session.orders.create([TWO, ONE, THREE], john, "A-1", settle_unknown=True)
    assert [o.reservation for o in booked.orders] == [ONE]
    alive, late = booked.failed
    assert (alive.reservation, alive.expired) == (TWO, False)
    assert alive.message == "not ordered because the call was refused"
    assert alive.raw["violations"] == []
    assert (late.reservation, late.message, late.expired) == (THREE, "late", True)
    # By the list of the caller, not by the shorter one that was sent again.
    assert [v["propertyPath"] for v in late.raw["violations"]] == ["reservations[2].expired"]


async def test_a_refusal_in_a_doubt_speaks_of_the_callers_list(scripted, john):
    violation = {"propertyPath": "reservations[0].expired", "code": MUST_BE_FALSE}
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(TWO, found=[order(ONE)]),
        json_reply({"violations": [violation]}, 422),
        *[HttpResponse(status=403)] * 3,
    )
    async with scripted(*steps) as (session, _):
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.orders.create([ONE, TWO], john, "A-1", settle_unknown=True)
    refusal = caught.value.refusal
    assert isinstance(refusal, ViolationsError)
    (shown,) = refusal.violations
    assert (shown.path, shown.index) == ("reservations[1].expired", 1)
    assert refusal.expired_reservations == (TWO,)


@pytest.mark.parametrize(
    ("raw", "expired"),
    [
        ({"violations": [{"propertyPath": "expired", "code": MUST_BE_FALSE}]}, True),
        ({"violations": [{"propertyPath": "reservations[7].expired", "code": "x"}]}, False),
        ({"violations": [{"propertyPath": "customer", "code": MUST_BE_FALSE}]}, False),
        ({"violations": [{"propertyPath": 3, "code": MUST_BE_FALSE}, 3]}, False),
        ({"violations": "expired", "message": "expired", "expired": True}, False),
    ],
)
def test_expiry_is_told_by_code_and_path_never_by_words(raw, expired):
    assert FailedOrder(raw=raw).expired is expired


async def test_what_the_second_answer_calls_failed_may_be_the_first_one_come_late(scripted, john):
    failed = [{"reservation": TWO, "message": "ordered already"}, {"reservation": THREE}]
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(ONE, TWO, THREE),
        made(order(ONE), failedOrders=failed),
        *not_there(THREE, found=[order(ONE), order(TWO, 2)]),
    )
    async with scripted(*steps) as (session, _):
        booked = await session.orders.create([ONE, TWO, THREE], john, "A-1", settle_unknown=True)
    assert [o.reservation for o in booked.orders] == [ONE, TWO]
    assert [f.reservation for f in booked.failed] == [THREE]
    assert booked.unaccounted == ()


async def test_a_second_answer_with_failures_that_cannot_be_checked_is_in_doubt(scripted, john):
    steps = (
        OutcomeUnknownError("cut"),
        *not_there(ONE),
        made(failedOrders=[{"reservation": ONE}]),
        *[HttpResponse(status=403)] * 3,
    )
    async with scripted(*steps) as (session, _):
        with pytest.raises(OutcomeUnknownError, match="could not be looked for"):
            await session.orders.create([ONE], john, "A-1", settle_unknown=True)


async def test_a_hold_is_closed_by_a_contradiction(scripted, john):
    item = OfferItem("/v1/x/offers/1", [TicketChoice("/v1/x/offers/1/tickets/1")])
    reservation = json.loads(held(ONE).body)
    steps = (
        json_reply({"reservations": [reservation]}),
        made(order(ONE), failedOrders=[{"reservation": ONE}]),
    )
    async with scripted(*steps) as (session, _):
        async with session.reservations.hold([item], allow_partial=True) as hold:
            with pytest.raises(InconsistentAnswerError):
                await hold.order(john, external_reference="A-1")
            for reference in ("A-1", "B-2"):
                with pytest.raises(SessionStateError, match="contradictory response"):
                    await hold.order(john, external_reference=reference)


async def test_two_lost_answers_end_in_an_unknown_outcome(scripted, john):
    steps = (
        OutcomeUnknownError("first"),
        *not_there(ONE),
        OutcomeUnknownError("second"),
        *not_there(ONE),
    )
    async with scripted(*steps) as (session, _):
        with pytest.raises(OutcomeUnknownError, match="second"):
            await session.orders.create([ONE], john, "A-1", settle_unknown=True)


async def test_what_was_not_sent_needs_no_settling(scripted, john):
    async with scripted(*[NotSentError("no route")] * 5) as (session, transport):
        with pytest.raises(NotSentError):
            await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert {r.operation for r in transport.requests} == {"CreateOrders"}


async def test_cancelling_while_settling_says_what_may_have_happened(scripted, john):
    from eguma_async.testing import FakeClock

    clock = FakeClock(auto=False)
    async with scripted(OutcomeUnknownError("cut"), clock=clock) as (session, _):
        call = asyncio.create_task(session.orders.create([ONE], john, "A-1", settle_unknown=True))
        await clock.until_sleeping()
        call.cancel()
        with pytest.raises(asyncio.CancelledError) as caught:
            await call
    outcome = unknown_outcome(caught.value)
    assert outcome is not None
    assert outcome.operation == "CreateOrders"


def test_an_operation_is_a_value(john):
    one = CreateOrders(reservations=[ONE], customer=john, external_reference="A-1")
    two = CreateOrders(reservations=(ONE,), customer=john, external_reference="A-1")
    assert one == two
    assert pickle.loads(pickle.dumps(one)) == one


async def test_names_are_told_before_documents_can_be_fetched(shop, john):
    from eguma_async.korus import Beneficiary, TicketStatus

    async with shop() as opened:
        held = await reserved(opened, "named")
        booked = await opened.session.orders.create([held.reservations[0].iri], john, "A-1")
        (ticket,) = booked.orders[0].items[0].tickets
        assert ticket.status == TicketStatus.WAITING_BENEFICIARY_DATA
        assert "dateOfBirth" in ticket.required_beneficiary_fields
        document = booked.orders[0].documents[0]
        with pytest.raises(InvalidRequestError):
            await opened.session.documents.link(document)
        incomplete = Beneficiary(firstname="Ada", lastname="Lovelace")
        with pytest.raises(ViolationsError) as caught:
            await opened.session.beneficiaries.update(ticket.iri, incomplete)
        assert caught.value.violations[0].path == "beneficiary.dateOfBirth"
        from datetime import date

        ada = attrs.evolve(incomplete, date_of_birth=date(1815, 12, 10))
        named = await opened.session.beneficiaries.update(ticket.iri, ada)
        assert named.status == TicketStatus.VALIDATED
        assert (await opened.session.beneficiaries.get(ticket.iri)).beneficiary == ada
        assert (await opened.session.documents.link(document)).cached_language == "fr"


async def test_a_retry_inside_the_except_block_is_judged_by_its_own_answer(scripted, john):
    item = OfferItem("/v1/x/offers/1", [TicketChoice("/v1/x/offers/1/tickets/1")])
    steps = (
        json_reply({"reservations": [json.loads(held(ONE).body)]}),
        OutcomeUnknownError("cut"),
        *not_there(ONE),
        HttpResponse(status=403),
        *not_there(ONE),
    )
    async with scripted(*steps) as (session, _):
        async with session.reservations.hold([item], allow_partial=True) as hold:
            try:
                await hold.order(john, external_reference="A-1", settle_unknown=False)
            except OutcomeUnknownError:
                with pytest.raises(OutcomeUnknownError, match="earlier attempt may"):
                    await hold.order(john, external_reference="A-1")


async def test_a_clean_refusal_stays_one_while_another_doubt_is_handled(scripted, john):
    async with scripted(HttpResponse(status=403)) as (session, transport):
        try:
            raise OutcomeUnknownError("of something else")
        except OutcomeUnknownError:
            with pytest.raises(AccessDeniedError):
                await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert [request.operation for request in transport.requests] == ["CreateOrders"]


async def test_a_faulty_transport_leaves_a_hold_in_doubt(scripted, john):
    item = OfferItem("/v1/x/offers/1", [TicketChoice("/v1/x/offers/1/tickets/1")])

    def fails(request):
        raise ZeroDivisionError

    steps = (
        json_reply({"reservations": [json.loads(held(ONE).body)]}),
        fails,
        listed(order(ONE)),
    )
    async with scripted(*steps) as (session, _):
        async with session.reservations.hold([item], allow_partial=True) as hold:
            with pytest.raises(ZeroDivisionError) as caught:
                await hold.order(john, external_reference="A-1")
            assert caught.value.__notes__ == ["CreateOrders may have been processed"]
            booked = await hold.order(john, external_reference="A-1")
    assert [o.reservation for o in booked.orders] == [ONE]
