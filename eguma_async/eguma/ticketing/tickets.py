"""Tickets: check-in and check-out at the gate."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.enums import OpenEnum
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import IN_PATH, Operation, ResponseContext
from eguma_async.core.scalars import Cents

from .matching import require_same

if TYPE_CHECKING:
    from eguma_async.core.session import Session
    from eguma_async.rendering.qr import TicketCode


class UnsuccessfulCode(OpenEnum):
    """Why a ticket was not checked in or out."""

    TICKET_NOT_FOUND = "ticket_not_found"
    TICKET_DELETED = "ticket_deleted"
    TICKET_ALREADY_CHECKEDIN = "ticket_already_checkedin"
    TICKET_NOT_CHECKEDIN = "ticket_not_checkedin"


@attrs.frozen(kw_only=True)
class TicketCheck:
    """The gate's answer. A refusal is a value, not an error: look at `is_successful`.

    It does not say which ticket it is about, so there is nothing to compare with what was asked.

    Attributes:
        is_successful: True if the ticket was checked in, or out.
        unsuccessful_code: Why not; None on success.
        unsuccessful_message: The server's words, if it sends any.
        product_id: Event or admission, on success, from newer servers.
        ticket_type_id: The same.
    """

    is_successful: bool
    unsuccessful_code: UnsuccessfulCode | None = None
    unsuccessful_message: str | None = None
    product_id: str | None = None
    ticket_type_id: str | None = None


@attrs.frozen(kw_only=True)
class TicketInfo:
    """What is known of a ticket.

    Attributes:
        created_at: Wall-clock time without zone.
        checked_in_at: The same; None if it is not checked in.
    """

    id: str
    ticket_number: str
    created_at: datetime
    price_in_cents: Cents
    is_checked_in: bool
    event_or_admission_id: str
    checked_in_at: datetime | None = None

    def qr(self) -> TicketCode:
        """Return its code, which the gate scans.

        Raises:
            ConfigurationError: The number is nothing that a code can say.
        """
        from eguma_async.rendering.qr import TicketCode

        return TicketCode(self.ticket_number)


@attrs.frozen(kw_only=True)
class CheckInTicket(Operation[TicketCheck]):
    """Check a ticket in.

    It is not sent again once it may have arrived: "already checked in" could then be our own
    doing or somebody else's.

    Source: article "Check-in" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/tickets/{number}/checkin.json"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    number: str = attrs.field(validator=checks.identifier, metadata=IN_PATH)


@attrs.frozen(kw_only=True)
class CheckOutTicket(Operation[TicketCheck]):
    """Check a ticket out. As with `CheckInTicket`, it is not sent again.

    Source: article "Check-out" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "POST"
    PATH: ClassVar[str] = "/v1/ticketing/tickets/{number}/checkout.json"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE

    number: str = attrs.field(validator=checks.identifier, metadata=IN_PATH)


@attrs.frozen(kw_only=True)
class GetTicket(Operation[TicketInfo]):
    """Read what is known of a ticket.

    Source: article "Ticket Information" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/tickets/{number}/info.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    number: str = attrs.field(validator=checks.identifier, metadata=IN_PATH)

    def complete(self, value: TicketInfo, context: ResponseContext, /) -> TicketInfo:
        """Check that it is told of the ticket asked for: somebody is let in on the strength of it.

        Raises:
            ResultMismatchError: It is told of another one.
        """
        require_same("ticket_number", self.number, value.ticket_number, value)
        return value


class Tickets:
    """``session.ticketing.tickets``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def check_in(self, number: str, *, timeouts: Timeouts | None = None) -> TicketCheck:
        """Check a ticket in, by its 19-digit number.

        Args:
            number: As it is printed in the QR code.
            timeouts: Limits of the attempt; a gate has little time.

        Raises:
            OutcomeUnknownError: It may have been checked in; `get` tells. So after any error
                whose `outcome_unknown` is True.
        """
        return await self._session.send(CheckInTicket(number=number), timeouts=timeouts)

    async def check_out(self, number: str, *, timeouts: Timeouts | None = None) -> TicketCheck:
        """Check a ticket out, by its 19-digit number.

        Args:
            number: As it is printed in the QR code.
            timeouts: Limits of the attempt.

        Raises:
            OutcomeUnknownError: It may have been checked out; `get` tells. So after any error
                whose `outcome_unknown` is True.
        """
        return await self._session.send(CheckOutTicket(number=number), timeouts=timeouts)

    async def get(self, number: str, *, timeouts: Timeouts | None = None) -> TicketInfo:
        """Read what is known of a ticket.

        Args:
            number: As it is printed in the QR code.
            timeouts: Limits of each attempt of this call.

        Raises:
            StatusError: The number is unknown; the API does not document with which status.
            ResultMismatchError: The server told of another ticket.
        """
        return await self._session.send(GetTicket(number=number), timeouts=timeouts)
