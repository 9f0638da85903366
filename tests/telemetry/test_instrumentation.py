"""Beside the instrumentation of aiohttp: no third span, no key in one, no header of a trace sent."""

from __future__ import annotations

import contextlib
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.instrumentation.aiohttp_client import (
    AioHttpClientInstrumentor,
    create_trace_config,
)
from opentelemetry.trace import NoOpTracerProvider

from eguma_async import AiohttpTransport, AsyncSession, LeanTransport
from eguma_async.telemetry.otel import OpenTelemetry
from tests.support.calls import CATALOGUE

KEY = "canary-key-0123456789abcdef"
TREE = [("e-guma ListProducts", ("GET /v1/ticketing/products.json",))]


@contextlib.asynccontextmanager
async def served():
    """Serve a catalogue on loopback; yield its address and the headers that come."""
    seen: list[Any] = []

    async def answer(request):
        seen.append(request.headers)
        return web.json_response(CATALOGUE)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0]
        yield f"http://{host}:{port}", seen
    finally:
        await runner.cleanup()


@pytest.fixture
def instrumented(heard):
    """Every session of aiohttp that is made from now on tells of its requests."""
    instrumentor = AioHttpClientInstrumentor()
    instrumentor.instrument(tracer_provider=heard.provider, meter_provider=heard.meters)
    yield
    instrumentor.uninstrument()


@pytest.mark.usefixtures("instrumented")
@pytest.mark.parametrize("kind", [AiohttpTransport, LeanTransport])
async def test_no_third_span_with_a_session_made_here(heard, kind):
    async with served() as (url, seen):
        transport = kind()
        async with AsyncSession(
            KEY, base_url=url, transport=transport, observer=heard.observer
        ) as session:
            await session.ticketing.products.list()
        await transport.aclose()
    assert heard.tree() == TREE
    assert "traceparent" not in seen[0]
    assert KEY not in heard.written()
    assert "http.client.duration" not in heard.points()


async def test_no_third_span_with_a_session_of_the_callers(heard):
    async with (
        served() as (url, seen),
        aiohttp.ClientSession(
            trace_configs=[create_trace_config(tracer_provider=heard.provider)]
        ) as own,
    ):
        transport = AiohttpTransport(session=own)
        async with AsyncSession(
            KEY, base_url=url, transport=transport, observer=heard.observer
        ) as session:
            await session.ticketing.products.list()
        assert heard.tree() == TREE
        assert "traceparent" not in seen[0]
        assert KEY not in heard.written()

        # What the caller sends is told of as before: nothing is left in the context.
        async with own.get(f"{url}/elsewhere"):
            pass
    assert heard.tree() == [*TREE, ("GET",)]
    assert "traceparent" in seen[1]


@pytest.mark.usefixtures("instrumented")
async def test_an_observer_that_makes_no_spans_keeps_it_out_as_well(heard):
    silent = OpenTelemetry(tracer_provider=NoOpTracerProvider(), meter_provider=heard.meters)
    async with served() as (url, seen):
        transport = AiohttpTransport()
        async with AsyncSession(KEY, base_url=url, transport=transport, observer=silent) as session:
            await session.ticketing.products.list()
        await transport.aclose()
    assert heard.tree() == []
    assert "traceparent" not in seen[0]
    assert KEY not in heard.written()


@pytest.mark.usefixtures("instrumented")
async def test_without_the_observer_the_instrumentation_shows_the_key(heard):
    """Why it is kept out; and proof that it was there."""
    async with served() as (url, seen):
        transport = AiohttpTransport()
        async with AsyncSession(KEY, base_url=url, transport=transport) as session:
            await session.ticketing.products.list()
        await transport.aclose()
    assert heard.tree() == [("GET",)]
    assert "traceparent" in seen[0]
    assert KEY in heard.spans[0].to_json()
