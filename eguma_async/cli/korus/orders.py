"""``eguma korus order``, ``orders`` and ``order-show``."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from eguma_async.cli.dry_run import DryRun, DryRunOption
from eguma_async.cli.errors import Exit, Stop, resume_with, usage
from eguma_async.cli.exporting import (
    DEFAULT_FORM,
    FileOption,
    Form,
    NoCustomersOption,
    Target,
    counting,
    sum_up,
    target_of,
    write_export,
)
from eguma_async.cli.journal.options import NOT_KEPT, Keeping
from eguma_async.cli.options import YesOption
from eguma_async.cli.prompt import confirm_within, require_answerable
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import amount, clean, counted, moment, print_json, say

from .options import DEFAULT_API, Api, base_url_of, open_session, read_all
from .tickets import print_tickets
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.core.clock import Clock
    from eguma_async.core.hooks import AttemptEvent
    from eguma_async.exports import Table
    from eguma_async.korus import BulkOrders, KorusSession, Order, Reservation


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
    dry_run: DryRunOption = False,
    kept: Keeping = NOT_KEPT,
    api: Api = DEFAULT_API,
) -> None:
    """Turn reservations into orders. It books for real.

    Shows what it will book with the total price, and asks. If the answer is lost, it looks for
    the orders by the external reference before it sends anything again. With a journal, the same
    command again does nothing twice.
    """
    if not reservation:
        raise usage("give the IRI of at least one reservation")
    from eguma_async.korus import Customer

    customer = Customer(first_name, last_name, email, phone=phone, country=country)
    if dry_run:
        async with open_session(api, dry=DryRun()) as session:
            await session.orders.create(reservation, customer, external_reference, notes=notes)
    require_answerable(yes=yes)
    journal = kept.for_command(sandbox=api.sandbox)
    async with open_session(api, observer=_tell_of_a_lost_answer, journal=journal) as session:
        held = [await session.reservations.get(iri) for iri in reservation]
        say(await _summary(session, held, base_url_of(api)))
        with kept.naming_itself(), _saying_what_stays(held, external_reference, session.clock):
            if not await _is_known(session, kept.client_ref):
                _check_may_be_ordered(held)
                if not yes and not await _agreed(held, session.clock):
                    raise Stop("nothing was booked")
            result = await session.orders.create(
                reservation,
                customer,
                external_reference,
                notes=notes,
                settle_unknown=True,
                client_ref=kept.client_ref,
            )
    _show_orders(result, api)


async def _is_known(session: KorusSession, client_ref: str | None) -> bool:
    """Say where orders stand that were asked for before: going on with them asks nobody."""
    entry = None if client_ref is None else await session.orders.entry(client_ref)
    if entry is None:
        return False
    say(f"{clean(entry.client_ref)} was asked for before and is {entry.state.value}.")
    return True


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


async def _summary(session: KorusSession, held: Sequence[Reservation], where: str) -> str:
    """Describe what will be booked and where, at the prices of the reservations."""
    lines = ["To be booked:"]
    for reservation in held:
        for item in reservation.items:
            offer = await session.offers.get(item.offer)
            name = offer.product.name or offer.product.id
            date = "" if offer.date is None else f", {offer.date}"
            price = amount(item.unit_amount_incl_tax)
            lines.append(f"{item.quantity or '?'} x {name}{date}: {price} each")
    total = sum((reservation.total_amount_incl_tax for reservation in held), Decimal())
    lines.append(f"Total: {amount(total)}, at {where}")
    return "\n  ".join(map(clean, lines))


def _show_orders(result: BulkOrders, api: Api) -> None:
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
    if result.persisted is False:
        say("The journal could not note it: only this output tells of it.")
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


async def orders(
    *,
    external_reference: Annotated[
        str | None, Parameter(help="Exactly this reference of yours.")
    ] = None,
    to: FileOption = None,
    rows: Annotated[
        Literal["orders", "items", "tickets"] | None,
        Parameter(help="What an export has a row for; orders if not given."),
    ] = None,
    no_customers: NoCustomersOption = False,
    form: Form = DEFAULT_FORM,
    api: Api = DEFAULT_API,
) -> None:
    """List the orders of your organization, latest first.

    With --format, or a file that ends in .csv, .jsonl or .parquet, it exports them, however many
    there are. Only its owner can read a file with customers or with tickets.
    """
    target = target_of(to, form, json=api.json)
    if target is not None:
        table = _table(rows or "orders", customers=not no_customers)
        await _export(external_reference, table, target, api)
        return
    if rows is not None or no_customers:
        raise usage("--rows and --no-customers go with an export: add --format or --to FILE")
    found = await read_all(
        api,
        lambda session: session.orders.list(external_reference=external_reference, order="desc"),
    )
    if api.json:
        print_json(found)
        return
    print_table(
        counted(found, "order"),
        ("Order", "Reference", "Your reference", "Created at", "Status", ">Total"),
        (
            (
                order.iri,
                order.reference,
                order.external_reference or "-",
                moment(order.created_at),
                order.status.value if order.status else "?",
                amount(order.total_amount_incl_tax),
            )
            for order in found
        ),
    )


async def _export(reference: str | None, table: Table[Any], target: Target, api: Api) -> None:
    async with open_session(api) as session:
        found = session.orders.list(external_reference=reference, order="desc")
        with counting("order") as count:
            report = await write_export(found, table, target, on_item=count)
    sum_up(report, target, json=api.json, advice=ADVICE)


def _table(rows: str, *, customers: bool) -> Table[Any]:
    from eguma_async.korus.tables import ORDER_ITEMS, ORDERS, TICKETS

    table = next(table for table in (ORDERS, ORDER_ITEMS, TICKETS) if table.name == rows)
    return table if customers else table.without_private()


async def order_show(
    order: Annotated[str, Parameter(help="IRI of an order.")],
    /,
    *,
    api: Api = DEFAULT_API,
) -> None:
    """Show an order with its tickets, what they wait for, and its documents."""
    async with open_session(api) as session:
        found = await session.orders.get(order)
    if api.json:
        print_json(found)
        return
    print_tickets(
        f"Order {found.reference}, {amount(found.total_amount_incl_tax)}",
        [ticket for item in found.items for ticket in item.tickets],
    )
    _print_documents(found)


def _print_documents(order: Order) -> None:
    print_table("Documents", ("Document",), ((iri,) for iri in order.documents))
    say("Store one: eguma korus document DOCUMENT --to FILE.pdf")


def add_to(app: App) -> None:
    """Add the commands of this module."""
    for command in (order, orders, order_show):
        app.command(command)
