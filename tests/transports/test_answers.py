"""Both network transports make the same of what a server sends; the benchmark does more of it."""

from __future__ import annotations

import aiohttp
import pytest

from benchmarks._answers import Answer, answers
from benchmarks.transports import KNOWN, Known, Read, Server, compare, fuzz

same_parser = pytest.mark.skipif(
    tuple(map(int, aiohttp.__version__.split(".")[:2])) < (3, 14),
    reason="the parser of an older aiohttp is another version of llhttp",
)


@same_parser
@pytest.mark.parametrize("seed", range(4))
async def test_mutated_answers_are_read_alike(seed):
    result = await fuzz(seed, lambda count: count < 80)
    assert result.differences == []
    assert result.answers == 80
    assert result.responses > 8


def test_answers_follow_from_their_seed():
    one, same, other = answers(1), answers(1), answers(2)
    made = [one() for _ in range(50)]
    assert made == [same() for _ in range(50)]
    assert made != [other() for _ in range(50)]


HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n"
EXAMPLES = [
    Answer((HEAD + b"\r\n", b"{}rubbish")),
    Answer((HEAD + b"\r\n{}",), method="HEAD"),
    Answer((HEAD + b"Sec-WebSocket-Key1: x\r\n\r\n{}",)),
    Answer((b"HTTP/1.1 200 OK\r\nX-Long: " + b"l" * 8186 + b"\r\nContent-Length: 0\r\n\r\n",)),
    Answer((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: \r\n\r\n{}",), ends="finish"),
]


@pytest.mark.parametrize(("known", "answer"), list(zip(KNOWN, EXAMPLES, strict=True)))
async def test_a_documented_difference_is_one(known: Known, answer: Answer):
    async with Server().serving() as server:
        read = await compare(server, answer)
    if read[0] == read[1]:
        pytest.skip("not with this aiohttp")
    assert known.explains(answer, *read)


@same_parser
@pytest.mark.parametrize("blank", [b"\n", b"\n\r\n"])
@pytest.mark.parametrize("ends", ["finish", "reset"])
async def test_an_empty_line_without_a_return_ends_the_head(blank, ends):
    """What looks like more of the head behind it is the body."""
    body = b"Content-Length: 3\r\nX-1: v\r\n\r\n{}"
    start = b"HTTP/1.1 200 OK\r\nX-0: v" + (b"\r\n" if blank == b"\n" else b"")
    async with Server().serving() as server:
        one, other = await compare(server, Answer((start + blank + body,), ends=ends))
    assert one == other
    if ends == "finish":
        assert other == Read(200, (("x-0", "v"),), body)


@same_parser
async def test_an_interim_response_that_is_no_http_spoils_what_follows():
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\0\r\n\r\n"
    async with Server().serving() as server:
        one, other = await compare(server, Answer((interim + HEAD + b"\r\n{}",)))
    assert one.error == other.error == "OutcomeUnknownError"


def test_no_reason_explains_a_response_that_differs():
    one, other = Read(200, (), b"one"), Read(200, (), b"other")
    for known in KNOWN:
        for answer in EXAMPLES:
            assert not known.explains(answer, one, other)
            assert not known.explains(answer, Read(error="NotSentError"), Read(error="Other"))


async def test_a_difference_is_found():
    """A comparison that finds none whatever there is would prove little."""
    first = Answer((HEAD + b"\r\n{}",))
    async with Server().serving() as server:
        good = await compare(server, first)
        assert good[0] == good[1] == Read(200, (("content-length", "2"),), b"{}")
        cut = await compare(server, Answer((HEAD + b"\r\n{",), ends="finish"))
        assert cut[0].error == cut[1].error == "OutcomeUnknownError"
    assert good[0] != cut[1]
