"""Connections to the public internet only: literals, names, and names that change their mind."""

from __future__ import annotations

import socket

import pytest
from aiohttp.abc import AbstractResolver

from eguma_async import AiohttpTransport, ConfigurationError, KorusSession, NotSentError
from eguma_async.core.messages import HttpRequest, Replay
from eguma_async.transports._public import is_public
from eguma_async.transports.aiohttp import PublicResolver


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
async def test_an_address_in_the_url_is_refused_before_anything_is_sent(host):
    # Port 9 would not answer; what counts is that nobody tried.
    transport = AiohttpTransport(public_only=True)
    request = HttpRequest(method="GET", url=f"https://{host}/x.pdf", replay=Replay.SAFE)
    with pytest.raises(NotSentError, match="no public address"):
        await transport.send(request)
    await transport.aclose()


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


async def test_a_name_of_this_machine_is_not_connected_to():
    transport = AiohttpTransport(public_only=True)
    request = HttpRequest(method="GET", url="http://localhost:9/x.pdf", replay=Replay.SAFE)
    with pytest.raises(NotSentError, match="could not be found"):
        await transport.send(request)
    await transport.aclose()


def test_public_only_needs_a_session_of_its_own():
    with pytest.raises(ConfigurationError, match="public_only"):
        AiohttpTransport(public_only=True, proxy="http://proxy.example:3128")


async def test_a_session_downloads_over_public_addresses_unless_told_otherwise():
    async with KorusSession(token="t" * 20, document_hosts=["localhost", "127.0.0.1"]) as session:
        storage = session.documents._storage
        from eguma_async.korus import SignedUrl

        for host in ("localhost", "127.0.0.1"):
            with pytest.raises(NotSentError):
                await storage._public.send(
                    HttpRequest(method="GET", url=f"https://{host}/", replay=Replay.NEVER)
                )
            assert storage._way_to(SignedUrl(f"https://{host}/x")) is storage._public
