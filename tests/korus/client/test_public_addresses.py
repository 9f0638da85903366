"""Connections to the public internet only: literals, names, and names that change their mind."""

from __future__ import annotations

import asyncio
import io
import json
import socket
from typing import Any

import pytest
from aiohttp.abc import AbstractResolver

from eguma_async import (
    AiohttpTransport,
    ConfigurationError,
    HttpResponse,
    KorusSession,
    LeanTransport,
    NotSentError,
    RetryPolicy,
)
from eguma_async.core.messages import HttpRequest, Repeat
from eguma_async.testing import ScriptedTransport, json_reply
from eguma_async.transports._public import is_public
from eguma_async.transports._resolver import PublicResolver
from eguma_async.transports._words import RequestFailedError


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("8.8.8.8", True),
        ("2606:4700::1111", True),
        ("::ffff:8.8.8.8", True),
        ("64:ff9b::808:808", True),
        ("127.0.0.1", False),
        ("10.0.0.1", False),
        ("172.16.0.1", False),
        ("192.168.1.1", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),
        ("224.0.0.1", False),
        ("255.255.255.255", False),
        ("::1", False),
        ("::", False),
        ("fe80::1%eth0", False),
        ("fd00::1", False),
        ("ff02::1", False),
        ("::ffff:169.254.169.254", False),
        ("::7f00:1", False),
        ("64:ff9b::a9fe:a9fe", False),
        ("2002:7f00:1::", False),
        ("example.com", False),
        ("", False),
    ],
)
def test_public_addresses_are_told_from_others(address, public):
    assert is_public(address) is public


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "2130706433",
        "0x7f.1",
        "127.1",
        "10.0.0.1:443",
    ],
)
async def test_an_address_in_the_url_is_refused_before_anything_is_sent(kind, host):
    # Port 9 would not answer; what counts is that nobody tried.
    transport = kind(public_only=True)
    request = HttpRequest(method="GET", url=f"https://{host}/x.pdf", repeat=Repeat.READ)
    with pytest.raises(NotSentError, match="no public address"):
        await transport.send(request)
    await transport.aclose()


@pytest.fixture(params=[AiohttpTransport, LeanTransport])
def kind(request):
    """Each transport that opens sockets."""
    return request.param


class Resolver(AbstractResolver):
    def __init__(self, *answers):
        self.answers = list(answers)
        self.closed = False

    async def resolve(self, host, port=0, family=socket.AF_INET):
        return [
            {"hostname": host, "host": a, "port": port, "family": family, "proto": 0, "flags": 0}
            for a in self.answers.pop(0)
        ]

    async def close(self):
        self.closed = True


async def test_a_name_must_have_public_addresses_only():
    inner = Resolver(["8.8.8.8"], ["8.8.8.8", "10.0.0.1"], ["127.0.0.1"])
    resolver = PublicResolver(inner)
    assert [a["host"] for a in await resolver.resolve("x.example", 443)] == ["8.8.8.8"]
    # The second answer is a rebound name: the good address in it does not help.
    for _ in range(2):
        with pytest.raises(OSError, match="not public"):
            await resolver.resolve("x.example", 443)
    await resolver.close()
    assert inner.closed


async def test_a_name_of_this_machine_is_not_connected_to(kind):
    transport = kind(public_only=True)
    request = HttpRequest(method="GET", url="http://localhost:9/x.pdf", repeat=Repeat.READ)
    with pytest.raises(NotSentError, match="could not be found"):
        await transport.send(request)
    await transport.aclose()


def test_public_only_needs_a_way_of_its_own(kind):
    with pytest.raises(ConfigurationError, match="public_only"):
        kind(public_only=True, proxy="http://proxy.example:3128")


DOCUMENT = "/v1/booking/orders/1/documents/1"


