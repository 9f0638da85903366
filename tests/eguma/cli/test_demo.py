from __future__ import annotations

import dataclasses
import json
from typing import Any

import pytest

from eguma_async.cli import main
from eguma_async.cli.eguma.demo import check, play
from eguma_async.cli.errors import Stop
from eguma_async.sandbox import EgumaOptions, EgumaSandbox


def test_the_demo_prints_what_happened_as_one_document(start) -> None:
    code, out, err = start("demo", "--json").finish()

    assert (code, err) == (0, "")
    facts = json.loads(out)
    assert facts["company_name"] == "Bergbahn Muster AG"
    assert facts["products"] > 0
    assert facts["slots"] > 0
    assert len(facts["tickets"]) == 2
    assert facts["replayed"] is True
    assert facts["lost_replies"] == 1
    assert facts["attempts"] == 2
    assert facts["orders_with_this_reference"] == 1
    assert facts["order_status_after_cancel"] == "cancelled"
    assert facts["requests_on_the_wire"] == 8
    assert all(facts[name] for name in ("reservation_id", "booking_id", "idempotency_key"))


def test_the_demo_tells_its_steps_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["demo"]) == 0

    out = capsys.readouterr().out
    assert "the reply is lost, 1 order booked" in out
    assert "booked once, not twice" in out
    assert "Requests on the wire: 8" in out


def test_the_demo_needs_neither_the_key_nor_the_address_of_the_environment(monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "not a key")
    monkeypatch.setenv("EGUMA_BASE_URL", "http://nowhere.invalid")

    assert main(["demo", "--json"]) == 0


async def test_a_replay_that_is_not_marked_fails_the_demo() -> None:
    steps = await play(EgumaSandbox(options=EgumaOptions(replay_header=None)))

    with pytest.raises(Stop, match="replay") as stop:
        check(steps.facts)
    assert stop.value.code == 1


@pytest.mark.parametrize(
    "lie",
    [
        {"slots": 0},
        {"lost_replies": 0},
        {"attempts": 1},
        {"tickets": ["1", "1"]},
        {"orders_with_this_reference": 2},
        {"orders_booked": 2},
        {"order_status": "cancelled"},
        {"tickets_cancelled": 1},
        {"order_status_after_cancel": "completed"},
    ],
)
async def test_every_claim_of_the_demo_is_checked(lie: dict[str, Any]) -> None:
    steps = await play(EgumaSandbox())
    check(steps.facts)

    with pytest.raises(Stop, match="not true"):
        check(dataclasses.replace(steps.facts, **lie))
