"""Each way that the documentation leaves open is found out from outside, against a sandbox."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import pytest

from eguma_async import Credentials, HttpRequest, HttpResponse, SystemClock
from eguma_async.calibration import (
    Left,
    NotSeenError,
    Report,
    Risk,
    Wire,
    calibrate,
    profile_text,
    write_profile,
)
from eguma_async.calibration.korus import QUESTIONS, Circumstances, Client, KorusProbe
from eguma_async.cli import main
from eguma_async.cli._help import HELP
from eguma_async.cli.connection import session_clock
from eguma_async.sandbox import DropAfter, Reply
from eguma_async.sandbox.korus import TOKEN_PATH, KorusOptions, KorusSandbox
from eguma_async.testing import FakeClock
from tests.support.canaries import forms, leaks
from tests.support.commands import Served, _no_settings  # noqa: F401  # a fixture

START = datetime(2025, 1, 29, 7, 50, tzinfo=UTC)
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


@asynccontextmanager
async def probing(
    sandbox: KorusSandbox, transport: Any = None, **circumstances: Any
) -> AsyncIterator[KorusProbe]:
    way = transport or sandbox.transport()
    yield KorusProbe(
        Wire(way, BASE, Credentials(), clock=sandbox.clock),
        Client(*sandbox.demo_client),
        token_url=BASE + TOKEN_PATH,
        transport=way,
        circumstances=Circumstances(**circumstances),
    )


async def calibrated(
    options: KorusOptions,
    *,
    allowed: Risk = Risk.READ,
    patient: bool = False,
    foreign: bool = False,
    names_itself: bool = True,
    sold: bool = False,
) -> Report:
    sandbox = KorusSandbox(FakeClock(START), options=options)
    transport = NamesItself(sandbox, options.public_url if names_itself else BASE)
    offers = tuple(sandbox.offer(name).iri for name in ("plain", "named"))
    if sold:
        async with probing(sandbox, offers=offers[:1]) as earlier:
            await earlier.new_orders()
            await earlier.held()
    before = len(sandbox.reservations()), len(sandbox.orders())
    async with probing(
        sandbox,
        transport,
        offers=offers if allowed > Risk.READ else (),
        foreign=sandbox.offer("foreign").iri if foreign else None,
    ) as probe:
        report = await calibrate(
            "korus", probe, QUESTIONS, KorusOptions(), allowed=allowed, patient=patient
        )
    if allowed is Risk.READ:
        assert (len(sandbox.reservations()), len(sandbox.orders())) == before
    if allowed < Risk.KEEP:
        assert len(sandbox.orders()) == before[1]
    for request in sandbox.requests:
        if request.path in ("/v1/booking/reservations", "/v1/booking/orders"):
            assert ("order[createdAt]", "desc") in request.query
    _check_secrets(report, sandbox)
    return report


def _check_secrets(report: Report, sandbox: KorusSandbox) -> None:
    told = repr(report) + profile_text(report, day="2025-01-29")
    for secret in (sandbox.demo_client[1], "Signature", "Bearer", "example.com"):
        assert secret not in told


def values(report: Report) -> dict[str, object]:
    return {each.option: each.value for each in report.findings if each.seen}


def evidence(report: Report) -> dict[str, str]:
    return {each.option: each.evidence for each in report.findings}


ALL: Any = {"allowed": Risk.KEEP, "patient": True, "foreign": True}


def test_there_is_a_question_for_each_option() -> None:
    settled = [option for question in QUESTIONS for option in question.options]

    assert set(settled) == set(attrs.asdict(KorusOptions()))


async def test_the_defaults_are_confirmed() -> None:
    report = await calibrated(KorusOptions(), **ALL)

    assert values(report) == attrs.asdict(KorusOptions())
    assert not any(each.differs for each in report.findings)


async def test_every_changed_option_is_found_out(tmp_path: Path) -> None:
    options = KorusOptions(**CHANGED)
    report = await calibrated(options, **ALL)

    assert values(report) == {**CHANGED, "refresh_tokens": True}
    assert {each.option for each in report.findings if each.differs} == set(CHANGED)
    path = tmp_path / "calibration.toml"
    write_profile(report, path, day="2025-01-29")
    assert KorusOptions.from_file(path) == options


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

    report = await calibrated(options, **ALL)

    if not options.refresh_tokens:
        del expected["refresh_seconds"]
        assert evidence(report)["refresh_seconds"] == "there are no refresh tokens"
    assert values(report) == expected


async def test_harmless_questions_tell_some_and_say_what_the_others_need() -> None:
    report = await calibrated(KorusOptions())

    assert set(values(report)) == {
        "token_seconds",
        "refresh_seconds",
        "refresh_tokens",
        "strict_content_type",
        "violation_type",
    }
    assert len(report.findings) == len(attrs.fields(KorusOptions))
    assert report.left == ()
    for name, needed in (
        ("hold_seconds", "--book with --offer"),
        ("link_seconds", "--book with --offer"),
        ("expired_link_status", "it takes long"),
        ("foreign_status", "--foreign"),
        ("not_ready_status", "--book with --offer"),
        ("short_stock", "not asked"),
    ):
        assert needed in evidence(report)[name]


async def test_what_was_sold_before_tells_more_and_does_no_harm() -> None:
    report = await calibrated(KorusOptions(**CHANGED), sold=True, patient=True)

    told = ("generation", "hold_seconds", "link_seconds", "reservation_per", "expired_link_status")
    assert {name: report.options[name] for name in told} == {name: CHANGED[name] for name in told}
    assert report.left == ()


async def test_an_old_server_shows_by_its_catalogs() -> None:
    report = await calibrated(KorusOptions(generation="1.0.7"))

    assert report.options["generation"] == "1.0.7"


async def test_a_server_that_calls_itself_what_it_is_asked_at_tells_nothing() -> None:
    report = await calibrated(KorusOptions(), names_itself=False, allowed=Risk.HOLD)

    assert "public_url" not in report.options
    assert evidence(report)["public_url"] == "the API calls itself what it was asked at"


async def test_what_stays_behind_is_told() -> None:
    report = await calibrated(KorusOptions(), **ALL)

    kinds = [each.what.split()[0] for each in report.left]
    assert sorted(set(kinds)) == ["order", "reservation"]
    assert kinds.count("order") == 2
    assert kinds.count("reservation") == 2
    assert {each.reason for each in report.left} == {
        "it cannot be given back, and ends by itself",
        "the API cannot cancel orders",
    }


async def test_one_too_many_is_asked_where_little_is_left_and_no_session_is_short() -> None:
    sandbox = KorusSandbox(FakeClock(START))
    sandbox.set_capacity("example", 1)  # its tickets have sessions
    sandbox.set_capacity("sold_out", 2)
    sandbox.set_capacity("availability_check", 11)
    (question,) = (each for each in QUESTIONS if each.options == ("short_stock",))
    async with probing(sandbox) as probe:
        assert await probe.scarce_offer() == (sandbox.offer("sold_out").iri, 2)
        assert (await question.ask(probe)).values == {"short_stock": "failed"}
    sandbox.set_capacity("sold_out", 11)
    async with probing(sandbox) as probe:
        with pytest.raises(NotSeenError, match="10 or fewer units left"):
            await question.ask(probe)
    assert sandbox.reservations() == ()


async def test_what_goes_wrong_is_told_and_nothing_is_held_or_ordered_twice() -> None:
    sandbox = KorusSandbox(FakeClock(START))
    sandbox.faults.add(Reply(502, path="*/reservations/_bulk", after_commit=True, times=None))
    async with probing(sandbox, offers=(sandbox.offer("plain").iri,)) as probe:
        report = await calibrate(
            "korus", probe, QUESTIONS, KorusOptions(), allowed=Risk.KEEP, patient=True
        )

    assert report.options["token_seconds"] == 1800
    assert "502" in evidence(report)["public_url"]
    assert [len(each.items) for each in sandbox.reservations()] == [1, 1, 1]
    assert sandbox.orders() == ()


async def test_a_hold_whose_answer_is_lost_is_told() -> None:
    sandbox = KorusSandbox(FakeClock(START))
    sandbox.faults.add(DropAfter(path="*/reservations/_bulk", method="POST", skip=2))
    async with probing(sandbox, offers=(sandbox.offer("plain").iri,)) as probe:
        report = await calibrate(
            "korus", probe, QUESTIONS, KorusOptions(), allowed=Risk.HOLD, patient=True
        )

    assert Left("a reservation", "no answer said whether it was made") in report.left


async def test_wrong_credentials_are_told() -> None:
    sandbox = KorusSandbox(FakeClock(START))
    way = sandbox.transport()
    probe = KorusProbe(
        Wire(way, BASE, Credentials(), clock=sandbox.clock),
        Client("demo-client", "canary-secret"),
        token_url=BASE + TOKEN_PATH,
        transport=way,
        circumstances=Circumstances(),
    )

    with pytest.raises(NotSeenError, match="no token was given out: HTTP 401"):
        await probe.token()
    assert "canary" not in repr(Client("demo-client", "canary-secret"))


async def test_a_token_that_has_ended_is_renewed() -> None:
    clock = FakeClock(START)
    sandbox = KorusSandbox(clock, options=KorusOptions(token_seconds=60))
    async with probing(sandbox) as probe:
        assert (await probe.token()).life == 60
        await clock.sleep(61)
        assert (await probe.ask("GET", "/v1/ticketing/catalogs")).status == 200
    assert sandbox.tokens_issued == 2


async def test_a_link_to_another_host_is_not_followed() -> None:
    async with probing(KorusSandbox(FakeClock(START))) as probe:
        for link in (
            "https://evil.example/a?b=c",
            f"{BASE}.evil.example/a",
            "https://korus.exampl/a",
        ):
            with pytest.raises(NotSeenError, match="a host that documents are not fetched from"):
                await probe.fetch(link)


# The command


class Hasty(SystemClock):
    """The machine's clock; nothing is waited for."""

    async def sleep(self, seconds: float, /) -> None:
        await super().sleep(0)


