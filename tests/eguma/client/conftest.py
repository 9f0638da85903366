"""A session whose server is a script, and what most of these tests book."""

from __future__ import annotations

from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from eguma_async import AsyncSession, Customer, RetryPolicy, TicketItem
from eguma_async.testing import FakeClock, ScriptedTransport

PRODUCT = "64ad1bb1973b861c040c99bd"
ADULT = "64ad1bb1973b861c040c99c1"


@asynccontextmanager
async def _scripted(*steps, retry=None, clock=None, api_key="0123456789abcdef01234567", **options):
    transport = ScriptedTransport(*steps)
    session = AsyncSession(
        api_key,
        base_url="https://api.e-guma.ch",
        transport=transport,
        clock=clock or FakeClock(datetime(2026, 3, 19, 7, 0, tzinfo=UTC)),
        retry=retry or RetryPolicy(budget=1.0),
        random=lambda: 0.5,
        **options,
    )
    async with session:
        yield session, transport
    transport.assert_done()


@pytest.fixture
def scripted():
    """Opens a session on a script; every step of the script must be used."""
    return _scripted


@pytest.fixture
def wanted():
    """What `hold`, `create` and the like take."""
    return {
        "product_id": PRODUCT,
        "starts_at": datetime(2026, 3, 19, 10, 0),
        "items": (TicketItem(ADULT, 2),),
    }


@pytest.fixture
def ada():
    return Customer("Ada", "Lovelace", "ada@example.com")
