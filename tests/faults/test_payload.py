"""D · payload and parsing."""

from __future__ import annotations

import contextlib
import copy
import gzip
import json
import tracemalloc
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from eguma_async import (
    AsyncSession,
    BookTickets,
    CancelBooking,
    CancelReservation,
    CheckInTicket,
    DecodingError,
    EgumaError,
    GetTicket,
    HttpResponse,
    InvalidRequestError,
    ListAvailabilities,
    ListEvents,
    ListOrders,
    ListProducts,
    MemoryTransport,
    NotFoundError,
    OutcomeUnknownError,
    ReserveTickets,
    ResultMismatchError,
    RetryPolicy,
    ServerError,
    StatusError,
    TicketItem,
    TransportError,
)
from eguma_async.eguma.merchant_time import readings
from eguma_async.sandbox import EgumaOptions, Reply, SandboxResponse
from eguma_async.testing import FakeClock

from .matrix import Row, check, id_of, row, rows_of
from .shops import (
    BOOKING,
    ORDERS,
    PRODUCTS,
    RESERVATION,
    SLOTS,
    START,
    EgumaShop,
    Exchange,
    Rewrite,
    edited,
    message,
    says,
)
from .stage import KEY, Stage

WIRE = Path(__file__).parents[1] / "wire" / "eguma"
PAGE = b"<!doctype html><title>Sign in</title><h1>Free wireless network</h1>"
MIB = 2**20


async def resumed(shop: EgumaShop, error: EgumaError, **asked: Any) -> None:
    """Show that a booking goes on with the key of its error, and was made once."""
    assert error.idempotency_key is not None
    booking = await shop.book(idempotency_key=error.idempotency_key, **asked)
    assert booking.replayed
    assert shop.orders() == 1


async def asked_again(stage: Stage, change: Callable[[Any], Any]) -> None:
    """Show that a booking is asked for again with its key, a hold is not, and a read is once."""
    shop = await stage.eguma()
    shop.inject(Rewrite(change, path=BOOKING))
    booking = await shop.book()
    assert (booking.replayed, shop.sent(BOOKING), shop.orders()) == (True, 2, 1)
    shop.inject(Rewrite(change, path=RESERVATION))
    error = await stage.fails(DecodingError, shop.reserve())
    assert (error.outcome_unknown, error.attempts) == (True, 1)
    shop.inject(Rewrite(change, path=PRODUCTS))
    await shop.session.ticketing.products.list()
    assert shop.sent(PRODUCTS) == 2
    shop.inject(Rewrite(change, path=PRODUCTS, times=2))
    error = await stage.fails(DecodingError, shop.session.ticketing.products.list())
    assert (error.malformed, error.attempts) == (True, 2)


async def not_asked_again(stage: Stage, change: Callable[[Any], Any], problem: str = "") -> None:
    """Show that an answer of a wrong form is refused at once, and the booking can be resumed."""
    shop = await stage.eguma()
    shop.inject(Rewrite(change, path=BOOKING))
    asked: dict[str, Any] = {"customer": stage.customer()}
    error = await stage.fails(DecodingError, shop.book(**asked))
    assert (error.outcome_unknown, error.attempts, error.malformed) == (True, 1, False)
    assert problem in str(error.problems)
    await resumed(shop, error, **asked)


@row("D1", "JSON that says it is plain text", "read as what it is; its shape decides")
async def wrong_type(stage: Stage) -> None:
    shop = await stage.eguma()
    for kind in ("text/plain", "text/html", "application/octet-stream"):
        typed = lambda response, kind=kind: SandboxResponse(  # noqa: E731
            200, {"content-type": kind}, response.body
        )
        shop.inject(Rewrite(typed, path=BOOKING))
        await shop.book()
    assert shop.sent(BOOKING) == 3
    await not_asked_again(stage, says(b'{"greeting": "hello"}', content_type="text/plain"))


