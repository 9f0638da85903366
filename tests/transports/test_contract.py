"""The contract of `eguma_async.core.transport`, for every transport.

A transport joins with one line in `STAGES`: an async context manager that gives a transport and a
function, which makes it answer as it is told: `(status, headers, body)`, ``"dropped"`` for an
answer that never comes, or ``"stalled"``.
"""

from __future__ import annotations

import asyncio
import copy
import pickle
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from eguma_async.core.errors import (
    ConfigurationError,
    NotSentError,
    OutcomeUnknownError,
    TransportError,
)
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse, Replay
from eguma_async.core.transport import Transport
from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.memory import MemoryTransport
from tests.support.sandboxes import FunctionSandbox

SECRET = "k3y-that-nobody-may-see"
LIMIT = 1000
STALLED = "stalled"
DROPPED = "dropped"


class Stage:
    """A transport, the answers its other side gives, and what that side saw."""

    def __init__(self) -> None:
        self.transport: Transport
        self.url = "http://127.0.0.1:9/v1/thing.json"
        self.answer: Any = (200, {}, b"{}")
        self.verbs: list[str] = []
        self.reached = asyncio.Event()

    def request(self, method: str = "GET", **changes: Any) -> HttpRequest:
        defaults: dict[str, Any] = {
            "method": method,
            "url": self.url,
            "credentials": Credentials(
                query=(("apikey", SECRET),), headers=(("Authorization", f"Bearer {SECRET}"),)
            ),
            "operation": "DoThing",
            "attempt": 3,
            "replay": Replay.NEVER,
        }
        return HttpRequest(**{**defaults, **changes})


@asynccontextmanager
async def over_aiohttp(serve: Any) -> AsyncIterator[Stage]:
    stage = Stage()

    async def script(server: Any, wire: Any) -> None:
        for _ in range(100):
            line = await server.request(wire)
            stage.verbs.append(line.split(b" ")[0].decode())
            stage.reached.set()
            if stage.answer == STALLED:
                await server.release.wait()
            if stage.answer == DROPPED:
                return wire.finish()
            status, headers, body = stage.answer
            await wire.reply(body, status, *(f"{name}: {value}" for name, value in headers.items()))
        return None

    stage.url = (await serve(script)).url
    stage.transport = AiohttpTransport(max_body_bytes=LIMIT)
    yield stage
    await stage.transport.aclose()


def _in_memory(stage: Stage) -> Callable[[HttpRequest], Awaitable[HttpResponse]]:
    """Return the function behind a transport that stays within the process."""

    async def handler(request: HttpRequest) -> HttpResponse:
        stage.verbs.append(request.method)
        stage.reached.set()
        if stage.answer == STALLED:
            await asyncio.Event().wait()
        if stage.answer == DROPPED:
            raise OutcomeUnknownError("dropped")
        status, headers, body = stage.answer
        return HttpResponse(status=status, headers=headers, body=body)

    return handler


@asynccontextmanager
async def over_memory(serve: Any) -> AsyncIterator[Stage]:
    stage = Stage()
    stage.transport = MemoryTransport(_in_memory(stage), max_body_bytes=LIMIT)
    yield stage


@asynccontextmanager
async def over_a_sandbox(serve: Any) -> AsyncIterator[Stage]:
    stage = Stage()
    sandbox = FunctionSandbox(_in_memory(stage))
    stage.transport = sandbox.transport(max_body_bytes=LIMIT)
    yield stage


STAGES: dict[str, Callable[[Any], AbstractAsyncContextManager[Stage]]] = {
    "aiohttp": over_aiohttp,
    "memory": over_memory,
    "sandbox": over_a_sandbox,
}


@pytest.fixture(params=STAGES)
async def stage(request, serve):
    async with STAGES[request.param](serve) as stage:
        yield stage


class Sink:
    def __init__(self) -> None:
        self.chunks: list[bytes] = []

    async def write(self, chunk: bytes, /) -> None:
        await asyncio.sleep(0)
        self.chunks.append(chunk)

    def restart(self) -> None:
        self.chunks.clear()


