"""The single steps of a sale through Korus Ticket, but for ordering."""

from __future__ import annotations

import io
import json
from datetime import date, timedelta

import pytest

from eguma_async.sandbox import DropAfter, DropBefore, Reply
from tests.korus.cli.commands import document, run

Out = pytest.CaptureFixture[str]


@pytest.fixture
def example(korus):
    return korus.sandbox.example("example")


def test_the_way_from_the_catalogs_to_an_offer(korus, example, capsys: Out) -> None:
    catalogs = document(capsys, "catalogs")
    assert example.catalog in [catalog["iri"] for catalog in catalogs]

    bases = document(capsys, "product-bases", example.catalog, "--language", "en")
    (base,) = (b for b in bases if b["name"] == "Puy du Fou + Cinéscénie show")
    products = document(capsys, "products", base["iri"])
    assert [product["iri"] for product in products] == [example.product]

    offers = document(capsys, "offers", example.catalog, "--product", example.product)
    assert example.offer in [offer["iri"] for offer in offers]
    assert {offer["product"]["iri"] for offer in offers} == {example.product}


@pytest.mark.parametrize("command", ["catalogs", "product-bases", "products", "offers"])
def test_lists_are_tables_too(korus, example, command: str, capsys: Out) -> None:
    arguments = [] if command == "catalogs" else [example.catalog]

    out, err = run(capsys, command, *arguments)

    assert f"{command.replace('-', ' ')}\n" in out
    assert example.catalog in out
    assert err == ""


def test_what_cannot_be_read_of_a_list_is_said(korus, capsys: Out) -> None:
    good = {"@id": "/v1/ticketing/catalogs/c1", "name": "Park", "createdAt": "2027-01-28T07:42:04Z"}
    page = {"@id": "/v1/ticketing/catalogs", "totalItems": 2, "member": [good, {"@id": "x"}]}
    korus.sandbox.faults.add(Reply(200, path="*/catalogs", body=json.dumps(page)))

    out, err = run(capsys, "catalogs")

    assert "/v1/ticketing/catalogs/c1" in out
    assert "1 of 2 could not be read: required field missing @ $.name" in err


def test_offers_are_filtered_by_day_and_by_base(korus, example, capsys: Out) -> None:
    found = korus.sandbox.offer("plain")
    day = found.date.isoformat()
    base = found.product.base.iri

    offers = document(
        capsys, "offers", example.catalog, "--product-base", base, "--from", day, "--to", day
    )

    assert found.iri in [offer["iri"] for offer in offers]
    assert {offer["date"] for offer in offers} == {day}
    later = (date.fromisoformat(day) + timedelta(days=1)).isoformat()
    assert document(capsys, "offers", example.catalog, "--from", later, "--to", day) == []


def test_all_pages_of_a_list_are_read(korus, example, capsys: Out) -> None:
    offers = document(capsys, "offers", example.catalog)

    total = sum(
        korus.sandbox.example(name).catalog == example.catalog
        for name in korus.sandbox.example_names
    )
    assert len(offers) > total


def test_price_and_stock_are_those_of_the_moment(korus, capsys: Out) -> None:
    korus.sandbox.set_price("dynamic_price", "101.50")
    offer = korus.sandbox.example("dynamic_price").offer

    assert document(capsys, "price", offer)["amount_incl_tax"] == "101.50"
    assert "101.50 EUR" in run(capsys, "price", offer)[0]

    korus.sandbox.set_stock("example", 7)
    example = korus.sandbox.example("example").offer
    assert document(capsys, "availability", example)["available_quantity"] == 7
    assert "the offer" in run(capsys, "availability", example)[0]


def test_tickets_are_listed_with_their_sessions(example, capsys: Out) -> None:
    entry, show = document(capsys, "tickets", example.offer)

    assert (entry["date_access"], entry["sessions"]) == (True, [])
    assert example.item["ticketSessions"][1]["session"] in [s["iri"] for s in show["sessions"]]
    out, _ = run(capsys, "tickets", example.offer)
    assert "none: whole day" in out
    assert show["sessions"][0]["iri"].rpartition("/")[2] in out


@pytest.mark.parametrize("as_ids", [True, False])
def test_reserve_holds_with_the_chosen_sessions(
    *, korus, example, as_ids: bool, capsys: Out
) -> None:
    choice = example.item["ticketSessions"][1]
    ticket, slot = (
        value.rpartition("/")[2] if as_ids else value
        for value in (choice["ticket"], choice["session"])
    )

    result = document(
        capsys, "reserve", example.offer, "--quantity", "2", "--session", f"{ticket}={slot}"
    )

    (held,) = korus.sandbox.reservations()
    assert [one["iri"] for one in result["reservations"]] == [held.iri]
    assert result["reservations"][0]["total_amount_incl_tax"] == "160.00"
    assert result["reservations"][0]["expires_at"].endswith("+00:00")
    assert held.items[0].quantity == 2
    assert [item["iri"] for item in document(capsys, "reservations")] == [held.iri]


