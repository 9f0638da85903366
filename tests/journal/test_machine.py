"""Whatever happens, in whatever order: each booking exists once, or is noted as not made."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from eguma_async import (
    AsyncSession,
    Customer,
    EgumaError,
    LatePolicy,
    RetryPolicy,
    State,
    StatusError,
    TicketItem,
    unknown_outcome,
)
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.sandbox import DropAfter, DropBefore, EgumaSandbox, Reply, SandboxClock
from eguma_async.testing import FakeClock
from tests.journal.conftest import Killed
from tests.journal.mortal import Life, MortalStore, MortalTransport

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ADA = Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com")
WRITES = ("*/booking.json", "*/cancel-booking.json")


@attrs.frozen
class Wanted:
    """What a reference stands for. No two of them want the same, but for the twins.

    Attributes:
        days: How many days after the example it begins.
        late: What a recovery does with it once it is late.
    """

    days: int
    late: LatePolicy = LatePolicy.DISCOVER


WANTED = {
    "discover": Wanted(60),
    "compensate": Wanted(61, LatePolicy.COMPENSATE),
    "confirm": Wanted(62, LatePolicy.CONFIRM),
    "twin-1": Wanted(63),
    "twin-2": Wanted(63),
}
FIRST_HOLD = 70


def refusal(status: int, code: str, path: str) -> Reply:
    body = json.dumps({"error_code": code, "message": "no"})
    return Reply(status, body=body, content_type="application/json", path=path)


FAULTS = {
    "lost on its way there": lambda path: DropBefore(path=path),
    "lost on its way back": lambda path: DropAfter(path=path),
    "sold out": lambda path: refusal(400, "sold_out", path),
    "busy": lambda path: Reply(503, path=path),
    "failed": lambda path: Reply(500, path=path),
    "unauthorized": lambda path: refusal(401, "unauthorized", path),
    "throttled": lambda path: refusal(429, "rate_limited", path),
    "cannot be read": lambda path: Reply(200, body='{"no": 1}', path=path),
}

references = st.sampled_from(sorted(WANTED))
lives = st.one_of(st.none(), st.integers(0, 11))
faults = st.lists(st.sampled_from(sorted(FAULTS)), max_size=3)
attempts = st.sampled_from([1, 3])


class JournalMachine(RuleBasedStateMachine):
    """Processes that ask, die and recover, beside a model of what they were told."""

    @initialize()
    def begin(self):
        clock = SandboxClock(FakeClock(START))
        self.sandbox = EgumaSandbox(clock=clock, seed=1)
        self.example = self.sandbox.example("time")
        self.store = MemoryStore()
        self.wanted = dict(WANTED)
        self.runner = asyncio.Runner()

    def teardown(self):
        if not hasattr(self, "runner"):
            return
        try:
            self.runner.run(self.settle())
            self.check_the_end()
        finally:
            self.runner.close()

    # What happens

    @rule(reference=references, life=lives, faults=faults, attempts=attempts)
    def ask(self, reference, life, faults, attempts):
        self.run(self.asking(reference, attempts), life, faults, attempts)

    @rule(reference=references, life=lives, faults=faults)
    def ask_anew(self, reference, life, faults):
        self.run(self.asking(reference, 3, new_generation=True), life, faults)

    @rule(reference=references, faults=faults, lives=st.tuples(lives, lives))
    def ask_in_two_processes(self, reference, faults, lives):
        async def both():
            await asyncio.gather(
                *(self.process(self.asking(reference, 1), Life(life), 1) for life in lives)
            )

        self.with_faults(both(), faults)

    @rule(life=lives, faults=faults, even_without_hold=st.booleans(), waits=st.booleans())
    def hold_and_book(self, life, faults, even_without_hold, waits):
        reference = f"hold-{len(self.wanted)}"
        self.wanted[reference] = Wanted(FIRST_HOLD + len(self.wanted))

        async def sell(session):
            async with session.ticketing.reservations.hold(**self.slot(reference)) as hold:
                if waits:
                    self.sandbox.clock.advance(hours=2)
                    await self.told(
                        reference,
                        hold.book(ADA, client_ref=reference, even_without_hold=even_without_hold),
                    )

        self.run(sell, life, faults)

    @rule(reference=references, life=lives, faults=faults)
    def cancel(self, reference, life, faults):
        async def cancelling(session):
            try:
                cancelled = await session.ticketing.bookings.cancel(client_ref=reference)
            except EgumaError:
                return
            (order,) = (o for o in self.sandbox.bookings() if o.id == cancelled.booking_id)
            assert order.status == "cancelled"

        self.run(cancelling, life, faults)

    @rule(life=lives, faults=faults, wait=st.booleans())
    def recover(self, life, faults, wait):
        async def recovering(session):
            for found in (await session.ticketing.bookings.recover(wait=wait)).entries:
                assert (found.error is None) is not found.entry.state.is_open

        self.run(recovering, life, faults)

    @rule(minutes=st.sampled_from([1, 2, 16, 60, 20 * 60, 47 * 60, 73 * 60]))
    def time_passes(self, minutes):
        self.sandbox.clock.advance(minutes=minutes)

    # What must hold

    @invariant()
    def every_order_is_accounted_for(self):
        """No order is doubled or lost, and what is noted as made is there."""
        if not hasattr(self, "runner"):
            return
        entries = self.entries()
        bookings = [entry for entry in entries if entry.kind == "booking"]
        undone = {
            entry.client_ref: entry.state for entry in entries if entry.kind == "cancellation"
        }
        made = [e.result["booking_id"] for e in bookings if e.state is State.CONFIRMED]
        assert max(Counter(made).values(), default=0) <= 1, "two entries stand for one order"
        orders = {order.id: order for order in self.sandbox.bookings()}
        for booking_id in made:
            status, cancellation = orders[booking_id].status, undone.get(booking_id)
            if cancellation is None:
                assert status == "completed"
            elif cancellation is State.CONFIRMED:
                assert status == "cancelled"
        for wanted in set(self.wanted.values()):
            refs = [name for name, each in self.wanted.items() if each == wanted]
            known = {e.result["booking_id"] for e in bookings if e.result}
            unknown = [
                order.id
                for order in self.orders_of(wanted)
                if order.status == "completed" and order.id not in known
            ]
            in_doubt = [e for e in bookings if e.client_ref in refs and e.state.is_open]
            assert len(unknown) <= len(in_doubt), "an order that the journal knows nothing of"

    @invariant()
    def one_key_means_one_booking(self):
        """Every request with a key has the same bytes."""
        if not hasattr(self, "runner"):
            return
        bodies: dict[str | None, set[str]] = {}
        for request in self.sandbox.requests:
            if request.path.endswith("/booking.json"):
                bodies.setdefault(request.idempotency_key, set()).add(request.body_sha256)
        assert all(len(each) == 1 for each in bodies.values())
        generations = [entry for entry in self.entries() if entry.kind == "booking"]
        assert len(bodies) <= len(generations), "a key that is in no entry"

    @invariant()
    def nothing_of_the_customer_outlives_its_use(self):
        if not hasattr(self, "runner"):
            return
        for row in self.runner.run(self.store.rows()):
            assert row.is_open or b"anary" not in row.data

    # How it is done

    def run(self, work, life, faults, attempts=3):
        self.with_faults(self.process(work, Life(life), attempts), faults)

    def with_faults(self, work, faults):
        for name in faults:
            for path in WRITES:
                self.sandbox.faults.add(FAULTS[name](path))
        try:
            self.runner.run(_and_nothing_after(work))
        finally:
            self.sandbox.faults.clear()

    async def process(self, work, life, attempts):
        """Carry work out in a process of its own."""
        session = AsyncSession(
            self.sandbox.demo_key,
            base_url="https://api.e-guma.ch",
            transport=MortalTransport(self.sandbox.transport(), life),
            clock=self.sandbox.clock,
            retry=RetryPolicy(attempts=attempts, budget=1.0),
            random=lambda: 0.5,
            journal=Journal(MortalStore(self.store, life), key=""),
        )
        await session.__aenter__()
        try:
            await work(session)
        except Killed:
            pass
        finally:
            if life.is_over:
                session._closed = True  # it never was closed: it is gone
            else:
                await session.aclose()

    def slot(self, reference):
        """Return what a reference stands for, as it is held."""
        start = self.example.start + timedelta(days=self.wanted[reference].days)
        return {
            "product_id": self.example.product_id,
            "starts_at": start,
            "items": (TicketItem(self.example.category_ids[0], 1),),
        }

    def asking(self, reference, attempts, **options):
        async def ask(session):
            booking = session.ticketing.bookings.create(
                **self.slot(reference),
                customer=ADA,
                client_ref=reference,
                late=self.wanted[reference].late,
                **options,
            )
            await self.told(reference, booking)

        return ask

    async def told(self, reference, booking):
        """Check what whoever asked is told against what is so."""
        try:
            made = await booking
        except EgumaError as error:
            failure = error
        else:
            self.check_made(reference, made)
            return
        entry = await self.latest(reference)
        if isinstance(failure, StatusError) and unknown_outcome(failure) is None:
            assert entry is None or not entry.state.is_open, (failure, entry)

    def check_made(self, reference, made):
        assert made.persisted is True
        (order,) = (o for o in self.sandbox.bookings() if o.id == made.booking_id)
        assert order in self.orders_of(self.wanted[reference])
        assert order.status == "completed"

    def orders_of(self, wanted):
        start = self.example.start + timedelta(days=wanted.days)
        return [o for o in self.sandbox.bookings() if o.starts_at == start]

    async def latest(self, reference) -> Any:
        entries = await self.all_entries()
        return next((e for e in reversed(entries) if e.client_ref == reference), None)

    async def all_entries(self):
        async with Journal(self.store, key="") as journal:
            return [entry async for entry in journal.entries()]

    def entries(self):
        return self.runner.run(self.all_entries())

    # The end

    async def settle(self):
        """Recover until nothing changes any more."""

        async def recovering(session):
            await session.ticketing.bookings.recover()

        for _ in range(4):
            self.sandbox.clock.advance(minutes=2)
            await self.process(recovering, Life(), 3)

    def check_the_end(self):
        """Check that every reference that was asked for is made once, or noted as not made.

        Only of twins a person may have to say which is whose: the list of orders does not tell.
        """
        self.every_order_is_accounted_for()
        for entry in self.entries():
            if entry.client_ref.startswith("twin") and entry.state is State.NEEDS_OPERATOR:
                assert entry.candidates
                assert {"ambiguous"} == {entry.reason}
            else:
                assert not entry.state.is_open, entry


async def _and_nothing_after(work):
    """Do some work, and end what goes on behind it: its process is gone."""
    before = asyncio.all_tasks()
    try:
        await work
    finally:
        left = asyncio.all_tasks() - before
        for task in left:
            task.cancel()
        if left:
            await asyncio.wait(left)


JournalMachine.TestCase.settings = settings(
    max_examples=60,
    stateful_step_count=15,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)
TestJournalMachine = JournalMachine.TestCase
