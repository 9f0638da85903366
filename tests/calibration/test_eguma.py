"""Each switch of the e-guma sandbox is found out by asking another one, and nothing stays behind."""

from __future__ import annotations

import asyncio
import logging
import random
import re
from typing import Any

import attrs
import pytest

from eguma_async.calibration import Left, Risk, Wire, calibrate, profile_text
from eguma_async.calibration.eguma import (
    QUESTIONS,
    EgumaProbe,
    key_credentials,
    simulated_circumstances,
)
from eguma_async.core.messages import Credentials, HttpResponse
from eguma_async.sandbox import Delay, DropAfter, EgumaOptions, EgumaSandbox, SandboxClock, serve
from eguma_async.testing import FakeClock, RecordingTransport
from eguma_async.transports.aiohttp import AiohttpTransport
from eguma_async.transports.memory import MemoryTransport

DEFAULTS = EgumaOptions()
CHANGED = EgumaOptions(
    success_status=201,
    mismatch_status=422,
    mismatch_code="key_mismatch",
    in_progress_status=425,
    in_progress_code="busy",
    replay_header="X-Was-Replayed",
    replay_header_value="yes",
    replay_refusals=False,
    sold_out_status=409,
    sold_out_code="sold_out",
    not_cancellable_status=422,
    not_cancellable_code="gone",
    check_out_allows_cancel=False,
    not_enabled_status=404,
    unapproved_status=401,
    unknown_hold_status=400,
    expired_hold_status=410,
    hold_must_match=False,
    limits_on_reservation=False,
    mandatory_categories=True,
    refuse_key_on_reservation=True,
    hide_sold_out_slots=True,
    max_range_days=100,
    price_field="unit_price_in_cents",
    language_field="lang",
    expires_at_zone="utc",
    closing_at_zone="utc",
    updated_at_zone="utc",
    orders_delay_seconds=7,
    max_orders=1,
    too_many_orders_status=413,
    date_skew_seconds=91,
    booking_location="local",
    old_errors="json",
    unknown_ticket_status=410,
)
# These hide others: a list that may not be read has no longest length, a sandbox of the older
# pages echoes no language, a replay without a mark has no value of it.
HIDING = EgumaOptions(
    generation="A", orders_allowed=False, replay_header=None, date_skew_seconds=None
)
# It reads the slots of years, again and again, and writes nothing.
QUICK = [each for each in QUESTIONS if "max_range_days" not in each.options]
HIDDEN = {
    "booking_location",
    "language_field",
    "max_orders",
    "orders_delay_seconds",
    "replay_header_value",
    "too_many_orders_status",
    "updated_at_zone",
}


def slow(options):
    """A sandbox that takes a moment to book, as a real server does."""
    sandbox = EgumaSandbox(SandboxClock(FakeClock()), options=options)
    sandbox.faults.add(Delay(path="*/booking.json", seconds=0.5, times=None))
    return sandbox


def probe_of(sandbox, transport=None, base_url="http://127.0.0.1", clock=None, **changes):
    wire = Wire(
        transport or sandbox.transport(),
        base_url,
        key_credentials(sandbox.demo_key),
        clock=clock or sandbox.clock,
    )
    return EgumaProbe(wire, attrs.evolve(simulated_circumstances(sandbox), **changes))


async def asked(sandbox, probe=None, allowed=Risk.KEEP, patient=True, questions=QUESTIONS, **more):
    return await calibrate(
        "eguma",
        probe or probe_of(sandbox),
        questions,
        DEFAULTS,
        allowed=allowed,
        patient=patient,
        **more,
    )


def same(found, wanted):
    if isinstance(found, str) and isinstance(wanted, str):
        return found.lower() == wanted.lower()  # names of headers
    return found == wanted and isinstance(found, bool) == isinstance(wanted, bool)


def wrong(report, options):
    return {
        each.option: (each.value, each.evidence)
        for each in report.findings
        if each.seen and not same(each.value, getattr(options, each.option))
    }


def unseen(report):
    return {each.option for each in report.findings if not each.seen}


def test_every_switch_is_changed_here_and_asked_for():
    changed = {
        field.name
        for field in attrs.fields(EgumaOptions)
        for options in (CHANGED, HIDING)
        if getattr(options, field.name) != getattr(DEFAULTS, field.name)
    }
    everything = {field.name for field in attrs.fields(EgumaOptions)}
    assert changed == everything
    assert {option for question in QUESTIONS for option in question.options} == everything


