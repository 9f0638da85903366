from __future__ import annotations

import asyncio
from typing import Any

import pytest

import eguma_async.testing
from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import NO_CREDENTIALS, Credentials, HttpRequest, HttpResponse
from eguma_async.testing import (
    FakeClock,
    Fault,
    FaultTransport,
    RecordingTransport,
    ScriptedTransport,
    answer_instead,
    cut_body,
    delay,
    drop_request,
    html_page,
    json_reply,
    lose_reply,
    refuse,
    text_reply,
)

SECRET = "k3y-that-nobody-may-see"


class Sink:
    def __init__(self) -> None:
        self.data = b""

    async def write(self, chunk: bytes, /) -> None:
        self.data += chunk

    def restart(self) -> None:
        self.data = b""


def request(operation: str = "DoThing", **changes: Any) -> HttpRequest:
    defaults: dict[str, Any] = {
        "method": "GET",
        "url": "https://api.example.com/v1/things/7.json",
        "operation": operation,
        "credentials": Credentials(query=(("apikey", SECRET),)),
    }
    return HttpRequest(**{**defaults, **changes})


def test_the_names_are_sorted_and_all_there():
    names = eguma_async.testing.__all__
    assert names == sorted(names)
    assert all(hasattr(eguma_async.testing, name) for name in names)


class TestReplies:
    def test_json(self):
        reply = json_reply({"name": "Zoë"}, 201, headers={"x-a": "1"})
        assert (reply.status, reply.body) == (201, '{"name":"Zoë"}'.encode())
        assert reply.headers == {"content-type": "application/json", "x-a": "1"}

    def test_text(self):
        reply = text_reply("Grüezi", 400)
        assert (reply.status, reply.body.decode()) == (400, "Grüezi")
        assert reply.headers["content-type"] == "text/plain; charset=utf-8"


class TestScriptedTransport:
    async def test_steps_are_taken_in_order(self):
        async def slowly(request: HttpRequest) -> HttpResponse:
            await asyncio.sleep(0)
            return text_reply(request.operation)

        transport = ScriptedTransport(
            json_reply([1]),
            NotSentError("no route"),
            lambda request: text_reply(request.method),
            slowly,
        )
        assert (await transport.send(request())).body == b"[1]"
        with pytest.raises(NotSentError, match="no route"):
            await transport.send(request())
        assert (await transport.send(request(method="PUT"))).body == b"PUT"
        assert (await transport.send(request("Slow"))).body == b"Slow"
        transport.assert_done()
        assert [sent.method for sent in transport.requests] == ["GET", "GET", "PUT", "GET"]
        await transport.aclose()

    async def test_a_request_beyond_the_script_is_named(self):
        transport = ScriptedTransport(json_reply({}))
        await transport.send(request())
        with pytest.raises(AssertionError, match="request 2 was not expected: POST https://api"):
            await transport.send(request(method="POST"))

    async def test_steps_left_over_are_told(self):
        transport = ScriptedTransport(json_reply({}), json_reply({}))
        await transport.send(request())
        with pytest.raises(AssertionError, match="1 steps were not used; 1 requests came"):
            transport.assert_done()

    async def test_a_sink_gets_the_body(self):
        sink = Sink()
        response = await ScriptedTransport(json_reply({"a": 1})).send(request(sink=sink))
        assert (response.body, sink.data) == (b"", b'{"a":1}')


