"""``eguma reserve`` and ``eguma release``."""

from __future__ import annotations

from typing import Annotated

from cyclopts import App, Parameter

from eguma_async.cli.dry_run import DryRunOption
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import clean, plain, print_json, say, span

from .options import DEFAULT_API, Api, ItemOption, open_session, slot_start, ticket_items


async def reserve(
    product: Annotated[str, Parameter(help="Id of a product.")],
    starts_at: Annotated[str, Parameter(help="Start of a slot as `availabilities` lists it.")],
    /,
    *,
    item: ItemOption,
    dry_run: DryRunOption = False,
    api: Api = DEFAULT_API,
) -> None:
    """Hold places for 60 minutes."""
    start, items = slot_start(starts_at), ticket_items(item)
    async with open_session(api, dry_run=dry_run) as session:
        held = await session.ticketing.reservations.create(
            product_id=product, starts_at=start, items=items
        )
    if api.json:
        print_json({**plain(held), "expires_at_utc": held.expires_at_utc.isoformat()})
        return
    print_table(
        "Places held",
        ("Reservation", "Expires at", "Left"),
        [(held.reservation_id, held.expires_at.isoformat(), span(held.length))],
    )
    if not api.sandbox:  # which ends with the command
        id_ = clean(held.reservation_id)
        say(
            f"Book them: repeat this with `eguma book` and --reservation {id_}."
            f" Give them back: eguma release {id_}"
        )


async def release(
    reservation: Annotated[str, Parameter(help="Id of a reservation.")],
    /,
    *,
    dry_run: DryRunOption = False,
    api: Api = DEFAULT_API,
) -> None:
    """Give held places back."""
    async with open_session(api, dry_run=dry_run) as session:
        released = await session.ticketing.reservations.cancel(reservation)
    if api.json:
        print_json(released)
    else:
        print_table("Places given back", ("Reservation",), [(released.reservation_id,)])


def add_to(app: App) -> None:
    """Add the commands of this module."""
    app.command(reserve)
    app.command(release)
