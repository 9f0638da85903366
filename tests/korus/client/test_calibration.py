"""Each way that the documentation leaves open is found out from outside, against a sandbox."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import attrs
import pytest

from eguma_async import HttpRequest, HttpResponse
from eguma_async.korus import KorusSession
from eguma_async.korus.calibration.facts import Facts
from eguma_async.korus.calibration.questions import QUESTIONS, Found, answer_to
from eguma_async.sandbox import Reply
from eguma_async.sandbox.korus import TOKEN_PATH, KorusOptions, KorusSandbox
from eguma_async.testing import FakeClock

BASE = "https://korus.example"
CHANGED: Mapping[str, Any] = {
    "generation": "seed",
    "public_url": "https://api.elsewhere.example",
    "hold_seconds": 600,
    "token_seconds": 240,
    "refresh_seconds": 3600,
    "link_seconds": 77,
    "expired_link_status": 410,
    "reservation_per": "catalog",
    "short_stock": "violation",
    "foreign_status": 404,
    "not_ready_status": 425,
    "strict_content_type": False,
    "violation_type": "ConstraintViolation",
}


class NamesItself:
    """A server that calls itself by an address of its own, whatever it was asked at."""

    def __init__(self, sandbox: KorusSandbox, address: str) -> None:
        self._transport = sandbox.transport()
        self._address = address

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        response = await self._transport.send(request)
        body = response.body.replace(
            f"{BASE}/docs.jsonld".encode(), f"{self._address}/docs.jsonld".encode()
        )
        return attrs.evolve(response, body=body)

    async def aclose(self) -> None:
        await self._transport.aclose()


async def calibrated(
    options: KorusOptions, *, names_itself: bool = True, sold: bool = False, **how: Any
) -> dict[str, Found]:
    clock = FakeClock(datetime(2025, 1, 29, 7, 50, tzinfo=UTC))
    sandbox = KorusSandbox(clock, options=options)
    address = options.public_url if names_itself else BASE
    if how.get("book"):
        how["offers"] = [sandbox.offer(name).iri for name in how.pop("offers", ["plain", "named"])]
    if how.get("foreign"):
        how["foreign"] = sandbox.offer("foreign").iri
    how["offers"] = tuple(how.get("offers", ()))
    async with KorusSession(
        *sandbox.demo_client,
        base_url=BASE,
        token_url=BASE + TOKEN_PATH,
        transport=NamesItself(sandbox, address),
        document_hosts=["korus.example"],
        clock=clock,
    ) as session:
        if sold:
            earlier = Facts(session, book=True, offers=(sandbox.offer("plain").iri,))
            await earlier.orders()
            await earlier.held()
        facts = Facts(session, **how)
        before = len(sandbox.reservations()), len(sandbox.orders())
        found = {name: await answer_to(name, facts) for name in QUESTIONS}
        if not facts.book:
            assert (len(sandbox.reservations()), len(sandbox.orders())) == before
    for request in sandbox.requests:
        if request.path in ("/v1/booking/reservations", "/v1/booking/orders"):
            assert ("order[createdAt]", "desc") in request.query
    assert "secret" not in json.dumps([attrs.asdict(each) for each in found.values()])
    return found


def values(found: dict[str, Found]) -> dict[str, object]:
    return {name: each.value for name, each in found.items()}


def test_there_is_a_question_for_each_option() -> None:
    assert set(QUESTIONS) == set(attrs.asdict(KorusOptions()))


async def test_the_defaults_are_confirmed() -> None:
    found = await calibrated(KorusOptions(), book=True, wait=True, foreign=True)

    assert values(found) == attrs.asdict(KorusOptions())


async def test_every_changed_option_is_found_out() -> None:
    found = await calibrated(KorusOptions(**CHANGED), book=True, wait=True, foreign=True)

    assert values(found) == {**CHANGED, "refresh_tokens": True}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("refresh_tokens", False),
        ("generation", "1.0.7"),
        *(("expired_link_status", status) for status in (400, 404)),
        *(("not_ready_status", status) for status in (404, 409)),
    ],
)
async def test_one_changed_option_is_found_out(name: str, value: Any) -> None:
    options = KorusOptions(**{name: value})
    expected = attrs.asdict(options)
    found = await calibrated(options, book=True, wait=True, foreign=True)

    if not options.refresh_tokens:
        expected["refresh_seconds"] = None
        assert found["refresh_seconds"].reason == "there are no refresh tokens"
    assert values(found) == expected


async def test_harmless_questions_tell_some_and_say_what_the_others_need() -> None:
    found = await calibrated(KorusOptions())

    seen = {name for name, each in found.items() if each.value is not None}
    assert seen == {
        "token_seconds",
        "refresh_seconds",
        "refresh_tokens",
        "strict_content_type",
        "violation_type",
    }
    assert all(each.reason for each in found.values())
    for name, needed in (
        ("hold_seconds", "--book"),
        ("expired_link_status", "--wait"),
        ("foreign_status", "--foreign"),
        ("not_ready_status", "--offer"),
    ):
        assert needed in found[name].reason


async def test_what_was_sold_before_tells_more_and_does_no_harm() -> None:
    found = await calibrated(KorusOptions(**CHANGED), sold=True)

    told = ("generation", "hold_seconds", "link_seconds", "reservation_per")
    assert {name: found[name].value for name in told} == {name: CHANGED[name] for name in told}


async def test_an_old_server_shows_by_its_catalogs() -> None:
    assert (await calibrated(KorusOptions(generation="1.0.7")))["generation"].value == "1.0.7"


async def test_a_server_that_names_itself_as_it_is_asked_tells_nothing() -> None:
    found = await calibrated(KorusOptions(), names_itself=False, book=True)

    assert found["public_url"] == Found(
        None, "the API names itself by the address that it was asked at"
    )


async def test_one_too_many_is_asked_where_little_is_left_and_no_session_is_short() -> None:
    sandbox = KorusSandbox(FakeClock(datetime(2025, 1, 29, 7, 50, tzinfo=UTC)))
    sandbox.set_capacity("example", 1)  # its tickets have sessions
    sandbox.set_capacity("sold_out", 2)
    sandbox.set_capacity("availability_check", 11)
    async with KorusSession(
        *sandbox.demo_client,
        base_url=BASE,
        token_url=BASE + TOKEN_PATH,
        transport=sandbox.transport(),
    ) as session:
        facts = Facts(session, book=True)
        found = await answer_to("short_stock", facts)
        assert await facts.scarce_offer() == (sandbox.offer("sold_out").iri, 2)
        sandbox.set_capacity("sold_out", 11)
        none = await answer_to("short_stock", Facts(session, book=True))

    assert found.value == "failed"
    assert none == Found(None, "no offer with a whole-day ticket has 10 or fewer units left")
    assert sandbox.reservations() == ()


async def test_what_goes_wrong_is_told_and_nothing_is_held_or_ordered_twice() -> None:
    sandbox = KorusSandbox(FakeClock(datetime(2025, 1, 29, 7, 50, tzinfo=UTC)))
    sandbox.faults.add(Reply(502, path="*/reservations/_bulk", after_commit=True, times=None))
    offer = sandbox.offer("plain").iri
    async with KorusSession(
        *sandbox.demo_client,
        base_url=BASE,
        token_url=BASE + TOKEN_PATH,
        transport=sandbox.transport(),
    ) as session:
        facts = Facts(session, offers=(offer,), book=True)
        found = {name: await answer_to(name, facts) for name in QUESTIONS}

    assert found["hold_seconds"].value is None
    assert "502" in found["hold_seconds"].reason
    assert found["token_seconds"].value == 1800
    assert [len(each.items) for each in sandbox.reservations()] == [1, 1, 1]
    assert sandbox.orders() == ()
