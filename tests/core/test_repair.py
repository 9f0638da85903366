"""The tiers on classes that have all that a class can have, and what a codec says of them."""

from __future__ import annotations

import enum
import json
import logging
import random
import typing
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NewType

import attrs
import pytest

import eguma_async.korus as korus_face
from eguma_async import AvailabilityList, ListAvailabilities, ListOrders
from eguma_async.core.codec import Codec
from eguma_async.core.dialect import ObjectForm
from eguma_async.core.enums import OpenEnum
from eguma_async.core.errors import DecodingError
from eguma_async.core.fields import LENIENT, LOCAL, also_named, wire_named
from eguma_async.core.listing import Listing
from eguma_async.core.operation import Operation
from eguma_async.core.repair import repairing_decoder, source_of
from eguma_async.core.scalars import AsWritten, Cents, MismatchError, WrittenDatetime
from eguma_async.eguma.provider import EGUMA
from eguma_async.korus.json_ld import camel_case, make_codec
from tests.support.codecs import anatomy, outcome, spoilt, third_tier, without_first_tier

Code = NewType("Code", str)


def upper(text: str) -> str:
    return text.upper()


class Open(OpenEnum):
    A = "a"


class Closed(enum.Enum):
    A = "a"


class Mixed(enum.Enum):
    A = "a"
    ONE = 1


@attrs.frozen
class Mixture:
    mixed: Mixed


class Count(enum.IntEnum):
    ONE = 1


@attrs.frozen(kw_only=True)
class Leaf:
    name: str | None = None
    flag: bool | None = None
    at: datetime | None = None


@attrs.frozen(kw_only=True)
class Branch:
    leaf_id: str
    leaf: Leaf | None = None
    own_leaf: Leaf
    leaves: tuple[Leaf, ...] = ()
    seen: bool = attrs.field(default=False, metadata=LOCAL)


@attrs.frozen(kw_only=True)
class Zoo:
    the_text: str
    the_count: int
    the_amount: Decimal
    the_cents: Cents
    the_day: date
    the_moment: datetime
    the_start: AsWritten
    open: Open
    closed: Closed
    number: Count
    code: Code = Code("")
    anything: Any = None
    fraction: float = 0.5
    flag: bool = True
    loud: str = attrs.field(default="eur", converter=upper)
    blank_day: datetime | None = None
    limit: int | None = 5
    mood: Open = Open.A
    price: Decimal = Decimal("1.00")
    named: str | None = attrs.field(metadata=also_named("label", "title"))
    renamed: str = attrs.field(default="x", metadata=wire_named("@id"))
    also: int = attrs.field(default=3, metadata=also_named("autre"))
    texts: tuple[str, ...] = ()
    amounts: tuple[Decimal, ...] = ()
    codes: tuple[Code, ...] = ()
    maybe: tuple[int | None, ...] = ()
    nested: tuple[tuple[int, ...], ...] = ()
    by_name: dict[str, str | None] = attrs.field(factory=dict)
    branch: Branch
    branches: tuple[Branch, ...] = attrs.field(metadata=LENIENT)
    ours: str = attrs.field(default="ours", metadata=LOCAL)


DOCUMENT = {
    "the_text": "t",
    "the_count": 1,
    "the_amount": "80.00",
    "the_cents": 100,
    "the_day": "2026-03-19",
    "the_moment": "2026-03-19T09:00:00",
    "the_start": "2026-03-19T09:00:00",
    "open": "a",
    "closed": "a",
    "number": 1,
    "code": "/c",
    "anything": {"a": [1]},
    "fraction": 0.25,
    "flag": False,
    "loud": "chf",
    "blank_day": "2026-03-19T09:00:00",
    "limit": 7,
    "mood": "b",
    "price": "2.50",
    "named": "n",
    "@id": "i",
    "also": 4,
    "texts": ["a", "b"],
    "amounts": ["1.00", "2.00"],
    "codes": ["/a", "/b"],
    "maybe": [1, None],
    "nested": [[1], [2, 3]],
    "by_name": {"de": "x", "fr": None},
    "branch": {"leaf_id": "1", "leaf": {"name": "n", "flag": True}, "own_leaf": {}, "leaves": [{}]},
    "branches": [{"leaf_id": "1", "own_leaf": {"at": "2026-03-19T09:00:00"}, "seen": True}],
    "ours": "theirs",
}


def read_code(value: object, _: Any) -> Code:
    if isinstance(value, dict):
        value = value.get("@id")
    if not isinstance(value, str):
        raise MismatchError("expected a code")
    return Code(value.removeprefix("https://api.example"))


def form_of(cls: type) -> ObjectForm | None:
    def read(value: object) -> object:
        return {"leafId": value, "own_leaf": {}, "ownLeaf": {}} if isinstance(value, str) else value

    return ObjectForm(read=read, reads_all=False) if cls is Branch else None