async def test_every_changed_switch_is_found_out():
    sandbox = slow(CHANGED)
    report = await asked(sandbox)
    assert (wrong(report, CHANGED), unseen(report)) == ({}, set())
    assert {each.option for each in report.findings if each.differs} == {
        field.name
        for field in attrs.fields(EgumaOptions)
        if getattr(CHANGED, field.name) != getattr(DEFAULTS, field.name)
    }
    assert sandbox.holds() == ()
    # What was checked in and out may not be cancelled there: it is told.
    left = [each for each in sandbox.bookings() if each.status != "cancelled"]
    assert report.left == tuple(Left(f"booking {each.id}", "HTTP 422") for each in left)
    assert len(left) == 1


async def test_switches_that_hide_others_are_found_out():
    sandbox = slow(HIDING)
    report = await asked(sandbox)
    assert (wrong(report, HIDING), unseen(report)) == ({}, HIDDEN)
    assert report.left == ()


async def test_every_default_is_confirmed_and_nothing_stays_behind():
    sandbox = slow(DEFAULTS)
    report = await asked(sandbox)
    # Nothing was refused for its length, so that no status of such a refusal was seen.
    assert (wrong(report, DEFAULTS), unseen(report)) == ({}, {"too_many_orders_status"})
    assert not any(each.differs for each in report.findings)
    assert (sandbox.holds(), report.left) == ((), ())
    assert {each.status for each in sandbox.bookings()} == {"cancelled"}


@pytest.mark.parametrize("seed", range(4))
async def test_a_sandbox_with_the_profile_is_like_the_one_that_was_asked(seed, tmp_path):
    chance = random.Random(seed)
    changes = {
        field.name: getattr(chance.choice([CHANGED, DEFAULTS, HIDING]), field.name)
        for field in attrs.fields(EgumaOptions)
    }
    options = EgumaOptions(**changes)
    report = await asked(slow(options))
    assert wrong(report, options) == {}, changes

    file = tmp_path / "calibration.toml"
    file.write_text(profile_text(report, day="2026-03-19"), "utf-8")
    learned = EgumaOptions.from_file(file)
    again = await asked(slow(learned))
    assert {k: v for k, v in again.options.items() if k in report.options} == report.options


async def test_over_http():
    sandbox = EgumaSandbox(options=CHANGED)
    async with serve(sandbox) as server:
        transport = AiohttpTransport()
        probe = probe_of(sandbox, transport, server.url)
        report = await asked(sandbox, probe, Risk.HOLD, patient=False)
        await transport.aclose()
    assert wrong(report, CHANGED) == {}
    assert len(report.options) == 18
    assert (sandbox.bookings(), sandbox.holds()) == ((), ())


@pytest.mark.parametrize(
    ("allowed", "paths"),
    [
        (Risk.READ, set()),
        (Risk.HOLD, {"reservation.json", "cancel-reservation.json"}),
        (
            Risk.BOOK,
            {"reservation.json", "cancel-reservation.json", "booking.json", "cancel-booking.json"},
        ),
    ],
)
async def test_it_does_no_more_than_it_may(allowed, paths):
    sandbox = slow(DEFAULTS)
    report = await asked(sandbox, allowed=allowed)
    posted = {r.path.rpartition("/")[2] for r in sandbox.requests if r.method == "POST"}
    assert posted == paths
    reasons = {each.evidence for each in report.findings if not each.seen}
    assert any(reason.startswith("not asked: it ") for reason in reasons)


async def test_what_it_needs_and_does_not_have_is_said():
    sandbox = slow(DEFAULTS)
    probe = probe_of(sandbox, sold_out=None, disabled_product_id=None, unapproved=None)
    report = await asked(sandbox, probe, Risk.READ, patient=False)
    said = {each.option: each.evidence for each in report.findings if not each.seen}
    assert said["not_enabled_status"].startswith("needs --disabled-product: ")
    assert said["unapproved_status"].startswith("needs EGUMA_UNAPPROVED_API_KEY: ")
    assert said["closing_at_zone"] == "not asked: it takes long"
    assert said["success_status"] == "not asked: it holds places for a moment"


