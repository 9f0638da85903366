"""What books and cancels under a journal, and the coroutines of the journal itself.

A caller that is cancelled leaves the work to its end: that is what these cases look for behind the
cancellation. The store tells of its steps as the server does, so that a caller is cancelled at each
of them too.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast

import pytest

from eguma_async import BookTickets, JournalError, OutcomeUnknownError, RetryPolicy, State
from eguma_async.core.errors import NotSentError, unknown_outcome
from eguma_async.eguma.session import AsyncSession
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.base import Place, Row
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.korus import CreateOrders
from eguma_async.sandbox import DropAfter, DropBefore, Reply
from tests.cancellation import eguma_cases, korus_cases
from tests.cancellation.driver import Ending, Events
from tests.cancellation.eguma_cases import ADA, BASE, BOOK, CANCEL, EgumaShop, lost
from tests.cancellation.grid import Case, Shop
from tests.cancellation.korus_cases import JOHN, ORDER, REFERENCE, KorusShop
from tests.cancellation.wires import ByteServer

T = TypeVar("T")

REF = "order-4711"
REFUSED = '{"error_code": "sold_out", "message": "no"}'


class ToldStore(MemoryStore):
    """A store that takes its time, and tells of each step."""

    def __init__(self, events: Events) -> None:
        super().__init__()
        self._events = events

    async def _told(self, step: str, work: Callable[[], Awaitable[T]]) -> T:
        await self._events.happened(f"{step} begun")
        done = await work()
        await self._events.happened(f"{step} done")
        return done

    async def open(self) -> None:
        await self._told("open", super().open)

    async def close(self) -> None:
        await self._told("close", super().close)

    async def secret(self) -> bytes:
        return await self._told("secret", super().secret)

    async def now(self) -> float | None:
        return await self._told("now", super().now)

    async def insert(self, row: Row) -> Row:
        return await self._told("insert", partial(super().insert, row))

    async def replace(self, row: Row) -> bool:
        return await self._told("replace", partial(super().replace, row))

    async def delete(self, row: Row) -> bool:
        return await self._told("delete", partial(super().delete, row))

    async def latest(self, series: str) -> Row | None:
        return await self._told("latest", partial(super().latest, series))

    async def made(self, remote: str) -> Row | None:
        return await self._told("made", partial(super().made, remote))

    async def rows(
        self, *, open_only: bool = False, after: Place | None = None, limit: int = 500
    ) -> tuple[Row, ...]:
        rows = partial(super().rows, open_only=open_only, after=after, limit=limit)
        return await self._told("rows", rows)


class JournalledShop(EgumaShop):
    """A shop of e-guma's that keeps a journal."""

    def __init__(self, server: ByteServer | None) -> None:
        events = Events()
        super().__init__(events, server, ToldStore(events))

    @property
    def bookings(self) -> Any:
        return self.session.ticketing.bookings

    @asynccontextmanager
    async def before(self) -> AsyncIterator[AsyncSession]:
        """Open a session of a process that was there before: it tries once."""
        async with AsyncSession(
            self.sandbox.demo_key,
            base_url=BASE if self._server is None else self._server.url,
            transport=self.sandbox.transport(),
            clock=self.sandbox.clock,
            retry=RetryPolicy(attempts=1),
            journal=Journal(cast("Any", self.store), key=""),
        ) as session:
            yield session

    async def entries(self) -> list[Any]:
        """Return what the journal says."""
        async with Journal(cast("Any", self.store), key="") as journal:
            return [entry async for entry in journal.entries()]


class JournalledKorusShop(KorusShop):
    """A shop that sells through Korus and keeps a journal."""

    def __init__(self, server: ByteServer | None, directory: Path) -> None:
        events = Events()
        super().__init__(events, server, directory, ToldStore(events))

    @asynccontextmanager
    async def before(self) -> AsyncIterator[Any]:
        """Open a session of a process that was there before."""
        base = BASE_OF_KORUS if self._server is None else self._server.url
        async with self._session(base, self.sandbox.transport(), self.store) as session:
            yield session

    async def entries(self) -> list[Any]:
        """Return what the journal says."""
        async with Journal(cast("Any", self.store), key="") as journal:
            return [entry async for entry in journal.entries()]


BASE_OF_KORUS = korus_cases.BASE


@asynccontextmanager
async def opens(server: ByteServer | None):
    shop = JournalledShop(server)
    async with shop.desk, shop.session:
        yield shop


