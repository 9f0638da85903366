"""B · bookings and their keys."""

from __future__ import annotations

from typing import Any

import pytest

from eguma_async import (
    BookingOutcome,
    BookTickets,
    ConfigurationError,
    InvalidRequestError,
    ListOrders,
    ListProducts,
    NotFoundError,
    Operation,
    OutcomeUnknownError,
    ReserveTickets,
    ResultMismatchError,
    TicketItem,
)
from eguma_async.sandbox import Delay, DropAfter, DropBefore, EgumaOptions, Park, Reply

from .matrix import Row, check, id_of, row, rows_of
from .shops import BOOKING, CANCEL, RELEASE, Rewrite, edited
from .stage import Stage


@row(
    "B1",
    "the server takes longer than the client waits, and is asked again meanwhile",
    "asked with the same key until it is done, after 1, 2, 4 and 8 s; the one booking comes back",
)
async def slow_server(stage: Stage) -> None:
    shop = await stage.eguma()
    slow = shop.inject(Park(hang_up=True, path=BOOKING))
    stop = shop.sandbox.requests.listen(lambda _: shop.sent(BOOKING) == 5 and slow.release())
    booking = await shop.book()
    stop()
    assert booking.replayed
    assert len(set(shop.keys)) == 1
    told = [each.status for each in stage.notes.attempts]
    assert told == [None, 409, 409, 409, 409, 200]
    assert shop.clock.sleeps == [0.05, 1.0, 2.0, 4.0, 8.0]
    assert shop.orders() == 1
    late = await stage.eguma()
    late.inject(Delay(40, path=BOOKING))
    assert (await late.book()).replayed
    assert late.orders() == 1


@row(
    "B2",
    "the key stays in progress for ever",
    "at the deadline of 60 s the outcome is unknown; the key is kept and resumes the booking later",
)
async def stuck_key(stage: Stage) -> None:
    shop = await stage.eguma()
    stuck = shop.inject(Park(hang_up=True, path=BOOKING))
    buyer = stage.customer()
    error = await stage.fails(OutcomeUnknownError, shop.book(customer=buyer))
    assert len(set(shop.keys)) == 1
    assert shop.sent(BOOKING) > 5
    assert stage.notes.calls[-1].seconds <= 60
    stuck.release()
    booking = await shop.book(customer=buyer, idempotency_key=error.idempotency_key)
    assert shop.orders() == 1
    assert len(set(shop.keys)) == 1
    assert booking.idempotency_key == error.idempotency_key


@row(
    "B4",
    "a repetition with its mark, without one, and with one of another name",
    "the same booking; the mark only tells",
)
async def marks_of_repetitions(stage: Stage) -> None:
    variants: tuple[tuple[dict[str, Any], bool], ...] = (
        ({}, True),
        ({"replay_header": None}, False),
        ({"replay_header": "X-Idempotent-Replay", "replay_header_value": "1"}, True),
        ({"replay_header_value": "false"}, False),
        ({"replay_header": "Repeated"}, False),
    )
    for options, told in variants:
        shop = await stage.eguma(options=EgumaOptions(**options))
        shop.inject(DropAfter(path=BOOKING))
        booking = await shop.book()
        assert booking.replayed is told, options
        assert (shop.sent(BOOKING), shop.orders()) == (2, 1)


@row(
    "B5",
    "the repetition tells other tickets than were asked for",
    "ResultMismatchError with what was told and the key; made once, not sent again",
)
async def other_repetition(stage: Stage) -> None:
    def other(content: Any) -> None:
        content["tickets"][0]["category_id"] = "other"

    shop = await stage.eguma()
    shop.inject(DropAfter(path=BOOKING))
    shop.inject(Rewrite(edited(other), path=BOOKING))
    error = await stage.fails(ResultMismatchError, shop.book())
    assert error.result.replayed
    assert error.idempotency_key == error.result.idempotency_key == shop.keys[0]
    assert (shop.sent(BOOKING), shop.orders(), error.outcome_unknown) == (2, 1, False)


