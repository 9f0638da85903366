"""Operations on the wire: path, query and body, to the byte."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any, ClassVar, TypeVar

import attrs
import pytest

from eguma_async.core.codec import Codec
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.listing import Listing
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import IN_PATH, Operation, in_query
from eguma_async.eguma.ticketing.bookings import BookTickets, CancelBooking
from eguma_async.eguma.ticketing.items import TicketItem
from eguma_async.eguma.ticketing.orders import ListOrders, Order
from eguma_async.eguma.ticketing.products import ListProducts
from eguma_async.eguma.ticketing.reservations import ReserveTickets
from eguma_async.eguma.ticketing.tickets import CheckInTicket
from tests.support.calls import BOOK, CUSTOMER, SLOT, slots_of

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Mixed(Operation[dict[str, str]]):
    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/{shelf}/{book_id}.json"
    REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT

    shelf: str = attrs.field(metadata=IN_PATH)
    book_id: str = attrs.field(metadata=IN_PATH)
    day: date | None = attrs.field(default=None, metadata=in_query("from"))
    count: int | None = attrs.field(default=None, metadata=in_query("n"))
    title: str | None = None
    pages: int = 1


def body(operation: Operation[Any]) -> bytes:
    return Codec().encode(operation)


def test_what_goes_into_the_path_is_quoted():
    operation = Mixed(shelf="a/../b", book_id="c?d=e#f%2F {shelf} ü\r\n")
    assert operation.path() == (
        "/v1/a%2F..%2Fb/c%3Fd%3De%23f%252F%20%7Bshelf%7D%20%C3%BC%0D%0A.json"
    )


def test_fields_go_where_they_are_marked_to_go():
    operation = Mixed(shelf="s", book_id="1", day=date(2026, 3, 1), count=0, title="t", pages=2)
    assert operation.path() == "/v1/s/1.json"
    assert operation.query() == (("from", "2026-03-01"), ("n", "0"))
    assert body(operation) == b'{"title":"t","pages":2}'


def test_none_is_left_out_of_query_and_body_but_a_default_is_sent():
    operation = Mixed(shelf="s", book_id="1")
    assert operation.query() == ()
    assert body(operation) == b'{"pages":1}'


def test_dates_and_times_in_the_query():
    assert slots_of("p1").query() == (("from", "2026-03-01"), ("to", "2026-03-02"))
    asked = ListOrders(updated_at_after=datetime(2026, 3, 1, 8, 5, 7, 999), last_name="O'Ö & Co")
    assert asked.query() == (
        ("updated_at_after", "2026-03-01T08:05:07"),
        ("last_name", "O'Ö & Co"),
    )


def test_only_operations_with_body_fields_have_a_body():
    kinds: dict[type[Operation[Any]], bool] = {
        ListProducts: False,
        ListOrders: False,
        CheckInTicket: False,
        BookTickets: True,
        ReserveTickets: True,
        CancelBooking: True,
        Mixed: True,
    }
    assert {kind: kind.plan().has_body for kind in kinds} == kinds


def test_the_bytes_of_a_booking():
    full = attrs.evolve(BOOK, reservation_id="r1", language="de")
    assert body(full) == (
        b'{"reservation_id":"r1","product_id":"p1","starts_at":"2026-03-19T10:00:00",'
        b'"items":[{"category_id":"adult","quantity":2}],'
        b'"customer":{"first_name":"Canary-Ada","last_name":"Canary-Lovelace",'
        b'"email":"canary@example.com"},"language":"de"}'
    )


def test_the_bytes_of_a_booking_without_what_may_be_left_out():
    assert body(BOOK) == (
        b'{"product_id":"p1","starts_at":"2026-03-19T10:00:00",'
        b'"items":[{"category_id":"adult","quantity":2}],'
        b'"customer":{"first_name":"Canary-Ada","last_name":"Canary-Lovelace",'
        b'"email":"canary@example.com"}}'
    )


def test_a_day_slot_may_be_named_by_its_date():
    held = ReserveTickets(
        product_id="p1", starts_at=date(2026, 3, 19), items=[TicketItem("adult", 1)]
    )
    assert b'"starts_at":"2026-03-19"' in body(held)


def test_equal_operations_give_equal_bytes():
    twin = BookTickets(
        product_id="p1", starts_at=SLOT, items=[TicketItem("adult", 2)], customer=CUSTOMER
    )
    assert twin == BOOK
    assert hash(twin) == hash(BOOK)
    assert body(twin) == body(BOOK)


def test_an_operation_does_not_show_the_customer():
    assert "canary" not in repr(BOOK).lower()
    assert "canary" not in repr(ListOrders(last_name="canary"))


@pytest.mark.parametrize("bad", ["", "a/b", "a b", "../x", "a\r\n", "ü", "x" * 65, 5, None])
def test_an_id_is_checked_before_it_reaches_the_path(bad):
    with pytest.raises(ConfigurationError, match="product_id must be an id"):
        slots_of(bad)


def test_only_a_completing_operation_says_so():
    assert BookTickets.plan().completes
    assert not CheckInTicket.plan().completes


def test_what_an_operation_returns_follows_from_its_type_argument():
    assert dict[str, str] == Mixed.RETURNS
    assert Listing[Order] == ListOrders.RETURNS


def test_a_base_may_leave_open_what_is_returned():
    class Base(Operation[T]):
        METHOD: ClassVar[str] = "GET"

    class Leaf(Base[int]):
        PATH: ClassVar[str] = "/v1/leaf.json"
        REPEAT: ClassVar[Repeat] = Repeat.READ

    assert not hasattr(Base, "RETURNS")
    assert Leaf.RETURNS is int


def test_a_second_word_on_what_is_returned_is_refused():
    with pytest.raises(TypeError, match="Wrong: RETURNS follows from the type argument"):

        class Wrong(Operation[int]):
            RETURNS: ClassVar = str


def test_an_operation_that_lacks_something_says_what():
    @attrs.frozen(kw_only=True)
    class Vague(Operation):  # type: ignore[type-arg]  # which says nothing of it
        PATH: ClassVar[str] = "/v1/vague.json"

    with pytest.raises(ConfigurationError, match="Vague must define METHOD, REPEAT, RETURNS"):
        Vague().path()


STARTS = ["2026-03-19", "2026-03-19T10:00:00", "2026-03-19T10:00:00+01:00", "2026-03-19T10:00:00.0"]


@pytest.mark.parametrize("start", STARTS)
def test_an_operation_comes_back_from_json_and_is_sent_to_the_letter(start):
    codec = Codec()
    raw = {**codec.converter.unstructure(BOOK), "starts_at": start}
    twin = codec.converter.structure(raw, BookTickets)
    assert codec.converter.unstructure(twin) == raw
    assert attrs.evolve(twin, starts_at=SLOT) == BOOK
