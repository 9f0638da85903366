"""Both network transports read the same answers: mutated ones, and as fast as they can.

A server on loopback sends answers with wrong bytes, lengths, chunks, encodings and ends, whole and
in pieces; `AiohttpTransport` and `LeanTransport` read each. What they make of it must be the same:
the response, or the class of the error, which tells what was not sent from what may have arrived.
`differences` counts the others, and prints them; `documented` those that `KNOWN` explains.

Then they read good answers in turns: ``lean_vs_aiohttp`` is the CPU time of a request over
aiohttp by that over lean, so more than 1 means that lean takes less.

``--fuzz SECONDS`` reads answers for so long, and only that.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import random
import re
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import attrs
import httptools

from eguma_async import AiohttpTransport, HttpRequest, HttpResponse, LeanTransport, Timeouts
from eguma_async.core.errors import TransportError
from eguma_async.core.messages import Credentials

from . import _lib
from ._answers import Answer, answers

MAX_BODY_BYTES = 500
SIZES = "1k", "20k"
TURNS = 4
PATIENT = Timeouts(connect=5, read=1.5, total=5)
HASTY = Timeouts(connect=5, read=0.04, total=5)
PATH = "/v1/ticketing/products/{}/availabilities.json"
Transport = AiohttpTransport | LeanTransport


@attrs.frozen
class Read:
    """What a transport made of an answer.

    Attributes:
        status: Of the response; None if it was an error.
        headers: Of the response.
        body: Of the response, or what reached the sink.
        error: Name of the error's class.
        words: Of the error; those of two transports may differ.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    error: str = ""
    words: str = attrs.field(default="", eq=False)


@attrs.frozen
class Known:
    """A difference that is meant.

    Attributes:
        why: The reason.
        refuses: Which of the two takes for an error what the other takes for a response.
        fits: Tells whether it explains what they made of an answer.
    """

    why: str
    refuses: str
    fits: Callable[[Answer], bool]

    def explains(self, answer: Answer, aiohttp: Read, lean: Read) -> bool:
        refusing, taking = (lean, aiohttp) if self.refuses == "lean" else (aiohttp, lean)
        return refusing.status is None and taking.status is not None and self.fits(answer)


def goes_wrong_behind(answer: Answer) -> bool:
    """Tell whether bytes that are no HTTP follow a whole response."""
    seen = _Seen()
    parser: Any = httptools.HttpResponseParser(seen)
    seen.parser = parser
    parser.set_dangerous_leniencies(
        lenient_headers=True,
        lenient_optional_cr_before_lf=True,
        lenient_spaces_after_chunk_size=True,
    )
    try:
        parser.feed_data(b"".join(answer.pieces))
    except httptools.HttpParserError:
        return seen.is_whole
    return False


class _Seen:
    is_whole = False
    parser: Any = None

    def on_message_complete(self) -> None:
        self.is_whole = self.is_whole or not 100 <= self.parser.get_status_code() < 200


def has_body_of_head(answer: Answer) -> bool:
    return answer.method == "HEAD"


def has_old_websocket(answer: Answer) -> bool:
    return b"sec-websocket-key1" in b"".join(answer.pieces).lower()


def has_empty_coding(answer: Answer) -> bool:
    return re.search(rb"(?i)transfer-encoding:[ \t]*[\r\n]", b"".join(answer.pieces)) is not None


def has_header_at_the_limit(answer: Answer) -> bool:
    lines = b"".join(answer.pieces).split(b"\n")
    return any(len(line) > 8190 for line in lines)


KNOWN = (
    Known(
        "Bytes that are no HTTP came together with the end of a response: its length is in doubt."
        " aiohttp takes the response if its head came earlier, lean never does.",
        "lean",
        goes_wrong_behind,
    ),
    Known(
        "A body behind the response to a HEAD: aiohttp calls it an error if it comes at once and is"
        " no HTTP. There is nothing the response could lack, and lean takes it.",
        "aiohttp",
        has_body_of_head,
    ),
    Known(
        "aiohttp refuses a header of a draft of WebSocket.",
        "aiohttp",
        has_old_websocket,
    ),
    Known(
        "A value of almost 8190 bytes: aiohttp counts the name of the first header, and no other.",
        "aiohttp",
        has_header_at_the_limit,
    ),
    Known(
        "A Transfer-Encoding that names none is refused by newer versions of llhttp.",
        "lean",
        has_empty_coding,
    ),
)


class Server:
    """Sends an answer to each request."""

    def __init__(self) -> None:
        self.answer = Answer(())
        self.url = ""
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[Server]:
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        try:
            yield self
        finally:
            server.close()
            if self._tasks:
                await asyncio.wait(self._tasks)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"POST"):
                    await reader.readexactly(2)
                await self._send(writer)
                if self.answer.ends != "keep":
                    break
        if self.answer.ends == "reset":
            writer.transport.abort()
        writer.close()

    async def _send(self, writer: asyncio.StreamWriter) -> None:
        for piece in self.answer.pieces:
            writer.write(piece)
            await writer.drain()
            await turns()


class Sink:
    """Keeps what flows into it."""

    def __init__(self) -> None:
        self.body = b""

    async def write(self, chunk: bytes, /) -> None:
        self.body += chunk

    def restart(self) -> None:
        self.body = b""


async def turns() -> None:
    """Let the client read what was sent."""
    for _ in range(TURNS):
        await asyncio.sleep(0)


