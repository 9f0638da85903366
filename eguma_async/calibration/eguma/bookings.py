"""Questions that book tickets. Each cancels what it has booked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from eguma_async.calibration.probe import Reply
from eguma_async.calibration.questions import Answer, NotSeenError, Question, Risk

from .holds import HOLD_TIME, code_of, is_refused, made, refused, zone_of
from .probe import ROOT, EgumaProbe, Slot
from .reads import seen

TRIES = 3
LANGUAGES = ("fr", "en", "it", "de")
_ALWAYS_NEW = frozenset({"date", "age", "x-request-id", "request-id", "traceparent"})


async def booked(probe: EgumaProbe, **changes: object) -> tuple[Reply, dict[str, Any], str]:
    """Book, and return the response with the body and the key it was made with.

    Raises:
        NotSeenError: It was refused.
    """
    body, key = probe.booking(await probe.slot(), **changes), probe.new_key()
    return made(await probe.book(body, key), "a booking"), body, key


def _by_another(body: Mapping[str, Any]) -> dict[str, Any]:
    return {**body, "customer": {**body["customer"], "first_name": "Calibrated"}}


async def mandatory_categories(probe: EgumaProbe) -> Answer:
    """Book without a category that has a least quantity."""
    slot = await probe.usable(
        lambda slot: _without_mandatory(slot) is not None,
        "a slot with a category that has a least quantity, and another one",
    )
    items = _without_mandatory(slot)
    body = probe.booking(slot) | probe.selection(slot, items)
    reply = await probe.book(body, probe.new_key())
    return Answer(values={"mandatory_categories": is_refused(reply)}, evidence=seen(reply))


def _without_mandatory(slot: Slot) -> dict[str, int] | None:
    """Return tickets that lack a mandatory category and break no other limit."""
    mandatory = [
        price
        for price in slot.prices
        if price.get("min_quantity") and not price.get("allow_zero_quantity")
    ]
    for left_out in mandatory:
        items = {
            str(price["category_id"]): max(1, price.get("min_quantity") or 0)
            for price in slot.prices
            if price is not left_out
        }
        if items and slot.has_room_for(sum(items.values())):
            return items
    return None


async def mismatch(probe: EgumaProbe) -> Answer:
    """Book, and send another body under the same key."""
    _, body, key = await booked(probe)
    reply = refused(await probe.book(_by_another(body), key), "another body under one key")
    return Answer(
        values={"mismatch_status": reply.status, "mismatch_code": code_of(reply)},
        evidence=seen(reply),
    )


async def _both(*calls: Awaitable[Reply]) -> list[Reply]:
    """Wait for all, even if one fails: what the other books is to be cancelled."""
    done = await asyncio.gather(*calls, return_exceptions=True)
    replies = [each for each in done if isinstance(each, Reply)]
    for each in done:
        if isinstance(each, BaseException):
            raise each
    return replies


async def in_progress(probe: EgumaProbe) -> Answer:
    """Send the same booking twice at once."""
    for _ in range(TRIES):
        body, key = probe.booking(await probe.slot()), probe.new_key()
        both = await _both(probe.book(body, key), probe.book(body, key))
        refusals = [reply for reply in both if 400 <= reply.status < 500]
        if len(refusals) == 1:
            (reply,) = refusals
            return Answer(
                values={"in_progress_status": reply.status, "in_progress_code": code_of(reply)},
                evidence=seen(reply),
            )
        await probe.clean_up()
    raise NotSeenError("of two bookings sent at once, none was refused: one waited for the other")


async def replay(probe: EgumaProbe) -> Answer:
    """Send a booking again, and look which header is new."""
    first, body, key = await booked(probe)
    again = made(await probe.book(body, key), "the same booking again")
    if again.member("booking_id") != first.member("booking_id"):
        raise NotSeenError("the same booking sent again is another one")
    new = [
        name
        for name in again.headers
        if name not in first.headers and name.lower() not in _ALWAYS_NEW
    ]
    marks = [name for name in new if "repla" in name or "idempot" in name] or new
    if not marks:
        return Answer(
            values={"replay_header": None},
            evidence="no header is new",
            missing="no header marks a replay",
        )
    return Answer(
        values={
            "replay_header": "-".join(part.capitalize() for part in marks[0].split("-")),
            "replay_header_value": again.headers[marks[0]],
        },
        evidence=f"{marks[0]}: {again.headers[marks[0]]}"[:80],
    )


async def replay_refusals(probe: EgumaProbe) -> Answer:
    """Have a booking refused, and send a good one under its key."""
    slot, key = await probe.slot(), probe.new_key()
    good = probe.booking(slot)
    bad = {**good, "items": []}
    refused(await probe.book(bad, key), "a booking of nothing")
    reply = await probe.book(good, key)
    # A refusal that is kept holds the key: another body under it is a mismatch.
    return Answer(values={"replay_refusals": is_refused(reply)}, evidence=seen(reply))


async def hold_must_match(probe: EgumaProbe) -> Answer:
    """Book one ticket more than was held."""
    slot = await probe.slot()
    hold = made(await probe.reserve(slot), "a reservation").member("reservation_id")
    items = slot.fewest()
    category = next(iter(items))
    body = probe.booking(slot, reservation_id=hold)
    body |= probe.selection(slot, {**items, category: items[category] + 1})
    reply = await probe.book(body, probe.new_key())
    return Answer(values={"hold_must_match": is_refused(reply)}, evidence=seen(reply))


async def unknown_hold(probe: EgumaProbe) -> Answer:
    """Book on a hold that was given back."""
    slot = await probe.slot()
    hold = str(made(await probe.reserve(slot), "a reservation").member("reservation_id"))
    made(await probe.release(hold), "a release")
    reply = await probe.book(probe.booking(slot, reservation_id=hold), probe.new_key())
    refused(reply, "a booking on a hold that was given back")
    return Answer(values={"unknown_hold_status": reply.status}, evidence=seen(reply))


async def expired_hold(probe: EgumaProbe) -> Answer:
    """Book on a hold that has run out."""
    slot = await probe.slot()
    hold = made(await probe.reserve(slot), "a reservation").member("reservation_id")
    await probe.wire.clock.sleep((HOLD_TIME + timedelta(minutes=2)).total_seconds())
    reply = await probe.book(probe.booking(slot, reservation_id=hold), probe.new_key())
    refused(reply, "a booking on a hold that has run out")
    return Answer(values={"expired_hold_status": reply.status}, evidence=seen(reply))


async def not_cancellable(probe: EgumaProbe) -> Answer:
    """Cancel a booking twice."""
    first, _, _ = await booked(probe)
    booking = str(first.member("booking_id"))
    made(await probe.cancel(booking), "a cancellation")
    reply = refused(await probe.cancel(booking), "a second cancellation")
    return Answer(
        values={"not_cancellable_status": reply.status, "not_cancellable_code": code_of(reply)},
        evidence=seen(reply),
    )


async def language_field(probe: EgumaProbe) -> Answer:
    """Book in a language, and look what echoes it."""
    offered = await _languages(probe)
    for language in (each for each in LANGUAGES if each in offered):
        first, _, _ = await booked(probe, language=language)
        names = [name for name, value in (first.json or {}).items() if value == language]
        name = names[0] if names else None
        return Answer(
            values={"language_field": name}, evidence=f"{name}: {language}" if name else "no echo"
        )
    raise NotSeenError("the product has no translations")


async def _languages(probe: EgumaProbe) -> tuple[str, ...]:
    for product in (await probe.products()).member("products"):
        if isinstance(product, dict) and product.get("id") == probe.circumstances.product_id:
            names = product.get("name_translations")
            return tuple(names) if isinstance(names, dict) else ()
    return ()


async def listed_order(probe: EgumaProbe) -> Answer:
    """Book, and look for it in the list of orders until it is there."""
    booking, _, _ = await booked(probe)
    query = (("order_number", str(booking.member("booking_reference"))),)
    waited = 0.0
    for pause in (0, *[1] * 30, *[5] * 30, *[30] * 20):
        await probe.wire.clock.sleep(pause)
        reply = await probe.wire.call("GET", f"{ROOT}/orders.json", query=query)
        made(reply, "the list of orders")
        waited = (reply.asked_at - booking.came_at).total_seconds()
        if isinstance(reply.json, list) and reply.json:
            return _order_answer(reply.json[0], booking, 0.0 if waited < 1 else float(int(waited)))
    raise NotSeenError(f"the booking was not in the list of orders after {waited:.0f} s")


def _order_answer(order: Mapping[str, Any], booking: Reply, waited: float) -> Answer:
    values: dict[str, object] = {"orders_delay_seconds": waited}
    if (location := order.get("location")) in ("web", "local"):
        values["booking_location"] = location
    zone = zone_of("updated_at_zone", str(order.get("created_at")), booking.came_at)
    values |= zone.values
    evidence = f"there after {waited:.0f} s, {location}, {zone.evidence}"
    return Answer(values=values, evidence=evidence)


async def checked_out(probe: EgumaProbe) -> Answer:
    """Check a ticket in and out, and cancel its booking."""
    booking, _, _ = await booked(probe)
    for ticket in booking.member("tickets"):
        path = f"{ROOT}/tickets/{ticket['ticket_number']}"
        for step in ("checkin", "checkout"):
            reply = made(await probe.wire.call("POST", f"{path}/{step}.json"), step)
            if reply.member("is_successful") is not True:
                raise NotSeenError(f"{step} is answered with {reply.member('unsuccessful_code')}")
    reply = await probe.cancel(str(booking.member("booking_id")))
    return Answer(values={"check_out_allows_cancel": not is_refused(reply)}, evidence=seen(reply))


def _book(
    text: str,
    ask: Callable[[EgumaProbe], Awaitable[Answer]],
    *options: str,
    risk: Risk = Risk.BOOK,
    **more: Any,
) -> Question[EgumaProbe]:
    return Question(text=text, ask=ask, options=options, risk=risk, **more)


BOOKINGS = (
    _book(
        "Must a category with a least quantity be in every order?",
        mandatory_categories,
        "mandatory_categories",
    ),
    _book(
        "How is another body under one Idempotency-Key refused?",
        mismatch,
        "mismatch_status",
        "mismatch_code",
    ),
    _book(
        "How is a key refused whose first call still runs?",
        in_progress,
        "in_progress_status",
        "in_progress_code",
    ),
    _book("Which header marks a replay?", replay, "replay_header", "replay_header_value"),
    _book("Is a refusal kept under its key?", replay_refusals, "replay_refusals"),
    _book("Must a booking have the items of its hold?", hold_must_match, "hold_must_match"),
    _book("How is an unknown hold refused?", unknown_hold, "unknown_hold_status"),
    _book(
        "How is a hold refused that has run out?",
        expired_hold,
        "expired_hold_status",
        takes_long=True,
    ),
    _book(
        "How is refused what cannot be cancelled?",
        not_cancellable,
        "not_cancellable_status",
        "not_cancellable_code",
    ),
    _book("How does a booking echo its language?", language_field, "language_field"),
    _book(
        "How does a booking show up in the orders?",
        listed_order,
        "orders_delay_seconds",
        "booking_location",
        "updated_at_zone",
    ),
    _book(
        "Can be cancelled what was checked in and out?",
        checked_out,
        "check_out_allows_cancel",
        risk=Risk.KEEP,
    ),
)
