"""The way to a sandbox within the process."""

from __future__ import annotations

import asyncio
from contextlib import aclosing

import pytest

from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest, Timeouts
from eguma_async.sandbox import (
    CutBody,
    Delay,
    DropAfter,
    DropBefore,
    Park,
    Reply,
    SandboxRequest,
    SandboxTransport,
    serve,
)
from eguma_async.testing import FakeClock
from eguma_async.transports.aiohttp import AiohttpTransport
from tests.support.sandboxes import CountingSandbox, FunctionSandbox

SECRET = "canary-of-a-key"


@pytest.fixture
def sandbox(clock):
    return CountingSandbox(clock)


async def _settle():
    for _ in range(10):
        await asyncio.sleep(0)


def _request(**changes):
    return HttpRequest(**{"method": "GET", "url": "https://api.example.com/count", **changes})


class Sink:
    def __init__(self):
        self.chunks = []

    async def write(self, chunk):
        self.chunks.append(chunk)

    def restart(self):
        self.chunks.clear()


async def test_the_transport_merges_credentials_at_its_last_line(sandbox):
    response = await sandbox.transport().send(
        _request(
            query=(("a", "1"),),
            headers={"Accept": "*/*"},
            credentials=Credentials(query=(("apikey", SECRET),), headers=(("X-Token", "t"),)),
        )
    )
    assert (response.status, response.body) == (200, b'{"processed":1}')
    assert response.headers == {
        "content-type": "application/json; charset=utf-8",
        "date": "Mon, 02 Mar 2026 08:00:00 GMT",
    }
    record = sandbox.requests[0]
    assert record.query == (("a", "1"), ("apikey", "***"))
    assert record.header_names == ("accept", "x-token")


@pytest.mark.parametrize("fault", [DropBefore(), DropAfter(), CutBody(), Park(hang_up=True)])
async def test_the_transport_turns_a_broken_connection_into_an_unknown_outcome(sandbox, fault):
    sandbox.faults.add(fault)
    with pytest.raises(OutcomeUnknownError) as caught:
        await sandbox.transport().send(
            _request(
                operation="Count",
                attempt=3,
                credentials=Credentials(query=(("apikey", SECRET),)),
            )
        )
    # A transport raises words alone: the session adds what it knows of the call.
    assert (caught.value.operation, caught.value.attempts) == (None, 0)
    assert SECRET not in repr(caught.value)


async def test_the_transport_pours_a_success_into_the_sink_and_nothing_else(sandbox):
    sink = Sink()
    response = await sandbox.transport().send(_request(sink=sink))
    assert (response.body, b"".join(sink.chunks)) == (b"", b'{"processed":1}')
    sink.restart()
    sandbox.faults.add(Reply(500))
    response = await sandbox.transport().send(_request(sink=sink))
    assert (response.body, sink.chunks) == (b'{"own":500}', [])
    sandbox.faults.add(CutBody(keep=0.4))
    with pytest.raises(OutcomeUnknownError):
        await sandbox.transport().send(_request(sink=sink))
    assert b"".join(sink.chunks) == b'{"proc'


async def test_a_cancelled_caller_does_not_stop_the_sandbox(sandbox):
    park = sandbox.faults.add(Park())
    transport = sandbox.transport()
    call = asyncio.ensure_future(transport.send(_request()))
    await park.arrived()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    park.release()
    await _settle()
    assert sandbox.processed == 1
    await transport.aclose()
    await transport.aclose()


# What is refused, as other transports refuse it


async def test_what_cannot_be_sent_reaches_no_sandbox(sandbox):
    transport = sandbox.transport()
    for changes in (
        {"headers": {"X": "a\r\nb"}},
        {"url": "http://127.0.0.1/v1/a b.json"},
        {"method": "GE T"},
        {"query": (("a", "\ud83d"),)},
    ):
        with pytest.raises(ConfigurationError):
            await transport.send(_request(**changes))
    for url in ("ftp://127.0.0.1/count", "/count", "http:///count", "http://[::1/count"):
        with pytest.raises(NotSentError, match="not one for HTTP"):
            await transport.send(_request(url=url))
    assert (sandbox.requests.total, sandbox.processed) == (0, 0)


async def test_the_limit_of_bodies_is_at_least_one(sandbox):
    with pytest.raises(ConfigurationError, match="whole number, at least 1"):
        SandboxTransport(sandbox, max_body_bytes=0)


async def test_a_head_request_has_no_body(sandbox):
    assert (await sandbox.transport().send(_request(method="HEAD"))).body == b""
    assert sandbox.processed == 1


SENT = HttpRequest(
    method="PATCH",
    url="http://127.0.0.1/v1/a%2Fb/%7e/%C3%A9?page=2%20+%2b",
    query=(("last name", "Müller & Co+/?#"), ("a", "1"), ("a", "")),
    headers={"X-Text": "a b"},
    body=b"{}",
    credentials=Credentials(query=(("apikey", "k e+y"),)),
)


