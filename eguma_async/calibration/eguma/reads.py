"""Questions that change nothing."""

from __future__ import annotations

import math
import secrets
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Any

from eguma_async.calibration.probe import Reply
from eguma_async.calibration.questions import Answer, NotSeenError, Question
from eguma_async.core.http_date import http_date
from eguma_async.eguma.merchant_time import readings

from .probe import ROOT, EgumaProbe, Slot

CLOSE_ENOUGH = 2.0
"""Seconds that clocks may differ by before one is said to be wrong."""
LONGEST_RANGE = 1100
_PRICE_MEMBERS = frozenset({"category_id", "min_quantity", "max_quantity", "allow_zero_quantity"})
_MONEY = ("price", "amount", "cents", "cost")


def seen(reply: Reply) -> str:
    """Return what a response shows of itself: its status, and the code of a refusal."""
    code = reply.member("error_code")
    return f"{reply.status} {code}" if isinstance(code, str) else f"HTTP {reply.status}"


async def generation(probe: EgumaProbe) -> Answer:
    """Look whether the list of products names a currency."""
    has_currency = (await probe.products()).member("currency") is not None
    return Answer(
        values={"generation": "B" if has_currency else "A"},
        evidence=f"products {'with' if has_currency else 'without'} currency",
    )


async def date_skew(probe: EgumaProbe) -> Answer:
    """Compare the ``Date`` of a response with the clock here."""
    reply = await probe.wire.call("GET", f"{ROOT}/products.json")
    text = reply.headers.get("date")
    if text is None:
        return Answer(values={"date_skew_seconds": None}, evidence="no Date")
    date = http_date(text)
    if date is None:
        raise NotSeenError("the Date of the responses cannot be read")
    early = (date - reply.came_at).total_seconds()
    late = (date - reply.asked_at).total_seconds() + 1  # it has whole seconds
    if early <= CLOSE_ENOUGH and late >= -CLOSE_ENOUGH:
        return Answer(values={"date_skew_seconds": 0.0}, evidence="Date as the clock here")
    skew = float(math.ceil(early))
    return Answer(values={"date_skew_seconds": skew}, evidence=f"Date {skew:+g} s")


async def max_range(probe: EgumaProbe) -> Answer:
    """Ask for longer and longer ranges of days, and then for those between."""
    product, first = probe.circumstances.product_id, probe.today()

    async def answered(days: int) -> bool:
        last = first + timedelta(days=days - 1)
        reply = await probe.availabilities(product, first, last)
        return reply.ok and isinstance(reply.member("availabilities"), list)

    if not await answered(1):
        raise NotSeenError("availabilities of the product cannot be read")
    if await answered(LONGEST_RANGE):
        return Answer(values={"max_range_days": None}, evidence=f"{LONGEST_RANGE} days answered")
    low, high = 1, LONGEST_RANGE
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if await answered(middle) else (low, middle)
    return Answer(values={"max_range_days": low}, evidence=f"{high} days refused")


async def price_field(probe: EgumaProbe) -> Answer:
    """Look how the price of a category is called."""
    slot = await probe.usable(lambda slot: bool(slot.prices), "a slot with a price")
    for price in slot.prices:
        names = [
            name
            for name, value in price.items()
            if name not in _PRICE_MEMBERS and isinstance(value, int) and not isinstance(value, bool)
        ]
        money = [name for name in names if any(word in name.lower() for word in _MONEY)]
        if name := (money or names)[:1]:
            return Answer(values={"price_field": name[0]}, evidence=f"prices[].{name[0]}")
    raise NotSeenError("no price of the product is a whole number")


async def unknown_ticket(probe: EgumaProbe) -> Answer:
    """Ask for a ticket that does not exist."""
    number = "0" + "".join(secrets.choice("0123456789") for _ in range(18))
    reply = await probe.wire.call("GET", f"{ROOT}/tickets/{number}/info.json")
    if reply.ok or not 400 <= reply.status < 500:
        raise NotSeenError(f"an unknown ticket is answered with HTTP {reply.status}")
    shape = "json" if isinstance(reply.json, dict) else "text"
    if reply.status in (401, 403):
        raise NotSeenError(f"the key may not read tickets: {seen(reply)}")
    return Answer(
        values={"unknown_ticket_status": reply.status, "old_errors": shape},
        evidence=f"{reply.status}, {shape}",
    )


async def orders_allowed(probe: EgumaProbe) -> Answer:
    """Ask for an order that does not exist."""
    query = (("order_number", "calibration"),)
    reply = await probe.wire.call("GET", f"{ROOT}/orders.json", query=query)
    if reply.status in (401, 403):
        return Answer(values={"orders_allowed": False}, evidence=seen(reply))
    if not reply.ok or not isinstance(reply.json, list):
        raise NotSeenError(f"orders are answered with {seen(reply)}")
    return Answer(values={"orders_allowed": True}, evidence=seen(reply))


