"""``eguma korus reserve`` and ``reservations``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.dry_run import DryRun, DryRunOption
from eguma_async.cli.errors import Exit, Stop, usage
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import amount, clean, counted, moment, print_json, say, span

from .options import DEFAULT_API, Api, open_session, read_all

if TYPE_CHECKING:
    from eguma_async.korus import BulkReservations, OfferTicket, Reservation, TicketChoice


async def reserve(
    offer: Annotated[str, Parameter(help="IRI of an offer.")],
    /,
    *,
    quantity: Annotated[int, Parameter(help="How many units.")] = 1,
    session: Annotated[
        list[str] | None,
        Parameter(
            help="TICKET=SESSION, ids as `tickets` lists them; once for each ticket that needs it.",
            negative="",
            show_default=False,
        ),
    ] = None,
    dry_run: DryRunOption = False,
    api: Api = DEFAULT_API,
) -> None:
    """Hold an offer for some minutes, usually 15. It cannot be given back.

    With --dry-run, the tickets of the offer are read all the same: the request names them.
    """
    from eguma_async.korus import OfferItem

    chosen = _pairs(session or [])
    async with open_session(api, dry=DryRun(reads=True) if dry_run else None) as opened:
        tickets = [ticket async for ticket in opened.offers.tickets(offer)]
        item = OfferItem(offer, _choices(tickets, chosen), quantity)
        result = await opened.reservations.create([item])
        now = opened.clock.now()
    _show_held(result, now, api)


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    pairs = [text.split("=") for text in texts]
    if not all(len(pair) == 2 and all(pair) for pair in pairs):
        raise usage("--session must be TICKET=SESSION, ids as `eguma korus tickets` lists them")
    return {ticket.rpartition("/")[2]: slot.rpartition("/")[2] for ticket, slot in pairs}


def _choices(tickets: Sequence[OfferTicket], chosen: dict[str, str]) -> tuple[TicketChoice, ...]:
    """Choose a session for each ticket that needs one, and for no other."""
    from eguma_async.korus import TicketChoice

    unknown = chosen.keys() - {ticket.id for ticket in tickets}
    if unknown:
        raise usage(f"this offer has no ticket {clean(min(unknown))}; see `eguma korus tickets`")
    missing = [t.id for t in tickets if t.date_access is False and t.id not in chosen]
    if missing:
        raise usage(
            f"ticket {clean(missing[0])} needs --session TICKET=SESSION; see `eguma korus tickets`"
        )
    return tuple(
        TicketChoice(t.iri, f"{t.iri}/sessions/{chosen[t.id]}" if t.id in chosen else None)
        for t in tickets
    )


def _show_held(result: BulkReservations, now: datetime, api: Api) -> None:
    held = result.reservations
    if api.json:
        print_json(result)
    elif held:
        print_table(
            "Held",
            ("Reservation", "Expires at", "Left", ">Total"),
            (
                (
                    reservation.iri,
                    moment(reservation.expires_at),
                    span(reservation.expires_at - now),
                    amount(reservation.total_amount_incl_tax),
                )
                for reservation in held
            ),
        )
        if not api.sandbox:  # which ends with the command
            iris = " ".join(clean(reservation.iri) for reservation in held)
            say(f"Order: eguma korus order {iris} --external-reference YOURS, and who buys.")
    if result.failed or result.unaccounted:
        words = "; ".join(failure.message for failure in result.failed if failure.message)
        raise Stop(
            f"nothing was held: {clean(words) or 'no reason given'}."
            " See what is left with `eguma korus availability`.",
            Exit.REFUSED,
        )


async def reservations(*, api: Api = DEFAULT_API) -> None:
    """List the reservations of your organization, latest first."""
    found = await read_all(api, lambda session: session.reservations.list(order="desc"))
    if api.json:
        print_json(found)
        return
    print_table(
        counted(found, "reservation"),
        ("Reservation", "Expires at", "State", ">Total", "Order"),
        (
            (
                reservation.iri,
                moment(reservation.expires_at),
                _state(reservation),
                amount(reservation.total_amount_incl_tax),
                reservation.order or "-",
            )
            for reservation in found
        ),
    )


def _state(reservation: Reservation) -> str:
    if reservation.order is not None:
        return "ordered"
    return "expired" if reservation.expired else "held"


def add_to(app: App) -> None:
    """Add the commands of this module."""
    app.command(reserve)
    app.command(reservations)
