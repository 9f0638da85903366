from __future__ import annotations

import asyncio
from typing import Any

import pytest

from eguma_async.cli import eguma, korus
from eguma_async.cli.app import OPERATIONS
from eguma_async.cli.errors import (
    EXIT_CODES,
    Exit,
    exit_code,
    explain,
    explain_interruption,
    resume_with,
)
from eguma_async.core.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    DecodingError,
    EgumaError,
    IdempotencyMismatchError,
    InvalidRequestError,
    JournalError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RateLimitedError,
    RefundDueError,
    ResultMismatchError,
    ServerError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.journal import ClientRefConflictError


def decoding(*, outcome_unknown: bool, **details: Any) -> DecodingError:
    error = DecodingError("unreadable answer", **details)
    error.outcome_unknown = outcome_unknown
    return error


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigurationError("x"), 2),
        (SessionStateError("x"), 1),
        (AuthenticationError(status=401), 3),
        (AccessDeniedError(status=403), 3),
        (NotFoundError(status=404), 4),
        (InvalidRequestError(status=400), 5),
        (ConflictError(status=409), 5),
        (ClientRefConflictError("x"), 5),
        (RefundDueError("x"), 5),
        (JournalError("x"), 1),
        (IdempotencyMismatchError(status=409), 5),
        (OutcomeUnknownError("x", operation="BookTickets"), 6),
        (OutcomeUnknownError("x", operation="CancelBooking"), 6),
        (ServerError(status=500, outcome_unknown=True, operation="BookTickets"), 6),
        (decoding(operation="BookTickets", outcome_unknown=True), 6),
        (decoding(operation="CreateOrders", outcome_unknown=True), 6),
        (decoding(operation="CreateOrders", outcome_unknown=False), 1),
        (ServerError(status=500, operation="ListProducts"), 1),
        (ServerError(status=500, outcome_unknown=True, operation="RedeemVoucher"), 6),
        (OutcomeUnknownError("x", operation="RedeemVoucher"), 6),
        (OutcomeUnknownError("x"), 6),
        (ResultMismatchError(operation="BookTickets"), 6),
        (OutcomeUnknownError("x", operation="CreateOrders"), 6),
        (OutcomeUnknownError("x", operation="ReserveOffers"), 6),
        (TransportError("x", operation="FetchToken"), 7),
        (TransportError("x", operation="ListProducts"), 7),
        (NotSentError("x", operation="BookTickets"), 7),
        (DecodingError("x", operation="ListProducts"), 1),
        (RateLimitedError(status=429), 1),
        (ServerError(status=503), 1),
    ],
)
def test_every_error_has_the_documented_exit_code(error: EgumaError, code: int) -> None:
    assert exit_code(error) == code


def test_a_refusal_is_told_in_one_line_with_status_code_words_and_advice() -> None:
    error = InvalidRequestError(
        "No places\x1b[31m left.\r\nSorry",
        status=400,
        error_code="validation_error",
        operation="BookTickets",
    )

    assert explain(error, eguma.ADVICE) == (
        "booking failed: HTTP 400 validation_error: No places [31m left. Sorry."
        " See what is left with `eguma availabilities`."
    )


BOOKING: dict[str, Any] = {"operation": "BookTickets", "idempotency_key": "k-1"}


@pytest.mark.parametrize(
    "error",
    [
        OutcomeUnknownError("cut off", **BOOKING),
        ServerError(status=500, outcome_unknown=True, **BOOKING),
        decoding(outcome_unknown=True, **BOOKING),
    ],
)
def test_a_booking_in_doubt_says_what_to_repeat_to_resume_it(error: EgumaError) -> None:
    assert resume_with(error, "--reservation r-1")

    told = explain(error, eguma.ADVICE)
    assert "unknown outcome" in told
    assert "--reservation r-1 --idempotency-key k-1" in told


def test_the_refusal_behind_an_unknown_outcome_is_told() -> None:
    refusal = NotFoundError("gone", status=404, error_code="not_found")
    error = OutcomeUnknownError("refused", refusal=refusal, operation="CancelBooking")

    assert "HTTP 404 not_found: gone" in explain(error)


