"""``eguma availabilities``: the slots of products, as tables, as an export, as a calendar."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from eguma_async.cli.errors import Exit, Stop, exit_code, explain, usage
from eguma_async.cli.exporting import (
    DEFAULT_FORM,
    DayOrFileOption,
    Form,
    Target,
    ToFileOption,
    days_and_file,
    sum_up,
    target_of,
    write_export,
)
from eguma_async.cli.progress import fan_out_bar
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import clean, moment, money, print_json, say, say_unreadable, stock

from . import calendar
from .options import DEFAULT_API, Api, FromOption, day_range, open_session
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.core.fan_out import Outcome
    from eguma_async.core.operation import Operation
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList


async def availabilities(
    product: Annotated[str, Parameter(help="Id of a product.")],
    /,
    *more: Annotated[str, Parameter(help="Ids of others.")],
    first: FromOption = None,
    to: DayOrFileOption = None,
    to_file: ToFileOption = None,
    form: Form = DEFAULT_FORM,
    drawn: calendar.Drawn = calendar.NOT_DRAWN,
    api: Api = DEFAULT_API,
) -> None:
    """List the slots of products with what is left and the prices.

    The last day is seven days after the first if --to does not name it. With --format, or a file
    that ends in .csv, .jsonl or .parquet, it exports one row for each category of each slot, with
    its price; an empty availability_count means unlimited places.
    """
    products = (product, *more)
    last, file = days_and_file(to, to_file)
    if drawn.calendar or drawn.to_svg is not None:
        drawing = calendar.checked(drawn, products, file, form, json=api.json)
        await calendar.draw(drawing, product, first, last, api)
        return
    from_date, to_date = day_range(first, last)
    target = target_of(file, form, json=api.json)
    if target is not None:
        await _export(products, from_date, to_date, target, api)
    elif not more:
        await _show(product, from_date, to_date, api)
    else:
        await _show_several(products, from_date, to_date, api)


async def _show(product: str, from_date: date, to_date: date, api: Api) -> None:
    async with open_session(api) as session:
        slots = await session.ticketing.availabilities.list(
            product, from_date=from_date, to_date=to_date
        )
    say_unreadable(slots.availabilities)
    if api.json:
        print_json(slots)
        return
    _print(slots, from_date, to_date)


def _print(slots: AvailabilityList, from_date: date, to_date: date) -> None:
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


async def _show_several(
    products: tuple[str, ...], from_date: date, to_date: date, api: Api
) -> None:
    """Print a table for each product, in their order; those that fail do not hide the others."""
    if api.json:
        raise usage("--json shows one product; for several take --format jsonl, or `eguma fanout`")
    failures: list[Outcome[AvailabilityList]] = []
    async with open_session(api) as session:
        outcomes = session.ticketing.availabilities.fan_out(
            products, from_date=from_date, to_date=to_date, ordered=True
        )
        async for outcome in outcomes:
            if outcome.value is None:
                failures.append(outcome)
                continue
            say_unreadable(outcome.value.availabilities)
            _print(outcome.value, from_date, to_date)
    for each in failures:
        if each.error is not None:
            say(f"{clean(_product_of(each.operation))}: {explain(each.error, ADVICE)}")
    codes = {exit_code(each.error) for each in failures if each.error is not None}
    if codes:
        code = codes.pop() if len(codes) == 1 else Exit.FAILURE
        raise Stop(f"{len(failures)} of {len(products)} failed", code)


async def _export(
    products: tuple[str, ...], from_date: date, to_date: date, target: Target, api: Api
) -> None:
    from eguma_async.eguma.ticketing.tables import AVAILABILITIES

    async with open_session(api) as session:
        with fan_out_bar("availabilities") as show:
            outcomes = session.ticketing.availabilities.fan_out(
                products, from_date=from_date, to_date=to_date, on_progress=show
            )
            report = await write_export(outcomes, AVAILABILITIES, target)
    sum_up(report, target, json=api.json, advice=ADVICE, of=_product_of)


def _product_of(operation: Operation[Any]) -> str:
    return str(getattr(operation, "product_id", ""))


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(availabilities)
