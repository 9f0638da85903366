"""A fan-out over workers in processes of their own, one of which is killed."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from eguma_async.eguma.session import AsyncSession
from eguma_async.fanout.dask import DaskExecutor
from eguma_async.sandbox import Delay, EgumaSandbox, serve
from tests.support.calls import slots_of
from tests.support.clusters import embedded

pytestmark = [pytest.mark.servers, pytest.mark.filterwarnings("ignore::DeprecationWarning")]


async def test_all_outcomes_come_once_although_a_worker_is_killed(monkeypatch) -> None:
    sandbox = EgumaSandbox()
    monkeypatch.setenv("EGUMA_API_KEY", sandbox.demo_key)
    sandbox.faults.add(Delay(0.002, path="*/availabilities.json", times=None))
    async with (
        serve(sandbox) as server,
        embedded(processes=True) as client,
        AsyncSession(base_url=server.url) as session,
        DaskExecutor(client, chunk_size=20) as executor,
    ):
        pids = await client.run(os.getpid)
        came: list[Any] = []
        async for outcome in session.fan_out(
            (slots_of(f"p{n}") for n in range(1500)), executor=executor
        ):
            came.append(outcome)
            if len(came) == 100:
                os.kill(next(iter(pids.values())), signal.SIGKILL)
        await client.wait_for_workers(2)
        last = [o async for o in session.fan_out([slots_of("last")] * 40, executor=executor)]

    asked = [record.path.split("/")[-2] for record in sandbox.requests]
    names = [outcome.operation.product_id for outcome in came]
    assert sorted(names) == sorted(f"p{n}" for n in range(1500))
    assert all(outcome.error.status == 404 for outcome in came)  # all were answered
    assert set(names) <= set(asked)
    assert len(asked) > 1500  # what the killed worker had under way was sent again
    assert len(last) == 40