class TestRecordingTransport:
    async def test_answers_and_errors_are_kept_without_credentials(self):
        error = NotSentError("no route")
        transport = RecordingTransport(ScriptedTransport(json_reply([]), error))
        await transport.send(request("First"))
        with pytest.raises(NotSentError):
            await transport.send(request("Second", sink=Sink()))
        first, second = transport.exchanges
        assert first.request == request("First", credentials=NO_CREDENTIALS)
        assert (first.response, first.error) == (json_reply([]), None)
        assert (second.response, second.error) == (None, error)
        assert second.request.sink is None
        assert SECRET not in repr(transport.exchanges)

    async def test_a_cancellation_is_kept_and_passed_on(self):
        async def never(request: HttpRequest) -> HttpResponse:
            await asyncio.Event().wait()
            raise AssertionError

        transport = RecordingTransport(ScriptedTransport(never))
        task = asyncio.create_task(transport.send(request()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert isinstance(transport.exchanges[0].error, asyncio.CancelledError)

    async def test_closing_closes_the_inner_one(self):
        class Inner(ScriptedTransport):
            closed = 0

            async def aclose(self) -> None:
                self.closed += 1

        inner = Inner()
        await RecordingTransport(FaultTransport(inner)).aclose()
        assert inner.closed == 1


def ok(times: int = 1) -> ScriptedTransport:
    return ScriptedTransport(*[json_reply({"a": 1})] * times)


class TestFaultTransport:
    @pytest.mark.parametrize(
        ("unknown", "expected"), [(False, NotSentError), (True, OutcomeUnknownError)]
    )
    async def test_a_dropped_request_never_arrives(self, unknown, expected):
        inner, fault = ok(), Fault(drop_request(unknown=unknown))
        transport = FaultTransport(inner, fault)
        with pytest.raises(expected) as caught:
            await transport.send(request(attempt=2))
        assert (caught.value.operation, caught.value.attempts) == ("DoThing", 2)
        assert (inner.requests, fault.fired) == ([], 1)
        assert (await transport.send(request())).ok

    async def test_a_lost_reply_was_processed(self):
        inner, fault = ok(), Fault(lose_reply())
        with pytest.raises(OutcomeUnknownError, match="the answer was lost"):
            await FaultTransport(inner, fault).send(request())
        assert (len(inner.requests), fault.fired) == (1, 1)

    async def test_a_cut_body_keeps_its_status(self):
        transport = FaultTransport(ok(), Fault(cut_body(4)))
        response = await transport.send(request())
        assert (response.status, response.body) == (200, b'{"a"')

    async def test_another_answer_comes_instead(self):
        inner = ok()
        transport = FaultTransport(
            inner,
            Fault(refuse(429, retry_after=2.5, headers={"X-A": "1"})),
            Fault(refuse(503)),
            Fault(html_page()),
            Fault(html_page(200)),
            Fault(answer_instead(json_reply([], 418))),
        )
        responses = [await transport.send(request()) for _ in range(6)]
        assert [response.status for response in responses] == [429, 503, 502, 200, 418, 200]
        assert dict(responses[0].headers) == {"retry-after": "2.5", "X-A": "1"}
        assert dict(responses[1].headers) == {}
        assert responses[2].headers["content-type"].startswith("text/html")
        assert responses[3].body.startswith(b"<!doctype html>")
        assert len(inner.requests) == 1

    async def test_a_delay_waits_on_the_clock_and_goes_on(self):
        clock = FakeClock()
        faults = Fault(delay(3, clock), times=None), Fault(lose_reply())
        inner = ok(2)
        transport = FaultTransport(inner, *faults)
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request())
        assert (await transport.send(request())).ok
        assert (clock.sleeps, [fault.fired for fault in faults]) == ([3, 3], [2, 1])

    @pytest.mark.parametrize(
        "only", [{"operation": "Other"}, {"method": "POST"}, {"path": r"/orders\b"}]
    )
    async def test_what_does_not_match_passes(self, only):
        fault = Fault(drop_request(), **only)
        transport = FaultTransport(ok(), fault)
        assert (await transport.send(request())).ok
        assert fault.fired == 0
        with pytest.raises(NotSentError):
            await transport.send(
                request("Other", method="POST", url="https://api.example.com/v1/orders.json")
            )
        assert fault.fired == 1

    async def test_a_fault_skips_and_then_happens_so_often(self):
        fault = Fault(refuse(500), method="GET", skip=1, times=2)
        transport = FaultTransport(ok(10), fault)
        statuses = []
        for method in ["GET", "POST", "GET", "POST", "GET", "GET"]:
            statuses.append((await transport.send(request(method=method))).status)
        assert statuses == [200, 200, 500, 200, 500, 200]
        assert fault.fired == 2

    async def test_a_sink_gets_what_the_fault_leaves(self):
        sink = Sink()
        transport = FaultTransport(ok(2), Fault(cut_body(2)))
        response = await transport.send(request(sink=sink))
        assert (response.body, sink.data) == (b"", b'{"')
        sink.restart()
        await transport.send(request(sink=sink))
        assert sink.data == b'{"a":1}'

    async def test_a_sink_gets_nothing_of_a_lost_reply(self):
        sink = Sink()
        with pytest.raises(OutcomeUnknownError):
            await FaultTransport(ok(), Fault(lose_reply())).send(request(sink=sink))
        assert sink.data == b""

    async def test_a_request_meets_every_fault_that_lets_it_go_on(self):
        clock = FakeClock()
        first, second, third = Fault(delay(1, clock)), Fault(refuse(500)), Fault(refuse(503))
        transport = FaultTransport(ok(), first, second, third)
        assert (await transport.send(request())).status == 500
        assert [fault.fired for fault in (first, second, third)] == [1, 1, 0]
