"""Lists of which one element cannot be read, and fields that no server may set."""

from __future__ import annotations

import copy
import json
import pickle
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.codec import Codec
from eguma_async.core.errors import DecodingError
from eguma_async.core.fields import LENIENT, LOCAL
from eguma_async.core.listing import (
    Listing,
    UnreadableElement,
    refuse_unreadable,
    unreadable_of,
)
from eguma_async.core.strict import why_not_fast


@attrs.frozen(kw_only=True)
class Thing:
    id: str
    count: int


@attrs.frozen(kw_only=True)
class Shelf:
    name: str
    things: tuple[Thing, ...] = attrs.field(metadata=LENIENT)
    note: str | None = attrs.field(default=None, metadata=LOCAL)
    seen: bool = attrs.field(default=False, metadata=LOCAL)


def encoded(document: Any) -> bytes:
    return json.dumps(document).encode()


GOOD = {"id": "a", "count": 1}
POISON = {"id": "b", "count": "canary"}
MISSING = {"id": "c"}


class TestListing:
    def test_a_list_in_order_is_one_without_unreadable_elements(self):
        listing = Codec().decode(encoded([GOOD, {**GOOD, "id": "z"}]), Listing[Thing])
        assert listing == (Thing(id="a", count=1), Thing(id="z", count=1))
        assert isinstance(listing, Listing)
        assert listing.unreadable == ()

    def test_one_unreadable_element_does_not_hide_the_others(self, caplog):
        document = [GOOD, POISON, MISSING, 5]
        listing: Any = Codec().decode(encoded(document), Listing[Thing])
        assert listing == (Thing(id="a", count=1),)
        assert listing.unreadable == (
            UnreadableElement(
                index=1, problems=("expected a whole number, got text @ $.count",), raw=POISON
            ),
            UnreadableElement(index=2, problems=("required field missing @ $.count",), raw=MISSING),
            UnreadableElement(index=3, problems=("expected an object, got int @ $",), raw=5),
        )
        assert [r.levelname for r in caplog.records] == ["WARNING"] * 3
        assert "canary" not in caplog.text + repr(listing)

    def test_within_an_object_too(self):
        shelf = Codec().decode(encoded({"name": "n", "things": [MISSING, GOOD]}), Shelf)
        assert shelf.things == (Thing(id="a", count=1),)
        assert [each.index for each in unreadable_of(shelf.things)] == [0]

    def test_if_none_can_be_read_they_are_handed_on(self):
        listing = Codec().decode(encoded([MISSING, 5]), Listing[Thing])
        assert (listing, [each.raw for each in listing.unreadable]) == ((), [MISSING, 5])
        shelf = Codec().decode(encoded({"name": "n", "things": [MISSING]}), Shelf)
        assert shelf.things == ()
        assert [each.index for each in unreadable_of(shelf.things)] == [0]

    def test_a_whole_list_none_of_which_can_be_read_is_of_an_unknown_form(self):
        listing = Codec().decode(encoded([MISSING, 5, POISON]), Listing[Thing])
        for refused in (
            lambda: refuse_unreadable(listing, "$.things"),
            lambda: refuse_unreadable((), "$.things", listing.unreadable),
        ):
            with pytest.raises(DecodingError) as caught:
                refused()
            assert caught.value.problems == (
                "required field missing @ $.things[0].count",
                "expected an object, got int @ $.things[1]",
                "expected a whole number, got text @ $.things[2].count",
            )
            assert not caught.value.malformed
            assert "canary" not in f"{caught.value} {vars(caught.value)}"

    def test_a_whole_list_with_anything_readable_in_it_or_with_nothing_is_none(self):
        listing = Codec().decode(encoded([MISSING, GOOD]), Listing[Thing])
        refuse_unreadable(listing, "$")
        refuse_unreadable(("else",), "$", listing.unreadable)
        refuse_unreadable(Listing(), "$")
        refuse_unreadable((), "$")

    @pytest.mark.parametrize("document", [None, {}, "x", 5])
    def test_what_is_no_list_is_refused(self, document):
        with pytest.raises(DecodingError, match=r"expected an array"):
            Codec().decode(encoded(document), Listing[Thing])

    def test_a_good_list_is_read_on_the_fast_tier(self):
        assert why_not_fast(tuple[Thing, ...]) is None
        codec = Codec()
        codec.decode(b"[]", Listing[Thing])
        assert codec._decoders[Listing[Thing]] is not None

    @pytest.mark.parametrize(
        "clone", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
    )
    def test_it_survives_copies(self, clone):
        listing = Codec().decode(encoded([GOOD, MISSING]), Listing[Thing])
        other = clone(listing)
        assert (other, other.unreadable) == (listing, listing.unreadable)
        assert type(other) is Listing

    def test_its_repr_tells_that_something_is_missing(self):
        assert repr(Listing((1, 2))) == "(1, 2)"
        bad = UnreadableElement(index=0, problems=("p",), raw="canary")
        assert repr(Listing((1,), (bad,))) == "(1,) and 1 unreadable"

    def test_it_is_written_as_a_list(self):
        codec = Codec()
        shelf = codec.decode(encoded({"name": "n", "things": [MISSING, GOOD]}), Shelf)
        assert codec.encode(shelf) == b'{"name":"n","things":[{"id":"a","count":1}]}'

    @given(st.lists(st.sampled_from([GOOD, POISON, MISSING, None, [], "x"]), max_size=8))
    def test_every_element_is_accounted_for(self, document):
        readable = [n for n, element in enumerate(document) if element == GOOD]
        listing = Codec().decode(encoded(document), Listing[Thing])
        assert len(listing) == len(readable)
        found = {each.index: each.raw for each in listing.unreadable}
        assert found == {n: document[n] for n in range(len(document)) if n not in readable}


class TestLocal:
    """A new member of a response never collides with a field of this package's own."""

    @pytest.mark.parametrize("value", ["text", 5, None, {"a": 1}, True, []])
    @pytest.mark.parametrize("name", ["note", "seen"])
    def test_a_member_of_that_name_is_ignored(self, name, value):
        shelf = Codec().decode(encoded({"name": "n", "things": [], name: value}), Shelf)
        assert shelf == Shelf(name="n", things=())

    def test_it_is_not_sent(self):
        assert Codec().encode(Shelf(name="n", things=(), note="x")) == b'{"name":"n","things":[]}'

    def test_the_fast_tier_reads_such_a_class_at_the_root_alone(self):
        @attrs.frozen(kw_only=True)
        class Outer:
            shelf: Shelf

        codec = Codec()
        codec.decode(encoded({"name": "n", "things": []}), Shelf)
        assert codec._decoders[Shelf] is not None
        inner = {"name": "n", "things": [], "note": "x"}
        assert codec.decode(encoded({"shelf": inner}), Outer).shelf.note is None