@pytest.fixture
def changed(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    sandbox = KorusSandbox(options=KorusOptions(**CHANGED))
    with Served(sandbox) as server:
        client_id, client_secret = sandbox.demo_client
        monkeypatch.setenv("KORUS_BASE_URL", server.url)
        monkeypatch.setenv("KORUS_TOKEN_URL", server.url + TOKEN_PATH)
        monkeypatch.setenv("KORUS_CLIENT_ID", client_id)
        monkeypatch.setenv("KORUS_CLIENT_SECRET", client_secret)
        token = session_clock.set(Hasty())
        yield server
        session_clock.reset(token)


def test_a_server_is_asked_over_the_network(changed, tmp_path, capsys, caplog) -> None:
    caplog.set_level("DEBUG")
    sandbox, path = changed.sandbox, tmp_path / "calibration.toml"
    offers = [f"--offer={sandbox.offer(name).iri}" for name in ("plain", "named")]
    more = ["--foreign", sandbox.offer("foreign").iri, "--to", str(path)]

    assert (
        main(["calibrate", "--provider", "korus", "--book", *offers, *more, "--json", "--verbose"])
        == 0
    )

    captured = capsys.readouterr()
    found = json.loads(captured.out)
    seen = {each["option"]: each["value"] for each in found["findings"] if each["seen"]}
    wanted = {**attrs.asdict(KorusOptions()), **CHANGED}
    assert set(wanted) - set(seen) == {"public_url", "expired_link_status"}
    assert abs(seen.pop("link_seconds") - wanted["link_seconds"]) <= 1
    assert seen == {name: wanted[name] for name in seen}
    assert len(found["left_behind"]) == 3  # two items in one reservation, and one for each order
    assert len(sandbox.orders()) == 2
    assert KorusOptions.from_file(path).generation == "seed"
    secrets = forms(sandbox.demo_client[1])
    assert leaks(captured.out + captured.err + path.read_text() + caplog.text, secrets) == []


def test_without_book_nothing_is_held_and_a_table_is_printed(changed, tmp_path, capsys) -> None:
    path = tmp_path / "calibration.toml"

    assert main(["korus", "calibrate", "--to", str(path)]) == 0

    captured = capsys.readouterr()
    assert "5 of 14 options seen, 4 differ from the sandbox" in captured.out
    assert changed.sandbox.reservations() == ()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--offer", "/v1/a"], "--offer goes with --book"),
        (["--book", "--offer", "https://evil.example/v1/a"], "must be an IRI"),
        (["--foreign", "../x"], "must be an IRI"),
        (["--profile", "x.toml"], "--profile goes with --sandbox"),
        (["--sandbox", "--base-url", "http://127.0.0.1:1"], "leave the others out"),
    ],
)
def test_wrong_usage_sends_nothing(
    changed, tmp_path, capsys, arguments: list[str], says: str
) -> None:
    path = tmp_path / "calibration.toml"

    assert main(["korus", "calibrate", "--to", str(path), *arguments]) == 2

    assert says in capsys.readouterr().err
    assert not path.exists()
    assert changed.paths() == []


