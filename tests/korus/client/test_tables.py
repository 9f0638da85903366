"""The tables of exports: the rows of offers and orders."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow.parquet
import pytest

from eguma_async.exports import Table, export
from eguma_async.korus import Order, tables
from eguma_async.korus.booking.order_models import (
    Beneficiary,
    OrderCustomer,
    OrderItem,
    OrderTicket,
)
from eguma_async.korus.booking.reservation_models import TicketSeating
from eguma_async.korus.json_ld import Iri

ALL: tuple[Table[Any], ...] = (tables.OFFERS, tables.ORDERS, tables.ORDER_ITEMS, tables.TICKETS)
PARIS = timezone(timedelta(hours=1))


def order(**more: Any) -> Order:
    ticket = OrderTicket(
        iri=Iri("/t/1"),
        voucher="V",
        occurs_at=datetime(2026, 12, 1, 20, tzinfo=PARIS),
        required_beneficiary_fields=("firstname",),
        beneficiary=Beneficiary(firstname="Ada"),
        seating=TicketSeating(row="12"),
    )
    item = OrderItem(
        product=Iri("/p/1"), unit_amount_incl_tax=Decimal("80.10"), date=date(2026, 12, 1),
        tickets=(ticket, OrderTicket(iri=Iri("/t/2"))),
    )  # fmt: skip
    return Order(
        iri=Iri("/o/1"),
        created_at=more.pop("created_at", datetime(2026, 11, 1, 9)),
        reference="R",
        reservation=Iri("/r/1"),
        total_amount_incl_tax=Decimal("160.20"),
        items=(item, OrderItem()),
        **more,
    )


def rows(table: Table[Any], element: Any) -> list[dict[str, Any]]:
    return [dict(zip(table.names, row, strict=True)) for row in table.rows(element)]


@pytest.mark.parametrize("table", ALL, ids=lambda table: table.name)
def test_columns_are_documented_and_named_once(table: Table[Any]) -> None:
    assert len(set(table.names)) == len(table.names)
    assert all(column.meaning.endswith(".") for column in table.columns)


def test_an_order_is_a_row() -> None:
    (row,) = rows(tables.ORDERS, order(customer=OrderCustomer(lastname="Lovelace", optin=False)))

    assert row["total_amount_incl_tax"] == Decimal("160.20")
    assert row["created_at"] == datetime(2026, 11, 1, 9, tzinfo=UTC)  # as the API documents
    assert (row["item_count"], row["ticket_count"], row["status"]) == (2, 2, None)
    assert (row["customer_lastname"], row["customer_email"], row["customer_optin"]) == (
        "Lovelace",
        None,
        False,
    )


def test_items_and_tickets_are_rows() -> None:
    first, second = rows(tables.ORDER_ITEMS, order())
    assert (first["item"], first["unit_amount_incl_tax"], first["ticket_count"]) == (
        1,
        Decimal("80.10"),
        2,
    )
    assert (second["item"], second["unit_amount_incl_tax"]) == (2, None)

    one, other = rows(tables.TICKETS, order())
    assert one["occurs_at"] == datetime(2026, 12, 1, 20, tzinfo=PARIS)
    assert (one["voucher"], one["beneficiary_firstname"], one["seat_row"]) == ("V", "Ada", "12")
    assert one["required_beneficiary_fields"] == ("firstname",)
    assert (other["ticket"], other["voucher"], other["seat_row"]) == ("/t/2", None, None)


def test_what_lets_somebody_in_is_private() -> None:
    assert [table.is_private for table in ALL] == [False, True, False, True]
    assert not {"voucher", "beneficiary_lastname"} & set(tables.TICKETS.without_private().names)


async def test_lists_in_pages_become_files(shop, john, tmp_path: Path) -> None:
    async with shop() as here:
        held = await here.session.reservations.create([here.item()])
        iri = held.reservations[0].iri
        await here.session.orders.create([iri], john, "A-1")
        found = [order async for order in here.session.orders.list()]
        for table in ALL[1:]:
            file = tmp_path / f"{table.name}.parquet"
            report = await export(here.session.orders.list(), table, file)

            expected = [row for order in found for row in rows(table, order)]
            read = pyarrow.parquet.read_table(file).to_pylist()
            assert [
                {n: tuple(c) if isinstance(c, list) else c for n, c in row.items()} for row in read
            ] == expected
            assert (report.rows, report.is_complete) == (len(expected), True)
            assert report.rows > 0


async def test_offers_become_a_file(shop, tmp_path: Path) -> None:
    async with shop() as here:
        catalogs = [catalog async for catalog in here.session.catalogs.list()]
        pager = here.session.offers.list(catalogs[0].iri)
        report = await export(pager, tables.OFFERS, tmp_path / "o.parquet")

    read = pyarrow.parquet.read_table(tmp_path / "o.parquet")
    assert str(read.schema.field("date").type) == "date32[day]"
    assert str(read.schema.field("amount_incl_tax").type) == "decimal128(38, 9)"
    assert report.rows == read.num_rows > 0