async def max_orders(probe: EgumaProbe) -> Answer:
    """Ask for all orders, and if that is too many, for fewer and fewer of the last ones."""

    async def since(moment: datetime | None) -> Reply:
        text = None if moment is None else moment.replace(tzinfo=None).isoformat(timespec="seconds")
        query = () if text is None else (("updated_at_after", text),)
        return await probe.wire.call("GET", f"{ROOT}/orders.json", query=query)

    whole = await since(None)
    if whole.ok:
        if not isinstance(whole.json, list):
            raise NotSeenError("the list of orders cannot be read")
        count = len(whole.json)
        return Answer(
            values={"max_orders": None},
            evidence=f"all {count} at once",
            missing="no list was refused for its length",
        )
    if whole.status in (401, 403):
        raise NotSeenError(f"the key may not read orders: {seen(whole)}")
    now = probe.wire.clock.now() + timedelta(days=1)  # whatever zone the list is written in
    if not (await since(now)).ok:
        raise NotSeenError(f"orders are answered with {seen(whole)}, however few")
    low, high = 0, round(timedelta(days=3650).total_seconds())
    longest = 0
    while high - low > 1:
        middle = (low + high) // 2
        reply = await since(now - timedelta(seconds=middle))
        if reply.ok and isinstance(reply.json, list):
            low, longest = middle, len(reply.json)
        else:
            high = middle
    return Answer(
        values={"max_orders": longest, "too_many_orders_status": whole.status},
        evidence=f"{longest} answered, more refused with {whole.status}",
    )


async def sold_out_shown(probe: EgumaProbe) -> Answer:
    """Look for a slot that is listed with no place left."""
    if (named := probe.circumstances.sold_out) is not None:
        listed = {slot.starts_at: slot for slot in await probe.slots(named[0])}
        slot = listed.get(named[1])
        if slot is not None and slot.free != 0:
            raise NotSeenError("the slot that was named has places left")
        return _shown(slot is not None)
    slot = await probe.usable(
        lambda slot: slot.free == 0, "a slot that is sold out, named with --sold-out"
    )
    return _shown(is_listed=True)


def _shown(is_listed: bool) -> Answer:
    return Answer(
        values={"hide_sold_out_slots": not is_listed},
        evidence=f"a sold-out slot is {'listed' if is_listed else 'left out'}",
    )


async def closing_zone(probe: EgumaProbe) -> Answer:
    """Wait until a slot closes if its text is Zurich's wall clock, and look whether it has."""
    product = probe.circumstances.product_id
    clock = probe.wire.clock
    closing = []
    for slot in reversed(await probe.slots(product)):
        text = slot.raw.get("closing_at")
        if isinstance(text, str) and slot.free != 0:
            closing.append((datetime.fromisoformat(text), slot))
    if not closing:
        raise NotSeenError("no slot of the product has a closing_at")
    local, slot = min(closing, key=lambda each: each[0])
    closes, _ = readings(local)
    await clock.sleep(max(0.0, (closes - clock.now()).total_seconds() + 60))
    day = datetime.fromisoformat(slot.starts_at).date()
    reply = await probe.availabilities(product, day, day)
    if not reply.ok:
        raise NotSeenError(f"availabilities are answered with {seen(reply)}")
    listed = [Slot(product, raw).starts_at for raw in reply.member("availabilities") or ()]
    zone = "utc" if slot.starts_at in listed else "zurich"
    evidence = f"a slot is {'still' if zone == 'utc' else 'no longer'} listed a minute after it"
    return Answer(values={"closing_at_zone": zone}, evidence=evidence)


async def disabled_product(probe: EgumaProbe) -> Answer:
    """Ask for a product that is not enabled for the key."""
    product = probe.circumstances.disabled_product_id
    if product is None:
        raise NotSeenError(
            "needs --disabled-product: a product of the merchant that the key may not sell"
        )
    reply = await probe.availabilities(product, probe.today(), probe.today())
    if not 400 <= reply.status < 500:
        raise NotSeenError(f"that product is answered with {seen(reply)}")
    return Answer(values={"not_enabled_status": reply.status}, evidence=seen(reply))


async def unapproved(probe: EgumaProbe) -> Answer:
    """Ask with the key of a user who is not approved."""
    credentials = probe.circumstances.unapproved
    if credentials is None:
        raise NotSeenError(
            "needs EGUMA_UNAPPROVED_API_KEY: the key of a user without third-party approval"
        )
    wire = probe.wire.with_credentials(credentials)
    reply = await wire.call("GET", f"{ROOT}/products.json")
    if not 400 <= reply.status < 500:
        raise NotSeenError(f"that key is answered with {seen(reply)}")
    return Answer(values={"unapproved_status": reply.status}, evidence=seen(reply))


def _read(
    text: str, ask: Callable[[EgumaProbe], Awaitable[Answer]], *options: str, **more: Any
) -> Question[EgumaProbe]:
    return Question(text=text, ask=ask, options=options, **more)


READS = (
    _read("Which state of the documented pages does it follow?", generation, "generation"),
    _read("Does its Date differ from the clock here?", date_skew, "date_skew_seconds"),
    _read("How is the price of a category called?", price_field, "price_field"),
    _read("How many days may be asked for at once?", max_range, "max_range_days"),
    _read("Are slots without a free place listed?", sold_out_shown, "hide_sold_out_slots"),
    _read(
        "How is an unknown ticket refused?", unknown_ticket, "unknown_ticket_status", "old_errors"
    ),
    _read("May the key read the orders?", orders_allowed, "orders_allowed"),
    _read(
        "How many orders may be asked for at once?",
        max_orders,
        "max_orders",
        "too_many_orders_status",
    ),
    _read(
        "How is a product refused that is not enabled for the key?",
        disabled_product,
        "not_enabled_status",
    ),
    _read("How is a user refused who is not approved?", unapproved, "unapproved_status"),
    _read("In which zone is closing_at written?", closing_zone, "closing_at_zone", takes_long=True),
)
