"""Answers decoded a batch at a time give what they give decoded whole."""

from __future__ import annotations

import gc
import json
import logging
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async.core.codec import Codec
from eguma_async.core.dialect import ObjectForm
from eguma_async.core.elements import STEP, ElementReader, steps_of
from eguma_async.core.errors import DecodingError, IncompleteListError
from eguma_async.core.fields import LENIENT, LOCAL, wire_named
from eguma_async.core.listing import Listing, UnreadableElement


@attrs.frozen(kw_only=True)
class Part:
    id: str
    size: int = 0


@attrs.frozen(kw_only=True)
class Thing:
    id: str
    count: int
    parts: tuple[Part, ...] = ()
    tags: tuple[Part, ...] = attrs.field(default=(), metadata=LENIENT)


@attrs.frozen(kw_only=True)
class Shelf:
    name: str
    things: tuple[Thing, ...] = attrs.field(metadata={**LENIENT, **wire_named("items")})
    note: str | None = attrs.field(default=None, metadata=LOCAL)


@attrs.frozen(kw_only=True)
class TwoLists:
    one: tuple[Thing, ...] = attrs.field(metadata=LENIENT)
    two: tuple[Thing, ...] = attrs.field(metadata=LENIENT)


CODEC = Codec()
# Good ones, odd ones that the tolerant tier takes, and broken ones.
THINGS: Any = st.fixed_dictionaries(
    {"id": st.sampled_from(["a", "},{", 'q"', "ü"]), "count": st.sampled_from([1, 2, 3, "4", 5.0])},
    optional={
        "parts": st.lists(st.fixed_dictionaries({"id": st.just("p")}), max_size=2) | st.none(),
        "tags": st.lists(st.just({"id": "t"}) | st.just(7), max_size=2),
        "other": st.just([{"id": "x"}]),
    },
) | st.sampled_from(
    [
        {"id": "b"},
        {"id": None, "count": 1},
        5,
        None,
        [],
        "text",
        {"count": 1, "id": "c", "parts": [{}]},
    ]
)
MANY = st.lists(THINGS, max_size=12)


def encoded(document: Any, **options: Any) -> bytes:
    return json.dumps(document, **options).encode()


def read(
    data: bytes,
    returns: Any,
    *,
    size: int = 10_000,
    batch: int = 64,
    codec: Codec = CODEC,
    **options: Any,
) -> Any:
    """Return the elements and what could not be read, as they come."""
    reader: ElementReader[Any] = ElementReader(codec, returns, batch_bytes=batch, **options)
    readable: list[Any] = []
    unreadable: list[Any] = []
    for start in range(0, len(data), size):
        for part in reader.feed(data[start : start + size]):
            readable += part
            unreadable += part.unreadable
    for part in reader.finish():
        readable += part
        unreadable += part.unreadable
    assert reader.count == len(readable) + len(unreadable)
    return readable, unreadable


def whole(data: bytes, returns: Any) -> Any:
    """Return what decoding at once gives: a value, or the kind of its error."""
    try:
        return CODEC.decode(data, returns)
    except DecodingError as error:
        return DecodingError, error.malformed


def in_steps(data: bytes, returns: Any) -> Any:
    steps = steps_of(CODEC, data, returns)
    assert steps is not None
    try:
        while True:
            next(steps)
    except StopIteration as end:
        return end.value
    except DecodingError as error:
        return DecodingError, error.malformed


@settings(deadline=None)
@given(MANY, st.integers(1, 60), st.sampled_from([1, 40, 10_000]))
def test_the_elements_are_those_of_the_whole_list(document, size, batch):
    data = encoded(document)
    expected: Any = CODEC.decode(data, Listing[Thing])
    assert read(data, Listing[Thing], size=size, batch=batch) == (
        list(expected),
        list(expected.unreadable),
    )


@settings(max_examples=25, deadline=None)
@given(MANY, st.sampled_from([1, 40, 10_000]))
def test_it_makes_no_difference_where_the_bytes_are_cut(document, batch):
    data = encoded(document, separators=(",", ":"))
    expected: Any = CODEC.decode(data, Listing[Thing])
    for at in range(len(data)):
        reader: ElementReader[Thing] = ElementReader(CODEC, Listing[Thing], batch_bytes=batch)
        parts = [*reader.feed(data[:at]), *reader.feed(data[at:]), *reader.finish()]
        assert [e for part in parts for e in part] == list(expected)
        assert [e for part in parts for e in part.unreadable] == list(expected.unreadable)