@row(
    "D2",
    "a web page, with 502 and with 200",
    "502: a read and a booking again, a hold unknown; 200: one look more, then DecodingError;"
    " no word of the page is shown",
)
async def web_page(stage: Stage) -> None:
    await asked_again(stage, says(PAGE, content_type="text/html"))
    shop = await stage.eguma()
    shop.inject(Rewrite(says(PAGE, 502, content_type="text/html"), path=BOOKING))
    assert (await shop.book()).replayed
    shop.inject(Rewrite(says(PAGE, 502, content_type="text/html"), path=RESERVATION))
    error = await stage.fails(ServerError, shop.reserve())
    assert (error.outcome_unknown, error.attempts) == (True, 1)
    assert len(shop.sandbox.holds()) == 1
    shop.inject(Reply(502, body=PAGE, path=PRODUCTS))
    await shop.session.ticketing.products.list()
    shown = [str(error) for error in stage.errors] + [each.getMessage() for each in stage.records]
    assert not any("wireless" in text for text in shown)


@row(
    "D3",
    "an empty success, 204, null and [] for an object",
    "nothing at all: as a page; another shape: DecodingError at once, the booking's key resumes it",
)
async def nothing(stage: Stage) -> None:
    await asked_again(stage, says(b""))
    await asked_again(stage, says(b"  \n"))
    await asked_again(stage, says(b"", 204))
    await not_asked_again(stage, says(b"null"), "expected an object, got null @ $")
    await not_asked_again(stage, says(b"[]"), "expected an object, got an array @ $")


@row("D4", "bytes that are no UTF-8, UTF-16, a byte order mark", "the mark is read; the rest as D2")
async def other_encodings(stage: Stage) -> None:
    await asked_again(stage, says(b'{"booking_id": "\xff"}'))
    await asked_again(stage, lambda r: SandboxResponse(200, {}, r.body.decode().encode("utf-16")))
    shop = await stage.eguma()
    marked = lambda r: SandboxResponse(200, {}, b"\xef\xbb\xbf" + r.body)  # noqa: E731
    shop.inject(Rewrite(marked, path=BOOKING))
    await shop.book()
    assert shop.sent(BOOKING) == 1


def priced(text: bytes) -> Callable[[SandboxResponse], SandboxResponse]:
    """Write another amount into the first price of a list of slots."""

    def change(response: SandboxResponse) -> SandboxResponse:
        content = response.json()
        for slot in content["availabilities"]:
            for price in slot["prices"]:
                price["price_in_cents"] = "@"
        body = json.dumps(content).encode().replace(b'"@"', text)
        return SandboxResponse(200, {}, body)

    return change


@row("D5", "NaN, Infinity, 1e999 and -0 as amounts", "DecodingError; -0 is 0")
async def no_numbers(stage: Stage) -> None:
    shop = await stage.eguma()
    for text in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1e999", b"1.5"):
        shop.inject(Rewrite(priced(text), path=SLOTS, times=2), 1 if text == b"1.5" else 2)
        await stage.fails(DecodingError, shop.slots())
        shop.sandbox.faults.clear()
    shop.inject(Rewrite(priced(b"-0"), path=SLOTS))
    prices = (await shop.slots()).availabilities[0].prices
    assert [price.price_in_cents for price in prices] == [0, 0]


@row(
    "D6",
    "whole numbers of 20 to 5,000 digits",
    "exact up to what a parser takes, beyond it DecodingError; never rounded, never foreign",
)
async def long_numbers(stage: Stage) -> None:
    shop = await stage.eguma()
    for digits in (25, 400, 5000):
        fires = 1 if digits < 4300 else 2
        shop.inject(Rewrite(priced(b"9" * digits), path=SLOTS, times=2), fires)
        if digits < 4300:  # what Python itself takes
            price = (await shop.slots()).availabilities[0].prices[0]
            assert price.price_in_cents == int("9" * digits)
        else:
            await stage.fails(DecodingError, shop.slots())
        shop.sandbox.faults.clear()


@row("D7", "200,000 levels of nesting, at the root and in a field nobody knows", "as D2")
async def deep(stage: Stage) -> None:
    await asked_again(stage, says(b"[" * 200_000 + b"]" * 200_000))
    await asked_again(stage, says(b'{"x": ' + b'{"y":' * 200_000 + b"1" + b"}" * 200_001))


@row(
    "D8",
    "two members of one name in a booking, a hold, a cancellation",
    "DecodingError: which of them holds is not guessed; the key resumes the booking",
)
async def repeated_members(stage: Stage) -> None:
    def twice(name: str) -> Callable[[SandboxResponse], SandboxResponse]:
        return lambda r: SandboxResponse(
            200, {}, r.body.rstrip()[:-1] + f', "{name}": "other"}}'.encode()
        )

    problem = "the same name twice"
    await not_asked_again(stage, twice("booking_id"), problem)

    def ticket_twice(response: SandboxResponse) -> SandboxResponse:
        body = response.body.replace(b'"ticket_number"', b'"ticket_number":"1","ticket_number"', 1)
        return SandboxResponse(200, {}, body)

    await not_asked_again(stage, ticket_twice, problem)
    shop = await stage.eguma()
    shop.inject(Rewrite(twice("reservation_id"), path=RESERVATION))
    error = await stage.fails(DecodingError, shop.reserve())
    assert error.outcome_unknown


