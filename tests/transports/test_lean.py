"""What the lean transport alone has to hold: its engine, its connections, its clock."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import socket
import ssl
import subprocess
import sys
import weakref
from contextlib import suppress
from typing import Any

import httptools
import pytest

from benchmarks._lib import open_descriptors, taken_slots
from eguma_async import AsyncSession, Limits
from eguma_async.core.delivery import PIECE
from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest, Repeat, Timeouts
from eguma_async.transports._deadline import NEVER
from eguma_async.transports._lean_headers import RawHeaders, idle_seconds
from eguma_async.transports._lean_wire import MOST_AHEAD, Wire
from eguma_async.transports._tls import default_context
from eguma_async.transports.lean import LeanTransport
from tests.support.calls import BOOK, slots_of

SECRET = "k3y-that-nobody-may-see"


def request(url: str, method: str = "GET", **changes: Any) -> HttpRequest:
    return HttpRequest(method=method, url=url, **changes)


@pytest.fixture
async def transport():
    async with LeanTransport() as transport:
        yield transport


def sending(*pieces: bytes, then: str = "until_closed", each: int = 3):
    """A script that reads a request and sends pieces, each by itself."""

    async def script(server, wire):
        await server.request(wire)
        for piece in pieces:
            await wire.send(piece)
            for _ in range(each):
                await asyncio.sleep(0)
        if then == "until_closed":
            await wire.until_closed()
        else:
            getattr(wire, then)()

    return script


class Sink:
    def __init__(self) -> None:
        self.body = b""

    async def write(self, chunk: bytes, /) -> None:
        self.body += chunk

    def restart(self) -> None:
        self.body = b""


def run(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


class TestEngine:
    def test_without_it_the_error_says_what_to_install(self, tmp_path):
        (tmp_path / "httptools.py").write_text("raise ImportError\n", "utf-8")
        program = (
            "from eguma_async import LeanTransport, ConfigurationError\n"
            "try: LeanTransport()\n"
            "except ConfigurationError as error: print(error, error.__context__)\n"
        )
        done = run(program, PYTHONPATH=os.pathsep.join((str(tmp_path), *sys.path)))
        assert done.stdout == (
            "LeanTransport needs httptools: pip install 'eguma_async[fast]' None\n"
        )

    def test_a_client_on_it_loads_no_aiohttp(self):
        program = (
            "import asyncio, sys\n"
            "from eguma_async import AsyncSession, KorusSession, LeanTransport, NotSentError\n"
            "async def main():\n"
            "    transport = LeanTransport()\n"
            "    for session in (AsyncSession('k' * 20, base_url='http://127.0.0.1:9',\n"
            "                                 transport=transport),\n"
            "                    KorusSession(token='t' * 20, transport=LeanTransport())):\n"
            "        async with session: pass\n"
            "    await transport.aclose()\n"
            "asyncio.run(main())\n"
            "print([name for name in ('aiohttp', 'yarl', 'multidict') if name in sys.modules])\n"
        )
        done = run(program)
        assert (done.stdout, done.stderr) == ("[]\n", "")


class TestReading:
    WHOLE = b"HTTP/1.1 200 OK\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello"

    async def test_a_response_may_come_byte_by_byte(self, transport, serve):
        pieces = [self.WHOLE[at : at + 1] for at in range(len(self.WHOLE))]
        server = await serve(sending(*pieces))
        response = await transport.send(request(server.url))
        assert (response.status, response.body, response.headers["x-a"]) == (200, b"hello", "1")

    @pytest.mark.parametrize("cut", [1, 9, 17, 20, 24, 40, 45, 48])
    async def test_a_head_may_come_in_two_reads(self, transport, serve, cut):
        server = await serve(sending(self.WHOLE[:cut], self.WHOLE[cut:]))
        response = await transport.send(request(server.url))
        assert (response.body, dict(response.headers)) == (
            b"hello",
            {"x-a": "1", "content-length": "5"},
        )

    async def test_what_a_sink_has_not_asked_for_is_bounded(self, transport, serve):
        class Stopped(Sink):
            async def write(self, chunk: bytes, /) -> None:
                started.set()
                await asyncio.Event().wait()

        async def script(server, wire):
            await server.request(wire)
            await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 20000000\r\n\r\n")
            for _ in range(200):
                await wire.send(bytes(100_000))
            server.reached.set()

        started = asyncio.Event()
        server = await serve(script)
        task = asyncio.create_task(transport.send(request(server.url, sink=Stopped())))
        await started.wait()
        (wire,) = transport._wires
        for _ in range(1000):
            await asyncio.sleep(0)
        assert MOST_AHEAD < sum(map(len, wire._pieces)) <= MOST_AHEAD + PIECE
        assert not server.reached.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    @pytest.mark.parametrize("order", [1, -1])
    @pytest.mark.parametrize("together", [True, False])
    async def test_interim_responses_are_passed_over(self, transport, serve, together, order):
        interim = (
            b"HTTP/1.1 100 Continue\r\nX-A: no\r\n\r\n",
            b"HTTP/1.1 103 Early\r\nContent-Length: 0\r\n\r\n",
        )
        pieces = (*interim[::order], self.WHOLE)
        server = await serve(sending(*([b"".join(pieces)] if together else pieces)))
        response = await transport.send(request(server.url, "POST", body=b"{}"))
        assert dict(response.headers) == {"x-a": "1", "content-length": "5"}
        assert (response.status, response.body) == (200, b"hello")

    async def test_a_body_of_tiny_chunks_is_kept_in_few_pieces(self, transport, serve):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server = await serve(sending(head, *[b"1\r\nx\r\n" * 1000] * 20, b"0\r\n\r\n"))
        task = asyncio.create_task(transport.send(request(server.url)))
        while not (wires := transport._wires):
            await asyncio.sleep(0)
        (wire,) = wires
        most = 0
        while not task.done():
            most = max(most, len(getattr(wire, "_pieces", ())))
            await asyncio.sleep(0)
        assert (await task).body == b"x" * 20_000
        # One for each read; those of the last one are joined at the end.
        assert most < 20 + 1001

    async def test_headers_are_a_dict_once_pickled(self):
        headers = RawHeaders(
            [(b"X-A", b"1 \t"), (b"x-a", b"\xc3\xa9\xff"), (b"X-B", b"")], None, httptools
        )
        assert pickle.loads(pickle.dumps(headers)) == {"x-a": "1, \xe9\udcff", "x-b": ""}


class TestSending:
    async def test_a_server_that_answers_too_early_gets_no_second_request(self, transport, serve):
        async def script(server, wire):
            await wire.read_head()
            await wire.send(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
            await wire.until_closed()

        server = await serve(script)
        body = bytes(30_000_000)
        for connections in (1, 2):
            response = await transport.send(request(server.url, "POST", body=body))
            assert (response.status, server.connections) == (413, connections)

    async def test_a_server_that_hangs_up_on_a_large_request_leaves_it_in_doubt(
        self, transport, serve
    ):
        async def script(server, wire):
            await wire.read_head()
            wire.reset()

        server = await serve(script)
        with pytest.raises(OutcomeUnknownError):
            await transport.send(request(server.url, "POST", body=bytes(30_000_000)))

    @pytest.mark.parametrize(
        "headers",
        [
            {"Transfer-Encoding": "chunked"},
            {"transfer-encoding": "identity"},
            {"Content-Length": "1"},
            {"CONTENT-LENGTH": "+2"},
        ],
    )
    async def test_headers_that_say_another_length_are_refused(self, transport, serve, headers):
        server = await serve()
        with pytest.raises(ConfigurationError, match="leave the header .* out"):
            await transport.send(request(server.url, "POST", body=b"{}", headers=headers))
        assert server.connections == 0

    async def test_a_true_length_is_sent_once(self, transport, serve):
        server = await serve()
        headers = {"content-length": "2"}
        await transport.send(request(server.url, "POST", body=b"{}", headers=headers))
        assert server.requests[0][0].lower().count(b"content-length: 2\r\n") == 1

    @pytest.mark.parametrize(
        ("method", "body", "length"),
        [("POST", None, b"0"), ("DELETE", None, b"0"), ("GET", b"", b"0"), ("GET", b"a", b"1")],
    )
    async def test_a_length_is_sent_where_one_is_due(self, transport, serve, method, body, length):
        server = await serve()
        await transport.send(request(server.url, method, body=body))
        assert b"\r\nContent-Length: " + length + b"\r\n" in server.requests[0][0]

    async def test_a_plain_read_has_no_length(self, transport, serve):
        server = await serve()
        await transport.send(request(server.url, headers={"Accept": "application/json"}))
        assert b"ength" not in server.requests[0][0]

    @pytest.mark.parametrize(
        ("tail", "target"),
        [("", b"/"), ("?a=1", b"/?a=1"), ("/", b"/"), ("/p?a", b"/p?a"), ("?", b"/?")],
    )
    @pytest.mark.parametrize("query", [(), (("b", "2"),)])
    async def test_a_url_may_end_anywhere(self, transport, serve, tail, target, query):
        server = await serve()
        headers = {"Accept": "application/json"}
        place = f"http://127.0.0.1:{server.port}"
        await transport.send(request(place + tail, headers=headers, query=query))
        if query:
            joint = b"" if target.endswith(b"?") else b"&" if b"?" in target else b"?"
            target += joint + b"b=2"
        assert server.requests[0][0].startswith(b"GET " + target + b" HTTP/1.1\r\n")
        assert f"\r\nHost: 127.0.0.1:{server.port}\r\n".encode() in server.requests[0][0]

    async def test_a_host_of_the_request_wins(self, transport, serve):
        server = await serve()
        await transport.send(request(server.url, headers={"host": "shop.example"}))
        head = server.requests[0][0].lower()
        assert head.count(b"host:") == 1
        assert b"\r\nhost: shop.example\r\n" in head

    @pytest.mark.parametrize("url", ["http://user:pw@127.0.0.1/", "http://127.0.0.1:0/", "http:x"])
    async def test_other_urls_are_refused(self, transport, url):
        with pytest.raises(NotSentError, match="not one for HTTP"):
            await transport.send(request(url))


class TestConnections:
    async def test_a_session_has_as_many_as_it_has_permits(self, make, serve):
        """Else its bookings would wait for its reads here, whatever it keeps for them."""

        async def script(server, wire):
            if (await server.request(wire)).startswith(b"POST"):
                server.reached.set()
            await wire.until_closed()

        server = await serve(script)
        base_url = server.url.removesuffix("/v1/thing.json")
        async with (
            make() as transport,
            AsyncSession("k" * 20, base_url=base_url, transport=transport) as session,
        ):
            tasks: list[asyncio.Task[Any]] = [
                asyncio.create_task(session.send(slots_of(f"p{n}"))) for n in range(110)
            ]
            while len(server.requests) < Limits().concurrency:
                await asyncio.sleep(0)
            tasks.append(asyncio.create_task(session.send(BOOK)))
            await asyncio.wait_for(server.reached.wait(), 5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def test_a_booking_goes_before_reads_that_wait_for_one(self, serve):
        async def script(server, wire):
            while True:
                await server.request(wire)
                await server.release.wait()
                await wire.reply()

        server = await serve(script)
        async with LeanTransport(connections=1) as transport:
            sent = [request(server.url, repeat=Repeat.READ) for _ in range(3)]
            sent.append(request(server.url, "POST", repeat=Repeat.KEYED))
            async with asyncio.TaskGroup() as group:
                for each in sent:
                    group.create_task(transport.send(each))
                while not server.requests:
                    await asyncio.sleep(0)
                server.release.set()
        assert [head[:4] for head, _ in server.requests] == [b"GET ", b"POST", b"GET ", b"GET "]

    async def test_all_transports_share_a_tls_context(self):
        """To make one takes 30 ms."""
        first, second = LeanTransport()._dialer, LeanTransport()._dialer
        assert first._secured("a")["ssl"] is second._secured("b")["ssl"] is default_context()
        assert default_context().verify_mode is ssl.CERT_REQUIRED
        assert default_context().check_hostname

    @pytest.mark.parametrize(
        ("offered", "works"), [(["h2", "http/1.1"], False), (["http/1.1"], True), ([], True)]
    )
    async def test_a_server_that_chose_another_protocol_gets_nothing(
        self, serve, certificate, offered, works
    ):
        theirs, ours = certificate
        theirs.set_alpn_protocols(["h2", "http/1.1"])
        if offered:
            ours.set_alpn_protocols(offered)
        server = await serve(tls=theirs)
        async with LeanTransport(ssl=ours) as transport:
            if works:
                assert (await transport.send(request(server.url))).status == 200
            else:
                with pytest.raises(NotSentError, match="no TLS connection"):
                    await transport.send(request(server.url))
        assert len(server.requests) == works
        ours.set_alpn_protocols(["http/1.1"])

    @pytest.mark.parametrize("event", ["bytes", "end"])
    async def test_one_on_which_something_happens_before_its_request_is_not_used(
        self, transport, serve, event
    ):
        """As soon as TLS is agreed upon, and on loops that tell of both in one turn."""

        class Hasty(Wire):
            def connection_made(self, connection):
                super().connection_made(connection)
                if event == "bytes":
                    self.buffer_updated(1)
                else:
                    self.connection_lost(None)

        server = await serve()
        usual = transport._dialer._make
        transport._dialer._make = lambda: Hasty(*usual.args)
        with pytest.raises(NotSentError, match="it ended at once"):
            await transport.send(request(server.url))
        transport._dialer._make = usual
        assert (await transport.send(request(server.url))).status == 200
        assert len(server.requests) == 1

    async def test_a_head_leaves_a_connection_for_the_next(self, transport, serve):
        async def script(server, wire):
            for _ in range(4):
                first = await server.request(wire)
                body = b"" if first.startswith(b"HEAD") else b"{}"
                await wire.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" + body)

        server = await serve(script)
        for method, body in (("HEAD", b""), ("GET", b"{}"), ("HEAD", b""), ("GET", b"{}")):
            assert (await transport.send(request(server.url, method))).body == body
        assert server.connections == 1

    async def test_headers_that_outlive_their_connection_hold_nothing_of_it(self, serve):
        server = await serve()
        async with LeanTransport() as transport:
            headers = (await transport.send(request(server.url))).headers
            (wire,) = transport._wires
            gone = weakref.ref(wire)
            del wire
        await server.all_gone.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        gc.collect()
        assert gone() is None
        assert dict(headers) == {"content-length": "2"}

    @pytest.mark.parametrize(
        ("value", "seconds"),
        [
            (b"timeout=5", 4.0),
            (b"timeout=5, max=100", 4.0),
            (b"max=100, Timeout = 7", 6.0),
            (b"timeout=1", 0.0),
            (b"timeout=0", 0.0),
            (b"timeout=999999999999", 15.0),
            (b"timeout=-3", 15.0),
            (b"timeout=x", 15.0),
            (b"", 15.0),
        ],
    )
    def test_a_server_may_say_how_long_it_keeps_a_connection(self, value, seconds):
        assert idle_seconds(value) == seconds

    @pytest.mark.parametrize(("told", "connections"), [("timeout=1", 3), ("timeout=60", 1)])
    async def test_a_connection_that_is_about_to_end_is_not_used(
        self, transport, serve, told, connections
    ):
        async def script(server, wire):
            for _ in range(9):
                await server.request(wire)
                await wire.reply(b"{}", 200, f"Keep-Alive: {told}")

        server = await serve(script)
        for _ in range(3):
            await transport.send(request(server.url))
        assert server.connections == connections

    async def test_an_idle_connection_is_closed_in_time(self, transport, serve):
        server = await serve()
        await transport.send(request(server.url))
        (wire,) = transport._wires
        wire.deadline = asyncio.get_running_loop().time()
        transport._deadlines._sweep(asyncio.get_running_loop())
        await server.all_gone.wait()
        assert not transport._wires
        await transport.send(request(server.url))
        assert server.connections == 2

    async def test_connections_that_end_leave_nothing(self, transport, serve):
        server = await serve(sending(TestReading.WHOLE, then="finish"))
        for _ in range(3):
            await transport.send(request(server.url))
            await server.all_gone.wait()
            for _ in range(3):
                await asyncio.sleep(0)
        assert (transport._wires, transport._deadlines._alarms) == (set(), set())
        assert [origin.idle for origin in transport._origins.values()] == [{}]

    async def test_places_are_forgotten(self, transport, unused_port):
        for number in range(300):
            with suppress(NotSentError):
                url = f"http://127.0.0.1:{unused_port}/"
                transport._origin(url.replace("127.0.0.1", f"127.0.{number % 200}.1"))
        assert len(transport._origins) <= 100

    async def test_a_name_is_looked_up_once_for_all_who_ask(self, transport, serve):
        server = await serve()
        url = server.url.replace("127.0.0.1", "localhost")
        asked: list[str] = []
        dialer = transport._dialer

        async def look_up(host: str, port: int) -> Any:
            asked.append(host)
            return await dialer._look_up(host, port)

        dialer.look_up = look_up
        tasks = [asyncio.create_task(transport.send(request(url))) for _ in range(10)]
        while not asked:
            await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert len(dialer._lookups) <= 1
        tasks[0].cancel()  # whoever asked first takes the answer from nobody
        done = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each).__name__ for each in done[1:]] == ["HttpResponse"] * 9
        assert dialer._lookups == {}

    @pytest.mark.parametrize("dead", [["127.0.0.2"], ["::1", "127.0.0.2"], ["240.0.0.1"]])
    async def test_an_address_that_does_not_answer_is_not_the_last(self, transport, serve, dead):
        """Also one behind which nobody says a word: the next gets its turn a moment later."""

        async def look_up(host: str, port: int) -> Any:
            found = []
            for at in (*dead, "127.0.0.1"):
                family = socket.AF_INET6 if ":" in at else socket.AF_INET
                place = (at, port, 0, 0) if ":" in at else (at, port)
                found.append((family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", place))
            return found

        before, server = open_descriptors(), await serve()
        listening = open_descriptors() - before
        transport._dialer.look_up = look_up
        url = server.url.replace("127.0.0.1", "shop.invalid")
        assert (await transport.send(request(url))).status == 200
        await transport.aclose()
        await server.all_gone.wait()
        for _ in range(5):
            await asyncio.sleep(0)
        assert open_descriptors() - before == listening

    async def test_to_give_up_connecting_leaves_no_socket(self, serve):
        """CPython's own way to try several addresses does."""

        async def look_up(host: str, port: int) -> Any:
            places = [("127.0.0.1", port), ("127.0.0.2", port), ("240.0.0.1", port)]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", place) for place in places]

        server = await serve()
        url = server.url.replace("127.0.0.1", "shop.invalid")
        before = open_descriptors()
        for turn in range(60):
            transport = LeanTransport()
            transport._dialer.look_up = look_up
            task = asyncio.create_task(transport.send(request(url)))
            for _ in range(turn % 20):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await transport.aclose()
        await server.all_gone.wait() if server.connections else None
        for _ in range(20):
            await asyncio.sleep(0)
        assert open_descriptors() == before