def test_reserve_says_how_to_go_on(korus, capsys: Out) -> None:
    offer = korus.sandbox.example("plain").offer
    out, err = run(capsys, "reserve", offer)

    (held,) = korus.sandbox.reservations()
    assert held.iri in out
    assert "14 min" in out
    assert f"eguma korus order {held.iri} --external-reference" in err
    assert "eguma korus order" not in run(capsys, "reserve", offer, "--sandbox")[1]
    assert "held" in run(capsys, "reservations")[0]
    korus.sandbox.clock.advance(minutes=16)
    assert "expired" in run(capsys, "reservations")[0]


def test_a_sold_out_offer_is_refused(korus, capsys: Out) -> None:
    offer = korus.sandbox.example("sold_out").offer

    out, err = run(capsys, "reserve", offer, code=5)

    assert out == ""
    assert err == (
        "eguma: nothing was held: Not enough stock."
        " See what is left with `eguma korus availability`.\n"
    )
    assert korus.sandbox.reservations() == ()
    out, _ = run(capsys, "reserve", offer, "--json", code=5)
    assert json.loads(out)["reservations"] == []


def test_an_offer_that_is_not_for_sale_is_refused_with_the_servers_words(
    korus, capsys: Out
) -> None:
    offer = korus.sandbox.example("disabled_product").offer

    _, err = run(capsys, "reserve", offer, code=5)

    assert "reserving failed: HTTP 422" in err


def test_a_lost_hold_is_told_and_not_repeated(korus, capsys: Out) -> None:
    lost = korus.sandbox.faults.add(DropAfter(path="*/reservations/_bulk", times=None))

    _, err = run(capsys, "reserve", korus.sandbox.example("plain").offer, code=6)

    assert lost.fired == 1
    assert "unknown outcome" in err
    assert "ends by itself" in err


def test_a_wrong_secret_is_an_access_error(korus, capsys: Out, monkeypatch) -> None:
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "canary-secret-0123")

    out, err = run(capsys, "catalogs", code=3)

    assert err.startswith("eguma: signing in failed: HTTP 401")
    assert "KORUS_CLIENT_SECRET" in err
    assert "canary" not in out + err


def test_what_is_another_organizations_is_an_access_error(korus, capsys: Out) -> None:
    _, err = run(capsys, "price", korus.sandbox.example("foreign").offer, code=3)

    assert "HTTP 403" in err
    assert "not open to your organization" in err


def test_an_unknown_offer_is_not_found(korus, example, capsys: Out) -> None:
    unknown = example.offer[:-1] + ("1" if example.offer[-1] != "1" else "2")

    assert "Check the IRI" in run(capsys, "price", unknown, code=4)[1]


def test_an_identity_server_that_cannot_be_reached_changed_nothing(korus, capsys: Out) -> None:
    korus.sandbox.faults.add(DropBefore(path="*/token", times=None))

    _, err = run(capsys, "reserve", korus.sandbox.example("plain").offer, code=7)

    assert "not sent, as there is no token" in err
    assert korus.sandbox.reservations() == ()


def test_the_secret_is_read_from_stdin(korus, capsys: Out, monkeypatch) -> None:
    monkeypatch.delenv("KORUS_CLIENT_SECRET")
    monkeypatch.setattr("sys.stdin", io.StringIO("demo-secret\nmore\n"))

    out, err = run(capsys, "catalogs", "--secret-stdin")

    assert "Puy du Fou" in out
    assert "demo-secret" not in out + err


def test_the_address_may_be_given(korus, capsys: Out, monkeypatch) -> None:
    for name in ("BASE_URL", "TOKEN_URL"):
        monkeypatch.setenv(f"KORUS_{name}", "http://127.0.0.1:1")
    token_url = f"{korus.url}/realms/korusticket/protocol/openid-connect/token"

    run(capsys, "catalogs", "--base-url", korus.url, "--token-url", token_url)


@pytest.mark.parametrize("missing", ["KORUS_CLIENT_ID", "KORUS_CLIENT_SECRET"])
def test_without_credentials_nothing_is_sent(korus, missing: str, capsys: Out, monkeypatch) -> None:
    monkeypatch.delenv(missing)

    assert "KORUS_CLIENT_ID" in run(capsys, "catalogs", code=2)[1]
    assert korus.paths() == []


