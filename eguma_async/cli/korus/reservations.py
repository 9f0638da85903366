"""Commands that hold and order: reserve, reservations, order."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.eguma.reservations import minutes
from eguma_async.cli.errors import Exit, Stop, resume_with, usage
from eguma_async.cli.options import YesOption
from eguma_async.cli.prompt import confirm_within, require_answerable
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import amount, clean, print_json, say

from .options import DEFAULT_API, KorusApi, moment, open_session, read_all

if TYPE_CHECKING:
    from eguma_async.core.clock import Clock
    from eguma_async.korus import (
        BulkOrders,
        BulkReservations,
        KorusSession,
        OfferTicket,
        Reservation,
        TicketChoice,
    )
    from eguma_async.pipeline.observing import AttemptEvent


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
    api: KorusApi = DEFAULT_API,
) -> None:
    """Hold an offer for some minutes, usually 15. It cannot be given back."""
    from eguma_async.korus import OfferItem

    chosen = _pairs(session or [])
    async with open_session(api) as opened:
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


def _show_held(result: BulkReservations, now: datetime, api: KorusApi) -> None:
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
                    minutes(reservation.expires_at - now),
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


async def reservations(*, api: KorusApi = DEFAULT_API) -> None:
    """List the reservations of your organization, latest first."""
    found = await read_all(api, lambda session: session.reservations.list(order="desc"))
    if api.json:
        print_json(found)
        return
    print_table(
        f"{len(found)} reservations",
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


async def order(
    *reservation: Annotated[str, Parameter(help="IRIs of reservations.")],
    external_reference: Annotated[
        str, Parameter(help="Your own unique reference, 50 characters at most.")
    ],
    first_name: Annotated[str, Parameter(help="Of the customer.")],
    last_name: Annotated[str, Parameter(help="Of the customer.")],
    email: Annotated[str, Parameter(help="Of the customer.")],
    phone: Annotated[str | None, Parameter(help="Of the customer.")] = None,
    country: Annotated[
        str | None, Parameter(help="Of the customer, ISO 3166-1, such as FR.")
    ] = None,
    notes: Annotated[str | None, Parameter(help="A remark for the issuer.")] = None,
    yes: YesOption = False,
    api: KorusApi = DEFAULT_API,
) -> None:
    """Turn reservations into orders. It books for real.

    Shows what it will book with the total price, and asks. If the answer is lost, it looks for
    the orders by the external reference before it sends anything again.
    """
    if not reservation:
        raise usage("give the IRI of at least one reservation")
    from eguma_async.korus import Customer

    customer = Customer(first_name, last_name, email, phone=phone, country=country)
    require_answerable(yes=yes)
    async with open_session(api, observer=_tell_of_a_lost_answer) as session:
        held = [await session.reservations.get(iri) for iri in reservation]
        say(await _summary(session, held))
        with _saying_what_stays(held, external_reference, session.clock):
            _check_may_be_ordered(held)
            if not yes and not await _agreed(held, session.clock):
                raise Stop("nothing was booked")
            result = await session.orders.create(
                reservation, customer, external_reference, notes=notes, settle_unknown=True
            )
    _show_orders(result, api)


def _check_may_be_ordered(held: Sequence[Reservation]) -> None:
    """Refuse what the server would refuse, before anybody is asked."""
    for reservation in held:
        if reservation.order is not None:
            state = f"is ordered already, as {reservation.order}"
        elif reservation.expired:
            state = "has expired; reserve anew"
        else:
            continue
        raise Stop(f"nothing was booked: {clean(reservation.iri)} {clean(state)}", Exit.REFUSED)


def _tell_of_a_lost_answer(event: AttemptEvent) -> None:
    if event.operation == "CreateOrders" and event.error == "OutcomeUnknownError":
        say("The answer was lost. Looking for the orders by their reference, for 22 s at most.")


async def _agreed(held: Sequence[Reservation], clock: Clock) -> bool:
    end = min(reservation.expires_at for reservation in held)
    return await confirm_within("Book this?", max(end - clock.now(), timedelta(0)))


@contextmanager
def _saying_what_stays(held: Sequence[Reservation], reference: str, clock: Clock) -> Iterator[None]:
    """Say what is still held when a block ends without an order."""
    try:
        yield
    except BaseException as error:
        if not resume_with(error, f"--external-reference {shlex.quote(reference)}"):
            for reservation in held:
                if _is_held(reservation, clock):
                    end = f"{reservation.expires_at:%Y-%m-%d %H:%M} UTC"
                    say(f"Reservation {clean(reservation.iri)} stays held and expires at {end}.")
        raise


def _is_held(reservation: Reservation, clock: Clock) -> bool:
    gone = reservation.expired or reservation.order is not None
    return not gone and reservation.expires_at > clock.now()


async def _summary(session: KorusSession, held: Sequence[Reservation]) -> str:
    """Word what will be booked, at the prices of the reservations."""
    lines = ["To be booked:"]
    for reservation in held:
        for item in reservation.items:
            offer = await session.offers.get(item.offer)
            name = offer.product.name or offer.product.id
            date = "" if offer.date is None else f", {offer.date}"
            price = amount(item.unit_amount_incl_tax)
            lines.append(f"{item.quantity or '?'} x {name}{date}: {price} each")
    total = sum((reservation.total_amount_incl_tax for reservation in held), Decimal())
    lines.append(f"Total: {amount(total)}")
    return "\n  ".join(map(clean, lines))


def _show_orders(result: BulkOrders, api: KorusApi) -> None:
    if api.json:
        print_json(result)
    elif result.orders:
        print_table(
            "Orders",
            ("Order", "Reference", "Status", "Reservation", ">Total", ">Documents"),
            (
                (
                    made.iri,
                    made.reference,
                    made.status or "",
                    made.reservation,
                    amount(made.total_amount_incl_tax),
                    str(len(made.documents)),
                )
                for made in result.orders
            ),
        )
        say("Tickets and documents: eguma korus order-show ORDER")
    if result.failed or result.unaccounted:
        raise _not_all(result)


def _not_all(result: BulkOrders) -> Stop:
    reasons = [f"{failure.reservation or '?'}: {failure.message}" for failure in result.failed]
    reasons += [f"{iri}: not in the answer" for iri in result.unaccounted]
    return Stop(
        f"{len(reasons)} of {len(reasons) + len(result.orders)} were not booked:"
        f" {clean('; '.join(reasons))}. They may be ordered again until they expire.",
        Exit.REFUSED,
    )


def add_to(app: App) -> None:
    """Add the commands of this module."""
    for command in (reserve, reservations, order):
        app.command(command)
