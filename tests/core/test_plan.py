"""Operations of somebody's own: what their values look like on the wire, and what is refused."""

from __future__ import annotations

import enum
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar
from uuid import UUID

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.codec import Codec
from eguma_async.core.enums import OpenEnum
from eguma_async.core.errors import ConfigurationError, ConflictError
from eguma_async.core.fields import LOCAL, wire_named
from eguma_async.core.listing import Listing
from eguma_async.core.messages import Credentials, Repeat, wire_url
from eguma_async.core.operation import (
    IN_PATH,
    IN_PATH_AS_IS,
    PLACED_BY_HAND,
    Operation,
    in_header,
    in_query,
)
from eguma_async.core.provider import Verdict
from eguma_async.core.scalars import WrittenDatetime
from eguma_async.eguma.provider import EGUMA
from eguma_async.pipeline.fixed import FixedCredentials
from eguma_async.pipeline.session import BaseSession
from eguma_async.testing import ScriptedTransport, json_reply
from tests.support.calls import BASE, refusal, scripted

T = TypeVar("T")
K = TypeVar("K")


@attrs.frozen(kw_only=True)
class Ask(Operation[int]):
    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/{thing}/x.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    thing: Any = attrs.field(default="t", metadata=IN_PATH)
    value: Any = attrs.field(default=None, metadata=in_query("v"))
    note: Any = attrs.field(default=None, metadata=in_header("X-Note"))


class Words(str):
    __slots__ = ()

    def __str__(self):
        return f"Words({super().__str__()})"

    __repr__ = __str__


class Moment(datetime):
    """As other libraries have it."""

    def __str__(self):
        return "a moment"

    def isoformat(self, *args, **kwargs):
        return "a moment"


class Day(date):
    def __str__(self):
        return "a day"

    isoformat = __str__


class Count(int):
    def __str__(self):
        return "a count"

    __repr__ = __str__


class Share(float):
    def __repr__(self):
        return "share"


class Colour(enum.Enum):
    RED = "red"


class Old(str, enum.Enum):  # noqa: UP042  # as it was written before StrEnum
    RED = "red"


class New(enum.StrEnum):
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Open(OpenEnum):
    RED = "red"


NOON = datetime(2026, 3, 19, 12, 0, 0, 5, tzinfo=timezone(timedelta(hours=1)))
ON_THE_WIRE = [
    ("a b&c", "a%20b%26c"),
    (5, "5"),
    (-5, "-5"),
    (True, "true"),
    (False, "false"),
    (date(2026, 3, 19), "2026-03-19"),
    (NOON, "2026-03-19T12%3A00%3A00%2B01%3A00"),
    (Words("a b"), "a%20b"),
    (Moment(2026, 3, 19, 12, tzinfo=UTC), "2026-03-19T12%3A00%3A00%2B00%3A00"),
    (WrittenDatetime.of(datetime(2026, 3, 19, 12), "x"), "2026-03-19T12%3A00%3A00"),
    (Day(2026, 3, 19), "2026-03-19"),
    (Count(7), "7"),
    (Colour.RED, "red"),
    (Old.RED, "red"),
    (New.RED, "red"),
    (Level.HIGH, "3"),
    (Open.RED, "red"),
    (Open("blue"), "blue"),
    (Decimal("80.00"), "80.00"),
    (Decimal("1E+3"), "1000"),
    (Decimal("-0.10"), "-0.10"),
    (47.37, "47.37"),
    (5.0, "5.0"),
    (1e22, "10000000000000000000000"),
    (1e-7, "0.0000001"),
    (Share(0.5), "0.5"),
    (UUID(int=1), "00000000-0000-0000-0000-000000000001"),
]
NO_FORM = [
    [1], {"a": 1}, {1}, b"x", object(), timedelta(1), 1j, Ask, lambda: 1,
    float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity"),
]  # fmt: skip


class Pair(NamedTuple):
    one: int
    other: int