@row("D9", "an unknown status of an order and type of a slot", "kept as its text, and told unknown")
async def unknown_values(stage: Stage) -> None:
    shop = await stage.eguma()
    await shop.book()

    def refunded(orders: Any) -> None:
        for order in orders:
            order["status"] = "refunded"

    def weekly(found: Any) -> None:
        for slot in found["availabilities"]:
            slot["slot_type"] = "week"

    shop.inject(Rewrite(edited(refunded), path=ORDERS))
    orders = await shop.session.ticketing.orders.list()
    assert {(str(order.status), order.status.is_known) for order in orders} == {("refunded", False)}
    shop.inject(Rewrite(edited(weekly), path=SLOTS))
    slot = (await shop.slots()).availabilities[0]
    assert (slot.slot_type, slot.slot_type.is_known) == ("week", False)


def walk(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the path of every member of every object."""
    members = value.items() if isinstance(value, dict) else enumerate(value)
    for name, inner in members:
        if isinstance(value, dict):
            yield (*path, name)
        if isinstance(inner, (dict, list)):
            yield from walk(inner, (*path, name))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


def changed(document: Any, path: tuple[Any, ...], act: Callable[[Any, Any], None]) -> bytes:
    copied = copy.deepcopy(document)
    act(at(copied, path[:-1]), path[-1])
    return json.dumps(copied).encode()


PRODUCT, ADULT = "64ad1bb1973b861c040c99bd", "64ad1bb1973b861c040c99c1"


def document(name: str, generation: str = "B") -> Any:
    return json.loads((WIRE / f"{name}.json").read_text("utf-8"))["responses"][generation]["body"]


def endpoints(stage: Stage) -> dict[str, tuple[Any, Any]]:
    """Return each documented answer with an operation that it is the answer to."""
    documents = {
        name: document(name)
        for name in (
            *("products", "availabilities", "reservation", "cancel-reservation", "booking"),
            *("cancel-booking", "orders", "checkin", "ticket-info", "events"),
        )
    }
    starts = [
        date.fromisoformat(s["starts_at"][:10])
        for s in documents["availabilities"]["availabilities"]
    ]
    counts: dict[str, int] = {}
    for ticket in documents["booking"]["tickets"]:
        counts[ticket["category_id"]] = counts.get(ticket["category_id"], 0) + 1
    items = tuple(TicketItem(category, count) for category, count in counts.items())
    slot: dict[str, Any] = {"product_id": PRODUCT, "starts_at": datetime(2026, 3, 19, 10)}
    operations: dict[str, Any] = {
        "products": ListProducts(),
        "availabilities": ListAvailabilities(
            product_id=PRODUCT, from_date=min(starts), to_date=max(starts)
        ),
        "reservation": ReserveTickets(**slot, items=items),
        "cancel-reservation": CancelReservation(
            reservation_id=documents["cancel-reservation"]["reservation_id"]
        ),
        "booking": BookTickets(**slot, items=items, customer=stage.customer()),
        "cancel-booking": CancelBooking(booking_id=documents["cancel-booking"]["booking_id"]),
        "orders": ListOrders(),
        "checkin": CheckInTicket(number="1234567890123456789"),
        "ticket-info": GetTicket(number=documents["ticket-info"]["ticket_number"]),
        "events": ListEvents(),
    }
    return {name: (operations[name], documents[name]) for name in documents}


class Echo:
    """A session whose server says whatever `body` is."""

    def __init__(self, stage: Stage) -> None:
        self.body = b""
        self.asked = 0
        self._stage = stage
        self.session = AsyncSession(
            KEY,
            transport=MemoryTransport(self._answer),
            clock=FakeClock(START),
            retry=RetryPolicy(budget=1.0),
            random=lambda: 0.5,
            observer=stage.notes,
        )

    async def _answer(self, request: Any) -> HttpResponse:
        self.asked += 1
        return HttpResponse(status=200, body=self.body)

    async def outcome(self, operation: Any, body: bytes) -> Any:
        """Return the value or the error that an answer comes to."""
        self.body = body
        try:
            return await self.session.send(operation)
        except EgumaError as error:
            self._stage.errors.append(error)
            return error


async def mutated(stage: Stage, acts: dict[str, Callable[[Any, Any], None]]) -> int:
    """Change every member of every documented answer; return how many DecodingErrors there were."""
    echo = Echo(stage)
    await stage.enter(echo.session)
    tried = refused = 0
    documented = endpoints(stage)
    members = sum(1 for _, content in documented.values() for _ in walk(content))
    stage.proves("mutations", lambda: tried, members * len(acts))
    for name, (operation, content) in documented.items():
        value = await echo.outcome(operation, json.dumps(content).encode())
        assert not isinstance(value, EgumaError), f"{name}: {value!r}"
        for path in walk(content):
            for what, act in acts.items():
                where = f"{name} {what} {path}"
                before = echo.asked
                result = await echo.outcome(operation, changed(content, path, act))
                tried += 1
                assert echo.asked == before + 1, f"{where}: asked again"
                if isinstance(result, DecodingError):
                    refused += 1
                    assert result.outcome_unknown is not operation.is_read(), where
                    assert not result.malformed, where
                    inner = [part for part in path if isinstance(part, str)]
                    assert any(part in str(result.problems) for part in inner), where
                elif isinstance(result, EgumaError):
                    assert type(result) is ResultMismatchError, f"{where}: {result!r}"
    assert members > 100
    return refused


def _drop(holder: Any, name: Any) -> None:
    del holder[name]


def _set(value: Any) -> Callable[[Any, Any], None]:
    def act(holder: Any, name: Any) -> None:
        holder[name] = value

    return act


@row(
    "D11",
    "each member of each documented answer is missing",
    "an optional one: read; a required one: DecodingError with its path, at once; of a write the"
    " outcome is unknown",
)
async def missing_members(stage: Stage) -> None:
    assert await mutated(stage, {"without": _drop}) > 30
    echo = Echo(stage)
    await stage.enter(echo.session)
    operation, content = endpoints(stage)["booking"]
    needed = (("booking_id",), ("booking_reference",), ("tickets",), ("tickets", 0, "category_id"))
    for path in (*needed, ("tickets", 0, "ticket_number")):
        error = await echo.outcome(operation, changed(content, path, _drop))
        assert isinstance(error, DecodingError), path
        assert error.problems[0].startswith("required field missing @ $"), path
        assert error.problems[0].endswith(str(path[-1])), path
        assert error.idempotency_key


@row(
    "D12",
    "each member of each documented answer is of another type",
    "as D11; nothing foreign is raised, nothing is guessed",
)
async def other_types(stage: Stage) -> None:
    values: tuple[Any, ...] = (None, [], {}, 5, "text", True, 1.5)
    acts = {repr(value): _set(value) for value in values}
    assert await mutated(stage, acts) > 200
    echo = Echo(stage)
    await stage.enter(echo.session)
    operation, content = endpoints(stage)["orders"]
    found = await echo.outcome(operation, changed(content, (0, "customer"), _set(None)))
    assert found[0].customer is None
    never: dict[tuple[str, str], tuple[Any, ...]] = {
        ("ticket-info", "price_in_cents"): ("45", "45.00", 45.0, 45.5, True, None, [], {}),
        ("ticket-info", "id"): (None, True, 1.5, [], {}),
        ("ticket-info", "created_at"): (None, 1774000000, "today", True, []),
        ("checkin", "is_successful"): (None, 0, 1, "no", "False", "", [], {}),
        ("booking", "booking_id"): (None, True, 1.5, [], {}),
        ("booking", "tickets"): (None, {}, "none", 5),
    }
    for (name, member), odd in never.items():
        operation, content = endpoints(stage)[name]
        for value in odd:
            error = await echo.outcome(operation, changed(content, (member,), _set(value)))
            assert type(error) is DecodingError, (name, member, value)
            assert error.problems[0].endswith(f"@ $.{member}"), (name, member, value)


@row("D10", "members nobody knows, and members in another order", "read as if they were not there")
async def more_members(stage: Stage) -> None:
    echo = Echo(stage)
    await stage.enter(echo.session)
    tried = 0

    def grown(value: Any) -> Any:
        if isinstance(value, list):
            return [grown(each) for each in value]
        if not isinstance(value, dict) or all(len(name) == 2 for name in value):
            return value  # texts by language: what is added there is one more language
        turned = {name: grown(value[name]) for name in reversed(value)}
        return {"nobody_knows": {"deep": [1, None]}, **turned}

    for name, (operation, content) in endpoints(stage).items():
        plain = await echo.outcome(operation, json.dumps(content).encode())
        more = await echo.outcome(operation, json.dumps(grown(content)).encode())
        assert not isinstance(plain, EgumaError), name
        if name == "booking":  # each has the key of its own call
            plain, more = plain.tickets, more.tickets
        assert more == plain, name
        tried += 1
    stage.proves("answers with more members", lambda: tried, 10)


@row(
    "D13",
    "a booking with fewer or more tickets, another category, one number twice",
    "ResultMismatchError with the booking in it, known to be made, not sent again",
)
async def other_tickets(stage: Stage) -> None:
    def fewer(content: Any) -> None:
        content["tickets"].pop()

    def more(content: Any) -> None:
        content["tickets"].append({**content["tickets"][0], "ticket_number": "9" * 19})

    def other(content: Any) -> None:
        content["tickets"][0]["category_id"] = "other"

    def repeated(content: Any) -> None:
        content["tickets"][1]["ticket_number"] = content["tickets"][0]["ticket_number"]

    def none(content: Any) -> None:
        content["tickets"].clear()

    shop = await stage.eguma()
    for made, edit in enumerate((fewer, more, other, repeated, none), 1):
        shop.inject(Rewrite(edited(edit), path=BOOKING))
        error = await stage.fails(ResultMismatchError, shop.book())
        assert (error.outcome_unknown, error.attempts) == (False, 1)
        assert error.differences
        assert error.result.booking_id == shop.sandbox.bookings()[-1].id
        assert (shop.orders(), shop.sent(BOOKING)) == (made, made)


@row("D14", "ids that change their type: number, UUID, object id", "texts, whatever they look like")
async def ids_of_other_types(stage: Stage) -> None:
    shop = await stage.eguma()
    uuid = "0b8f6f1e-6d8c-4b4e-9f43-2f1a4f0d5c11"
    for raw, told in ((42, "42"), (uuid, uuid), ("64ad1bb1973b861c040c99bd",) * 2):

        def edit(content: Any, raw: object = raw) -> None:
            content["reservation_id"] = raw

        shop.inject(Rewrite(edited(edit), path=RESERVATION))
        assert (await shop.reserve()).reservation_id == told


@row("D15", "a ticket number of 19 digits as a JSON number", "kept to the digit, as text")
async def number_as_number(stage: Stage) -> None:
    def as_numbers(content: Any) -> None:
        for ticket in content["tickets"]:
            ticket["ticket_number"] = int(ticket["ticket_number"])

    shop = await stage.eguma()
    shop.inject(Rewrite(edited(as_numbers), path=BOOKING))
    booking = await shop.book()  # I2 compares the numbers
    assert all(len(ticket.ticket_number) == 19 for ticket in booking.tickets)


TIMES: dict[str, datetime | None] = {
    "2026-03-19T10:00:00": datetime(2026, 3, 19, 10),
    "2026-03-19T10:00:00.1234567": datetime(2026, 3, 19, 10, 0, 0, 123457),
    "2026-03-19T10:00:00Z": datetime(2026, 3, 19, 10, tzinfo=UTC),
    "2026-03-19T10:00:00+02:00": datetime(2026, 3, 19, 10, tzinfo=timezone(timedelta(hours=2))),
    "2026-03-19 10:00:00": datetime(2026, 3, 19, 10),
    "2026-03-19": datetime(2026, 3, 19),
    "2026-03-19T24:00:00": None,
    "2026-02-30T10:00:00": None,
    "2026-03-19T10:00:61": None,
    "19.03.2026 10:00": None,
    "tomorrow": None,
    "": None,
}


@row(
    "D16",
    "times with seven digits of a fraction, Z, an offset, a space, a date alone; and no times",
    "read as written, naive where there is no zone; what is no time is a DecodingError",
)
async def times(stage: Stage) -> None:
    shop = await stage.eguma()
    for text, moment in TIMES.items():

        def edit(content: Any, text: str = text) -> None:
            content["expires_at"] = text

        shop.inject(Rewrite(edited(edit), path=RESERVATION))
        if moment is None:
            error = await stage.fails(DecodingError, shop.reserve())
            assert error.outcome_unknown, text
            continue
        held = await shop.reserve()
        assert held.expires_at == moment, text
        assert (held.expires_at.tzinfo is None) == (moment.tzinfo is None), text


@row(
    "D17",
    "local times that spring leaves out and autumn repeats",
    "kept as they are written; both moments they may mean are known; the server decides on a start",
)
async def changes_of_clocks(stage: Stage) -> None:
    gap, fold = datetime(2026, 3, 29, 2, 30), datetime(2026, 10, 25, 2, 30)
    hour = timedelta(hours=1)
    assert readings(gap) == (
        datetime(2026, 3, 29, 1, 30, tzinfo=UTC),
        datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    )
    assert readings(fold) == (
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC),
        datetime(2026, 10, 25, 1, 30, tzinfo=UTC),
    )
    shop = await stage.eguma()
    for moment in (gap, fold):

        def edit(content: Any, moment: datetime = moment) -> None:
            content["availabilities"][0]["starts_at"] = moment.isoformat()

        shop.inject(Rewrite(edited(edit), path=SLOTS))
        wanted = shop.wanted()
        found = await shop.session.ticketing.availabilities.list(
            wanted["product_id"],
            from_date=wanted["starts_at"].date(),
            to_date=moment.date() + timedelta(days=1),
        )
        assert moment in [slot.starts_at for slot in found.availabilities]
        await stage.fails(InvalidRequestError, shop.book(starts_at=moment))
        assert shop.sandbox.requests[-1].path == BOOKING
    assert readings(gap)[0] - readings(gap)[1] == hour


@row(
    "D18",
    "negative prices, places below zero and without limit, two currencies in one range",
    "below zero: sold out; null: without limit; missing: unreadable; two currencies: refused",
)
async def odd_amounts(stage: Stage) -> None:
    def places(count: int | None) -> Callable[[Any], None]:
        def edit(content: Any) -> None:
            for slot in content["availabilities"]:
                slot["availability_count"] = count

        return edit

    def without(content: Any) -> None:
        for slot in content["availabilities"]:
            del slot["availability_count"]

    shop = await stage.eguma()
    items = shop.wanted(1)["items"]
    for count, sold_out in ((-1, True), (0, True), (None, False)):
        shop.inject(Rewrite(edited(places(count)), path=SLOTS))
        slot = (await shop.slots()).availabilities[0]
        assert (slot.is_sold_out, slot.can_book(items)) == (sold_out, not sold_out)
    shop.inject(Rewrite(edited(without), path=SLOTS))
    error = await stage.fails(DecodingError, shop.slots())
    assert "availability_count" in str(error)
    shop.inject(Rewrite(priced(b"-4500"), path=SLOTS))
    slot = (await shop.slots()).availabilities[0]
    assert slot.total_in_cents(items) == -4500
    long = await stage.eguma(options=EgumaOptions(max_range_days=2))
    euro = edited(lambda content: {**content, "currency": "EUR"})
    long.inject(Rewrite(euro, path=SLOTS, skip=1))
    wanted = long.wanted()
    day = wanted["starts_at"].date()
    await stage.fails(
        ResultMismatchError,
        long.session.ticketing.availabilities.list(
            wanted["product_id"], from_date=day, to_date=day + timedelta(days=3)
        ),
    )


@contextlib.contextmanager
def memory_below(most: int) -> Iterator[None]:
    """Check that no more memory was in use at once than said, in bytes."""
    tracemalloc.start()
    try:
        yield
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < most, f"{peak / MIB:.1f} MiB in use at once"


@row(
    "D19",
    "a body that unpacks to 64 times its limit",
    "given up at the limit, in bounded memory: a read fails, of a hold the outcome is unknown",
)
async def bomb(stage: Stage) -> None:
    packed = gzip.compress(bytes(64 * MIB), 9)

    async def explode(exchange: Exchange) -> None:
        await exchange.commit()
        body = SandboxResponse(200, {"Content-Encoding": "gzip"}, packed)
        with contextlib.suppress(ConnectionError):
            await exchange.wire.send(message(body))

    shop = await stage.eguma(
        sockets={"max_body_bytes": MIB}, retry=RetryPolicy(attempts=2, budget=1.0)
    )
    shop.strike(explode, explode, explode)
    with memory_below(8 * MIB):
        error = await stage.fails(TransportError, shop.session.ticketing.products.list())
        await stage.fails(OutcomeUnknownError, shop.reserve())
    assert f"larger than {MIB} bytes" in str(error)


@row("D20", "30 stacked content encodings, and unknown ones", "refused unread, outcome unknown")
async def stacked(stage: Stage) -> None:
    for encoding in (", ".join(["gzip"] * 30), "gzip, gzip", "br", "zstd", "x-rot13"):

        async def answer(exchange: Exchange, encoding: str = encoding) -> None:
            whole = await exchange.commit()
            await exchange.wire.send(message(whole, f"Content-Encoding: {encoding}"))

        shop = await stage.eguma(sockets=True)
        shop.strike(answer, answer)
        error = await stage.fails(OutcomeUnknownError, shop.reserve())
        assert "an encoding that was not asked for" in str(error)
        assert (await shop.book()).replayed


@row("D21", "a body without end, in chunks", "given up at the limit, in bounded memory")
async def endless(stage: Stage) -> None:
    chunk = b"10000\r\n" + bytes(0x10000) + b"\r\n"
    sent = 0

    async def pour(exchange: Exchange) -> None:
        nonlocal sent
        await exchange.commit()
        await exchange.wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        with contextlib.suppress(ConnectionError):
            while sent < 1024 * MIB:
                await exchange.wire.send(chunk)
                sent += len(chunk)

    shop = await stage.eguma(sockets={"max_body_bytes": MIB})
    shop.strike(pour)
    with memory_below(16 * MIB):
        error = await stage.fails(OutcomeUnknownError, shop.reserve())
    assert f"larger than {MIB} bytes" in str(error)
    assert sent < 64 * MIB


@row(
    "D22",
    "200,000 orders in one answer",
    "beyond the limit of a body: refused, and nothing is kept; 5,000 orders: read whole, in less"
    " than eight times the memory of the body",
)
async def very_many(stage: Stage) -> None:
    echo = Echo(stage)
    await stage.enter(echo.session)
    one = json.dumps(document("orders")[0]).encode()
    few = b"[" + b",".join([one] * 5000) + b"]"
    with memory_below(8 * len(few)):
        orders = await echo.outcome(ListOrders(), few)
    assert len(orders) == 5000
    many = b"[" + b",".join([one] * 200_000) + b"]"
    assert len(many) > 64 * MIB
    with memory_below(64 * MIB):
        error = await echo.outcome(ListOrders(), many)
    assert type(error) is TransportError
    assert "larger than" in str(error)
    stage.proves("long answers", lambda: echo.asked, 6)


@row("D23", "a failure within a success: is_successful false", "told as a value, with its reason")
async def failure_in_success(stage: Stage) -> None:
    shop = await stage.eguma()
    booking = await shop.book()
    number = booking.tickets[0].ticket_number
    first = await shop.session.ticketing.tickets.check_in(number)
    second = await shop.session.ticketing.tickets.check_in(number)
    assert (first.is_successful, second.is_successful) == (True, False)
    assert second.unsuccessful_code is not None
    stage.proves("second check-in", lambda: len(shop.sandbox.requests) - 2)


@row(
    "D24",
    "control characters, escapes of a terminal and marks of direction in a message",
    "gone from `message`, which is 500 characters at most; not in `str` at all",
)
async def control_characters(stage: Stage) -> None:
    evil = "\x1b[31mred\x1b]0;title\x07\r\nFake: line\u202eevil\u2066\x00" + "x" * 5000
    body = json.dumps({"error_code": "validation_error\x1b[0m", "message": evil}).encode()
    kinds: tuple[tuple[int, type[StatusError]], ...] = (
        (400, InvalidRequestError),
        (404, NotFoundError),
        (418, StatusError),
    )
    for status, kind in kinds:
        shop = await stage.eguma()
        shop.inject(Rewrite(says(body, status), path=PRODUCTS))
        error = await stage.fails(kind, shop.session.ticketing.products.list())
        assert len(error.message) <= 500
        assert not any(ord(c) < 32 or c in "\u202e\u2066" for c in error.message)
        assert "red" in error.message
        shown = [str(error), repr(error), *(each.getMessage() for each in stage.records)]
        assert not any("red" in text or "\x1b" in text for text in shown)


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