@row(
    "B6",
    "the last places, a lost answer, and the server forgets the key: 'sold out' on the retry",
    "outcome unknown with the refusal in it, never 'sold out'; the list of orders finds the booking",
)
async def sold_out_to_oneself(stage: Stage) -> None:
    shop = await stage.eguma()
    wanted = shop.wanted()
    shop.sandbox.set_capacity(wanted["product_id"], wanted["starts_at"].isoformat(), 2)
    shop.inject(DropAfter(path=BOOKING))
    store = shop.sandbox._state.idempotency
    stop = shop.sandbox.requests.listen(lambda _: store._entries.clear())
    buyer, began = stage.customer(), shop.sandbox.clock.now()
    error = await stage.fails(OutcomeUnknownError, shop.book(**{**wanted, "customer": buyer}))
    stop()
    assert type(error.refusal) is InvalidRequestError
    assert (shop.orders(), shop.sent(BOOKING)) == (1, 2)
    found = await shop.session.ticketing.bookings.reconcile(
        **wanted, customer=buyer, began_at=began
    )
    assert found.outcome is BookingOutcome.FOUND
    assert found.order is not None
    assert found.order.id == shop.sandbox.bookings()[0].id


@row(
    "B7",
    "a refusal of the first attempt",
    "InvalidRequestError, one request, nothing made; the next call has a key of its own",
)
async def refused_at_once(stage: Stage) -> None:
    shop = await stage.eguma()
    error = await stage.fails(InvalidRequestError, shop.book(11))
    assert (error.attempts, error.outcome_unknown, shop.orders()) == (1, False, 0)
    booking = await shop.book(10)
    assert len(set(shop.keys)) == 2
    assert booking.idempotency_key != error.idempotency_key
    stage.proves("refusals", lambda: len(stage.errors))


@row(
    "B18",
    "the answer to a cancellation is lost, and the retry is told 'already cancelled'",
    "cancelled, with its tickets, if the list of orders shows it; else the refusal holds",
)
async def cancelled_twice(stage: Stage) -> None:
    shop = await stage.eguma()
    booking = await shop.book()
    shop.inject(DropAfter(path=CANCEL))
    cancelled = await shop.session.ticketing.bookings.cancel(booking.booking_id)
    numbers = {ticket.ticket_number for ticket in cancelled.cancelled_tickets}
    assert numbers == {ticket.ticket_number for ticket in booking.tickets}
    assert shop.sent(CANCEL) == 2
    error = await stage.fails(
        InvalidRequestError, shop.session.ticketing.bookings.cancel(booking.booking_id)
    )
    assert error.attempts == 1  # cancelled by somebody: not ours to take for a success
    other = await shop.book()
    shop.inject(DropBefore(path=CANCEL))
    shop.inject(Reply(400, path=CANCEL))
    error = await stage.fails(
        InvalidRequestError, shop.session.ticketing.bookings.cancel(other.booking_id)
    )
    assert (error.attempts, error.outcome_unknown) == (3, False)  # the look-up is one
    assert [order.status for order in shop.sandbox.bookings()] == ["cancelled", "completed"]


@row(
    "B19",
    "a cancellation with another user's key",
    "NotFoundError; the booking stands, and its own user cancels it",
)
async def not_the_owner(stage: Stage) -> None:
    shop = await stage.eguma()
    booking = await shop.book()
    partner = shop.sandbox.merchants()[0].users[1].keys[0].value
    other = await stage.eguma(key=partner, wrap=lambda _: shop.transport)
    other.sandbox = shop.sandbox
    error = await stage.fails(
        NotFoundError, other.session.ticketing.bookings.cancel(booking.booking_id)
    )
    assert (error.attempts, error.outcome_unknown) == (1, False)
    assert shop.sandbox.bookings()[0].status == "completed"
    stage.proves("refusals", lambda: len(stage.errors))
    await shop.session.ticketing.bookings.cancel(booking.booking_id)


