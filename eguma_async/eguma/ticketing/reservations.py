"""Reservations: places held for 60 minutes while the customer pays."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Coroutine, Iterable
from datetime import UTC, date, datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    SessionStateError,
    StatusError,
    unknown_outcome,
)
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, ResponseContext, Send

from .bookings import Booking, BookTickets, Customer
from .expiry import deadline
from .items import TicketItem, as_tuple, check_items

if TYPE_CHECKING:
    from eguma_async.core.session import Session

logger = logging.getLogger("eguma_async")

RELEASE_SECONDS = 5.0
"""How long leaving a hold may take at most."""

_releases: set[asyncio.Task[bool]] = set()


@attrs.frozen(kw_only=True)
class Reservation:
    """Places held.

    Attributes:
        reservation_id: Id of the hold.
        expires_at: When the hold ends by itself, as the server wrote it: without zone.
        received_at: When the answer came, aware, in UTC; None for an object made by hand.
    """

    reservation_id: str
    expires_at: datetime
    received_at: datetime | None = None

    @property
    def expires_at_utc(self) -> datetime:
        """When the hold ends by itself, aware, in UTC."""
        return deadline(self.expires_at, self.received_at or self.expires_at.replace(tzinfo=UTC))


@attrs.frozen(kw_only=True)
class ReleasedReservation:
    """A hold that is gone.

    Attributes:
        reservation_id: Id of the hold.
    """

    reservation_id: str


@attrs.frozen(kw_only=True)
class ReserveTickets(Operation[Reservation]):
    """Hold places for 60 minutes.

    The API takes no idempotency key here, so a second request would hold a second time: it is
    not sent again once it may have arrived. A hold whose answer was lost expires by itself.

    Source: article "Reserve Tickets" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/reservation.json"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    product_id: str = attrs.field(validator=checks.identifier)
    starts_at: datetime | date = attrs.field(validator=checks.wall_clock)
    items: tuple[TicketItem, ...] = attrs.field(converter=as_tuple, validator=check_items)

    def complete(self, value: Reservation, context: ResponseContext, /) -> Reservation:
        """Add when the answer came, from which the zone of `expires_at` follows."""
        return attrs.evolve(value, received_at=context.received_at)


@attrs.frozen(kw_only=True)
class CancelReservation(Operation[ReleasedReservation]):
    """Give held places back at once.

    It may be sent again, as it names one hold and can hit nothing else.

    Source: article "Cancel Reservation" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/cancel-reservation.json"
    REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT

    reservation_id: str = attrs.field(validator=checks.identifier)

    async def reconcile(
        self, refusal: StatusError, send: Send, began_at: datetime, /
    ) -> ReleasedReservation:
        """Take "unknown" after an attempt of unknown outcome for what it is: the hold is gone."""
        if isinstance(refusal, NotFoundError):
            return ReleasedReservation(reservation_id=self.reservation_id)
        raise refusal


class Hold:
    """Places held, to be booked before they expire. Made by `Reservations.hold`.

    Attributes:
        reservation: The hold as the server confirmed it.
    """

    def __init__(self, session: Session, held: ReserveTickets, reservation: Reservation) -> None:
        self.reservation = reservation
        self._session = session
        self._held = held
        self._pending_key: str | None = None
        self._busy: str | None = None
        self._ended: str | None = None

    def __repr__(self) -> str:
        state = self._ended or f"held until {self.expires_at_utc:%Y-%m-%d %H:%M:%S} UTC"
        return f"<Hold {self.reservation_id} {state}>"

    @property
    def reservation_id(self) -> str:
        """Id of the hold."""
        return self.reservation.reservation_id

    @property
    def expires_at_utc(self) -> datetime:
        """When the hold ends by itself, aware, in UTC."""
        return self.reservation.expires_at_utc

    @property
    def remaining(self) -> timedelta:
        """Time left to book, by the session's clock; never below zero."""
        return max(self.expires_at_utc - self._session.clock.now(), timedelta(0))

    @property
    def idempotency_key(self) -> str | None:
        """Key of a booking of unknown outcome, which `book` goes on with; None without one."""
        return self._pending_key

    @property
    def must_be_released(self) -> bool:
        """True if the places are held for nothing: no booking is made, on its way or possible."""
        return self._ended is None and self._pending_key is None and self._busy is None

    async def book(
        self,
        customer: Customer,
        *,
        language: str | None = None,
        idempotency_key: str | None = None,
    ) -> Booking:
        """Book exactly what is held.

        After an error with an unknown outcome, call it again: it goes on with the same key, so
        nothing is booked twice. The key stays, and the hold is kept, until a call succeeds: a
        refusal of a later call does not prove that the first one did not book.

        Args:
            customer: Who buys.
            language: ISO 639-1 language of the tickets.
            idempotency_key: Your own key for this booking; a UUID4 if not given.

        Raises:
            ConfigurationError: Another key, while it is unknown what became of the first one.
            SessionStateError: Already booked, released, or being so in another task.
            InvalidRequestError: The hold has expired, or the server refuses the booking.
            OutcomeUnknownError: It may have been booked.
        """
        self._require_free()
        operation = BookTickets(
            reservation_id=self.reservation_id,
            product_id=self._held.product_id,
            starts_at=self._held.starts_at,
            items=self._held.items,
            customer=customer,
            language=language,
        )
        key = self._key(idempotency_key)
        self._busy = "being booked already"
        try:
            booking = await self._session.send(operation, idempotency_key=key)
        except BaseException as error:
            if _in_doubt(error):
                self._pending_key = key
            raise
        finally:
            self._busy = None
        self._ended = "booked"
        return booking

    async def release(self) -> None:
        """Give the places back at once. A hold that is gone already is no error.

        Raises:
            SessionStateError: It is being booked, or released, by another task.
        """
        if self._ended:
            return
        self._require_free()
        self._busy = "being released"
        try:
            await self._session.send(CancelReservation(reservation_id=self.reservation_id))
        except NotFoundError:
            logger.debug("hold %s was gone already", self.reservation_id)
        finally:
            self._busy = None
        self._ended = "released"

    def _require_free(self) -> None:
        state = self._ended or self._busy
        if state:
            raise SessionStateError(f"this hold is {state}")

    def _key(self, given: str | None) -> str:
        pending = self._pending_key
        if pending is not None and given not in (None, pending):
            raise ConfigurationError(
                "it is unknown whether this hold was booked with the key used before; leave"
                " idempotency_key out to go on with that one"
            )
        return pending or (str(uuid.uuid4()) if given is None else given)


