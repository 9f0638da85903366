"""Lists over pages, on a toy provider: what ends them, what is handed on, and what is told."""

from __future__ import annotations

import asyncio
from typing import Any, ClassVar

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.errors import (
    DecodingError,
    IncompleteListError,
    NotSentError,
    SessionStateError,
)
from eguma_async.core.listing import Listing, UnreadableElement
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, in_query
from eguma_async.pipeline.pages import IDLE_PAGES, REMEMBERED, Pager


@attrs.frozen(kw_only=True)
class ToyPage:
    items: tuple[str, ...]
    total_items: int | None = None
    next_link: str | None = None
    own_link: str | None = None


@attrs.frozen(kw_only=True)
class ListToys(Operation[ToyPage]):
    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/toys"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    page: str = attrs.field(default="1", metadata=in_query("page"))


def name_of(element):
    name = element.raw if isinstance(element, UnreadableElement) else element
    return None if name.startswith("?") else name


def follow(link):
    return ListToys(page=link.partition("page=")[2])


class Shelf:
    """Serves its toys, so many on a page; a step may change them between two pages."""

    def __init__(self, toys, size, *, changes=(), totals=True):
        self.toys = list(toys)
        self.size = size
        self.changes = list(changes)
        self.totals = totals
        self.asked = 0

    async def send(self, operation):
        if self.asked and self.changes:
            self.changes.pop(0)(self.toys)
        self.asked += 1
        number = int(operation.page)
        start = (number - 1) * self.size
        more = start + self.size < len(self.toys)
        return ToyPage(
            items=tuple(self.toys[start : start + self.size]),
            total_items=len(self.toys) if self.totals else None,
            next_link=f"/toys?page={number + 1}" if more else None,
            own_link=f"/toys?page={number}",
        )


def pages(*steps):
    """A sender whose pages are given as keyword arguments."""
    left = list(steps)

    async def send(operation):
        return ToyPage(**left.pop(0))

    return send


def pager(send):
    return Pager(send, ListToys(), follow, name_of)


async def read(send):
    found = []
    listed = pager(send)
    try:
        async for toy in listed:
            found.append(toy)
    except DecodingError as error:
        return found, error
    return found, None


NEXT = {"next_link": "/toys?page=2"}


@given(
    st.lists(st.integers(), unique=True, max_size=40),
    st.integers(1, 7),
    st.booleans(),
    st.lists(st.tuples(st.booleans(), st.integers(0, 9)), max_size=8),
)
async def test_what_is_there_all_the_time_is_handed_on_exactly_once(toys, size, totals, added):
    # However much is put before it or behind it meanwhile.
    toys = [str(toy) for toy in toys]
    fresh = iter(range(1000))

    def change(front, count):
        def put(shelf):
            new = [f"new-{next(fresh)}" for _ in range(count)]
            shelf[:] = [*new, *shelf] if front else [*shelf, *new]

        return put

    shelf = Shelf(toys, size, totals=totals, changes=[change(*step) for step in added])
    found, error = await read(shelf.send)
    assert error is None
    assert [toy for toy in found if not toy.startswith("new")] == toys
    assert len(found) == len(set(found))


@given(st.lists(st.integers(0, 5), min_size=1, max_size=8), st.integers(0, 40))
async def test_a_list_is_complete_or_says_that_it_is_not(sizes, total):
    # Pages of any sizes, empty ones among them.
    names = iter(f"toy-{number}" for number in range(1000))
    content = [tuple(next(names) for _ in range(size)) for size in sizes]
    steps = [
        {"items": items, "total_items": total, "next_link": f"/toys?page={number + 2}"}
        for number, items in enumerate(content)
    ]
    steps[-1]["next_link"] = None
    found, error = await read(pages(*steps))
    came = sum(sizes)
    if came < total:
        assert isinstance(error, IncompleteListError)
        assert (error.announced, error.read, len(found)) == (total, came, came)
    else:
        assert error is None
        assert len(found) >= total


async def test_an_error_at_the_end_comes_after_all_there_is():
    found, error = await read(pages({"items": ("a",), "total_items": 3}))
    assert found == ["a"]
    assert (error.announced, error.read, error.operation) == (3, 1, "ListToys")
    assert str(error) == "ListToys: the list ended early: 3 elements announced, 1 came"
    assert not error.outcome_unknown


async def test_who_stops_reading_is_told_nothing():
    send = pages({"items": ("a", "b"), "total_items": 9})
    listed = pager(send)
    async for toy in listed:
        assert toy == "a"
        break
    assert await pager(pages({"items": ("a", "b"), "total_items": 9})).first() == "a"


async def test_a_list_that_is_announced_and_empty_has_no_first_element_in_silence():
    with pytest.raises(IncompleteListError):
        await pager(pages({"items": (), "total_items": 2})).first()
    assert await pager(pages({"items": (), "total_items": 0})).first() is None


