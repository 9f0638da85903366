"""What decoding an answer costs, beside other ways to the same objects.

365 availabilities of about 500 bytes, each with 3 prices:

- ``sdk``: `Codec.decode` into the package's attrs classes.
- ``bare``: a msgspec decoder on the same attrs classes, strict: what the first tier is made of.
- ``struct``: a msgspec decoder on ``Struct(gc=False)``: the fastest objects with types.
- ``cattrs``: ``cattrs.preconf.orjson`` on the same attrs classes.
- ``pydantic``: pydantic models.

``vs_`` is the time of the SDK over that of the other, ``speedup_vs_`` the other way round.

``..._vs_fast`` are answers that servers are known, or allowed, to write otherwise: the time of
each over that of the usual one, with the oddity in every element. The largest of them is
``slowest_known_variant_vs_fast``. ``one_unreadable_vs_fast`` has one element that is broken.

``korus_..._vs_plain`` are pages of 50 as documented, over msgspec to plain dicts, which knows no
classes; ``korus_..._speedup`` is how much faster that is than the last tier, cattrs alone.

``peak_vs_input`` is the peak of what Python allocates for 10,000 availabilities, without the input,
over the bytes of the input. It is counted by tracemalloc: the resident memory of a process also
tells what was there before, and what the allocator keeps.

``time_exponent`` is the growth of time from 1,000 to 10,000 and 100,000 elements: 1 is linear. What
is above it is Python's garbage collector, which walks what has been made of a list so far, and the
caches of the processor: see ``time_exponent_without_gc``. ``peak_exponent`` is that of the memory.

All times are CPU of this process, in turns that alternate; a ratio is the median of those within
one round.
"""

from __future__ import annotations

import gc
import json
import logging
import math
import time
import tracemalloc
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import cattrs.preconf.orjson
import msgspec

from eguma_async import AvailabilityList, ListOrders
from eguma_async.core import Codec
from eguma_async.korus import ListOffers as KorusListOffers
from eguma_async.korus import ListOrders as KorusListOrders
from eguma_async.korus.json_ld import make_codec

from . import _lib, _pydantic

ELEMENTS = 365
MANY = 10_000
GROWTH = (1_000, 10_000, 100_000)
TURN = 0.02
WIRE = Path(__file__).parents[1] / "tests" / "wire"

Decode = Callable[[], Any]
Document = dict[str, Any]


class CategoryPrice(msgspec.Struct, gc=False, kw_only=True):
    category_id: str
    price_in_cents: int | None
    min_quantity: int | None = None
    max_quantity: int | None = None
    allow_zero_quantity: bool = False


class Availability(msgspec.Struct, gc=False, kw_only=True):
    slot_type: _pydantic.SlotType
    starts_at: datetime
    availability_count: int | None
    prices: tuple[CategoryPrice, ...]
    closing_at: datetime | None = None


class Structs(msgspec.Struct, gc=False, kw_only=True):
    company_name: str
    product_name: str
    availabilities: tuple[Availability, ...]
    currency: str | None = None


# Answers


def slot(number: int) -> Document:
    """Return a slot as a server writes it."""
    day = f"2026-{number // 28 % 12 + 1:02}-{number % 28 + 1:02}"
    return {
        "slot_type": "time",
        "starts_at": f"{day}T10:00:00",
        "closing_at": f"{day}T09:30:00",
        "availability_count": None if number % 5 == 4 else 400 - number % 400,
        "prices": [price(each) for each in range(3)],
    }


def price(number: int) -> Document:
    """Return the price of a category."""
    return {
        "category_id": f"{0x64AD1BB1973B861C040C0000 + number:024x}",
        "price_in_cents": 4500 - 500 * number,
        "min_quantity": None,
        "max_quantity": None if number else 10,
        "allow_zero_quantity": True,
    }


def availabilities(elements: int) -> Document:
    """Return an answer of so many slots."""
    return {
        "company_name": "Museum",
        "product_name": "Entry",
        "currency": "CHF",
        "availabilities": [slot(number) for number in range(elements)],
    }


def orders(elements: int, answers: Any) -> bytes:
    """Return so many documented orders, each ticket with the same answers."""
    documented = json.loads((WIRE / "eguma" / "orders.json").read_text("utf-8"))
    (order, *_) = documented["responses"]["B"]["body"]
    for line in order["order_lines"]:
        for ticket in line["tickets"]:
            ticket["answers"] = answers
    return _encoded([{**order, "id": f"{number:024x}"} for number in range(elements)])


def page(name: str, version: str, elements: int = 50) -> bytes:
    """Return a documented page of Korus with so many elements."""
    documented = json.loads((WIRE / "korus" / f"{name}.json").read_text("utf-8"))
    body = documented["responses"][version]["body"]
    member = next(key for key in ("member", "hydra:member") if key in body)
    body[member] = (body[member] * elements)[:elements]
    return _encoded(body)


