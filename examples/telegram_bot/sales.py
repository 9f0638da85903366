"""Sales under way: places are held while a customer makes up their mind."""

from __future__ import annotations

import asyncio
import enum
import logging
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import attrs

from eguma_async import (
    AsyncSession,
    Availability,
    Booking,
    Customer,
    EgumaError,
    InvalidRequestError,
    PriceChangedError,
    Product,
    Recovered,
    State,
)

from .catalogue import items_of

log = logging.getLogger("telegram_bot")

PATIENCE = 600.0
"""Seconds for which places are held while a customer makes up their mind."""
EVERY = 60.0
"""Seconds between two rounds of recovery."""
DRAIN_SECONDS = 20.0
"""How long a booking under way may hold up the end."""

GONE = "These places are gone. /start shows what is free."
DEARER = "The price has changed. /start shows the new one."
DOWN = "The ticket system does not answer. Nothing was booked. Try again later."
REFUSED = "The booking was refused. Nothing was booked. /start begins anew."
UNKNOWN = "It is not known yet whether this was booked. I will tell you here as soon as it is."
CANCELLED = "Cancelled: nothing was booked. /start begins anew."
OVER = "This offer has ended: nothing was booked. /start begins anew."
TOO_LATE = "Time is up: the places were given back. /start begins anew."
CLOSING = "The shop is closing: the places were given back. /start begins anew in a while."

_REF = re.compile(r"telegram-(-?\d+)-(\d+)", re.ASCII)


class Answer(enum.Enum):
    """What ends the waiting for a customer; the value is said if nothing is booked."""

    BOOK = ""
    CANCEL = CANCELLED
    CLOSE = CLOSING


@attrs.frozen
class Place:
    """A message of the bot, which is changed as the sale goes on.

    Attributes:
        chat: Id of the chat.
        message: Id of the message.
    """

    chat: int
    message: int

    @property
    def client_ref(self) -> str:
        """Name of the sale. However often the button is tapped, it is the same one."""
        return f"telegram-{self.chat}-{self.message}"


Ask = Callable[[str], Awaitable[Place]]
"""Sends a question with the buttons to book and to cancel, and tells where it stands."""
Tell = Callable[[Place, str], Awaitable[None]]
"""Changes a message to what came of it, as well as it can."""


