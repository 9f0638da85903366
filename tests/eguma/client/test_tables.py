"""The tables of exports: the rows of slots and orders, and what they are asked for wrongly."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from eguma_async import (
    AsyncSession,
    Availability,
    AvailabilityList,
    CategoryPrice,
    ListOrders,
    OrderReplica,
    SlotType,
)
from eguma_async.calendars import DayState
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.listing import Listing, UnreadableElement
from eguma_async.core.scalars import WrittenDatetime
from eguma_async.exports import ColumnType, Table, export
from eguma_async.sandbox import EgumaSandbox, Reply
from eguma_async.sync import MemoryOrders
from eguma_async.ticketing import tables
from eguma_async.ticketing.calendar import availability_calendar

ALL: tuple[Table[Any], ...] = (
    tables.AVAILABILITIES,
    tables.ORDERS,
    tables.ORDER_LINES,
    tables.TICKETS,
    tables.PAYMENTS,
)
DAY = date(2026, 12, 1)


def slot(hour: int = 9, count: int | None = 5, **more: Any) -> Availability:
    return Availability(
        slot_type=SlotType(more.pop("slot_type", "time")),
        starts_at=more.pop("starts_at", datetime(2026, 12, 1, hour)),
        availability_count=count,
        prices=more.pop("prices", (CategoryPrice(category_id="adult", price_in_cents=4500),)),
        **more,
    )


def slots(*found: Availability, unreadable: Any = ()) -> AvailabilityList:
    return AvailabilityList(
        company_name="M",
        product_name="P",
        currency="CHF",
        availabilities=Listing(found, unreadable),
    )


def rows(table: Table[Any], element: Any) -> list[dict[str, Any]]:
    return [dict(zip(table.names, row, strict=True)) for row in table.rows(element)]


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_columns_are_documented_and_named_once(table: Table[Any]) -> None:
    assert len(set(table.names)) == len(table.names)
    for column in table.columns:
        assert column.meaning.endswith(".")
        assert column.name == column.name.lower()
    if any(column.type is ColumnType.CENTS for column in table.columns):
        assert "currency" in table.names


def test_a_slot_has_a_row_for_each_category() -> None:
    prices = (
        CategoryPrice(category_id="adult", price_in_cents=4500, min_quantity=1, max_quantity=9),
        CategoryPrice(category_id="child", price_in_cents=None, allow_zero_quantity=True),
    )
    found = slot(prices=prices, closing_at=datetime(2026, 12, 1, 8))

    first, second = tables.AVAILABILITIES.rows(("p", slots(found)))

    head = ("p", "P", "M", "CHF", "time", datetime(2026, 12, 1, 9), datetime(2026, 12, 1, 8), 5)
    assert first == (*head, "adult", 4500, 1, 9, False)
    assert second == (*head, "child", None, None, None, True)


def test_unlimited_places_are_null_and_never_zero() -> None:
    none, zero = rows(tables.AVAILABILITIES, ("p", slots(slot(count=None), slot(count=0))))

    assert (none["availability_count"], zero["availability_count"]) == (None, 0)


def test_a_slot_without_categories_has_a_row() -> None:
    (row,) = rows(tables.AVAILABILITIES, ("p", slots(slot(prices=()))))

    assert (row["availability_count"], row["category_id"]) == (5, None)


def test_an_unknown_type_is_as_the_server_wrote_it() -> None:
    (row,) = rows(tables.AVAILABILITIES, ("p", slots(slot(slot_type="week"))))

    assert row["slot_type"] == "week"


def test_a_start_with_a_zone_is_in_the_merchants_clock() -> None:
    written = WrittenDatetime.of(datetime(2026, 12, 1, 8, tzinfo=UTC), "2026-12-01T08:00:00.0Z")
    (row,) = rows(tables.AVAILABILITIES, ("p", slots(slot(starts_at=written))))

    assert row["starts_at"] == datetime(2026, 12, 1, 9)


@pytest.mark.parametrize("wrong", [slots(slot()), ("p",), (1, slots()), "p"])
def test_a_list_of_an_unknown_product_is_refused(wrong: object) -> None:
    for work in (tables.AVAILABILITIES.rows, tables.AVAILABILITIES.unreadable):
        with pytest.raises(ConfigurationError, match=r"pairs \(product_id, slots\)"):
            tuple(work(wrong))  # type: ignore[arg-type]


async def test_unreadable_slots_are_counted(tmp_path: Path) -> None:
    bad = UnreadableElement(index=1, problems=("required field missing @ $.starts_at",), raw={})

    report = await export(
        [("p", slots(slot(), unreadable=(bad,)))], tables.AVAILABILITIES, tmp_path / "s.csv"
    )

    assert (report.rows, report.unreadable, report.problems) == (1, 1, bad.problems)


async def test_a_fan_out_becomes_a_file(tmp_path: Path) -> None:
    sandbox = EgumaSandbox()
    product, file = sandbox.example("time").product_id, tmp_path / "s.parquet"
    first = sandbox.today() + timedelta(days=5)
    async with AsyncSession(sandbox.demo_key, transport=sandbox.transport()) as session:
        outcomes = session.ticketing.availabilities.fan_out(
            [product, "gone"], from_date=first, to_date=first + timedelta(days=2)
        )
        report = await export(outcomes, tables.AVAILABILITIES, file)
        listed = await session.ticketing.availabilities.list(
            product, from_date=first, to_date=first + timedelta(days=2)
        )

    assert report.failed == 1
    read = pyarrow.parquet.read_table(file).to_pylist()
    assert read == rows(tables.AVAILABILITIES, (product, listed))
    assert len(read) == report.rows > 0


@pytest.mark.parametrize("table", ALL[1:], ids=lambda table: table.name)
async def test_orders_become_files(tmp_path: Path, table: Table[Any]) -> None:
    sandbox, file = EgumaSandbox(), tmp_path / "o.parquet"
    async with AsyncSession(sandbox.demo_key, transport=sandbox.transport()) as session:
        listed = await session.ticketing.orders.list()
        report = await export(session.ticketing.orders.stream(), table, file)

    expected = [row for order in listed for row in rows(table, order)]
    read = pyarrow.parquet.read_table(file).to_pylist()
    assert [
        {name: tuple(cell) if isinstance(cell, list) else cell for name, cell in row.items()}
        for row in read
    ] == expected
    assert (report.elements, report.rows) == (len(listed), len(expected))


async def test_an_order_that_cannot_be_read_is_counted_and_hides_no_other(tmp_path: Path) -> None:
    sandbox = EgumaSandbox()
    async with AsyncSession(sandbox.demo_key, transport=sandbox.transport()) as session:
        _, response = await session.exchange(ListOrders())
        body = response.body.replace(b'"order_number"', b'"order_numbr"', 1)
        sandbox.faults.add(Reply(200, body=body, path="*/orders.json"))
        report = await export(session.ticketing.orders.stream(), tables.ORDERS, tmp_path / "o.csv")

    assert (report.elements, report.unreadable) == (1, 1)
    assert report.problems == ("required field missing @ $.order_number",)


async def test_a_replica_may_be_exported(tmp_path: Path) -> None:
    sandbox = EgumaSandbox()
    async with (
        AsyncSession(
            sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock
        ) as session,
        OrderReplica(session, MemoryOrders()) as replica,
    ):
        await replica.sync()
        report = await export(replica.orders(), tables.ORDERS, tmp_path / "o.csv")

    assert (report.rows, report.is_complete) == (len(sandbox.orders()), True)


def test_without_customers_nothing_tells_who_they_are() -> None:
    kept = set(tables.ORDERS.without_private().names)

    assert "grand_total_in_cents" in kept
    assert not {name for name in kept if name.startswith("customer_")} | (kept & {"note"})
    assert "ticket_number" not in tables.TICKETS.without_private().names
    assert [table.is_private for table in ALL] == [False, True, False, True, False]


def test_a_calendar_goes_by_the_merchants_clock_and_by_minimum_quantities() -> None:
    group = (CategoryPrice(category_id="group", price_in_cents=1, min_quantity=10),)
    found = slots(
        slot(9, 50, closing_at=datetime(2026, 12, 1, 8)),
        slot(11, 30),
        slot(12, 9, prices=group),
        slot(15, None, starts_at=datetime(2026, 12, 2, 15)),
    )

    calendar = availability_calendar(
        found,
        from_date=DAY,
        to_date=DAY + timedelta(days=2),
        now=datetime(2026, 12, 1, 7, 0, tzinfo=UTC),  # 08:00 there
    )

    first, second, third = calendar.days
    assert calendar.title == "M: P"
    assert (first.state, first.places, first.bookable, first.slots) == (DayState.FREE, 30, 1, 3)
    assert (second.state, second.places) == (DayState.FREE, None)
    assert third.state is DayState.CLOSED
