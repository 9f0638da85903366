"""What the demos of a crash say is checked, and their clock runs ahead."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.cli.crash import Facts, check, crash
from eguma_async.cli.errors import Stop
from eguma_async.cli.later import LaterClock
from eguma_async.sandbox import EgumaSandbox, KorusSandbox, Park, Sandbox, serve
from tests.support.commands import ROOT

TRUE = Facts(
    killed=1,
    recovered=1,
    orders=1,
    state_before="inflight",
    booking_reference="1000003",
    times_sent=2,
    keys_sent=1,
)


@pytest.mark.parametrize("provider", ["eguma", "korus"])
def test_a_killed_worker_leaves_one_order(provider: str, start) -> None:
    code, out, err = start("demo", "--crash", "--provider", provider, "--json").finish()

    facts = json.loads(out)
    assert (code, err) == (0, "")
    assert facts["killed"] == facts["recovered"] == facts["orders"] == 1
    assert facts["doubled"] == 0
    assert facts["state_before"] == "inflight"
    assert facts["times_sent"] == {"eguma": 2, "korus": 1}[provider]
    assert facts["keys_sent"] == 1


def test_the_steps_are_told_in_a_table(capsys, monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "not a key")
    monkeypatch.setenv("EGUMA_BASE_URL", "http://nowhere.invalid")
    monkeypatch.setenv("EGUMA_JOURNAL", str(tmp_path / "mine.db"))
    monkeypatch.setenv("EGUMA_ASYNC_JOURNAL_KEY", "not a key")
    monkeypatch.setenv("TMPDIR", str(tmp_path))

    assert main(["demo", "--crash"]) == 0

    out = capsys.readouterr().out
    assert [line.split()[0] for line in out.splitlines()[3:8]] == [
        *("Begin", "Kill", "Look", "Recover", "Count")
    ]
    assert "the journal has order-4711: inflight" in out
    assert "91 s later (skipped here): confirmed, 1000003" in out
    assert "1 order, sent twice with the same key" in out
    assert "booked once, not twice" in out
    assert list(tmp_path.iterdir()) == []


def test_a_file_is_not_asked_for_by_a_crash(capsys) -> None:
    assert main(["demo", "--crash", "--output", "x"]) == 2

    assert "--output does not go with --crash" in capsys.readouterr().err


def test_the_claims_hold_for_what_is_true() -> None:
    check(TRUE)


@pytest.mark.parametrize(
    "lie",
    [
        {"killed": 0},
        {"recovered": 0},
        {"orders": 0},
        {"orders": 2},
        {"doubled": 1},
        {"state_before": "confirmed"},
        {"booking_reference": ""},
        {"keys_sent": 2},
    ],
)
def test_every_claim_is_checked(lie: dict[str, Any]) -> None:
    with pytest.raises(Stop, match="not true"):
        check(dataclasses.replace(TRUE, **lie))


@pytest.mark.parametrize("simulated", [EgumaSandbox(), KorusSandbox()], ids=["eguma", "korus"])
async def test_a_worker_that_ends_by_itself_fails_the_demo(simulated: Sandbox) -> None:
    async with serve(simulated), crash(simulated, {}) as crashing:
        with pytest.raises(Stop, match="did not get as far"):
            await crashing.kill(Park(), "products")


async def test_the_clock_runs_ahead_and_skips_pauses() -> None:
    clock, now = LaterClock(90), datetime.now(UTC)
    began = clock.monotonic()
    loop = asyncio.get_running_loop()
    started = loop.time()

    assert timedelta(seconds=89) < clock.now() - now < timedelta(seconds=100)
    await clock.sleep(3600)

    assert loop.time() - started < 60
    assert 3600 <= clock.monotonic() - began < 3700
    assert clock.now() - now > timedelta(seconds=3689)


def test_a_command_is_run_later() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "eguma_async.cli.later", "60", "products", "--sandbox", "--json"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout)["products"]
