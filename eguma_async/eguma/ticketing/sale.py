"""The booking of what is held, and of what was held when the customer paid."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs

from eguma_async.core.errors import (
    AccessDeniedError,
    ConfigurationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    NotSentError,
    RefundDueError,
    SessionStateError,
    StatusError,
    unknown_outcome,
)
from eguma_async.core.journal import ClientRefConflictError, Intent
from eguma_async.core.messages import Timeouts
from eguma_async.core.session import Session

from .booking_models import Booking
from .booking_operations import BookTickets

BOOK_BY = timedelta(minutes=15)
"""For how long at most a recovery may book what was held."""

_GONE = (AccessDeniedError, ConflictError, InvalidRequestError, NotFoundError)


@attrs.frozen
class Sale:
    """One try to sell what is held.

    Attributes:
        session: Sends it.
        operation: The booking, with its hold.
        intent: Under which reference a journal keeps it.
        key: Idempotency key; None for one that is made, or that the journal has.
        timeouts: Limits of each attempt.
    """

    session: Session
    operation: BookTickets
    intent: Intent
    key: str | None = attrs.field(kw_only=True)
    timeouts: Timeouts | None = attrs.field(kw_only=True)

    async def send(self) -> Booking:
        """Book it."""
        return await self.session.send(
            self.operation,
            idempotency_key=self.key,
            timeouts=self.timeouts,
            intent=self._intent(self.intent),
        )

    async def without_hold(self, key: str | None) -> Booking:
        """Book the same without its hold, which has ended.

        Args:
            key: Idempotency key of an earlier try of this; None if there was none.

        Raises:
            RefundDueError: The places are gone.
            ClientRefConflictError: The reference stands for something else.
        """
        operation = attrs.evolve(self.operation, reservation_id=None)
        anew = attrs.evolve(self.intent, book_by=None, new_generation=True)
        try:
            return await self.session.send(
                operation, idempotency_key=key, timeouts=self.timeouts, intent=self._intent(anew)
            )
        except ClientRefConflictError:
            raise  # ours: the reference stands for something that may exist
        except _GONE as error:
            refusal: StatusError = error.with_traceback(None)
        if refusal.outcome_unknown:
            raise refusal
        raise RefundDueError(
            "the hold has ended and the places are gone: refund the payment",
            refusal=refusal,
            operation=operation.name(),
            attempts=refusal.attempts,
        )

    def _intent(self, intent: Intent) -> Intent | None:
        return intent if self.session.keeps_journal or intent.client_ref else None


def may_be_booked(error: BaseException) -> bool:
    """Tell whether a booking may have been made although it failed. What is not sure, may be."""
    if isinstance(error, StatusError):
        return error.outcome_unknown
    if isinstance(error, asyncio.CancelledError):
        return unknown_outcome(error) is not None
    return not isinstance(error, (ConfigurationError, NotSentError, SessionStateError))