@settings(deadline=None)
@given(MANY, st.binary(max_size=3), st.integers(0, 10**6), st.integers(0, 2))
def test_steps_give_what_decoding_at_once_gives(document, noise, place, cut):
    """Mutated documents too: an equal value, or an error for the same reason."""
    for returns, data in (
        (Listing[Thing], encoded(document)),
        (Shelf, encoded({"name": "s", "items": document, "rest": [{"items": []}]})),
    ):
        at = place % (len(data) + 1)
        mutated = data[:at] + noise + data[at + cut :]
        try:
            mutated.decode()
        except UnicodeDecodeError:
            continue  # the fast tier does not look at texts that it leaves out
        value, expected = in_steps(mutated, returns), whole(mutated, returns)
        assert value == expected
        if not isinstance(expected, tuple) or isinstance(expected, Listing):
            assert type(value) is type(expected)
            assert getattr(value, "unreadable", ()) == getattr(expected, "unreadable", ())


def test_what_stands_around_a_list_is_kept():
    data = encoded(
        {"note": "the server's", "items": [{"id": "a", "count": 1}, {"id": "b"}], "name": "s"}
    )
    value = in_steps(data, Shelf)
    assert value == Shelf(name="s", things=(Thing(id="a", count=1),))
    assert value.things.unreadable == (
        UnreadableElement(index=1, problems=("required field missing @ $.count",), raw={"id": "b"}),
    )
    assert type(in_steps(encoded({"items": [], "name": "s"}), Shelf).things) is tuple


@pytest.mark.parametrize("returns", [Part, TwoLists, tuple[Thing, ...], Any, None, int])
def test_only_the_one_list_of_an_answer_is_decoded_in_steps(returns):
    assert steps_of(CODEC, b"[]", returns) is None
    with pytest.raises(TypeError, match="no list"):
        ElementReader(CODEC, returns)


def test_what_a_codec_makes_another_object_of_is_decoded_at_once():
    codec = Codec(form_of=lambda cls: ObjectForm(read=lambda value: value))
    assert steps_of(codec, b"{}", Shelf) is None
    assert read(b'[{"id":"a","count":1}]', Listing[Thing], codec=codec)[0] == [
        Thing(id="a", count=1)
    ]


def test_a_broken_element_has_its_place_in_the_whole_list(caplog):
    rows = [{"id": str(n), "count": n} for n in range(100)]
    rows[70] = {"id": "canary"}
    with caplog.at_level(logging.WARNING, "eguma_async"):
        readable, unreadable = read(encoded(rows), Listing[Thing], batch=100)
    assert [thing.count for thing in readable] == [n for n in range(100) if n != 70]
    assert unreadable == [
        UnreadableElement(
            index=70, problems=("required field missing @ $.count",), raw={"id": "canary"}
        )
    ]
    assert [record.message for record in caplog.records] == [
        "Thing 70 of a list is unreadable: ('required field missing @ $.count',)"
    ]


def test_an_odd_element_costs_the_others_nothing():
    """Only what the fast tier refuses is read by the other one."""
    rows = [{"id": str(n), "count": n} for n in range(100)]
    rows[70]["count"] = "70"
    slow = []

    class Counting(Codec):
        def _decode_oddity(self, body, *others):
            slow.append(body)
            return super()._decode_oddity(body, *others)

    readable, _ = read(encoded(rows), Listing[Thing], batch=1000, codec=Counting())
    assert [thing.count for thing in readable] == list(range(100))
    assert slow == [b'{"id": "70", "count": "70"}']


@pytest.mark.parametrize("batch", [10, 40, 100_000])
def test_what_came_before_a_cut_is_handed_on_and_the_error_says_where_it_is(batch):
    rows = [{"id": str(n), "count": n} for n in range(10)]
    data = encoded(rows)
    reader: ElementReader[Thing] = ElementReader(CODEC, Listing[Thing], batch_bytes=batch)
    parts: list[Thing] = []
    with pytest.raises(IncompleteListError) as caught:
        for part in reader.feed(data[: data.index(b'"7"') + 1]):
            parts += part
        for part in reader.finish():
            parts += part
    assert [thing.count for thing in parts] == list(range(7))
    assert (caught.value.read, caught.value.malformed) == (7, True)
    assert str(caught.value) == "the list ended early: no valid JSON @ $[7]"


