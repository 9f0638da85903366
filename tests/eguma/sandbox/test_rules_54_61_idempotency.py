"""Rules 54 to 61: the same booking asked for more than once."""

from __future__ import annotations

import asyncio
import json

import pytest

from eguma_async.sandbox import Park, Reply


def _body(api, *quantities, **changes):
    return json.dumps(api.order("small", *(quantities or (2,)), **changes)).encode()


async def test_rule_54_the_same_request_gets_the_same_answer_and_books_nothing_more(api):
    body = _body(api)
    first = await api.book(body, idempotency_key="k")
    again = await api.book(body, idempotency_key="k")
    assert (again.status, again.body) == (first.status, first.body)
    assert again.headers["Idempotency-Replayed"] == "true"
    assert "Idempotency-Replayed" not in first.headers
    assert len(api.sandbox.bookings()) == 1
    assert await api.count(api.example("small")) == 6


@pytest.mark.parametrize(
    ("name", "value"), [("X-Idempotent-Replay", "1"), ("idempotent-replayed", "yes")]
)
async def test_rule_54_the_header_of_a_replay_can_be_set(api, name, value):
    api.change(replay_header=name, replay_header_value=value)
    await api.book(_body(api), idempotency_key="k")
    assert (await api.book(_body(api), idempotency_key="k")).headers[name] == value
    api.change(replay_header=None)
    replay = await api.book(_body(api), idempotency_key="k")
    assert list(replay.headers) == ["content-type"]


async def test_rule_55_the_same_key_with_another_body_is_refused(api, refused):
    first = await api.book(_body(api), idempotency_key="k")
    for other in (_body(api, 1), _body(api) + b" ", _body(api).replace(b": ", b":")):
        response = await api.book(other, idempotency_key="k")
        refused(response, 409, "idempotency_key_reused")
    assert (await api.book(_body(api), idempotency_key="k")).body == first.body
    assert len(api.sandbox.bookings()) == 1
    api.change(mismatch_status=422, mismatch_code="idempotency_mismatch")
    refused(await api.book(b"{}", idempotency_key="k"), 422, "idempotency_mismatch")


async def test_rule_56_the_same_key_is_refused_while_the_first_call_is_in_flight(
    api, refused, settled
):
    park = api.sandbox.faults.add(Park(path="*/booking.json"))
    first = asyncio.ensure_future(api.book(_body(api), idempotency_key="k"))
    await park.arrived()
    assert api.sandbox.bookings() == ()
    second = await api.book(_body(api), idempotency_key="k")
    refused(second, 409, "idempotency_in_progress")
    api.change(in_progress_status=425, in_progress_code="still_processing")
    refused(await api.book(_body(api), idempotency_key="k"), 425, "still_processing")
    park.release()
    assert (await first).status == 200
    replay = await api.book(_body(api), idempotency_key="k")
    assert replay.body == (await first).body
    assert (park.fired, len(api.sandbox.bookings())) == (1, 1)


async def test_rule_56_a_crashed_first_call_frees_the_key(api, settled):
    park = api.sandbox.faults.add(Park(path="*/booking.json"))
    first = asyncio.ensure_future(api.book(_body(api), idempotency_key="k"))
    await park.arrived()
    first.cancel()
    await settled()
    assert (await api.book(_body(api), idempotency_key="k")).status == 200
    assert len(api.sandbox.bookings()) == 1


async def test_rule_57_the_key_is_free_72_hours_after_the_first_call_was_completed(api):
    park = api.sandbox.faults.add(Park(path="*/booking.json"))
    pending = asyncio.ensure_future(api.book(_body(api), idempotency_key="k"))
    await park.arrived()
    api.sandbox.clock.advance(hours=5)
    park.release()
    first = await pending
    body = _body_of(first, api)
    api.sandbox.clock.advance(hours=71, minutes=59, seconds=59)
    assert (await api.book(body, idempotency_key="k")).body == first.body
    api.sandbox.clock.advance(seconds=1)
    new = await api.book(_body(api, starts_at="2026-03-09T20:30:00"), idempotency_key="k")
    assert new.status == 200
    assert new.json()["booking_id"] != first.json()["booking_id"]


def _body_of(response, api):
    order = next(
        order for order in api.sandbox.bookings() if order.id == response.json()["booking_id"]
    )
    return _body(api, len(order.tickets), starts_at=order.starts_at.isoformat())