@asynccontextmanager
async def opens_korus(server: ByteServer | None):
    with TemporaryDirectory() as directory:
        shop = JournalledKorusShop(server, Path(directory))
        async with shop.desk, shop.session:
            yield shop


def case(covers: str, run: Any, **details: Any) -> Case:
    return Case(**{"covers": tuple(covers.split()), "opens": opens, "run": run, **details})


def korus_case(covers: str, run: Any, **details: Any) -> Case:
    return case(covers, run, opens=opens_korus, **details)


async def all_done(shop: Any) -> None:
    """Wait for what goes on in the background."""
    while shop.session._background._tasks:
        await asyncio.sleep(0)


# What is there before


async def left_in_doubt(shop: JournalledShop, reference: str) -> None:
    """Ask for tickets in a process that does not learn what came of it."""
    async with shop.before() as session:
        with pytest.raises(OutcomeUnknownError):
            await session.ticketing.bookings.create(
                **shop.wanted, customer=ADA, client_ref=reference
            )


async def in_doubt(shop: JournalledShop) -> None:
    """Ask for tickets twice: one request is lost on its way there, the other on its way back."""
    shop.sandbox.faults.add(DropBefore(path=BOOK))
    await left_in_doubt(shop, "never-came")
    shop.sandbox.faults.add(DropAfter(path=BOOK))
    await left_in_doubt(shop, REF)


async def refused_in_doubt(shop: JournalledShop) -> None:
    """Ask for tickets, and be refused after a request that was lost on its way there."""
    shop.sandbox.faults.add(DropBefore(path=BOOK))
    shop.sandbox.faults.add(Reply(400, body=REFUSED, content_type="application/json", path=BOOK))
    for _ in range(2):
        await left_in_doubt(shop, REF)
    (entry,) = await shop.entries()
    assert entry.state is State.VERIFY


async def booked(shop: JournalledShop) -> Any:
    async with shop.before() as session:
        return await session.ticketing.bookings.create(**shop.wanted, customer=ADA, client_ref=REF)


async def booked_in_doubt(shop: JournalledShop) -> None:
    shop.sandbox.faults.add(DropAfter(path=BOOK))
    await left_in_doubt(shop, REF)


async def under_way(shop: JournalledShop) -> asyncio.Task[Any]:
    """Ask for tickets, and let the request come as far as the journal."""
    asking = asyncio.create_task(create(shop))
    while "insert done" not in shop.events.seen:
        await asyncio.sleep(0)
    return asking


async def ended_hold(shop: JournalledShop) -> Any:
    hold = await eguma_cases.held(shop)
    shop.sandbox.clock.advance(hours=2)
    return hold


async def ordered_in_doubt(shop: JournalledKorusShop) -> str:
    held = await korus_cases.reserved(shop)
    shop.sandbox.faults.add(DropAfter(path=ORDER))
    async with shop.before() as session:
        with pytest.raises(OutcomeUnknownError):
            await session.orders.create([held], JOHN, REFERENCE)
    return held


async def another(shop: Shop) -> Any:
    return shop.another_session()


async def journal(shop: JournalledShop) -> Journal:
    return Journal(cast("Any", shop.store), key="", clock=shop.sandbox.clock)


async def opened(shop: JournalledShop) -> Journal:
    return await (await journal(shop)).__aenter__()


async def opened_journal(shop: JournalledShop) -> Journal:
    """Open a journal with an entry that is open and one that is not."""
    await booked(shop)
    shop.sandbox.faults.add(DropAfter(path=BOOK))
    await left_in_doubt(shop, "in-doubt")
    shop.sandbox.clock.advance(days=40)
    return await opened(shop)


# What is cancelled


def create(shop: JournalledShop) -> Any:
    return shop.bookings.create(**shop.wanted, customer=ADA, client_ref=REF)


async def whole_hold(shop: JournalledShop) -> None:
    async with shop.session.ticketing.reservations.hold(**shop.wanted) as hold:
        await hold.book(ADA, client_ref=REF)


def cancel(shop: JournalledShop) -> Any:
    return shop.bookings.cancel(client_ref=REF)


def book(shop: JournalledShop) -> Any:
    return shop.ready.book(ADA, client_ref=REF)


def book_without_hold(shop: JournalledShop) -> Any:
    return shop.ready.book(ADA, client_ref=REF, even_without_hold=True)


