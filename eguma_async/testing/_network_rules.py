"""The rules of the transport contract that take a real socket to judge."""

from __future__ import annotations

import asyncio
import gzip
import socket
from contextlib import suppress
from typing import cast

import pytest

from eguma_async.core.errors import ConfigurationError, NotSentError, OutcomeUnknownError
from eguma_async.core.messages import HttpResponse, Timeouts

from ._rules import TransportContract
from ._stage import Sink, Stage, check, hides_secrets
from .peers import LoopbackPeer, Raw, Trouble

TEXT = b'{"text": "' + b"many words, " * 20 + b'"}'
PACKED = gzip.compress(TEXT)
GZIP = {"Content-Encoding": "gzip"}
NOWHERE = {
    "unknown host": "http://nosuch.invalid/",
    "empty label": "http://api..invalid/",
    "long label": f"http://{'a' * 64}.invalid/",
    "leading dot": "http://.api.invalid/",
    "long name": f"http://{'a.' * 130}invalid/",
    "no host": "http:///path",
    "no address": "http://[1/",
    "port out of range": "http://127.0.0.1:99999/",
    "other scheme": "ftp://127.0.0.1/",
}


def _framed(body: bytes, *headers: str, length: int | None = None) -> bytes:
    lines = ["HTTP/1.1 200 OK", f"Content-Length: {len(body) if length is None else length}"]
    return "\r\n".join([*lines, *headers]).encode() + b"\r\n\r\n" + body


