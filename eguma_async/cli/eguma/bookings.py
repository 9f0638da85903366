"""``eguma book``.

It holds, shows, asks and books; it gives the places back whatever else happens.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.dry_run import DryRunOption
from eguma_async.cli.errors import Stop, resume_with, usage
from eguma_async.cli.journal.options import (
    NOT_KEPT,
    Keeping,
)
from eguma_async.cli.options import YesOption
from eguma_async.cli.prompt import confirm, confirm_within, require_answerable
from eguma_async.cli.tables import print_table
from eguma_async.cli.text import clean, moment, money, print_json, say, span

from .options import (
    DEFAULT_API,
    Api,
    ItemOption,
    base_url_of,
    open_session,
    slot_start,
    ticket_items,
)

if TYPE_CHECKING:
    from eguma_async.core.journal import Intent
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList
    from eguma_async.eguma.ticketing.bookings import Booking, BookTickets
    from eguma_async.eguma.ticketing.reservations import Hold
    from eguma_async.journal.journal import Journal

TO_BE_HELD = "RESERVATION_ID"
"""Stands in a dry run for the id that a hold would get."""


async def book(
    product: Annotated[str, Parameter(help="Id of a product.")],
    starts_at: Annotated[str, Parameter(help="Start of a slot as `availabilities` lists it.")],
    /,
    *,
    item: ItemOption,
    first_name: Annotated[str, Parameter(help="Of the customer.")],
    last_name: Annotated[str, Parameter(help="Of the customer.")],
    email: Annotated[str, Parameter(help="Of the customer.")],
    reservation: Annotated[
        str | None, Parameter(help="Book this reservation; else places are held first.")
    ] = None,
    language: Annotated[str | None, Parameter(help="Of the tickets, ISO 639-1.")] = None,
    idempotency_key: Annotated[
        str | None, Parameter(help="Resume the booking that was begun with this key.")
    ] = None,
    yes: YesOption = False,
    dry_run: DryRunOption = False,
    new_generation: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Book anew what was refused, was not made, or was cancelled under --client-ref.",
        ),
    ] = False,
    kept: Keeping = NOT_KEPT,
    api: Api = DEFAULT_API,
) -> None:
    """Book tickets.

    Holds the places, shows what it will book with the total price, and asks. With --client-ref
    nothing is held before, so that the same command again is the same booking: made once, and
    known to the journal.
    """
    from eguma_async.core.journal import Intent
    from eguma_async.eguma.ticketing.bookings import BookTickets, Customer

    wanted = BookTickets(
        reservation_id=reservation,
        product_id=product,
        starts_at=slot_start(starts_at),
        items=ticket_items(item),
        customer=Customer(first_name, last_name, email),
        language=language,
    )
    if new_generation and kept.client_ref is None:
        raise usage("--new-generation goes with --client-ref")
    if dry_run:
        await _show_requests(wanted, idempotency_key, kept, api)
        return
    require_answerable(yes=yes)
    journal = kept.for_command(sandbox=api.sandbox)
    async with open_session(api, journal=journal) as session:
        with kept.naming_itself():
            await _say_what_is_known(session, kept.client_ref)
            say(await _summary(session, wanted, base_url_of(api)))
            if reservation is None and kept.client_ref is None:
                booking = await _hold_and_book(session, wanted, idempotency_key, yes=yes)
            else:
                intent = Intent(client_ref=kept.client_ref, new_generation=new_generation)
                booking = await _book_as_is(session, wanted, idempotency_key, intent, yes=yes)
    _show(booking, api)


async def _say_what_is_known(session: AsyncSession, client_ref: str | None) -> None:
    """Say where a booking stands that was asked for before."""
    if client_ref is None:
        return
    entry = await session.ticketing.bookings.entry(client_ref)
    if entry is not None:
        say(f"{clean(client_ref)} was asked for before and is {entry.state.value}.")


async def _show_requests(wanted: BookTickets, key: str | None, kept: Keeping, api: Api) -> None:
    """Show what would be sent: a hold first, if `book` makes one, and the booking."""
    import attrs

    from eguma_async.core.errors import NotSentError
    from eguma_async.core.journal import Intent
    from eguma_async.eguma.ticketing.reservations import ReserveTickets

    async with open_session(api, journal=_rehearsal(kept), dry_run=True) as session:
        if wanted.reservation_id is None and kept.client_ref is None:
            hold = ReserveTickets(
                product_id=wanted.product_id, starts_at=wanted.starts_at, items=wanted.items
            )
            with contextlib.suppress(NotSentError):
                await session.send(hold)
            # Its id is in the answer to the first request.
            wanted = attrs.evolve(wanted, reservation_id=TO_BE_HELD)
        intent = Intent(client_ref=kept.client_ref) if kept.client_ref is not None else None
        await session.send(wanted, idempotency_key=key, intent=intent)


def _rehearsal(kept: Keeping) -> Journal | None:
    """Return an empty journal that makes the same idempotency key of a reference."""
    if kept.client_ref is None:
        return None
    from eguma_async.journal.kinds import MemoryJournal

    if kept.location is None:
        raise usage("--client-ref needs --journal, or EGUMA_JOURNAL")
    return MemoryJournal(account=kept.account or "")


async def _hold_and_book(
    session: AsyncSession, wanted: BookTickets, key: str | None, *, yes: bool
) -> Booking:
    async with _held(session, wanted) as hold:
        say(f"Held for {span(hold.remaining)} as reservation {clean(hold.reservation_id)}.")
        if not yes and not await confirm_within("Book this?", hold.remaining):
            raise Stop("nothing was booked")
        return await hold.book(wanted.customer, language=wanted.language, idempotency_key=key)


async def _book_as_is(
    session: AsyncSession, wanted: BookTickets, key: str | None, intent: Intent, *, yes: bool
) -> Booking:
    if not yes and not await confirm("Book this?"):
        held = wanted.reservation_id
        raise Stop(
            f"nothing was booked; reservation {held} stays as it is"
            if held is not None
            else "nothing was booked"
        )
    return await session.send(wanted, idempotency_key=key, intent=intent)


@contextlib.asynccontextmanager
async def _held(session: AsyncSession, wanted: BookTickets) -> AsyncIterator[Hold]:
    """Hold places for a block that books them, and say what became of them if it does not."""
    context = session.ticketing.reservations.hold(
        product_id=wanted.product_id, starts_at=wanted.starts_at, items=wanted.items
    )
    try:
        hold = await context.__aenter__()
    except asyncio.CancelledError:
        say("If places were held, they were given back, or they are free again in 60 minutes.")
        raise
    try:
        yield hold
    except BaseException as error:
        in_doubt = resume_with(error, f"--reservation {hold.reservation_id}")
        try:
            await context.__aexit__(type(error), error, error.__traceback__)
        except BaseException:  # interrupted once more, before the answer to the release
            say(f"Reservation {clean(hold.reservation_id)} may still be held; {_how_it_ends(hold)}")
            raise
        if not in_doubt:
            _say_what_became_of(hold)
        raise


def _say_what_became_of(hold: Hold) -> None:
    reservation = f"Reservation {clean(hold.reservation_id)}"
    if hold.is_booked:
        say(f"{reservation} is booked.")
    elif hold.idempotency_key is not None:
        key = clean(hold.idempotency_key)
        say(f"{reservation} may be booked, with the idempotency key {key}; it was not released.")
    elif hold.must_be_released:
        say(f"{reservation} could not be released; {_how_it_ends(hold)}")
    else:
        say(f"{reservation} was released; its places are free again.")


def _how_it_ends(hold: Hold) -> str:
    end = f"{hold.expires_at_utc:%Y-%m-%d %H:%M} UTC"
    return f"it ends by itself at {end}, or now with: eguma release {clean(hold.reservation_id)}"


async def _summary(session: AsyncSession, wanted: BookTickets, where: str) -> str:
    """Describe what will be booked and where, with the prices of the day."""
    start = wanted.starts_at
    day = start.date() if isinstance(start, datetime) else start
    slots = await session.ticketing.availabilities.list(
        wanted.product_id, from_date=day, to_date=day
    )
    catalogue = await session.ticketing.products.list()
    names = {
        category.id: category.name
        for product in catalogue.products
        if product.id == wanted.product_id
        for category in product.categories
    }
    prices = _prices(slots, start)
    amounts = [_amount(prices.get(item.category_id), item.quantity) for item in wanted.items]
    total = None if None in amounts else sum(amount or 0 for amount in amounts)
    currency = slots.currency or catalogue.currency
    lines = [f"{slots.product_name} of {slots.company_name}, {moment(start)}"]
    lines += [
        f"{item.quantity} x {names.get(item.category_id, item.category_id)}:"
        f" {money(amount, currency)}"
        for item, amount in zip(wanted.items, amounts, strict=True)
    ]
    lines.append(f"Total: {money(total, currency)}, at {where}")
    return "\n  ".join(map(clean, lines))


def _prices(slots: AvailabilityList, start: datetime | date) -> dict[str, int | None]:
    """Return the prices of a slot by category; a bare day stands for its all-day slot."""
    from eguma_async.eguma.ticketing.starts import same_start

    return {
        price.category_id: price.price_in_cents
        for slot in slots.availabilities
        if same_start(slot.starts_at, start)
        for price in slot.prices
    }


def _amount(cents: int | None, quantity: int) -> int | None:
    return None if cents is None else cents * quantity


def _show(booking: Booking, api: Api) -> None:
    if api.json:
        print_json(booking)
        return
    title = f"Booking {booking.booking_reference}, id {booking.booking_id}"
    if booking.replayed:
        title += ", made by an earlier request with the same key"
    print_table(
        title,
        ("Ticket", "Category"),
        [(ticket.ticket_number, ticket.category_id) for ticket in booking.tickets],
    )
    if booking.persisted is False:
        say("The journal could not note it: only this output tells of it.")
    if not api.sandbox:  # which ends with the command
        say(f"Cancel it: eguma cancel {clean(booking.booking_id)}")


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(book)
