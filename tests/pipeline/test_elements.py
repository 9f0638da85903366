"""A list read element by element: one call, at the reader's pace, and large ones in steps."""

from __future__ import annotations

import asyncio
import gc
import gzip
import json
import weakref
from contextlib import aclosing
from datetime import datetime
from typing import Any, ClassVar

import attrs
import pytest

from benchmarks._lib import free_permits
from eguma_async.core.errors import (
    AccessDeniedError,
    ConfigurationError,
    DecodingError,
    IncompleteListError,
    SessionStateError,
    TransportError,
)
from eguma_async.core.hooks import Observer
from eguma_async.core.listing import Listing
from eguma_async.core.messages import HttpRequest, HttpResponse, Repeat, Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.session import Session
from eguma_async.eguma.ticketing.orders import ListOrders, Order
from eguma_async.pipeline.feed import UNREADABLE_IN_VAIN
from eguma_async.testing import json_reply
from eguma_async.transports.aiohttp import AiohttpTransport
from tests.support.byte_server import ByteServer
from tests.support.calls import (
    BOOK,
    PRODUCTS,
    order,
    refusal,
    scripted,
    session_on,
    slots_of,
    turns,
    unknown,
)

MANY = [order("completed", f"b{n}") for n in range(400)]  # over 200 KB: several batches
IDS = [str(row["id"]) for row in MANY]


def compact(rows) -> bytes:
    return json.dumps(rows, separators=(",", ":")).encode()


async def ids(stream) -> list[str]:
    return [order.id async for order in stream]


class Pouring:
    """A transport that hands a body over piece by piece, and may break off.

    Attributes:
        poured: Bytes of the last request so far.
    """

    def __init__(self, *bodies, pieces=1000) -> None:
        self.bodies = list(bodies)
        self.pieces = pieces
        self.poured = 0
        self.requests: list[HttpRequest] = []

    async def send(self, request, /):
        self.requests.append(request)
        self.poured = 0
        body = self.bodies.pop(0)
        breaks = isinstance(body, tuple)
        for start in range(0, len(body[0] if breaks else body), self.pieces):
            piece = (body[0] if breaks else body)[start : start + self.pieces]
            await request.sink.write(piece)
            self.poured += len(piece)
        if breaks:
            raise body[1]
        return HttpResponse(status=200)

    async def aclose(self):
        pass


class TestReading:
    async def test_it_gives_what_list_gives(self):
        reply = json_reply(MANY)
        async with scripted(reply, reply) as (session, transport):
            streamed = [one async for one in session.ticketing.orders.stream()]
            assert streamed == list(await session.ticketing.orders.list())
        assert len(streamed) == 400

    async def test_it_asks_as_list_does(self):
        asked = {
            "updated_at_after": datetime(2026, 3, 1, 12, 0, 0, 5),
            "updated_at_before": datetime(2026, 10, 25, 2, 30),
            "order_number": "1000053",
            "last_name": "Lovelace",
        }
        async with scripted(json_reply([]), json_reply([])) as (session, transport):
            await ids(session.ticketing.orders.stream(**asked))
            await session.ticketing.orders.list(**asked)
        one, other = transport.requests
        assert (one.method, one.url, one.query) == (other.method, other.url, other.query)
        assert dict(one.query)["updated_at_after"] == "2026-03-01T12:00:00"

    async def test_nothing_is_sent_before_the_first_element_is_asked_for(self):
        async with scripted() as (session, transport):
            aiter(session.ticketing.orders.stream())
        assert transport.requests == []

    async def test_each_loop_asks_anew(self):
        async with scripted(json_reply(MANY[:2]), json_reply(MANY[:1])) as (session, _):
            stream = session.ticketing.orders.stream()
            assert await ids(stream) == IDS[:2]
            assert await ids(stream) == IDS[:1]

    async def test_its_end_stays_its_end(self):
        async with scripted(json_reply(MANY[:1])) as (session, _):
            reading = aiter(session.ticketing.orders.stream())
            assert (await anext(reading)).id == "b0"
            for _ in range(3):
                assert await anext(reading, None) is None

    async def test_what_was_not_asked_for_is_left_out(self):
        rows = [{**row, "order_number": str(n % 7)} for n, row in enumerate(MANY)]
        rows[100] = {"order_number": "3"}
        rows[101] = {"order_number": "4"}
        async with session_on(Pouring(compact(rows))) as session:
            stream = session.ticketing.orders.stream(order_number="3")
            assert await ids(stream) == [f"b{n}" for n in range(400) if n % 7 == 3 and n != 101]
        unreadable: Any = stream.unreadable
        assert [one.raw for one in unreadable] == [{"order_number": "3"}]
        assert [one.index for one in stream.unreadable] == [100]

    async def test_an_unreadable_one_does_not_hide_the_others(self):
        rows = [*MANY[:200], {"id": "canary"}, *MANY[200:]]
        async with session_on(Pouring(compact(rows))) as session:
            stream = session.ticketing.orders.stream()
            assert list(stream.unreadable) == []
            assert await ids(stream) == IDS
            assert [one.index for one in stream.unreadable] == [200]

    async def test_a_list_without_a_readable_one_is_an_error(self):
        async with scripted(json_reply([{"id": "x"}] * 2)) as (session, _):
            stream = session.ticketing.orders.stream()
            with pytest.raises(DecodingError, match=r"required field missing @ \$\[0\]") as caught:
                await ids(stream)
        assert not caught.value.malformed
        assert (caught.value.operation, caught.value.attempts) == ("ListOrders", 1)
        assert len(stream.unreadable) == 2

    async def test_a_long_list_without_a_readable_one_is_not_read_to_its_end(self):
        rows = compact([{"id": "x" * 300}] * 10 * UNREADABLE_IN_VAIN)
        transport = Pouring(rows, pieces=65_536)
        async with session_on(transport) as session:
            with pytest.raises(DecodingError):
                await ids(session.ticketing.orders.stream())
        assert transport.poured < len(rows) / 4

    async def test_it_is_part_of_what_every_session_has(self):
        async with scripted(json_reply(MANY[:1])) as (session, _):
            plain: Session = session
            assert [type(one) async for one in plain.elements(ListOrders())] == [Order]


