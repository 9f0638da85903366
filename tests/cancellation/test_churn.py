"""Hundreds of random cancellations under contention for a small pool, as the benchmark does them."""

from __future__ import annotations

import asyncio
import contextlib
import socket

import attrs
import pytest

from benchmarks import _lib
from benchmarks.cancels import Result, churn
from eguma_async import AiohttpTransport, LeanTransport

LEFT = contextlib.ExitStack()
only_where_told = pytest.mark.skipif(
    _lib.open_descriptors() == 0, reason="the system does not tell the descriptors"
)


class LeavesSocket(AiohttpTransport):
    """Leaves a socket open whenever it is cancelled."""

    async def send(self, request, /):
        try:
            return await super().send(request)
        except asyncio.CancelledError:
            LEFT.enter_context(socket.socket())
            raise


class LeavesTask(AiohttpTransport):
    """Leaves a task behind whenever it is cancelled."""

    async def send(self, request, /):
        try:
            return await super().send(request)
        except asyncio.CancelledError:
            LEFT.callback(asyncio.create_task(asyncio.sleep(3600)).cancel)
            raise


@pytest.fixture(scope="module")
def server():
    with _lib.child("benchmarks.cancels", "--serve") as base:
        yield base


@pytest.mark.parametrize("kind", [AiohttpTransport, LeanTransport])
async def test_nothing_is_left(server, kind):
    result = await churn(server, cancels=500, seed=3, make=kind)
    assert result.holds, result
    assert result.cancels >= 500
    assert result.follow_up_ok >= 50


@pytest.mark.parametrize(
    ("make", "field"),
    [
        pytest.param(LeavesSocket, "leaked_descriptors", marks=only_where_told),
        (LeavesTask, "leaked_tasks"),
    ],
)
async def test_what_is_left_is_counted(server, make, field):
    with LEFT:
        result = await churn(server, cancels=50, seed=4, make=make)
    assert getattr(result, field) > 10
    assert not result.holds


def test_each_leak_breaks_the_result():
    good = Result(cancels=9, follow_up_asked=2, follow_up_ok=2)
    assert good.holds
    for field in attrs.fields_dict(Result):
        if field.startswith("leaked") or field == "writes_untold":
            assert not attrs.evolve(good, **{field: 1}).holds
    assert not attrs.evolve(good, follow_up_ok=1).holds
    assert not Result().holds