def test_a_wrong_secret_ends_it(changed, tmp_path, capsys, monkeypatch) -> None:
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "canary-secret")

    assert main(["korus", "calibrate", "--to", str(tmp_path / "c.toml")]) == 3

    err = capsys.readouterr().err
    assert "no token was given out: HTTP 401; check the client id and secret" in err
    assert "canary" not in err


@pytest.mark.parametrize(
    ("fault", "code", "says"),
    [
        (Reply(200, body=b"<html>log in</html>"), 1, "HTTP 200"),
        (Reply(503), 1, "HTTP 503"),
        (DropAfter(), 7, "Nothing was changed"),
    ],
)
def test_another_server_or_none_that_answers(
    changed, tmp_path, capsys, *, fault, code: int, says: str
) -> None:
    changed.sandbox.faults.add(fault)

    assert main(["korus", "calibrate", "--to", str(tmp_path / "c.toml")]) == code

    assert says in capsys.readouterr().err


def test_a_sandbox_has_offers_of_its_own_for_every_question(tmp_path, capsys) -> None:
    profile = tmp_path / "changed.toml"
    lines = (f"{name} = {json.dumps(value)}" for name, value in CHANGED.items())
    profile.write_text("\n".join(["provider = 'korus'", "[options]", *lines]))
    to = ["--to", str(tmp_path / "c.toml"), "--json"]

    assert (
        main(
            ["korus", "calibrate", "--sandbox", "--profile", str(profile), "--book", "--wait", *to]
        )
        == 0
    )

    options = json.loads(capsys.readouterr().out)["options"]
    # The sandbox calls itself what it is asked at; CHANGED leaves the tokens renewable.
    expected = {**CHANGED, "refresh_tokens": True}
    assert options == {name: expected[name] for name in expected if name != "public_url"}


def test_help_promises_to_give_back_nothing() -> None:
    text = " ".join(HELP["korus", "calibrate"].split())

    assert "given back after" not in text
    assert "Nothing of that is given back" in text
