"""Scripted faults on a sandbox that counts what it processes."""

from __future__ import annotations

import asyncio

import pytest

from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest
from eguma_async.sandbox import (
    CutBody,
    CutResponse,
    Delay,
    DropAfter,
    DropBefore,
    Dropped,
    Park,
    Reply,
    RequestLog,
    Sandbox,
    SandboxRequest,
)
from eguma_async.sandbox.engine.fault_json import KINDS, fault_from_json, fault_to_json
from eguma_async.sandbox.engine.faults import FaultList
from eguma_async.sandbox.engine.messages import json_response

SECRET = "canary-of-a-key"


class Counting(Sandbox):
    name = "counting"
    secret_parameters = frozenset({"apikey"})
    processed = 0

    def owns(self, path):
        return path.startswith("/count")

    def respond(self, request):
        self.processed += 1
        if request.path == "/count/broken":
            raise RuntimeError("broken")
        return json_response(200, {"processed": self.processed})

    def error(self, status):
        return json_response(status, {"own": status})


@pytest.fixture
def sandbox(clock):
    return Counting(clock)


async def _settle():
    for _ in range(10):
        await asyncio.sleep(0)


def _get(path="/count", method="GET"):
    return SandboxRequest(method, path)


async def test_a_drop_before_processes_nothing_and_a_drop_after_everything(sandbox):
    before, after = sandbox.faults.add(DropBefore()), sandbox.faults.add(DropAfter())
    assert await sandbox.handle(_get()) == Dropped(processed=False)
    assert sandbox.processed == 0
    assert await sandbox.handle(_get()) == Dropped(processed=True)
    assert sandbox.processed == 1
    assert (await sandbox.handle(_get())).json() == {"processed": 2}
    assert (before.fired, after.fired) == (1, 1)


async def test_a_cut_keeps_the_share_asked_for(sandbox):
    sandbox.faults.add(CutBody(keep=0.25))
    delivery = await sandbox.handle(_get())
    assert isinstance(delivery, CutResponse)
    assert (delivery.response.body, delivery.sent) == (b'{"processed":1}', 3)


@pytest.mark.parametrize("wait", [7, "Wed, 21 Oct 2026 07:28:00 GMT"])
async def test_a_reply_has_the_providers_own_shape_and_says_when_to_come_back(sandbox, wait):
    sandbox.faults.add(Reply(429, retry_after=wait))
    response = await sandbox.handle(_get())
    assert (response.status, response.json()) == (429, {"own": 429})
    assert response.headers["retry-after"] == str(wait)
    assert sandbox.processed == 0


@pytest.mark.parametrize(
    ("body", "content_type"),
    [("<html>Bad Gateway</html>", "text/html"), ("Fehler", "text/plain"), (b"", "text/plain")],
)
async def test_a_reply_may_be_a_page_a_text_or_nothing(sandbox, body, content_type):
    sandbox.faults.add(Reply(502, body=body, headers={"X-Proxy": "1"}))
    response = await sandbox.handle(_get())
    assert response.status == 502
    assert response.headers["content-type"].startswith(content_type)
    assert response.headers["x-proxy"] == "1"
    assert "retry-after" not in response.headers


async def test_a_reply_after_the_commit_replaces_the_answer_only(sandbox):
    sandbox.faults.add(Reply(500, after_commit=True))
    assert (await sandbox.handle(_get())).status == 500
    assert sandbox.processed == 1


@pytest.mark.parametrize(("after_commit", "processed"), [(False, 0), (True, 1)])
async def test_a_delay_waits_on_the_sandboxes_clock(sandbox, after_commit, processed):
    sandbox.faults.add(Delay(30, after_commit=after_commit))
    call = asyncio.ensure_future(sandbox.handle(_get()))
    await _settle()
    assert (call.done(), sandbox.processed) == (False, processed)
    sandbox.clock.advance(seconds=30)
    assert (await call).json() == {"processed": 1}


async def test_a_delayed_request_that_is_cancelled_is_not_processed(sandbox):
    sandbox.faults.add(Delay(30))
    call = asyncio.ensure_future(sandbox.handle(_get()))
    await _settle()
    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    sandbox.clock.advance(seconds=60)
    await _settle()
    assert sandbox.processed == 0


async def test_a_parked_request_waits_until_it_is_released(sandbox):
    park = sandbox.faults.add(Park())
    call = asyncio.ensure_future(sandbox.handle(_get()))
    await park.arrived()
    assert (park.parked, sandbox.processed) == (1, 0)
    park.release()
    assert (await call).json() == {"processed": 1}
    assert (park.parked, park.fired) == (0, 1)


async def test_clearing_the_faults_releases_what_is_parked(sandbox):
    park = sandbox.faults.add(Park())
    call = asyncio.ensure_future(sandbox.handle(_get()))
    await park.arrived()
    sandbox.faults.clear()
    assert (await call).status == 200
    assert len(sandbox.faults) == 0