@pytest.mark.parametrize("batch", [10, 40, 100_000])
def test_what_came_before_a_place_that_is_no_json_is_handed_on(batch):
    data = b'[{"id":"a","count":1},{"id":"b","count":2},{"id":"c" "count":3},{"id":"d","count":4}]'
    reader: ElementReader[Thing] = ElementReader(CODEC, Listing[Thing], batch_bytes=batch)
    parts: list[Thing] = []
    with pytest.raises(IncompleteListError, match=r"no valid JSON @ \$\[2\]"):
        for part in reader.feed(data):
            parts += part
        for part in reader.finish():
            parts += part
    assert [thing.count for thing in parts] == [1, 2]


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "no valid JSON @ $"),
        (b"<html>", "no valid JSON @ $"),
        (b'{"error":"none"}', "expected an array, got an object @ $"),
        (b"null", "expected an array, got null @ $"),
    ],
)
def test_what_is_no_list_is_refused_as_by_decoding_at_once(data, problem):
    with pytest.raises(DecodingError) as caught:
        read(data, Listing[Thing])
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b'{"items":[],"name":"s","items":[]}', "the same name twice in an object @ $"),
        (b'{"items":[]}', "required field missing @ $.name"),
        (b'{"name":"s"}', "required field missing @ $.items"),
        (b'{"name":"s","items":{}}', "expected an array, got an object @ $.items"),
    ],
)
def test_what_stands_around_the_elements_is_checked(data, problem):
    with pytest.raises(DecodingError) as caught:
        read(data, Shelf)
    assert caught.value.problems == (problem,)


def test_an_element_that_is_too_large_is_refused_by_its_place():
    rows = [{"id": "a", "count": 1}, {"id": "b" * 5000, "count": 2}]
    with pytest.raises(IncompleteListError) as caught:
        read(encoded(rows), Listing[Thing], size=50, max_element_bytes=1000)
    assert caught.value.problems == ("an element of more than 1000 bytes @ $[1]",)
    assert not caught.value.malformed
    assert len(in_steps(encoded(rows), Listing[Thing])) == 2  # it is in memory already


def test_a_hook_of_the_users_is_honoured():
    codec = Codec()
    codec.converter.register_structure_hook(Part, lambda value, _: Part(id=value["id"].upper()))
    data = encoded([{"id": "a", "count": 1, "parts": [{"id": "p"}]}] * 3)
    readable, _ = read(data, Listing[Thing], codec=codec)
    assert readable == [Thing(id="a", count=1, parts=(Part(id="P"),))] * 3


def test_a_hook_for_the_list_itself_has_the_whole_of_it():
    codec = Codec()
    codec.converter.register_structure_hook_func(
        lambda kind: kind == Listing[Thing], lambda value, _: Listing(value)
    )
    assert steps_of(codec, b"[1]", Listing[Thing]) is None


def test_no_error_holds_what_a_customer_wrote():
    data = b'[{"id":"canary","count":1},{"id":"canary","count":x}]'
    with pytest.raises(IncompleteListError) as caught:
        read(data, Listing[Thing])
    error = caught.value
    assert "canary" not in repr(error)
    assert (error.__cause__, error.__context__) == (None, None)


def test_the_collector_is_left_as_it_was():
    data = encoded([{"id": "a", "count": 1}])
    for enable in (gc.enable, gc.disable):
        enable()
        try:
            was = gc.isenabled()
            in_steps(data, Listing[Thing])
            in_steps(data[:-1], Listing[Thing])
            assert gc.isenabled() == was
        finally:
            gc.enable()
    assert gc.get_freeze_count() == 0


def test_what_the_program_has_frozen_stays_frozen():
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        assert frozen > 0
        in_steps(encoded([{"id": "a", "count": 1}]), Listing[Thing])
        assert gc.get_freeze_count() > frozen * 0.9
    finally:
        gc.unfreeze()


def test_the_collector_does_not_search_a_long_list_while_it_is_made_and_can_later():
    data = encoded([{"id": "a", "count": 1, "parts": [{"id": "p"}]}] * 100_000)
    searched: list[int] = []

    def told(phase, info):
        searched.append(info["generation"])

    gc.collect()
    gc.callbacks.append(told)
    try:
        found = in_steps(data, Listing[Thing])
    finally:
        gc.callbacks.remove(told)
    assert len(found) == 100_000
    assert len(searched) < 10  # it comes every 700 objects
    assert len(gc.get_objects(generation=2)) > 200_000


def test_steps_are_small():
    rows = encoded([{"id": "x" * 1000, "count": 1}] * 5000)
    steps = steps_of(CODEC, rows, Listing[Thing])
    assert sum(1 for _ in steps or ()) == pytest.approx(len(rows) / STEP, abs=2)
    odd = encoded([{"id": "x" * 1000, "count": "1"}] * 5000)
    steps = steps_of(CODEC, odd, Listing[Thing])
    assert sum(1 for _ in steps or ()) > len(odd) / 80_000  # slower ones are smaller
    steps = steps_of(CODEC, b"[" + b"1," * 5000 + b"1]", Listing[Thing])
    assert sum(1 for _ in steps or ()) > 15