@pytest.mark.parametrize(("totals", "complete"), [((4, 3), True), ((3, 4), True), ((4, 4), False)])
async def test_the_least_that_was_ever_announced_must_come(totals, complete):
    # One was removed, or added in front, while the list was read.
    first = {"items": ("a", "b"), "total_items": totals[0], **NEXT}
    _, error = await read(pages(first, {"items": ("b", "c"), "total_items": totals[1]}))
    assert (error is None) == complete


async def test_a_row_that_stands_on_one_page_twice_is_handed_on_once_and_counted_as_announced():
    found, error = await read(pages({"items": ("a", "a", "b"), "total_items": 3}))
    assert (found, error) == (["a", "b"], None)


class Late(Shelf):
    """A shelf whose second page does not come the first time."""

    async def send(self, operation):
        if operation.page == "2" and not hasattr(self, "late"):
            self.late = True
            await asyncio.Event().wait()
        return await super().send(operation)


@pytest.mark.parametrize("what", ["elements", "pages"])
async def test_a_page_that_is_not_there_in_time_is_asked_for_again(what):
    shelf = Late("abcdef", 2)
    toys = pager(shelf.send)
    reading = aiter(toys) if what == "elements" else toys.pages()
    found: list[Any] = []
    while len(found) < (2 if what == "elements" else 1):
        found.append(await anext(reading))
    waiting = asyncio.create_task(anext(reading))
    while not hasattr(shelf, "late"):
        await asyncio.sleep(0)
    with pytest.raises(SessionStateError, match="another task waits"):
        await anext(reading)
    waiting.cancel()
    await asyncio.wait({waiting})
    found += [each async for each in reading]
    assert (found if what == "elements" else [i for p in found for i in p.items]) == list("abcdef")
    with pytest.raises(StopAsyncIteration):
        await anext(reading)


async def test_a_page_that_fails_can_be_asked_for_again():
    shelf, failures = Shelf("abcd", 2), [NotSentError("no route")]

    async def send(operation):
        if operation.page == "2" and failures:
            raise failures.pop()
        return await shelf.send(operation)

    reading = aiter(pager(send))
    found = [await anext(reading), await anext(reading)]
    with pytest.raises(NotSentError):
        await anext(reading)
    assert found + [each async for each in reading] == list("abcd")


async def test_rows_without_a_name_are_all_handed_on():
    found, error = await read(pages({"items": ("?x", "?x"), **NEXT}, {"items": ("?x",)}))
    assert (found, error) == (["?x", "?x", "?x"], None)


async def test_an_endless_list_of_empty_pages_is_given_up():
    asked = 0

    async def send(operation):
        nonlocal asked
        asked += 1
        return ToyPage(items=(), next_link=f"/toys?page={asked + 1}")

    found, error = await read(send)
    assert found == []
    assert isinstance(error, IncompleteListError)
    assert error.problems == (f"{IDLE_PAGES} pages in a row with nothing new",)
    assert (asked, error.announced) == (IDLE_PAGES, None)


async def test_a_server_that_gives_the_first_page_for_every_number_is_noticed():
    asked = 0

    async def send(operation):
        nonlocal asked
        asked += 1
        return ToyPage(items=("a", "b"), total_items=5, next_link=f"/toys?page={asked + 1}")

    found, error = await read(send)
    assert found == ["a", "b"]
    assert (error.announced, error.read, asked) == (5, 2, IDLE_PAGES + 1)


async def test_a_complete_list_that_goes_on_with_empty_pages_ends():
    first = {"items": ("a",), "total_items": 1, **NEXT}
    again = {"items": (), "total_items": 1, "next_link": "/toys?page=3"}
    assert await read(pages(first, again)) == (["a"], None)


async def test_a_loop_of_links_ends():
    steps = (
        {"items": ("a",), "next_link": "/toys?page=2", "own_link": "/toys?page=1"},
        {"items": ("b",), "next_link": "/toys?page=3"},
        {"items": ("c",), "next_link": "/toys?page=2"},
    )
    assert await read(pages(*steps)) == (["a", "b", "c"], None)


async def test_what_cannot_be_read_stands_beside_the_rest():
    def bad(name):
        return UnreadableElement(index=0, problems=("wrong",), raw=name)

    one, again, other = bad("a"), bad("a"), bad("?")
    send = pages(
        {"items": Listing(("b",), (one,)), "total_items": 3, **NEXT},
        {"items": Listing(("c",), (again, other)), "total_items": 3},
        {"items": ("d",)},
    )
    listed = pager(send)
    assert listed.unreadable == ()
    # The unreadable ones count, so that nothing seems to be missing.
    assert [toy async for toy in listed] == ["b", "c"]
    assert listed.unreadable == (one, other)
    assert [toy async for toy in listed] == ["d"]
    assert listed.unreadable == ()


async def test_what_is_remembered_is_bounded():
    names = [str(number) for number in range(2 * REMEMBERED)]
    shelf = Shelf([*names, names[0], names[-1]], 50, totals=False)
    listed = pager(shelf.send)
    found = [toy async for toy in listed]
    assert found == [*names, names[0]]