def plain() -> Codec:
    return Codec(readers={Code: read_code})


def renamed() -> Codec:
    return Codec(
        wire_name=camel_case, readers={Code: read_code}, form_of=form_of, empty_is_null=True
    )


def in_camel_case(value: Any) -> Any:
    if isinstance(value, dict):
        return {camel_case(k): in_camel_case(v) for k, v in value.items()}
    return [in_camel_case(each) for each in value] if isinstance(value, list) else value


def only(*names: str) -> Any:
    """Return a class with some of the fields, and what it is read from."""
    fields = {f.name: f for f in attrs.fields(Zoo)}
    attrs.resolve_types(Zoo)
    cls = attrs.make_class(
        "Few",
        {
            name: attrs.field(
                default=fields[name].default,
                type=fields[name].type,
                metadata=fields[name].metadata,
                converter=fields[name].converter,
            )
            for name in names
        },
        frozen=True,
        kw_only=True,
    )
    return cls, {name: DOCUMENT["@id" if name == "renamed" else name] for name in names}


@pytest.mark.parametrize("make", [plain, renamed])
class TestAllTiersAgreeOnAllKinds:
    def compare(self, make: Any, kind: Any, document: Any, mutations: int) -> dict[str, int]:
        document = in_camel_case(document) if make is renamed else document
        rng, seen = random.Random(str(kind)), {"value": 0, "refused": 0}
        whole, second, third = make(), without_first_tier(make()), third_tier(make())
        for _ in range(mutations):
            body = spoilt(document, rng)
            said, expected = outcome(third, body, kind)
            for codec in (whole, second):
                got = outcome(codec, body, kind)
                assert got[0] == said, body
                if said == "refused":
                    assert got[1] == expected, body
                else:
                    texts = codec is second
                    found, right = anatomy(got[1], texts=texts), anatomy(expected, texts=texts)
                    assert found == right, body
            seen[said] += 1
        return seen

    def test_a_class_that_has_everything(self, make):
        assert min(self.compare(make, Zoo, DOCUMENT, 600).values()) > 50

    def test_lists_of_them(self, make):
        assert min(self.compare(make, Listing[Zoo], [DOCUMENT] * 2, 200).values()) > 20

    @pytest.mark.parametrize("name", [f.name for f in attrs.fields(Zoo) if f.name != "ours"])
    def test_each_field_alone(self, make, name):
        kind, document = only(name)
        self.compare(make, kind, document, 120)

    def test_within_itself(self, make):
        assert self.compare(make, Node, {"name": "a", "inner": {"name": "b", "nodes": []}}, 150)


@attrs.frozen(kw_only=True)
class Node:
    name: str
    count: int = 0
    inner: Node | None = None
    nodes: tuple[Node, ...] = ()


def test_the_second_tier_reads_the_class_that_has_everything():
    for make in (plain, renamed):
        codec = make()
        document = in_camel_case(DOCUMENT) if make is renamed else DOCUMENT
        codec.converter.structure = None  # type: ignore[method-assign,assignment]
        zoo = codec.decode(json.dumps(document).encode(), Zoo)
        assert (zoo.loud, zoo.ours, zoo.branches[0].seen) == ("CHF", "ours", False)


@attrs.frozen(kw_only=True)
class Kept:
    leaf: Leaf
    raw: dict[str, Any] = attrs.field(metadata=wire_named("(raw)"))


def test_what_is_kept_as_it_came_is_not_repaired():
    def keeping(cls: type) -> ObjectForm | None:
        def read(value: object) -> object:
            return {**value, "(raw)": value} if isinstance(value, dict) else value

        return ObjectForm(read=read) if cls is Kept else None

    codec = Codec(form_of=keeping)
    codec.converter.structure = None  # type: ignore[method-assign,assignment]
    document = {"leaf": {"flag": "true", "at": ""}}
    kept = codec.decode(json.dumps(document).encode(), Kept)
    assert (kept.leaf, kept.raw) == (Leaf(flag=True), document)


@pytest.mark.parametrize(
    "empty", [None, [], {}, {"@type": "x"}, {"name": None}, [{}], "", False, 0]
)
@pytest.mark.parametrize("make", [plain, renamed])
def test_an_object_that_may_be_empty(make, empty):
    body = json.dumps({"leafId": "1", "leaf_id": "1", "ownLeaf": {}, "own_leaf": {}, "leaf": empty})
    said, expected = outcome(third_tier(make()), body.encode(), Branch)
    for codec in (make(), without_first_tier(make())):
        assert outcome(codec, body.encode(), Branch) == (said, expected)
    assert make().why_not_fast(Branch) in (None, "Branch.seen: local")