async def read(
    transport: Transport, server: Server, answer: Answer, timeouts: Timeouts = HASTY
) -> Read:
    """Let a transport read an answer."""
    server.answer = answer
    sink = Sink() if answer.into_sink else None
    request = HttpRequest(
        method=answer.method,
        url=server.url,
        body=b"{}" if answer.method == "POST" else None,
        sink=sink,
        timeouts=timeouts,
    )
    try:
        response: HttpResponse = await transport.send(request)
    except TransportError as error:
        return Read(error=type(error).__name__, words=str(error))
    body = sink.body if sink is not None and response.ok else response.body
    return Read(response.status, tuple(sorted(response.headers.items())), body)


async def compare(server: Server, answer: Answer, timeouts: Timeouts = HASTY) -> tuple[Read, Read]:
    """Return what each transport makes of an answer, on a connection of its own."""
    found = []
    for kind in (AiohttpTransport, LeanTransport):
        async with kind(max_body_bytes=MAX_BODY_BYTES) as transport:
            found.append(await read(transport, server, answer, timeouts))
            await turns()
    first, second = found
    return first, second


@attrs.define
class Result:
    """What the comparison found.

    Attributes:
        answers: How many were read.
        responses: How many of them gave a response.
        documented: How many were read differently, for a reason that `KNOWN` has.
        differences: The others, in words.
    """

    answers: int = 0
    responses: int = 0
    documented: int = 0
    differences: list[str] = attrs.field(factory=list)


async def fuzz(seed: int, going_on: Callable[[int], bool]) -> Result:
    """Compare both transports, answer for answer.

    Args:
        seed: Of the random choices.
        going_on: Asked before each with the number of those read.
    """
    result, make = Result(), answers(seed)
    async with Server().serving() as server:
        while going_on(result.answers):
            answer = make()
            ours = await compare(server, answer)
            if ours[0] != ours[1]:  # or else one had less time than the other
                ours = await compare(server, answer, PATIENT)
            result.answers += 1
            result.responses += ours[1].status is not None
            if ours[0] == ours[1]:
                continue
            if any(known.explains(answer, *ours) for known in KNOWN):
                result.documented += 1
            else:
                result.differences.append(_told(answer, *ours))
    return result


def _told(answer: Answer, aiohttp: Read, lean: Read) -> str:
    lines = [f"{answer.method}, sink {answer.into_sink}, then {answer.ends}"]
    lines += [f"  sent     {piece[:500]!r}" for piece in answer.pieces[:5]]
    lines += [f"  aiohttp  {aiohttp}"[:500], f"  lean     {lean}"[:500]]
    return "\n".join(lines)


# Side by side


@contextlib.asynccontextmanager
async def reader(kind: type[Transport], base: str) -> AsyncIterator[_lib.Call]:
    """Read canned answers over a transport, without a session."""
    query = (("from", _lib.FROM.isoformat()), ("to", _lib.TO.isoformat()))
    credentials = Credentials(query=(("apikey", _lib.KEY),))
    async with kind() as transport:

        async def call(product_id: str) -> bytes:
            request = HttpRequest(
                method="GET",
                url=base + PATH.format(product_id),
                query=query,
                headers={"Accept": "application/json"},
                credentials=credentials,
            )
            return (await transport.send(request)).body

        yield call


async def race(url: str, options: argparse.Namespace) -> dict[str, _lib.Figure]:
    """Return the ratios of CPU time by size."""
    found = {}
    async with contextlib.AsyncExitStack() as stack:
        for size in SIZES:
            calls = {
                kind: await stack.enter_async_context(reader(kind, f"{url}/{size}"))
                for kind in (AiohttpTransport, LeanTransport)
            }
            spent: dict[Any, list[float]] = {kind: [] for kind in calls}
            for call in calls.values():
                await _lib.turn(call, seconds=0.1, at_once=20)
            for kind in _lib.alternating(
                options.rounds, tuple(calls), patience=options.patience / len(SIZES)
            ):
                turn = await _lib.turn(calls[kind], seconds=options.seconds, at_once=20)
                spent[kind].append(turn.cpu_us)
            found[f"lean_vs_aiohttp_{size}b"] = _lib.ratio(
                spent[AiohttpTransport], spent[LeanTransport]
            )
    return found


def for_seconds(seconds: float) -> Callable[[int], bool]:
    end = time.perf_counter() + seconds
    return lambda _: time.perf_counter() < end


def own_options(arguments: list[str]) -> tuple[argparse.Namespace, list[str]]:
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--fuzz", type=float, metavar="SECONDS")
    parser.add_argument("--seed", type=int)
    return parser.parse_known_args(arguments)


def figures(result: Result) -> Iterator[tuple[str, _lib.Figure]]:
    yield "answers", _lib.Figure(result.answers)
    yield "responses", _lib.Figure(result.responses)
    yield "documented", _lib.Figure(result.documented)
    yield "differences", _lib.Figure(len(result.differences), gate="<= 0")


def main() -> None:
    mine, rest = own_options(sys.argv[1:])
    sys.argv[1:] = rest
    options = _lib.arguments(__doc__, rounds=15, seconds=0.15)
    seed = random.randrange(2**32) if mine.seed is None else mine.seed
    result = asyncio.run(fuzz(seed, for_seconds(mine.fuzz or 5.0)))
    for difference in result.differences:
        print(difference, file=sys.stderr)
    found = dict(figures(result))
    found["seed"] = _lib.Figure(seed)
    if mine.fuzz is None:
        _lib.pin(_lib.CLIENT_CPU)
        with _lib.child("benchmarks._server") as places:
            found |= asyncio.run(race(places["http"], options))
    _lib.report("transports", found, as_json=options.json, rounds=options.rounds)
    sys.exit(1 if result.differences else 0)


if __name__ == "__main__":
    main()
