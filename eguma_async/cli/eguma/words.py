"""Words and advice about the operations and errors of e-guma."""

from __future__ import annotations

from eguma_async.cli.errors import Advice, Words
from eguma_async.core.errors import (
    AccessDeniedError,
    AuthenticationError,
    IdempotencyMismatchError,
    NotFoundError,
    TransportError,
)

_RECOVER = "eguma journal recover"
_STOCK = "see what is left with `eguma availabilities`"

ADVICE = Advice(
    operations={
        "ListProducts": Words(doing="listing the products"),
        "ListAvailabilities": Words(doing="listing the availabilities"),
        "ListOrders": Words(doing="listing the orders"),
        "GetTicket": Words(doing="reading the ticket"),
        "ReserveTickets": Words(
            doing="reserving",
            in_doubt="a hold may exist; it ends by itself after 60 minutes",
            refused=_STOCK,
        ),
        "CancelReservation": Words(
            doing="releasing the reservation",
            in_doubt="the hold may be gone; it may be released again",
        ),
        "BookTickets": Words(
            doing="booking",
            in_doubt=(
                "it may be booked; to resume it safely within 72 hours, repeat the same command"
                " with {options} --idempotency-key {key}"
            ),
            refused=_STOCK,
            recover=_RECOVER,
        ),
        "CancelBooking": Words(
            doing="cancelling the booking",
            in_doubt="it may be cancelled already; look at `eguma orders`, or cancel it again",
            recover=_RECOVER,
        ),
        "CheckInTicket": Words(
            doing="checking in", in_doubt="it may be checked in; see `eguma ticket info`"
        ),
        "CheckOutTicket": Words(
            doing="checking out", in_doubt="it may be checked out; see `eguma ticket info`"
        ),
    },
    errors=(
        (
            AuthenticationError,
            "check EGUMA_API_KEY: the key is mistyped, unknown or switched off",
        ),
        (
            AccessDeniedError,
            "the key is valid, but may not do this; the merchant must enable it",
        ),
        (NotFoundError, "check the id; it must belong to this key"),
        (
            IdempotencyMismatchError,
            (
                "the idempotency key belongs to another booking: give the very same arguments,"
                " --reservation included, or look at `eguma orders` before taking a new key"
            ),
        ),
        (
            TransportError,
            (
                "nothing was changed; check the network, the base URL and any proxy:"
                " `eguma doctor` looks at each of them"
            ),
        ),
    ),
)