async def test_a_caller_hung_up_on_does_not_stop_the_work(sandbox):
    park = sandbox.faults.add(Park(hang_up=True))
    assert await sandbox.handle(_get()) == Dropped(processed=False)
    assert sandbox.processed == 0
    park.release()
    await _settle()
    assert sandbox.processed == 1


async def test_faults_choose_by_method_and_path_skip_and_count(sandbox):
    fault = sandbox.faults.add(Reply(method="post", path="*/b?", skip=1, times=2))
    sent = [
        ("GET", "/count/b1"),
        ("POST", "/count/c1"),
        ("POST", "/count/b1"),
        ("POST", "/count/b2"),
        ("POST", "/count/b3"),
        ("POST", "/count/b4"),
    ]
    statuses = [(await sandbox.handle(_get(path, verb))).status for verb, path in sent]
    assert statuses == [200, 200, 200, 503, 503, 200]
    assert fault.fired == 2


async def test_a_fault_without_an_end_always_fires(sandbox):
    fault = sandbox.faults.add(Reply(times=None))
    assert {(await sandbox.handle(_get())).status for _ in range(5)} == {503}
    assert fault.fired == 5


async def test_faults_fire_one_after_the_other_in_their_order(sandbox):
    for status in (500, 502, 503):
        sandbox.faults.add(Reply(status))
    assert [(await sandbox.handle(_get())).status for _ in range(4)] == [500, 502, 503, 200]


async def test_an_error_of_the_sandbox_itself_is_not_hidden(sandbox):
    with pytest.raises(RuntimeError, match="broken"):
        await sandbox.handle(_get("/count/broken"))


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({}, "kind must be one of"),
        ({"kind": ["delay"]}, "kind must be one of"),
        ({"kind": "delay"}, "delay needs seconds"),
        ({"kind": "delay", "seconds": "1"}, "seconds must be"),
        ({"kind": "delay", "seconds": -1}, "seconds must be"),
        ({"kind": "delay", "seconds": True}, "seconds must be"),
        ({"kind": "reply", "status": 99}, "status must be"),
        ({"kind": "reply", "fired": 5}, "reply has no fired"),
        ({"kind": "cut-body", "keep": 1}, "keep must be"),
        ({"kind": "reply", "retry_after": True}, "retry_after must be"),
        ({"kind": "reply", "retry_after": "a\nb"}, "retry_after must be"),
        ({"kind": "reply", "content_type": "ä"}, "content_type must be"),
        ({"kind": "reply", "headers": {"a": 5}}, "headers must be"),
        ({"kind": "reply", "headers": {"a b": "c"}}, "headers must be"),
        ({"kind": "reply", "headers": ["a"]}, "headers must be"),
        ({"kind": "park", "times": 0}, "times must be"),
        ({"kind": "park", "skip": -1}, "skip must be"),
        ({"kind": "park", "path": None}, "path must be"),
    ],
)
def test_a_malformed_fault_is_explained(value, text):
    with pytest.raises(ValueError, match=text):
        fault_from_json(value)


def test_each_kind_of_fault_can_be_made_from_json_and_shown():
    needed = {"delay": {"seconds": 1.5}}
    faults = FaultList()
    for kind in KINDS:
        shown = fault_to_json(faults.add(fault_from_json({"kind": kind, **needed.get(kind, {})})))
        assert (shown["kind"], shown["fired"], shown["times"]) == (kind, 0, 1)
    assert [fault.id for fault in faults] == [1, 2, 3, 4, 5, 6]


async def test_the_log_has_every_request_and_no_secret(sandbox):
    sandbox.faults.add(DropBefore())
    request = SandboxRequest(
        "POST",
        "/count",
        (("apikey", SECRET), ("from", "2026-03-02")),
        {"idempotency-key": "k", "authorization": f"Bearer {SECRET}"},
        b"body",
    )
    await sandbox.handle(request)
    record = sandbox.requests[0]
    assert (len(sandbox.requests), record.method, record.path) == (1, "POST", "/count")
    assert record.query == (("apikey", "***"), ("from", "2026-03-02"))
    assert record.header_names == ("authorization", "idempotency-key")
    assert record.idempotency_key == "k"
    assert record.body_sha256.startswith("230d8358dc8e8890")
    assert SECRET not in repr(record)
    assert SECRET not in repr(request)


async def test_the_log_is_bounded_and_counts_on(sandbox):
    log = RequestLog(maximum=2)
    await sandbox.handle(_get())
    for _ in range(5):
        log.add(sandbox.requests[0])
    assert (len(log), log.total) == (2, 5)
    log.clear()
    assert (list(log), log.total) == ([], 0)


# The way through memory


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
    assert response.headers == {"content-type": "application/json; charset=utf-8"}
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