def create_orders(shop: JournalledKorusShop) -> Any:
    return shop.session.orders.create([shop.ready], JOHN, REFERENCE)


def create_and_reconcile(shop: JournalledKorusShop) -> Any:
    return shop.session.orders.create([shop.ready], JOHN, REFERENCE, reconcile_unknown=True)


def order(shop: JournalledKorusShop) -> Any:
    return shop.ready.order(JOHN, external_reference=REFERENCE)


async def entered(shop: JournalledShop) -> None:
    async with shop.ready:
        pass


async def whole_session(shop: JournalledShop) -> None:
    async with shop.another_session() as session:
        await session.ticketing.bookings.entry(REF)


async def all_entries(shop: JournalledShop) -> list[Any]:
    return [entry async for entry in shop.ready.entries()]


# What must hold


async def kept_to_its_end(shop: Any, ending: Ending) -> None:
    """What was begun comes to its end, and the journal knows it; what was not never comes."""
    await all_done(shop)
    told = ending.error is None or unknown_outcome(ending.error) is not None
    entries = [entry for entry in await shop.entries() if entry.kind in ("booking", "order")]
    states = [entry.state for entry in entries]
    assert states == ([State.CONFIRMED] if told else []), (states, ending)
    assert shop.sold() == len(entries)
    if ending.error is not None and not told:
        assert isinstance(ending.error.__cause__, NotSentError | None)
    if told and ending.error is not None:
        outcome = unknown_outcome(ending.error)
        assert outcome is not None
        assert outcome.client_ref == entries[0].client_ref
        assert outcome.idempotency_key == entries[0].idempotency_key


async def booked_once(shop: JournalledShop, ending: Ending) -> None:
    """Asking again under the reference gives the one booking there is."""
    await kept_to_its_end(shop, ending)
    booking = await create(shop)
    assert [made.id for made in shop.sandbox.bookings()] == [booking.booking_id]
    assert booking.persisted is True
    if ending.error is None:
        assert ending.result.booking_id == booking.booking_id


async def taken_up(shop: JournalledShop, ending: Ending) -> None:
    """What was in doubt before is brought to its end, by this call or by the next."""
    await all_done(shop)
    if ending.error is not None and unknown_outcome(ending.error) is None:
        assert shop.arrived(BOOK) == []
    booking = await create(shop)
    assert [made.id for made in shop.sandbox.bookings()] == [booking.booking_id]
    (entry,) = await shop.entries()
    assert entry.state is State.CONFIRMED


async def hold_booked_once(shop: JournalledShop, ending: Ending) -> None:
    """The hold goes on with the same booking."""
    await kept_to_its_end(shop, ending)
    if ending.error is not None:
        booking = await book_without_hold(shop)
        assert [made.id for made in shop.sandbox.bookings()] == [booking.booking_id]
    assert shop.ready.is_booked
    assert shop.sold() == 1


async def held_or_kept(shop: JournalledShop, ending: Ending) -> None:
    """Places that nobody books are given back; those of a booking under way are not."""
    await all_done(shop)
    await eguma_cases.nothing_is_held_in_silence(shop, ending)
    entries = await shop.entries()
    assert len(entries) == shop.sold()
    assert all(entry.state is State.CONFIRMED for entry in entries)
    if entries and ending.error is not None:
        outcome = unknown_outcome(ending.error)
        assert outcome is not None
        assert outcome.client_ref == REF


async def cancelled_once(shop: JournalledShop, ending: Ending) -> None:
    """The cancellation goes on, and asking again gives the same."""
    await all_done(shop)
    again = await cancel(shop)
    (made,) = shop.sandbox.bookings()
    assert (made.id, made.status) == (again.booking_id, "cancelled")
    states = {entry.kind: entry.state for entry in await shop.entries()}
    assert states == {"booking": State.CONFIRMED, "cancellation": State.CONFIRMED}


def recovered(*states: State) -> Callable[[Any, Ending], Awaitable[None]]:
    """Make a check that another recovery finds the rest done, and does nothing twice."""

    async def check(shop: Any, ending: Ending) -> None:
        await all_done(shop)
        if ending.error is None:
            assert ending.result.still_open == ()
        recovery = await _recovered_by(shop)
        assert recovery.still_open == ()
        assert recovery.busy == 0
        assert tuple(entry.state for entry in await shop.entries()) == states
        assert shop.sold() == states.count(State.CONFIRMED)

    return check


