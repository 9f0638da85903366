"""Options of every command that talks to a server: proxy, time limit, log, credentials."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys
from base64 import b64encode

import pytest

from eguma_async.cli import main
from eguma_async.cli.app import build_app
from eguma_async.cli.errors import Stop
from eguma_async.cli.options import ConnectionOptions, proxy_url
from eguma_async.cli.redaction import redacted
from eguma_async.cli.terminal import output_console
from eguma_async.core.messages import Timeouts
from eguma_async.sandbox import Park, Reply
from eguma_async.sandbox.korus import TOKEN_PATH
from tests.support.proxies import forwarding_proxy

Out = pytest.CaptureFixture[str]
PRODUCTS = "/v1/ticketing/products.json"
CATALOGS = "/v1/ticketing/catalogs"


@pytest.fixture
def both(connected, korus):
    return {"products": connected, "korus catalogs": korus}


COMMANDS = pytest.mark.parametrize("command", ["products", "korus catalogs"])


def connecting_commands() -> list[tuple[tuple[str, ...], set[str]]]:
    """Return the commands that talk to a server: those that may use a sandbox instead."""
    found = []

    def walk(app, path: tuple[str, ...]) -> None:
        for name in app:
            if not name.startswith("-"):
                walk(app[name], (*path, name))
        if app.default_command is not None and path:
            options = {o for a in app.assemble_argument_collection() for o in a.names}
            if "--sandbox" in options:
                found.append((path, options))

    walk(build_app(output_console()), ())
    return found


def test_every_command_that_talks_to_a_server_has_the_options() -> None:
    found = connecting_commands()

    assert len(found) > 20
    for path, options in found:
        assert {"--proxy", "--timeout", "--verbose", "-v", "--base-url"} <= options, path


# --proxy


@COMMANDS
def test_requests_go_through_the_proxy(both, command: str, capsys: Out) -> None:
    with forwarding_proxy() as proxy:
        assert main([*command.split(), "--proxy", proxy.url, "--json"]) == 0

    assert proxy.paths == both[command].paths()
    assert {PRODUCTS, CATALOGS} & set(proxy.paths)
    assert (TOKEN_PATH in proxy.paths) == command.startswith("korus")


def test_a_command_without_a_proxy_uses_none(connected, monkeypatch, capsys: Out) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")

    assert main(["products"]) == 0


def test_documents_come_through_the_proxy_too(korus, capsys: Out, tmp_path) -> None:
    document = "/v1/booking/orders/0194abdc-3a71-72b0-a9b9-89d4be0cd73e/documents/1"
    link = "https://storage.googleapis.com/x/y.pdf?X-Goog-Signature=canary"
    body = json.dumps({"@id": document, "temporaryUrl": link})
    korus.sandbox.faults.add(
        Reply(200, body=body, content_type="application/ld+json", path="*/documents/*", times=None)
    )
    with forwarding_proxy() as proxy:
        code = main(
            ["korus", "document", document, "--to", str(tmp_path / "x"), "--proxy", proxy.url]
        )

    assert code == 7
    assert set(proxy.tunnels) == {"storage.googleapis.com:443"}
    assert "canary" not in "".join(capsys.readouterr())


@COMMANDS
def test_the_password_of_a_proxy_is_used_and_not_shown(both, command: str, capsys: Out) -> None:
    with forwarding_proxy() as proxy:
        url = proxy.url.replace("//", "//shop:canary-password@")
        assert main([*command.split(), "--proxy", url, "-v"]) == 0

    assert proxy.authorizations[0] == "Basic " + b64encode(b"shop:canary-password").decode()
    assert "canary" not in "".join(capsys.readouterr())


def test_the_password_of_a_proxy_is_known_as_a_secret() -> None:
    assert proxy_url("http://shop:canary-secret@127.0.0.1:1").endswith("@127.0.0.1:1")

    assert redacted("refused: canary-secret") == "refused: ***"


def test_a_proxy_that_is_not_there_is_told(connected, capsys: Out) -> None:
    with socket.socket() as refusing:
        refusing.bind(("127.0.0.1", 0))
        port = refusing.getsockname()[1]
        code = main(["products", "--proxy", f"http://shop:canary-password@127.0.0.1:{port}"])

    captured = capsys.readouterr()
    assert code == 7
    assert "proxy" in captured.err
    assert "canary" not in captured.err
    assert connected.paths() == []


@COMMANDS
@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://",
        "127.0.0.1:3128",
        "proxy.example",
        "socks5://canary@127.0.0.1:1080",
        "http://canary@127.0.0.1:99999",
        "http://canary\n@127.0.0.1:3128",
        "http://[canary",
    ],
)
def test_a_proxy_that_cannot_be_one_is_refused(both, command: str, url: str, capsys: Out) -> None:
    assert main([*command.split(), "--proxy", url]) == 2

    err = capsys.readouterr().err
    assert "proxy must be" in err
    assert "canary" not in err
    assert both[command].paths() == []


@COMMANDS
def test_a_sandbox_in_memory_needs_no_proxy(command: str, capsys: Out) -> None:
    assert main([*command.split(), "--sandbox", "--proxy", "http://127.0.0.1:1"]) == 2

    assert "--sandbox" in capsys.readouterr().err


# --timeout


@pytest.mark.parametrize(
    ("seconds", "limits"),
    [
        (None, None),
        (2, Timeouts(connect=2, read=2, total=2)),
        (90, Timeouts(connect=5, read=90, total=90)),
        (0.5, Timeouts(connect=0.5, read=0.5, total=0.5)),
    ],
)
def test_the_time_limit_is_that_of_each_attempt(
    seconds: float | None, limits: Timeouts | None
) -> None:
    assert ConnectionOptions(timeout=seconds).timeouts() == limits


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "-inf", "soon", ""])
@COMMANDS
def test_a_time_limit_is_a_number_above_zero(both, command, seconds: str, capsys: Out) -> None:
    assert main([*command.split(), f"--timeout={seconds}"]) == 2

    assert "--timeout must be a number" in capsys.readouterr().err
    assert both[command].paths() == []


async def _release(park: Park) -> None:
    park.release()


def test_who_waits_too_long_for_a_hold_is_told_what_may_be(connected, capsys: Out) -> None:
    park = connected.sandbox.faults.add(Park(path="*/reservation.json"))
    example = connected.sandbox.example("time")
    slot = [example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=1"]

    assert main(["reserve", *slot, "--timeout", "0.2"]) == 6
    connected.call(_release(park))

    assert "a hold may exist" in capsys.readouterr().err.lower()
    assert connected.paths().count("/v1/ticketing/reservation.json") == 1


def test_who_waits_too_long_for_a_korus_hold_is_told_what_may_be(korus, capsys: Out) -> None:
    park = korus.sandbox.faults.add(Park(path="*/reservations/_bulk"))
    offer = korus.sandbox.example("plain").offer

    assert main(["korus", "reserve", offer, "--timeout", "0.2"]) == 6
    korus.call(_release(park))

    assert "a hold may exist" in capsys.readouterr().err.lower()


# --verbose


@COMMANDS
@pytest.mark.parametrize("flag", ["-v", "--verbose"])
def test_the_log_of_every_request_goes_to_stderr(
    both, command: str, flag: str, capsys: Out
) -> None:
    assert main([*command.split(), flag, "--json"]) == 0

    out, err = capsys.readouterr()
    operation = "ListProducts" if command == "products" else "ListCatalogs"
    assert f"{operation} attempt 1: 200 in" in err
    assert both[command].url in err.splitlines()[0]
    assert out.startswith(("{", "["))
    for secret in (both["products"].sandbox.demo_key, "demo-secret", "eyJ"):
        assert secret not in out + err


def test_a_failed_request_is_logged_before_it_is_told(connected, capsys: Out, monkeypatch) -> None:
    monkeypatch.setenv("EGUMA_API_KEY", "canary-key-0123456789")

    assert main(["products", "-v"]) == 3

    *log, told = capsys.readouterr().err.splitlines()
    assert "ListProducts attempt 1: 401" in log[-1]
    assert told.startswith("eguma: listing the products failed: HTTP 401")
    assert "canary" not in "".join(log)


@COMMANDS
def test_without_it_there_is_no_log_and_nothing_of_it_stays(
    both, command: str, capsys: Out
) -> None:
    logger = logging.getLogger("eguma_async")
    level, handlers = logger.level, list(logger.handlers)
    logger.setLevel(logging.CRITICAL)
    try:
        assert main([*command.split(), "-v"]) == 0
        assert (logger.level, logger.handlers) == (logging.CRITICAL, handlers)
    finally:
        logger.setLevel(level)
    assert "attempt 1" in capsys.readouterr().err
    assert main(command.split()) == 0

    assert capsys.readouterr().err == ""


# Credentials


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\x1b", "\u2028"])
@pytest.mark.parametrize(
    ("variable", "command"),
    [
        ("EGUMA_API_KEY", "products"),
        ("KORUS_CLIENT_ID", "korus catalogs"),
        ("KORUS_CLIENT_SECRET", "korus catalogs"),
    ],
)
def test_a_credential_with_a_line_break_is_refused_before_any_request(
    *, both, variable: str, command: str, end: str, capsys: Out, monkeypatch
) -> None:
    monkeypatch.setenv(variable, f"canary-credential{end}")

    assert main(command.split()) == 2

    err = capsys.readouterr().err
    assert f"{variable} holds a line break" in err
    assert "canary" not in err
    assert both[command].paths() == []


@pytest.mark.parametrize(
    ("flag", "command"), [("--key-stdin", "products"), ("--secret-stdin", "korus catalogs")]
)
def test_a_credential_of_a_file_may_end_in_a_line_break_of_any_system(
    both, flag: str, command: str, tmp_path
) -> None:
    good = {"products": both["products"].sandbox.demo_key, "korus catalogs": "demo-secret"}
    file = tmp_path / "credential"
    file.write_bytes(good[command].encode() + b"\r\n")
    with file.open() as stdin:
        done = _run(command, flag, stdin=stdin)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("flag", "command"), [("--key-stdin", "products"), ("--secret-stdin", "korus catalogs")]
)
def test_a_credential_within_a_line_that_is_broken_is_refused(
    both, flag: str, command: str, tmp_path
) -> None:
    file = tmp_path / "credential"
    file.write_bytes(b"canary-\x0bcredential\n")
    with file.open() as stdin:
        done = _run(command, flag, stdin=stdin)

    assert done.returncode == 2
    assert "the first line of stdin holds a line break" in done.stderr
    assert "canary" not in done.stderr
    assert both[command].paths() == []


def _run(command: str, *more: str, stdin) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "eguma_async", *command.split(), *more],
        stdin=stdin,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_a_bug_shows_no_secret_that_came_through_stdin(
    connected, capsys: Out, monkeypatch, tmp_path
) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(f"oops {connected.sandbox.demo_key}")

    monkeypatch.delenv("EGUMA_API_KEY")
    monkeypatch.setattr("eguma_async.cli.eguma.catalog.print_json", broken)
    file = tmp_path / "key"
    file.write_text(f"{connected.sandbox.demo_key}\n")
    with file.open() as stdin:
        monkeypatch.setattr("sys.stdin", stdin)
        assert main(["products", "--key-stdin", "--json"]) == 1

    err = capsys.readouterr().err
    assert "RuntimeError: oops ***" in err
    assert connected.sandbox.demo_key not in err


def test_a_wrong_option_stops_before_the_session() -> None:
    with pytest.raises(Stop):
        ConnectionOptions(timeout=0).timeouts()


# --fast


WITHOUT_AIOHTTP = """
import sys
from eguma_async.cli import main
code = main(sys.argv[1:])
print(sorted(name for name in ("aiohttp", "httptools") if name in sys.modules), file=sys.stderr)
sys.exit(code)
"""


@COMMANDS
@pytest.mark.parametrize(("before", "used"), [(["--fast"], "httptools"), ([], "aiohttp")])
def test_fast_takes_the_lean_transport(both, command: str, before: list[str], used: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_AIOHTTP, *before, *command.split(), "--json"],
        capture_output=True,
        text=True,
        check=True,
    )

    assert json.loads(done.stdout)
    assert done.stderr.splitlines()[-1] == str([used])


@COMMANDS
def test_fast_goes_through_a_proxy(both, command: str, capsys: Out) -> None:
    with forwarding_proxy() as proxy:
        assert main(["--fast", *command.split(), "--proxy", proxy.url, "--json"]) == 0

    assert proxy.paths == both[command].paths()


def test_fast_means_nothing_to_a_sandbox_in_this_process(capsys: Out) -> None:
    assert main(["--fast", "products", "--sandbox"]) == 0


def test_fast_stands_before_the_command(connected, capsys: Out) -> None:
    assert main(["products", "--fast"]) == 2
    assert "--fast" in capsys.readouterr().err
    assert main(["products"]) == 0
    assert connected.paths() == [PRODUCTS]


def test_fast_without_its_engine_says_what_to_install(connected, tmp_path) -> None:
    (tmp_path / "httptools.py").write_text("raise ImportError\n", "utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "eguma_async", "--fast", "products"],
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "pip install 'eguma_async[fast]'" in done.stderr
    assert connected.paths() == []
