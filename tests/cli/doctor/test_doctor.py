"""What `eguma doctor` says of each thing that can be wrong, at servers that are wrong like that."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

import eguma_async
from eguma_async.cli import main
from eguma_async.cli.doctor.machine import SHARED, extras
from eguma_async.cli.eguma.doctor import VARIABLES as OF_EGUMA
from eguma_async.cli.korus.doctor import VARIABLES as OF_KORUS
from eguma_async.sandbox import EgumaOptions, EgumaSandbox
from tests.support.byte_server import ByteServer, Script, Wire
from tests.support.certificates import Authority, has_openssl
from tests.support.commands import Served, on_terminal
from tests.support.proxies import forwarding_proxy
from tests.support.threads import InThread

Out = pytest.CaptureFixture[str]
KEY = "canary-key-0123456789"
needs_openssl = pytest.mark.skipif(not has_openssl(), reason="certificates are made by openssl")


def examined(capsys: Out, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """Run the doctor, and return the exit code and the findings by their name."""
    code = main([*arguments, "--json"])
    captured = capsys.readouterr()
    assert KEY not in captured.out + captured.err
    document = json.loads(captured.out)
    assert document["exit_code"] == code
    assert document["ok"] is (code == 0)
    return code, {check["name"]: check for check in document["checks"]}


def failing(found: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, check in found.items() if check["state"] == "failed"]


@contextmanager
def answering(script: Script, tls: Any = None) -> Iterator[InThread]:
    with InThread(ByteServer(script, tls)) as server:
        yield server


def always(body: bytes, status: int = 200, *headers: str) -> Script:
    async def script(server: ByteServer, wire: Wire) -> None:
        while True:
            await server.request(wire)
            await wire.reply(body, status, *headers)

    return script


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("EGUMA_API_KEY", KEY)
    return KEY


# All is well


def test_a_sandbox_of_this_process_is_well(capsys: Out) -> None:
    code, found = examined(capsys, "doctor", "--sandbox")

    assert (code, failing(found)) == (0, [])
    assert [name for name, check in found.items() if check["state"] == "skipped"] == [
        *("address", "dns", "tcp", "tls", "round_trip", "journal")
    ]
    assert found["answer"]["said"] == "11 products of Bergbahn Muster AG"


def test_a_served_sandbox_is_well(connected: Served, capsys: Out) -> None:
    code, found = examined(capsys, "doctor")

    port = int(connected.url.rpartition(":")[2])
    assert (code, failing(found)) == (0, [])
    assert found["credentials"]["facts"]["API key"]["source"] == "EGUMA_API_KEY"
    assert found["address"]["said"] == f"{connected.url} (EGUMA_BASE_URL)"
    assert found["dns"]["facts"]["addresses"] == ["127.0.0.1"]
    assert (found["tcp"]["facts"]["ip"], found["tcp"]["facts"]["port"]) == ("127.0.0.1", port)
    assert found["tls"]["said"] == "plain HTTP, to this machine alone"
    assert found["http"]["facts"] == {"status": 401, "content_type": "application/json"}
    assert found["access"]["state"] == "ok"
    assert found["answer"]["facts"] == {"count": 11, "unreadable": 0}
    assert abs(found["clock"]["facts"]["skew_seconds"]) <= 2
    assert len(found["round_trip"]["facts"]["next_seconds"]) == 1


def test_it_only_reads_and_asks_twice(connected: Served, capsys: Out) -> None:
    assert main(["doctor"]) == 0

    records = list(connected.sandbox.requests)
    assert [(r.method, r.path, r.query) for r in records] == [
        ("GET", "/v1/ticketing/products.json", ()),
        ("GET", "/v1/ticketing/products.json", (("apikey", "***"),)),
    ]


def test_each_check_is_one_line_for_people(connected: Served, capsys: Out) -> None:
    assert main(["doctor"]) == 0

    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    assert [line[:2] for line in lines] == [
        *("✓ ", "✓ ", "✓ ", "✓ ", "✓ ", "✓ ", "✓ ", "✓ "),  # to TCP
        *("– ", "✓ ", "✓ ", "✓ ", "✓ ", "✓ ", "– "),
    ]
    assert captured.err == ""


def test_korus_is_examined_with_its_identity_server(korus: Served, capsys: Out) -> None:
    code, found = examined(capsys, "korus", "doctor")

    assert (code, failing(found)) == (0, [])
    assert found["token_tcp"]["state"] == "ok"
    assert found["answer"]["said"] == "2 catalogs"
    assert len(found["round_trip"]["facts"]["next_seconds"]) == 2  # the token and the catalogs


def test_a_korus_sandbox_of_this_process_is_well(capsys: Out) -> None:
    code, found = examined(capsys, "korus", "doctor", "--sandbox")

    assert (code, failing(found)) == (0, [])


# The credentials


def test_without_a_key_everything_else_is_examined(
    connected: Served, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("EGUMA_API_KEY")

    code, found = examined(capsys, "doctor")

    assert (code, failing(found)) == (2, ["credentials"])
    assert found["credentials"]["said"] == "no API key: EGUMA_API_KEY is not set"
    assert found["http"]["state"] == found["clock"]["state"] == "ok"
    assert found["access"]["facts"] == {"because": "Credentials"}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        ("", "no API key: EGUMA_API_KEY is set, but empty"),
        (f" {KEY}", "white space"),
        (f"{KEY}\n", "line break"),
        (f'"{KEY}"', "quote"),
        (f"\u201c{KEY}\u201d", "quote"),
        (f"EGUMA_API_KEY={KEY}", "name of the variable"),
        (f"{KEY[:5]}\u00e4{KEY[5:]}", "not ASCII"),
    ],
)
def test_an_odd_key_is_told_and_never_sent(
    connected: Served, capsys: Out, monkeypatch: pytest.MonkeyPatch, value: str, said: str
) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", value)

    code, found = examined(capsys, "doctor")

    assert (code, failing(found)) == (2, ["credentials"])
    assert said in found["credentials"]["said"]
    assert [record.query for record in connected.sandbox.requests] == [()]


@pytest.mark.usefixtures("key")
def test_an_unknown_key_is_told_from_one_without_rights(
    connected: Served, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", KEY)
    code, found = examined(capsys, "doctor")

    assert (code, failing(found)) == (3, ["access"])
    assert "401" in found["access"]["said"]
    assert "mistyped, unknown or switched off" in found["access"]["advice"]
    assert found["answer"]["facts"] == {"because": "Access"}

    merchants = connected.sandbox.merchants()
    unapproved = next(
        k.value for m in merchants for u in m.users if not u.is_approved for k in u.keys
    )
    monkeypatch.setenv("EGUMA_API_KEY", unapproved)
    code, found = examined(capsys, "doctor")

    assert (code, failing(found)) == (3, ["access"])
    assert "403" in found["access"]["said"]
    assert "the merchant must enable it" in found["access"]["advice"]


def test_wrong_korus_credentials_are_told(
    korus: Served, capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KORUS_CLIENT_SECRET", KEY)

    code, found = examined(capsys, "korus", "doctor")

    assert (code, failing(found)) == (3, ["access"])
    assert "KORUS_TOKEN_URL" in found["access"]["advice"]


@pytest.mark.usefixtures("connected")
def test_misspelt_variables_are_found(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EGUMA_BASEURL", KEY)
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid:3128")

    code, found = examined(capsys, "doctor")

    assert code == 0
    assert found["variables"]["state"] == "warning"
    assert found["variables"]["facts"]["unknown"] == {"EGUMA_BASEURL": "EGUMA_BASE_URL"}
    assert found["proxy"]["state"] == "warning"
    assert found["proxy"]["facts"] == {"ignored": ["HTTPS_PROXY"]}


# The way to the server


@pytest.mark.usefixtures("key")
def test_a_closed_port_is_told(capsys: Out) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and does not listen
        port = taken.getsockname()[1]

        code, found = examined(capsys, "doctor", "--base-url", f"http://127.0.0.1:{port}")

    assert (code, failing(found)) == (7, ["tcp"])
    assert found["tcp"]["said"] == f"127.0.0.1, port {port}: refused"
    assert {found[n]["facts"]["because"] for n in ("tls", "http", "access", "clock")} == {"TCP"}


@pytest.mark.usefixtures("key")
def test_a_name_without_address_is_told(capsys: Out) -> None:
    code, found = examined(capsys, "doctor", "--base-url", "https://nowhere.invalid")

    assert (code, failing(found)) == (7, ["dns"])
    assert found["tcp"]["facts"] == {"because": "DNS"}


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize("url", ["http://example.com", "https://", f"https://h/?k={KEY}"])
def test_a_base_url_that_cannot_be_is_told(capsys: Out, url: str) -> None:
    code, found = examined(capsys, "doctor", "--base-url", url)

    assert (code, failing(found)) == (2, ["address"])
    assert found["address"]["advice"] == "correct --base-url"


@pytest.mark.usefixtures("key")
def test_a_key_within_the_base_url_is_shown_to_nobody(capsys: Out) -> None:
    url = f"http://127.0.0.1:1/{KEY}"
    code, found = examined(capsys, "doctor", "--base-url", url)
    assert (code, found["address"]["facts"]["url"]) == (7, "http://127.0.0.1:1/***")

    assert main(["doctor", "--base-url", url]) == 7
    assert KEY not in "".join(capsys.readouterr())


@pytest.mark.usefixtures("key")
def test_a_web_page_is_told_and_gets_no_key(capsys: Out) -> None:
    page = always(b"<html>Sign in</html>", 200, "Content-Type: text/html; charset=utf-8")
    with answering(page) as server:
        code, found = examined(capsys, "doctor", "--base-url", server.base_url)

    assert (code, failing(found)) == (1, ["http"])
    assert "a web page, not the API" in found["http"]["said"]
    assert len(server.heads) == 1
    assert KEY not in "".join(server.heads)


@pytest.mark.usefixtures("key")
def test_a_redirect_is_told_and_not_followed(capsys: Out) -> None:
    away = always(b"", 302, "Location: https://login.example/?next=secret")
    with answering(away) as server:
        code, found = examined(capsys, "doctor", "--base-url", server.base_url)

    assert (code, failing(found)) == (1, ["http"])
    assert found["http"]["said"].endswith("it leads to https://login.example/")
    assert len(server.heads) == 1


@pytest.mark.usefixtures("key")
def test_a_server_that_does_not_answer_is_given_up(capsys: Out) -> None:
    async def silent(server: ByteServer, wire: Wire) -> None:
        await wire.until_closed()

    with answering(silent) as server:
        line = ("doctor", "--base-url", server.base_url, "--timeout", "0.2")
        code, found = examined(capsys, *line)

    assert (code, failing(found)) == (7, ["http"])
    assert found["tcp"]["state"] == "ok"
    assert "0.2 s" in found["http"]["said"]
    assert found["clock"]["said"] == "there was no answer"


@pytest.mark.usefixtures("key")
def test_an_answer_that_cannot_be_read_is_told(capsys: Out) -> None:
    with answering(always(b'{"products": 1}', 200, "Content-Type: application/json")) as server:
        code, found = examined(capsys, "doctor", "--base-url", server.base_url)

    assert (code, failing(found)) == (1, ["answer"])
    assert found["access"]["state"] == "ok"
    assert any("$.products" in problem for problem in found["answer"]["facts"]["problems"])


@pytest.mark.usefixtures("key")
@pytest.mark.parametrize(("status", "code"), [(404, 4), (503, 1)])
def test_a_server_without_the_api_is_told(capsys: Out, status: int, code: int) -> None:
    with answering(always(b"", status)) as server:
        found_code, found = examined(capsys, "doctor", "--base-url", server.base_url)

    assert (found_code, failing(found)) == (code, ["http"])


def test_a_proxy_is_what_the_connection_goes_to(connected: Served, capsys: Out) -> None:
    with forwarding_proxy() as proxy:
        code, found = examined(capsys, "doctor", "--proxy", proxy.url)

    port = int(proxy.url.rpartition(":")[2])
    assert (code, failing(found)) == (0, [])
    assert (found["proxy"]["facts"]["port"], found["tcp"]["facts"]["port"]) == (port, port)
    assert proxy.paths == ["/v1/ticketing/products.json"] * 2


@pytest.mark.source
def test_the_doctor_knows_each_variable_that_anything_reads() -> None:
    package = Path(eguma_async.__file__).parent
    read = {
        name
        for path in package.rglob("*.py")
        if path.name != "_help.py"
        for name in re.findall(r'"((?:EGUMA|KORUS)_[A-Z_]+)"', path.read_text("utf-8"))
    }

    assert read == SHARED | OF_EGUMA | OF_KORUS


def test_an_extra_that_stands_for_others_is_none_of_its_own() -> None:
    found = extras()
    assert {"cli", "qr", "pdf"} <= found.keys()
    assert not {"all", "docs"} & found.keys()


# TLS


@needs_openssl
@pytest.mark.usefixtures("key")
def test_certificates_are_told_apart(capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    script = always(b"{}")
    with Authority() as authority:
        servers = {
            "untrusted": authority.server_context("IP:127.0.0.1"),
            "self-signed": authority.self_signed("IP:127.0.0.1"),
            "expired": authority.server_context("IP:127.0.0.1", expired=True),
            "wrong name": authority.server_context("DNS:other.example"),
        }
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for name, tls in servers.items():
            if name != "untrusted":
                monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
            with answering(script, tls) as server:
                code, checks = examined(capsys, "doctor", "--base-url", server.base_url)
            assert (code, failing(checks)) == (7, ["tls"]), name
            assert server.heads == []
            found[name] = checks["tls"]["said"], checks["tls"]
    assert found["untrusted"][0] == (
        "the certificate of 127.0.0.1 is signed by a CA not trusted here (by Test CA)"
    )
    assert "SSL_CERT_FILE" in found["untrusted"][1]["advice"]
    assert found["self-signed"][0] == (
        "the certificate of 127.0.0.1 is signed by nobody but itself (by test)"
    )
    assert re.fullmatch(
        r"the certificate of 127\.0\.0\.1 has expired on \d{4}-\d\d-\d\d", found["expired"][0]
    )
    assert found["wrong name"][0] == (
        "the certificate is not for 127.0.0.1, but for test (by Test CA)"
    )


@needs_openssl
@pytest.mark.usefixtures("key")
def test_a_trusted_certificate_that_ends_soon_is_a_warning(
    start: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Authority() as authority:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
        with answering(always(b"", 401), authority.server_context("IP:127.0.0.1")) as server:
            # In a process of its own: which CAs are trusted is read once.
            child = start("doctor", "--base-url", server.base_url, "--json")
            code, out, _ = child.finish()

    found = {check["name"]: check for check in json.loads(out)["checks"]}
    assert (code, failing(found)) == (3, ["access"])
    assert found["tls"]["state"] == "warning"
    assert found["tls"]["facts"]["issuer"] == "Test CA"
    assert found["tls"]["facts"]["version"] == "TLSv1.3"


@pytest.mark.usefixtures("key")
def test_a_server_without_tls_is_told(capsys: Out) -> None:
    async def plain(server: ByteServer, wire: Wire) -> None:
        await wire.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    with answering(plain) as server:
        url = server.base_url.replace("http:", "https:")
        code, found = examined(capsys, "doctor", "--base-url", url)

    assert (code, failing(found)) == (7, ["tls"])
    assert "speaks no TLS that fits" in found["tls"]["said"]


# The clock


@pytest.mark.parametrize(("skew", "said"), [(3600.0, "behind"), (-3600.0, "ahead of")])
def test_a_clock_that_is_wrong_is_told(
    capsys: Out, monkeypatch: pytest.MonkeyPatch, skew: float, said: str
) -> None:
    with Served(EgumaSandbox(options=EgumaOptions(date_skew_seconds=skew))) as served:
        monkeypatch.setenv("EGUMA_BASE_URL", served.url)
        monkeypatch.setenv("EGUMA_API_KEY", served.sandbox.demo_key)
        code, found = examined(capsys, "doctor")

    assert (code, failing(found)) == (1, ["clock"])
    assert re.match(rf"this machine is (3599|360[01]) s {said} the server", found["clock"]["said"])
    assert "hold" in found["clock"]["advice"]
    assert found["access"]["state"] == "ok"


def test_a_small_difference_of_the_clocks_is_none(
    capsys: Out, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Served(EgumaSandbox(options=EgumaOptions(date_skew_seconds=20))) as served:
        monkeypatch.setenv("EGUMA_BASE_URL", served.url)
        monkeypatch.setenv("EGUMA_API_KEY", served.sandbox.demo_key)
        code, found = examined(capsys, "doctor")

    assert code == 0
    assert 18 < found["clock"]["facts"]["skew_seconds"] < 22


# The journal


def test_a_journal_is_looked_into(connected: Served, capsys: Out, tmp_path: Any) -> None:
    path = tmp_path / "bookings.db"
    code, found = examined(capsys, "doctor", "--journal", str(path))
    assert (code, found["journal"]["state"]) == (0, "ok")
    assert not path.exists()

    example = connected.sandbox.example("time")
    book = ("book", example.product_id, example.starts_at, "--yes", "--client-ref", "order-1")
    person = ("--first-name", "Ada", "--last-name", "Lovelace", "--email", "ada@example.com")
    item = ("--item", f"{example.category_ids[0]}=1", "--journal", str(path))
    assert main([*book, *person, *item]) == 0
    capsys.readouterr()
    code, found = examined(capsys, "doctor", "--journal", str(path))
    assert (code, found["journal"]["facts"]) == (
        0,
        {"location": str(path), "open": 0, "writable": True},
    )


@pytest.mark.usefixtures("connected")
def test_a_journal_that_is_none_is_told(capsys: Out, tmp_path: Any) -> None:
    path = tmp_path / "bookings.db"
    path.write_text("something else, and long enough to look at: " * 100, "utf-8")
    code, found = examined(capsys, "doctor", "--journal", str(path))
    assert (code, failing(found)) == (1, ["journal"])

    code, found = examined(capsys, "doctor", "--journal", str(tmp_path / "no" / "bookings.db"))
    assert (code, failing(found)) == (1, ["journal"])


# For people


@pytest.mark.usefixtures("key")
def test_what_to_do_stands_below_what_is_wrong(capsys: Out) -> None:
    assert main(["doctor", "--base-url", "http://127.0.0.1:1"]) == 7

    captured = capsys.readouterr()
    at = captured.out.splitlines().index("✗ TCP          127.0.0.1, port 1: refused")
    assert captured.out.splitlines()[at + 1].startswith("               → nothing listens there")
    assert captured.err == "eguma: 1 check failed: TCP\n"


@pytest.mark.parametrize("columns", [20, 60])
def test_it_is_legible_on_a_terminal(start: Callable[..., Any], columns: int) -> None:
    code, out = on_terminal(start, "doctor", "--sandbox", columns=columns, env={})

    assert code == 0
    assert "\x1b[32m✓" in out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert "✓ Access" in plain
    if columns == 60:
        assert max(map(len, plain.splitlines())) <= columns
