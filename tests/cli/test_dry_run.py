"""What a dry run shows is what the real command sends, to the byte."""

from __future__ import annotations

import hashlib
import json
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from eguma_async.cli import main
from tests.support.commands import Served

Out = pytest.CaptureFixture[str]
PERSON = ("--first-name", "Zo\u00eb", "--last-name", "O'Hara", "--email", "zoe@example.com")
BY_THE_TRANSPORT = {"host", "user-agent", "accept-encoding", "content-length"}
"""Headers that the last line of the transport adds."""


def shown(capsys: Out, *arguments: str) -> list[dict[str, Any]]:
    """Run a command dry, and return the requests that it shows."""
    assert main([*arguments, "--dry-run", "--json"]) == 0
    return json.loads(capsys.readouterr().out)["requests"]


def assert_sent(server: Served, request: dict[str, Any], record: Any) -> None:
    """Check that a request that arrived is the one that was shown."""
    url = urlsplit(request["url"])
    body = (request["body"] or "").encode()
    headers = {name.lower() for name in request["headers"]}
    assert f"{url.scheme}://{url.netloc}" == server.url
    assert (request["method"], url.path) == (record.method, record.path)
    assert tuple(parse_qsl(url.query)) == record.query
    assert hashlib.sha256(body).hexdigest() == record.body_sha256
    added = BY_THE_TRANSPORT if request["body"] else {*BY_THE_TRANSPORT, "content-type"}
    assert headers == set(record.header_names) - added
    assert request["headers"].get("Idempotency-Key") == record.idempotency_key