class TestPace:
    async def test_the_server_waits_for_the_reader(self):
        transport = Pouring(compact(MANY * 10))
        async with session_on(transport) as session:
            reading = aiter(session.ticketing.orders.stream())
            await anext(reading)
            await turns(50)
            before = transport.poured
            await turns(50)
            assert transport.poured == before < 250_000
            count = 1
            async for _ in reading:
                count += 1
            assert count == 4000

    async def test_a_cancelled_wait_loses_nothing(self):
        release = asyncio.Event()

        async def slow(request):
            body = compact(MANY[:3])
            await request.sink.write(body[:500])
            await release.wait()
            await request.sink.write(body[500:])
            return HttpResponse(status=200)

        async with scripted(slow) as (session, _):
            reading = aiter(session.ticketing.orders.stream())
            waiting = asyncio.ensure_future(anext(reading))
            await turns(10)
            waiting.cancel()
            await asyncio.wait([waiting])
            assert waiting.cancelled()
            release.set()
            assert [one.id async for one in reading] == IDS[:3]

    async def test_two_tasks_cannot_wait_at_once(self):
        async with session_on(Pouring(compact(MANY))) as session:
            reading = aiter(session.ticketing.orders.stream())
            first, second = (asyncio.ensure_future(anext(reading)) for _ in range(2))
            with pytest.raises(SessionStateError, match="another task waits"):
                await second
            assert (await first).id == "b0"

    @pytest.mark.parametrize("own", [None, Timeouts(read=3, total=5)])
    async def test_the_time_of_the_reader_has_room(self, own):
        transport = Pouring(b"[]")
        async with session_on(transport, timeouts=Timeouts(connect=2, read=7)) as session:
            await ids(session.ticketing.orders.stream(timeouts=own))
        assert transport.requests[0].timeouts == (own or Timeouts(connect=2, read=7, total=3600))


