"""A seller that can be killed: books under a journal, and dies at a named point if told to.

``python -m benchmarks._crash_worker`` waits for lives to lead, one JSON object a line, and forks a
process for each: a new one need not import anything, so that a thousand fit into minutes.
"""

from __future__ import annotations

import asyncio
import json
import os
import select
import signal
import sys
import traceback
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import attrs

from eguma_async import (
    AsyncSession,
    ClientRefConflictError,
    Customer,
    EgumaError,
    HttpRequest,
    HttpResponse,
    LatePolicy,
    NotSentError,
    OutcomeUnknownError,
    RetryPolicy,
    StatusError,
    SystemClock,
    TicketItem,
    Timeouts,
)
from eguma_async.core.messages import wire_headers, wire_url
from eguma_async.journal.journal import Journal
from eguma_async.journal.rules import JournalRules
from eguma_async.journal.stores.base import Place, Row, Store
from eguma_async.journal.stores.sqlite import SQLiteStore

from . import _crash_mutants

_TURN = 0.005
"""Seconds between two looks for children that have died."""

RULES = JournalRules(lease=timedelta(seconds=0.3), settle=timedelta(seconds=0.2))
TIMEOUTS = Timeouts(connect=0.5, read=0.5, total=0.5)
RETRY = RetryPolicy(attempts=4, base=0.01, throttled_base=0.01, deadline=4.0, budget=1.0)


@attrs.frozen(kw_only=True)
class Order:
    """What a shop asks for.

    Attributes:
        ref: Its reference.
        late: What is done when it comes too late.
        seconds: For how long it is wanted.
    """

    ref: str
    late: str = "discover"
    seconds: float = 600.0


@attrs.frozen(kw_only=True)
class Life:
    """One process's life.

    Attributes:
        url: Where the server is.
        key: API key.
        journal: Where the journal is.
        backend: What keeps it.
        report: File to which outcomes are appended.
        orders: What to ask for, one after the other.
        product_id: The product.
        category_id: A category of it.
        starts_at: The slot.
        point: Where to die; None to live on.
        nth: At which passing of that point.
        recover: Begin with a recovery.
        wait: Wait for its second looks.
        prune: Remove what has ended, as if it were old.
        shift: Days by which all clocks are ahead.
        mutant: What to do wrong.
    """

    url: str
    key: str
    journal: str
    backend: str = "sqlite"
    report: str
    orders: tuple[Order, ...] = ()
    product_id: str
    category_id: str
    starts_at: str
    point: str | None = None
    nth: int = 1
    recover: bool = False
    wait: bool = False
    prune: bool = False
    shift: float = 0.0
    mutant: str | None = None