@pytest.fixture
def slot(connected: Served) -> list[str]:
    example = connected.sandbox.example("time")
    return [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=2"]


def test_a_hold_and_its_release(connected: Served, slot: list[str], capsys: Out) -> None:
    (hold,) = shown(capsys, "reserve", *slot)
    assert connected.paths() == []

    assert main(["reserve", *slot, "--json"]) == 0
    reservation = json.loads(capsys.readouterr().out)["reservation_id"]
    (release,) = shown(capsys, "release", reservation)
    assert main(["release", reservation]) == 0

    first, second = connected.sandbox.requests
    assert_sent(connected, hold, first)
    assert_sent(connected, release, second)


def test_a_booking_of_a_reservation(connected: Served, slot: list[str], capsys: Out) -> None:
    assert main(["reserve", *slot, "--json"]) == 0
    reservation = json.loads(capsys.readouterr().out)["reservation_id"]
    line = ("book", *slot, *PERSON, "--reservation", reservation, "--idempotency-key", "k-7")
    (booking,) = shown(capsys, *line)

    assert main([*line, "--yes"]) == 0

    assert booking["headers"]["Idempotency-Key"] == "k-7"
    assert_sent(connected, booking, connected.sandbox.requests[-1])


def test_a_booking_with_a_hold_shows_both_requests(
    connected: Served, slot: list[str], capsys: Out
) -> None:
    line = ("book", *slot, *PERSON, "--idempotency-key", "k-8")
    hold, booking = shown(capsys, *line)
    assert connected.paths() == []

    assert main([*line, "--yes", "--json"]) == 0

    sent = {record.path: record for record in connected.sandbox.requests}
    assert_sent(connected, hold, sent["/v1/ticketing/reservation.json"])
    # Only the id of the hold is not known before.
    held = json.loads(booking["body"])
    assert held.pop("reservation_id") == "RESERVATION_ID"
    assert booking["url"].endswith("/v1/ticketing/booking.json?apikey=***")


def test_a_booking_with_a_journal_has_the_key_of_its_reference(
    connected: Served, slot: list[str], capsys: Out, tmp_path: Any
) -> None:
    path = tmp_path / "bookings.db"
    line = ("book", *slot, *PERSON, "--client-ref", "order-1", "--journal", str(path))
    (booking,) = shown(capsys, *line)
    assert not path.exists()

    assert main([*line, "--yes"]) == 0

    assert_sent(connected, booking, connected.sandbox.requests[-1])


def test_a_cancellation(connected: Served, slot: list[str], capsys: Out) -> None:
    assert main(["book", *slot, *PERSON, "--yes", "--json"]) == 0
    id_ = json.loads(capsys.readouterr().out)["booking_id"]
    (cancellation,) = shown(capsys, "cancel", id_)

    assert main(["cancel", id_, "--yes"]) == 0

    assert_sent(connected, cancellation, connected.sandbox.requests[-1])


@pytest.mark.parametrize("command", ["check-in", "check-out"])
def test_the_gate(connected: Served, capsys: Out, command: str) -> None:
    number = connected.sandbox.orders()[0].tickets[0].number
    (request,) = shown(capsys, "ticket", command, number)

    main(["ticket", command, number])

    assert_sent(connected, request, connected.sandbox.requests[-1])
    assert len(connected.paths()) == 1


def test_no_key_is_needed_and_none_is_shown(
    slot: list[str], capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "canary-key-0123456789")
    with_key = shown(capsys, "reserve", *slot)
    assert main(["reserve", *slot, "--dry-run"]) == 0
    captured = capsys.readouterr()
    monkeypatch.delenv("EGUMA_API_KEY")

    assert shown(capsys, "reserve", *slot) == with_key
    assert "canary" not in json.dumps(with_key) + captured.out + captured.err
    assert captured.err == "eguma: nothing was sent; this request would have been\n"


def test_for_people_it_looks_like_http(slot: list[str], capsys: Out) -> None:
    (request,) = shown(capsys, "release", "r1")

    assert main(["release", "r1", "--dry-run"]) == 0

    head, empty, body = capsys.readouterr().out.partition("\n\n")
    assert head.splitlines() == [
        f"POST {request['url']}",
        "Accept: application/json",
        "Content-Type: application/json",
    ]
    assert (empty, body) == ("\n\n", '{"reservation_id":"r1"}\n')


def test_bad_input_is_still_refused(capsys: Out) -> None:
    assert main(["release", "no id", "--dry-run"]) == 2
    assert capsys.readouterr().out == ""


def test_a_cancellation_by_reference_needs_the_id(capsys: Out) -> None:
    assert main(["cancel", "--client-ref", "order-1", "--dry-run"]) == 2
    assert "eguma journal show" in capsys.readouterr().err


# Korus


def an_offer(capsys: Out, *, with_sessions: bool) -> tuple[str, list[str]]:
    """Return an offer, with the options that name a session for each of its tickets."""
    assert main(["korus", "catalogs", "--json"]) == 0
    for catalog in json.loads(capsys.readouterr().out):
        assert main(["korus", "offers", catalog["iri"], "--json"]) == 0
        for offer in json.loads(capsys.readouterr().out):
            assert main(["korus", "tickets", offer["iri"], "--json"]) == 0
            tickets = json.loads(capsys.readouterr().out)
            needed = [t for t in tickets if t["sessions"]]
            if offer["available_quantity"] != 0 and bool(needed) is with_sessions:
                pairs = [f"{t['id']}={t['sessions'][-1]['id']}" for t in needed]
                return offer["iri"], [word for pair in pairs for word in ("--session", pair)]
    raise AssertionError("the demo has no such offer")


def test_a_korus_hold_and_order(korus: Served, capsys: Out) -> None:
    offer, sessions = an_offer(capsys, with_sessions=False)
    (hold,) = shown(capsys, "korus", "reserve", offer, *sessions)
    assert [r.method for r in korus.sandbox.requests if "reservations" in r.path] == []

    assert main(["korus", "reserve", offer, *sessions, "--json"]) == 0
    assert_sent(korus, hold, korus.sandbox.requests[-1])
    assert hold["headers"]["Authorization"] == "Bearer ***"

    iri = json.loads(capsys.readouterr().out)["reservations"][0]["iri"]
    before = len(korus.paths())
    line = ("korus", "order", iri, "--external-reference", "order-1", *PERSON)
    (order,) = shown(capsys, *line)
    assert len(korus.paths()) == before  # no token either
    assert main([*line, "--yes"]) == 0
    sent = [r for r in korus.sandbox.requests if r.path == "/v1/booking/orders/_bulk"]
    assert_sent(korus, order, sent[-1])


def test_a_korus_dry_run_needs_no_credentials(
    korus: Served, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KORUS_CLIENT_SECRET")
    line = ("korus", "beneficiary", "/v1/booking/order_tickets/1", *PERSON[:4])

    (request,) = shown(capsys, *line)

    assert request["headers"]["Authorization"] == "Bearer ***"
    assert "Zo\u00eb" in request["body"]
    assert korus.paths() == []
