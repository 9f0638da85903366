"""S · what a status means."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from eguma_async import (
    AccessDeniedError,
    AsyncSession,
    AuthenticationError,
    BookingOutcome,
    DecodingError,
    EgumaError,
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    RetryPolicy,
    ServerError,
    StatusError,
)
from eguma_async.sandbox import DropAfter, Reply

from .matrix import Row, check, id_of, row, rows_of
from .shops import BOOKING, PRODUCTS, RESERVATION, Rewrite, says
from .stage import PERSON, Stage

PAGE = "<!doctype html><title>Bad gateway</title>"


async def sent_again(stage: Stage, fault: dict[str, Any], *, hold: type[EgumaError] | None) -> None:
    """Show that a read and a booking are sent again; a hold too, or what it ends with."""
    shop = await stage.eguma()
    shop.inject(Reply(**fault, path=PRODUCTS))
    await shop.session.ticketing.products.list()
    shop.inject(Reply(**fault, path=BOOKING))
    await shop.book()
    assert (shop.sent(PRODUCTS), shop.sent(BOOKING)) == (2, 2)
    assert len(set(shop.keys)) == 1
    shop.inject(Reply(**fault, path=RESERVATION))
    if hold is None:
        await shop.reserve()
        assert shop.sent(RESERVATION) == 2
    else:
        error = await stage.fails(hold, shop.reserve())
        assert (error.outcome_unknown, error.attempts) == (True, 1)
        assert shop.sent(RESERVATION) == 1


async def final(stage: Stage, status: int, kind: type[StatusError], body: bytes = b"{}") -> None:
    """Show that a status ends every call at once, with a known outcome."""
    shop = await stage.eguma()
    ticketing = shop.session.ticketing
    for path, call in (
        (PRODUCTS, ticketing.products.list),
        (BOOKING, shop.book),
        (RESERVATION, shop.reserve),
    ):
        shop.inject(Reply(status, body=body, path=path))
        error = await stage.fails(kind, call())
        assert (error.status, error.attempts, error.outcome_unknown) == (status, 1, False)
    assert (shop.orders(), shop.sandbox.holds()) == (0, ())
    await shop.book()  # nothing of it is remembered


@row(
    "S1",
    "429 with Retry-After: 7",
    "sent again after 7.35 s (7 and the jitter); other reads wait with it, bookings do not",
)
async def too_many(stage: Stage) -> None:
    shop = await stage.eguma(auto=False)
    shop.inject(Reply(429, retry_after=7, path=PRODUCTS))
    products = shop.session.ticketing.products
    first = asyncio.create_task(products.list())
    await shop.clock.until_sleeping(1)
    second = asyncio.create_task(products.list())
    await shop.clock.until_sleeping(2)
    await shop.book()
    assert shop.clock.sleeps == [7.35, 7.35]
    assert shop.sent(PRODUCTS) == 1
    shop.clock.advance(7.3)
    await asyncio.sleep(0)
    assert not first.done()
    shop.clock.advance(0.1)
    await asyncio.gather(first, second)
    assert shop.sent(PRODUCTS) == 3


WAITS: dict[str, float | None] = {
    "Mon, 02 Mar 2026 09:00:10 GMT": 10.5,
    "Monday, 02-Mar-26 09:00:10 GMT": 10.5,
    "Mon Mar  2 09:00:10 2026": 10.5,
    "2.5": 2.625,
    "Mon, 02 Mar 2026 08:59:00 GMT": 0.5,
    "Sat, 02 Mar 2036 09:00:00 GMT": None,
    "315360000": None,
    "-5": 0.5,
    "soon": 0.5,
    "Mon, 99 Mar 2026 09:00:10 GMT": 0.5,
}


@row(
    "S2",
    "Retry-After as a date in three forms, past, ten years ahead, negative, a word",
    "a date counts from the response's own Date; past and garbage: our own pause; too long: an"
    " error at once, with retry_after",
)
async def dates_to_wait_for(stage: Stage) -> None:
    for text, pause in WAITS.items():
        shop = await stage.eguma()
        # The server's clock is an hour ahead of ours.
        date = {"Date": "Mon, 02 Mar 2026 09:00:00 GMT"}
        shop.inject(Reply(429, retry_after=text, headers=date, path=PRODUCTS))
        call = shop.session.ticketing.products.list()
        if pause is None:
            error = await stage.fails(RateLimitedError, call)
            assert error.retry_after is not None, text
            assert error.retry_after > 3e8, text
            assert shop.clock.sleeps == [], text
        else:
            await call
            assert shop.clock.sleeps == [pause], text


@row("S3", "429 without Retry-After", "sent again after half a second, the base for a throttle")
async def no_time_told(stage: Stage) -> None:
    shop = await stage.eguma()
    shop.inject(Reply(429, path="*", times=2))
    await shop.reserve()
    assert shop.clock.sleeps == [0.5, 1.0]
    assert len(shop.sandbox.holds()) == 1


@row(
    "S4",
    "503 of the provider, 503 of a proxy",
    "the provider's: refused, all is sent again; the proxy's: of a hold the outcome is unknown",
)
async def unavailable(stage: Stage) -> None:
    await sent_again(stage, {"status": 503}, hold=None)
    await sent_again(stage, {"status": 503, "body": PAGE}, hold=ServerError)
    await sent_again(stage, {"status": 503, "body": b'{"error": "x"}'}, hold=ServerError)


@row(
    "S5",
    "500 without end",
    "five attempts a call, the same key; 40 reads in an outage cost 10 requests more",
)
async def server_error_loop(stage: Stage) -> None:
    shop = await stage.eguma()
    shop.inject(Reply(500, path=BOOKING, times=None), 5)
    error = await stage.fails(ServerError, shop.book())
    assert (error.attempts, error.outcome_unknown) == (5, True)
    assert (shop.sent(BOOKING), len(set(shop.keys))) == (5, 1)
    shop = await stage.eguma(retry=RetryPolicy())
    shop.inject(Reply(500, path=PRODUCTS, times=None), 50)
    for _ in range(40):
        await stage.fails(ServerError, shop.session.ticketing.products.list())
    assert shop.sent(PRODUCTS) == 50


@row(
    "S6",
    "500 marked as the repetition of a stored error, although it was booked",
    "outcome unknown, told as replayed; the list of orders finds the booking",
)
async def stored_error(stage: Stage) -> None:
    shop = await stage.eguma()
    marked = {"Idempotency-Replayed": "true"}
    shop.inject(Reply(500, headers=marked, after_commit=True, path=BOOKING, times=5))
    buyer, began = stage.customer(), shop.sandbox.clock.now()
    error = await stage.fails(ServerError, shop.book(customer=buyer))
    assert (error.replayed, error.outcome_unknown) == (True, True)
    found = await shop.session.ticketing.bookings.reconcile(
        **shop.wanted(), customer=buyer, began_at=began
    )
    assert found.outcome is BookingOutcome.FOUND
    assert found.order is not None
    assert found.order.id == shop.sandbox.bookings()[0].id
    assert shop.orders() == 1


@row("S7", "502 and 504", "a read and a booking again; of a hold the outcome is unknown")
async def gateways(stage: Stage) -> None:
    for status in (502, 504):
        for body in (None, PAGE, b""):
            await sent_again(stage, {"status": status, "body": body}, hold=ServerError)


@row("S8", "408", "as S7")
async def request_timeout(stage: Stage) -> None:
    await sent_again(stage, {"status": 408}, hold=StatusError)
    await sent_again(stage, {"status": 408, "body": b""}, hold=StatusError)


@row("S9", "421 and 425", "StatusError at once: refused, and not sent again by itself")
async def misdirected(stage: Stage) -> None:
    for status in (421, 425):
        await final(stage, status, StatusError)


@row("S10", "401 from the start", "AuthenticationError after one request, no pause, no budget")
async def wrong_key(stage: Stage) -> None:
    shop = await stage.eguma()
    shop.sandbox.set_key_active(shop.key, False)
    calls = (shop.session.ticketing.products.list, shop.book, shop.reserve)
    for call in calls:
        error = await stage.fails(AuthenticationError, call())
        assert (error.attempts, error.outcome_unknown) == (1, False)
    assert shop.clock.sleeps == []
    refused = [each.status for each in stage.notes.attempts]
    stage.proves("requests refused", lambda: refused.count(401), 3)
    shop.sandbox.set_key_active(shop.key, True)
    await shop.book()


@row(
    "S11",
    "the key is switched off between a lost answer and the next attempt",
    "outcome unknown with the refusal in it; another key of the merchant resumes the booking",
)
async def key_revoked(stage: Stage) -> None:
    shop = await stage.eguma()
    shop.inject(DropAfter(path=BOOKING))
    stop = shop.sandbox.requests.listen(
        lambda _: shop.sandbox.set_key_active(shop.key, shop.sent(BOOKING) < 2)
    )
    buyer = stage.customer()
    error = await stage.fails(OutcomeUnknownError, shop.book(customer=buyer))
    stop()
    assert type(error.refusal) is AuthenticationError
    assert (shop.orders(), error.attempts) == (1, 2)
    merchant = shop.sandbox.merchants()[0]
    other = shop.sandbox.add_key(merchant, merchant.users[0])
    stage.hide(other)
    async with AsyncSession(other, transport=shop.transport, observer=stage.notes) as session:
        booking = await session.ticketing.bookings.create(
            **shop.wanted(), customer=buyer, idempotency_key=error.idempotency_key
        )
    stage.reported(shop, booking)
    assert booking.replayed
    assert shop.orders() == 1


@row("S12", "403 and 404 of a product", "AccessDeniedError and NotFoundError, and not remembered")
async def not_for_sale(stage: Stage) -> None:
    await final(stage, 403, AccessDeniedError)
    await final(stage, 404, NotFoundError)


@row("S13", "301 to 308, to this host and to another", "never followed: StatusError, no address")
async def redirects(stage: Stage) -> None:
    for status in (301, 302, 303, 307, 308):
        for place in ("/v1/elsewhere.json", "https://evil.example.com/"):
            shop = await stage.eguma()
            shop.inject(Reply(status, headers={"Location": place}, body=b"", path=BOOKING))
            error = await stage.fails(StatusError, shop.book())
            assert (error.status, error.attempts) == (status, 1)
            assert place not in f"{error!r} {error}"
            assert len(shop.sandbox.requests) == 1


@row("S14", "413, 414, 415, 431", "StatusError at once: not sent again")
async def too_much(stage: Stage) -> None:
    for status in (413, 414, 415, 431):
        await final(stage, status, StatusError)


@row("S15", "203, 206, 226 and 299", "a whole body that can be read is a success, any other none")
async def other_successes(stage: Stage) -> None:
    for status in (203, 206, 226, 299):
        shop = await stage.eguma()
        as_status = lambda r, status=status: says(r.body, status)(r)  # noqa: E731
        shop.inject(Rewrite(as_status, path=BOOKING))
        await shop.book()
        assert shop.sent(BOOKING) == 1
        shop.inject(Rewrite(lambda r: says(r.body[:-20], 206)(r), path=BOOKING))
        assert (await shop.book()).replayed


@row("S16", "an error_code nobody knows, none, and one of another type", "the status decides")
async def unknown_codes(stage: Stage) -> None:
    codes: tuple[tuple[object, str | None], ...] = (
        ("moon_is_full", "moon_is_full"),
        (None, None),
        (7, None),
        ({"a": 1}, None),
        ("", None),
    )
    for code, kept in codes:
        shop = await stage.eguma()
        body = json.dumps({"error_code": code, "message": "no"}).encode()
        shop.inject(Reply(400, body=body, path=BOOKING))
        error = await stage.fails(InvalidRequestError, shop.book())
        assert (error.error_code, error.attempts) == (kept, 1)


@row(
    "S17",
    "an error within a 200",
    "no success: DecodingError; of a write the outcome is unknown, and the key resumes it",
)
async def error_in_success(stage: Stage) -> None:
    body = b'{"error_code": "validation_error", "message": "sold out"}'
    shop = await stage.eguma()
    for path, call in (
        (PRODUCTS, shop.session.ticketing.products.list),
        (RESERVATION, shop.reserve),
    ):
        shop.inject(Reply(200, body=body, path=path))
        error = await stage.fails(DecodingError, call())
        assert error.attempts == 1
        assert error.outcome_unknown is (path == RESERVATION)
    shop.inject(Reply(200, body=body, path=BOOKING, after_commit=True))
    buyer = stage.customer()
    error = await stage.fails(DecodingError, shop.book(customer=buyer))
    assert (error.outcome_unknown, error.attempts) == (True, 1)
    again = await shop.book(customer=buyer, idempotency_key=error.idempotency_key)
    assert (again.replayed, shop.orders()) == (True, 1)


@row(
    "S18",
    "a message in another language, with a customer in it",
    "nothing depends on it; it stands in `message`, in no text, log or pickle",
)
async def words(stage: Stage) -> None:
    for text in (
        f"Der Kunde {' '.join(PERSON)} ist gesperrt",
        "déjà en cours",
        "already processed",
    ):
        shop = await stage.eguma()
        body = json.dumps({"error_code": "validation_error", "message": text}).encode()
        shop.inject(Reply(400, body=body, path=BOOKING))
        error = await stage.fails(InvalidRequestError, shop.book())
        assert error.message == text
        assert str(error) == "BookTickets: HTTP 400 validation_error"


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