@row(
    "B20",
    "a cancellation after a ticket was checked in, and after the start",
    "InvalidRequestError after one request; the booking stands",
)
async def too_late_to_cancel(stage: Stage) -> None:
    shop = await stage.eguma()
    entered, late = await shop.book(), await shop.book()
    await shop.session.ticketing.tickets.check_in(entered.tickets[0].ticket_number)
    cancel = shop.session.ticketing.bookings.cancel
    error = await stage.fails(InvalidRequestError, cancel(entered.booking_id))
    assert error.attempts == 1
    shop.sandbox.clock.advance(days=2)
    error = await stage.fails(InvalidRequestError, cancel(late.booking_id))
    assert (error.attempts, error.outcome_unknown) == (1, False)
    assert {order.status for order in shop.sandbox.bookings()} == {"completed"}
    stage.proves("refusals", lambda: len(stage.errors), 2)


@row(
    "B22",
    "keys that are empty, too long, not ASCII, with line breaks, no text",
    "ConfigurationError that does not repeat them; nothing is sent",
)
async def malformed_keys(stage: Stage) -> None:
    keys: tuple[Any, ...] = ("", " ", "k" * 256, "schlüssel", "a\r\nX: y", "a\0", "a b", b"key", 5)
    shop = await stage.eguma()
    for key in keys:
        error = await stage.fails(ConfigurationError, shop.book(idempotency_key=key))
        assert "X: y" not in str(error)
    assert len(shop.sandbox.requests) == 0
    stage.proves("malformed keys", lambda: len(stage.errors), len(keys))
    await shop.book(idempotency_key="k" * 255)


@row(
    "B23",
    "the header Idempotency-Key where it does not belong",
    "on bookings alone; a key given to anything else is a ConfigurationError, and nothing is sent",
)
async def key_elsewhere(stage: Stage) -> None:
    shop = await stage.eguma()
    ticketing = shop.session.ticketing
    await ticketing.products.list()
    await shop.slots()
    held = await shop.reserve()
    await ticketing.reservations.cancel(held.reservation_id)
    booking = await shop.book()
    await ticketing.orders.list()
    await ticketing.tickets.check_in(booking.tickets[0].ticket_number)
    await ticketing.tickets.get(booking.tickets[0].ticket_number)
    await ticketing.tickets.check_out(booking.tickets[0].ticket_number)
    await ticketing.bookings.cancel(booking.booking_id)
    await ticketing.events.list()
    keyed = [r.path for r in shop.sandbox.requests if "idempotency-key" in r.header_names]
    assert keyed == [BOOKING]
    others = len(shop.sandbox.requests) - 1
    stage.proves("requests of other kinds", lambda: others, 10)
    operations: tuple[Operation[Any], ...] = (
        ListProducts(),
        ListOrders(),
        ReserveTickets(**shop.wanted()),
    )
    for operation in operations:
        await stage.fails(ConfigurationError, shop.session.send(operation, idempotency_key="a-key"))
    assert len(shop.sandbox.requests) == others + 1
    assert shop.sent(RELEASE) == 1


@row(
    "B24",
    "items: none, 0, -1, a category twice, 10**9, beyond the limits of a category",
    "what no server takes is refused here, before anything is sent; limits are the server's to say",
)
async def odd_items(stage: Stage) -> None:
    shop = await stage.eguma()
    wanted = shop.wanted(1, 1)
    adult, child = (item.category_id for item in wanted["items"])
    for quantity in (0, -1, 1.5, True, "2", 2**31):
        with pytest.raises(ConfigurationError) as caught:
            TicketItem(adult, quantity)  # type: ignore[arg-type]
        stage.errors.append(caught.value)
    for items in ((), (TicketItem(adult, 1), TicketItem(adult, 2)), (adult,), "adult"):
        await stage.fails(ConfigurationError, shop.book(items=items))
    refused_here = len(stage.errors)
    stage.proves("odd items", lambda: refused_here, 10)
    assert len(shop.sandbox.requests) == 0
    slot = next(
        s for s in (await shop.slots()).availabilities if s.starts_at == wanted["starts_at"]
    )
    for items in ((TicketItem(adult, 10**9),), (TicketItem(adult, 11),), (TicketItem("no", 1),)):
        assert not slot.can_book(items)
        error = await stage.fails(InvalidRequestError, shop.book(items=items))
        assert error.attempts == 1
    assert slot.can_book((TicketItem(adult, 1), TicketItem(child, 2)))
    assert BookTickets(**wanted, customer=stage.customer()).items == wanted["items"]


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