class TestAgain:
    async def test_a_request_is_sent_again_while_nothing_was_handed_on(self):
        body = compact(MANY)
        transport = Pouring((body[:300], unknown()), (body[:100], unknown()), body)
        async with session_on(transport) as session:
            assert await ids(session.ticketing.orders.stream()) == IDS
        assert [request.attempt for request in transport.requests] == [1, 2, 3]

    async def test_what_nobody_has_taken_yet_comes_once(self):
        """The first batch is there before the reader has its turn, and the attempt fails at once."""
        body = compact(MANY)
        transport = Pouring((body[:70_000], unknown()), body, pieces=70_000)
        async with session_on(transport) as session:
            assert await ids(session.ticketing.orders.stream()) == IDS
        assert len(transport.requests) == 2

    async def test_what_was_handed_on_is_not_asked_for_again(self):
        body = compact(MANY)
        transport = Pouring((body[:180_000], unknown()))
        found = []
        async with session_on(transport) as session:
            with pytest.raises(TransportError) as caught:
                async for one in session.ticketing.orders.stream():
                    found.append(one.id)
        assert found == IDS[: len(found)]
        assert len(found) > 100
        assert type(caught.value) is TransportError
        assert caught.value.message == "the connection broke"
        assert (caught.value.operation, caught.value.attempts) == ("ListOrders", 1)
        assert caught.value.__notes__ == [f"{len(found)} elements of the list had come before"]

    async def test_what_was_read_as_the_attempt_ended_is_handed_on(self):
        """Two batches wait for a reader who rests while the time is up."""

        async def time_up(request):
            writing = asyncio.ensure_future(request.sink.write(compact(MANY)))
            await turns(20)
            writing.cancel()
            await asyncio.wait([writing])
            raise unknown()

        count = 0
        async with scripted(time_up) as (session, _):
            with pytest.raises(TransportError) as caught:
                async for _ in session.ticketing.orders.stream():
                    count += 1
                    if count == 1:
                        await turns(50)
        assert caught.value.__notes__ == [f"{count} elements of the list had come before"]
        assert 200 < count < 400

    async def test_the_error_stays(self):
        async with scripted(refusal(403, "forbidden")) as (session, _):
            reading = aiter(session.ticketing.orders.stream())
            for _ in range(2):
                with pytest.raises(AccessDeniedError) as caught:
                    await anext(reading)
        assert (caught.value.operation, caught.value.error_code) == ("ListOrders", "forbidden")

    async def test_a_refusal_that_passes_is_waited_for(self):
        async with scripted(refusal(429, None, retry_after="3"), json_reply(MANY[:1])) as (
            session,
            _,
        ):
            assert await ids(session.ticketing.orders.stream()) == ["b0"]

    @pytest.mark.parametrize(
        "broken", [b"", b"<html>", b"[", b'[{"id":"canary"', b'[{"id":"canary" 1}]']
    )
    async def test_what_is_no_json_is_asked_for_once_more(self, broken):
        transport = Pouring(broken, compact(MANY[:1]))
        async with session_on(transport) as session:
            assert await ids(session.ticketing.orders.stream()) == ["b0"]
        transport = Pouring(broken, broken)
        async with session_on(transport) as session:
            with pytest.raises(DecodingError) as caught:
                await ids(session.ticketing.orders.stream())
        assert caught.value.malformed
        assert caught.value.attempts == 2
        assert "canary" not in str(caught.value)

    @pytest.mark.parametrize("end", [b"", b"{", b"]]", b'{"id"]'])
    async def test_a_list_that_breaks_off_says_how_much_came(self, end):
        found = []
        async with session_on(
            Pouring(compact(MANY)[:-1] + b"," * (end[:1] == b"{") + end)
        ) as session:
            with pytest.raises(IncompleteListError, match="the list ended early") as caught:
                async for one in session.ticketing.orders.stream():
                    found.append(one.id)
        assert found == IDS
        assert (caught.value.read, caught.value.announced) == (400, None)
        assert (caught.value.operation, caught.value.attempts) == ("ListOrders", 1)


