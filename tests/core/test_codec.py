"""The codec: two tiers that may differ in speed only."""

from __future__ import annotations

import copy
import enum
import json
import pickle
import random
import typing
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

import attrs
import cattrs
import msgspec
import pytest

from eguma_async.core.codec import Codec
from eguma_async.core.enums import OpenEnum
from eguma_async.core.errors import DecodingError
from eguma_async.core.fields import is_lenient, is_local
from eguma_async.core.listing import Listing, refuse_unreadable
from eguma_async.core.operation import Operation
from eguma_async.core.strict import why_not_fast
from eguma_async.eguma.ticketing.availabilities import AvailabilityList, CategoryPrice
from eguma_async.eguma.ticketing.bookings import BookedTicket, Booking, CancelledBooking
from eguma_async.eguma.ticketing.events import AdmissionAvailability, Event
from eguma_async.eguma.ticketing.orders import Order, OrderTicket
from eguma_async.eguma.ticketing.products import Category, Product, ProductList, SlotType
from eguma_async.eguma.ticketing.reservations import ReleasedReservation, Reservation
from eguma_async.eguma.ticketing.tickets import TicketCheck, TicketInfo
from tests.support.calls import BOOKED, CANCELLED, HELD, RELEASED, order
from tests.support.codecs import third_tier

PRODUCTS = {
    "company_name": "Museum",
    "currency": "CHF",
    "products": [
        {
            "id": "p1",
            "name": "Entry",
            "is_active": True,
            "slot_type": "day",
            "updated_at": "2026-03-19T09:00:00",
            "description": None,
            "name_translations": {"de": "Eintritt"},
            "categories": [{"id": "c1", "name": "Adult", "age_from": 18, "age_to": None}],
        },
        {
            "id": "p2",
            "name": "Tour",
            "is_active": False,
            "slot_type": "week",
            "updated_at": "2026-03-19T09:00:00.1234567",
            "categories": [],
        },
    ],
}
SLOTS = {
    "company_name": "Museum",
    "product_name": "Entry",
    "availabilities": [
        {
            "slot_type": "time",
            "starts_at": "2026-03-19T10:00:00",
            "availability_count": None,
            "closing_at": "2026-03-19T09:30:00",
            "prices": [{"category_id": "c1", "price_in_cents": 1500, "allow_zero_quantity": True}],
        }
    ],
}
TICKET = {
    "id": "t1",
    "ticket_number": "1234567890123456789",
    "created_at": "2026-03-19T09:00:00",
    "price_in_cents": 1500,
    "is_checked_in": False,
    "event_or_admission_id": "p1",
}
CHECK = {"is_successful": False, "unsuccessful_code": "ticket_deleted"}
EVENT = {
    "id": "e1",
    "name": {"de": "Brunch", "en": None},
    "bookable": True,
    "start": "2026-03-19T10:00:00",
    "updated_at": "2026-03-01T10:00:00",
    "count_available_tickets": 5,
    "organizer": {"name": "Museum", "url": ""},
    "venue": {"name": "Hall", "zip": "8000"},
    "ticket_types": [{"id": "t1", "name": {"de": "Normal"}, "price_in_cents": 1500}],
    "ticket_type_groups": [{"name": "All", "ticket_type_ids": ["t1"]}],
    "category_id": "",
    "tags": ["a"],
}
ADMISSION = {
    "name": {"de": "Eintritt"},
    "is_all_day": False,
    "is_unlimited_availability": False,
    "slots": [{"starts_at": "2026-03-19T10:00:00", "availability_count": 5}],
}
DOCUMENTS: list[tuple[typing.Any, typing.Any]] = [
    (ProductList, PRODUCTS),
    (AvailabilityList, SLOTS),
    (Reservation, HELD),
    (ReleasedReservation, RELEASED),
    (Booking, BOOKED),
    (CancelledBooking, CANCELLED),
    (Listing[Order], [order("completed"), order("refunded")]),
    (TicketInfo, TICKET),
    (TicketCheck, CHECK),
    (Listing[Event], [EVENT, {**EVENT, "id": "e2"}]),
    (AdmissionAvailability, ADMISSION),
]
JUNK: list[typing.Any] = [
    None, "5", "-5", "5.0", 5, 5.0, 5.5, -1, 0, True, False, "true", "false", "True", "", "0",
    [], {}, [None], [[]], {"a": 1}, 2**63, 2**64, 2**70, 1e22, 1e16, -0.0, "x" * 40,
    "2026-03-19", "2026-03-19T09:00:00.0000000", "2026-03-19T09:00:00.9999995", "evening",
    "2026-03-19T09:00:00Z", "2026-03-19T09:00:00+02:00", "2026-03-19 09:00:00", "20260319",
    "2026-02-30T00:00:00", "2026-W12-4", "0000-00-00", "24:00", "day", "DAY", "\u0000", "\U0001f3ab",
]  # fmt: skip


