"""Days of 23 and 25 hours in Zurich: spans are real time, calendars are wall clock."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.sandbox import EgumaSandbox, SandboxRequest
from eguma_async.sandbox.eguma import Price, SlotPlan
from eguma_async.sandbox.eguma.local_time import instant, instant_on, wall_clock

ZURICH = ZoneInfo("Europe/Zurich")
SPRING, AUTUMN = date(2027, 3, 28), date(2027, 10, 31)
HOUR = timedelta(hours=1)
CUSTOMER = {"first_name": "A", "last_name": "B", "email": "a@example.com"}


class Shop:
    def __init__(self, clock, *plans, **details):
        self.sandbox = EgumaSandbox(clock, demo_data=False)
        merchant = self.sandbox.add_merchant("Night park")
        self.key = self.sandbox.add_key(merchant, self.sandbox.add_user(merchant, "shop"))
        self.adult = self.sandbox.add_category("Adult")
        prices = (Price(self.adult.id, 1000),)
        filled = tuple(SlotPlan(**{"prices": prices, **plan}) for plan in plans)
        self.product = self.sandbox.add_product(
            merchant, {"de": "Nacht"}, (self.adult,), filled, **details
        )

    def slots(self, day):
        path = f"/v1/ticketing/products/{self.product.id}/availabilities.json"
        query = (("apikey", self.key), ("from", str(day)), ("to", str(day)))
        response = self.sandbox.respond(SandboxRequest("GET", path, query))
        assert response.status == 200
        return response.json()["availabilities"]

    def starts(self, day):
        return [slot["starts_at"][11:16] for slot in self.slots(day)]


@pytest.mark.parametrize("day", [SPRING, AUTUMN, date(2027, 6, 1)])
def test_a_cut_off_of_an_hour_is_an_hour(clock, day):
    shop = Shop(clock, {"at": time(3), "cut_off": HOUR})
    starts = datetime.combine(day, time(3), tzinfo=ZURICH).astimezone(UTC)
    clock.set(starts - timedelta(minutes=60, seconds=1))
    assert shop.starts(day) == ["03:00"]
    clock.set(starts - timedelta(minutes=60))
    assert shop.starts(day) == []


@pytest.mark.parametrize(
    ("day", "at", "cut_off", "closing_at"),
    [
        (SPRING, time(3), HOUR, "2027-03-28T01:00:00"),
        (SPRING, time(3), 24 * HOUR, "2027-03-27T02:00:00"),
        (SPRING, time(0), -12 * HOUR, "2027-03-28T13:00:00"),
        (AUTUMN, time(3), HOUR, "2027-10-31T02:00:00"),
        (AUTUMN, time(3), 2 * HOUR, "2027-10-31T02:00:00"),
        (AUTUMN, time(3), 24 * HOUR, "2027-10-30T04:00:00"),
        (AUTUMN, time(0), -12 * HOUR, "2027-10-31T11:00:00"),
    ],
)
def test_the_cut_off_is_shown_on_the_wall_clock(clock, day, at, cut_off, closing_at):
    shop = Shop(clock, {"at": at, "cut_off": cut_off})
    assert [slot["closing_at"] for slot in shop.slots(day)] == [closing_at]
    (slot,) = shop.product.slots_on(day)
    assert slot.closing_at == datetime.fromisoformat(closing_at)


def test_the_second_of_two_equal_wall_clock_times_is_not_taken_for_the_first(clock):
    # 02:30 occurs twice on that day. An hour before 03:30 is the second time.
    shop = Shop(clock, {"at": time(3, 30), "cut_off": HOUR})
    clock.set(datetime(2027, 10, 31, 0, 45, tzinfo=UTC))
    assert shop.starts(AUTUMN) == ["03:30"]
    clock.set(datetime(2027, 10, 31, 1, 30, tzinfo=UTC))
    assert shop.starts(AUTUMN) == []


def test_a_slot_at_a_time_that_does_not_exist_is_not_there(clock):
    shop = Shop(clock, {"at": time(1, 30)}, {"at": time(2)}, {"at": time(2, 30)}, {"at": time(3)})
    assert shop.starts(SPRING) == ["01:30", "03:00"]
    assert shop.starts(SPRING + timedelta(days=1)) == ["01:30", "02:00", "02:30", "03:00"]
    assert shop.starts(AUTUMN) == ["01:30", "02:00", "02:30", "03:00"]
    missing = f"{SPRING}T02:30:00"
    items = [{"category_id": shop.adult.id, "quantity": 1}]
    selection = {"product_id": shop.product.id, "starts_at": missing, "items": items}
    response = _post(shop, "reservation", selection)
    assert (response.status, response.json()["error_code"]) == (400, "validation_error")
    with pytest.raises(ValueError, match="no such slot"):
        shop.sandbox.set_capacity(shop.product.id, missing, 5)
    with pytest.raises(ValueError, match="no such slot"):
        shop.sandbox.desk_sale(shop.product.id, missing, 1)


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_a_closing_time_is_wall_clock(clock, day):
    shop = Shop(clock, {"closing_time": time(12)}, slot_type="day")
    assert [slot["closing_at"] for slot in shop.slots(day)] == [f"{day}T12:00:00"]
    noon = datetime.combine(day, time(12), tzinfo=ZURICH).astimezone(UTC)
    clock.set(noon - timedelta(seconds=1))
    assert len(shop.slots(day)) == 1
    clock.set(noon)
    assert shop.slots(day) == []


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_today_and_the_start_of_a_day_slot_follow_the_wall_clock(clock, day):
    shop = Shop(clock, {}, slot_type="day")
    midnight = datetime.combine(day, time(), tzinfo=ZURICH).astimezone(UTC)
    clock.set(midnight - timedelta(seconds=1))
    assert shop.sandbox.today() == day - timedelta(days=1)
    clock.set(midnight)
    assert shop.sandbox.today() == day
    last = datetime.combine(day, time(23, 59, 59), tzinfo=ZURICH).astimezone(UTC)
    clock.set(last)
    assert shop.sandbox.today() == day
    clock.advance(1)
    assert shop.sandbox.today() == day + timedelta(days=1)


@pytest.mark.parametrize(("day", "at"), [(SPRING, time(3)), (AUTUMN, time(2, 30))])
def test_a_booking_can_be_cancelled_until_its_slot_begins(clock, day, at):
    shop = Shop(clock, {"at": at})
    starts = datetime.combine(day, at, tzinfo=ZURICH).astimezone(UTC)
    clock.set(starts - timedelta(minutes=30))
    booked = [_book(shop, day, at, number) for number in range(2)]
    clock.set(starts - timedelta(seconds=1))
    assert _post(shop, "cancel-booking", {"booking_id": booked[0]}).status == 200
    clock.set(starts)
    assert _post(shop, "cancel-booking", {"booking_id": booked[1]}).status == 400


@pytest.mark.parametrize("day", [SPRING, AUTUMN])
def test_a_hold_lasts_an_hour_across_the_change(clock, day):
    shop = Shop(clock, {"at": time(20), "quota": 1})
    change = datetime.combine(day, time(1), tzinfo=UTC)
    clock.set(change - timedelta(minutes=30))
    items = [{"category_id": shop.adult.id, "quantity": 1}]
    selection = {"product_id": shop.product.id, "starts_at": f"{day}T20:00:00", "items": items}
    assert _post(shop, "reservation", selection).status == 200
    clock.advance(minutes=59)
    assert shop.sandbox.availability(shop.product.id, f"{day}T20:00:00") == 0
    clock.advance(minutes=1)
    assert shop.sandbox.availability(shop.product.id, f"{day}T20:00:00") == 1


def _post(shop, name, value, **headers):
    path, query = f"/v1/ticketing/{name}.json", (("apikey", shop.key),)
    body = json.dumps(value).encode()
    return shop.sandbox.respond(SandboxRequest("POST", path, query, headers, body))


def _book(shop, day, at, number):
    items = [{"category_id": shop.adult.id, "quantity": 1}]
    starts_at = datetime.combine(day, at).isoformat()
    selection = {"product_id": shop.product.id, "starts_at": starts_at, "items": items}
    value = {**selection, "customer": CUSTOMER}
    return _post(shop, "booking", value, **{"idempotency-key": str(number)}).json()["booking_id"]


days = st.dates(date(1971, 1, 1), date(2100, 1, 1)) | st.sampled_from([SPRING, AUTUMN])
times = st.times().map(lambda at: at.replace(microsecond=0)) | st.sampled_from(
    [time(1, 59, 59), time(2), time(2, 30), time(2, 59, 59), time(3)]
)


@given(days, times)
def test_a_wall_clock_time_is_found_exactly_if_it_exists(day, at):
    local = datetime.combine(day, at)
    moment = instant_on(day, at)
    if moment is None:
        assert wall_clock(instant(local)) != local
    else:
        assert wall_clock(moment) == local
        assert moment == instant(local)
