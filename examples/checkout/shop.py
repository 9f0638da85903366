"""The sale itself, without HTTP: hold, pay, book; and what to do when one of them fails."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine
from contextlib import AsyncExitStack, suppress
from datetime import date, timedelta
from types import TracebackType
from typing import Any, Self, TypeVar
from weakref import WeakValueDictionary

import attrs

from eguma_async import (
    AccessDeniedError,
    AsyncSession,
    Availability,
    ClientRefConflictError,
    ConflictError,
    Customer,
    EgumaError,
    Hold,
    InvalidRequestError,
    LatePolicy,
    NotFoundError,
    PriceChangedError,
    Product,
    RefundDueError,
    ReserveTickets,
    ResultMismatchError,
    TicketItem,
)
from eguma_async import State as JournalState

from .orders import UNFINISHED, Order, Orders, State
from .payments import PaymentRefusedError, Payments, PaymentUnknownError

T = TypeVar("T")

log = logging.getLogger("checkout")

DRAIN_SECONDS = 20.0
"""How long a sale under way may hold up the end."""
REFUSALS = (AccessDeniedError, ConflictError, InvalidRequestError, NotFoundError)


class Refusal(Exception):  # noqa: N818  # what the shop says to a customer is no error
    """The shop does not do what it was asked for.

    Attributes:
        status: HTTP status.
        code: For programs.
        text: For people.
        details: What else there is to know.
    """

    def __init__(self, status: int, code: str, text: str, **details: object) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.text = text
        self.details = details


class Shop:
    """Sells tickets. Enter it with ``async with``: it recovers first, and drains in the end.

    Args:
        session: With a journal.
        orders: The shop's own memory, used by this shop alone.
        payments: Takes the money.
        every: Seconds between two rounds of recovery.
    """

    def __init__(
        self, session: AsyncSession, orders: Orders, payments: Payments, *, every: float = 15.0
    ) -> None:
        self.is_ready = False
        self.is_draining = False
        self._session = session
        self._ticketing = session.ticketing
        self._orders = orders
        self._payments = payments
        self._every = every
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._sales: set[asyncio.Task[Any]] = set()
        self._keeping_up: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._keeping_up = asyncio.create_task(self._keep_up())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.is_draining = True
        if self._keeping_up is not None:
            self._keeping_up.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping_up
        if self._sales:
            await asyncio.wait(self._sales, timeout=DRAIN_SECONDS)
        unpaid = await self._orders.in_state(State.HELD)
        with suppress(TimeoutError):  # what is left expires by itself
            async with asyncio.timeout(DRAIN_SECONDS):
                await asyncio.gather(*(self._let_go(order.ref) for order in unpaid))

    # What customers ask for

    async def products(self) -> list[Product]:
        """List what can be bought."""
        found = await self._ticketing.products.list()
        return [each for each in found.products if each.is_active and each.categories]

    async def slots(self, product_id: str, first: date | None, days: int) -> list[Availability]:
        """List the slots of some days that have places; from today on without a first day."""
        found = await self._listed(product_id, first or self._ticketing.today(), days)
        return [slot for slot in found if not slot.is_sold_out]

    def start_of(self, slot: Availability) -> str:
        """Return a slot's start as the server wrote it, which is how it wants it back."""
        return str(self._session.converter.unstructure(slot)["starts_at"])

    async def hold(
        self, product_id: str, starts_at: str, items: list[TicketItem], expected: int
    ) -> Order:
        """Hold places for a customer who is going to pay.

        Args:
            product_id: Product.
            starts_at: A slot's start, as it was listed.
            items: What is wanted.
            expected: The total in cents that the customer was shown.

        Raises:
            Refusal: The places are gone, or cost more than that.
        """
        self._require_open()
        slot, currency = await self._slot(product_id, starts_at)
        if slot is None or not slot.can_book(items):
            raise _sold_out()
        wanted = ReserveTickets(product_id=product_id, starts_at=slot.starts_at, items=items)
        context = self._ticketing.reservations.hold(
            product_id=wanted.product_id,
            starts_at=wanted.starts_at,
            items=wanted.items,
            expected_total_in_cents=expected,
        )
        # The hold outlives this request: it is left open once it is written down. Until then,
        # whatever goes wrong gives the places back.
        async with AsyncExitStack() as until_stored:
            try:
                hold = await until_stored.enter_async_context(context)
            except PriceChangedError as error:
                raise Refusal(
                    409,
                    "price_changed",
                    "It costs more than it was shown for.",
                    expected_total_in_cents=error.expected,
                    total_in_cents=error.actual,
                ) from None
            except InvalidRequestError:
                raise _sold_out() from None  # somebody was faster
            order = await self._orders.save(
                Order(
                    ref=uuid.uuid4().hex,
                    state=State.HELD,
                    wanted=wanted,
                    reservation_id=hold.reservation_id,
                    expires_at=hold.expires_at_utc,
                    total_in_cents=expected if hold.total_in_cents is None else hold.total_in_cents,
                    currency=currency,
                )
            )
            until_stored.pop_all()
        return order

    async def pay(self, ref: str, customer: Customer, token: str) -> Order:
        """Take the payment and book. Asked twice, it pays and books once.

        A customer who closes the browser does not stop it half way.

        Raises:
            Refusal: Nothing was paid: the hold has ended, or the payment was refused.
        """
        return await self._to_the_end(self._pay(ref, customer, token))

    async def order(self, ref: str) -> Order:
        """Return how far an order has come.

        Raises:
            Refusal: There is no such order.
        """
        found = await self._orders.get(ref)
        if found is None:
            raise Refusal(404, "no_such_order", "There is no such order.")
        return found

    async def give_up(self, ref: str) -> None:
        """Give the places of an order back that was not paid.

        Raises:
            Refusal: There is no such order, or it was paid.
        """
        if await self._let_go(ref) is not State.RELEASED:
            raise Refusal(409, "paid_already", "This order was paid.")

    # What happens by itself

    async def recover(self) -> None:
        """Finish what was begun: by this process, or by one that has died."""
        # First the SDK's journal: after it, asking again under a `client_ref` settles the rest.
        await self._ticketing.bookings.recover(wait=False)
        for order in await self._orders.in_state(*UNFINISHED):
            await self._to_the_end(self._go_on(order.ref))
        for order in await self._orders.in_state(State.HELD):
            if order.expires_at <= self._session.clock.now() - timedelta(minutes=1):
                async with self._turn(order.ref):
                    await self._expired(await self.order(order.ref))

    async def _keep_up(self) -> None:
        while True:
            try:
                await self.recover()
                self.is_ready = True
            except Exception as error:  # noqa: BLE001  # the next round tries again
                log.warning("recovery failed: %s", _told(error))
            await asyncio.sleep(self._every)

    async def _go_on(self, ref: str) -> None:
        async with self._turn(ref):
            try:
                await self._advance(await self.order(ref))
            except Refusal as refusal:
                log.info("order %s: %s", ref, refusal.code)
            except Exception as error:  # noqa: BLE001  # one order does not stop the others
                log.warning("order %s is not settled: %s", ref, _told(error))

    # From state to state. Each is on the disk before the next step is taken.

    async def _pay(self, ref: str, customer: Customer, token: str) -> Order:
        async with self._turn(ref):  # a second click waits for the first one, and sees its end
            order = await self.order(ref)
            if order.state is State.HELD:
                self._require_open()
                order = await self._charged(order, customer, token)
            return await self._advance(order)

    async def _advance(self, order: Order) -> Order:
        if order.state is State.PAYING:
            order = await self._asked_about_payment(order)
        if order.state is State.PAID:
            order = await self._booked(order)
        if order.state is State.REFUND_DUE:
            await self._payments.refund(order.ref)
            order = await self._ended(order, State.REFUNDED)
        return order

    async def _charged(self, order: Order, customer: Customer, token: str) -> Order:
        if order.expires_at <= self._session.clock.now():
            await self._expired(order)
            raise Refusal(409, "hold_expired", "The places were held for too long. Choose again.")
        paying = await self._moved(order, State.PAYING, customer=customer)
        try:
            await self._payments.charge(
                order.ref,
                amount_in_cents=order.total_in_cents,
                currency=order.currency,
                token=token,
            )
        except PaymentRefusedError:
            await self._moved(order, State.HELD)
            text = "The payment was refused. Try another card."
            raise Refusal(402, "payment_refused", text) from None
        except PaymentUnknownError:
            return paying
        return await self._moved(paying, State.PAID)

    async def _asked_about_payment(self, order: Order) -> Order:
        is_paid = await self._payments.is_paid(order.ref)
        if is_paid is None:
            return order
        if is_paid:
            return await self._moved(order, State.PAID)
        return await self._moved(order, State.HELD, customer=None)

    async def _booked(self, order: Order) -> Order:
        """Book what was paid.

        The journal makes it one booking, however often this is called, by whichever process. With
        `even_without_hold`, a payment that took longer than the hold buys the same places without
        it, as long as there are any; if there are none, the money goes back.
        """
        assert order.customer is not None  # noqa: S101  # written down with the payment
        try:
            booking = await self._hold(order).book(
                order.customer,
                client_ref=order.ref,
                late=LatePolicy.CONFIRM,  # it is paid: better late than not at all
                even_without_hold=True,
            )
        except RefundDueError:
            return await self._moved(order, State.REFUND_DUE, reason="places_gone")
        except EgumaError as error:
            return await self._not_booked(order, error)
        return await self._ended(order, State.BOOKED, booking=booking)

    async def _not_booked(self, order: Order, error: EgumaError) -> Order:
        log.warning("order %s: %s", order.ref, error)
        if isinstance(error, ResultMismatchError):
            return await self._moved(order, State.NEEDS_OPERATOR, reason="other_tickets")
        if isinstance(error, ClientRefConflictError):
            known = error.entry
            if known is None or known.state is not JournalState.ABSENT:
                return await self._moved(order, State.NEEDS_OPERATOR, reason="reference_taken")
        if isinstance(error, REFUSALS) and not error.outcome_unknown:
            return await self._moved(order, State.REFUND_DUE, reason="refused")
        return order  # it may be booked, or can be later: the next round asks again

    async def _let_go(self, ref: str) -> State:
        """Give the places back unless they are being paid, or were; return where it stands."""
        async with self._turn(ref):
            order = await self.order(ref)
            if order.state is not State.HELD:
                return order.state
            try:
                await self._hold(order).release()
            except EgumaError as error:
                log.warning("order %s: places not given back, they expire: %s", ref, error)
            return (await self._ended(order, State.RELEASED)).state

    async def _expired(self, order: Order) -> None:
        if order.state is State.HELD:
            await self._ended(order, State.RELEASED)

    async def _ended(self, order: Order, state: State, **changes: object) -> Order:
        ended = await self._moved(order, state, customer=None, **changes)
        log.info("order %s: %s", order.ref, state.value)
        return ended

    async def _moved(self, order: Order, state: State, **changes: object) -> Order:
        return await self._orders.save(attrs.evolve(order, state=state, **changes))  # type: ignore[arg-type]  # fields of an order

    # Small things

    def _require_open(self) -> None:
        if self.is_draining:
            raise Refusal(503, "closing", "The shop is closing. Try again in a moment.")

    def _turn(self, ref: str) -> asyncio.Lock:
        return self._turns.setdefault(ref, asyncio.Lock())

    def _hold(self, order: Order) -> Hold:
        return self._ticketing.reservations.resume(
            order.reservation_id,
            product_id=order.wanted.product_id,
            starts_at=order.wanted.starts_at,
            items=order.wanted.items,
            expires_at_utc=order.expires_at,
        )

    async def _slot(self, product_id: str, starts_at: str) -> tuple[Availability | None, str]:
        try:
            day = date.fromisoformat(starts_at[:10])
        except ValueError:
            raise Refusal(422, "invalid", "starts_at is no start of a slot.") from None
        found = await self._ticketing.availabilities.list(product_id, from_date=day, to_date=day)
        fits = (slot for slot in found.availabilities if self.start_of(slot) == starts_at)
        return next(fits, None), found.currency or "CHF"

    async def _listed(self, product_id: str, first: date, days: int) -> tuple[Availability, ...]:
        try:
            last = first + timedelta(days=days - 1)
        except OverflowError:
            raise Refusal(422, "invalid", "from_date is too far ahead.") from None
        found = await self._ticketing.availabilities.list(product_id, from_date=first, to_date=last)
        return found.availabilities

    async def _to_the_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Wait for work that goes on if the waiting is cancelled."""
        task = asyncio.create_task(work)
        self._sales.add(task)
        task.add_done_callback(self._sales.discard)
        return await asyncio.shield(task)


def _sold_out() -> Refusal:
    return Refusal(409, "sold_out", "These places are not to be had any more.")


def _told(error: Exception) -> str:
    """Name an error; only the SDK's own texts are known to be fit for a log."""
    return str(error) if isinstance(error, EgumaError) else type(error).__name__