def _encoded(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _slots(change: Callable[[Document], object]) -> bytes:
    document = availabilities(ELEMENTS)
    for each in document["availabilities"]:
        change(each)
    return _encoded(document)


def _prices(change: Callable[[Document], object]) -> bytes:
    return _slots(lambda slot: [change(price) for price in slot["prices"]])


def _named(name: str) -> bytes:
    return _prices(lambda price: price.update({name: price.pop("price_in_cents")}))


def variants() -> dict[str, bytes]:
    """Return the ways in which servers are known, or allowed, to write availabilities."""
    return {
        "price_named_price": _named("price"),
        "price_named_amount_in_cents": _named("amount_in_cents"),
        "price_named_unit_price_in_cents": _named("unit_price_in_cents"),
        "null_for_a_default": _prices(lambda p: p.update(allow_zero_quantity=None)),
        "flag_as_text": _prices(lambda p: p.update(allow_zero_quantity="true")),
        "id_as_number": _prices(lambda p: p.update(category_id=int(p["category_id"][-8:], 16))),
        "limit_as_text": _prices(lambda p: p.update(max_quantity="10")),
        "limit_as_decimal": _prices(lambda p: p.update(max_quantity=10.0)),
        "blank_date": _slots(lambda s: s.update(closing_at="")),
        "date_only": _slots(lambda s: s.update(starts_at=s["starts_at"][:10])),
        "no_seconds": _slots(lambda s: s.update(starts_at=s["starts_at"][:16])),
        "byte_order_mark": b"\xef\xbb\xbf" + _encoded(availabilities(ELEMENTS)),
        "seven_digit_fraction": _slots(lambda s: s.update(closing_at=f"{s['closing_at']}.1234567")),
        "zone": _slots(lambda s: s.update(closing_at=f"{s['closing_at']}+01:00")),
        "missing_optional": _slots(lambda s: s.pop("closing_at")),
        "unknown_text_of_an_enumeration": _slots(lambda s: s.update(slot_type="week")),
        "unknown_field": _slots(lambda s: s.update(later={"a": [1, 2]})),
    }


# Turns


def timed(rounds: int, contenders: dict[str, Decode], patience: float) -> dict[str, list[float]]:
    """Return the CPU seconds of one decoding by contender, one figure a round."""
    often = {}
    for name, decode in contenders.items():
        began = time.process_time()
        decode()
        decode()
        often[name] = max(1, int(TURN / max((time.process_time() - began) / 2, 1e-6)))
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for name in _lib.alternating(rounds, tuple(contenders), patience=patience):
        gc.collect()
        began = time.process_time()
        for _ in range(often[name]):
            contenders[name]()
        found[name].append((time.process_time() - began) / often[name])
    return found


def _decoding(codec: Codec, body: bytes, returns: Any) -> Decode:
    return lambda: codec.decode(body, returns)


def by_hand(body: bytes) -> dict[str, Decode]:
    """Return the other ways to the same objects."""
    bare = msgspec.json.Decoder(AvailabilityList).decode
    structs = msgspec.json.Decoder(Structs).decode
    converter = cattrs.preconf.orjson.make_converter()
    model = _pydantic.AvailabilityList
    return {
        "bare": lambda: bare(body),
        "struct": lambda: structs(body),
        "cattrs": lambda: converter.loads(body, AvailabilityList),
        "pydantic": lambda: model.model_validate_json(body),
    }


def compared(rounds: int, patience: float) -> dict[str, _lib.Figure]:
    """Compare the usual answer."""
    body = _encoded(availabilities(ELEMENTS))
    found = timed(
        rounds,
        {"sdk": _decoding(Codec(), body, AvailabilityList), **by_hand(body)},
        patience,
    )
    ours = found["sdk"]
    us = [seconds / ELEMENTS * 1e6 for seconds in ours]
    return {
        "us_per_availability": _lib.middle(us, "us"),
        "vs_bare_msgspec_attrs": _lib.ratio(ours, found["bare"], "<= 1.10"),
        "vs_msgspec_struct": _lib.ratio(ours, found["struct"], "<= 2.3"),
        "speedup_vs_cattrs": _lib.ratio(found["cattrs"], ours, ">= 5.5"),
        "speedup_vs_pydantic": _lib.ratio(found["pydantic"], ours, ">= 2.5"),
    }


def oddities(rounds: int, patience: float) -> dict[str, _lib.Figure]:
    """Compare what is written otherwise with the usual answer."""
    codec, orders_codec = Codec(), Codec()
    usual = _encoded(availabilities(ELEMENTS))
    broken = availabilities(ELEMENTS)
    broken["availabilities"][ELEMENTS // 2]["availability_count"] = "many"
    contenders = {
        name: _decoding(codec, body, AvailabilityList) for name, body in variants().items()
    }
    contenders["one_unreadable"] = _decoding(codec, _encoded(broken), AvailabilityList)
    contenders["usual"] = _decoding(codec, usual, AvailabilityList)
    for name, answers in (("usual_orders", []), ("answers_null", None)):
        contenders[name] = _decoding(orders_codec, orders(100, answers), ListOrders.RETURNS)
    found = timed(rounds, contenders, patience)
    figures = {}
    for name in contenders.keys() - {"usual", "usual_orders"}:
        fast = found["usual_orders" if name == "answers_null" else "usual"]
        figures[f"{name}_vs_fast"] = _lib.ratio(found[name], fast)
    ordered = dict(sorted(figures.items(), key=lambda item: -(item[1].value or 0)))
    unreadable = ordered.pop("one_unreadable_vs_fast")
    slowest = next(iter(ordered))
    worst = ordered[slowest]
    return {
        "slowest_known_variant_vs_fast": _lib.Figure(
            worst.value, "", "<= 4", worst.quartiles, slowest.removesuffix("_vs_fast")
        ),
        **ordered,
        "one_unreadable_vs_fast": unreadable,
    }


def korus(rounds: int, patience: float) -> dict[str, _lib.Figure]:
    """Compare pages whose names differ from those of the classes."""
    third = make_codec()
    third._decoders = third._repairs = _Without()  # type: ignore[assignment]  # noqa: SLF001
    figures = {}
    for name, version, returns in (
        ("orders", "seed", KorusListOrders.RETURNS),
        ("offers", "v1.0.7", KorusListOffers.RETURNS),
    ):
        body = page(name, version)
        found = timed(
            rounds,
            {
                "sdk": _decoding(make_codec(), body, returns),
                "plain": lambda body=body: msgspec.json.decode(body),  # type: ignore[misc]
                "third": _decoding(third, body, returns),
            },
            patience,
        )
        figures[f"korus_{name}_vs_plain"] = _lib.ratio(found["sdk"], found["plain"])
        figures[f"korus_{name}_speedup"] = _lib.ratio(found["third"], found["sdk"])
    return figures


class _Without(dict[Any, None]):
    """Decoders of which there is none, for whatever type."""

    def __missing__(self, _: Any) -> None:
        return None


# Growth


def peak_of(body: bytes) -> int:
    """Return the most bytes that Python had allocated while it decoded, the input not counted."""
    codec = Codec()
    codec.decode(_encoded(availabilities(1)), AvailabilityList)  # what is made once
    gc.collect()
    tracemalloc.start()
    try:
        codec.decode(body, AvailabilityList)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def exponent(values: dict[int, float]) -> float:
    """Return the slope of a line through the logarithms."""
    xs, ys = [math.log(x) for x in values], [math.log(y) for y in values.values()]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    above = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True))
    return above / sum((x - middle_x) ** 2 for x in xs)


