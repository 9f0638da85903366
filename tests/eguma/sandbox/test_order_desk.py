"""Single orders at the desk, and what the list of orders makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from eguma_async.sandbox import EgumaOptions, EgumaSandbox, NoSuchRecordError, SandboxRequest
from eguma_async.testing import FakeClock

PATH = "/v1/ticketing/orders.json"


@pytest.fixture
def sandbox():
    return EgumaSandbox(FakeClock())


@pytest.fixture
def order(sandbox):
    slot = sandbox.example("small")
    return sandbox.sell_order(slot.product_id, slot.starts_at)


def listed(sandbox, **filters):
    query = tuple({"apikey": sandbox.demo_key, **filters}.items())
    return sandbox.respond(SandboxRequest("GET", PATH, query))


def one(sandbox, order):
    return next((each for each in listed(sandbox).json() if each["id"] == order), None)


def test_an_order_of_the_shop_takes_places_and_is_listed(sandbox):
    slot = sandbox.example("small")
    free = sandbox.availability(slot.product_id, slot.starts_at)
    order = sandbox.sell_order(slot.product_id, slot.starts_at, free)
    assert sandbox.availability(slot.product_id, slot.starts_at) == 0
    assert one(sandbox, order)["order_lines"][0]["quantity"] == free
    with pytest.raises(ValueError, match="0 places are free"):
        sandbox.sell_order(slot.product_id, slot.starts_at)


def test_a_cancellation_is_taken_back(sandbox, order):
    slot = sandbox.example("small")
    free = sandbox.availability(slot.product_id, slot.starts_at)
    sandbox.cancel_order(order)
    stamp = one(sandbox, order)["updated_at"]
    sandbox.reopen_order(order)
    sandbox.reopen_order(order)
    assert one(sandbox, order)["status"] == "completed"
    assert one(sandbox, order)["updated_at"] > stamp
    assert sandbox.availability(slot.product_id, slot.starts_at) == free


def test_a_change_moves_the_time_of_change_or_does_not(sandbox, order):
    stamp = one(sandbox, order)["updated_at"]
    sandbox.touch_order(order, note="a", moves=False)
    assert (one(sandbox, order)["note"], one(sandbox, order)["updated_at"]) == ("a", stamp)
    sandbox.touch_order(order, note="b")
    assert one(sandbox, order)["updated_at"] > stamp


def test_a_hidden_order_shows_up_with_its_old_time(sandbox, order):
    stamp = one(sandbox, order)["updated_at"]
    sandbox.hide_order(order, 100)
    sandbox.clock.advance(99)
    assert one(sandbox, order) is None
    sandbox.clock.advance(1)
    assert one(sandbox, order)["updated_at"] == stamp
    sandbox.hide_order(order, 100)
    sandbox.hide_order(order, 0)
    assert one(sandbox, order) is not None


def test_a_frozen_order_is_listed_as_it_was(sandbox, order):
    before = one(sandbox, order)
    sandbox.freeze_order(order, 100)
    sandbox.touch_order(order, note="new")
    sandbox.freeze_order(order, 100)
    assert one(sandbox, order) == before
    assert [
        each["id"] for each in listed(sandbox, updated_at_after="2026-01-01T13:00:01").json()
    ] == []
    sandbox.clock.advance(100)
    assert one(sandbox, order)["note"] == "new"


def test_a_distorted_order_shows_what_it_is_told_to(sandbox, order):
    before = one(sandbox, order)
    sandbox.distort_order(order, {"status": None, "currency": 5})
    shown = one(sandbox, order)
    assert "status" not in shown
    assert shown["currency"] == 5
    sandbox.distort_order(order, {})
    assert one(sandbox, order) == before


def test_too_many_orders_are_refused(sandbox, order):
    count = len(listed(sandbox).json())
    sandbox.options = EgumaOptions(max_orders=count)
    assert listed(sandbox).status == 200
    sandbox.options = EgumaOptions(max_orders=count - 1, too_many_orders_status=413)
    assert listed(sandbox).status == 413
    assert listed(sandbox, order_number="unknown").status == 200


@pytest.mark.parametrize(
    ("skew", "date"), [(0, "12:00:00"), (90.5, "12:01:30"), (-30, "11:59:30"), (None, None)]
)
def test_the_date_is_skewed(skew, date):
    sandbox = EgumaSandbox(FakeClock(), options=EgumaOptions(date_skew_seconds=skew))
    assert sandbox.date() == (date and f"Thu, 01 Jan 2026 {date} GMT")


def test_what_is_not_there_cannot_be_changed(sandbox):
    for act in (
        lambda: sandbox.reopen_order("unknown"),
        lambda: sandbox.hide_order("unknown", 1),
        lambda: sandbox.freeze_order("unknown", 1),
        lambda: sandbox.distort_order("unknown", {}),
        lambda: sandbox.touch_order("unknown", note=""),
    ):
        with pytest.raises(NoSuchRecordError):
            act()
    with pytest.raises(ValueError, match="seconds"):
        sandbox.hide_order("unknown", -1)
    wrong: Any
    for wrong in ("soon", float("inf"), True):
        with pytest.raises(ValueError, match="date_skew_seconds"):
            EgumaOptions(date_skew_seconds=wrong)