class TestLeaving:
    @pytest.fixture
    async def endless(self):
        """A server that sends orders for ever; `reached` once the client has gone."""

        async def script(server, wire):
            await wire.read_head()
            await wire.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n")
            rows = compact(MANY)[1:-1] + b","
            try:
                while True:
                    await wire.send(b"%x\r\n%s\r\n" % (len(rows), rows))
            except OSError:
                server.reached.set()

        server = await ByteServer(script).start()
        yield server
        await server.stop()

    def session_to(self, server):
        base = server.url.removesuffix("/v1/thing.json")
        return session_on(AiohttpTransport(), base_url=base)

    async def gone(self, server, session):
        async with asyncio.timeout(10):
            await server.reached.wait()
            while free_permits(session) < 100 or len(asyncio.all_tasks()) > 3:
                await asyncio.sleep(0.001)

    async def test_leaving_the_loop_closes_the_connection(self, endless):
        async with (
            AiohttpTransport() as transport,
            session_on(transport, base_url=endless.url.removesuffix("/v1/thing.json")) as session,
        ):
            stream = session.ticketing.orders.stream()
            async for one in stream:
                assert one.id == "b0"
                break
            await self.gone(endless, session)

    async def test_closing_closes_the_connection(self, endless):
        async with (
            AiohttpTransport() as transport,
            session_on(transport, base_url=endless.url.removesuffix("/v1/thing.json")) as session,
        ):
            async with aclosing(aiter(session.ticketing.orders.stream())) as reading:
                await anext(reading)
                assert free_permits(session) == 99
            assert free_permits(session) == 100
            await self.gone(endless, session)
            assert [one async for one in reading] == []
            await reading.aclose()

    async def test_closing_before_the_beginning_sends_nothing(self):
        async with scripted() as (session, transport):
            reading = aiter(session.ticketing.orders.stream())
            await reading.aclose()
            assert [one async for one in reading] == []
        assert transport.requests == []

    async def test_closing_the_session_ends_it(self, endless):
        async with AiohttpTransport() as transport:
            async with session_on(
                transport, base_url=endless.url.removesuffix("/v1/thing.json")
            ) as session:
                reading = aiter(session.ticketing.orders.stream())
                await anext(reading)
            with pytest.raises(SessionStateError, match="closed meanwhile"):
                async for _ in reading:
                    pass
            async with asyncio.timeout(10):
                await endless.reached.wait()
        with pytest.raises(SessionStateError, match="is closed"):
            aiter(session.ticketing.orders.stream())

    async def test_a_stream_does_not_outlive_its_session(self):
        async with scripted() as (session, transport):
            stream = session.ticketing.orders.stream()
        with pytest.raises(SessionStateError, match="is closed"):
            aiter(stream)
        assert transport.requests == []

    async def test_closing_the_session_wakes_who_waits(self):
        async def never(request):
            await asyncio.Event().wait()

        async with scripted(never) as (session, _):
            waiting = asyncio.ensure_future(anext(aiter(session.ticketing.orders.stream())))
            await turns(10)
            await session.aclose()
            with pytest.raises(SessionStateError, match="closed meanwhile"):
                await waiting

    async def test_nothing_is_left_for_the_collector(self):
        transport = Pouring(compact(MANY), compact(MANY))
        async with session_on(transport) as session:
            for leaves in (False, True):
                reading: Any = aiter(session.ticketing.orders.stream())
                feed = weakref.ref(reading._feed)
                gc.disable()
                try:
                    async for _ in reading:
                        if leaves:
                            break
                    del reading
                    await turns(10)
                    transport.requests.clear()
                    assert feed() is None
                finally:
                    gc.enable()


class TestCalls:
    async def test_an_observer_hears_of_one_call(self):
        heard: list[Any] = []

        class Hearing(Observer):
            def call_ended(self, call, started, /):
                heard.append((call.operation, call.attempts, call.status, call.error))

            def attempt_ended(self, attempt, started, /):
                heard.append((attempt.attempt, attempt.status, attempt.error))

        body = compact(MANY[:1])
        transport = Pouring((body[:9], unknown()), body)
        async with session_on(transport, observer=Hearing()) as session:
            await ids(session.ticketing.orders.stream())
        assert heard == [
            (1, None, "OutcomeUnknownError"),
            (2, 200, None),
            ("ListOrders", 2, 200, None),
        ]

    @pytest.mark.parametrize(
        ("operation", "problem"),
        [
            (BOOK, "BookTickets cannot be streamed: it is no read"),
            (PRODUCTS, "ListProducts cannot be streamed: it looks at its list as a whole"),
            (slots_of("p1"), "ListAvailabilities cannot be streamed"),
            ("ListOrders", "elements takes an operation"),
        ],
    )
    async def test_what_is_no_list_cannot_be_read_so(self, operation, problem):
        async with scripted() as (session, _):
            with pytest.raises(ConfigurationError, match=problem):
                session.elements(operation)

    async def test_a_list_within_other_things_can(self):
        async with scripted(json_reply({"name": "s", "shelves": [{"id": "1"}, {"id": "2"}]})) as (
            session,
            _,
        ):
            assert [one.id async for one in session.elements(ListShelves())] == ["1", "2"]

    async def test_bad_timeouts_are_refused_before_anything_is_sent(self):
        async with scripted() as (session, _):
            with pytest.raises(ConfigurationError, match="timeouts"):
                await ids(session.ticketing.orders.stream(timeouts=5))

    async def test_it_needs_an_open_session(self):
        with pytest.raises(SessionStateError, match="not open"):
            session_on(Pouring()).ticketing.orders.stream()


@attrs.frozen(kw_only=True)
class Shelf:
    id: str


@attrs.frozen(kw_only=True)
class Shelves:
    name: str
    shelves: tuple[Shelf, ...] = attrs.field(metadata={"eguma_async.lenient": True})


@attrs.frozen(kw_only=True)
class ListShelves(Operation[Shelves]):
    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/shelves"
    REPEAT: ClassVar[Repeat] = Repeat.READ