def _exponents(found: dict[str, list[float]]) -> list[float]:
    """Return the exponent of each round."""
    turns = zip(*found.values(), strict=True)
    return [exponent(dict(zip(GROWTH, turn, strict=True))) for turn in turns]


def growth(rounds: int, patience: float) -> dict[str, _lib.Figure]:
    """Measure how time and memory grow with the number of elements."""
    codec = Codec()
    bodies = {elements: _encoded(availabilities(elements)) for elements in GROWTH}
    decodes = {str(n): _decoding(codec, body, AvailabilityList) for n, body in bodies.items()}
    usual = timed(rounds, decodes, patience)
    gc.disable()
    try:
        uncollected = timed(rounds, decodes, patience)
    finally:
        gc.enable()
    peaks = {n: peak_of(body) for n, body in bodies.items()}
    return {
        "peak_vs_input": _lib.Figure(peaks[MANY] / len(bodies[MANY]), "", "<= 2.0"),
        "time_exponent": _lib.middle(_exponents(usual)),
        "time_exponent_without_gc": _lib.middle(_exponents(uncollected)),
        "peak_exponent": _lib.Figure(exponent(dict(peaks.items()))),
    }


def main() -> None:
    logging.getLogger("eguma_async").setLevel(logging.ERROR)  # one element cannot be read
    given = _lib.arguments(__doc__, rounds=25)
    part = given.patience / 4
    figures = compared(given.rounds, part)
    figures |= oddities(given.rounds, part)
    figures |= korus(given.rounds, part / 2)
    figures |= growth(min(given.rounds, 5), part)
    _lib.report("decode", figures, as_json=given.json, rounds=given.rounds)


if __name__ == "__main__":
    main()