@pytest.mark.parametrize("given", [None, AiohttpTransport, LeanTransport])
async def test_a_session_downloads_over_public_addresses_unless_told_otherwise(tmp_path, given):
    # A server of this machine stands for anything that is not public; it gives the links, too.
    asked = []

    async def answer(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        asked.append(head.partition("\r\n")[0])
        body = json.dumps({"@id": DOCUMENT, "temporaryUrl": "https://localhost/x"}).encode()
        head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        writer.write(head.encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = given and given()
    session = KorusSession(
        token="t" * 20,
        base_url=f"http://127.0.0.1:{port}",
        document_hosts=["localhost"],
        transport=transport,
        retry=RetryPolicy(attempts=1),
    )
    async with server, session:
        # "could not be found" is what the guard says of a name without a public address.
        with pytest.raises(NotSentError, match="could not be found"):
            await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
    if transport is not None:
        await transport.aclose()
    assert asked == [f"PATCH {DOCUMENT} HTTP/1.1"]


async def test_a_transport_of_another_kind_carries_the_downloads_as_it_is():
    transport = ScriptedTransport(
        json_reply({"@id": DOCUMENT, "temporaryUrl": "https://localhost/x"}),
        HttpResponse(status=200, body=b"%PDF-1.7\n%%EOF"),
    )
    options: dict[str, Any] = {"token": "t" * 20, "document_hosts": ["localhost"]}
    async with KorusSession(transport=transport, **options) as session:
        done = await session.documents.download(DOCUMENT, to=io.BytesIO())
    assert done.size == 14
    assert transport.requests[1].url == "https://localhost/x"


async def test_given_downloads_are_used_beside_a_network_transport():
    downloads = ScriptedTransport(HttpResponse(status=200, body=b"%PDF-1.7\n%%EOF"))
    api = ScriptedTransport(json_reply({"@id": DOCUMENT, "temporaryUrl": "https://localhost/x"}))

    class Network(AiohttpTransport):
        async def send(self, request, /):
            return await api.send(request)

    options: dict[str, Any] = {"token": "t" * 20, "document_hosts": ["localhost"]}
    async with KorusSession(transport=Network(), downloads=downloads, **options) as session:
        await session.documents.download(DOCUMENT, to=io.BytesIO())
    downloads.assert_done()


async def test_whatever_transport_can_keep_to_public_addresses_is_asked_to():
    class Public(ScriptedTransport):
        closed = 0

        async def aclose(self):
            self.closed += 1

    class Layer(ScriptedTransport):
        def public_only(self):
            return public

    public = Public(HttpResponse(status=200, body=b"%PDF-1.7\n%%EOF"))
    layer = Layer(json_reply({"@id": DOCUMENT, "temporaryUrl": "https://localhost/x"}))
    async with KorusSession(
        token="t" * 20, document_hosts=["localhost"], transport=layer
    ) as session:
        await session.documents.download(DOCUMENT, to=io.BytesIO())
    assert [request.url for request in public.requests] == ["https://localhost/x"]
    assert public.closed == 1
    layer.assert_done()


def test_a_network_transport_makes_one_for_public_addresses(kind):
    public = kind(connections=7, proxy="http://proxy.example:3128").public_only()
    assert type(public) is kind
    assert (public._public_only, public._connections, public._proxy) == (True, 7, None)


@pytest.mark.parametrize(
    ("addresses", "goes"),
    [(["8.8.8.8"], True), (["8.8.8.8", "10.0.0.1"], False), (["::1"], False), ([], False)],
)
async def test_the_lean_transport_goes_to_names_with_public_addresses_only(addresses, goes):
    async def look_up(host: str, port: int) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (at, port)) for at in addresses]

    dialer = LeanTransport(public_only=True)._dialer
    dialer.look_up = look_up
    if goes:
        (found,) = await dialer._addresses("x.example", 443)
        assert found[4] == ("8.8.8.8", 443)
        return
    with pytest.raises(RequestFailedError) as caught:
        await dialer._addresses("x.example", 443)
    assert "could not be found" in caught.value.words


async def test_a_name_that_changes_its_mind_gains_nothing():
    """Each connection goes to the addresses looked at for it."""
    answers = [["8.8.8.8"], ["127.0.0.1"]]

    async def look_up(host: str, port: int) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 0, "", (at, port)) for at in answers.pop(0)]

    dialer = LeanTransport(public_only=True)._dialer
    dialer.look_up = look_up
    await dialer._addresses("x.example", 443)
    with pytest.raises(RequestFailedError):
        await dialer._addresses("x.example", 443)
