"""Orders without an idempotency key under a journal: looked for first, then sent."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import attrs
import pytest

from eguma_async import (
    ClientRefConflictError,
    ConfigurationError,
    JournalError,
    LatePolicy,
    OutcomeUnknownError,
    RetryPolicy,
    State,
)
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.korus import (
    Customer,
    InconsistentAnswerError,
    KorusSession,
    OfferItem,
    TicketChoice,
    ViolationsError,
)
from eguma_async.sandbox import DropAfter, DropBefore, Reply
from eguma_async.sandbox.korus import KorusSandbox
from eguma_async.testing import FakeClock
from tests.journal.conftest import Killed, Mortal

BULK = "/v1/booking/orders/_bulk"
BASE = "https://api.demo.korusticket.com"
TOKENS = "https://auth.korusticket.com/realms/korusticket/protocol/openid-connect/token"


class Shop:
    """A sandbox, a store that outlives sessions, and two reservations."""

    def __init__(self) -> None:
        self.clock = FakeClock(datetime(2025, 1, 29, 7, 50, tzinfo=UTC))
        self.sandbox = KorusSandbox(self.clock)
        self.store = MemoryStore()
        self.customer = Customer("Canary-John", "Canary-Doe", "canary@example.com")

    @asynccontextmanager
    async def process(self, dies=None, *, retry=None, path="orders/_bulk", **options):
        client_id, client_secret = self.sandbox.demo_client
        session = KorusSession(
            client_id,
            client_secret,
            base_url=BASE,
            token_url=TOKENS,
            transport=Mortal(self.sandbox.transport(), dies, path),
            clock=self.sandbox.clock,
            retry=retry or RetryPolicy(budget=1.0),
            random=lambda: 0.5,
            journal=Journal(self.store, **options),
        )
        await session.__aenter__()
        try:
            yield session
        except Killed:
            session._closed = True  # it never was closed: it is gone
        except BaseException:
            await session.aclose()
            raise
        else:
            await session.aclose()

    async def reserve(self, session, count=2):
        raw = self.sandbox.example("example").item
        choices = [TicketChoice(**choice) for choice in raw["ticketSessions"]]
        items = [OfferItem(raw["offer"], choices, raw["quantity"]) for _ in range(count)]
        made = await session.reservations.create(items)
        return tuple(reservation.iri for reservation in made.reservations)

    @property
    def posts(self):
        return [r for r in self.sandbox.requests if r.path == BULK]

    async def entry(self):
        async with Journal(self.store) as journal:
            (entry,) = [entry async for entry in journal.entries()]
        return entry


@pytest.fixture
def shop():
    return Shop()


async def test_orders_are_written_down_and_their_customer_forgotten(shop):
    async with shop.process() as session:
        held = await shop.reserve(session)
        made = await session.orders.create(held, shop.customer, "order-4711")
    assert made.persisted is True
    assert len(made.orders) == 2
    entry = await shop.entry()
    assert (entry.state, entry.kind, entry.idempotency_key) == (State.CONFIRMED, "order", None)
    assert entry.result["orders"] == [order.iri for order in made.orders]
    (row,) = await shop.store.rows()
    assert b"anary" not in row.data


@pytest.mark.parametrize("dies", ["before", "after"])
@pytest.mark.parametrize("way", ["recover", "ask again"])
async def test_after_a_crash_the_orders_exist_once(shop, dies, way):
    async with shop.process() as session:
        held = await shop.reserve(session)
    async with shop.process(dies) as session:
        await session.orders.create(held, shop.customer, "order-4711")
    shop.clock.advance(minutes=2)
    async with shop.process() as session:
        if way == "recover":
            (found,) = (await session.orders.recover()).entries
            made = found.value
        else:
            made = await session.orders.create(held, shop.customer, "order-4711")
        again = await session.orders.create(held, shop.customer, "order-4711")
    assert {order.reservation for order in made.orders} == set(held)
    assert again.orders == made.orders
    assert len(shop.sandbox.orders()) == 2
    assert len(shop.posts) == 1
    assert (await shop.entry()).state is State.CONFIRMED


async def test_a_lost_response_is_settled_in_the_same_call_if_asked_to(shop):
    shop.sandbox.faults.add(DropAfter(path=BULK))
    async with shop.process() as session:
        held = await shop.reserve(session)
        made = await session.orders.create(
            held, shop.customer, "order-4711", reconcile_unknown=True
        )
    assert len(made.orders) == 2
    assert made.persisted is True
    assert len(shop.posts) == 1


async def test_a_lost_response_is_in_doubt_otherwise(shop):
    shop.sandbox.faults.add(DropAfter(path=BULK))
    async with shop.process() as session:
        held = await shop.reserve(session)
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.orders.create(held, shop.customer, "order-4711", client_ref="mine")
        assert caught.value.client_ref == "mine"
        entry = await session.orders.entry("mine")
        assert entry.state is State.INFLIGHT
        (found,) = (await session.orders.recover()).entries
    assert found.entry.state is State.CONFIRMED
    assert len(shop.posts) == 1


async def test_a_hold_goes_on_under_a_journal(shop):
    shop.sandbox.faults.add(DropBefore(path=BULK))
    async with shop.process() as session:
        raw = shop.sandbox.example("example").item
        choices = [TicketChoice(**choice) for choice in raw["ticketSessions"]]
        item = OfferItem(raw["offer"], choices, raw["quantity"])
        async with session.reservations.hold([item]) as hold:
            made = await hold.order(shop.customer, external_reference="order-4711")
    assert len(made.orders) == len(shop.sandbox.orders()) == 1
    assert len(shop.posts) == 2


async def test_a_refusal_is_kept_and_what_is_left_is_another_request(shop):
    async with shop.process() as session:
        early = await shop.reserve(session, 1)
        shop.clock.advance(minutes=10)
        late = await shop.reserve(session, 1)
        shop.clock.advance(minutes=10)
        with pytest.raises(ViolationsError) as caught:
            await session.orders.create(early + late, shop.customer, "order-4711")
        assert caught.value.expired_reservations == early
        made = await session.orders.create(late, shop.customer, "order-4711")
    assert len(made.orders) == 1
    async with Journal(shop.store) as journal:
        states = {entry.state async for entry in journal.entries()}
    assert states == {State.REJECTED, State.CONFIRMED}


async def test_after_its_time_nothing_is_ordered(shop):
    async with shop.process() as session:
        held = await shop.reserve(session)
    async with shop.process("before") as session:
        await session.orders.create(
            held, shop.customer, "order-4711", book_by=shop.clock.now() + timedelta(minutes=1)
        )
    shop.clock.advance(minutes=5)
    async with shop.process() as session:
        (found,) = (await session.orders.recover()).entries
    assert found.entry.state is State.ABSENT
    assert shop.posts == []
    assert shop.sandbox.orders() == ()


async def test_an_order_that_cannot_be_taken_back_is_not_compensated(shop):
    async with shop.process() as session:
        held = await shop.reserve(session)
        with pytest.raises(ConfigurationError, match="cannot be taken back"):
            await session.orders.create(
                held, shop.customer, "order-4711", late=LatePolicy.COMPENSATE
            )
    assert shop.posts == []
    assert await shop.store.rows() == ()


async def test_one_reference_of_ours_stands_for_one_request(shop):
    async with shop.process() as session:
        first, second = await shop.reserve(session)
        await session.orders.create([first], shop.customer, "order-4711", client_ref="mine")
        with pytest.raises(ClientRefConflictError):
            await session.orders.create([second], shop.customer, "order-4711", client_ref="mine")
    assert len(shop.sandbox.orders()) == 1


# Answers that are silent, or contradict themselves


class Edits:
    """A way to the server that changes the answers to orders.

    Args:
        inner: The way.
        edit: Changes a parsed answer.
    """

    def __init__(self, inner, edit):
        self.inner, self.edit = inner, edit

    async def send(self, request, /):
        response = await self.inner.send(request)
        if request.url.endswith(BULK) and response.status < 300 and self.edit is not None:
            answer = json.loads(response.body)
            edit, self.edit = self.edit, None
            edit(answer)
            response = attrs.evolve(response, body=json.dumps(answer).encode())
        return response

    async def aclose(self):
        """Do nothing."""


def edited(session, edit):
    session._transport.inner = Edits(session._transport.inner, edit)


@pytest.mark.parametrize("left", [0, 1], ids=["of both", "of one"])
async def test_what_an_answer_is_silent_about_is_looked_for_and_not_sent_again(shop, left):
    async with shop.process() as session:
        held = await shop.reserve(session)
        edited(session, lambda answer: answer["orders"].__delitem__(slice(left, None)))
        first = await session.orders.create(held, shop.customer, "order-4711")
        assert len(first.unaccounted) == 2 - left
        assert (await shop.entry()).state is State.INFLIGHT
        made = await session.orders.create(held, shop.customer, "order-4711")
    assert {order.reservation for order in made.orders} == set(held)
    assert len(shop.posts) == 1
    entry = await shop.entry()
    assert (entry.state, entry.generation) == (State.CONFIRMED, 1)


async def test_a_recovery_finds_what_an_answer_was_silent_about(shop):
    async with shop.process() as session:
        held = await shop.reserve(session)
        edited(session, lambda answer: answer["orders"].pop())
        await session.orders.create(held, shop.customer, "order-4711")
        (found,) = (await session.orders.recover()).entries
    assert len(found.value.orders) == 2
    assert len(shop.posts) == 1


async def test_a_hold_looks_for_what_an_answer_was_silent_about(shop):
    async with shop.process() as session:
        raw = shop.sandbox.example("example").item
        choices = [TicketChoice(**choice) for choice in raw["ticketSessions"]]
        items = [OfferItem(raw["offer"], choices, raw["quantity"]) for _ in range(2)]
        async with session.reservations.hold(items) as hold:
            edited(session, lambda answer: answer["orders"].pop())
            await hold.order(shop.customer, external_reference="order-4711")
            await hold.order(shop.customer, external_reference="order-4711")
        assert len(hold.orders) == 2
        await session.orders.recover()
    assert len(shop.posts) == 1
    assert len(shop.sandbox.orders()) == 2
    assert (await shop.entry()).state is State.CONFIRMED


async def test_an_answer_that_contradicts_itself_is_shown_to_a_person(shop):
    def twice(answer):
        answer["orders"].append({**answer["orders"][0], "@id": "/v1/booking/orders/another"})

    async with shop.process() as session:
        held = await shop.reserve(session)
        edited(session, twice)
        with pytest.raises(InconsistentAnswerError):
            await session.orders.create(held, shop.customer, "order-4711")
        assert (await shop.entry()).state is State.NEEDS_OPERATOR
        with pytest.raises(OutcomeUnknownError, match="a person"):
            await session.orders.create(held, shop.customer, "order-4711")
    assert len(shop.posts) == 1


async def test_whoever_lost_the_line_while_looking_sends_nothing(shop):
    async with shop.process() as session:
        held = await shop.reserve(session)
    async with shop.process("before") as session:
        await session.orders.create(held, shop.customer, "order-4711")
    shop.clock.advance(minutes=2)
    async with shop.process() as session:
        replace, writes = shop.store.replace, []

        async def taken_over(row):
            writes.append(row)
            if len(writes) == 3:  # claimed, begun again, about to be sent
                (there,) = await shop.store.rows()
                assert await replace(there.next(is_open=True, remote=None, data=there.data))
            return await replace(row)

        shop.store.replace = taken_over
        with pytest.raises(OutcomeUnknownError):
            await session.orders.create(held, shop.customer, "order-4711")
    assert shop.posts == []


async def test_a_full_disk_while_it_is_settled_says_nothing_of_the_orders(shop):
    shop.sandbox.faults.add(DropAfter(path=BULK))
    async with shop.process() as session:
        held = await shop.reserve(session)
        insert = shop.store.insert
        seen: list[Any] = []

        async def full(row):
            if seen:
                raise JournalError("the disk is full")
            seen.append(row)
            return await insert(row)

        shop.store.insert = full
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.orders.create(held, shop.customer, "order-4711", reconcile_unknown=True)
    assert isinstance(caught.value.__cause__, JournalError)
    assert len(shop.sandbox.orders()) == 2


async def test_orders_that_cannot_be_read_just_now_were_made_all_the_same(shop):
    async with shop.process() as session:
        held = await shop.reserve(session)
        await session.orders.create(held, shop.customer, "order-4711")
        for _ in range(9):
            shop.sandbox.faults.add(Reply(500, path="/v1/booking/orders/*"))
        with pytest.raises(OutcomeUnknownError, match="was made") as caught:
            await session.orders.create(held, shop.customer, "order-4711")
    assert caught.value.client_ref is not None
    assert len(shop.posts) == 1


async def test_orders_that_were_cancelled_are_not_made_again_by_asking(shop):
    async with shop.process() as session:
        held = await shop.reserve(session)
    async with shop.process("before") as session:
        await session.orders.create(held, shop.customer, "order-4711", client_ref="mine")
    shop.clock.advance(minutes=2)
    async with Journal(shop.store, clock=shop.clock) as journal:
        await journal.resolve("mine", State.CANCELLED)
    async with shop.process() as session:
        with pytest.raises(ClientRefConflictError, match="cancelled"):
            await session.orders.create(held, shop.customer, "order-4711", client_ref="mine")
    assert shop.posts == []


async def test_both_providers_share_a_journal(shop, world):
    world.store = shop.store
    async with world.process() as eguma, shop.process() as korus:
        held = await shop.reserve(korus)
        await korus.orders.create(held, shop.customer, "order-4711", client_ref="order-4711")
        await eguma.ticketing.bookings.create(**world.slot(), client_ref="order-4711")
        assert (await eguma.ticketing.bookings.recover()).others == 0
    async with Journal(shop.store) as journal:
        kinds = {(entry.provider, entry.kind) async for entry in journal.entries()}
    assert kinds == {("e-guma", "booking"), ("korus", "order")}


async def test_a_journal_that_cannot_look_leaves_the_doubt_there_was(shop):
    class Failing(MemoryStore):
        async def insert(self, row):
            if await self.rows():
                raise JournalError("the disk is full")
            return await super().insert(row)

    shop.store = Failing()
    shop.sandbox.faults.add(DropAfter(path=BULK))
    async with shop.process(retry=RetryPolicy(attempts=1)) as session:
        held = await shop.reserve(session)
        with pytest.raises(OutcomeUnknownError) as caught:
            await session.orders.create(held, shop.customer, "order-4711", reconcile_unknown=True)
    assert caught.value.client_ref == (await shop.entry()).client_ref
    assert len(shop.sandbox.orders()) == 2