@pytest.mark.parametrize(("value", "wire"), ON_THE_WIRE, ids=repr)
async def test_what_a_value_looks_like_on_the_wire(value, wire):
    async with scripted(json_reply(1), json_reply(1)) as (session, transport):
        await session.send(Ask(thing=value, value=value))
        await session.send(Ask(value=(value, value)))
    first, second = map(wire_url, transport.requests)
    assert (
        first.partition("&apiKey")[0]
        .partition("&ApiKey")[0]
        .startswith(f"{BASE}/v1/{wire}/x.json?v={wire}")
    )
    assert f"/v1/t/x.json?v={wire}&v={wire}" in second


@pytest.mark.parametrize("value", [value for value, _ in ON_THE_WIRE if "\n" not in str(value)])
async def test_a_header_is_written_in_the_same_manner(value):
    async with scripted(json_reply(1)) as (session, transport):
        await session.send(Ask(value=value, note=value))
    (request,) = transport.requests
    assert request.headers["X-Note"] == dict(request.query)["v"]


@pytest.mark.parametrize("value", NO_FORM, ids=lambda value: type(value).__name__)
@pytest.mark.parametrize("field", ["thing", "value", "note"])
async def test_what_has_no_form_is_refused_before_anything_is_sent(field, value):
    async with scripted() as (session, transport):
        with pytest.raises(ConfigurationError) as caught:
            await session.send(Ask(**{field: value}))
    assert str(caught.value).startswith(f"Ask.{field} must be text")
    assert type(value).__name__ in str(caught.value)
    assert transport.requests == []


def test_a_tuple_is_one_pair_for_each_element():
    assert Ask(value=()).query() == ()
    assert Ask(value=("a", 2, True)).query() == (("v", "a"), ("v", "2"), ("v", "true"))
    assert Ask(value=Pair(1, 2)).query() == (("v", "1"), ("v", "2"))
    for bad in ((None,), ("a", [1]), ((1,),)):
        with pytest.raises(ConfigurationError, match=r"Ask\.value must be text"):
            Ask(value=bad).query()


@pytest.mark.parametrize("value", ["", ".", "..", Words(".."), None, ("a",)])
def test_a_path_that_would_lead_elsewhere_is_refused(value):
    with pytest.raises(ConfigurationError, match=r"Ask\.thing"):
        Ask(thing=value).path()


def test_equal_values_of_other_kinds_are_not_mixed_up():
    for value, text in ((1, "1"), (True, "true"), (1.0, "1.0"), (Decimal("1.00"), "1.00")) * 2:
        assert Ask(thing=value).path() == f"/v1/{text}/x.json"


@given(st.text())
def test_a_segment_stays_one(value):
    try:
        path = Ask(thing=value).path()
    except (ConfigurationError, UnicodeEncodeError):
        assert value in ("", ".", "..") or any("\ud800" <= c <= "\udfff" for c in value)
        return
    assert path.count("/") == 3
    assert path.isascii()


# Paths


def operation(path="/v1/x", method="GET", **fields):
    constants = {"METHOD": method, "PATH": path, "REPEAT": Repeat.READ}
    annotations = dict.fromkeys(constants, ClassVar[Any]) | dict.fromkeys(fields, Any)
    body = {**constants, **fields, "__annotations__": annotations}
    return attrs.frozen(kw_only=True)(type("Foo", (Operation,), body | {"RETURNS": int}))


def in_path():
    return attrs.field(metadata=IN_PATH)


def as_is():
    return attrs.field(metadata=IN_PATH_AS_IS)


def test_one_builder_makes_all_paths():
    x = operation("/a/{b}/{c}{b}.json", b=in_path(), c=as_is())
    assert x(b="1 2", c="/d e").path() == "/a/1%202//d e1%202.json"
    assert operation("{b}", b=as_is())(b="/v1/x(1)").path() == "/v1/x(1)"
    assert operation("{b}/y", b=as_is())(b="/v1/x").path() == "/v1/x/y"
    assert operation("/{b}", b=in_path())(b="/").path() == "/%2F"
    assert operation("/a{{b}}")().path() == "/a{b}"
    assert operation("/a{{{b}", b=in_path())(b="1").path() == "/a{1"


@pytest.mark.parametrize("value", ["v1/x", "@evil.example/", ".evil.example/", "", 5])
def test_a_path_that_would_become_part_of_the_host_is_refused(value):
    x = operation("{b}/y", b=as_is())(b=value)
    with pytest.raises(ConfigurationError, match=r"Foo\.b must be a path that begins with a slash"):
        x.path()


