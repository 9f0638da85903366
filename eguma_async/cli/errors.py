"""Errors as exit codes, and as one line that says what happened and what to do."""

from __future__ import annotations

import enum

from eguma_async.core.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    DecodingError,
    EgumaError,
    IdempotencyMismatchError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    ServerError,
    StatusError,
    TransportError,
    unknown_outcome,
)

from .text import clean


class Exit(enum.IntEnum):
    """The exit codes."""

    OK = 0
    FAILURE = 1
    USAGE = 2
    ACCESS = 3
    NOT_FOUND = 4
    REFUSED = 5
    UNKNOWN = 6
    NO_CONNECTION = 7
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or without rights,"
    " 4 not found, 5 refused by the server (invalid, conflict, sold out), 6 outcome unknown,"
    " 7 no connection, 130 interrupted.\n"
)


class Stop(Exception):  # noqa: N818  # declining a question is no error
    """End the command with one line on stderr.

    Attributes:
        line: What to say.
        code: The exit code.
    """

    def __init__(self, line: str, code: Exit = Exit.FAILURE) -> None:
        super().__init__(line)
        self.line = line
        self.code = code


def usage(line: str) -> Stop:
    """Make the end of a command that was called wrongly."""
    return Stop(line, Exit.USAGE)


_DOING = {
    "ListProducts": "listing the products",
    "ListAvailabilities": "listing the availabilities",
    "ListOrders": "listing the orders",
    "GetTicket": "reading the ticket",
    "ReserveTickets": "reserving",
    "CancelReservation": "releasing the reservation",
    "BookTickets": "booking",
    "CancelBooking": "cancelling the booking",
    "CheckInTicket": "checking in",
    "CheckOutTicket": "checking out",
}
_READS = frozenset({"ListProducts", "ListAvailabilities", "ListOrders", "GetTicket"})

_SETTLE = {
    "ReserveTickets": "a hold may exist; it ends by itself after 60 minutes",
    "CancelReservation": "the hold may be gone; it may be released again",
    "CancelBooking": "it may be cancelled already; look at `eguma orders`, or cancel it again",
    "CheckInTicket": "it may be checked in; see `eguma ticket info`",
    "CheckOutTicket": "it may be checked out; see `eguma ticket info`",
}


_CODES: tuple[tuple[type[EgumaError], Exit], ...] = (
    (ConfigurationError, Exit.USAGE),
    (TransportError, Exit.NO_CONNECTION),
    (AuthenticationError, Exit.ACCESS),
    (AccessDeniedError, Exit.ACCESS),
    (NotFoundError, Exit.NOT_FOUND),
    (InvalidRequestError, Exit.REFUSED),
    (ConflictError, Exit.REFUSED),
    (EgumaError, Exit.FAILURE),
)
_ADVICE: tuple[tuple[type[EgumaError], str], ...] = (
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
    (RateLimitedError, "try again later"),
    (ServerError, "try again later"),
    (TransportError, "nothing was changed; check the network and the base URL"),
)


def exit_code(error: EgumaError) -> Exit:
    """Return the exit code an error stands for."""
    if _in_doubt(error):
        return Exit.UNKNOWN
    return next(code for kind, code in _CODES if isinstance(error, kind))


def explain(error: EgumaError) -> str:
    """Return one line: what happened, the server's words, what to do."""
    parts = [_what(error), clean(_words(error))]
    line = ": ".join(part.rstrip(".") for part in parts if part)
    advice = _advice(error)
    return f"{line}. {advice[0].upper()}{advice[1:]}." if advice else f"{line}."


def explain_interruption(interruption: BaseException) -> str:
    """Return what to say about Ctrl-C: whether a request was under way, and how to settle it."""
    doubt = unknown_outcome(interruption)
    if doubt is None or not _in_doubt(doubt):
        return "interrupted"
    return f"interrupted while {_doing(doubt)}: {_settle(doubt)}."


def resume_with(error: BaseException, option: str) -> bool:
    """Note on a booking in doubt what else the command must repeat; False if it is in no doubt."""
    doubt = unknown_outcome(error) or error
    if not isinstance(doubt, EgumaError) or not _in_doubt(doubt):
        return False
    doubt.add_note(option)
    return True


def _in_doubt(error: EgumaError) -> bool:
    """Tell whether something may have been changed: a read leaves nothing to settle."""
    accepted = isinstance(error, DecodingError)
    return (error.outcome_unknown or accepted) and error.operation in _DOING.keys() - _READS


def _doing(error: EgumaError) -> str:
    return _DOING.get(error.operation or "", "the command")


def _what(error: EgumaError) -> str:
    if error.operation is None:
        return ""
    if _in_doubt(error):
        return f"{_doing(error)} has an unknown outcome"
    return f"{_doing(error)} failed"


def _words(error: EgumaError) -> str:
    if isinstance(error, StatusError):
        code = f" {error.error_code}" if error.error_code else ""
        return f"HTTP {error.status}{code}" + (f": {error.message}" if error.message else "")
    if isinstance(error, DecodingError):
        return f"{error.message} ({'; '.join(error.problems[:3])})"
    if isinstance(error, OutcomeUnknownError) and error.refusal is not None:
        return f"{error.message} ({_words(error.refusal)})"
    return error.message


def _advice(error: EgumaError) -> str:
    if _in_doubt(error):
        return _settle(error)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        return f"try again in {retry_after:.0f} seconds"
    for kind, advice in _ADVICE:
        if isinstance(error, kind):
            return advice
    if isinstance(error, StatusError) and error.operation in ("ReserveTickets", "BookTickets"):
        return "see what is left with `eguma availabilities`"
    return ""


def _settle(error: EgumaError) -> str:
    if error.operation != "BookTickets":
        return _SETTLE.get(error.operation or "", "")
    options = [*getattr(error, "__notes__", ()), f"--idempotency-key {error.idempotency_key}"]
    return (
        "it may be booked; to resume it safely within 72 hours, repeat the same command with"
        f" {clean(' '.join(options))}"
    )
