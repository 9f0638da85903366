"""Sessions whose server is a script or the sandbox, and what most of these tests sell."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from eguma_async import RetryPolicy
from eguma_async.korus import Customer, KorusSession, OfferItem, TicketChoice
from eguma_async.sandbox.korus import KorusOptions, KorusSandbox
from eguma_async.testing import FakeClock, ScriptedTransport

START = datetime(2025, 1, 29, 7, 50, tzinfo=UTC)
TOKEN = "eyJhbGciOiJSUzI1NiJ9.canary-access-token"
DEMO = "https://api.demo.korusticket.com"
TOKEN_URL = "https://auth.korusticket.com/realms/korusticket/protocol/openid-connect/token"
WIRE = Path(__file__).parents[2] / "wire" / "korus"


def wire(name, answer="seed"):
    """Return one documented answer as it would come."""
    return json.loads((WIRE / f"{name}.json").read_text("utf-8"))["responses"][answer]["body"]


@asynccontextmanager
async def _scripted(*steps, **options):
    transport = ScriptedTransport(*steps)
    if "client_id" in options:
        options.setdefault("token_url", TOKEN_URL)
    else:
        options.setdefault("token", TOKEN)
    options.setdefault("retry", RetryPolicy(budget=1.0))
    options.setdefault("clock", FakeClock(START))
    options.setdefault("base_url", DEMO)
    async with KorusSession(transport=transport, random=lambda: 0.5, **options) as session:
        yield session, transport
    transport.assert_done()


@pytest.fixture
def scripted():
    """Opens a session on a script; every step of the script must be used."""
    return _scripted


class Shop:
    """A sandbox with a session on it."""

    def __init__(self, wrap=lambda transport: transport, **options):
        self.clock = FakeClock(START)
        self.sandbox = KorusSandbox(self.clock, options=KorusOptions(**options))
        self.transport = wrap(self.sandbox.transport())
        client_id, client_secret = self.sandbox.demo_client
        self.session = KorusSession(
            client_id,
            client_secret,
            base_url=DEMO,
            token_url=TOKEN_URL,
            document_hosts=("api.demo.korusticket.com",),
            transport=self.transport,
            clock=self.sandbox.clock,
            retry=RetryPolicy(budget=1.0),
            random=lambda: 0.5,
        )

    def item(self, name="example", **options):
        raw = self.sandbox.example(name, **options).item
        choices = [TicketChoice(**choice) for choice in raw["ticketSessions"]]
        return OfferItem(raw["offer"], choices, raw["quantity"])

    def asked(self, method, path):
        return sum(r.method == method and r.path == path for r in self.sandbox.requests)


@asynccontextmanager
async def _shop(**options):
    shop = Shop(**options)
    async with shop.session:
        yield shop


@pytest.fixture
def shop():
    """Opens a session on a sandbox of its own."""
    return _shop


@pytest.fixture
def john():
    return Customer(
        "John", "Doe", "john.doe@gmail.com", phone="0612345678", country="FR", language="fr"
    )