def response_kinds() -> set[typing.Any]:
    def below(cls):
        for sub in cls.__subclasses__():
            yield sub
            yield from below(sub)

    return {
        op.RETURNS
        for op in below(Operation)
        if op.__module__.startswith("eguma_async.eguma.ticketing")
    }


def as_msgspec_knows_it(kind: typing.Any) -> typing.Any:
    """Return a type without the subclass of tuple that only the codec knows."""
    is_listing = typing.get_origin(kind) is Listing
    element = typing.get_args(kind)[0] if is_listing else None
    return tuple[element, ...] if is_listing else kind  # type: ignore[valid-type]  # as data


def slow_only(codec: Codec) -> Codec:
    """Make a codec decode everything by cattrs."""
    return third_tier(codec)


def read(codec: Codec, body: bytes, kind: typing.Any) -> typing.Any:
    """Decode a whole answer: a list none of which can be read is refused, as operations do."""
    value = codec.decode(body, kind)
    if isinstance(value, Listing):
        refuse_unreadable(value, "$")
    elif attrs.has(kind):
        for field in filter(is_lenient, attrs.fields(kind)):
            refuse_unreadable(getattr(value, field.name), f"$.{field.name}")
    return value


def result(codec: Codec, body: bytes, kind: typing.Any) -> object:
    try:
        return read(codec, body, kind)
    except DecodingError as error:
        return ("refused", error.problems, error.malformed)


def mutate(document: typing.Any, rng: random.Random) -> typing.Any:
    document = copy.deepcopy(document)
    node, key = [document], 0
    while isinstance(node[key], dict | list) and node[key] and rng.random() < 0.9:
        node = node[key]
        key = rng.choice(list(node)) if isinstance(node, dict) else rng.randrange(len(node))
    kind = rng.random()
    if isinstance(node, dict) and kind < 0.15:
        del node[key]
    elif isinstance(node, dict) and kind < 0.25:
        node[rng.choice(["price", "amount_in_cents", "unknown", "id"])] = rng.choice(JUNK)
    else:
        node[key] = rng.choice(JUNK)
    return document


def spoil(document: typing.Any, rng: random.Random) -> typing.Any:
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        document = mutate(document, rng)
    return document


class TestBothTiersAgree:
    def test_every_response_of_the_provider_has_a_document_here(self):
        assert response_kinds() == {kind for kind, _ in DOCUMENTS}

    @pytest.mark.parametrize("kind", [kind for kind, _ in DOCUMENTS], ids=str)
    def test_no_response_of_the_provider_is_kept_from_the_fast_tier(self, kind):
        local = {f.name for f in attrs.fields(kind) if is_local(f)} if attrs.has(kind) else ()
        assert why_not_fast(as_msgspec_knows_it(kind), ignored=local) is None
        assert Codec()._fast_decoder(kind) is not None

    @pytest.mark.parametrize(("kind", "document"), DOCUMENTS, ids=lambda value: str(value)[:30])
    def test_the_fast_tier_reads_the_documented_answer(self, kind, document):
        body = json.dumps(document).encode()
        fast = msgspec.json.decode(body, type=as_msgspec_knows_it(kind))
        assert fast == slow_only(Codec()).decode(body, kind)

    @pytest.mark.parametrize(
        ("number", "kind", "document"),
        [(n, *case) for n, case in enumerate(DOCUMENTS)],
        ids=[str(kind)[:40] for kind, _ in DOCUMENTS],
    )
    def test_on_mutated_documents(self, number, kind, document):
        rng = random.Random(number)
        both, slow = Codec(), slow_only(Codec())
        seen = {"value": 0, "refused": 0}
        for _ in range(800):
            body = json.dumps(spoil(document, rng), ensure_ascii=rng.random() < 0.5).encode()
            expected, got = result(slow, body, kind), result(both, body, kind)
            assert got == expected, body
            assert repr(got) == repr(expected), body  # 1 and True, 5 and 5.0 are equal
            seen["refused" if isinstance(got, tuple) and got[:1] == ("refused",) else "value"] += 1
        assert min(seen.values()) > 20  # the mutations reach both ends

    def test_on_bytes_that_are_cut(self):
        body = json.dumps(PRODUCTS).encode()
        both, slow = Codec(), slow_only(Codec())
        for end in range(len(body)):
            got = result(both, body[:end], ProductList)
            assert got == result(slow, body[:end], ProductList)
            assert got == ("refused", ("no valid JSON @ $",), True)