@pytest.mark.parametrize(
    ("make", "problem"),
    [
        (lambda: operation("/{nam}"), r"Foo\.PATH names \{nam\}, which is no field"),
        (lambda: operation("/{nam}", name_=in_path()), r"Foo\.PATH names \{nam\}"),
        (lambda: operation("/{}", b=in_path()), r"Foo\.PATH names \{\}"),
        (lambda: operation("/{0}", b=in_path()), r"Foo\.PATH names \{0\}"),
        (lambda: operation("/{b.c}", b=in_path()), r"Foo\.PATH names \{b\.c\}"),
        (lambda: operation("/{b!r}", b=in_path()), r"Foo\.PATH names \{b\}"),
        (lambda: operation("/{b:>9}", b=in_path()), r"Foo\.PATH names \{b\}"),
        (lambda: operation("/{b}", b=attrs.field(metadata=in_query("b"))), r"Foo\.PATH names"),
        (lambda: operation("/{b", b=in_path()), r"Foo\.PATH is no path"),
        (lambda: operation(None), r"Foo\.PATH is no path"),
        (lambda: operation("/x", b=in_path()), r"Foo\.b is IN_PATH, and PATH does not name \{b\}"),
        (lambda: operation("/x", b=as_is()), r"Foo\.b is IN_PATH, and PATH does not name \{b\}"),
        (lambda: operation(""), r"Foo\.PATH must begin with a slash"),
        (lambda: operation("v1/x"), r"Foo\.PATH must begin with a slash"),
        (lambda: operation("{b}", b=in_path()), r"Foo\.PATH must begin with a slash"),
        (lambda: operation("@evil{b}", b=as_is()), r"Foo\.PATH must begin with a slash"),
        (lambda: operation(method="get"), r"Foo\.METHOD must be an HTTP verb in capitals"),
        (lambda: operation(method=None), r"Foo\.METHOD must be an HTTP verb"),
        (lambda: operation(b=attrs.field()), r"Foo\.b is in the body, and GET has none"),
        (lambda: operation(b=attrs.field(metadata=PLACED_BY_HAND)), r"Foo\.b is PLACED_BY_HAND"),
    ],
)
def test_what_cannot_arrive_is_told_at_first_use(make, problem):
    kind = make()
    with pytest.raises(ConfigurationError, match=problem):
        kind.plan()


def test_fields_need_the_decorator():
    class Bare(Ask):
        more: str = attrs.field(default="x", metadata=in_query("more"))

    class Plain(Ask):
        PATH: ClassVar[str] = "/v1/{thing}"

    with pytest.raises(ConfigurationError, match=r"Bare\.more is no field yet; decorate Bare with"):
        Bare().query()
    assert Plain().path() == "/v1/t"


def test_a_get_has_no_content_type():
    kind = operation()
    kind.CONTENT_TYPE = "text/plain"
    with pytest.raises(ConfigurationError, match="Foo: GET has no body, so no CONTENT_TYPE"):
        kind.plan()


def test_a_repeat_is_a_repeat():
    kind = operation()
    kind.REPEAT = "read"
    with pytest.raises(ConfigurationError, match=r"Foo\.REPEAT must be a Repeat"):
        kind.plan()


async def test_it_is_told_before_anything_is_sent():
    kind = operation("/{nam}", name_=in_path())
    async with scripted() as (session, transport):
        with pytest.raises(ConfigurationError, match=r"Foo\.PATH names \{nam\}"):
            await session.send(kind(name_="x"))
    assert transport.requests == []


async def test_a_path_of_its_own_may_name_what_it_likes():
    @attrs.frozen(kw_only=True)
    class Own(Operation[int]):
        METHOD: ClassVar[str] = "GET"
        PATH: ClassVar[str] = "/v1/{what}"
        REPEAT: ClassVar[Repeat] = Repeat.READ

        b: str = attrs.field(metadata=PLACED_BY_HAND)
        seen: int = attrs.field(default=0, metadata=LOCAL)

        def path(self) -> str:
            return self.PATH.format(what=self.b)

    async with scripted(json_reply(1)) as (session, transport):
        await session.send(Own(b="x"))
    (request,) = transport.requests
    assert (request.url, request.body) == (f"{BASE}/v1/x", None)
    with pytest.raises(ConfigurationError, match=r"Own\.PATH names \{what\}"):
        super(Own, Own(b="x")).path()