async def _recovered_by(shop: Any) -> Any:
    if isinstance(shop, KorusShop):
        return await shop.session.orders.recover()
    return await shop.bookings.recover()


async def ordered_once(shop: JournalledKorusShop, ending: Ending) -> None:
    """Asking again gives the one order there is."""
    await kept_to_its_end(shop, ending)
    again = await create_orders(shop)
    assert [made.iri for made in shop.sandbox.orders()] == [made.iri for made in again.orders]
    assert again.persisted is True


async def looked_for(shop: JournalledKorusShop, ending: Ending) -> None:
    """An order whose answer was lost is looked for before anything is sent again."""
    await all_done(shop)
    again = await create_and_reconcile(shop)  # if it was never sent, its answer is lost now
    assert [made.iri for made in shop.sandbox.orders()] == [made.iri for made in again.orders]
    (entry,) = await shop.entries()
    assert entry.state is State.CONFIRMED


async def hold_ordered_once(shop: JournalledKorusShop, ending: Ending) -> None:
    """The hold looks for the order first, and sends only what is missing."""
    await kept_to_its_end(shop, ending)
    await korus_cases.ordered_in_the_end(shop, ending)


async def closed_behind_it(shop: JournalledShop, ending: Ending) -> None:
    """Closing has waited for the booking, and whoever asked for it has it."""
    booking = await shop.ready
    assert booking.persisted is True
    (entry,) = await shop.entries()
    assert (entry.state, shop.sold()) == (State.CONFIRMED, 1)


async def can_be_left(shop: JournalledShop, ending: Ending) -> None:
    """A session that was cancelled while it was entered leaves nothing open."""
    if ending.error is None:
        await shop.ready.aclose()
    else:
        assert shop.ready._durable._records._users == 0
        shop.ready._closed = True


async def nobody_has_it(shop: JournalledShop, ending: Ending) -> None:
    """A journal whose opening was cancelled is not open; one whose closing was, is closed."""
    if ending.fired:
        assert shop.ready._records._users == 0
    with pytest.raises(JournalError, match="not open"):
        shop.ready._records.check_usable()


async def journal_goes_on(shop: JournalledShop, ending: Ending) -> None:
    """Whatever was cancelled, the entries are whole, and nobody has the journal open."""
    async with shop.ready:
        entries = [entry async for entry in shop.ready.entries()]
    assert {entry.client_ref for entry in entries} == {REF, "in-doubt"}
    assert all(not entry.state.is_open for entry in entries if entry.client_ref == REF)


async def pruned(shop: JournalledShop, ending: Ending) -> None:
    """What is left is what was open, and what it did not come to."""
    left = [entry async for entry in shop.ready.entries()]
    assert [entry.client_ref for entry in left if entry.state.is_open] == ["in-doubt"]
    if ending.error is None:
        assert (ending.result, len(left)) == (1, 1)