def slots(**changes: object) -> bytes:
    content: typing.Any = copy.deepcopy(SLOTS)
    content["availabilities"][0].update(changes)
    return json.dumps(content).encode()


def starts(text: object) -> datetime:
    (slot,) = Codec().decode(slots(starts_at=text), AvailabilityList).availabilities
    return slot.starts_at


class TestTolerated:
    @pytest.mark.parametrize(
        ("text", "moment"),
        [
            ("2026-03-19T10:00:00", datetime(2026, 3, 19, 10)),
            ("2026-03-19", datetime(2026, 3, 19)),
            ("2026-03-19T10:00", datetime(2026, 3, 19, 10)),
            ("2026-03-19T09:00:00.0000000", datetime(2026, 3, 19, 9)),
            ("2026-03-19T09:00:00.123", datetime(2026, 3, 19, 9, 0, 0, 123000)),
            ("2026-03-19T09:00:00Z", datetime(2026, 3, 19, 9, tzinfo=UTC)),
            (
                "2026-03-19T09:00:00+02:00",
                datetime(2026, 3, 19, 9, tzinfo=timezone(timedelta(hours=2))),
            ),
        ],
    )
    def test_the_ways_a_time_is_written(self, text, moment):
        assert starts(text) == moment
        assert (starts(text).tzinfo is None) == (moment.tzinfo is None)

    @pytest.mark.parametrize(
        ("raw", "count"),
        [("5", 5), ('"5"', 5), ("5.0", 5), ("-3", -3), ('"-3"', -3), ("null", None)],
    )
    def test_the_ways_a_whole_number_is_written(self, raw, count):
        body = slots(availability_count="@").replace(b'"@"', raw.encode())
        (slot,) = Codec().decode(body, AvailabilityList).availabilities
        assert slot.availability_count == count
        assert type(slot.availability_count) is type(count)

    @pytest.mark.parametrize(("value", "flag"), [(True, True), ("true", True), ("false", False)])
    def test_the_ways_a_flag_is_written(self, value, flag):
        body = json.dumps({**CHECK, "is_successful": value}).encode()
        assert Codec().decode(body, TicketCheck).is_successful is flag

    def test_a_ticket_number_that_came_as_a_number_is_exact(self):
        body = b'{"ticket_number":9007199254740993001,"category_id":"c"}'
        assert Codec().decode(body, BookedTicket).ticket_number == "9007199254740993001"

    @pytest.mark.parametrize(
        "name", ["price_in_cents", "price", "amount_in_cents", "unit_price_in_cents"]
    )
    def test_the_names_a_price_has(self, name):
        body = json.dumps({"category_id": "c", name: 1500}).encode()
        assert Codec().decode(body, CategoryPrice).price_in_cents == 1500

    def test_the_documented_name_wins(self):
        body = b'{"category_id":"c","price":1,"price_in_cents":2}'
        assert Codec().decode(body, CategoryPrice).price_in_cents == 2

    def test_a_price_that_is_not_sent_is_none(self):
        assert Codec().decode(b'{"category_id":"c"}', CategoryPrice).price_in_cents is None

    def test_null_for_a_field_with_a_default_is_the_default(self):
        ticket = Codec().decode(b'{"number":"1","answers":null,"count_people":null}', OrderTicket)
        assert ticket == OrderTicket(number="1", count_people=1, answers=())
        category = Codec().decode(b'{"id":"1","name":"n","name_translations":null}', Category)
        assert category.name_translations == {}

    def test_a_byte_order_mark(self):
        body = b"\xef\xbb\xbf" + json.dumps(CHECK).encode()
        assert Codec().decode(body, TicketCheck).is_successful is False

    def test_unknown_fields_and_unknown_texts_of_an_enumeration(self):
        body = slots(slot_type="week", later={"deep": [1, {}]})
        (slot,) = Codec().decode(body, AvailabilityList).availabilities
        assert slot.slot_type == "week"
        assert not slot.slot_type.is_known