async def test_rule_58_two_merchants_may_use_the_same_key(api):
    first = await api.book(_body(api), idempotency_key="k")
    other = json.dumps(api.order("euro-time", 1)).encode()
    second = await api.book(other, idempotency_key="k", key=api.key_of("Ticket desk"))
    assert (first.status, second.status) == (200, 200)
    assert first.json()["booking_id"] != second.json()["booking_id"]


async def test_rule_59_all_keys_of_a_merchant_share_the_key_space(api, refused):
    body = _body(api)
    first = await api.book(body, idempotency_key="k")
    for user, number in (("Web shop", 1), ("Partner portal", 0)):
        replay = await api.book(body, idempotency_key="k", key=api.key_of(user, number))
        assert replay.body == first.body
    assert len(api.sandbox.bookings()) == 1


async def test_rule_60_a_stored_refusal_is_replayed(api, refused):
    example = api.example("small")
    body = _body(api, 8)
    api.sandbox.desk_sale(example.product_id, example.starts_at, 1)
    first = await api.book(body, idempotency_key="k")
    refused(first, 400, "validation_error")
    api.sandbox.set_capacity(example.product_id, example.starts_at, 9)
    replay = await api.book(body, idempotency_key="k")
    assert (replay.status, replay.body) == (400, first.body)
    assert replay.headers["Idempotency-Replayed"] == "true"
    assert (await api.book(body, idempotency_key="other")).status == 200


async def test_rule_60_refusals_are_not_stored_if_switched_off(api):
    api.change(replay_refusals=False)
    example = api.example("small")
    body = _body(api, 8)
    api.sandbox.desk_sale(example.product_id, example.starts_at, 1)
    assert (await api.book(body, idempotency_key="k")).status == 400
    api.sandbox.set_capacity(example.product_id, example.starts_at, 9)
    assert (await api.book(body, idempotency_key="k")).status == 200


async def test_rule_60_a_5xx_is_not_stored(api):
    fault = api.sandbox.faults.add(Reply(500, path="*/booking.json"))
    assert (await api.book(_body(api), idempotency_key="k")).status == 500
    assert (fault.fired, api.sandbox.bookings()) == (1, ())
    first = await api.book(_body(api), idempotency_key="k")
    assert first.status == 200
    assert "Idempotency-Replayed" not in first.headers


async def test_rule_60_a_5xx_after_the_commit_is_followed_by_the_true_answer(api):
    api.sandbox.faults.add(Reply(503, after_commit=True))
    assert (await api.book(_body(api), idempotency_key="k")).status == 503
    assert len(api.sandbox.bookings()) == 1
    replay = await api.book(_body(api), idempotency_key="k")
    assert (replay.status, replay.headers["Idempotency-Replayed"]) == (200, "true")
    assert len(api.sandbox.bookings()) == 1


async def test_rule_61_the_replay_of_a_cancelled_booking_is_the_original_answer(api):
    first = await api.book(_body(api), idempotency_key="k")
    cancelled = await api.post("cancel-booking", {"booking_id": first.json()["booking_id"]})
    assert cancelled.status == 200
    assert (await api.book(_body(api), idempotency_key="k")).body == first.body
    assert await api.count(api.example("small")) == 8


async def test_a_refused_key_of_a_caller_who_may_not_book_leaves_no_trace(api, refused):
    body = _body(api)
    refused(await api.book(body, idempotency_key="k", key="f" * 24), 401, "unauthorized")
    refused(
        await api.book(body, idempotency_key="k", key=api.key_of("Back office")), 403, "forbidden"
    )
    assert (await api.book(body, idempotency_key="k")).status == 200


async def test_a_caller_who_lost_the_connection_meets_the_call_still_in_flight(
    api, refused, settled
):
    park = api.sandbox.faults.add(Park(hang_up=True, path="*/booking.json"))
    body = _body(api)
    with pytest.raises(AssertionError):  # there is no answer
        await api.book(body, idempotency_key="k")
    await park.arrived()
    refused(await api.book(body, idempotency_key="k"), 409, "idempotency_in_progress")
    park.release()
    await settled()
    assert (await api.book(body, idempotency_key="k")).headers["Idempotency-Replayed"] == "true"