@pytest.mark.parametrize("flag", ["--client-secret", "--secret", "--token=canary-1", "--client-id"])
def test_credentials_are_no_arguments_and_are_not_repeated(flag: str, capsys: Out) -> None:
    out, err = run(capsys, "catalogs", flag, "canary-1", code=2)

    assert "--secret-stdin" in err
    assert "canary" not in out + err


def test_a_server_that_repeats_the_secret_does_not_make_us_print_it(korus, capsys: Out) -> None:
    body = json.dumps({"title": "x", "detail": "bad demo-secret here"})
    korus.sandbox.faults.add(
        Reply(400, body=body, content_type="application/json", path="*/catalogs")
    )

    _, err = run(capsys, "catalogs", code=5)

    assert "bad *** here" in err


def test_a_bug_is_shown_without_the_secret(korus, capsys: Out, monkeypatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("oops demo-secret")

    monkeypatch.setattr("eguma_async.cli.korus.catalog.print_json", broken)

    _, err = run(capsys, "catalogs", "--json", code=1)

    assert "RuntimeError: oops ***" in err


def test_the_embedded_sandbox_needs_no_credentials(capsys: Out) -> None:
    (catalog, *_) = document(capsys, "catalogs", "--sandbox")
    offers = document(capsys, "offers", catalog["iri"], "--sandbox")
    # Ids are the same in every sandbox, so that one command's answer fits the next one.
    plain = next(o for o in offers if len(o["tickets"]) == 1 and o["available_quantity"] == 200)
    held = document(capsys, "reserve", plain["iri"], "--sandbox")
    assert len(held["reservations"]) == 1
    run(capsys, "order-show", "/v1/booking/orders/missing", "--sandbox", code=4)


OFFER = "/v1/ticketing/catalogs/0194abdc-3a71-72b0-a9b9-89d4be0cd73e/offers/0194ac40-fda7-78c1-8fcb-26fc2df25894"
SHOW = "7522b8de-37a2-458d-b099-6d515b0739be"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["catalogues", "--sandbox"], 'Did you mean "catalogs"?'),
        (["offers", "--sandbox"], "CATALOG"),
        (["catalogs", "--nonsense"], "--nonsense"),
        (["offers", OFFER, "--from", "tomorrow"], "--from must be a day"),
        (["price", "https://example.com/v1/x", "--sandbox"], "IRI"),
        (["price", "/v1/../x", "--sandbox"], "IRI"),
        (["catalogs", "--sandbox", "--base-url", "http://127.0.0.1"], "--sandbox"),
        (["catalogs", "--sandbox", "--token-url", "http://127.0.0.1"], "--sandbox"),
        (["catalogs", "--base-url", "http://example.com"], "https"),
        (["catalogs", "--language", "e\nn", "--sandbox"], "language"),
        (["reserve", OFFER, "--session", "x", "--sandbox"], "TICKET=SESSION"),
        (["reserve", OFFER, "--session", "x=y", "--sandbox"], "has no ticket x"),
        (["reserve", OFFER, "--sandbox"], f"ticket {SHOW} needs --session"),
        (["reserve", OFFER, "--session", f"{SHOW}=y", "--quantity", "0", "--sandbox"], "quantity"),
        (["order", "/v1/r", "--sandbox", "--yes"], "--external-reference"),
        (["beneficiary", "t", "--first-name", "A", "--last-name", "B", "--sandbox"], "IRI"),
        (
            [
                *("beneficiary", "/v1/t", "--first-name", "A", "--last-name", "B", "--sandbox"),
                *("--date-of-birth", "long ago"),
            ],
            "--date-of-birth must be a day",
        ),
        (
            [
                *("beneficiary", "/v1/t", "--first-name", "A", "--last-name", "B", "--sandbox"),
                *("--title", "sir"),
            ],
            "sir",
        ),
        (["document", "/v1/d", "--to", "/nowhere/at/all.pdf", "--sandbox"], "directory"),
    ],
)
def test_bad_input_is_told_on_stderr_with_exit_code_2(
    arguments: list[str], told: str, capsys: Out, monkeypatch
) -> None:
    monkeypatch.setenv("KORUS_CLIENT_ID", "c")
    monkeypatch.setenv("KORUS_CLIENT_SECRET", "s")

    out, err = run(capsys, *arguments, code=2)

    assert told in err
    assert err.count("\n") == 1
    assert out == ""
