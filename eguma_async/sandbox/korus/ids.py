"""Identifiers of the simulated API, and the forms its addresses have."""

from __future__ import annotations

import re
from datetime import datetime
from random import Random
from uuid import UUID

UUID_PATTERN = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
"""Any version: the published pattern says 7, the published examples disagree."""

CATALOGS = "/v1/ticketing/catalogs"
RESERVATIONS = "/v1/booking/reservations"
ORDERS = "/v1/booking/orders"

CATALOG_PATTERN = f"{CATALOGS}/{UUID_PATTERN}"
OFFER_PATTERN = f"{CATALOG_PATTERN}/offers/{UUID_PATTERN}"
TICKET_PATTERN = f"{OFFER_PATTERN}/tickets/{UUID_PATTERN}"
SESSION_PATTERN = f"{TICKET_PATTERN}/sessions/{UUID_PATTERN}"
RESERVATION_PATTERN = f"{RESERVATIONS}/{UUID_PATTERN}"


def uuid7(moment: datetime, random: Random) -> str:
    """Return a version 7 UUID: the moment in milliseconds, then random bits."""
    millis = int(moment.timestamp() * 1000)
    bits = millis << 80 | 7 << 76 | random.getrandbits(12) << 64 | 2 << 62 | random.getrandbits(62)
    return str(UUID(int=bits))


def genid(random: Random) -> str:
    """Return the throw-away address of an object without one of its own."""
    return f"/.well-known/genid/{random.getrandbits(80):020x}"


def last_segment(id_or_iri: str) -> str:
    """Return the id of an IRI; an id is returned as it is."""
    return id_or_iri.rsplit("/", 1)[-1]


def matches(pattern: str, text: str) -> bool:
    """Tell whether a whole text has the form of a pattern."""
    return re.fullmatch(pattern, text) is not None
