"""Every transport of the package under the contract, one class each."""

from __future__ import annotations

from typing import Any

import pytest

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse
from eguma_async.testing import (
    FakeClock,
    Fault,
    FaultTransport,
    RecordingTransport,
    ScriptedTransport,
    delay,
)
from eguma_async.testing.contract import NetworkTransportContract, TransportContract
from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.lean import LeanTransport
from eguma_async.transports.memory import MemoryTransport
from tests.support.sandboxes import FunctionSandbox

SECRET = "k3y-that-nobody-may-see"


class TestAiohttpTransport(NetworkTransportContract):
    def make_transport(self, peer):
        return AiohttpTransport(max_body_bytes=self.MAX_BODY_BYTES)


class TestLeanTransport(NetworkTransportContract):
    def make_transport(self, peer):
        return LeanTransport(max_body_bytes=self.MAX_BODY_BYTES)


class TestMemoryTransport(TransportContract):
    def make_transport(self, peer):
        return MemoryTransport(peer.handle, max_body_bytes=self.MAX_BODY_BYTES)


class TestScriptedTransport(TransportContract):
    def make_transport(self, peer):
        steps = [peer.handle] * 30
        return ScriptedTransport(*steps, max_body_bytes=self.MAX_BODY_BYTES)


class TestRecordingTransport(TransportContract):
    def make_transport(self, peer):
        inner = MemoryTransport(peer.handle, max_body_bytes=self.MAX_BODY_BYTES)
        return RecordingTransport(inner)


class TestFaultTransport(TransportContract):
    def make_transport(self, peer):
        inner = MemoryTransport(peer.handle, max_body_bytes=self.MAX_BODY_BYTES)
        return FaultTransport(inner)


class TestFaultTransportWithFaultsThatPassOn(TransportContract):
    """Two of them: the way of a fault leads through another one as well."""

    def make_transport(self, peer):
        inner = MemoryTransport(peer.handle, max_body_bytes=self.MAX_BODY_BYTES)
        faults = [Fault(delay(0, FakeClock()), times=None) for _ in range(2)]
        return FaultTransport(inner, *faults)


class TestFaultTransportWithAFaultThatAnswers(TransportContract):
    """The inner transport is never asked, so every rule is held by the way of the fault."""

    def make_transport(self, peer):
        async def answer(request, send):
            return await peer.handle(request)

        fault = Fault(answer, times=None)
        return FaultTransport(ScriptedTransport(), fault, max_body_bytes=self.MAX_BODY_BYTES)


class TestFaultTransportOverTheNetwork(NetworkTransportContract):
    # A fault has the response in its hands before the sink gets it.
    test_7_the_pace_of_the_sink_is_the_pace_of_the_server: Any = None

    def make_transport(self, peer):
        inner = AiohttpTransport(max_body_bytes=self.MAX_BODY_BYTES)
        return FaultTransport(inner, Fault(delay(0, FakeClock()), times=None))


class TestSandboxTransport(TransportContract):
    def make_transport(self, peer):
        sandbox = FunctionSandbox(peer.handle)
        return sandbox.transport(max_body_bytes=self.MAX_BODY_BYTES)


class TestTheFunctionOfAMemoryTransport:
    async def test_its_own_fault_is_seen_as_it_is(self):
        async def handler(request: HttpRequest) -> HttpResponse:
            raise error

        for error in (KeyError("a bug in the test's own function"), TimeoutError("its own")):
            with pytest.raises(type(error)) as caught:
                await MemoryTransport(handler).send(HttpRequest(method="GET", url="http://x/"))
            assert caught.value is error

    async def test_it_gets_the_request_with_its_credentials(self):
        async def handler(request: HttpRequest) -> HttpResponse:
            assert request is sent
            return HttpResponse(status=200, body=request.credentials.query[0][1].encode())

        sent = HttpRequest(
            method="GET", url="http://x/", credentials=Credentials(query=(("apikey", SECRET),))
        )
        assert (await MemoryTransport(handler).send(sent)).body == SECRET.encode()

    @pytest.mark.parametrize("limit", [0, -1, True, "5", 1.5, None])
    def test_the_limit_is_a_number_of_bytes(self, limit):
        async def answer(request: HttpRequest) -> HttpResponse:
            return HttpResponse(status=200)

        with pytest.raises(ConfigurationError, match="max_body_bytes must be a whole number"):
            MemoryTransport(answer, max_body_bytes=limit)
