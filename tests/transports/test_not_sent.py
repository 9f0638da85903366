"""What fails before the head is written was not sent, whatever the class of the error."""

from __future__ import annotations

import asyncio
import socket
import ssl
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp.abc import AbstractResolver

from benchmarks._lib import taken_slots
from eguma_async.core.errors import EgumaError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest, Timeouts
from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.lean import LeanTransport

SECRET = "k3y-that-nobody-may-see"
CREDENTIALS = Credentials(
    query=(("apikey", SECRET),), headers=(("Authorization", f"Bearer {SECRET}"),)
)


def booking(url: str, **changes: Any) -> HttpRequest:
    defaults: dict[str, Any] = {"credentials": CREDENTIALS, "body": b"{}"}
    return HttpRequest(method="POST", url=url, **{**defaults, **changes})


async def failure_of(
    transport: AiohttpTransport | LeanTransport, request: HttpRequest
) -> EgumaError:
    with pytest.raises(EgumaError) as caught:
        await transport.send(request)
    error = caught.value
    assert (error.__cause__, error.__context__) == (None, None)
    assert SECRET not in f"{error} {vars(error)}"
    return error


class Resolver(AbstractResolver):
    """Does what it is told with every name."""

    def __init__(self, act: Any) -> None:
        self._act = act

    async def resolve(self, host: str, port: int = 0, family: int = socket.AF_INET) -> Any:
        if isinstance(self._act, BaseException):
            raise self._act
        return self._act if self._act is not None else await asyncio.Event().wait()

    async def close(self) -> None:
        pass


@asynccontextmanager
async def resolving(kind: str, act: Any):
    """A transport that resolves names as told, on its own session or on one of the caller's."""
    connector = aiohttp.TCPConnector(resolver=Resolver(act))
    if kind == "caller's":
        async with aiohttp.ClientSession(connector=connector) as session:
            yield AiohttpTransport(session)
        return
    async with AiohttpTransport() as transport:
        own = transport._usable_session().connector
        assert isinstance(own, aiohttp.TCPConnector)
        own._resolver = Resolver(act)
        yield transport
    await connector.close()


RESOLVERS = {
    "OSError": OSError("no such host"),
    "RuntimeError": RuntimeError("cannot schedule new futures after shutdown"),
    "UnicodeError": UnicodeError("label empty or too long"),
    "KeyError": KeyError("host"),
    "TypeError": TypeError("bad"),
    "TimeoutError": TimeoutError("slow"),
    "ServerDisconnectedError": aiohttp.ServerDisconnectedError(),
    "ClientPayloadError": aiohttp.ClientPayloadError("of a resolver over HTTP"),
    "ClientOSError": aiohttp.ClientOSError(104, "reset"),
    "no answer": [],
    "no address": [{"hostname": "a"}],
    "no IP": [{"hostname": "a", "host": "?", "port": 1, "family": 2, "proto": 0, "flags": 0}],
    "port of another kind": [
        {"hostname": "a", "host": "127.0.0.1", "port": "?", "family": 2, "proto": 0, "flags": 0}
    ],
}


@pytest.mark.parametrize("kind", ["own", "caller's"])
@pytest.mark.parametrize("act", RESOLVERS.values(), ids=RESOLVERS)
async def test_whatever_a_resolver_does_nothing_was_sent(kind, act):
    async with resolving(kind, act) as transport:
        error = await failure_of(transport, booking("http://api.example.com/"))
        assert type(error) is NotSentError
        assert "example.com" in str(error)


LEAN_LOOK_UPS = {
    "OSError": OSError("no such host"),
    "gaierror": socket.gaierror(-2, "no such host"),
    "RuntimeError": RuntimeError("cannot schedule new futures after shutdown"),
    "UnicodeError": UnicodeError("label empty or too long"),
    "KeyError": KeyError("host"),
    "TypeError": TypeError("bad"),
    "TimeoutError": TimeoutError("slow"),
    "SSLError": ssl.SSLError("of a resolver over TLS"),
    "no answer": [],
    "no address": [()],
    "no IP": [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("?", 1))],
    "port of another kind": [(socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", "?"))],
    "family of another kind": [(-1, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))],
}


@pytest.mark.parametrize("act", LEAN_LOOK_UPS.values(), ids=LEAN_LOOK_UPS)
async def test_whatever_a_look_up_of_the_lean_transport_does_nothing_was_sent(act):
    async def look_up(host: str, port: int) -> Any:
        if isinstance(act, Exception):
            raise act
        return act

    async with LeanTransport() as transport:
        transport._dialer.look_up = look_up
        error = await failure_of(transport, booking("http://api.example.com/"))
        assert type(error) is NotSentError
        assert "example.com" in str(error)
        assert taken_slots(transport) == 0


async def test_a_request_that_cannot_be_written_was_not_sent(serve):
    """What goes wrong between the connection and the first byte."""
    server = await serve()
    async with LeanTransport() as transport:
        await transport.send(booking(server.url))
        (origin,) = transport._origins.values()
        origin._host_line = "half a pair: \ud800"
        error = await failure_of(transport, booking(server.url))
        assert type(error) is NotSentError
        assert len(server.requests) == 1
        assert taken_slots(transport) == 0


