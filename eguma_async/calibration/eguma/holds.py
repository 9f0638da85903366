"""Questions that hold places. Each gives them back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from eguma_async.calibration.probe import Reply
from eguma_async.calibration.questions import Answer, NotSeenError, Question, Risk
from eguma_async.eguma.merchant_time import readings

from .probe import EgumaProbe, Slot
from .reads import seen

HOLD_TIME = timedelta(minutes=60)
MOST_PLACES = 200
"""The most places that are asked for at once, to be refused."""


def refused(reply: Reply, what: str) -> Reply:
    """Return a response that is a refusal.

    Raises:
        NotSeenError: It is none.
    """
    if not 400 <= reply.status < 500:
        raise NotSeenError(f"{what} is answered with {seen(reply)}")
    return reply


def is_refused(reply: Reply) -> bool:
    """Tell a refusal from a success.

    Raises:
        NotSeenError: It is neither, such as a failure of the server.
    """
    if not reply.ok:
        refused(reply, "this")
    return not reply.ok


def made(reply: Reply, what: str) -> Reply:
    """Return a response that is a success.

    Raises:
        NotSeenError: It is none.
    """
    if not reply.ok:
        raise NotSeenError(f"{what} is refused with {seen(reply)}")
    return reply


def code_of(reply: Reply) -> str:
    """Return the code of a refusal.

    Raises:
        NotSeenError: It has none.
    """
    code = reply.member("error_code")
    if not isinstance(code, str) or not code:
        raise NotSeenError(f"the refusal has no error_code: HTTP {reply.status}")
    return code


async def success_status(probe: EgumaProbe) -> Answer:
    """Hold places."""
    reply = made(await probe.reserve(await probe.slot()), "a reservation")
    return Answer(values={"success_status": reply.status}, evidence=seen(reply))


async def key_on_reservation(probe: EgumaProbe) -> Answer:
    """Hold places with an idempotency key, after it went without."""
    slot = await probe.slot()
    made(await probe.reserve(slot), "a reservation")
    await probe.clean_up()
    reply = await probe.reserve(slot, Idempotency_Key=probe.new_key())
    return Answer(values={"refuse_key_on_reservation": is_refused(reply)}, evidence=seen(reply))


async def expires_zone(probe: EgumaProbe) -> Answer:
    """Look which zone makes the end of a hold an hour ahead."""
    reply = made(await probe.reserve(await probe.slot()), "a reservation")
    text = str(reply.member("expires_at"))
    return zone_of("expires_at_zone", text, reply.came_at + HOLD_TIME)


def zone_of(option: str, text: str, moment: datetime) -> Answer:
    """Return in which zone a text tells a moment."""
    try:
        local = datetime.fromisoformat(text)
    except ValueError:
        raise NotSeenError("the time cannot be read") from None
    if local.tzinfo is not None:
        raise NotSeenError("the time has a zone of its own")
    far = {
        "utc": abs((local.replace(tzinfo=UTC) - moment).total_seconds()),
        "zurich": min(abs((each - moment).total_seconds()) for each in readings(local)),
    }
    zone = min(far, key=far.__getitem__)
    if far[zone] > timedelta(minutes=20).total_seconds():
        raise NotSeenError("the time fits neither zone")
    return Answer(values={option: zone}, evidence=f"{zone} fits to {far[zone]:.0f} s")


async def limits_on_reservation(probe: EgumaProbe) -> Answer:
    """Hold a quantity that the limits of its category forbid."""
    slot = await probe.usable(
        lambda slot: _beyond_limits(slot) is not None,
        "a category with a least or a largest quantity",
    )
    reply = await probe.reserve(slot, _beyond_limits(slot))
    return Answer(values={"limits_on_reservation": is_refused(reply)}, evidence=seen(reply))


def _beyond_limits(slot: Slot) -> dict[str, int] | None:
    fewest = slot.fewest()
    for price in slot.prices:
        least, most = price.get("min_quantity"), price.get("max_quantity")
        category = str(price["category_id"])
        wrong = None
        if isinstance(least, int) and least > 1:
            wrong = least - 1
        elif isinstance(most, int) and 0 < most <= MOST_PLACES:
            wrong = most + 1
        if wrong is not None:
            items = {**fewest, category: wrong}
            if slot.has_room_for(sum(items.values())):
                return items
    return None


async def sold_out(probe: EgumaProbe) -> Answer:
    """Ask for more places than are left."""
    slot = await probe.usable(lambda slot: _too_many(slot) is not None, "a slot with few places")
    reply = refused(await probe.reserve(slot, _too_many(slot)), "more than there is")
    return Answer(
        values={"sold_out_status": reply.status, "sold_out_code": code_of(reply)},
        evidence=seen(reply),
    )


def _too_many(slot: Slot) -> dict[str, int] | None:
    """Return more tickets than are left, within the limits of each category."""
    if slot.free is None or slot.free >= MOST_PLACES:
        return None
    items = slot.fewest()
    missing = slot.free + 1 - sum(items.values())
    for price in slot.prices:
        category, most = str(price["category_id"]), price.get("max_quantity")
        room = missing if most is None else int(most) - items.get(category, 0)
        added = max(0, min(missing, room))
        if added:
            items[category] = items.get(category, 0) + added
            missing -= added
    return items if missing <= 0 else None


def _hold(
    text: str, ask: Callable[[EgumaProbe], Awaitable[Answer]], *options: str
) -> Question[EgumaProbe]:
    return Question(text=text, ask=ask, options=options, risk=Risk.HOLD)


HOLDS = (
    _hold("Which status does a success have?", success_status, "success_status"),
    _hold(
        "Is an Idempotency-Key refused on reservations?",
        key_on_reservation,
        "refuse_key_on_reservation",
    ),
    _hold("In which zone is expires_at written?", expires_zone, "expires_at_zone"),
    _hold(
        "Do the limits of categories hold for reservations?",
        limits_on_reservation,
        "limits_on_reservation",
    ),
    _hold(
        "How is refused what is sold out?",
        sold_out,
        "sold_out_status",
        "sold_out_code",
    ),
)
