"""From held offers to orders, to who uses the tickets, and to the files."""

from __future__ import annotations

import io
import json
import os

import pytest

from eguma_async.cli import main
from eguma_async.korus.booking import reconciliation
from eguma_async.sandbox import DropAfter, DropBefore, Park
from tests.korus.cli.commands import document, run

Out = pytest.CaptureFixture[str]


@pytest.fixture
def hold(korus, capsys: Out):
    """Holds an example and returns the IRI of the reservation."""

    def make(name: str = "plain") -> str:
        item = korus.sandbox.example(name).item
        chosen = [
            f"--session={choice['ticket']}={choice['session']}"
            for choice in item["ticketSessions"]
            if "session" in choice
        ]
        result = document(capsys, "reserve", item["offer"], *chosen)
        return result["reservations"][0]["iri"]

    return make


@pytest.fixture
def who(customer: list[str]) -> list[str]:
    return [*customer, "--external-reference", "A-1042"]


@pytest.fixture
def impatient(monkeypatch) -> None:
    monkeypatch.setattr(reconciliation, "PAUSES", (0.0, 0.0, 0.0))


def test_reservations_become_orders(korus, hold, who, capsys: Out) -> None:
    iris = [hold(), hold("undated")]

    out, err = run(capsys, "order", *iris, *who, "--yes", "--json", "--language", "en")

    booked = json.loads(out)
    assert [order["reservation"] for order in booked["orders"]] == iris
    assert {order["external_reference"] for order in booked["orders"]} == {"A-1042"}
    assert [order.iri for order in korus.sandbox.orders()] == [o["iri"] for o in booked["orders"]]
    assert "1 x 1 day adult" in err
    assert "Total: 72.00 EUR" in err
    assert "ordered" in run(capsys, "reservations")[0]


def test_a_customer_may_have_more_to_tell(korus, hold, who, capsys: Out) -> None:
    more = ["--phone", "0612345678", "--country", "FR", "--notes", "wheelchair"]

    out, _ = run(capsys, "order", hold(), *who, *more, "--yes")

    (order,) = korus.sandbox.orders()
    assert (order.customer["phone"], order.customer["country"]) == ("0612345678", "FR")
    assert order.notes == "wheelchair"
    assert order.iri in out
    assert order.reference in out


def test_orders_are_found_by_the_reference(korus, hold, who, capsys: Out) -> None:
    run(capsys, "order", hold(), *who, "--yes")
    (order,) = korus.sandbox.orders()

    assert order.reference in run(capsys, "orders", "--external-reference", "A-1042")[0]
    assert document(capsys, "orders", "--external-reference", "A-1043") == []


def test_a_lost_answer_is_settled_and_the_order_not_sent_again(
    korus, hold, who, capsys: Out, impatient
) -> None:
    lost = korus.sandbox.faults.add(DropAfter(path="*/orders/_bulk", times=None))

    out, err = run(capsys, "order", hold(), *who, "--yes", "--json")

    assert lost.fired == 1
    (order,) = korus.sandbox.orders()
    assert [made["iri"] for made in json.loads(out)["orders"]] == [order.iri]
    assert "The answer was lost" in err


def test_an_order_in_doubt_says_where_to_look(korus, hold, who, capsys: Out, impatient) -> None:
    korus.sandbox.faults.add(DropAfter(path="*/orders/_bulk"))
    korus.sandbox.faults.add(DropBefore(path="/v1/booking/orders", times=None))

    _, err = run(capsys, "order", hold(), *who, "--yes", code=6)

    assert "ordering has an unknown outcome" in err
    assert "`eguma korus orders --external-reference A-1042`" in err
    assert "stays held" not in err


def test_what_the_issuer_refuses_is_told_beside_what_is_booked(
    korus, hold, who, capsys: Out
) -> None:
    good, bad = hold(), hold("fails_ordering")

    out, err = run(capsys, "order", good, bad, *who, "--yes", "--json", code=5)

    assert [order["reservation"] for order in json.loads(out)["orders"]] == [good]
    assert f"1 of 2 were not booked: {bad}: Refused by the issuer's system" in err


def test_an_expired_reservation_is_refused(korus, hold, who, capsys: Out) -> None:
    expired, alive = hold("short_hold"), hold()
    korus.sandbox.clock.advance(minutes=6)

    _, err = run(capsys, "order", expired, alive, *who, "--yes", code=5)

    assert f"nothing was booked: {expired} has expired" in err
    assert f"Reservation {alive} stays held" in err
    assert f"Reservation {expired} stays held" not in err
    assert korus.sandbox.orders() == ()


def test_a_reservation_is_ordered_once(korus, hold, who, capsys: Out) -> None:
    iri = hold()
    run(capsys, "order", iri, *who, "--yes")

    _, err = run(capsys, "order", iri, *who, "--yes", code=5)

    (order,) = korus.sandbox.orders()
    assert f"{iri} is ordered already, as {order.iri}" in err
    assert "stays held" not in err


def test_what_expires_at_the_last_moment_is_refused_by_the_server(
    korus, hold, who, terminal, start
) -> None:
    iri = hold()
    child = start("korus", "order", iri, *who, stdin=terminal[1])
    child.read_until("[y/N]")
    korus.sandbox.clock.advance(minutes=16)
    os.write(terminal[0], b"y\n")

    code, _, err = child.finish()

    assert code == 5
    assert "ordering failed: HTTP 422" in err
    assert korus.sandbox.orders() == ()


