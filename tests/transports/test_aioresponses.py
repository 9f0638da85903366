"""The transport under aioresponses, for users who test with it.

aioresponses replaces ``ClientSession._request``, so client middlewares never run under it: it
cannot show the hidden resend, nor anything of the wire. `test_network.py` does.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import aiohttp
import aioresponses.core
import pytest
from aioresponses import aioresponses as Aioresponses

from eguma_async.core.errors import NotSentError, OutcomeUnknownError
from eguma_async.core.messages import Credentials, HttpRequest
from eguma_async.transports.aiohttp import AiohttpTransport

URL = "https://api.example.com/v1/thing.json"


class ResponseWithoutWriter(aiohttp.ClientResponse):
    """aiohttp 3.14 asks for an argument that aioresponses 0.7.9 does not give."""

    def __init__(self, *args: Any, **options: Any) -> None:
        options.setdefault("stream_writer", SimpleNamespace(output_size=0))
        super().__init__(*args, **options)


def needs_shim() -> bool:
    return "stream_writer" in inspect.signature(aiohttp.ClientResponse.__init__).parameters


@pytest.fixture
def mocked(monkeypatch) -> Iterator[Aioresponses]:
    if needs_shim():
        monkeypatch.setattr(aioresponses.core, "ClientResponse", ResponseWithoutWriter)
    with Aioresponses() as mocked:
        yield mocked


@pytest.fixture
async def transport():
    transport = AiohttpTransport()
    yield transport
    await transport.aclose()


def request(method: str = "GET", **changes: Any) -> HttpRequest:
    credentials = Credentials(query=(("apikey", "s3cret"),))
    return HttpRequest(method=method, url=URL, credentials=credentials, **changes)


async def test_an_answer_comes_through(mocked, transport):
    mocked.post(f"{URL}?apikey=s3cret", status=201, payload={"a": 1}, headers={"X-Seen": "yes"})
    response = await transport.send(request("POST", body=b"{}"))
    assert (response.status, response.body) == (201, b'{"a": 1}')
    assert response.headers["x-seen"] == "yes"


@pytest.mark.parametrize(
    ("raised", "expected"),
    [
        (aiohttp.ClientConnectionError("refused"), OutcomeUnknownError),
        (aiohttp.ServerDisconnectedError(), OutcomeUnknownError),
        (aiohttp.ClientPayloadError(), OutcomeUnknownError),
        (aiohttp.SocketTimeoutError(), OutcomeUnknownError),
        (TimeoutError(), OutcomeUnknownError),
        (RuntimeError("?apikey=s3cret"), NotSentError),
        (aiohttp.ConnectionTimeoutError(), NotSentError),
        (aiohttp.InvalidURL("https://x?apikey=s3cret"), NotSentError),
    ],
    ids=lambda value: getattr(value, "__name__", type(value).__name__),
)
async def test_every_error_is_translated(mocked, transport, raised, expected):
    mocked.get(f"{URL}?apikey=s3cret", exception=raised)
    with pytest.raises(expected) as caught:
        await transport.send(request())
    assert type(caught.value) is expected
    assert "s3cret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.skipif(not needs_shim(), reason="this aiohttp needs no shim")
async def test_aioresponses_still_needs_the_shim():
    """Once this fails, aioresponses was repaired: delete `ResponseWithoutWriter` and this test."""
    with Aioresponses() as mocked:
        mocked.get(URL)
        async with aiohttp.ClientSession() as session:
            with pytest.raises(TypeError, match="stream_writer"):
                await session.get(URL)
