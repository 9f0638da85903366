"""Scripted faults on a sandbox that counts what it processes."""

from __future__ import annotations

import asyncio
import logging
import math
from typing import Any

import pytest

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
    SandboxRequest,
)
from eguma_async.sandbox.engine.fault_json import KINDS, fault_from_json, fault_to_json
from eguma_async.sandbox.engine.faults import FaultList
from tests.support.sandboxes import CountingSandbox

SECRET = "canary-of-a-key"


@pytest.fixture
def sandbox(clock):
    return CountingSandbox(clock)


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
    ("seconds", "written"),
    [
        (2, "2"),
        (2.0, "2"),
        (0, "0"),
        (0.5, "0.5"),
        (1.5, "1.5"),
        (0.1 + 0.2, "0.30000000000000004"),
        (1_200_000.0, "1200000"),
        (1e-7, "0.0000001"),
        (1e21, "1000000000000000000000"),
        (120, "120"),
        ("soon", "soon"),
    ],
)
async def test_retry_after_is_written_in_digits_alone(sandbox, seconds, written):
    sandbox.faults.add(Reply(429, retry_after=seconds))
    assert (await sandbox.handle(_get())).headers["retry-after"] == written


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


async def test_a_parked_response_waits_with_the_work_done(sandbox):
    park = sandbox.faults.add(Park(after_commit=True))
    call = asyncio.ensure_future(sandbox.handle(_get()))
    await park.arrived()
    assert (park.parked, sandbox.processed, call.done()) == (1, 1, False)
    park.release()
    assert (await call).json() == {"processed": 1}
    assert (park.parked, sandbox.processed) == (0, 1)


async def test_a_caller_hung_up_on_after_the_work_gets_no_response(sandbox):
    sandbox.faults.add(Park(after_commit=True, hang_up=True))
    assert await sandbox.handle(_get()) == Dropped(processed=True)
    assert sandbox.processed == 1


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
        ({"kind": "reply", "retry_after": -1}, "retry_after must be"),
        ({"kind": "reply", "retry_after": math.inf}, "retry_after must be"),
        ({"kind": "reply", "retry_after": math.nan}, "retry_after must be"),
        ({"kind": "reply", "headers": {"Content-Length": "3"}}, "headers must be"),
        ({"kind": "reply", "headers": {"transfer-encoding": "chunked"}}, "headers must be"),
        ({"kind": "reply", "body": "\ud800"}, "body must be"),
        ({"kind": "reply", "method": "GE T"}, "method must be"),
        ({"kind": "reply", "path": "booking.json"}, "path must be a path that begins with"),
        ({"kind": "delay", "seconds": math.nan}, "seconds must be"),
        ({"kind": "delay", "seconds": 10**400}, "seconds must be"),
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


async def test_a_request_that_is_not_unicode_can_be_shown_in_the_log(sandbox):
    headers = {"idempotency-key": "caf\udce9", "x\udce9": "1"}
    request = SandboxRequest("G\ud800", "/count/\udce9", (("a\ud800", "\ud83d"),), headers)
    assert (await sandbox.handle(request)).json() == {"own": 400}
    record = sandbox.requests[0]
    assert (record.method, record.path) == ("G\ufffd", "/count/\ufffd")
    assert record.query == (("a\ufffd", "\ufffd"),)
    assert (record.idempotency_key, record.header_names[1]) == ("caf\ufffd", "x\ufffd")
    assert sandbox.processed == 0


async def test_listeners_are_told_of_each_request_before_it_is_processed(sandbox):
    heard: list[Any] = []
    counted: list[Any] = []
    stop = sandbox.requests.listen(heard.append)
    sandbox.requests.listen(lambda record: counted.append(sandbox.processed))
    await sandbox.handle(_get())
    sandbox.faults.add(DropBefore())
    await sandbox.handle(_get("/count/two"))
    assert [record.path for record in heard] == ["/count", "/count/two"]
    assert heard == list(sandbox.requests)
    assert counted == [0, 1]
    stop()
    stop()
    await sandbox.handle(_get())
    assert (len(heard), len(counted)) == (2, 3)


async def test_a_listener_may_stop_itself_and_listen_twice(sandbox):
    heard: list[Any] = []

    def once(record):
        heard.append(record.path)
        stop()

    stop = sandbox.requests.listen(once)
    for _ in range(2):
        sandbox.requests.listen(heard.append)
    await sandbox.handle(_get())
    await sandbox.handle(_get())
    assert len(heard) == 1 + 2 + 2


async def test_a_failing_listener_is_logged_and_breaks_nothing(sandbox, caplog):
    def broken(record):
        raise RuntimeError("the console is gone")

    heard: list[Any] = []
    sandbox.requests.listen(broken)
    sandbox.requests.listen(heard.append)
    secret = SandboxRequest("GET", "/count", (("apikey", SECRET),), {"authorization": SECRET})
    with caplog.at_level(logging.ERROR, logger="eguma_async"):
        assert (await sandbox.handle(secret)).json() == {"processed": 1}
    assert len(heard) == 1
    (entry,) = caplog.records
    assert "listener" in entry.getMessage()
    assert entry.exc_info[0] is RuntimeError
    assert SECRET not in caplog.text


async def test_the_log_is_bounded_and_counts_on(sandbox):
    log = RequestLog(maximum=2)
    await sandbox.handle(_get())
    for _ in range(5):
        log.add(sandbox.requests[0])
    assert (len(log), log.total) == (2, 5)
    log.clear()
    assert (list(log), log.total) == ([], 0)