EGUMA_JOURNALLED = [
    case(
        "LifeCycle.__aenter__",
        lambda shop: shop.ready.__aenter__(),
        prepare=another,
        after=can_be_left,
    ),
    case(
        "LifeCycle.aclose",
        lambda shop: shop.session.aclose(),
        prepare=under_way,
        after=closed_behind_it,
        closes=True,
    ),
    case(
        "BaseSession.recover",
        lambda shop: shop.session.recover(BookTickets),
        prepare=in_doubt,
        after=recovered(State.CONFIRMED, State.CONFIRMED),
    ),
    case(
        "BaseSession.entry",
        lambda shop: shop.session.entry(BookTickets, REF),
        prepare=booked,
    ),
    case(
        "BaseSession.send",
        lambda shop: shop.session.send(BookTickets(**shop.wanted, customer=ADA)),
        write=BOOK,
        operation="BookTickets",
        after=kept_to_its_end,
    ),
    case("Bookings.create", create, write=BOOK, operation="BookTickets", after=booked_once),
    case(
        "Bookings.create",
        create,
        name="after a lost answer",
        write=BOOK,
        operation="BookTickets",
        faults=lost(BOOK),
        after=booked_once,
    ),
    case(
        "Bookings.create",
        create,
        name="taken up",
        prepare=booked_in_doubt,
        after=taken_up,
    ),
    case(
        "Bookings.recover",
        lambda shop: shop.bookings.recover(),
        prepare=in_doubt,
        after=recovered(State.CONFIRMED, State.CONFIRMED),
    ),
    case(
        "Bookings.recover",
        lambda shop: shop.bookings.recover(),
        name="with a second look",
        prepare=refused_in_doubt,
        after=recovered(State.REJECTED),
    ),
    case("Bookings.entry", lambda shop: shop.bookings.entry(REF), prepare=booked),
    case(
        "Bookings.cancel",
        cancel,
        prepare=booked,
        write=CANCEL,
        operation="CancelBooking",
        after=cancelled_once,
    ),
    case(
        "Bookings.cancel",
        cancel,
        name="after a lost answer",
        prepare=booked,
        write=CANCEL,
        operation="CancelBooking",
        faults=lost(CANCEL),
        after=cancelled_once,
    ),
    case(
        "Bookings.cancel",
        cancel,
        name="of one in doubt",
        prepare=booked_in_doubt,
        after=cancelled_once,
    ),
    case("Reservations.hold", whole_hold, after=held_or_kept),
    case(
        "Hold.book",
        book,
        prepare=eguma_cases.held,
        write=BOOK,
        operation="BookTickets",
        after=hold_booked_once,
    ),
    case(
        "Hold.book",
        book,
        name="after a lost answer",
        prepare=eguma_cases.held,
        write=BOOK,
        operation="BookTickets",
        faults=lost(BOOK),
        after=hold_booked_once,
    ),
    case(
        "Hold.book",
        book_without_hold,
        name="after it has ended",
        prepare=ended_hold,
        write=BOOK,
        operation="BookTickets",
        after=hold_booked_once,
    ),
]

KORUS_JOURNALLED = [
    korus_case(
        "BaseSession.recover",
        lambda shop: shop.session.recover(CreateOrders),
        name="of orders",
        prepare=ordered_in_doubt,
        after=recovered(State.CONFIRMED),
    ),
    korus_case(
        "BaseSession.entry",
        lambda shop: shop.session.entry(CreateOrders, REF),
        name="of orders",
    ),
    korus_case(
        "Orders.create",
        create_orders,
        prepare=korus_cases.reserved,
        write=ORDER,
        operation="CreateOrders",
        after=ordered_once,
    ),
    korus_case(
        "Orders.create",
        create_and_reconcile,
        name="after a lost answer",
        prepare=korus_cases.reserved,
        write=ORDER,
        operation="CreateOrders",
        faults=lost(ORDER),
        after=looked_for,
    ),
    korus_case(
        "Orders.recover",
        lambda shop: shop.session.orders.recover(),
        prepare=ordered_in_doubt,
        after=recovered(State.CONFIRMED),
    ),
    korus_case("Orders.entry", lambda shop: shop.session.orders.entry(REF)),
    korus_case(
        "Hold.order",
        order,
        prepare=korus_cases.held,
        write=ORDER,
        operation="CreateOrders",
        after=hold_ordered_once,
    ),
]

JOURNAL_CASES = [
    case("Journal.__aenter__", entered, prepare=journal, after=nobody_has_it),
    case(
        "Journal.__aexit__",
        lambda shop: shop.ready.__aexit__(None, None, None),
        prepare=opened,
        after=nobody_has_it,
    ),
    case(
        "Journal.attach DurableCalls.open DurableCalls.close DurableCalls.entry",
        whole_session,
    ),
    case(
        "DurableCalls.send",
        create,
        write=BOOK,
        operation="BookTickets",
        after=booked_once,
    ),
    case(
        "DurableCalls.recover",
        lambda shop: shop.bookings.recover(),
        prepare=in_doubt,
        after=recovered(State.CONFIRMED, State.CONFIRMED),
    ),
    case("Journal.entries", all_entries, prepare=opened_journal, after=journal_goes_on),
    case(
        "Journal.resolve",
        lambda shop: shop.ready.resolve("in-doubt", State.ABSENT),
        prepare=opened_journal,
        after=journal_goes_on,
    ),
    case(
        "Journal.erase",
        lambda shop: shop.ready.erase(REF),
        prepare=opened_journal,
        after=journal_goes_on,
    ),
    case(
        "Journal.prune",
        lambda shop: shop.ready.prune(older_than=timedelta(days=30)),
        prepare=opened_journal,
        after=pruned,
    ),
]