class TestRefused:
    @pytest.mark.parametrize(
        ("changes", "problem"),
        [
            ({"starts_at": None}, "expected an ISO 8601 date and time, got null"),
            ({"starts_at": "evening"}, "expected an ISO 8601 date and time, got text"),
            ({"starts_at": 1774000000}, "expected an ISO 8601 date and time, got int"),
            ({"slot_type": None}, "expected one of a set of texts, got null"),
            ({"slot_type": 5}, "expected one of a set of texts, got int"),
            ({"slot_type": []}, "expected one of a set of texts, got an array"),
            ({"availability_count": 5.5}, "expected a whole number, got float"),
            ({"availability_count": True}, "expected a whole number, got bool"),
            ({"availability_count": "many"}, "expected a whole number, got text"),
            ({"availability_count": "1-2"}, "expected a whole number, got text"),
            ({"availability_count": "٣"}, "expected a whole number, got text"),
            ({"availability_count": "9" * 5000}, "expected a whole number, got text"),
            ({"prices": {}}, "expected an array, got an object"),
            ({"prices": "none"}, "expected an array, got text"),
        ],
        ids=str,
    )
    def test_a_value_of_another_kind_is_named_by_its_path(self, changes, problem):
        (name,) = changes
        with pytest.raises(DecodingError) as caught:
            read(Codec(), slots(**changes), AvailabilityList)
        assert caught.value.problems == (f"{problem} @ $.availabilities[0].{name}",)
        assert not caught.value.malformed

    @pytest.mark.parametrize("value", [None, 5.5, True, [], {}], ids=repr)
    def test_a_required_text_is_never_made_up(self, value):
        body = json.dumps({**PRODUCTS, "company_name": value}).encode()
        with pytest.raises(DecodingError) as caught:
            Codec().decode(body, ProductList)
        assert len(caught.value.problems) == 1
        assert caught.value.problems[0].startswith("expected text, got ")
        assert caught.value.problems[0].endswith(" @ $.company_name")

    @pytest.mark.parametrize("value", [None, 0, 1, "no", "False", "", []], ids=repr)
    def test_a_flag_is_never_guessed(self, value):
        body = json.dumps({**CHECK, "is_successful": value}).encode()
        with pytest.raises(DecodingError) as caught:
            Codec().decode(body, TicketCheck)
        assert caught.value.problems[0].startswith("expected true or false, got ")

    def test_a_missing_field_is_named_by_its_path(self):
        content: typing.Any = copy.deepcopy(PRODUCTS)
        del content["products"][0]["name"]
        del content["products"][1]["id"]
        with pytest.raises(DecodingError) as caught:
            read(Codec(), json.dumps(content).encode(), ProductList)
        assert caught.value.problems == (
            "required field missing @ $.products[0].name",
            "required field missing @ $.products[1].id",
        )

    def test_stock_that_is_not_sent_is_not_unlimited(self):
        content: typing.Any = copy.deepcopy(SLOTS)
        del content["availabilities"][0]["availability_count"]
        with pytest.raises(DecodingError) as caught:
            read(Codec(), json.dumps(content).encode(), AvailabilityList)
        assert caught.value.problems == (
            "required field missing @ $.availabilities[0].availability_count",
        )

    @pytest.mark.parametrize(
        ("body", "kind", "problem"),
        [
            (b"[]", ProductList, "expected an object, got an array @ $"),
            (b"null", ProductList, "expected an object, got null @ $"),
            (b"{}", tuple[Order, ...], "expected an array, got an object @ $"),
            (b'"x"', tuple[Order, ...], "expected an array, got text @ $"),
        ],
    )
    def test_a_root_of_another_kind(self, body, kind, problem):
        with pytest.raises(DecodingError) as caught:
            Codec().decode(body, kind)
        assert caught.value.problems == (problem,)
        assert not caught.value.malformed

    @pytest.mark.parametrize(
        "body",
        [
            b"",
            b"   ",
            b"\xff\xfe",
            b'{"company_name":"\xff","products":[]}',
            b'{"company_name":NaN,"products":[]}',
            b'{"company_name":Infinity,"products":[]}',
            b'{"company_name":"\\ud800","products":[]}',
            b'{"company_name":' + b"1" * 5000 + b',"products":[]}',
            b'{"company_name":"a","products":[]} trailing',
            b"[" * 200_000,
            b"[" * 200_000 + b"]" * 200_000,
            b'{"company_name":"a","products":[],"x":' + b"[" * 200_000 + b"]" * 200_000 + b"}",
            b'{"a":' * 200_000,
            b"<!doctype html><title>Sign in</title>",
            b"OK",
        ],
        ids=lambda body: repr(body[:40]),
    )
    def test_what_is_no_json_is_malformed(self, body):
        with pytest.raises(DecodingError) as caught:
            Codec().decode(body, ProductList)
        assert caught.value.problems == ("no valid JSON @ $",)
        assert caught.value.malformed

    def test_no_value_of_the_server_leaves_with_the_error(self):
        canary = "canary-ada@example.com"
        for changes in (
            {"starts_at": canary},
            {"prices": [canary]},
            {"availability_count": canary},
        ):
            with pytest.raises(DecodingError) as caught:
                read(Codec(), slots(**changes), AvailabilityList)
            error = caught.value
            assert canary not in f"{error!s} {error!r} {error.problems} {vars(error)}"
            assert error.__cause__ is None
            assert error.__context__ is None


