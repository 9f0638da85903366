"""Holds: places that are booked before they expire, or given back."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any

from eguma_async.core.errors import (
    ConfigurationError,
    EgumaError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    PriceChangedError,
    ResultMismatchError,
    SessionStateError,
    unknown_outcome,
)
from eguma_async.core.journal import ClientRefConflictError, Intent, LatePolicy
from eguma_async.core.log import logger
from eguma_async.core.messages import Timeouts
from eguma_async.pipeline.call import cancelled_as

from .availabilities import ListAvailabilities
from .booking_models import Booking, Customer
from .booking_operations import BookTickets
from .expiry import Countdown
from .ranges import days_of
from .releasing import give_back, quietly, until_done
from .reservation_models import Reservation, ReserveTickets
from .sale import BOOK_BY, Sale, may_be_booked
from .starts import same_start

if TYPE_CHECKING:
    from eguma_async.core.session import Session


class Hold:
    """Places held, to be booked before they expire. Made by `Reservations.hold` and `resume`.

    Args:
        left: How much is left of a hold that was made before; None for a new one.

    Attributes:
        reservation: The hold as the server confirmed it.
        total_in_cents: What the places cost, read once they were held; None if no total was
            expected. It is the expected one or less.
    """

    def __init__(
        self,
        session: Session,
        held: ReserveTickets,
        reservation: Reservation,
        left: timedelta | None = None,
    ) -> None:
        self.reservation = reservation
        self.total_in_cents: int | None = None
        self._session = session
        self._held = held
        self._is_resumed = left is not None
        self._countdown = Countdown(session.clock, reservation.length if left is None else left)
        self._pending_key: str | None = None
        self._pending_ref: str | None = None
        self._without_hold = False
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
        """Time left to book; never below zero, and never more than a hold is long.

        It is measured from the answer on, so a machine whose clock is wrong counts down like any.
        """
        return self._countdown.left

    @property
    def idempotency_key(self) -> str | None:
        """Key of a booking of unknown outcome, which `book` goes on with; None without one."""
        return self._pending_key

    @property
    def is_booked(self) -> bool:
        """True if the booking was made, be it with other tickets than asked for."""
        return self._ended == "booked"

    @property
    def must_be_released(self) -> bool:
        """True if the places are held for nothing: no booking is made, on its way or possible."""
        return self._ended is None and not self._is_in_doubt and self._busy is None

    @property
    def _is_in_doubt(self) -> bool:
        return self._pending_key is not None or self._pending_ref is not None

    async def book(
        self,
        customer: Customer,
        *,
        language: str | None = None,
        idempotency_key: str | None = None,
        client_ref: str | None = None,
        late: LatePolicy = LatePolicy.DISCOVER,
        even_without_hold: bool = False,
        timeouts: Timeouts | None = None,
    ) -> Booking:
        """Book exactly what is held.

        After an error with an unknown outcome, call it again: it goes on with the same key, so
        nothing is booked twice. The key stays, and the hold is kept, until a call succeeds: a
        refusal of a later call does not prove that the first one did not book.

        Args:
            customer: Who buys.
            language: ISO 639-1 language of the tickets.
            idempotency_key: Your own key for this booking; a UUID4 if not given, or what follows
                from the `client_ref`.
            client_ref: As for `Bookings.create`. A recovery may book until the hold ends, but
                for 15 minutes at most.
            late: As for `Bookings.create`.
            even_without_hold: The customer has paid: if the hold has ended meanwhile, book the
                same without it.
            timeouts: Limits of each attempt of this call.

        Raises:
            RefundDueError: With `even_without_hold`: the hold has ended and the places are gone.
            ClientRefConflictError: The `client_ref` stands for something else.
            ConfigurationError: Another key or `client_ref`, while it is unknown what became of the
                first one. Or `even_without_hold` for a resumed hold, and no `client_ref`.
            SessionStateError: Already booked, released, or being so in another task.
            InvalidRequestError: The hold has expired, or the server refuses the booking.
            ResultMismatchError: It was booked, but with other tickets than asked for: the booking
                is its `result`.
            OutcomeUnknownError: It may have been booked.
        """
        self._require_free()
        if self._is_resumed and even_without_hold and client_ref is None:
            raise ConfigurationError(
                "even_without_hold needs a client_ref here: only a journal knows whether this hold"
                " was booked before it was resumed"
            )
        operation = BookTickets(
            reservation_id=self.reservation_id,
            product_id=self._held.product_id,
            starts_at=self._held.starts_at,
            items=self._held.items,
            customer=customer,
            language=language,
        )
        sale = Sale(
            self._session,
            operation,
            Intent(client_ref=self._ref(client_ref), book_by=self._book_by(), late=late),
            key=self._key(idempotency_key),
            timeouts=timeouts,
        )
        self._busy = "being booked already"
        try:
            booking = await self._sold(sale, even_without_hold)
        except ResultMismatchError:
            self._set_booked()
            raise
        except BaseException as error:
            self._note(error, sale)
            raise
        finally:
            self._busy = None
        self._set_booked()
        return booking

    async def _sold(self, sale: Sale, even_without_hold: bool) -> Booking:
        if even_without_hold and self._without_hold:
            return await sale.without_hold(self._pending_key)
        if not even_without_hold:
            return await sale.send()
        if self.remaining or self._is_in_doubt or self._is_resumed:
            try:
                return await sale.send()
            except (InvalidRequestError, NotFoundError) as refusal:
                if refusal.outcome_unknown or (self.remaining and refusal.status != 404):
                    raise
            except ClientRefConflictError:  # the sale without hold has been begun elsewhere?
                if self.remaining or not self._is_resumed:
                    raise
        self._without_hold, self._pending_key = True, None
        return await sale.without_hold(None)

    def _note(self, error: BaseException, sale: Sale) -> None:
        if not may_be_booked(error):
            return
        known = error if isinstance(error, EgumaError) else unknown_outcome(error)
        told = known.idempotency_key if known else None
        self._pending_key = told or sale.key or self._pending_key
        # An error that names no reference says nothing of the one that is in doubt already.
        self._pending_ref = (known.client_ref if known else None) or self._pending_ref

    def _book_by(self) -> datetime | None:
        if not self.remaining or not self._session.keeps_journal:
            return None
        return self._session.clock.now() + min(self.remaining, BOOK_BY)

    def _set_booked(self) -> None:
        self._ended, self._pending_key, self._pending_ref = "booked", None, None

    async def release(self, *, timeouts: Timeouts | None = None) -> None:
        """Give the places back at once. A hold that is gone already is no error.

        Cancelling this ends the waiting, not the giving back.

        Args:
            timeouts: Limits of each attempt of this call.

        Raises:
            SessionStateError: It is being booked, or released, by another task.
            ResultMismatchError: The server says that it released another hold.
        """
        if self._ended:
            return
        self._require_free()
        releasing = self._session.in_background(self._begin_release(timeouts))
        try:
            await until_done(releasing)
            if releasing.cancelled():
                raise SessionStateError("the session was closed before the places were given back")
            releasing.result()
        finally:
            del releasing  # its error and this frame would hold each other

    def _begin_release(self, timeouts: Timeouts | None) -> Coroutine[Any, Any, None]:
        self._busy = "being released"
        return self._release(timeouts)

    async def _release(self, timeouts: Timeouts | None) -> None:
        try:
            await give_back(self._session, self.reservation_id, timeouts)
        except NotFoundError:
            logger.debug("hold %s was gone already", self.reservation_id)
        finally:
            self._busy = None
        self._ended = "released"

    def _require_free(self) -> None:
        state = self._ended or self._busy
        if state:
            raise SessionStateError(f"this hold is {state}")

    def _ref(self, given: str | None) -> str | None:
        if self._pending_ref is not None and given not in (None, self._pending_ref):
            raise ConfigurationError(
                "it is unknown whether this hold was booked under the client_ref used before; leave"
                " client_ref out to go on with that one"
            )
        return given or self._pending_ref

    def _key(self, given: str | None) -> str | None:
        pending = self._pending_key
        if pending is not None and given not in (None, pending):
            raise ConfigurationError(
                "it is unknown whether this hold was booked with the key used before; leave"
                " idempotency_key out to go on with that one"
            )
        if self._session.keeps_journal:
            return given  # it has the key of what is pending
        return pending or (str(uuid.uuid4()) if given is None else given)


class HoldContext:
    """``async with`` around a hold: places are held on entering and given back on leaving.

    If entering is cancelled while the reservation is under way, its answer is waited for, for
    5 seconds at most, and the places are given back.

    Nothing is given back once the hold is booked, nor while it is unknown whether it was.
    """

    def __init__(
        self,
        session: Session,
        operation: ReserveTickets,
        *,
        expected_total_in_cents: int | None = None,
        timeouts: Timeouts | None = None,
    ) -> None:
        self._session = session
        self._operation = operation
        self._expected = expected_total_in_cents
        self._timeouts = timeouts
        self._hold: Hold | None = None
        self._entered = False

    async def __aenter__(self) -> Hold:
        if self._entered:
            raise SessionStateError("this hold was entered before; make a new one")
        self._entered = True
        hold = await self._reserve()
        if self._expected is not None:
            await self._check_price(hold, self._expected)
        self._hold = hold
        return hold

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._hold is not None and self._hold.must_be_released:
            await self._leave(self._hold)

    async def _reserve(self) -> Hold:
        # A task of its own: if waiting is cancelled, its answer names the hold to give back.
        sending = self._session.send(self._operation, timeouts=self._timeouts)
        reserving = asyncio.create_task(sending)
        try:
            await until_done(reserving)
            return self._hold_of(reserving.result())
        except asyncio.CancelledError:
            left = OutcomeUnknownError(
                "a hold may be left; it expires by itself", operation=self._operation.name()
            )
            with cancelled_as(left):
                if not await self._in_background(self._undo(reserving)):
                    raise
            raise
        finally:
            del reserving  # its error and this frame would hold each other

    async def _undo(self, reserving: asyncio.Task[Reservation]) -> None:
        try:
            reservation = await reserving
        except (EgumaError, asyncio.CancelledError) as error:
            if unknown_outcome(error) is not None:
                raise
            return  # nothing was held
        try:
            await give_back(self._session, reservation.reservation_id, self._timeouts)
        except NotFoundError:
            logger.debug("hold %s was gone already", reservation.reservation_id)

    async def _check_price(self, hold: Hold, expected: int) -> None:
        try:
            hold.total_in_cents = await self._total_now()
            _require_total(hold.total_in_cents, expected)
        except BaseException:
            await self._leave(hold)
            raise

    async def _total_now(self) -> int | None:
        wanted = self._operation
        first, last = days_of(wanted.starts_at)
        found = await self._session.send(
            ListAvailabilities(product_id=wanted.product_id, from_date=first, to_date=last),
            timeouts=self._timeouts,
        )
        totals = [
            slot.total_in_cents(wanted.items)
            for slot in found.availabilities
            if same_start(slot.starts_at, wanted.starts_at)
        ]
        known = [total for total in totals if total is not None]
        # Two slots of one start are those of an hour that autumn repeats.
        return max(known) if known and len(known) == len(totals) else None

    async def _leave(self, hold: Hold) -> None:
        releasing = hold._begin_release(self._timeouts)  # noqa: SLF001  # of this module
        await self._in_background(releasing)

    async def _in_background(self, release: Coroutine[Any, Any, None]) -> bool:
        """Give places back, and tell if it worked. A cancellation ends the waiting alone."""
        releasing = self._session.in_background(quietly(release))
        await until_done(releasing)
        return not releasing.cancelled() and releasing.result()

    def _hold_of(self, reservation: Reservation) -> Hold:
        return Hold(self._session, self._operation, reservation)


def _require_total(total: int | None, expected: int) -> None:
    if total is None:
        raise PriceChangedError("the price is not known", expected=expected)
    if total > expected:
        raise PriceChangedError("the price has risen", expected=expected, actual=total)
