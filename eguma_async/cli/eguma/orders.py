"""``eguma orders``."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from eguma_async.cli.errors import usage
from eguma_async.cli.exporting import (
    DEFAULT_FORM,
    FileOption,
    Form,
    NoCustomersOption,
    counting,
    sum_up,
    target_of,
    write_export,
)
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import counted, money, print_json, say_unreadable

from . import order_copy
from .options import DEFAULT_API, Api, open_session, wall_clock
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.eguma.ticketing.orders import Order
    from eguma_async.exports import Table


async def orders(
    *,
    updated_after: Annotated[
        str | None, Parameter(help="Changed at this local time or later, 2026-03-19[T10:00:00].")
    ] = None,
    updated_before: Annotated[str | None, Parameter(help="Changed before this local time.")] = None,
    order_number: Annotated[str | None, Parameter(help="Exactly this number.")] = None,
    last_name: Annotated[str | None, Parameter(help="Exactly this last name.")] = None,
    to: FileOption = None,
    rows: Annotated[
        Literal["orders", "lines", "tickets", "payments"] | None,
        Parameter(help="What an export has a row for; orders if not given."),
    ] = None,
    no_customers: NoCustomersOption = False,
    form: Form = DEFAULT_FORM,
    api: Api = DEFAULT_API,
) -> None:
    """List orders, made through the API, in the web shop and at the desk.

    With --format, or a file that ends in .csv, .jsonl or .parquet, it exports them, however many
    there are. Only its owner can read a file with customers or with tickets.
    """
    target = target_of(to, form, json=api.json)
    if target is None and (rows is not None or no_customers):
        raise usage("--rows and --no-customers go with an export: add --format or --to FILE")
    after = _wall_clock(updated_after, "--updated-after")
    before = _wall_clock(updated_before, "--updated-before")
    if target is not None:
        table = _table(rows or "orders", customers=not no_customers)
        async with open_session(api) as session:
            stream = session.ticketing.orders.stream(
                updated_at_after=after,
                updated_at_before=before,
                order_number=order_number,
                last_name=last_name,
            )
            with counting("order") as count:
                report = await write_export(stream, table, target, on_item=count)
        sum_up(report, target, json=api.json, advice=ADVICE)
        return
    async with open_session(api) as session:
        found = await session.ticketing.orders.list(
            updated_at_after=after,
            updated_at_before=before,
            order_number=order_number,
            last_name=last_name,
        )
    say_unreadable(found)
    if api.json:
        print_json(found)
        return
    print_table(
        counted(found, "order"),
        ("Order", "Number", "Status", "Updated at", "Product", "Starts at", ">Tickets", ">Total"),
        map(_order_row, found),
    )


def _table(rows: str, *, customers: bool) -> Table[Any]:
    from eguma_async.eguma.ticketing.tables import ORDER_LINES, ORDERS, PAYMENTS, TICKETS

    table = next(t for t in (ORDERS, ORDER_LINES, TICKETS, PAYMENTS) if t.name == rows)
    return table if customers else table.without_private()


def _wall_clock(text: str | None, name: str) -> datetime | None:
    return None if text is None else wall_clock(text, name)


def _order_row(order: Order) -> tuple[str, ...]:
    lines = order.order_lines
    starts = sorted({line.starts_at.isoformat() for line in lines if line.starts_at})
    return (
        order.id,
        order.order_number,
        str(order.status.value),
        order.updated_at.isoformat(),
        ", ".join(dict.fromkeys(line.name for line in lines)),
        ", ".join(starts) or "-",
        str(sum(len(line.tickets) for line in lines)),
        money(order.grand_total_in_cents, order.currency),
    )


def add_to(app: App) -> None:
    """Add the commands of this module: the list itself, and what is done with it as a whole."""
    listing = App(name="orders", help=orders.__doc__)
    listing.default(orders)
    order_copy.add_to(listing)
    app.command(listing)