class TestClock:
    async def test_a_request_that_is_still_going_out_is_no_silence(self, transport, serve):
        async def script(server, wire):
            await server.release.wait()

        server = await serve(script)
        task = asyncio.create_task(
            transport.send(request(server.url, "POST", body=bytes(30_000_000)))
        )
        while not (transport._wires and next(iter(transport._wires))._is_waiting):
            await asyncio.sleep(0)
        (wire,) = transport._wires
        wire.ring()
        assert wire.failure is None
        assert wire.deadline < NEVER
        wire.ring()  # nothing went out since
        with pytest.raises(OutcomeUnknownError, match="was silent"):
            await task

    async def test_the_total_covers_the_way_to_the_server(self, transport):
        async def never(host: str, port: int) -> Any:
            await asyncio.Event().wait()

        transport._dialer.look_up = never
        asked = request("http://silent.invalid/", timeouts=Timeouts(connect=5, total=0.05))
        with pytest.raises(NotSentError, match=r"no connection to silent\.invalid within 0\.05 s"):
            await transport.send(asked)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0

    @pytest.mark.parametrize("limit", ["connect", "total"])
    async def test_the_wait_for_a_free_connection_is_limited(self, serve, limit):
        server = await serve(sending())
        async with LeanTransport(connections=1) as transport:
            first = asyncio.create_task(transport.send(request(server.url)))
            while not server.requests:
                await asyncio.sleep(0)
            hasty = request(server.url, timeouts=Timeouts(**{limit: 0.05}))
            with pytest.raises(NotSentError, match=r"no connection to 127.* within 0\.05 s"):
                await transport.send(hasty)
            assert taken_slots(transport) == 1
            first.cancel()
            await asyncio.gather(first, return_exceptions=True)
            assert taken_slots(transport) == 0