def _chunked(*chunks: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + end


# Whatever the transport makes of these, it is not a response.
BROKEN = {
    "half a body": Raw(_framed(b"{", length=100)),
    "no last chunk": Raw(_chunked(b"abc", end=b"")),
    "half a chunk": Raw(_chunked(b"abc", end=b"ff\r\nabc")),
    "half a head": Raw(b"HTTP/1.1 200 OK\r\nContent-Le"),
    "no HTTP": Raw(b"220 mail.example.com ESMTP\r\n\r\n"),
    "gzip cut": Raw(_framed(PACKED[:-9], "Content-Encoding: gzip"), closes=False),
    "gzip without its trailer": Raw(_framed(PACKED[:-8], "Content-Encoding: gzip"), closes=False),
    "no gzip at all": Raw(_framed(TEXT, "Content-Encoding: gzip"), closes=False),
    "an encoding nobody asked for": Raw(_framed(TEXT, "Content-Encoding: x-rot13"), closes=False),
}
STALE = _framed(b"stale")
LEFTOVERS = {"response": STALE, "half a head": STALE[:20], "one byte": b"H", "no HTTP": b"hello"}


class NetworkTransportContract(TransportContract):
    """All rules, for a transport that opens sockets."""

    def make_peer(self) -> LoopbackPeer:
        """Return a peer on 127.0.0.1."""
        return LoopbackPeer()

    # Rule 1

    @check
    async def test_1_a_refused_connection_is_not_sent(self, stage: Stage) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
            assert type(await stage.failing("POST", url=url, body=b"{}")) is NotSentError

    @pytest.mark.parametrize("url", NOWHERE.values(), ids=NOWHERE)
    @check
    async def test_1_what_leads_nowhere_is_not_sent(self, stage: Stage, url: str) -> None:
        error = await stage.failing("POST", url=url, body=b"{}")
        assert type(error) in (NotSentError, ConfigurationError)

    @check
    async def test_1_a_failed_handshake_is_not_sent(self, stage: Stage) -> None:
        url = stage.peer.url.replace("http:", "https:")
        assert type(await stage.failing("POST", url=url, body=b"{}")) is NotSentError
        assert stage.peer.arrivals == []

    @check
    async def test_1_silence_is_an_unknown_outcome(self, stage: Stage) -> None:
        stage.peer.reply = Trouble.STALL
        error = await stage.failing("POST", timeouts=Timeouts(read=0.05))
        assert type(error) is OutcomeUnknownError

    # Rule 2

    @pytest.mark.parametrize("verb", ["GET", "PUT", "DELETE", "POST"])
    @check
    async def test_2_a_kept_connection_that_breaks_is_not_tried_again(
        self, stage: Stage, verb: str
    ) -> None:
        await stage.send("OPTIONS")
        stage.peer.reply = Trouble.DROP
        assert type(await stage.failing(verb)) is OutcomeUnknownError
        assert [arrival.method for arrival in stage.peer.arrivals] == ["OPTIONS", verb]

    @pytest.mark.parametrize("data", LEFTOVERS.values(), ids=LEFTOVERS)
    @pytest.mark.parametrize("turns", [0, 20], ids=["not read yet", "read"])
    @check
    async def test_2_what_came_before_the_request_is_not_its_response(
        self, stage: Stage, data: bytes, turns: int
    ) -> None:
        # RFC 9112, section 9.2: the order alone tells which response belongs to which request.
        await stage.send()
        await cast("LoopbackPeer", stage.peer).say(data)
        for _ in range(turns):
            await asyncio.sleep(0)
        stage.peer.reply = HttpResponse(status=200, body=b"fresh")
        try:
            response = await stage.send("POST")
        except NotSentError:  # fair, too: the session sends it again
            response = await stage.send("POST")
        assert response.body == b"fresh"

    @pytest.mark.parametrize("data", LEFTOVERS.values(), ids=LEFTOVERS)
    @check
    async def test_2_what_follows_a_response_is_not_the_next_one(
        self, stage: Stage, data: bytes
    ) -> None:
        stage.peer.reply = Raw(_framed(b"first") + data, closes=False)
        with suppress(OutcomeUnknownError):  # fair, too: the peer does not speak HTTP
            assert (await stage.send()).body == b"first"
        stage.peer.reply = HttpResponse(status=200, body=b"second")
        try:
            response = await stage.send("POST")
        except NotSentError:
            response = await stage.send("POST")
        assert response.body == b"second"

    # Rule 3

    @pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
    @check
    async def test_3_a_broken_response_is_an_unknown_outcome(
        self, stage: Stage, reply: Raw
    ) -> None:
        stage.peer.reply = reply
        assert type(await stage.failing("POST", body=b"{}")) is OutcomeUnknownError

    @check
    async def test_3_packed_bodies_arrive_unpacked(self, stage: Stage) -> None:
        stage.peer.reply = HttpResponse(status=200, headers=GZIP, body=PACKED)
        assert (await stage.send()).body == TEXT
        sink = Sink()
        await stage.send(sink=sink)
        assert b"".join(sink.chunks) == TEXT

    @check
    async def test_3_chunks_are_put_together(self, stage: Stage) -> None:
        stage.peer.reply = Raw(_chunked(TEXT[:7], TEXT[7:100], TEXT[100:]), closes=False)
        assert (await stage.send()).body == TEXT

    @check
    async def test_3_a_bomb_is_given_up(self, stage: Stage) -> None:
        bomb = gzip.compress(bytes(self.MAX_BODY_BYTES + 1))
        stage.peer.reply = HttpResponse(status=200, headers=GZIP, body=bomb)
        assert type(await stage.failing()) is OutcomeUnknownError

    # Rule 4

    @check
    async def test_4_no_failure_on_the_way_shows_a_secret(self, stage: Stage) -> None:
        url = stage.peer.url
        for place in (url.replace("http:", "https:"), "http://nosuch.invalid/", "http://[1/"):
            hides_secrets(await stage.failing(url=place))

    # Rule 5

    @check
    async def test_5_closing_closes_the_connections(self, stage: Stage) -> None:
        await asyncio.gather(*(stage.send() for _ in range(5)))
        await stage.transport.aclose()
        async with asyncio.timeout(min(5.0, self.PATIENCE)):  # less than connections are kept
            await cast("LoopbackPeer", stage.peer).all_gone.wait()

    @check
    async def test_5_a_cancelled_call_leaves_no_connection_in_the_middle(
        self, stage: Stage
    ) -> None:
        stage.peer.reply = Trouble.STALL
        task = asyncio.create_task(stage.send())
        await stage.peer.reached.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        stage.peer.reply = HttpResponse(status=200, body=b"fresh")
        assert (await stage.send()).body == b"fresh"

    # Rule 7

    @pytest.mark.parametrize("reply", BROKEN.values(), ids=BROKEN)
    @check
    async def test_7_a_broken_response_is_no_success_for_a_sink(
        self, stage: Stage, reply: Raw
    ) -> None:
        stage.peer.reply = reply
        assert type(await stage.failing(sink=Sink())) is OutcomeUnknownError

    @check
    async def test_7_the_pace_of_the_sink_is_the_pace_of_the_server(self, stage: Stage) -> None:
        class Stopped(Sink):
            async def write(self, chunk: bytes, /) -> None:
                started.set()
                await asyncio.Event().wait()

        started = asyncio.Event()
        stage.peer.reply = HttpResponse(status=200, body=bytes(100_000_000))
        task = asyncio.create_task(stage.send(sink=Stopped()))
        await started.wait()
        for _ in range(200):
            await asyncio.sleep(0)
        assert not cast("LoopbackPeer", stage.peer).wrote.is_set()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
