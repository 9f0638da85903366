"""Finding the records that a request names."""

from __future__ import annotations

from typing import TypeVar

from . import ids
from .call import KorusCall
from .catalog import Offer, OfferTicket, TicketSession
from .refusals import RefusedError
from .sales import Reservation
from .state import Record, State

R = TypeVar("R", bound=Record)

_PATTERNS: dict[type, str] = {
    Offer: ids.OFFER_PATTERN,
    OfferTicket: ids.TICKET_PATTERN,
    TicketSession: ids.SESSION_PATTERN,
    Reservation: ids.RESERVATION_PATTERN,
}


def named_in_body(state: State, call: KorusCall, kind: type[R], iri: str) -> R:
    """Return the record an IRI in a body names.

    Raises:
        RefusedError: It is no such IRI, names nothing, or names what is not open to the caller.
    """
    found = state.find(iri)
    if not isinstance(found, kind):
        known = ids.matches(_PATTERNS[kind], iri)
        raise RefusedError(
            400, f'Item not found for "{iri}".' if known else f'Invalid IRI "{iri}".'
        )
    state.check_access(found, call.caller)
    return found


def named_in_path(state: State, call: KorusCall, kind: type[R], iri: str) -> R:
    """Return the record a path names.

    Raises:
        RefusedError: There is none, or it is not open to the caller.
    """
    found = state.find(iri)
    if not isinstance(found, kind):
        raise RefusedError(404)
    state.check_access(found, call.caller)
    return found