@attrs.frozen(kw_only=True)
class Renamed:
    the_name: str | None = attrs.field(default=None, metadata=also_named("label"))
    same: int = attrs.field(default=1, metadata=also_named("autre"))


@pytest.mark.parametrize("make", [plain, renamed])
@pytest.mark.parametrize(
    "document", [{}, {"label": "l"}, {"autre": 2}, {"autre": None}, {"same": None, "autre": 2}]
)
def test_the_other_names_of_what_has_a_default(make, document):
    body = json.dumps(document).encode()
    expected = third_tier(make()).decode(body, Renamed)
    assert make().decode(body, Renamed) == expected
    assert without_first_tier(make()).decode(body, Renamed) == expected


def operations(face: Any) -> list[type[Operation[Any]]]:
    found = {
        value
        for value in (getattr(face, name) for name in dir(face))
        if isinstance(value, type) and issubclass(value, Operation) and "RETURNS" in vars(value)
    }
    return sorted(found, key=lambda kind: kind.__name__)


class TestWhyNotFast:
    @pytest.mark.parametrize("operation", operations(korus_face), ids=lambda kind: kind.__name__)
    def test_every_answer_of_korus_is_read_by_the_first_two_tiers(self, operation):
        codec = make_codec()
        why = codec.why_not_fast(operation.RETURNS)
        assert callable(repairing_decoder(operation.RETURNS, codec._dialect))
        # What is kept as it came cannot be had from structs.
        assert why is None or why.endswith(": form") or "read in a way of its own" in why

    def test_orders_offers_and_reservations_are_read_by_the_first(self):
        for kind in (korus_face.ListOrders, korus_face.ListOffers, korus_face.ListReservations):
            assert make_codec().why_not_fast(kind.RETURNS) is None

    def test_a_hook_turns_off_both(self):
        codec = make_codec()
        codec.converter.register_structure_hook(Decimal, lambda value, _: Decimal(7))
        kind = korus_face.GetOfferPrice.RETURNS
        assert codec.why_not_fast(kind) == (
            "a hook is registered for <class 'decimal.Decimal'>;"
            " not repaired: a hook is registered for <class 'decimal.Decimal'>"
        )
        assert codec.decode(b'{"amountInclTax":"1.00"}', kind).amount_incl_tax == 7

    @pytest.mark.parametrize(
        ("kind", "value"), [(date, "d"), (korus_face.Iri, "i"), (datetime, "m"), (Leaf, "l")]
    )
    def test_a_hook_for_any_kind_is_asked_whatever_the_answer(self, kind, value):
        attributes = {"held": attrs.field(default=None, type=kind | None)}
        holder: Any = attrs.make_class("Holder", attributes, frozen=True, kw_only=True)
        codec = make_codec()
        codec.decode(b"{}", holder)  # the tiers are made
        codec.converter.register_structure_hook(kind, lambda raw, _: value)
        for odd in ({}, {"unknown": "x"}):
            body = json.dumps({"held": "2026-03-19T09:00:00Z", **odd}).encode()
            assert codec.decode(body, holder).held == value

    def test_an_enumeration_of_texts_and_numbers_is_read_by_the_third(self):
        codec = Codec()
        assert codec.why_not_fast(Mixture) == (
            "closed enum Mixed; not repaired: msgspec does not know Mixture, or a type in it"
        )
        assert codec.decode(b'{"mixed":1}', Mixture).mixed is Mixed.ONE

    def test_what_the_second_tier_cannot_read_is_named(self):
        @attrs.frozen
        class Private:
            _a: int

        @attrs.frozen
        class Within:
            a: dict[str, Leaf] = attrs.field(factory=dict)

        attrs.resolve_types(Within, localns={"Leaf": Leaf})
        assert Codec().why_not_fast(Private) == "Private._a: alias; not repaired: Private._a: alias"
        assert Codec().why_not_fast(Within) is None
        shouting = Codec(wire_name=str.upper)
        assert (
            shouting.why_not_fast(Within)
            == "Leaf.name: wire name; not repaired: Leaf.name: wire name"
        )
        body = b'{"A":{"x":{"NAME":"n"}}}'
        assert shouting.decode(body, Within).a["x"].name == "n"


