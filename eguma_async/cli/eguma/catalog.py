"""``eguma products``: what is for sale."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cyclopts import App

from eguma_async.cli.tables import print_table
from eguma_async.cli.text import print_json, say_unreadable

from .options import DEFAULT_API, Api, open_session

if TYPE_CHECKING:
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


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(products)
