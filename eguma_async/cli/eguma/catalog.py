"""Commands that read what is for sale: products, availabilities."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.tables import print_table
from eguma_async.cli.text import moment, money, print_json, say, say_unreadable, stock

from .options import DEFAULT_API, Api, FromOption, ToOption, day_range, open_session

if TYPE_CHECKING:
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList
    from eguma_async.eguma.ticketing.products import Category, ProductList


async def products(*, api: Api = DEFAULT_API) -> None:
    """List the products the key may sell, with their categories."""
    async with open_session(api) as session:
        catalogue = await session.ticketing.products.list()
    say_unreadable(catalogue.products)
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
    say_unreadable(slots.availabilities)
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
        left = stock(slot.availability_count)
        head = (moment(slot.starts_at), left, moment(slot.closing_at))
        for price in slot.prices:
            yield (*head, price.category_id, money(price.price_in_cents, slots.currency))
        if not slot.prices:
            yield (*head, "-", "-")


def add_to(app: App) -> None:
    """Add the commands of this module."""
    app.command(products)
    app.command(availabilities)
