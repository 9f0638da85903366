"""Codecs of one tier alone, answers that go wrong at random, and what an object is made of."""

from __future__ import annotations

import copy
import enum
import json
import random
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import attrs

from eguma_async.core.codec import Codec
from eguma_async.core.errors import DecodingError
from eguma_async.core.fields import is_lenient
from eguma_async.core.listing import Listing, refuse_unreadable, unreadable_of
from eguma_async.core.operation import Operation
from eguma_async.core.scalars import WrittenDatetime
from eguma_async.korus import signed_url
from eguma_async.korus.json_ld import make_codec

WIRE = Path(__file__).parents[1] / "wire"
CODECS = {"eguma": Codec, "korus": make_codec}

JUNK: list[Any] = [
    None, "5", "-5", "5.0", 5, 5.0, 5.5, -1, 0, True, False, "true", "false", "True", "", "0",
    [], {}, [None], [[]], {"a": 1}, {"0": "a", "2": 5}, {"0": {}}, 2**63, 2**64, 2**70, 1e22, 1e16,
    -0.0, "x" * 40, "2026-03-19", "2026-03-19T09:00", "2026-03-19T09:00:00.0000000",
    "2026-03-19T09:00:00.9999995", "2026-03-19T09:00:00.1234567+02:00", "evening",
    "2026-03-19T09:00:00Z", "2026-03-19T09:00:00+02:00", "2026-03-19T09:00:00+0200",
    "2026-03-19T00:00:00", "2026-03-19 09:00:00", "20260319", "20260319T090000",
    "2026-02-30T00:00:00", "2026-W12-4", "0000-00-00", "24:00", "day", "DAY", "mr", "eur",
    "\u0000", "\U0001f3ab", "80.00", "80.1", "80", "-80.005", "1e2", "1_0.00", " 80.00", "+8.00",
    "٨٠.00", "NaN", 80.1, "/v1/x/1", "https://api.example/v1/x/1", "HTTPS://api.example",
    {"@id": "/v1/x/1"}, {"@id": "https://api.example/v1/x/1", "name": "n"}, {"@id": None},
    {"@id": "/v1/x/1", "startsAt": "2026-03-19T09:00:00Z"}, {"@type": "x"},
]  # fmt: skip
NAMES = [
    "price", "amount_in_cents", "unit_price_in_cents", "unknown", "id", "@id", "amountInclTax",
    "amountExclTax", "startsAt", "date", "label", "autre", "persisted", "replayed", "missing", "unaccounted", "raw", "(raw)",
    "hydra:member", "hydra:view", "hydra:next", "hydra:totalItems", "total_items", "iri",
]  # fmt: skip


def third_tier(codec: Codec) -> Codec:
    """Make a codec decode everything by cattrs: the measure of the other tiers."""
    codec._repairing_decoder = lambda returns: None  # type: ignore[method-assign]
    return without_first_tier(codec)


def without_first_tier(codec: Codec) -> Codec:
    """Make a codec begin with the second tier."""
    codec._fast_decoder = lambda returns: None  # type: ignore[method-assign]
    return codec


def answers(provider: str, kinds: dict[str, type[Operation[Any]]]) -> list[tuple[str, Any, Any]]:
    """Return the documented answers of operations by the names of their files."""
    return [
        (f"{name} {version}", operation.RETURNS, answer["body"])
        for name, operation in kinds.items()
        for version, answer in json.loads((WIRE / provider / f"{name}.json").read_text("utf-8"))[
            "responses"
        ].items()
        if answer["status"] < 300 and answer["body"]
    ]


def mutate(document: Any, rng: random.Random) -> Any:
    """Change one place of a document, which may be its root."""
    document = copy.deepcopy(document)
    node, key = [document], 0
    while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.9:
        node = node[key]
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
    kind = rng.random()
    if isinstance(node, dict) and kind < 0.12:
        del node[key]
    elif isinstance(node, dict) and kind < 0.2:
        node[rng.choice(NAMES)] = rng.choice(JUNK)
    elif isinstance(node, dict) and kind < 0.3:
        node[rng.choice([*NAMES, f"hydra:{key}"])] = node.pop(key)
    elif isinstance(node, list) and kind < 0.3:
        node.append(copy.deepcopy(node[key]))
    else:
        node[key] = rng.choice(JUNK)
    return document


def spoilt(document: Any, rng: random.Random) -> bytes:
    """Return an answer with one to three changes, in one of the ways JSON is written."""
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        document = mutate(document, rng)
    body = json.dumps(document, ensure_ascii=rng.random() < 0.5).encode("utf-8", "surrogatepass")
    kind = rng.random()
    if kind < 0.05:
        return b"\xef\xbb\xbf" + body
    if kind < 0.08:
        return body[: rng.randrange(len(body) + 1)]
    if kind < 0.1:
        return body.replace(b"null", b"nil", 1) + rng.choice((b"", b" ", b"\n", b"}", b"\x00"))
    return body


def read(codec: Codec, body: bytes, kind: Any) -> Any:
    """Decode a whole answer: a list none of which can be read is refused, as operations do."""
    value = codec.decode(body, kind)
    if isinstance(value, Listing):
        refuse_unreadable(value, "$")
    elif attrs.has(kind):
        for field in filter(is_lenient, attrs.fields(kind)):
            refuse_unreadable(getattr(value, field.name), f"$.{field.name}")
    return value


def outcome(codec: Codec, body: bytes, kind: Any) -> tuple[str, Any]:
    """Return what comes of an answer: a value, or what a refusal says."""
    try:
        return "value", read(codec, body, kind)
    except DecodingError as error:
        return "refused", (error.problems, error.malformed)


def anatomy(value: Any, *, texts: bool = True) -> Any:
    """Return what an object is made of: 1 and True, 5 and 5.0 are equal, and not the same.

    Args:
        value: The object.
        texts: Count the text that a moment remembers as a part of it.
    """
    if attrs.has(type(value)):
        parts = [anatomy(getattr(value, f.name), texts=texts) for f in attrs.fields(type(value))]
        return type(value), *parts
    if isinstance(value, tuple):
        unreadable = unreadable_of(value)
        return tuple, *(anatomy(v, texts=texts) for v in (*value, *unreadable))
    if isinstance(value, list):
        return list, *(anatomy(v, texts=texts) for v in value)
    if isinstance(value, dict):
        return dict, *((k, anatomy(v, texts=texts)) for k, v in value.items())
    if isinstance(value, WrittenDatetime):
        return datetime, repr(value), value.as_written() if texts else value.isoformat()
    if isinstance(value, datetime):
        return datetime, repr(value), value.isoformat()
    if isinstance(value, signed_url.SignedUrl):
        return signed_url.SignedUrl, value.reveal()
    simple = str | int | float | date | Decimal | enum.Enum
    assert value is None or isinstance(value, simple)
    return type(value), repr(value)
