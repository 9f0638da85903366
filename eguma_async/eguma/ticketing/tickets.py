"""Tickets: check-in and check-out at the gate."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.enums import OpenEnum
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import IN_PATH, Operation

if TYPE_CHECKING:
    from eguma_async.core.session import Session


class UnsuccessfulCode(OpenEnum):
    """Why a ticket was not checked in or out."""

    TICKET_NOT_FOUND = "ticket_not_found"
    TICKET_DELETED = "ticket_deleted"
    TICKET_ALREADY_CHECKEDIN = "ticket_already_checkedin"
    TICKET_NOT_CHECKEDIN = "ticket_not_checkedin"


@attrs.frozen(kw_only=True)
class TicketCheck:
    """The gate's answer. A refusal is a value, not an error: look at `is_successful`.

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
    price_in_cents: int
    is_checked_in: bool
    event_or_admission_id: str
    checked_in_at: datetime | None = None


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


class Tickets:
    """``session.ticketing.tickets``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def check_in(self, number: str) -> TicketCheck:
        """Check a ticket in, by its 19-digit number.

        Raises:
            OutcomeUnknownError: It may have been checked in; `get` tells. So after any error
                whose `outcome_unknown` is True.
        """
        return await self._session.send(CheckInTicket(number=number))

    async def check_out(self, number: str) -> TicketCheck:
        """Check a ticket out, by its 19-digit number.

        Raises:
            OutcomeUnknownError: It may have been checked out; `get` tells. So after any error
                whose `outcome_unknown` is True.
        """
        return await self._session.send(CheckOutTicket(number=number))

    async def get(self, number: str) -> TicketInfo:
        """Read what is known of a ticket.

        Raises:
            StatusError: The number is unknown; the API does not document with which status.
        """
        return await self._session.send(GetTicket(number=number))
