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
    READER_LEFT = 141
    TERMINATED = 143


EXIT_CODES = (
    "Exit codes: 0 done, 1 failed, 2 wrong usage or bad input, 3 key unknown or without rights,"
    " 4 not found, 5 refused by the server (invalid, conflict, sold out), 6 outcome unknown,"
    " 7 no connection, 130 interrupted (Ctrl-C), 141 the reader of the output left early (SIGPIPE),"
    " 143 terminated (SIGTERM).\n"
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


_READING = {
    "ListProducts": "listing the products",
    "ListAvailabilities": "listing the availabilities",
    "ListOrders": "listing the orders",
    "GetTicket": "reading the ticket",
    "FetchToken": "signing in",
    "ListCatalogs": "listing the catalogs",
    "ListProductBases": "listing the product bases",
    "ListOffers": "listing the offers",
    "GetOffer": "reading the offer",
    "GetOfferPrice": "asking for the price",
    "GetOfferAvailability": "asking for the stock",
    "ListOfferTickets": "listing the tickets",
    "ListOfferSessions": "listing the sessions",
    "ListReservations": "listing the reservations",
    "GetReservation": "reading the reservation",
    "GetOrder": "reading the order",
    "LinkDocument": "asking for the document",
    "DownloadDocument": "fetching the document",
}
_WRITING = {
    "ReserveTickets": "reserving",
    "CancelReservation": "releasing the reservation",
    "BookTickets": "booking",
    "CancelBooking": "cancelling the booking",
    "CheckInTicket": "checking in",
    "CheckOutTicket": "checking out",
    "ReserveOffers": "reserving",
    "CreateOrders": "ordering",
    "UpdateBeneficiary": "naming the beneficiary",
}
_DOING = {**_READING, **_WRITING}

_SETTLE = {
    "ReserveTickets": "a hold may exist; it ends by itself after 60 minutes",
    "CancelReservation": "the hold may be gone; it may be released again",
    "CancelBooking": "it may be cancelled already; look at `eguma orders`, or cancel it again",
    "CheckInTicket": "it may be checked in; see `eguma ticket info`",
    "CheckOutTicket": "it may be checked out; see `eguma ticket info`",
    "ReserveOffers": "a hold may exist; it ends by itself, usually after 15 minutes",
    "UpdateBeneficiary": "it may be done; see `eguma korus order-show`",
}
_LOOK = {
    "ReserveTickets": "see what is left with `eguma availabilities`",
    "BookTickets": "see what is left with `eguma availabilities`",
    "ReserveOffers": "see what is left with `eguma korus availability`",
    "LinkDocument": "it may not be there yet; see `eguma korus order-show` for what it waits for",
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
Advice = tuple[tuple[type[EgumaError], str], ...]

EGUMA_ADVICE: Advice = (
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
)
KORUS_ADVICE: Advice = (
    (
        AuthenticationError,
        (
            "check KORUS_CLIENT_ID and KORUS_CLIENT_SECRET, and that KORUS_TOKEN_URL belongs to"
            " the same environment"
        ),
    ),
    (AccessDeniedError, "it is not open to your organization"),
    (NotFoundError, "check the IRI"),
)
_ANY_ADVICE: Advice = (
    (RateLimitedError, "try again later"),
    (ServerError, "try again later"),
    (TransportError, "nothing was changed; check the network and the base URL"),
)


def exit_code(error: EgumaError) -> Exit:
    """Return the exit code an error stands for."""
    if _in_doubt(error):
        return Exit.UNKNOWN
    return next(code for kind, code in _CODES if isinstance(error, kind))


def explain(error: EgumaError, advice: Advice = EGUMA_ADVICE) -> str:
    """Return one line: what happened, the server's words, what to do.

    Args:
        error: What happened.
        advice: What the provider's users are told to do about it.
    """
    parts = [_what(error), clean(_words(error))]
    line = ": ".join(part.rstrip(".") for part in parts if part)
    told = _advised(error, advice)
    return f"{line}. {told[0].upper()}{told[1:]}." if told else f"{line}."


def explain_interruption(interruption: BaseException, word: str = "interrupted") -> str:
    """Return what to say about Ctrl-C: whether a request was under way, and how to settle it.

    Args:
        interruption: What ended the command.
        word: What happened to it.
    """
    doubt = unknown_outcome(interruption)
    if doubt is None or not _in_doubt(doubt):
        return word
    return f"{word} while {_doing(doubt)}: {_settle(doubt)}."


def resume_with(error: BaseException, option: str) -> bool:
    """Note on a call in doubt what names it to the command; False if it is in no doubt."""
    # An error of ours has the last word; an attempt in doubt behind it may have been settled.
    doubt = error if isinstance(error, EgumaError) else unknown_outcome(error)
    if doubt is None or not _in_doubt(doubt):
        return False
    doubt.add_note(option)
    return True


def _in_doubt(error: EgumaError) -> bool:
    """Tell whether something may have been changed: a read leaves nothing to settle."""
    return error.outcome_unknown and error.operation in _WRITING


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


def _advised(error: EgumaError, advice: Advice) -> str:
    if _in_doubt(error):
        return _settle(error)
    retry_after = getattr(error, "retry_after", None)
    if retry_after is not None:
        return f"try again in {retry_after:.0f} seconds"
    for kind, told in advice + _ANY_ADVICE:
        if isinstance(error, kind):
            return told
    return _LOOK.get(error.operation or "", "") if isinstance(error, StatusError) else ""


def _settle(error: EgumaError) -> str:
    options = clean(" ".join(getattr(error, "__notes__", ())))
    if error.operation == "BookTickets":
        return (
            "it may be booked; to resume it safely within 72 hours, repeat the same command with"
            f" {options} --idempotency-key {clean(error.idempotency_key or '')}"
        )
    if error.operation == "CreateOrders":
        return (
            "it may be booked; look a minute later, and before you order again, with"
            f" `eguma korus orders {options}`"
        )
    return _SETTLE.get(error.operation or "", "")