class Sales:
    """Sells what customers confirm in time, and gives the rest back.

    Args:
        session: With a journal.
        tell: Changes a message.
        sleep: Waits; for tests.
    """

    def __init__(
        self,
        session: AsyncSession,
        tell: Tell,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._bookings = session.ticketing.bookings
        self._tell = tell
        self._sleep = sleep
        self._waiting: dict[Place, asyncio.Future[Answer]] = {}
        self._asking: set[asyncio.Future[str | None]] = set()
        self._sales: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def begin(
        self,
        product: Product,
        slot: Availability,
        count: int,
        customer: Customer,
        *,
        summary: str,
        ask: Ask,
    ) -> str | None:
        """Hold places, and go on in the background once the customer was asked.

        Args:
            product: What is sold.
            slot: When.
            count: How many tickets.
            customer: Who buys.
            summary: What the customer is asked to confirm.
            ask: Asks.

        Returns:
            Why nothing is held; None if it is.
        """
        asked: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._asking.add(asked)
        asked.add_done_callback(self._asking.discard)
        task = asyncio.create_task(
            self._sale(product, slot, count, customer, summary=summary, ask=ask, asked=asked)
        )
        self._sales.add(task)
        task.add_done_callback(self._sales.discard)
        return await asked

    async def answer(self, place: Place, answer: Answer) -> None:
        """Take a customer's answer. Only the first one counts."""
        if place not in self._waiting and self._asking:
            await asyncio.wait(self._asking)  # a tap may be faster than what Telegram answers us
        waiting = self._waiting.get(place)
        if waiting is None:
            # It has ended, or another process had it, which was killed: the journal knows.
            entry = await self._bookings.entry(place.client_ref)
            text = OVER if entry is None else _told(entry.state, entry.result)
            await self._tell(place, text)
        elif not waiting.done():
            waiting.set_result(answer)

    async def keep_up(self) -> None:
        """Finish what was begun, at the start and then every minute, and tell the customers."""
        while True:
            try:
                recovery = await self._bookings.recover(wait=False)
                for recovered in recovery.entries:
                    await self._tell_of(recovered)
            except EgumaError as error:
                log.warning("recovery failed: %s", error)
            await self._sleep(EVERY)

    async def close(self) -> None:
        """Let bookings under way end, and give back what nobody has confirmed."""
        self._is_closing = True
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_result(Answer.CLOSE)
        if self._sales:
            await asyncio.wait(self._sales, timeout=DRAIN_SECONDS)

    async def _sale(
        self,
        product: Product,
        slot: Availability,
        count: int,
        customer: Customer,
        *,
        summary: str,
        ask: Ask,
        asked: asyncio.Future[str | None],
    ) -> None:
        items = items_of(product, count)
        place: Place | None = None
        try:
            # Leaving this block without a booking gives the places back, whatever the reason.
            async with self._session.ticketing.reservations.hold(
                product_id=product.id,
                starts_at=slot.starts_at,
                items=items,
                expected_total_in_cents=slot.total_in_cents(items),
            ) as hold:
                place = await ask(summary)
                answering = self._expect(place)
                asked.set_result(None)
                answer = await self._within_time(answering)
                if answer is Answer.BOOK:
                    booking = await hold.book(customer, client_ref=place.client_ref)
                    text = _booked(booking.booking_reference, _numbers(booking))
                else:
                    text = TOO_LATE if answer is None else answer.value
        except EgumaError as error:
            log.warning("%s: %s", "a hold" if place is None else place.client_ref, error)
            text = _why(error, is_held=place is not None)
        except Exception as error:  # noqa: BLE001  # of Telegram's: the customer could not be asked
            log.warning("a customer could not be asked: %s", type(error).__name__)
            text = DOWN
        if not asked.done():
            asked.set_result(text)
        if place is not None:
            await self._tell(place, text)
            del self._waiting[place]

    def _expect(self, place: Place) -> asyncio.Future[Answer]:
        """Wait for an answer there. Whoever asks for something else in a chat lets go of it."""
        for other, waiting in self._waiting.items():
            if other.chat == place.chat and not waiting.done():
                waiting.set_result(Answer.CANCEL)
        answering: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting[place] = answering
        if self._is_closing:
            answering.set_result(Answer.CLOSE)
        return answering

    async def _within_time(self, answering: asyncio.Future[Answer]) -> Answer | None:
        timer = asyncio.ensure_future(self._sleep(PATIENCE))
        try:
            await asyncio.wait((answering, timer), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
        return answering.result() if answering.done() else None

    async def _tell_of(self, recovered: Recovered) -> None:
        found = _REF.fullmatch(recovered.entry.client_ref)
        if found is None or recovered.entry.state.is_open:
            return
        place = Place(int(found[1]), int(found[2]))
        await self._tell(place, _told(recovered.entry.state, recovered.entry.result))


def _why(error: EgumaError, *, is_held: bool) -> str:
    """Tell a customer what went wrong."""
    if error.outcome_unknown:
        return UNKNOWN if is_held else DOWN  # a hold that nobody knows of expires by itself
    if isinstance(error, PriceChangedError):
        return DEARER
    if isinstance(error, InvalidRequestError):
        return REFUSED if is_held else GONE
    return DOWN


def _told(state: State, result: Mapping[str, Any] | None) -> str:
    if state.is_open:
        return UNKNOWN
    if state is State.CONFIRMED and result is not None:
        numbers = [ticket["ticket_number"] for ticket in result["tickets"]]
        return _booked(result["booking_reference"], numbers)
    return REFUSED


def _numbers(booking: Booking) -> list[str]:
    return [ticket.ticket_number for ticket in booking.tickets]


def _booked(reference: str, numbers: list[str]) -> str:
    return "\n".join([f"Booked: order {reference}. Your tickets:", *numbers])