class TestWire:
    @pytest.mark.parametrize("packed", [False, True])
    @pytest.mark.parametrize("chunked", [False, True])
    async def test_it_reads_what_a_server_sends(self, packed, chunked):
        body = gzip.compress(compact(MANY)) if packed else compact(MANY)
        lines = ["Content-Encoding: gzip"] * packed

        async def script(server, wire):
            await wire.read_head()
            if not chunked:
                await wire.reply(body, 200, *lines)
                return
            head = "\r\n".join(["HTTP/1.1 200 OK", "Transfer-Encoding: chunked", *lines])
            await wire.send(head.encode() + b"\r\n\r\n")
            for start in range(0, len(body), 999):
                piece = body[start : start + 999]
                await wire.send(b"%x\r\n%s\r\n" % (len(piece), piece))
            await wire.send(b"0\r\n\r\n")

        server = await ByteServer(script).start()
        base = server.url.removesuffix("/v1/thing.json")
        async with AiohttpTransport() as transport, session_on(transport, base_url=base) as session:
            assert await ids(session.ticketing.orders.stream()) == IDS
        await server.stop()

    async def test_a_body_that_is_cut_is_no_end_of_the_list(self):
        body = compact(MANY)

        async def script(server, wire):
            await wire.read_head()
            await wire.send(
                b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body), body[:-50]
            )
            wire.finish()

        server = await ByteServer(script).start()
        base = server.url.removesuffix("/v1/thing.json")
        async with AiohttpTransport() as transport, session_on(transport, base_url=base) as session:
            found = []
            with pytest.raises(TransportError, match="was cut"):
                async for one in session.ticketing.orders.stream():
                    found.append(one.id)
        assert found == IDS[: len(found)]
        await server.stop()


class TestLargeAnswers:
    BODY = compact([order("completed", f"b{n}") for n in range(4000)])

    async def test_others_have_their_turn_while_one_is_decoded(self):
        taken = 0

        async def others():
            nonlocal taken
            while True:
                taken += 1
                await asyncio.sleep(0)

        async with scripted(HttpResponse(status=200, body=self.BODY)) as (session, _):
            task = asyncio.create_task(others())
            listed = await session.ticketing.orders.list()
            task.cancel()
        assert len(self.BODY) > 2_000_000
        assert taken >= len(self.BODY) / (512 * 1024)
        assert type(listed) is Listing
        assert [one.id for one in listed] == [f"b{n}" for n in range(4000)]

    async def test_one_that_is_no_json_is_asked_for_once_more(self):
        cut = HttpResponse(status=200, body=self.BODY[:-20])
        whole = HttpResponse(status=200, body=self.BODY)
        async with scripted(cut, whole) as (session, _):
            assert len(await session.ticketing.orders.list()) == 4000
        async with scripted(cut, cut) as (session, _):
            with pytest.raises(DecodingError) as caught:
                await session.ticketing.orders.list()
        assert caught.value.problems == ("no valid JSON @ $[3999]",)
        assert type(caught.value) is DecodingError
        assert (caught.value.operation, caught.value.attempts) == ("ListOrders", 2)

    async def test_what_comes_after_it_is_read_for_itself(self):
        cut = HttpResponse(status=200, body=self.BODY[:-20])
        async with scripted(cut, json_reply(MANY[:1])) as (session, _):
            assert len(await session.ticketing.orders.list()) == 1

    async def test_it_is_checked_as_a_small_one_is(self):
        broken = compact([{"id": "canary" * 1000}] * 300)
        async with scripted(HttpResponse(status=200, body=broken)) as (session, _):
            with pytest.raises(DecodingError, match=r"required field missing @ \$\[0\]"):
                await session.ticketing.orders.list()

    async def test_a_catalogue_is_decoded_so_too(self):
        products = [
            {
                "id": f"p{n}",
                "name": "x" * 500,
                "categories": [],
                "slot_type": "time",
                "is_active": True,
                "updated_at": "2026-03-19T08:00:00",
            }
            for n in range(3000)
        ]
        document = {"company_name": "Museum", "currency": "CHF", "products": products}
        async with scripted(json_reply(document)) as (session, _):
            large = await session.ticketing.products.list()
            assert large == session._provider.codec.decode(compact(document), type(large))

    async def test_a_cancellation_ends_it(self):
        async with scripted(HttpResponse(status=200, body=self.BODY)) as (session, _):
            task = asyncio.create_task(session.ticketing.orders.list())
            await turns(6)
            assert not task.done()
            task.cancel()
            with pytest.raises(asyncio.CancelledError) as caught:
                await task
        assert caught.value.__cause__ is None

    async def test_a_refusal_is_none(self):
        async with scripted(HttpResponse(status=403, body=b"[" + b"1," * 600_000 + b"1]")) as (
            session,
            _,
        ):
            with pytest.raises(AccessDeniedError):
                await session.ticketing.orders.list()