class TestUserHooks:
    BODY = json.dumps(PRODUCTS).encode()

    def test_a_hook_is_honoured_and_slows_down_only_what_it_touches(self):
        codec = Codec()
        codec.converter.register_structure_hook(
            datetime, lambda value, _: datetime.fromisoformat(value).replace(tzinfo=UTC)
        )
        products = codec.decode(self.BODY, ProductList).products
        assert [p.updated_at.tzinfo for p in products] == [UTC, UTC]
        assert codec._fast_decoder(ProductList) is None
        assert codec._fast_decoder(Booking) is not None

    @pytest.mark.parametrize("first", ["fast", "slow"])
    def test_a_hook_registered_after_the_first_use_is_honoured(self, first):
        codec = Codec()
        spoiled = self.BODY.replace(b'"is_active": true', b'"is_active": "true"')
        codec.decode(self.BODY if first == "fast" else spoiled, ProductList)
        codec.converter.register_structure_hook(SlotType, lambda value, _: f"my {value}")
        products = codec.decode(self.BODY, ProductList).products
        assert [p.slot_type for p in products] == ["my day", "my week"]

    def test_a_hook_of_a_base_class_is_honoured_for_its_subclasses(self):
        codec = Codec()
        codec.converter.register_structure_hook(OpenEnum, lambda value, _: f"my {value}")
        assert codec.decode(self.BODY, ProductList).products[0].slot_type == "my day"

    def test_a_hook_for_text_is_honoured(self):
        codec = Codec()
        codec.converter.register_structure_hook(str, lambda value, _: value.upper())
        assert codec.decode(self.BODY, ProductList).company_name == "MUSEUM"

    def test_a_hook_by_predicate_is_honoured(self):
        codec = Codec()
        codec.converter.register_structure_hook_func(
            lambda kind: kind is Category, lambda value, _: value["name"]
        )
        found: typing.Any = codec.decode(self.BODY, ProductList)
        assert found.products[0].categories == ("Adult",)

    def test_a_hook_by_factory_is_honoured(self):
        codec = Codec()
        codec.converter.register_structure_hook_factory(
            lambda kind: kind is Category, lambda _: lambda value, _: value["id"]
        )
        found: typing.Any = codec.decode(self.BODY, ProductList)
        assert found.products[0].categories == ("c1",)

    def test_a_hook_given_as_a_decorator_is_honoured(self):
        codec = Codec()

        def read(value, _):
            return f"my {value}"

        read.__annotations__["return"] = SlotType
        codec.converter.register_structure_hook(read)
        assert codec.decode(self.BODY, ProductList).products[0].slot_type == "my day"

    @pytest.mark.parametrize("kind", [ProductList, Product], ids=["root", "every element"])
    def test_a_hook_that_fails_is_an_unreadable_answer(self, kind):
        def fail(value, _):
            raise ValueError("canary")

        codec = Codec()
        codec.converter.register_structure_hook(kind, fail)
        with pytest.raises(DecodingError) as caught:
            read(codec, self.BODY, ProductList)
        assert caught.value.problems[0].startswith("value not accepted @ $")
        assert "canary" not in repr(caught.value.problems)

    def test_a_hook_that_fails_for_one_element_does_not_hide_the_others(self):
        def fail(value, _):
            raise ValueError("canary")

        codec = Codec()
        codec.converter.register_structure_hook(Category, fail)
        found = codec.decode(self.BODY, ProductList)
        assert [each.problems for each in found.unreadable] == [
            ("value not accepted @ $.categories[0]",)
        ]
        assert len(found.products) == 1

    def test_one_codec_does_not_change_another(self):
        mine, other = Codec(), Codec()
        mine.converter.register_structure_hook(SlotType, lambda value, _: "mine")
        assert other.decode(self.BODY, ProductList).products[0].slot_type is SlotType.DAY

    def test_the_converter_is_a_plain_cattrs_converter(self):
        assert isinstance(Codec().converter, cattrs.Converter)


