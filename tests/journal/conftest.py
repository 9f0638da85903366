"""A sandbox, a store that outlives sessions, and processes that can be killed."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eguma_async import AsyncSession, Customer, RetryPolicy, TicketItem
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.journal.journal import Journal
from eguma_async.journal.stores.memory import MemoryStore
from eguma_async.sandbox import EgumaSandbox, SandboxClock
from eguma_async.testing import FakeClock
from tests.journal import stores
from tests.journal.servers import DURABLE, run_postgres, run_redis


class Killed(BaseException):
    """The process is gone: nothing of the package may catch this."""


class Mortal:
    """A transport of a process that dies at a point of a request.

    Args:
        inner: Carries the requests.
        when: ``"before"`` the request leaves, or ``"after"`` the server has done it.
        path: What the path of that request ends with.
    """

    def __init__(self, inner, when=None, path="booking.json") -> None:
        self.inner = inner
        self.when = when
        self.path = path
        self.sent: list[HttpRequest] = []

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        hit = request.url.endswith(self.path)
        if self.when == "before" and hit:
            raise Killed
        self.sent.append(request)
        response = await self.inner.send(request)
        if self.when == "after" and hit:
            raise Killed
        return response

    async def aclose(self) -> None:
        """Do nothing."""


class World:
    """A merchant's server, and what is left of our processes when they die.

    Attributes:
        sandbox: The server.
        store: Outlives every process.
        transport: That of the last process.
    """

    def __init__(self) -> None:
        clock = SandboxClock(FakeClock(datetime(2026, 3, 2, 8, 0, tzinfo=UTC)))
        self.sandbox = EgumaSandbox(clock=clock, seed=1)
        self.store = MemoryStore()
        self.transport: Mortal
        self._examples: dict[str, Any] = {}

    @asynccontextmanager
    async def process(self, dies=None, path="booking.json", *, retry=None, api_key=None, **options):
        """Run a process of ours; with `dies`, it is killed at that point of its request."""
        self.transport = Mortal(self.sandbox.transport(), dies, path)
        journal = Journal(options.pop("store", self.store), **options)
        session = AsyncSession(
            api_key or self.sandbox.demo_key,
            base_url="https://api.e-guma.ch",
            transport=self.transport,
            clock=self.sandbox.clock,
            retry=retry or RetryPolicy(budget=1.0),
            random=lambda: 0.5,
            journal=journal,
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

    def slot(self, quantity=2, label="time", days=0):
        """Return what `create` takes, some days after the example's."""
        example = self._examples.setdefault(label, self.sandbox.example(label))  # that of the start
        return {
            "product_id": example.product_id,
            "starts_at": datetime.fromisoformat(example.starts_at) + timedelta(days=days),
            "items": (TicketItem(example.category_ids[0], quantity),),
            "customer": Customer("Canary-Ada", "Canary-Lovelace", "canary@example.com"),
        }

    def new_key(self):
        """Return another API key of the same merchant and user."""
        users = (u for m in self.sandbox.merchants() for u in m.users)
        keys = next(u.keys for u in users if u.keys and u.keys[0].value == self.sandbox.demo_key)
        return keys[1].value

    @property
    def posts(self):
        """Return the requests to book that reached the server."""
        return [r for r in self.sandbox.requests if r.path.endswith("/booking.json")]

    async def entries(self, **options):
        """Return what the journal says."""
        async with Journal(self.store, **options) as journal:
            return [entry async for entry in journal.entries()]


@pytest.fixture
def world():
    return World()


# The servers, each once a run of the tests.


@pytest.fixture(scope="session")
def postgres_server():
    with run_postgres() as server:
        yield server


@pytest.fixture(scope="session")
def redis_server():
    with run_redis("redis", *DURABLE) as server:
        yield server


@pytest.fixture(scope="session")
def valkey_server():
    with run_redis("valkey", *DURABLE) as server:
        yield server


@pytest.fixture
def postgres_opening(postgres_server):
    return stores.postgres(postgres_server)


@pytest.fixture
def redis_opening(redis_server):
    return stores.redis(redis_server)


@pytest.fixture
def valkey_opening(valkey_server):
    return stores.redis(valkey_server)