async def test_a_sandbox_gets_the_same_request_in_memory_and_over_http():
    """In memory the target is built as it would go on the wire, and read by the same code."""
    arrived = []

    class Noting(CountingSandbox):
        def respond(self, request):
            arrived.append(request)
            return super().respond(request)

    sandbox = Noting()
    async with serve(sandbox) as server, aclosing(AiohttpTransport()) as transport:
        url = SENT.url.replace("http://127.0.0.1", server.url)
        sent = HttpRequest(
            method=SENT.method,
            url=url,
            query=SENT.query,
            headers=SENT.headers,
            body=SENT.body,
            credentials=SENT.credentials,
        )
        await transport.send(sent)
        await sandbox.transport().send(sent)
    there, here = arrived
    assert here.target == (
        "/v1/a%2Fb/%7e/%C3%A9?page=2%20+%2b"
        "&last%20name=M%C3%BCller%20%26%20Co%2B%2F%3F%23&a=1&a=&apikey=k%20e%2By"
    )
    assert (here.method, here.path, here.query, here.body, here.target, here.origin) == (
        there.method, there.path, there.query, there.body, there.target, there.origin,
    )  # fmt: skip
    assert here.query == (
        ("page", "2  +"), ("last name", "Müller & Co+/?#"), ("a", "1"), ("a", ""),
        ("apikey", "k e+y"),
    )  # fmt: skip
    assert here.origin == server.url


async def test_the_origin_of_a_request_holds_no_password(sandbox):
    asked = []

    async def answer(request):
        asked.append(request.url)
        raise OutcomeUnknownError

    transport = FunctionSandbox(answer).transport()
    with pytest.raises(OutcomeUnknownError):
        await transport.send(_request(url="https://ada:secret@[::1]:8443/count"))
    assert asked == ["https://[::1]:8443/count"]


# Time limits


@pytest.mark.parametrize(
    ("timeouts", "text"),
    [
        (Timeouts(total=20), "no complete response of api.example.com within 20 s"),
        (Timeouts(read=15, total=20), "api.example.com was silent for 15 s"),
    ],
)
@pytest.mark.parametrize("after_commit", [False, True])
async def test_a_caller_gives_up_on_a_delay_that_takes_longer(timeouts, text, after_commit):
    clock = FakeClock(auto=False)
    sandbox = CountingSandbox(clock)
    sandbox.faults.add(Delay(60, after_commit=after_commit))
    call = asyncio.ensure_future(sandbox.transport().send(_request(timeouts=timeouts)))
    await clock.until_sleeping()
    clock.advance(min(timeouts.read, timeouts.total) - 1)
    await _settle()
    assert not call.done()
    clock.advance(1)
    with pytest.raises(OutcomeUnknownError) as caught:
        await call
    assert str(caught.value) == text
    # The server goes on and does its work when the delay is over.
    assert sandbox.processed == int(after_commit)
    if not after_commit:
        await clock.until_sleeping()
        clock.advance(60)
        await _settle()
        assert sandbox.processed == 1


@pytest.mark.parametrize("seconds", [0.05, 19.9])
async def test_a_delay_within_the_limits_is_waited_for(seconds):
    clock = FakeClock()
    sandbox = CountingSandbox(clock)
    sandbox.faults.add(Delay(seconds))
    response = await sandbox.transport().send(_request(timeouts=Timeouts(total=20)))
    assert (response.status, clock.sleeps) == (200, [seconds])


async def test_a_clock_that_never_waits_shows_a_timeout_too():
    clock = FakeClock()
    sandbox = CountingSandbox(clock)
    sandbox.faults.add(Delay(90))
    with pytest.raises(OutcomeUnknownError, match="within 60 s"):
        await sandbox.transport().send(_request(timeouts=Timeouts(read=60, total=60)))
    await _settle()
    assert (sandbox.processed, sum(clock.sleeps)) == (1, 90)


async def test_a_request_that_is_cancelled_while_the_caller_waits_is_not_processed():
    clock = FakeClock(auto=False)
    sandbox = CountingSandbox(clock)
    sandbox.faults.add(Delay(90))
    handling = asyncio.ensure_future(sandbox.handle(SandboxRequest("GET", "/count"), patience=60))
    await clock.until_sleeping()
    handling.cancel()
    with pytest.raises(asyncio.CancelledError):
        await handling
    clock.advance(200)
    await _settle()
    assert sandbox.processed == 0


async def test_time_that_others_let_pass_is_not_waited_by_a_caller():
    clock = FakeClock()
    sandbox = CountingSandbox(clock)
    park = sandbox.faults.add(Park())
    call = asyncio.ensure_future(sandbox.transport().send(_request()))
    await park.arrived()
    clock.advance(3600)
    sandbox.clock.advance(hours=1)
    await _settle()
    assert not call.done()
    park.release()
    assert (await call).status == 200


async def test_a_caller_gives_up_on_a_parked_request_in_real_time(sandbox):
    park = sandbox.faults.add(Park())
    with pytest.raises(OutcomeUnknownError, match=r"was silent for 0.01 s"):
        await sandbox.transport().send(_request(timeouts=Timeouts(read=0.01)))
    assert (park.parked, sandbox.processed) == (1, 0)
    park.release()
    await _settle()
    assert sandbox.processed == 1


async def test_a_served_sandbox_really_waits(sandbox):
    """Its clock stands still, so that the delay lasts until the test moves it."""
    sandbox.faults.add(Delay(5))
    async with serve(sandbox) as server, aclosing(AiohttpTransport()) as transport:
        call = asyncio.ensure_future(transport.send(_request(url=f"{server.url}/count")))
        while not sandbox.requests:
            await asyncio.sleep(0)
        await _settle()
        assert not call.done()
        sandbox.clock.advance(5)
        assert (await call).status == 200