def test_a_refused_booking_is_not_resumed() -> None:
    error = InvalidRequestError(status=400, operation="BookTickets", idempotency_key="k-1")

    assert not resume_with(error, "--reservation r-1")
    assert "k-1" not in explain(error)


def test_the_error_itself_decides_not_an_attempt_behind_it() -> None:
    in_doubt = decoding(outcome_unknown=True, **BOOKING)
    refused = InvalidRequestError(status=400, **BOOKING)
    in_doubt.__context__ = refused.__context__ = OutcomeUnknownError("an attempt", **BOOKING)

    assert resume_with(in_doubt, "--reservation r-1")
    assert not resume_with(refused, "--reservation r-1")


def test_a_throttled_call_says_how_long_to_wait() -> None:
    assert (
        "try again in 7 seconds" in explain(RateLimitedError(status=429, retry_after=7.0)).lower()
    )


def test_what_was_done_otherwise_is_told_as_done() -> None:
    error = ResultMismatchError(
        differences=("category c1: 2 asked for, 1 given",), operation="BookTickets"
    )

    assert explain(error, eguma.ADVICE) == (
        "booking: the result is not what was asked for (category c1: 2 asked for, 1 given)."
        " It was done: look at the result before you do it again."
    )


def test_a_stored_refusal_is_told_as_one() -> None:
    error = InvalidRequestError("sold out", status=400, replayed=True, operation="BookTickets")

    assert "stored refusal" in explain(error, eguma.ADVICE)
    error.replayed = False
    assert "stored refusal" not in explain(error, eguma.ADVICE)


def test_a_server_that_failed_gave_an_id_for_its_support() -> None:
    headers = {"x-request-id": "r-\x1b[31m1"}

    assert "HTTP 500 (request id r- [31m1)." in explain(ServerError(status=500, headers=headers))
    assert "request id" not in explain(NotFoundError(status=404, headers=headers))


def test_an_interruption_names_the_booking_that_was_under_way() -> None:
    interruption, cancelled = KeyboardInterrupt(), asyncio.CancelledError()
    cancelled.__cause__ = OutcomeUnknownError(operation="BookTickets", idempotency_key="k-2")
    interruption.__context__ = cancelled

    assert "--idempotency-key k-2" in explain_interruption(interruption, OPERATIONS)
    told = explain_interruption(interruption, OPERATIONS, "terminated")
    assert told.startswith("terminated while booking")
    assert explain_interruption(KeyboardInterrupt(), OPERATIONS) == "interrupted"


@pytest.mark.parametrize("key", [None, "k-3"])
def test_a_write_nobody_has_words_for_is_told_safely(key: str | None) -> None:
    error = OutcomeUnknownError("cut off", operation="RedeemVoucher", idempotency_key=key)
    interruption = KeyboardInterrupt()
    interruption.__context__ = error

    for told in (
        explain(error),
        explain(error, korus.ADVICE),
        explain_interruption(interruption, OPERATIONS),
    ):
        assert "RedeemVoucher" in told
        assert "it may have been done; find out before you repeat it" in told.lower()
        assert ("k-3" in told) == (key is not None)
        assert "nothing was changed" not in told


def test_what_is_known_not_to_be_done_is_told_so() -> None:
    for error in (NotSentError("x", operation="RedeemVoucher"), TransportError("x")):
        assert "Nothing was changed" in explain(error)


def test_the_operations_of_both_providers_have_the_same_words() -> None:
    both = eguma.ADVICE.operations.keys() & korus.ADVICE.operations.keys()

    assert both
    for name in both:
        assert eguma.ADVICE.operations[name] == korus.ADVICE.operations[name]


def test_the_codes_are_those_of_the_help() -> None:
    codes = [0, 1, 2, 3, 4, 5, 6, 7, 129, 130, 141, 143]

    assert [code.value for code in Exit] == codes
    assert [int(word) for word in EXIT_CODES.split() if word.isdecimal()] == codes