def _in_doubt(error: BaseException) -> bool:
    """Tell whether a booking may have been made although it failed. What is not sure, may be."""
    if isinstance(error, StatusError):
        return error.outcome_unknown
    if isinstance(error, asyncio.CancelledError):
        return unknown_outcome(error) is not None
    return not isinstance(error, (ConfigurationError, NotSentError, SessionStateError))


class HoldContext:
    """``async with`` around a hold: places are held on entering and given back on leaving.

    If entering is cancelled while the reservation is under way, its answer is waited for, for
    5 seconds at most, and the places are given back.

    Nothing is given back once the hold is booked, nor while it is unknown whether it was.
    """

    def __init__(self, session: Session, operation: ReserveTickets) -> None:
        self._session = session
        self._operation = operation
        self._hold: Hold | None = None
        self._entered = False

    async def __aenter__(self) -> Hold:
        if self._entered:
            raise SessionStateError("this hold was entered before; make a new one")
        self._entered = True
        # A task of its own: if waiting is cancelled, its answer names the hold to give back.
        reserving = asyncio.create_task(self._session.send(self._operation))
        try:
            reservation = await asyncio.shield(reserving)
        except asyncio.CancelledError as cancelled:
            left = OutcomeUnknownError(
                "a hold may be left; it expires by itself", operation=self._operation.name()
            )
            try:
                given_back = await _see_through(self._give_back(reserving))
            except asyncio.CancelledError as again:
                again.__cause__ = left
                raise
            if not given_back:
                cancelled.__cause__ = left
            raise
        self._hold = Hold(self._session, self._operation, reservation)
        return self._hold

    async def _give_back(self, reserving: asyncio.Task[Reservation]) -> None:
        try:
            reservation = await reserving
        except (EgumaError, asyncio.CancelledError) as error:
            if unknown_outcome(error) is not None:
                raise
            return  # nothing was held
        await Hold(self._session, self._operation, reservation).release()

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._hold is not None and self._hold.must_be_released:
            await _see_through(self._hold.release())


async def _see_through(release: Coroutine[Any, Any, None]) -> bool:
    """Wait for a release; tell if it worked. A cancellation ends the waiting, not the release."""
    task = asyncio.create_task(_quietly(release))
    _releases.add(task)
    task.add_done_callback(_releases.discard)
    await asyncio.wait((task,))  # which raises nothing, whatever becomes of the release
    return not task.cancelled() and task.result()


async def _quietly(release: Coroutine[Any, Any, None]) -> bool:
    try:
        async with asyncio.timeout(RELEASE_SECONDS):
            await release
    except Exception as error:  # noqa: BLE001  # the reason for leaving matters more than this
        logger.debug(
            "a hold was not released (%s); it expires by itself",
            error if isinstance(error, EgumaError) else type(error).__name__,
        )
        return False
    return True


class Reservations:
    """``session.ticketing.reservations``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self, *, product_id: str, starts_at: datetime | date, items: Iterable[TicketItem]
    ) -> Reservation:
        """Hold places for 60 minutes. `hold` does the same and releases them when left.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once.

        Raises:
            InvalidRequestError: Sold out, past the cut-off, no such slot or category.
            NotFoundError: The product is unknown, or another merchant's.
            AccessDeniedError: The product is not enabled for this key.
            OutcomeUnknownError: A hold may exist; it expires by itself after 60 minutes. So after
                any error whose `outcome_unknown` is True.
        """
        return await self._session.send(
            ReserveTickets(product_id=product_id, starts_at=starts_at, items=as_tuple(items))
        )

    async def cancel(self, reservation_id: str) -> ReleasedReservation:
        """Give held places back at once.

        Raises:
            NotFoundError: Unknown, expired, released or booked already: nothing is held.
        """
        return await self._session.send(CancelReservation(reservation_id=reservation_id))

    def hold(
        self, *, product_id: str, starts_at: datetime | date, items: Iterable[TicketItem]
    ) -> HoldContext:
        """Hold places for the length of an ``async with`` block.

        Leaving the block without a booking gives them back, as well as that can be done in
        5 seconds; failing that, they expire by themselves. An error in the block is never masked.

        Args:
            product_id: Id of an active product.
            starts_at: The slot's own `starts_at`; for a day slot a date will do.
            items: At least one, each category once.

        Raises:
            EgumaError: On entering, as for `create`.
        """
        return HoldContext(
            self._session,
            ReserveTickets(product_id=product_id, starts_at=starts_at, items=as_tuple(items)),
        )