class TestWhyNotFast:
    def test_each_thing_the_fast_tier_reads_otherwise_is_named(self):
        class Closed(enum.Enum):
            A = "a"

        @attrs.frozen
        class Converted:
            a: int = attrs.field(converter=int)

        @attrs.frozen
        class Private:
            _a: int

        @attrs.frozen
        class Dependent:
            a: int
            b: int = attrs.field(default=attrs.Factory(lambda self: self.a, takes_self=True))

        assert why_not_fast(Closed) == "closed enum Closed"
        assert why_not_fast(Converted) == "Converted.a: converter"
        assert why_not_fast(Private) == "Private._a: alias"
        assert why_not_fast(Dependent) == "Dependent.b: takes_self"
        assert why_not_fast(tuple[Private, ...]) == "Private._a: alias"
        assert why_not_fast(dict[str, Closed | None]) == "closed enum Closed"
        assert why_not_fast(complex) == "unknown kind <class 'complex'>"

    def test_a_closed_enumeration_is_read_by_the_other_tier(self):
        class Closed(enum.Enum):
            A = "a"

        @attrs.frozen
        class Holder:
            what: Closed

        attrs.resolve_types(Holder, localns={"Closed": Closed})
        assert Codec().decode(b'{"what":"a"}', Holder) == Holder(Closed.A)
        with pytest.raises(DecodingError) as caught:
            Codec().decode(b'{"what":"b"}', Holder)
        (problem,) = caught.value.problems  # its words depend on the version of cattrs
        assert problem.endswith(" @ $.what")


class TestEncoding:
    def test_money_is_written_without_exponent(self):
        assert Codec().encode({"amount": Decimal("1E+2")}) == b'{"amount":"100"}'

    def test_text_is_utf_8(self):
        assert Codec().encode({"name": "Zoë"}) == '{"name":"Zoë"}'.encode()


class TestOpenEnum:
    def test_an_unknown_value_is_its_text(self):
        week = SlotType("week")
        assert week == "week"
        assert week != SlotType.DAY
        assert week == SlotType("week")
        assert hash(week) == hash("week")
        table: dict[object, int] = {week: 1}
        assert table["week"] == 1
        assert str(week) == "week"
        assert f"{week:>6}" == "  week"
        assert isinstance(week, SlotType)
        assert not week.is_known
        assert json.dumps(week) == '"week"'

    def test_an_unknown_value_survives_pickle_and_copy(self):
        week = SlotType("week")
        for twin in (pickle.loads(pickle.dumps(week)), copy.copy(week), copy.deepcopy(week)):
            assert type(twin) is SlotType
            assert twin == "week"
            assert not twin.is_known

    def test_it_adds_no_member(self):
        SlotType("week")
        assert list(SlotType) == [SlotType.DAY, SlotType.TIME]

    def test_a_known_value_is_the_member(self):
        assert SlotType("day") is SlotType.DAY
        assert SlotType.DAY.is_known

    @pytest.mark.parametrize("value", [None, 5, [], b"day"])
    def test_what_is_no_text_is_no_value(self, value):
        with pytest.raises(ValueError, match="is not a valid SlotType"):
            SlotType(value)


def test_whatever_a_users_hook_raises_is_a_decoding_error():
    @attrs.frozen
    class Odd:
        name: str

    codec = Codec()

    def hook(value, _):
        raise AttributeError("secret value")

    codec.converter.register_structure_hook(Odd, hook)
    with pytest.raises(DecodingError) as caught:
        codec.decode(b'{"name":"x"}', Odd)
    assert caught.value.problems == ("value not accepted @ $",)
