"""Answers that no page describes: what becomes of a calibration that meets them."""

from __future__ import annotations

import attrs
import pytest

from eguma_async import NotSentError
from eguma_async.calibration import Risk, calibrate
from eguma_async.calibration.eguma import QUESTIONS
from eguma_async.core.messages import HttpResponse
from eguma_async.sandbox import EgumaOptions
from tests.calibration.support import (
    behind,
    probe_of,
    server,
)

DEFAULTS = attrs.asdict(EgumaOptions())


ODD = {
    "html": b"<html>oops</html>",
    "list": b"[]",
    "null": b"null",
    "empty": b"",
    "nulls": b'{"products":[null],"availabilities":[null,1]}',
    "kinds": b'{"products":[{"id":null,"name_translations":{}}],"availabilities":[{"starts_at":null,'
    b'"closing_at":"soon","availability_count":"x","prices":[{"category_id":null,'
    b'"min_quantity":"a","max_quantity":"b"}]}],"reservation_id":5,"booking_id":[],"tickets":null,'
    b'"expires_at":null}',
}


class Odd:
    """Carries requests, and answers with a body of its own."""

    def __init__(self, transport, body: bytes, status: int | None) -> None:
        self.transport, self.body, self.status = transport, body, status

    async def send(self, request):
        real = await self.transport.send(request)
        status = self.status or real.status
        return HttpResponse(status=status, headers=real.headers, body=self.body)


@pytest.mark.parametrize("status", [None, 500])
@pytest.mark.parametrize("body", ODD.values(), ids=ODD)
async def test_odd_answers_end_no_calibration(body: bytes, status: int | None) -> None:
    sandbox = server(EgumaOptions())
    probe = probe_of(sandbox, Odd(sandbox.transport(), body, status))

    report = await calibrate(
        "eguma", probe, QUESTIONS, EgumaOptions(), allowed=Risk.KEEP, patient=True
    )

    assert {finding.option for finding in report.findings} == set(DEFAULTS)
    assert not {"max_orders", "orders_delay_seconds", "price_field"} & set(report.options) or (
        body == b"[]" and report.options["max_orders"] is None
    )


class Unsent:
    """Does not get the first booking to the server."""

    def __init__(self, transport) -> None:
        self.transport, self.failures = transport, 1

    async def send(self, request):
        if request.url.endswith("/booking.json") and self.failures:
            self.failures = 0
            raise NotSentError("no connection")
        return await self.transport.send(request)


class Failing:
    """Fails every booking and reservation but the first of each kind that succeeded."""

    def __init__(self, transport, good: int) -> None:
        self.transport, self.good = transport, good

    async def send(self, request):
        real = await self.transport.send(request)
        if request.url.endswith(("/booking.json", "/reservation.json")):
            self.good -= 1
            if self.good < 0:
                return HttpResponse(status=503, headers=real.headers, body=b"{}")
        return real


@pytest.mark.parametrize(
    ("option", "good"),
    [
        ("refuse_key_on_reservation", 1),
        ("limits_on_reservation", 0),
        ("mandatory_categories", 0),
        ("replay_refusals", 1),
        ("hold_must_match", 1),
    ],
)
async def test_a_failure_is_no_refusal(option: str, good: int) -> None:
    sandbox = server(EgumaOptions())
    probe = probe_of(sandbox, Failing(sandbox.transport(), good))
    (question,) = [q for q in QUESTIONS if option in q.options]

    report = await calibrate("eguma", probe, [question], EgumaOptions(), allowed=Risk.BOOK)

    (finding,) = report.findings
    assert (finding.seen, finding.evidence) == (False, "this is answered with HTTP 503")


class FailingLate:
    """Answers the first bookings with a failure, though they are made."""

    def __init__(self, transport, failures: int) -> None:
        self.transport, self.failures = transport, failures

    async def send(self, request):
        real = await self.transport.send(request)
        if request.url.endswith("/booking.json") and self.failures:
            self.failures -= 1
            return HttpResponse(status=503, headers=real.headers, body=b"")
        return real


@pytest.mark.parametrize("failures", [1, 2])
async def test_a_booking_behind_a_failure_is_cancelled_or_named(failures: int) -> None:
    sandbox = server(EgumaOptions())
    probe = probe_of(sandbox, FailingLate(sandbox.transport(), failures))
    (question,) = [q for q in QUESTIONS if "mismatch_code" in q.options]

    report = await calibrate("eguma", probe, [question], EgumaOptions(), allowed=Risk.BOOK)

    assert len(behind(sandbox)) == failures - 1
    assert [left.reason for left in report.left] == [
        "HTTP 503 does not say whether it was made"
    ] * (failures - 1)