class Fate:
    """Kills this process when it passes its point.

    Args:
        life: Says where.

    Attributes:
        phase: What the process is about: ``"work"`` or ``"recovery"``.
    """

    def __init__(self, life: Life) -> None:
        self._point = life.point
        self._left = life.nth
        self._report = life.report
        self.phase = "work"

    def __call__(self, point: str) -> None:
        if point != self._point:
            return
        self._left -= 1
        if self._left == 0:
            self.tell("killed", point)
            os.kill(os.getpid(), signal.SIGKILL)

    def tell(self, *words: str) -> None:
        """Append a line to the report. The kernel keeps it when the process is killed."""
        descriptor = os.open(self._report, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        os.write(descriptor, (json.dumps(words) + "\n").encode())
        os.close(descriptor)


class Ahead(SystemClock):
    """The machine's clock, some days ahead: all have slept for so long."""

    def __init__(self, days: float) -> None:
        self._shift = timedelta(days=days)

    def now(self) -> datetime:
        """Return the time."""
        return super().now() + self._shift

    def monotonic(self) -> float:
        """Return seconds that only grow, those asleep included."""
        return SystemClock.monotonic() + self._shift.total_seconds()


class PointedTransport:
    """HTTP/1.1 on a bare socket, a connection for each request, with points to die at."""

    def __init__(self, fate: Fate, *, takes_progress_for_refusal: bool) -> None:
        self._fate = fate
        self._takes_progress_for_refusal = takes_progress_for_refusal

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Send one request."""
        response = await self._send(request)
        if response.status == 409 and self._takes_progress_for_refusal:
            return HttpResponse(status=400, body=b'{"error_code": "validation_error"}')
        return response

    async def _send(self, request: HttpRequest) -> HttpResponse:
        pass_by = self._points(request)
        parts = urlsplit(wire_url(request))
        sent = False
        try:
            async with asyncio.timeout(request.timeouts.total):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                try:
                    pass_by("connected")
                    sent = True
                    await _write(writer, request, parts, pass_by)
                    return await _read(reader, pass_by)
                finally:
                    writer.close()
        except (OSError, EOFError, ValueError, TimeoutError) as error:
            reason = type(error).__name__
        raise (OutcomeUnknownError if sent else NotSentError)(reason)

    def _points(self, request: HttpRequest) -> Callable[[str], None]:
        fate = self._fate
        if fate.phase == "work" and request.operation == "BookTickets":
            return fate
        if fate.phase == "recovery":
            before = {"ListOrders": "verifying", "CancelBooking": "before compensating"}
            name = before.get(request.operation)
            if name is not None:
                fate(name)
            if request.operation == "BookTickets":
                return lambda point: fate("sent again") if point == "response complete" else None
        return lambda _: None

    async def aclose(self) -> None:
        """Do nothing."""


async def _write(
    writer: asyncio.StreamWriter, request: HttpRequest, parts: Any, pass_by: Callable[[str], None]
) -> None:
    body = request.body or b""
    headers = {
        "Host": parts.netloc,
        **wire_headers(request),
        "Content-Length": str(len(body)),
        "Connection": "close",
        "X-Worker": str(os.getpid()),
    }
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{k}: {v}" for k, v in headers.items())]
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()
    pass_by("headers sent")
    middle = len(body) // 2
    writer.write(body[:middle])
    await writer.drain()
    pass_by("half body")
    writer.write(body[middle:])
    await writer.drain()
    pass_by("request complete")


async def _read(reader: asyncio.StreamReader, pass_by: Callable[[str], None]) -> HttpResponse:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    pass_by("head read")
    named = (line.partition(":") for line in head[1:] if line)
    headers = {name.lower(): value.strip() for name, _, value in named}
    body = await reader.readexactly(int(headers["content-length"]))
    pass_by("response complete")
    return HttpResponse(status=int(head[0].split()[1]), headers=headers, body=body)


class PointedStore(Store):
    """Any store, with points to die at around each write."""

    def __init__(self, inner: Store, fate: Fate) -> None:
        self._inner = inner
        self._fate = fate

    def describe(self) -> str:
        """Return what it is."""
        return self._inner.describe()

    async def open(self) -> None:
        """Open it."""
        await self._inner.open()

    async def close(self) -> None:
        """Close it."""
        await self._inner.close()

    async def secret(self) -> bytes:
        """Return its bytes."""
        return await self._inner.secret()

    async def now(self) -> float | None:
        """Return its time."""
        return await self._inner.now()

    async def insert(self, row: Row) -> Row:
        """Keep a row."""
        self._fate("before intent")
        there = await self._inner.insert(row)
        self._fate("after intent")
        return there

    async def replace(self, row: Row) -> bool:
        """Write a row."""
        is_recovery = self._fate.phase == "recovery"
        if not row.is_open and not is_recovery:
            self._fate("before outcome")
        done = await self._inner.replace(row)
        if is_recovery:
            self._fate("claimed")
        else:
            self._fate("after claim" if row.is_open else "after outcome")
        return done

    async def delete(self, row: Row) -> bool:
        """Remove a row."""
        self._fate("pruning")
        return await self._inner.delete(row)

    async def latest(self, series: str) -> Row | None:
        """Return a row."""
        return await self._inner.latest(series)

    async def made(self, remote: str) -> Row | None:
        """Return a row."""
        return await self._inner.made(remote)

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        """Return rows."""
        return await self._inner.rows(open_only=open_only, after=after, limit=limit)


class PointedSQLite(SQLiteStore):
    """The file, with points to die at inside its transactions."""

    fate: Fate
    writing = "schema"

    async def insert(self, row: Row) -> Row:
        """Keep a row."""
        self.writing = "intent"
        return await super().insert(row)

    async def replace(self, row: Row) -> bool:
        """Write a row."""
        self.writing = "claim" if row.is_open else "outcome"
        return await super().replace(row)

    def _commit(self, connection: Any) -> None:
        self.fate(f"inside {self.writing}")
        super()._commit(connection)


def store_of(backend: str, where: str) -> Store:
    """Return the store of a backend."""
    if backend == "postgres":
        from eguma_async.journal.stores.postgres import PostgresStore

        return PostgresStore(where)
    if backend == "redis":
        from eguma_async.journal.stores.redis import RedisStore

        return RedisStore(where)
    return SQLiteStore(where, busy_timeout=20.0)


def pointed(life: Life, fate: Fate) -> Store:
    """Return the store of a life, with its points."""
    if life.backend != "sqlite":
        return PointedStore(store_of(life.backend, life.journal), fate)
    file = PointedSQLite(life.journal, busy_timeout=20.0)
    file.fate = fate
    return PointedStore(file, fate)


async def lead(life: Life) -> None:
    """Lead a life to its end, be it early."""
    fate = Fate(life)
    clock = Ahead(life.shift)
    kind = _crash_mutants.journal_of(life.mutant, Journal)
    own_clock = Ahead(life.shift + 5) if life.prune else clock
    journal = kind(pointed(life, fate), rules=RULES, clock=own_clock)
    session = AsyncSession(
        life.key,
        base_url=life.url,
        transport=PointedTransport(
            fate, takes_progress_for_refusal=life.mutant == "in-progress-is-failure"
        ),
        timeouts=TIMEOUTS,
        retry=_crash_mutants.retry_of(life.mutant, RETRY),
        clock=clock,
        journal=journal,
    )
    async with session:
        if life.recover:
            fate.phase = "recovery"
            await session.ticketing.bookings.recover(wait=life.wait)
            fate.phase = "work"
        for order in life.orders:
            await _ask(session, life, order, fate)
        if life.prune:
            await journal.prune(older_than=timedelta(days=4))


async def _ask(session: AsyncSession, life: Life, order: Order, fate: Fate) -> None:
    try:
        booking = await session.ticketing.bookings.create(
            product_id=life.product_id,
            starts_at=datetime.fromisoformat(life.starts_at),
            items=[TicketItem(life.category_id, 2)],
            customer=Customer(order.ref, f"Of {order.ref}", f"{order.ref}@example.com"),
            client_ref=order.ref,
            book_by=session.clock.now() + timedelta(seconds=order.seconds),
            late=LatePolicy(order.late),
        )
    except EgumaError as error:
        is_known = isinstance(error, (StatusError, NotSentError, ClientRefConflictError))
        if is_known and not error.outcome_unknown:
            fate.tell("refused", order.ref, type(error).__name__)
        return
    fate("before ack")
    numbers = (ticket.ticket_number for ticket in booking.tickets)
    fate.tell("confirmed", order.ref, booking.booking_id, *sorted(numbers))


def main() -> None:
    """Fork a process for each life that is read, and tell of births and deaths."""
    _tell("ready")
    given = b""
    while True:
        # No signal handler: one that comes just before a read would be heard after it only.
        ready, _, _ = select.select([0], [], [], _TURN)
        if ready:
            chunk = os.read(0, 65536)
            if not chunk:
                return
            *lines, given = (given + chunk).split(b"\n")
            for line in lines:
                _bear(json.loads(line))
        _bury()


def _bear(given: dict[str, Any]) -> None:
    orders = tuple(Order(**order) for order in given.pop("orders"))
    child = os.fork()
    if child == 0:
        _live(Life(orders=orders, **given))
    _tell(f"born {child}")


def _live(life: Life) -> None:
    status = 1
    try:
        asyncio.run(lead(life))
        status = 0
    except BaseException:
        traceback.print_exc()
        sys.stderr.flush()
    finally:
        os._exit(status)


def _bury() -> None:
    while True:
        try:
            child, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if child == 0:
            return
        _tell(f"dead {child} {os.waitstatus_to_exitcode(status)}")


def _tell(words: str) -> None:
    os.write(1, f"{words}\n".encode())


if __name__ == "__main__":
    main()
