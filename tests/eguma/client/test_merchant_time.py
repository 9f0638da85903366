"""The merchant's wall clock, and bounds in it that lose nothing."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eguma_async import AsyncSession, Customer, ListOrders, TicketItem
from eguma_async.eguma.merchant_time import lower_bound, upper_bound, wall_clock
from eguma_async.sandbox import EgumaOptions, EgumaSandbox
from eguma_async.testing import FakeClock, json_reply

ZURICH = ZoneInfo("Europe/Zurich")
CHANGES = (datetime(2027, 3, 28, 1, tzinfo=UTC), datetime(2027, 10, 31, 1, tzinfo=UTC))

BOUNDS = [
    # whole seconds
    ("2027-06-01T10:00:00", "2027-06-01T10:00:00", "2027-06-01T10:00:00"),
    ("2027-06-01T10:00:00.000001", "2027-06-01T10:00:00", "2027-06-01T10:00:01"),
    ("2027-06-01T10:00:00.500000", "2027-06-01T10:00:00", "2027-06-01T10:00:01"),
    ("2027-12-31T23:59:59.999999", "2027-12-31T23:59:59", "2028-01-01T00:00:00"),
    # the hour that autumn repeats
    ("2027-10-31T01:59:59", "2027-10-31T01:59:59", "2027-10-31T01:59:59"),
    ("2027-10-31T01:59:59.5", "2027-10-31T01:59:59", "2027-10-31T03:00:00"),
    ("2027-10-31T02:00:00", "2027-10-31T01:59:59", "2027-10-31T03:00:00"),
    ("2027-10-31T02:50:00", "2027-10-31T01:59:59", "2027-10-31T03:00:00"),
    ("2027-10-31T02:59:59.9", "2027-10-31T01:59:59", "2027-10-31T03:00:00"),
    ("2027-10-31T03:00:00", "2027-10-31T03:00:00", "2027-10-31T03:00:00"),
    # the hour that spring leaves out
    ("2027-03-28T01:59:59", "2027-03-28T01:59:59", "2027-03-28T01:59:59"),
    ("2027-03-28T02:00:00", "2027-03-28T01:00:00", "2027-03-28T03:00:00"),
    ("2027-03-28T02:30:00", "2027-03-28T01:30:00", "2027-03-28T03:30:00"),
    ("2027-03-28T03:00:00", "2027-03-28T03:00:00", "2027-03-28T03:00:00"),
    # the ends of the calendar
    ("0001-01-01T00:00:00", "0001-01-01T00:00:00", "0001-01-01T00:00:00"),
    ("9999-12-31T23:59:59.999999", "9999-12-31T23:59:59", "9999-12-31T23:59:59"),
]


@pytest.mark.parametrize(("given_", "lower", "upper"), BOUNDS)
async def test_the_bounds_of_a_poll_on_the_wire(scripted, given_, lower, upper):
    moment = datetime.fromisoformat(given_)
    async with scripted(json_reply([])) as (session, transport):
        await session.ticketing.orders.list(updated_at_after=moment, updated_at_before=moment)
    assert transport.requests[0].query == (
        ("updated_at_after", lower),
        ("updated_at_before", upper),
    )


@pytest.mark.parametrize("given_", [bound[0] for bound in BOUNDS])
def test_a_widened_bound_is_not_widened_again(given_):
    once = ListOrders(
        updated_at_after=datetime.fromisoformat(given_),
        updated_at_before=datetime.fromisoformat(given_),
    )
    again = ListOrders(
        updated_at_after=once.updated_at_after, updated_at_before=once.updated_at_before
    )
    assert again == once


NEAR = st.builds(
    lambda change, seconds: (change + timedelta(seconds=seconds)).astimezone(ZURICH),
    st.sampled_from(CHANGES),
    st.floats(-3 * 3600, 3 * 3600),
)


def readings(local):
    """Return the moments that servers take a naive time for."""
    if local.replace(tzinfo=ZURICH).astimezone(UTC).astimezone(ZURICH).replace(tzinfo=None) != (
        local
    ):
        raise AssertionError(f"{local} is no time of the merchant's clock")
    return [local.replace(tzinfo=ZURICH, fold=fold).astimezone(UTC) for fold in (0, 1)]


@settings(max_examples=500, deadline=None)
@given(since=NEAR, changed=NEAR)
@example(
    since=datetime(2027, 10, 31, 2, 50, tzinfo=ZURICH),
    changed=datetime(2027, 10, 31, 2, 10, fold=1, tzinfo=ZURICH),
)
def test_whatever_changed_since_a_moment_is_asked_for(since, changed):
    """By a server that compares texts, and by ones that take a doubtful time for either."""
    since_utc, changed_utc = since.astimezone(UTC), changed.astimezone(UTC)
    if changed_utc < since_utc:
        since, changed, changed_utc = changed, since, since_utc
    bound = lower_bound(since.replace(tzinfo=None))
    assert bound <= changed.replace(tzinfo=None)
    assert all(reading <= changed_utc for reading in readings(bound))


@settings(max_examples=500, deadline=None)
@given(until=NEAR, changed=NEAR)
def test_whatever_changed_before_a_moment_is_asked_for(until, changed):
    until_utc, changed_utc = until.astimezone(UTC), changed.astimezone(UTC)
    if until_utc == changed_utc:
        return
    if until_utc < changed_utc:
        until, changed, changed_utc = changed, until, until_utc
    bound = upper_bound(until.replace(tzinfo=None))
    assert changed.replace(tzinfo=None) < bound
    assert all(changed_utc < reading for reading in readings(bound))


@pytest.mark.parametrize("zone", ["zurich", "utc"])
@pytest.mark.parametrize("start", [datetime(2027, 10, 31, 0, 50), datetime(2027, 3, 28, 0, 50)])
async def test_a_poll_with_the_highest_moment_seen_finds_every_order(zone, start):
    sandbox = EgumaSandbox(
        FakeClock(start.replace(tzinfo=UTC)), options=EgumaOptions(updated_at_zone=zone)
    )
    slot, seen, mark, made = sandbox.example("unlimited"), set(), None, []
    assert slot.starts_at is not None
    async with AsyncSession(
        sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock
    ) as session:
        for minutes in (0, 20, 15, 25, 60, 30):
            sandbox.clock.advance(minutes=minutes)
            booking = await session.ticketing.bookings.create(
                product_id=slot.product_id,
                starts_at=datetime.fromisoformat(slot.starts_at),
                items=[TicketItem(slot.category_ids[0], 1)],
                customer=Customer("A", "B", "a@example.com"),
            )
            made.append(booking.booking_id)
            for order in await session.ticketing.orders.list(updated_at_after=mark):
                seen.add(order.id)
                mark = max(mark or order.updated_at, order.updated_at)
    assert seen >= set(made)


@pytest.mark.parametrize(
    ("start", "wall"),
    [
        (datetime(2027, 3, 19, 9, tzinfo=UTC), datetime(2027, 3, 19, 10)),
        (datetime(2027, 7, 19, 9, tzinfo=UTC), datetime(2027, 7, 19, 11)),
        (datetime(2027, 3, 19, 9), datetime(2027, 3, 19, 9)),
        (datetime(2027, 3, 19, 9).date(), datetime(2027, 3, 19)),
        (datetime.max.replace(tzinfo=UTC), datetime.max),
    ],
)
def test_a_start_on_the_merchants_clock(start, wall):
    assert wall_clock(start) == wall