def test_nothing_is_sent_where_nobody_can_be_asked(
    korus, hold, who, capsys: Out, monkeypatch
) -> None:
    iri = hold()
    before = len(korus.paths())
    monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))

    assert "--yes" in run(capsys, "order", iri, *who, code=2)[1]
    assert len(korus.paths()) == before


def test_an_order_names_at_least_one_reservation(korus, who, capsys: Out) -> None:
    assert "at least one" in run(capsys, "order", *who, "--yes", code=2)[1]


@pytest.mark.parametrize(("answer", "code", "orders"), [("y", 0, 1), ("n", 1, 0)])
def test_the_answer_on_a_terminal_decides(
    *, korus, hold, who, terminal, start, answer: str, code: int, orders: int
) -> None:
    ours, theirs = terminal
    iri = hold()
    child = start("korus", "order", iri, *who, stdin=theirs)
    child.read_until("[y/N]")
    os.write(ours, f"{answer}\n".encode())

    done, _, err = child.finish()

    assert done == code
    assert len(korus.sandbox.orders()) == orders
    assert (f"Reservation {iri} stays held" in err) == (orders == 0)


def test_interrupting_the_question_says_what_is_left_to_expire(
    korus, hold, who, terminal, start
) -> None:
    iri = hold()
    child = start("korus", "order", iri, *who, stdin=terminal[1])
    child.read_until("[y/N]")

    child.interrupt()
    code, out, err = child.finish()

    (reservation,) = korus.sandbox.reservations()
    assert (code, out) == (130, "")
    end = f"{reservation.expires_at:%Y-%m-%d %H:%M} UTC"
    assert f"Reservation {iri} stays held and expires at {end}." in err
    assert err.endswith("eguma: interrupted\n")
    assert korus.sandbox.orders() == ()


def test_an_interrupted_order_says_where_to_look(korus, hold, who, start) -> None:
    iri = hold()
    park = korus.sandbox.faults.add(Park(path="*/orders/_bulk"))
    child = start("korus", "order", iri, *who, "--yes")
    korus.call(park.arrived())

    child.interrupt()
    code, _, err = child.finish()
    korus.call(_release(park))

    assert code == 130
    assert "interrupted while ordering" in err
    assert "--external-reference A-1042" in err
    assert "Traceback" not in err


def test_an_interrupted_hold_is_told(korus, start) -> None:
    park = korus.sandbox.faults.add(Park(path="*/reservations/_bulk"))
    child = start("korus", "reserve", korus.sandbox.example("plain").offer)
    korus.call(park.arrived())

    child.interrupt()
    code, _, err = child.finish()
    korus.call(_release(park))

    assert code == 130
    assert "a hold may exist; it ends by itself" in err


async def _release(park: Park) -> None:
    park.release()


def test_a_ticket_gets_its_user_and_then_there_is_a_file(
    korus, hold, who, capsys: Out, tmp_path
) -> None:
    run(capsys, "order", hold("named"), *who, "--yes")
    (order,) = korus.sandbox.orders()
    shown = document(capsys, "order-show", order.iri)
    (ticket,) = shown["items"][0]["tickets"]
    (file_iri,) = shown["documents"]
    file = tmp_path / "tickets.pdf"
    assert "waiting_beneficiary_data" in run(capsys, "order-show", order.iri)[0]

    _, err = run(capsys, "document", file_iri, "--to", str(file), code=5)
    assert "order-show" in err
    assert list(tmp_path.iterdir()) == []

    person = ["--first-name", "Grace", "--last-name", "Hopper", "--date-of-birth", "1906-12-09"]
    named = document(capsys, "beneficiary", ticket["iri"], *person, "--title", "mrs")
    assert (named["status"], named["required_beneficiary_fields"]) == ("validated", [])
    assert next(order.tickets).beneficiary["dateOfBirth"] == "1906-12-09"
    assert "validated" in run(capsys, "beneficiary", ticket["iri"], *person)[0]

    stored = document(capsys, "document", file_iri, "--to", str(file), "--language", "en")
    assert stored["path"] == str(file)
    assert stored["language"] == "en"
    assert file.read_bytes().startswith(b"%PDF-")
    assert stored["size"] == file.stat().st_size
    assert str(file) in run(capsys, "document", file_iri, "--to", str(file))[0]


def test_a_beneficiary_in_doubt_is_told(korus, hold, who, capsys: Out) -> None:
    run(capsys, "order", hold("named"), *who, "--yes")
    ticket = next(korus.sandbox.orders()[0].tickets).iri
    korus.sandbox.faults.add(DropAfter(method="PATCH"))

    person = ["--first-name", "Grace", "--last-name", "Hopper"]
    _, err = run(capsys, "beneficiary", ticket, *person, code=6)

    assert "order-show" in err


def test_no_command_shows_a_secret(korus, hold, who, capsys: Out, tmp_path) -> None:
    iri = hold("named")
    run(capsys, "order", iri, *who, "--yes")
    order = korus.sandbox.orders()[0]
    seen = ""
    for command in (
        ["catalogs"],
        ["reservations"],
        ["orders"],
        ["order-show", order.iri],
        ["order", iri, *who, "--yes"],
        ["document", order.documents[0].iri, "--to", str(tmp_path / "x.pdf")],
        ["price", "/v1/ticketing/nothing"],
    ):
        main(["korus", *command])
        main(["korus", *command, "--json"])
        captured = capsys.readouterr()
        seen += captured.out + captured.err

    assert len(seen) > 1000
    for secret in ("demo-secret", "eyJ", "Signature=", "Bearer"):
        assert secret not in seen
