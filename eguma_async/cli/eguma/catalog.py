"""Commands that only read: products, availabilities, orders."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.options import (
    DEFAULT_API,
    Api,
    FromOption,
    ToOption,
    day_range,
    open_session,
    wall_clock,
)
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import money, print_json, say

if TYPE_CHECKING:
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList
    from eguma_async.eguma.ticketing.orders import Order
    from eguma_async.eguma.ticketing.products import Category, ProductList


async def products(*, api: Api = DEFAULT_API) -> None:
    """List the products the key may sell, with their categories."""
    async with open_session(api) as session:
        catalogue = await session.ticketing.products.list()
    if api.json:
        print_json(catalogue)
        return
    print_table(
        f"{catalogue.company_name} ({catalogue.currency or 'currency unknown'})",
        ("Product", "Name", "Slots", "Active", "Category", "Category name", "Ages"),
        _product_rows(catalogue),
    )


def _product_rows(catalogue: ProductList) -> Iterator[tuple[str, ...]]:
    for product in catalogue.products:
        active = "yes" if product.is_active else "no"
        head = (product.id, product.name, str(product.slot_type.value), active)
        for category in product.categories:
            yield (*head, category.id, category.name, _ages(category))
        if not product.categories:
            yield (*head, "-", "-", "-")


def _ages(category: Category) -> str:
    match category.age_from, category.age_to:
        case None, None:
            return "-"
        case None, upper:
            return f"to {upper}"
        case lower, None:
            return f"from {lower}"
        case lower, upper:
            return f"{lower} to {upper}"


async def availabilities(
    product: Annotated[str, Parameter(help="Id of a product.")],
    /,
    *,
    first: FromOption = None,
    last: ToOption = None,
    api: Api = DEFAULT_API,
) -> None:
    """List the slots of a product with what is left and the prices."""
    from_date, to_date = day_range(first, last)
    async with open_session(api) as session:
        slots = await session.ticketing.availabilities.list(
            product, from_date=from_date, to_date=to_date
        )
    if api.json:
        print_json(slots)
        return
    if not slots.availabilities:
        say(f"No slots from {from_date} to {to_date}.")
    print_table(
        f"{slots.company_name}: {slots.product_name}",
        ("Starts at", ">Left", "Closes at", "Category", ">Price"),
        _slot_rows(slots),
    )


def _slot_rows(slots: AvailabilityList) -> Iterator[tuple[str, ...]]:
    for slot in slots.availabilities:
        left = "unlimited" if slot.availability_count is None else str(slot.availability_count)
        closes = "-" if slot.closing_at is None else slot.closing_at.isoformat()
        head = (slot.starts_at.isoformat(), left, closes)
        for price in slot.prices:
            yield (*head, price.category_id, money(price.price_in_cents, slots.currency))
        if not slot.prices:
            yield (*head, "-", "-")


async def orders(
    *,
    updated_after: Annotated[
        str | None, Parameter(help="Changed at this local time or later, 2026-03-19[T10:00:00].")
    ] = None,
    updated_before: Annotated[str | None, Parameter(help="Changed before this local time.")] = None,
    order_number: Annotated[str | None, Parameter(help="Exactly this number.")] = None,
    last_name: Annotated[str | None, Parameter(help="Exactly this last name.")] = None,
    api: Api = DEFAULT_API,
) -> None:
    """List orders, made through the API, in the web shop and at the desk."""
    after = _moment(updated_after, "--updated-after")
    before = _moment(updated_before, "--updated-before")
    async with open_session(api) as session:
        found = await session.ticketing.orders.list(
            updated_at_after=after,
            updated_at_before=before,
            order_number=order_number,
            last_name=last_name,
        )
    if api.json:
        print_json(found)
        return
    print_table(
        f"{len(found)} orders",
        ("Order", "Number", "Status", "Updated at", "Product", "Starts at", ">Tickets", ">Total"),
        map(_order_row, found),
    )


def _moment(text: str | None, name: str) -> datetime | None:
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
    """Add the commands of this module."""
    app.command(products)
    app.command(availabilities)
    app.command(orders)