class TestClosing:
    async def test_requests_on_their_way_fail_and_leave_nothing(self, serve):
        class Stopped(Sink):
            async def write(self, chunk: bytes, /) -> None:
                await asyncio.Event().wait()

        async def never(host: str, port: int) -> Any:
            await asyncio.Event().wait()

        before, tasks_before = open_descriptors(), asyncio.all_tasks()
        silent = await serve(sending())
        pouring = await serve(sending(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc"))
        listening = open_descriptors() - before
        transport = LeanTransport(connections=3)
        transport._dialer.look_up = never
        wanted = [
            request(silent.url),
            request(pouring.url, sink=Stopped()),
            request("http://silent.invalid/"),
            request(silent.url),
        ]
        tasks = [asyncio.create_task(transport.send(each)) for each in wanted]
        while not (silent.requests and pouring.requests):
            await asyncio.sleep(0)
        for _ in range(20):
            await asyncio.sleep(0)
        await transport.aclose()
        failed = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(each) for each in failed] == [
            OutcomeUnknownError,
            OutcomeUnknownError,
            NotSentError,
            NotSentError,
        ]
        assert taken_slots(transport) == 0
        await silent.all_gone.wait()
        await pouring.all_gone.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        assert open_descriptors() - before == listening
        assert asyncio.all_tasks() == tasks_before
        assert transport._deadlines._timer is None

    async def test_nothing_of_a_secret_is_in_the_transport(self, transport, serve):
        server = await serve()
        credentials = Credentials(headers=(("Authorization", f"Bearer {SECRET}"),))
        asyncio.get_running_loop().set_debug(True)
        await transport.send(request(server.url, credentials=credentials))
        (wire,) = transport._wires
        assert SECRET not in repr(vars(transport)) + repr(vars(wire)) + repr(wire.transport)