# Names


@pytest.mark.parametrize(
    "header",
    ["Authorization", "AUTHORIZATION", "Idempotency-Key", "content-type", "Content-Length", "Host"],
)
def test_a_header_that_is_the_sessions_is_refused(header):
    with pytest.raises(TypeError, match=rf"Foo\.b: the header {header} is set by the session"):
        operation(b=attrs.field(metadata=in_header(header)))


def test_headers_of_its_own_would_not_be_sent():
    with pytest.raises(TypeError, match="Own: headers are fields, marked with in_header"):

        class Own(Operation[int]):
            def headers(self) -> dict[str, str]:
                return {"Authorization": "x"}


@pytest.mark.parametrize("name", ["name", "path", "query", "plan", "complete"])
def test_a_field_does_not_hide_what_an_operation_does(name):
    with pytest.raises(TypeError, match=rf"Foo\.{name} hides Operation\.{name}"):
        attrs.make_class("Foo", {name: attrs.field()}, bases=(Operation,), frozen=True)


@pytest.mark.parametrize("name", ["METHOD", "PATH", "REPEAT", "CONTENT_TYPE"])
def test_a_constant_is_no_field(name):
    with pytest.raises(TypeError, match=rf"Foo\.{name} is a constant, .* as ClassVar"):
        attrs.make_class("Foo", {name: attrs.field(default="GET")}, bases=(Operation,), frozen=True)


def test_a_field_of_such_a_name_is_sent_under_it():
    kind = operation(
        method="POST",
        name_=attrs.field(metadata=wire_named("name")),
        seen=attrs.field(default=1, metadata=LOCAL),
    )
    assert Codec().encode(kind(name_="n")) == b'{"name":"n"}'
    assert kind.plan().has_body


# What is returned


def test_what_is_returned_is_found_through_several_bases():
    class Keyed(Generic[K]):
        pass

    class Base(Operation[T], Generic[K, T]):
        pass

    class Lists(Base[str, Listing[T]]):
        pass

    class Maybe(Base[K, T | None]):
        pass

    class First(Keyed[str], Operation[int]):
        pass

    class Second(Base[str, int]):
        pass

    class Third(Lists[int]):
        pass

    class Fourth(Keyed[bytes], Lists[int]):
        pass

    class Fifth(Fourth):
        pass

    class Sixth(Maybe[int, str]):
        pass

    assert [hasattr(kind, "RETURNS") for kind in (Base, Lists, Maybe)] == [False] * 3
    assert First.RETURNS is int
    assert Second.RETURNS is int
    for kind in (Third, Fourth, Fifth):
        assert Listing[int] == kind.RETURNS
    assert (str | None) == Sixth.RETURNS


def test_a_generic_class_is_a_class():
    class Page(Generic[T]):
        pass

    class Get(Operation[Page]):  # type: ignore[type-arg]  # the class itself
        pass

    assert Get.RETURNS is Page


def test_bases_that_return_different_things_are_refused():
    class One(Operation[int]):
        pass

    class Other(Operation[str]):
        pass

    with pytest.raises(TypeError, match="Both: its bases return different things"):

        class Both(One, Other):
            pass


def test_the_name_of_a_class_is_not_the_class():
    with pytest.raises(TypeError, match="Late: its type argument must be a class, not its name"):

        class Late(Operation["Thing"]):  # type: ignore[name-defined]  # noqa: F821  # the mistake
            pass


# Reads of a provider of somebody's own


async def test_the_outcome_of_a_read_is_never_unknown_whatever_its_provider_says():
    made = attrs.evolve(EGUMA, verdict=lambda response, repeat: Verdict.IN_PROGRESS)
    script = ScriptedTransport(refusal(409, "busy"))
    auth = FixedCredentials(Credentials())
    async with BaseSession(made, lambda *_, **__: auth, base_url=BASE, transport=script) as session:
        with pytest.raises(ConflictError) as caught:
            await session.send(Ask())
    assert not caught.value.outcome_unknown