async def test_one_that_fails_hides_no_other():
    sandbox = slow(DEFAULTS)
    sandbox.faults.add(DropAfter(path="*/products/*/availabilities.json", times=None))
    report = await asked(sandbox, allowed=Risk.READ)
    said = {each.option: each.evidence for each in report.findings if not each.seen}
    assert said["max_range_days"].startswith("TransportError: the connection broke")
    assert {"generation", "orders_allowed", "old_errors"} <= report.options.keys()


@pytest.mark.parametrize("lost", range(4))
async def test_a_lost_answer_to_a_booking_leaves_none(lost):
    sandbox = slow(DEFAULTS)
    sandbox.faults.add(DropAfter(path="*/booking.json", skip=lost * 3))
    report = await asked(sandbox)
    assert {each.status for each in sandbox.bookings()} == {"cancelled"}
    assert report.left == ()


async def test_a_hold_whose_answer_is_lost_is_named():
    sandbox = slow(DEFAULTS)
    sandbox.faults.add(DropAfter(path="*/reservation.json"))
    report = await asked(sandbox, allowed=Risk.HOLD)
    (left,) = report.left
    assert re.fullmatch(r"a reservation at [0-9T:-]+, for an hour at most", left.what)
    assert len(sandbox.holds()) == 1


class Cancelling:
    """Cancels the task that sends, as one of its requests arrives."""

    def __init__(self, inner, at):
        self._inner, self._at = inner, at
        self.task: Any = None

    async def send(self, request, /):
        self._at -= 1
        if self._at == 0:
            self.task.cancel()
        return await self._inner.send(request)

    async def aclose(self):
        await self._inner.aclose()


async def test_ended_anywhere_it_leaves_nothing():
    whole = slow(DEFAULTS)
    await asked(whole, allowed=Risk.BOOK, questions=QUICK)
    writes = [n for n, each in enumerate(whole.requests, 1) if each.method == "POST"]
    assert len(writes) >= 40
    for at in writes:
        sandbox = slow(DEFAULTS)
        transport = Cancelling(sandbox.transport(), at)
        probe = probe_of(sandbox, transport)
        transport.task = asyncio.create_task(asked(sandbox, probe, Risk.BOOK, questions=QUICK))
        with pytest.raises(asyncio.CancelledError):
            await transport.task
        standing = [each for each in sandbox.bookings() if each.status != "cancelled"]
        told = " ".join(left.what for left in probe.left)
        assert [each.id for each in standing if each.id not in told] == [], at
        assert [each.id for each in sandbox.holds() if each.id not in told] == [], at


async def test_what_cannot_be_given_back_is_named():
    sandbox = slow(DEFAULTS)
    sandbox.faults.add(DropAfter(path="*/cancel-booking.json", times=None))
    report = await asked(sandbox)
    assert {left.reason.partition(":")[0] for left in report.left} == {"OutcomeUnknownError"}
    assert all(re.fullmatch(r"booking [0-9a-f]{24}", left.what) for left in report.left)


async def test_neither_key_nor_customer_is_written_down(caplog):
    caplog.set_level(logging.DEBUG)
    sandbox = slow(CHANGED)
    recorder = RecordingTransport(sandbox.transport())
    report = await asked(sandbox, probe_of(sandbox, recorder, email="canary@example.com"))
    shown = repr(report) + profile_text(report, day="today") + caplog.text
    assert "calibration: POST /v1/ticketing/booking.json: HTTP 201" in caplog.text
    for secret in (sandbox.demo_key, "canary@example.com", "Keller", "petra.keller"):
        assert secret not in shown
    assert any(b"canary@example.com" in (each.request.body or b"") for each in recorder.exchanges)


async def test_a_key_that_the_server_repeats_is_masked():
    async def echo(request):
        return HttpResponse(status=200, headers={"x": request.credentials.query[0][1]}, body=b"{}")

    secret = Credentials(query=(("apikey", "canary-0123456789"),))
    wire = Wire(MemoryTransport(echo), "http://127.0.0.1", secret, clock=FakeClock())
    reply = await wire.call("GET", "/")
    assert dict(reply.headers) == {"x": "***"}


async def test_it_goes_gently():
    sandbox = slow(DEFAULTS)
    began = sandbox.clock.now()
    await asked(sandbox, allowed=Risk.READ, patient=False)
    assert (sandbox.clock.now() - began).total_seconds() >= 0.2 * sandbox.requests.total