@pytest.mark.parametrize("kind", ["own", "caller's"])
async def test_time_that_is_up_before_there_is_a_connection(kind):
    async with resolving(kind, None) as transport:
        request = booking("http://api.example.com/", timeouts=Timeouts(total=0.05))
        error = await failure_of(transport, request)
        assert type(error) is NotSentError
        assert str(error) == "no connection to api.example.com within 0.05 s"


@asynccontextmanager
async def on_session(**options: Any):
    async with aiohttp.ClientSession(**options) as session:
        yield AiohttpTransport(session)


def tracing(hook: str, *, closing: bool = False) -> aiohttp.TraceConfig:
    async def act(session: aiohttp.ClientSession, context: Any, params: Any) -> None:
        if closing:
            assert session.connector is not None
            await session.connector.close()
        else:
            raise RuntimeError(f"a hook that fails: {SECRET}")

    config = aiohttp.TraceConfig()
    getattr(config, hook).append(act)
    return config


@pytest.mark.parametrize(
    ("hook", "expected"),
    [
        ("on_request_start", NotSentError),
        ("on_connection_create_start", NotSentError),
        ("on_connection_create_end", NotSentError),
        ("on_request_headers_sent", NotSentError),  # aiohttp calls it before it writes them
        ("on_request_end", OutcomeUnknownError),
        ("on_response_chunk_received", OutcomeUnknownError),
    ],
)
async def test_a_hook_that_fails_says_how_far_the_request_came(serve, hook, expected):
    server = await serve()
    async with on_session(trace_configs=[tracing(hook)]) as transport:
        error = await failure_of(transport, booking(server.url))
        assert type(error) is expected
        assert len(server.requests) == (expected is OutcomeUnknownError)


async def test_a_connection_that_closes_under_the_head(serve):
    server = await serve()
    config = tracing("on_request_headers_sent", closing=True)
    async with on_session(trace_configs=[config]) as transport:
        error = await failure_of(transport, booking(server.url, body=None))
        assert type(error) is NotSentError
        assert server.requests == []


async def test_an_entry_in_netrc_that_gets_in_the_way(serve, tmp_path, monkeypatch):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login someone password something\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = await serve()
    async with on_session(trust_env=True) as transport:
        answers = await asyncio.gather(transport.send(booking(server.url)), return_exceptions=True)
    if server.requests:
        pytest.skip("this aiohttp leaves netrc aside if there is an Authorization header")
    assert type(answers[0]) is NotSentError
    assert str(answers[0]) == "nothing could be sent to 127.0.0.1 (ValueError)"


async def test_a_cookie_jar_that_fails(serve):
    class Jar(aiohttp.DummyCookieJar):
        def filter_cookies(self, request_url):
            raise LookupError(SECRET)

    server = await serve()
    async with on_session(cookie_jar=Jar()) as transport:
        error = await failure_of(transport, booking(server.url))
        assert type(error) is NotSentError
        assert server.requests == []


async def test_a_session_that_is_closed_meanwhile(serve):
    server = await serve()
    config = tracing("on_request_start", closing=True)
    async with on_session(trace_configs=[config]) as transport:
        assert type(await failure_of(transport, booking(server.url))) is NotSentError
        assert server.requests == []


@pytest.mark.parametrize("kind", ["own", "caller's", "lean"])
async def test_a_request_that_went_out_stays_in_doubt(serve, kind):
    async def script(server, wire):
        await server.request(wire)
        wire.finish()

    server = await serve(script)
    ways: dict[str, Any] = {"own": AiohttpTransport, "caller's": on_session, "lean": LeanTransport}
    async with ways[kind]() as transport:
        error = await failure_of(transport, booking(server.url))
        assert type(error) is OutcomeUnknownError
        late = booking(server.url, timeouts=Timeouts(total=0.05))
        server._script = lambda server, wire: wire.until_closed()
        assert type(await failure_of(transport, late)) is OutcomeUnknownError


# Should aiohttp change inside, so that nobody sees any more what goes out: all is in doubt.


async def test_a_response_to_what_did_not_go_out_ends_all_trust(serve):
    class Changed(aiohttp.ClientRequest):
        """Keeps its response somewhere else."""

        async def send(self, conn):
            response = await super().send(conn)
            self.response = None
            return response

    async def script(server, wire):
        await server.request(wire)
        if server.connections == 1:
            await wire.reply()
        wire.finish()

    server = await serve(script)
    async with on_session(request_class=Changed) as transport:
        await transport.send(booking(server.url))
        await server.all_gone.wait()
        assert type(await failure_of(transport, booking(server.url))) is OutcomeUnknownError


async def test_a_request_that_keeps_no_response_is_in_doubt(serve):
    class Changed(aiohttp.ClientRequest):
        """Has no such attribute."""

        @property
        def response(self):
            raise AttributeError("response")

        @response.setter
        def response(self, value):
            pass

    async def script(server, wire):
        await server.request(wire)
        wire.finish()

    server = await serve(script)
    async with on_session(request_class=Changed) as transport:
        assert type(await failure_of(transport, booking(server.url))) is OutcomeUnknownError
