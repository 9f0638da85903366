from __future__ import annotations

import asyncio
import math
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import eguma_async.testing
from eguma_async import (
    AiohttpTransport,
    AsyncSession,
    EgumaError,
    ListProducts,
    MemoryTransport,
    SessionStateError,
)
from eguma_async.core.clock import SystemClock
from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import (
    NO_CREDENTIALS,
    Credentials,
    HttpRequest,
    HttpResponse,
    Timeouts,
)
from eguma_async.core.provider import retry_after
from eguma_async.core.transport import ManagedTransport
from eguma_async.sandbox import EgumaSandbox, Reply
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
    names = vars(eguma_async.testing)["__all__"]
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
            await transport.send(request())
        assert (caught.value.operation, caught.value.attempts) == (None, 0)  # the session's to say
        assert (inner.requests, fault.fired) == ([], 1)
        assert (await transport.send(request())).ok

    async def test_a_lost_reply_was_processed(self):
        inner, fault = ok(), Fault(lose_reply())
        with pytest.raises(OutcomeUnknownError, match="the response was lost"):
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
        assert dict(responses[0].headers) == {"retry-after": "2.5", "x-a": "1"}
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

    async def test_what_is_left_of_the_time_goes_on_with_the_request(self):
        clock, inner = FakeClock(), ok()
        faults = Fault(delay(3, clock)), Fault(delay(1.5, clock))
        limits = Timeouts(connect=7, read=10, total=20)
        await FaultTransport(inner, *faults).send(request(timeouts=limits))
        (sent,) = inner.requests
        assert sent.timeouts == Timeouts(connect=7, read=5.5, total=15.5)

    @pytest.mark.parametrize(
        ("waits", "limits", "patience"),
        [
            ([30], Timeouts(), [30]),
            ([1e9], Timeouts(read=50, total=40), [40]),
            ([20, 20], Timeouts(), [20, 10]),
        ],
    )
    async def test_a_delay_is_over_when_the_time_is(self, waits, limits, patience):
        clock, inner, behind = FakeClock(), ok(), Fault(refuse(500))
        faults = [Fault(delay(seconds, clock)) for seconds in waits]
        with pytest.raises(OutcomeUnknownError, match=f"no response within {patience[-1]} s"):
            await FaultTransport(inner, *faults, behind).send(request(timeouts=limits))
        assert clock.sleeps == patience
        assert (inner.requests, behind.fired) == ([], 0)

    async def test_what_cannot_be_sent_meets_no_fault(self):
        fault = Fault(refuse(500))
        with pytest.raises(ConfigurationError, match="nothing was sent"):
            await FaultTransport(ok(), fault).send(request(headers={"X-A": "1\r\nX-B: 2"}))
        assert fault.fired == 0

    async def test_what_a_fault_makes_of_a_request_is_checked_as_well(self):
        async def smuggle(request: HttpRequest, send: Any) -> HttpResponse:
            return await send(request.but(headers={"X-A": "1\r\nX-B: 2"}))

        # An inner transport that takes anything, as one of a test's own may.
        faults = Fault(smuggle), Fault(lose_reply())
        with pytest.raises(ConfigurationError, match="nothing was sent"):
            await FaultTransport(Closed(), *faults).send(request())

    @pytest.mark.parametrize("limit", [0, True, 1.5])
    def test_its_limit_is_checked_when_made(self, limit):
        with pytest.raises(ConfigurationError, match="max_body_bytes must be a whole number"):
            FaultTransport(ok(), max_body_bytes=limit)

    @pytest.mark.parametrize(
        "only", [{"operation": "Other"}, {"method": "POST"}, {"path": "*/orders.json"}]
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

    async def test_a_body_for_a_sink_has_no_limit_on_the_way_of_a_fault(self):
        inner = ScriptedTransport(json_reply("x" * 2000), max_body_bytes=1000)
        transport, sink = FaultTransport(inner, Fault(cut_body(1500)), max_body_bytes=1000), Sink()
        assert (await transport.send(request(sink=sink))).body == b""
        assert sink.data == b'"' + b"x" * 1499

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


class Named:
    """Neither a clock nor anything else."""


class TestWhatIsCheckedWhenMade:
    @pytest.mark.parametrize("status", [0, 99, 100, 199, 600, -1, 200.0, "429", True, None])
    def test_a_status(self, status):
        for make in (refuse, html_page):
            with pytest.raises(ConfigurationError, match="status must be an HTTP status"):
                make(status)

    @pytest.mark.parametrize("seconds", [-1, -0.5, math.inf, math.nan, "5", True, Named()])
    def test_a_length_of_time(self, seconds):
        with pytest.raises(ConfigurationError, match="retry_after must be a number of seconds"):
            refuse(429, retry_after=seconds)
        with pytest.raises(ConfigurationError, match="seconds must be a number of seconds"):
            delay(seconds, FakeClock())

    @pytest.mark.parametrize("clock", [None, 5, Named(), FakeClock])
    def test_a_clock(self, clock):
        with pytest.raises(ConfigurationError, match="clock must be a Clock"):
            delay(1, clock)

    @pytest.mark.parametrize("keep", [-1, 1.5, "1", True, None])
    def test_a_number_of_bytes(self, keep):
        with pytest.raises(ConfigurationError, match="keep must be a whole number from 0 on"):
            cut_body(keep)

    @pytest.mark.parametrize("headers", [{"X A": "1"}, {"": "1"}, {"X-A": 1}, {1: "a"}, "X-A: 1"])
    def test_headers(self, headers):
        with pytest.raises(ConfigurationError, match="headers must be texts"):
            refuse(429, headers=headers)

    @pytest.mark.parametrize("response", [None, 429, {"a": 1}, b"{}", HttpResponse], ids=str)
    def test_a_response(self, response):
        with pytest.raises(ConfigurationError, match="as json_reply makes one"):
            answer_instead(response)

    @pytest.mark.parametrize(
        ("action", "named"),
        [
            (lose_reply, "lose_reply"),
            (drop_request, "drop_request"),
            (refuse, "refuse"),
            (lambda request: None, "<lambda>"),
            (429, "int"),
            (None, "NoneType"),
            (json_reply({}), "HttpResponse"),
        ],
        ids=lambda value: value if isinstance(value, str) else type(value).__name__,
    )
    def test_an_action(self, action, named):
        with pytest.raises(ConfigurationError, match=f"such as lose_reply.., called.*not {named}"):
            Fault(action)

    @pytest.mark.parametrize("operation", ["", "not a name", 5, ListProducts(), dict, object()])
    def test_an_operation(self, operation):
        with pytest.raises(ConfigurationError, match="operation must be the class of an operation"):
            Fault(lose_reply(), operation=operation)

    @pytest.mark.parametrize("method", ["", "GET ", "GE\nT", 5, b"GET"])
    def test_a_verb(self, method):
        with pytest.raises(ConfigurationError, match="method must be an HTTP verb"):
            Fault(lose_reply(), method=method)

    @pytest.mark.parametrize(
        "path",
        [
            "", "orders", "booking.json", "^/v1", r"/orders\b", "/v1/orders$", ".*orders", "/v1/.*",
            "/a|/b", "(?i)/orders", "/v1/.+", "/with blank", "/\n", "/ö", "https://x.test/v1", "/a#b",
            "?", None, b"/v1", re.compile("/v1"),
        ],
        ids=repr,
    )  # fmt: skip
    def test_a_path(self, path):
        with pytest.raises(ConfigurationError, match=r"no path is like|path must be text"):
            Fault(lose_reply(), path=path)

    @pytest.mark.parametrize("times", [0, -1, 1.0, "1", True])
    def test_how_often(self, times):
        with pytest.raises(ConfigurationError, match="times must be a whole number from 1 on"):
            Fault(lose_reply(), times=times)

    @pytest.mark.parametrize("skip", [-1, 0.5, "1", True, None])
    def test_how_many_pass(self, skip):
        with pytest.raises(ConfigurationError, match="skip must be a whole number from 0 on"):
            Fault(lose_reply(), skip=skip)

    @pytest.mark.parametrize("fault", [lose_reply(), refuse(429), "lose_reply", None])
    def test_a_fault(self, fault):
        with pytest.raises(ConfigurationError, match="must be of class Fault"):
            FaultTransport(ok(), fault)

    def test_a_callable_object_and_a_bound_method_are_actions(self):
        class Action:
            async def __call__(self, request: HttpRequest, send: Any) -> HttpResponse:
                return await send(request)

        Fault(Action())
        Fault(Action().__call__)


class TestWhatAFaultMatches:
    URL = "https://api.example.com/v1/ticketing/booking.json?path=/v1/x"

    @pytest.mark.parametrize(
        ("path", "matches"),
        [
            ("*", True),
            ("*/booking.json", True),
            ("/v1/ticketing/booking.json", True),
            ("/v1/*", True),
            ("/v1/ticketing/book?ng.json", True),
            ("/v1/*.json", True),
            ("/v1/ticketing/[a-c]*", True),
            ("*booking*", True),
            ("/v1/ticketing", False),
            ("/booking.json", False),
            ("*/BOOKING.json", False),
            ("*/x", False),
            ("*api.example.com*", False),
        ],
    )
    async def test_a_path_as_a_sandbox_does(self, path, matches):
        fault = Fault(drop_request(), path=path)
        assert fault.strikes(request(url=self.URL)) is matches
        sandbox = EgumaSandbox()
        theirs = sandbox.faults.add(Reply(path=path, status=418))
        async with AsyncSession(sandbox.demo_key, transport=sandbox.transport()) as session:
            with pytest.raises(EgumaError) as caught:
                await session.ticketing.bookings.cancel("64ad1bb1973b861c040c99bd")
        sent = "/v1/ticketing/booking/64ad1bb1973b861c040c99bd.json"
        assert Fault(drop_request(), path=path).strikes(request(url=f"https://x.test{sent}")) is (
            theirs.fired == 1
        ), caught.value

    @pytest.mark.parametrize("operation", [ListProducts, "ListProducts"])
    def test_an_operation_by_its_class_or_its_name(self, operation):
        fault = Fault(drop_request(), operation=operation, times=None)
        assert fault.strikes(request("ListProducts"))
        assert not fault.strikes(request("ListOrders"))

    def test_a_verb_in_any_case(self):
        assert Fault(drop_request(), method="post").strikes(request(method="POST"))


@pytest.mark.parametrize(
    ("seconds", "written"),
    [
        (0, "0"),
        (2, "2"),
        (2.0, "2"),
        (1.5, "1.5"),
        (0.1, "0.1"),
        (100, "100"),
        (1_200_000, "1200000"),
        (1_200_000.0, "1200000"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
        (123456.789, "123456.789"),
    ],
)
async def test_a_wish_to_wait_is_written_in_digits(seconds, written):
    transport = FaultTransport(ok(), Fault(refuse(429, retry_after=seconds)))
    response = await transport.send(request())
    assert response.headers["retry-after"] == written
    if seconds <= 1e9:
        assert retry_after(response, FakeClock().now()) == seconds


@given(st.floats(min_value=0, max_value=1e9))
def test_any_wish_to_wait_is_read_as_it_was_meant(seconds):
    async def ask() -> HttpResponse:
        return await FaultTransport(ok(), Fault(refuse(503, retry_after=seconds))).send(request())

    assert retry_after(asyncio.run(ask()), FakeClock().now()) == seconds


class Closed(ManagedTransport):
    closed = 0

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        return json_reply({})

    async def aclose(self) -> None:
        self.closed += 1


class TestAsyncWith:
    @pytest.mark.parametrize("wrap", [lambda inner: inner, RecordingTransport, FaultTransport])
    async def test_the_end_closes(self, wrap):
        inner = Closed()
        transport = wrap(inner)
        async with transport as entered:
            assert entered is transport
            assert (await transport.send(request())).ok
            assert inner.closed == 0
        assert inner.closed == 1

    async def test_an_error_closes_too_and_goes_on(self):
        inner = Closed()
        with pytest.raises(LookupError):
            async with inner:
                raise LookupError
        assert inner.closed == 1

    async def test_every_transport_can(self):
        for transport in (AiohttpTransport(), ok(), MemoryTransport(Closed().send)):
            async with transport as entered:
                assert entered is transport
        with pytest.raises(SessionStateError, match="the transport is closed"):
            async with AiohttpTransport() as transport:
                await transport.aclose()
                await transport.send(request())


@pytest.mark.parametrize("wrap", [RecordingTransport, FaultTransport])
async def test_a_wrapper_tells_the_time_where_the_requests_go(wrap):
    sandbox = EgumaSandbox(FakeClock(datetime(2031, 5, 1, 8, tzinfo=UTC)))
    wrapped = wrap(wrap(sandbox.transport()))
    async with AsyncSession(sandbox.demo_key, transport=wrapped) as session:
        assert session.clock.now() == datetime(2031, 5, 1, 8, tzinfo=UTC)
    assert wrap(ScriptedTransport()).clock is None
    async with AsyncSession("k" * 24, transport=wrap(ScriptedTransport())) as session:
        assert isinstance(session.clock, SystemClock)
