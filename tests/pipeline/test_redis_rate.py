"""The rate that processes share: the same rules on a server, and none of its secrets anywhere."""

from __future__ import annotations

import itertools
import logging
import pickle
from types import TracebackType

import pytest

from eguma_async.core.errors import ConfigurationError
from eguma_async.pipeline.limiting import Limits
from eguma_async.pipeline.redis_rate import RedisRate, _Pace
from eguma_async.testing import json_reply
from tests.journal.servers import run_redis
from tests.support.calls import CATALOGUE, PRODUCTS, Gate, session_on, slots_of

PASSWORD = "canary-password-1234"
_numbers = itertools.count(1)


@pytest.fixture(scope="module", params=["valkey", "redis"])
def server(request):
    with run_redis(request.param) as running:
        yield running


@pytest.fixture
def credential():
    return f"credential-{next(_numbers)}"


class Attached:
    """Two processes, as it were: two clients of one rate."""

    def __init__(self, server, credential, *, ceiling=None):
        self.rate = RedisRate(server.url)
        self.paces = [self.rate.attach(credential, ceiling=ceiling) for _ in range(2)]

    async def __aenter__(self):
        return self.paces

    async def __aexit__(self, *_):
        for pace in self.paces:
            await pace.aclose()


@pytest.mark.servers
class TestServer:
    async def test_without_a_refusal_nobody_waits(self, server, credential):
        async with Attached(server, credential) as (one, other):
            for pace in (one, other) * 20:
                pace.succeeded()
                assert await pace.reserve() == 0.0

    async def test_a_known_rate_is_one_for_all(self, server, credential):
        async with Attached(server, credential, ceiling=5.0) as paces:
            waits = [await pace.reserve() for pace in (*paces, *paces)]
        assert waits == pytest.approx([0.0, 0.2, 0.4, 0.6], abs=0.1)

    async def test_a_refusal_of_one_closes_the_gate_for_the_other(self, server, credential):
        async with Attached(server, credential) as (one, other):
            await one.refused(7.0)
            assert 6.5 < (await other.reserve() or 0) <= 7.0

    async def test_the_rate_is_that_of_what_both_were_answered(self, server, credential):
        async with Attached(server, credential) as (one, other):
            for pace in (one, other) * 10:
                pace.succeeded()
            await one.reserve()
            await other.reserve()
            await one.refused(1.0)
            waits = [await pace.reserve() or 0 for pace in (one, other, one)]
        assert waits[0] == pytest.approx(1.0, abs=0.1)
        # 20 in a second, a little less for each, and a tenth less to begin with.
        gaps = [b - a for a, b in itertools.pairwise(waits)]
        assert gaps == pytest.approx([1 / (20 * 0.97 * 0.9)] * 2, rel=0.2)

    async def test_a_second_refusal_at_once_tells_nothing_new(self, server, credential):
        async with Attached(server, credential) as (one, other):
            for _ in range(20):
                one.succeeded()
            await one.refused(1.0)
            before = await one.reserve()
            await other.refused(1.0)
            after = await one.reserve()
        assert before is not None
        assert after is not None
        assert after - before < 0.2

    async def test_sessions_keep_to_it(self, server):
        transport = Gate(json_reply(CATALOGUE))
        transport.open.set()
        limits = Limits(pacing=1000.0, shared=RedisRate(server.url, prefix="own"))
        async with session_on(transport, limits=limits) as session:
            outcomes = [o async for o in session.fan_out([slots_of(f"p{n}") for n in range(20)])]
            assert len(outcomes) == 20
            await session.send(PRODUCTS)
        assert len(transport.requests) == 21

    async def test_credentials_do_not_share(self, server, credential):
        rate = RedisRate(server.url)
        one = rate.attach(credential, ceiling=None)
        other = rate.attach(f"{credential}x", ceiling=None)
        await one.refused(9.0)
        assert await other.reserve() == 0.0
        await one.aclose()
        await other.aclose()


async def test_a_server_that_is_away_costs_a_warning_and_no_read(caplog):
    rate = RedisRate(f"redis://someone:{PASSWORD}@127.0.0.1:1/0", timeout=0.2)
    transport = Gate(json_reply(CATALOGUE))
    transport.open.set()
    with caplog.at_level(logging.WARNING):
        async with session_on(transport, limits=Limits(shared=rate)) as session:
            for _ in range(5):
                await session.send(PRODUCTS)
    assert len(transport.requests) == 5
    assert len(caplog.records) == 1
    assert "keeps to its own" in caplog.text
    assert PASSWORD not in caplog.text + repr([vars(r) for r in caplog.records])


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://host", {}),
        (f"redis://x:{PASSWORD}/@host:port", {}),
        (f"redis://x:12/{PASSWORD}@host", {}),
        (None, {}),
        (f"redis://:{PASSWORD}@host", {"prefix": "a b"}),
        (f"redis://:{PASSWORD}@host", {"timeout": 0}),
    ],
)
def test_what_cannot_work_is_refused_without_its_secret(url, options):
    with pytest.raises(ConfigurationError) as caught:
        RedisRate(url, **options)
    shown = str(caught.value)
    traceback: TracebackType | None = caught.tb
    while traceback is not None:
        if "eguma_async/pipeline" in traceback.tb_frame.f_code.co_filename:
            shown += repr(traceback.tb_frame.f_locals)
        traceback = traceback.tb_next
    assert PASSWORD not in shown


def test_its_password_is_shown_nowhere():
    rate = RedisRate(f"redis://someone:{PASSWORD}@host:6379/3")
    limits = Limits(shared=rate)
    assert PASSWORD not in repr(rate) + repr(limits)
    assert repr(rate) == "<RedisRate redis://host:6379/3>"
    with pytest.raises(TypeError):
        pickle.dumps(limits)


@pytest.mark.parametrize("wrong", ["redis://host", RedisRate, 5])
def test_what_is_no_shared_rate_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="shared must be"):
        Limits(shared=wrong)


def test_it_needs_pacing():
    with pytest.raises(ConfigurationError, match="shared needs pacing"):
        Limits(pacing=False, shared=RedisRate("redis://host"))


async def test_what_could_not_be_told_is_told_later(caplog):
    told = []

    async def script(*, keys, args):
        told.append((args[0], args[1]))
        if len(told) == 1:
            raise ConnectionError("away")
        return b"0.25"

    class Client:
        def register_script(self, text):
            return script

    pace = _Pace(Client(), "key", None, "redis://host")
    pace.succeeded()
    assert await pace.reserve() is None
    assert await pace.reserve() is None  # it is left alone for a while
    pace._away_until = 0.0
    pace.succeeded()
    assert await pace.reserve() == 0.25
    assert told == [("reserve", 1), ("reserve", 2)]
    assert "ConnectionError" in caplog.text