class TestContract:
    @pytest.mark.parametrize("status", [200, 201, 302, 400, 401, 404, 409, 429, 500, 503, 599])
    async def test_1_any_status_is_a_response(self, stage, status):
        stage.answer = (status, {"X-Seen": "yes", "Location": "/elsewhere"}, b'{"a":1}')
        response = await stage.transport.send(stage.request())
        assert (response.status, response.body) == (status, b'{"a":1}')
        assert response.headers["x-seen"] == "yes"

    async def test_1_a_lost_answer_is_an_unknown_outcome(self, stage):
        stage.answer = DROPPED
        with pytest.raises(OutcomeUnknownError):
            await stage.transport.send(stage.request("POST", body=b"{}"))

    async def test_1_cancellation_is_never_swallowed(self, stage):
        stage.answer = STALLED
        task = asyncio.create_task(stage.transport.send(stage.request()))
        await stage.reached.wait()
        task.cancel("enough")
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()

    async def test_1_a_timeout_around_send_works(self, stage):
        stage.answer = STALLED
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(None) as deadline:
                task = asyncio.create_task(stage.reached.wait())
                task.add_done_callback(lambda _: deadline.reschedule(0))
                await stage.transport.send(stage.request())

    async def test_1_a_task_group_around_send_works(self, stage):
        async def break_when_reached() -> None:
            await stage.reached.wait()
            raise ValueError("the sibling fails")

        stage.answer = STALLED
        with pytest.raises(ExceptionGroup) as caught:
            async with asyncio.TaskGroup() as group:
                group.create_task(stage.transport.send(stage.request()))
                group.create_task(break_when_reached())
        assert [str(error) for error in caught.value.exceptions] == ["the sibling fails"]

    @pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "POST", "HEAD"])
    async def test_2_one_send_is_one_request(self, stage, verb):
        stage.answer = DROPPED
        with pytest.raises(TransportError):
            await stage.transport.send(stage.request(verb))
        assert stage.verbs == [verb]

    async def test_2_a_redirect_is_not_followed(self, stage):
        stage.answer = (307, {"Location": stage.url}, b"")
        assert (await stage.transport.send(stage.request("POST", body=b"{}"))).status == 307
        assert stage.verbs == ["POST"]

    async def test_3_a_body_up_to_the_limit_is_complete(self, stage):
        stage.answer = (200, {}, b"x" * LIMIT)
        assert (await stage.transport.send(stage.request())).body == b"x" * LIMIT

    async def test_3_a_larger_body_is_an_error(self, stage):
        stage.answer = (200, {}, b"x" * (LIMIT + 1))
        with pytest.raises(OutcomeUnknownError, match="larger than 1000 bytes"):
            await stage.transport.send(stage.request())

    async def test_4_no_error_shows_the_key(self, stage):
        stage.answer = DROPPED
        with pytest.raises(TransportError) as caught:
            await stage.transport.send(stage.request())
        error = caught.value
        assert (error.__cause__, error.__context__) == (None, None)
        shown = "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )
        twin = pickle.loads(pickle.dumps(error))
        for text in (str(error), repr(error), repr(error.args), shown, repr(vars(twin))):
            assert SECRET not in text
        assert str(copy.copy(error)) == str(error)

    async def test_5_concurrent_calls_get_their_own_answers(self, stage):
        responses = await asyncio.gather(
            *(stage.transport.send(stage.request()) for _ in range(20))
        )
        assert [response.status for response in responses] == [200] * 20
        assert len(stage.verbs) == 20

    async def test_5_closing_twice_is_fine(self, stage):
        await stage.transport.send(stage.request())
        await stage.transport.aclose()
        await stage.transport.aclose()

    async def test_5_closing_before_the_first_send_is_fine(self, stage):
        await stage.transport.aclose()
        await stage.transport.aclose()
        assert stage.verbs == []

    async def test_6_only_bytes_and_plain_values_cross_the_seam(self, stage):
        stage.answer = (200, {"Content-Type": "application/json"}, b'{"a":1}')
        response = await stage.transport.send(stage.request())
        assert type(response.status) is int
        assert type(response.body) is bytes
        for name, value in response.headers.items():
            assert (type(name), type(value)) == (str, str)
            assert name == name.lower()

    async def test_7_a_success_flows_into_the_sink(self, stage):
        body = bytes(range(256)) * 1000
        stage.answer = (200, {}, body)
        sink = Sink()
        response = await stage.transport.send(stage.request(sink=sink))
        assert (response.status, response.body) == (200, b"")
        assert b"".join(sink.chunks) == body
        assert max(map(len, sink.chunks)) <= 64 * 1024

    async def test_7_any_other_status_is_collected(self, stage):
        stage.answer = (404, {}, b"not here")
        sink = Sink()
        response = await stage.transport.send(stage.request(sink=sink))
        assert (response.body, sink.chunks) == (b"not here", [])

    async def test_7_an_error_of_the_sink_leaves_send_as_it_is(self, stage):
        class Broken(Sink):
            async def write(self, chunk: bytes, /) -> None:
                raise error

        error = LookupError("the sink's own")
        stage.answer = (200, {}, b"x" * 100)
        with pytest.raises(LookupError) as caught:
            await stage.transport.send(stage.request(sink=Broken()))
        assert caught.value is error
        shown = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert SECRET not in "".join(shown)

    @pytest.mark.parametrize(
        "changes",
        [
            {"method": "GET / HTTP/1.1\r\nX-Evil:"},
            {"url": "http://127.0.0.1:9/v1/a\r\nb"},
            {"url": "http://127.0.0.1:9/v1/a b"},
            {"url": "http://127.0.0.1:9/v1/a\x00b"},
            {"url": "http://127.0.0.1:9/v1/a#b"},
            {"query": (("a\nb", "1"),)},
            {"query": (("a", "\udc80"),)},
            {"headers": {"X-A\r\nX-B": "1"}},
            {"headers": {"X-A:": "1"}},
            {"headers": {"X-A": "1\r\nX-B: 2"}},
            {"headers": {"X-A": "1\x00"}},
            {"credentials": Credentials(headers=(("Authorization", f"{SECRET}\r\nX-B: 2"),))},
            {"credentials": Credentials(query=(("apikey", f"{SECRET}\udc80"),))},
        ],
    )
    async def test_what_could_smuggle_is_refused_before_any_io(self, stage, changes):
        with pytest.raises(ConfigurationError) as caught:
            await stage.transport.send(stage.request(**changes))
        assert stage.verbs == []
        error = caught.value
        assert not isinstance(error, NotSentError)
        shown = traceback.TracebackException.from_exception(error, capture_locals=True).format()
        assert SECRET not in "".join(shown)


class TestMemoryTransport:
    async def test_a_fault_of_the_function_is_seen_as_it_is(self):
        async def handler(request: HttpRequest) -> HttpResponse:
            raise error

        error = KeyError("a bug in the test's own function")
        with pytest.raises(KeyError) as caught:
            await MemoryTransport(handler).send(HttpRequest(method="GET", url="http://x/"))
        assert caught.value is error

    async def test_the_function_gets_the_request_with_its_credentials(self):
        async def handler(request: HttpRequest) -> HttpResponse:
            assert request is sent
            return HttpResponse(status=200, body=request.credentials.query[0][1].encode())

        sent = HttpRequest(
            method="GET", url="http://x/", credentials=Credentials(query=(("apikey", SECRET),))
        )
        assert (await MemoryTransport(handler).send(sent)).body == SECRET.encode()

    def test_the_limit_is_at_least_one(self):
        with pytest.raises(ConfigurationError, match="at least 1"):
            MemoryTransport(lambda request: asyncio.sleep(0), max_body_bytes=0)