class TestOddAnswers:
    def slots(self, **odd: object) -> bytes:
        usual: dict[str, object] = {
            "slot_type": "time",
            "starts_at": "2026-03-19T09:00:00",
            "availability_count": 5,
            "prices": [{"category_id": "c", "price_in_cents": 1}],
        }
        slots = [usual] * 12 + [{**usual, **odd}]
        answer = {"company_name": "M", "product_name": "P", "availabilities": slots}
        return json.dumps(answer).encode()

    @pytest.mark.parametrize("text", ["2026-03-19", "2026-03-19T09:00", "2026-03-19T09:00:00.0Z"])
    def test_the_second_tier_keeps_the_text_of_a_start(self, text):
        codec = without_first_tier(Codec())
        codec.converter.structure = None  # type: ignore[method-assign,assignment]
        found = codec.decode(self.slots(starts_at=text), AvailabilityList).availabilities
        assert typing.cast("WrittenDatetime", found[-1].starts_at).as_written() == text
        assert type(found[0].starts_at) is datetime

    def test_what_cannot_be_read_is_kept_as_it_came(self):
        odd = {"prices": [{"category_id": 5, "price": 1, "allow_zero_quantity": None}]}
        body = self.slots(availability_count="canary", **odd)
        (left,) = Codec().decode(body, AvailabilityList).unreadable
        assert left.raw == {
            "slot_type": "time",
            "starts_at": "2026-03-19T09:00:00",
            "availability_count": "canary",
            **odd,
        }

    @pytest.mark.parametrize(
        ("odd", "tier", "reason"),
        [
            (
                {"availability_count": "5"},
                "second",
                "Expected `int | null`, got `str` - at `$.availabilities[12].availability_count`",
            ),
            ({"availability_count": "canary"}, "third", "Expected `int | null`, got `str` - at"),
            ({"prices": None}, "third", "Expected `array`, got `null` - at"),
        ],
    )
    def test_it_is_said_once_that_a_type_is_decoded_slowly(self, caplog, odd, tier, reason):
        caplog.set_level(logging.DEBUG, "eguma_async")
        codec = Codec()
        for _ in range(3):
            codec.decode(self.slots(**odd), AvailabilityList)
        (record,) = (r for r in caplog.records if r.levelno == logging.DEBUG)
        begin = f"AvailabilityList is decoded slowly, by the {tier} tier: {reason}"
        assert record.getMessage().startswith(begin)
        assert "canary" not in caplog.text

    def test_what_is_decoded_at_once_says_nothing(self, caplog):
        caplog.set_level(logging.DEBUG, "eguma_async")
        EGUMA.codec.decode(self.slots(), AvailabilityList)
        Codec().decode(b"\xef\xbb\xbf" + self.slots(), AvailabilityList)
        assert caplog.records == []

    def test_a_type_without_the_first_tier_says_why(self, caplog):
        caplog.set_level(logging.DEBUG, "eguma_async")
        body = b'{"@id":"/v1/p/1","name":"n","x":{"y":1}}'
        product = make_codec().decode(body, korus_face.GetProduct.RETURNS)
        assert product.raw == json.loads(body)
        assert caplog.messages == ["Product is decoded slowly, by the second tier: Product: form"]

    def test_a_validator_that_raises_whatever_is_an_unreadable_answer(self):
        def refuse(instance: object, field: object, value: object) -> None:
            raise KeyError("canary")

        @attrs.frozen
        class Strict:
            a: Any = attrs.field(validator=refuse)

        attrs.resolve_types(Strict)
        said, (problems, malformed) = outcome(Codec(), b'{"a":1}', Strict)
        assert (said, malformed) == ("refused", False)
        assert "canary" not in repr(problems)


@pytest.mark.parametrize(
    "name", ["'", '"', "\\", "x'] = boom() #", "\n    boom()", "{v}", "é\u2028", "%s"]
)
def test_names_of_any_form_are_quoted(name):
    optional: Any = Decimal | None
    few: Any = attrs.make_class(
        "Few",
        {
            "a": attrs.field(type=int, metadata=wire_named(name)),
            "b": attrs.field(type=str, default=name, metadata=also_named(name + "b")),
            "c": attrs.field(type=optional, default=None, metadata=wire_named(name + "c")),
        },
        frozen=True,
    )
    for body in ({name: 1, name + "b": "x", name + "c": "1.00"}, {name: "1"}):
        try:
            expected = third_tier(Codec()).decode(json.dumps(body).encode(), few)
        except DecodingError:
            pytest.skip("this cattrs writes such a name into its source as it is")
        for codec in (Codec(), without_first_tier(Codec())):
            codec.converter.structure = None  # type: ignore[method-assign,assignment]
            assert codec.decode(json.dumps(body).encode(), few) == expected
    why = Codec().why_not_fast(few)
    assert why is None or "msgspec: Renamed field names must not contain" in why


def test_the_generated_source_can_be_read():
    source = source_of(ListAvailabilities.RETURNS, EGUMA.codec._dialect)
    assert "elif 'price' in value:" in source
    assert source.index("CategoryPrice") < source.index("AvailabilityList")
    assert compile(source_of(ListOrders.RETURNS, EGUMA.codec._dialect), "repair", "exec")
