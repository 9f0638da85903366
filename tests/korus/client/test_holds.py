"""Holds with several reservations: parts that expire, parts that fail, prices and time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs
import pytest

from eguma_async import (
    ConfigurationError,
    HttpResponse,
    OutcomeUnknownError,
    PriceChangedError,
    ResultMismatchError,
    SessionStateError,
    Timeouts,
)
from eguma_async.korus import (
    BulkOrders,
    InconsistentAnswerError,
    OfferItem,
    PartialFailureError,
    Reconciliation,
    Settlement,
    TicketChoice,
    ViolationsError,
)
from eguma_async.korus.errors import MUST_BE_FALSE
from eguma_async.sandbox import DropAfter
from eguma_async.testing import FakeClock, json_reply
from tests.korus.client.conftest import START

ONE, TWO = "/v1/booking/reservations/1", "/v1/booking/reservations/2"
OFFER = "/v1/ticketing/catalogs/1/offers/1"
ITEM = OfferItem(OFFER, [TicketChoice(f"{OFFER}/tickets/1")])
BULK = "/v1/booking/orders/_bulk"


def held(iri=ONE, *, total="80.00", minutes=15, quantity=1, **changes):
    created = datetime(2025, 1, 29, 7, 50, tzinfo=UTC)
    return {
        "@id": iri,
        "expired": False,
        "createdAt": created.isoformat(),
        "expiresAt": (created + timedelta(minutes=minutes)).isoformat(),
        "totalAmountInclTax": total,
        "items": [{"unitAmountInclTax": "80.00", "quantity": quantity, "offer": OFFER}],
        **changes,
    }


def order(reservation=ONE, number=1, **changes):
    return {
        "@id": f"/v1/booking/orders/{number}",
        "createdAt": "2025-01-29T07:51:00+00:00",
        "reference": f"KT-{number}",
        "totalAmountInclTax": "80.00",
        "reservation": reservation,
        **changes,
    }


def holding(*rows):
    return json_reply({"reservations": rows or [held()]})


def made(*orders, **more):
    return json_reply({"orders": orders, **more})


def listed(*orders):
    return json_reply({"member": orders})


def alone(iri=ONE, order=None):
    return json_reply({**held(iri), "order": order})


def violations(*indexes):
    told = [
        {"propertyPath": f"reservations[{index}].expired", "code": MUST_BE_FALSE}
        for index in indexes
    ]
    return json_reply({"violations": told}, 422)


def bodies(transport):
    return [r.body for r in transport.requests if r.operation == "CreateOrders"]


def names(hold):
    return [reservation.iri for reservation in hold.orderable]


# Parts that expire


async def test_what_lives_is_ordered_once_the_rest_is_known_to_have_expired(shop, john):
    async with shop() as opened:
        items = [opened.item("short_hold"), opened.item("undated")]
        async with opened.session.reservations.hold(items) as hold:
            short, long = hold.reservations
            assert hold.expires_at == short.expires_at
            opened.sandbox.clock.advance(minutes=6)
            assert hold.remaining == timedelta(0)
            with pytest.raises(ViolationsError) as caught:
                await hold.order(john, external_reference="A-1")
            assert caught.value.expired_reservations == (short.iri,)
            assert (hold.expired, hold.orderable) == ((short,), (long,))
            assert hold.expires_at == long.expires_at
            assert hold.remaining == timedelta(minutes=9)
            booked = await hold.order(john, external_reference="A-1")
            assert [o.reservation for o in booked.orders] == [long.iri]
            assert hold.orders == booked.orders
            assert hold.orderable == ()
            with pytest.raises(SessionStateError, match="the rest has expired"):
                await hold.order(john, external_reference="A-1")
        assert [o.iri for o in opened.sandbox.orders()] == [o.iri for o in booked.orders]


async def test_only_the_server_tells_what_has_expired(scripted, john):
    # Our clock says that all of it is over; it is sent all the same.
    steps = (holding(), made(order()))
    async with scripted(*steps, clock=FakeClock(START)) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            session.clock.advance(3600)
            assert hold.remaining == timedelta(0)
            await hold.order(john, external_reference="A-1")


async def test_nothing_is_sent_once_all_has_expired(scripted, john):
    steps = (holding(held(), held(TWO)), violations(0, 1))
    async with scripted(*steps) as (session, transport):
        async with session.reservations.hold([ITEM, ITEM]) as hold:
            with pytest.raises(ViolationsError):
                await hold.order(john, external_reference="A-1")
            assert len(hold.expired) == 2
            with pytest.raises(SessionStateError, match="nothing is left to order"):
                await hold.order(john, external_reference="A-1")
            assert hold.expires_at == hold.reservations[0].expires_at
            assert "2 reservations, until 2025-01-29 08:05:00" in repr(hold)
    assert len(transport.requests) == 2


async def test_another_violation_leaves_all_of_it_to_order(scripted, john):
    email = json_reply({"violations": [{"propertyPath": "customer.email", "code": "x"}]}, 422)
    async with scripted(holding(), email, made(order())) as (session, transport):
        async with session.reservations.hold([ITEM]) as hold:
            with pytest.raises(ViolationsError):
                await hold.order(john, external_reference="A-1")
            assert names(hold) == [ONE]
            await hold.order(attrs.evolve(john, email="j@example.com"), external_reference="B-2")
    assert b"j@example.com" in bodies(transport)[1]


# Parts that fail


async def test_what_the_issuer_refused_for_the_moment_is_tried_again(shop, john):
    async with shop() as opened:
        items = [opened.item("fails_ordering"), opened.item("undated")]
        opened.sandbox.fail_offer("fails_ordering", "ordering", times=1)
        async with opened.session.reservations.hold(items) as hold:
            failing, good = (reservation.iri for reservation in hold.reservations)
            first = await hold.order(john, external_reference="A-1")
            assert [o.reservation for o in first.orders] == [good]
            assert [f.reservation for f in first.failed] == [failing]
            with pytest.raises(PartialFailureError) as caught:
                first.raise_for_failures()
            assert caught.value.differences == (f"{failing} was refused",)
            assert names(hold) == [failing]
            second = await hold.order(john, external_reference="A-1")
            second.raise_for_failures()
            assert [o.reservation for o in second.orders] == [failing]
            assert hold.orders == first.orders + second.orders
            with pytest.raises(SessionStateError, match="ordered already"):
                await hold.order(john, external_reference="A-1")
        assert len(opened.sandbox.orders()) == 2


async def test_what_is_known_to_be_ordered_is_never_sent_again(scripted, john):
    rows = holding(held(), held(TWO))
    steps = (rows, made(order(), failedOrders=[{"reservation": TWO}]), made(order(TWO, 2)))
    async with scripted(*steps) as (session, transport):
        async with session.reservations.hold([ITEM, ITEM]) as hold:
            await hold.order(john, external_reference="A-1")
            await hold.order(john, external_reference="A-1")
    first, second = bodies(transport)
    assert f'"reservations":["{ONE}","{TWO}"]'.encode() in first
    assert f'"reservations":["{TWO}"]'.encode() in second


async def test_what_stands_on_neither_side_is_looked_for_before_it_is_sent_again(scripted, john):
    steps = (
        holding(held(), held(TWO)),
        made(order()),
        listed(order(), order(TWO, 2)),
    )
    async with scripted(*steps) as (session, transport):
        async with session.reservations.hold([ITEM, ITEM]) as hold:
            first = await hold.order(john, external_reference="A-1")
            assert first.unaccounted == (TWO,)
            assert names(hold) == [TWO]
            with pytest.raises(SessionStateError, match="same arguments"):
                await hold.order(john, external_reference="B-2")
            second = await hold.order(john, external_reference="A-1")
            assert [o.iri for o in hold.orders] == ["/v1/booking/orders/1", "/v1/booking/orders/2"]
    assert [o.reservation for o in second.orders] == [TWO]
    assert len(bodies(transport)) == 1
    assert dict(transport.requests[-1].query)["createdAt[after]"] == "2025-01-29T06:50:00+00:00"


async def test_what_is_nowhere_to_be_found_is_sent_again(scripted, john):
    steps = (
        holding(held(), held(TWO)),
        made(order()),
        *[listed(order())] * 3,
        alone(TWO),
        made(order(TWO, 2)),
    )
    async with scripted(*steps) as (session, transport):
        async with session.reservations.hold([ITEM, ITEM]) as hold:
            await hold.order(john, external_reference="A-1")
            await hold.order(john, external_reference="A-1")
            assert len(hold.orders) == 2
    assert f'"reservations":["{TWO}"]'.encode() in bodies(transport)[1]


async def test_an_order_that_cannot_be_read_is_never_sent_again(scripted, john):
    unreadable = {**order(TWO, 2), "totalAmountInclTax": "canary"}
    steps = (
        holding(held(), held(TWO)),
        json_reply({"orders": [order(), unreadable]}),
        *[listed(order(), unreadable)] * 3,
    )
    async with scripted(*steps) as (session, transport):
        async with session.reservations.hold([ITEM, ITEM]) as hold:
            first = await hold.order(john, external_reference="A-1")
            assert (first.unaccounted, len(first.unreadable)) == ((TWO,), 1)
            with pytest.raises(OutcomeUnknownError, match="neither side"):
                await hold.order(john, external_reference="A-1")
    assert len(bodies(transport)) == 1


async def test_a_reservation_that_is_expired_from_the_start_is_not_ordered(scripted, john):
    steps = (holding(held(expired=True), held(TWO)), made(order(TWO)))
    async with scripted(*steps) as (session, transport):
        async with session.reservations.hold([ITEM, ITEM], allow_partial=True) as hold:
            assert names(hold) == [TWO]
            await hold.order(john, external_reference="A-1")
    assert f'"reservations":["{TWO}"]'.encode() in bodies(transport)[0]


# What was ordered, compared with what was held


DIFFERENCES = {
    "price": ({"totalAmountInclTax": "85.00"}, f"{ONE} held at 80.00, ordered at 85.00"),
    "less": ({"totalAmountInclTax": "75.00"}, f"{ONE} held at 80.00, ordered at 75.00"),
    "units": ({"items": [{"quantity": 1}]}, f"{ONE} held with 2 units, ordered with 1"),
}


@pytest.mark.parametrize(("changes", "told"), DIFFERENCES.values(), ids=DIFFERENCES)
async def test_an_order_that_is_not_what_was_held_is_told_with_the_order(
    scripted, john, changes, told
):
    steps = (holding(held(quantity=2)), made(order(**changes)))
    item = attrs.evolve(ITEM, quantity=2)
    async with scripted(*steps) as (session, _):
        async with session.reservations.hold([item]) as hold:
            with pytest.raises(ResultMismatchError, match="not as it was held") as caught:
                await hold.order(john, external_reference="A-1")
            assert caught.value.differences == (told,)
            assert caught.value.result.orders == hold.orders
            assert not caught.value.outcome_unknown
            with pytest.raises(SessionStateError, match="ordered already"):
                await hold.order(john, external_reference="A-1")


@pytest.mark.parametrize(
    "changes",
    [
        {"totalAmountInclTax": "80"},
        {"items": [{"quantity": 2}]},
        {"items": [{"quantity": 1}, {"quantity": 1}]},
        {"items": [{"quantity": 1}, {}]},
        {"items": []},
        {"status": "cancelled", "totalAmountInclTax": "0.00"},
    ],
)
async def test_an_order_that_may_be_what_was_held_is_taken(scripted, john, changes):
    steps = (holding(held(quantity=2)), made(order(**changes)))
    async with scripted(*steps) as (session, _):
        async with session.reservations.hold([attrs.evolve(ITEM, quantity=2)]) as hold:
            assert len((await hold.order(john, external_reference="A-1")).orders) == 1


async def test_an_order_that_was_looked_for_is_compared_too(scripted, john):
    steps = (holding(), OutcomeUnknownError("cut"), listed(order(totalAmountInclTax="90.00")))
    async with scripted(*steps) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            with pytest.raises(ResultMismatchError, match="held at 80.00, ordered at 90.00"):
                await hold.order(john, external_reference="A-1")


async def test_the_order_of_a_reservation_that_was_not_sent_is_told(scripted, john):
    # Not looked for either: the response is there, and says what was done.
    async with scripted(made(order(TWO))) as (session, transport):
        with pytest.raises(ResultMismatchError, match="was not sent") as caught:
            await session.orders.create([ONE], john, "A-1", reconcile_unknown=True)
    assert caught.value.differences == (f"{TWO} was not sent",)
    assert [o.reservation for o in caught.value.result.orders] == [TWO]
    assert caught.value.result.unaccounted == (ONE,)
    assert (caught.value.operation, len(transport.requests)) == ("CreateOrders", 1)
    async with scripted(holding(), made(order(TWO))) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            with pytest.raises(ResultMismatchError):
                await hold.order(john, external_reference="A-1")
            with pytest.raises(SessionStateError, match="contradictory response"):
                await hold.order(john, external_reference="A-1")


async def test_the_order_of_another_reservation_ends_the_second_request_too(scripted, john):
    steps = (OutcomeUnknownError("cut"), *[listed()] * 3, alone(), made(order(TWO)))
    async with scripted(*steps) as (session, _):
        with pytest.raises(ResultMismatchError, match="was not sent"):
            await session.orders.create([ONE], john, "A-1", reconcile_unknown=True)


# Prices


async def test_a_price_that_rose_is_told_before_payment(shop):
    async with shop() as opened:
        item = opened.item("dynamic_price")
        shown = (await opened.session.offers.get(item.offer)).price.amount_incl_tax
        with pytest.raises(PriceChangedError) as caught:
            async with opened.session.reservations.hold([item], expected_total=shown):
                raise AssertionError("entered")
        error = caught.value
        assert (error.expected, error.actual) == (shown, Decimal("100.00"))
        assert error.result.total_amount_incl_tax == Decimal("100.00")
        assert str(error) == ("ReserveOffers: the price has risen: 95.00 expected, now 100.00")
        (orphan,) = opened.sandbox.reservations()
        assert [r.iri for r in error.result.reservations] == [orphan.iri]


@pytest.mark.parametrize("expected", ["160.00", "160", "200.00"])
async def test_a_price_that_did_not_rise_is_no_reason_to_stop(scripted, expected):
    async with scripted(holding(held(), held(TWO))) as (session, _):
        total = Decimal(expected)
        async with session.reservations.hold([ITEM, ITEM], expected_total=total) as hold:
            assert hold.result.total_amount_incl_tax == 160


async def test_the_price_is_that_of_all_that_is_held(scripted):
    async with scripted(holding(held(), held(TWO))) as (session, _):
        with pytest.raises(PriceChangedError, match="159.99 expected, now 160.00"):
            async with session.reservations.hold([ITEM, ITEM], expected_total=Decimal("159.99")):
                raise AssertionError("entered")


@pytest.mark.parametrize("total", [95.0, 95, "95.00", Decimal("NaN"), Decimal(-1), True])
async def test_an_expected_total_is_checked_before_anything_is_sent(scripted, total):
    async with scripted() as (session, _):
        with pytest.raises(ConfigurationError, match="expected_total must be a Decimal"):
            session.reservations.hold([ITEM], expected_total=total)


# Time


@pytest.mark.parametrize(
    ("wrong", "left"),
    [
        (timedelta(), timedelta(minutes=15)),
        (timedelta(minutes=-10), timedelta(minutes=15)),
        (timedelta(days=-400), timedelta(minutes=15)),
        (timedelta(minutes=10), timedelta(minutes=5)),
        (timedelta(minutes=20), timedelta(0)),
    ],
)
async def test_no_more_time_is_left_than_the_server_gave(scripted, wrong, left):
    clock = FakeClock(START + wrong)
    async with scripted(holding(), clock=clock) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            assert hold.remaining == left
            clock.advance(60)
            assert hold.remaining == max(left - timedelta(minutes=1), timedelta(0))


async def test_a_clock_that_is_set_back_meanwhile_gives_no_time(scripted):
    class Jumping:
        def __init__(self):
            self.wall, self.passed = START, 0.0

        def now(self):
            return self.wall

        def monotonic(self):
            return self.passed

        async def sleep(self, seconds):
            self.passed += seconds

    clock = Jumping()
    async with scripted(holding(), clock=clock) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            clock.wall -= timedelta(hours=1)
            clock.passed += 300
            assert hold.remaining == timedelta(minutes=10)


async def test_the_time_the_request_took_is_not_left_either(scripted):
    clock = FakeClock(START - timedelta(hours=1))

    def slow(request):
        clock.advance(20)
        return holding()

    async with scripted(slow, clock=clock) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            assert hold.remaining == timedelta(minutes=14, seconds=40)


# Looking for what became of an order


async def test_other_peoples_rows_do_not_stand_in_the_way(scripted, john):
    broken = {"reservation": "/v1/booking/reservations/9", "reference": 7}
    steps = (OutcomeUnknownError("cut"), listed(broken, order(), "canary", 7))
    async with scripted(*steps) as (session, _):
        booked = await session.orders.create([ONE], john, "A-1", reconcile_unknown=True)
    assert [o.reservation for o in booked.orders] == [ONE]


async def test_a_row_that_cannot_be_read_is_not_taken_for_absence(scripted, john):
    # It does not tell whose order it is; the reservation does.
    steps = (
        OutcomeUnknownError("cut"),
        *[listed(order("/v1/booking/reservations/9"), {"@id": "/v1/booking/orders/1"})] * 3,
        alone(order="/v1/booking/orders/1"),
        json_reply(order()),
    )
    async with scripted(*steps) as (session, transport):
        booked = await session.orders.create([ONE], john, "A-1", reconcile_unknown=True)
    assert [o.id for o in booked.orders] == ["1"]
    assert len(bodies(transport)) == 1


@pytest.mark.parametrize("link", [ONE, {"@id": ONE}, f"https://api.example{ONE}"])
async def test_our_own_row_that_cannot_be_read_is_there(scripted, john, link):
    rows = listed(
        order("/v1/booking/reservations/9", 9), {**order(), "reservation": link, "createdAt": 7}
    )
    steps = (OutcomeUnknownError("cut"), rows, rows, rows)
    async with scripted(*steps) as (session, transport):
        with pytest.raises(OutcomeUnknownError, match="cut"):
            await session.orders.create([ONE], john, "A-1", reconcile_unknown=True)
    assert len(bodies(transport)) == 1


async def test_a_list_that_is_cut_is_not_taken_for_absence(scripted, john):
    cut = json_reply({"totalItems": 2, "member": []})
    async with scripted(OutcomeUnknownError("cut"), cut, cut, cut) as (session, transport):
        with pytest.raises(OutcomeUnknownError, match="cut"):
            await session.orders.create([ONE], john, "A-1", reconcile_unknown=True)
    assert len(bodies(transport)) == 1


async def test_a_response_that_belongs_to_another_reservation_is_not_taken_for_absence(
    scripted, john
):
    steps = (OutcomeUnknownError("cut"), *[listed()] * 3, alone(TWO))
    async with scripted(*steps) as (session, transport):
        with pytest.raises(OutcomeUnknownError, match="cut"):
            await session.orders.create([ONE], john, "A-1", reconcile_unknown=True)
    assert len(bodies(transport)) == 1


async def test_a_reservation_tells_of_its_order_whatever_else_it_looks_like(scripted):
    bare = json_reply({"@id": ONE, "order": "/v1/booking/orders/1", "expiresAt": "soon"})
    async with scripted(listed(), bare, json_reply(order())) as (session, _):
        found = await session.orders.reconcile("A-1", [ONE])
    assert [o.id for o in found.orders] == ["1"]


async def test_the_names_of_before_still_work(scripted, john):
    assert Settlement is Reconciliation
    async with scripted(listed(order())) as (session, _):
        assert isinstance(await session.orders.settle("A-1", [ONE]), Reconciliation)
    async with scripted(OutcomeUnknownError("cut"), listed(order())) as (session, _):
        booked = await session.orders.create([ONE], john, "A-1", settle_unknown=True)
    assert isinstance(booked, BulkOrders)
    async with scripted(holding(), OutcomeUnknownError("cut")) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            with pytest.raises(OutcomeUnknownError):
                await hold.order(john, external_reference="A-1", settle_unknown=False)
    async with scripted(holding(), OutcomeUnknownError("cut")) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            with pytest.raises(OutcomeUnknownError):
                await hold.order(john, external_reference="A-1", reconcile_unknown=False)


async def test_the_time_limits_of_an_order_hold_for_all_of_its_requests(scripted, john):
    mine = Timeouts(total=7.0)
    steps = (
        holding(),
        OutcomeUnknownError("cut"),
        *[listed()] * 3,
        alone(),
        HttpResponse(status=403),
        *[listed()] * 3,
        alone(order="/v1/booking/orders/1"),
        json_reply(order()),
    )
    async with scripted(*steps) as (session, transport):
        async with session.reservations.hold([ITEM], timeouts=mine) as hold:
            await hold.order(john, external_reference="A-1", timeouts=mine)
    assert {request.timeouts for request in transport.requests} == {mine}


async def test_two_orders_of_one_reservation_close_a_hold(scripted, john):
    steps = (holding(), OutcomeUnknownError("cut"), listed(order(), order(number=2)))
    async with scripted(*steps) as (session, _):
        async with session.reservations.hold([ITEM]) as hold:
            with pytest.raises(InconsistentAnswerError):
                await hold.order(john, external_reference="A-1")
            with pytest.raises(SessionStateError, match="contradictory"):
                await hold.order(john, external_reference="A-1")


async def test_a_hold_found_by_the_sandbox_after_a_lost_response(shop, john):
    async with shop() as opened:
        items = [opened.item("undated"), opened.item("plain")]
        async with opened.session.reservations.hold(items) as hold:
            opened.sandbox.faults.add(DropAfter(path=BULK))
            booked = await hold.order(john, external_reference="A-1")
            assert hold.orders == booked.orders
        assert len(opened.sandbox.orders()) == 2
