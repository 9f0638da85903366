"""The contract of `eguma_async.core.transport` as tests: what every transport must pass.

Subclass one of the two classes and say how the transport is made; pytest does the rest. The tests
are plain functions, so that no plugin for asyncio is needed, and the name of each begins with the
number of the rule it holds. A transport that goes over the network::

    class TestMyTransport(NetworkTransportContract):
        def make_transport(self, peer: Peer) -> Transport:
            return MyTransport(max_body_bytes=self.MAX_BODY_BYTES)

One that stays in memory asks the peer itself::

    class TestMyFake(TransportContract):
        def make_transport(self, peer: Peer) -> Transport:
            return MyFake(peer.handle, max_body_bytes=self.MAX_BODY_BYTES)

This module needs pytest, and is imported by tests alone.
"""

import pytest

# Before they are imported: so a failure shows what was compared, as in tests of one's own.
pytest.register_assert_rewrite(
    *(f"eguma_async.testing.{name}" for name in ("_stage", "_rules", "_network_rules"))
)

# ruff: noqa: E402  # the imports have to come after that call
from ._network_rules import NetworkTransportContract
from ._rules import TransportContract
from ._stage import Judge, Sink, Stage, check
from .peers import Arrival, LoopbackPeer, Peer, Raw, Reply, Trouble

__all__ = [
    "Arrival",
    "Judge",
    "LoopbackPeer",
    "NetworkTransportContract",
    "Peer",
    "Raw",
    "Reply",
    "Sink",
    "Stage",
    "TransportContract",
    "Trouble",
    "check",
]
