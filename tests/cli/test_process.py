from __future__ import annotations

import asyncio
import contextlib
import json
import os
import platform
import pty
import re
import signal
import socket
import subprocess
import sys
import termios
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest

from eguma_async import __version__
from eguma_async.cli import main
from eguma_async.cli.process import Ended, run_until_ended
from eguma_async.sandbox import Park
from tests.support.commands import on_terminal

ROOT = Path(__file__).parents[2]


def _python(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_version_is_the_packages(start) -> None:
    code, out, _ = start("--version").finish()

    lines = out.splitlines()
    assert (code, lines[0]) == (0, __version__)
    assert lines[1].startswith(f"CPython {platform.python_version()} on ")
    assert f"aiohttp {metadata.version('aiohttp')}" in lines


@pytest.mark.parametrize("missing", ["cyclopts", "rich"])
def test_a_missing_extra_is_named_in_one_line(missing: str) -> None:
    program = (
        f"import sys; sys.modules['{missing}'] = None;"
        "sys.argv = ['eguma', 'products', '--sandbox'];"
        "from eguma_async.cli import run; run()"
    )
    done = _python(program)

    assert done.returncode == 1
    assert "eguma_async[cli]" in done.stderr
    assert done.stderr.count("\n") == 1


def test_the_sandbox_prints_where_it_is_and_serves_until_interrupted(start) -> None:
    child = start("sandbox", "--port", "0", "--json")
    facts = json.loads(child.read_until("\n}\n", child.process.stdout.fileno()))

    keys = [key["key"] for merchant in facts["merchants"] for key in merchant["keys"]]
    assert facts["api_key"] in keys
    assert all(re.fullmatch("[0-9a-f]{24}", key) for key in keys)
    url = f"{facts['base_url']}/v1/ticketing/products.json?apikey={facts['api_key']}"
    assert _get(url)["company_name"] == "Bergbahn Muster AG"
    assert _get(facts["control_url"])["requests"] == 1

    child.interrupt()
    code, _, err = child.finish()
    assert code == 130
    assert "Traceback" not in err


def _get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310  # loopback
        return json.load(answer)


def test_the_sandbox_prints_lines_to_copy(start) -> None:
    child = start("sandbox", "--port", "0")
    text = child.read_until("Ctrl-C", child.process.stdout.fileno())
    child.interrupt()
    child.finish()

    settings = dict(re.findall(r"export (\w+)=(\S+)", text))
    assert settings["EGUMA_BASE_URL"].startswith("http://127.0.0.1:")
    assert settings["EGUMA_API_KEY"] in text
    assert f'curl "{settings["EGUMA_BASE_URL"]}/v1/ticketing/products.json' in text
    assert f"{settings['EGUMA_BASE_URL']}/_sandbox" in text
    assert "Lakeside Discovery Park" in text


def test_the_korus_sandbox_prints_lines_to_copy_that_work(start) -> None:
    child = start("sandbox", "--provider", "korus", "--port", "0")
    text = child.read_until("Ctrl-C", child.process.stdout.fileno())

    settings = dict(re.findall(r"export (\w+)=(\S+)", text))
    code, out, err = start("korus", "catalogs", "--json", env=settings).finish()
    (call,) = re.findall(r"^curl .*$", text, re.MULTILINE)
    form = "&".join(re.findall(r"-d (\S+)", call)).encode()
    with urllib.request.urlopen(call.split()[-1], form, timeout=30) as answer:  # noqa: S310
        token = json.load(answer)
    child.interrupt()

    assert child.finish()[0] == 130
    assert (code, err) == (0, "")
    assert len(json.loads(out)) == 2
    assert token["token_type"] == "Bearer"
    assert settings["KORUS_BASE_URL"].startswith("http://127.0.0.1:")
    assert "Newcomer, catalogs: 0\n  newcomer-client  newcomer-secret" in text


def test_both_sandboxes_share_a_port(start) -> None:
    child = start("sandbox", "--provider", "both", "--port", "0", "--json")
    facts = json.loads(child.read_until("\n}\n", child.process.stdout.fileno()))

    eguma, korus = facts["eguma"], facts["korus"]
    url = f"{eguma['base_url']}/v1/ticketing/products.json?apikey={eguma['api_key']}"
    assert _get(url)["company_name"] == "Bergbahn Muster AG"
    assert _get(eguma["control_url"])["requests"] == 1
    assert _get(korus["control_url"])["requests"] == 0
    assert korus["base_url"] == eguma["base_url"]
    assert korus["token_url"].startswith(korus["base_url"])
    assert (korus["client_id"], korus["client_secret"]) == ("demo-client", "demo-secret")
    names = [organization["name"] for organization in korus["organizations"]]
    assert names == ["Demo", "Other", "Newcomer"]


def test_the_korus_sandbox_alone_is_one_flat_document(start) -> None:
    child = start("sandbox", "--provider", "korus", "--port", "0", "--json")
    facts = json.loads(child.read_until("\n}\n", child.process.stdout.fileno()))

    assert facts["control_url"] == f"{facts['base_url']}/_sandbox"
    assert _get(facts["control_url"])["name"] == "korus"


def test_a_port_in_use_is_told(start) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        code, _, err = start("sandbox", "--port", port).finish()

    assert code == 1
    assert err == (
        f"eguma: port {port} is in use; give another one with --port, or 0 for a free one\n"
    )


def test_a_reader_that_leaves_early_ends_it_quietly_like_sigpipe(start) -> None:
    child = start("products", "--sandbox", stdout=subprocess.PIPE)
    child.process.stdout.close()
    child.process.stdout = None

    code, _, err = child.finish()

    assert (code, err) == (141, "")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["products", "--help"], ["korus", "--help"], []]
)
def test_help_whose_reader_leaves_early_ends_like_any_output(start, arguments: list[str]) -> None:
    read, write = os.pipe()
    os.close(read)
    child = start(*arguments, stdout=write)
    os.close(write)

    code, _, err = child.finish()

    assert (code, err) == (141, "")


@pytest.mark.parametrize("arguments", [["--help"], ["products", "--sandbox"]])
def test_a_full_disk_is_told_once(start, arguments: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        code, _, err = start(*arguments, stdout=full).finish()

    assert (code, err) == (1, "eguma: No space left on device\n")


def test_words_that_find_no_room_do_not_change_the_exit_code(start) -> None:
    with Path("/dev/full").open("w") as full:
        assert start("products", stdout=full, stderr=full).finish()[0] == 2


def test_a_question_whose_terminal_is_gone_is_not_answered(start, terminal) -> None:
    ours, theirs = terminal
    child = start("products", "--key-stdin", stdin=theirs)
    child.read_until("API key: ")
    os.close(ours)

    code, _, err = child.finish()

    assert code == 2
    assert "no API key" in err
    assert "Traceback" not in err


def test_a_reader_of_both_outputs_that_leaves_early_ends_it_alike(start) -> None:
    read, write = os.pipe()
    child = start("products", "--key-stdin", stdin=subprocess.DEVNULL, stdout=write, stderr=write)
    os.close(write)
    os.close(read)

    assert child.finish()[0] == 141


@pytest.mark.parametrize(
    ("closing", "arguments", "code", "told"),
    [
        ("<&-", ["cancel", "x"], 2, "stdin is no terminal"),
        ("<&-", ["products", "--key-stdin"], 2, "no API key"),
        ("<&-", ["products", "--sandbox"], 0, ""),
        (">&-", ["products", "--sandbox"], 0, ""),
        (">&-", ["products", "--sandbox", "--json"], 0, ""),
        (">&-", ["--help"], 0, ""),
        ("2>&-", ["cancel", "x"], 2, ""),
        ("<&- >&- 2>&-", ["products"], 2, ""),
    ],
)
def test_a_closed_stream_is_an_empty_one(
    closing: str, arguments: list[str], code: int, told: str
) -> None:
    shell = ["sh", "-c", f'exec "$@" {closing}', "sh"]
    command = [sys.executable, "-W", "error", "-m", "eguma_async", *arguments]
    done = subprocess.run(
        [*shell, *command], capture_output=True, text=True, timeout=60, cwd=ROOT, check=False
    )

    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert told in done.stderr
    assert bool(told) == bool(done.stderr)


def test_a_stream_that_was_missing_is_missing_again_afterwards(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", None)
    monkeypatch.setattr("sys.stdout", None)

    assert main(["cancel", "x"]) == 2

    assert (sys.stdin, sys.stdout) == (None, None)
    assert "--yes" in capsys.readouterr().err


@pytest.mark.parametrize("one", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
@pytest.mark.parametrize("theirs", [signal.SIG_IGN, lambda *_: None])
def test_a_handler_of_a_signal_that_is_there_already_stays(one, theirs) -> None:
    async def look() -> None:
        assert signal.getsignal(one) is theirs

    before = signal.signal(one, theirs)
    try:
        run_until_ended(look())
        assert signal.getsignal(one) is theirs
    finally:
        signal.signal(one, before)


def test_signals_do_again_what_they_did_once_the_command_is_over() -> None:
    assert main(["products", "--sandbox", "--json"]) == 0

    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_DFL


@pytest.mark.parametrize("one", [signal.SIGINT, signal.SIGTERM])
def test_two_signals_cancel_and_a_third_ends_what_does_not_listen(one: signal.Signals) -> None:
    seen = []

    async def stubborn() -> None:
        for _ in range(10):
            signal.raise_signal(one)
            seen.append("signal")
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.Event().wait()

    with pytest.raises(Ended) as caught:
        run_until_ended(stubborn())

    assert seen == ["signal", "signal"]
    assert caught.value.by == one


@pytest.mark.parametrize("first", [signal.SIGHUP, signal.SIGINT])
def test_a_hang_up_that_comes_again_leaves_the_cleaning_up_alone(first: signal.Signals) -> None:
    cleaned = []

    async def command() -> None:
        signal.raise_signal(first)
        try:
            await asyncio.Event().wait()
        finally:
            signal.raise_signal(signal.SIGHUP)
            signal.raise_signal(signal.SIGHUP)
            await asyncio.sleep(0)
            cleaned.append("up")

    with pytest.raises(Ended) as caught:
        run_until_ended(command())

    assert cleaned == ["up"]
    assert caught.value.by == first


def test_streams_that_fail_as_well_do_not_hide_the_signal() -> None:
    async def command() -> None:
        signal.raise_signal(signal.SIGHUP)
        try:
            await asyncio.Event().wait()
        finally:
            raise BrokenPipeError

    with pytest.raises(Ended):
        run_until_ended(command())


def test_a_stream_that_fails_without_a_signal_is_told() -> None:
    async def command() -> None:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        run_until_ended(command())


def test_a_command_runs_in_a_thread_too_where_no_signal_can_be_handled() -> None:
    with ThreadPoolExecutor() as pool:
        assert pool.submit(main, ["products", "--sandbox", "--json"]).result(60) == 0


@pytest.mark.parametrize(
    ("how", "code", "word"), [(signal.SIGTERM, 143, "terminated"), (signal.SIGHUP, 129, "hung up")]
)
def test_the_sandbox_ends_cleanly_when_terminated(
    start, how: signal.Signals, code: int, word: str
) -> None:
    child = start("sandbox", "--port", "0")
    child.read_until("Ctrl-C ends it.\n", child.process.stdout.fileno())

    child.interrupt(how)

    assert child.finish() == (code, "", f"eguma: {word}\n")


def test_a_key_typed_at_the_prompt_is_not_shown_and_ctrl_c_ends_it(start) -> None:
    ours, theirs = pty.openpty()
    try:
        child = start("products", "--key-stdin", stdin=theirs)
        child.read_until("API key: ")
        assert not termios.tcgetattr(ours)[3] & termios.ECHO
        child.interrupt()
        code, _, err = child.finish()
        assert termios.tcgetattr(ours)[3] & termios.ECHO
    finally:
        os.close(ours)
        os.close(theirs)

    assert code == 130
    assert "interrupted" in err
    assert "Traceback" not in err


def test_colour_stays_away_where_it_is_not_wanted(start) -> None:
    command = ("products", "--sandbox")

    assert "\x1b[" in on_terminal(start, *command, env={})[1]
    assert "\x1b" not in on_terminal(start, *command, env={"NO_COLOR": "1"})[1]
    assert "\x1b" not in on_terminal(start, *command, env={"TERM": "dumb"})[1]


def test_json_has_no_colour_even_on_a_terminal(start) -> None:
    arguments = ("products", "--sandbox", "--json")
    code, out = on_terminal(start, *arguments, env={"FORCE_COLOR": "1"})

    assert code == 0
    assert json.loads(out)["company_name"] == "Bergbahn Muster AG"


def test_the_key_may_come_from_a_file(served, start, tmp_path) -> None:
    file = tmp_path / "key"
    file.write_text(f"{served.sandbox.demo_key}\n")
    with file.open() as key:
        child = start("products", "--key-stdin", "--base-url", served.url, stdin=key)
        code, out, err = child.finish()

    assert (code, err) == (0, "")
    assert "Bergbahn Muster AG" in out


def test_the_key_may_come_through_a_pipe(served, start) -> None:
    child = start("products", "--key-stdin", "--base-url", served.url, stdin=subprocess.PIPE)
    child.process.stdin.write(f"{served.sandbox.demo_key}\nleft over".encode())
    child.process.stdin.flush()

    assert child.process.wait(30) == 0


@pytest.mark.parametrize("suffix", [".jsonl", ".csv"])
def test_an_interrupted_fan_out_leaves_the_file_as_it_was(
    connected, start, tmp_path, suffix
) -> None:
    park = connected.sandbox.faults.add(Park(path="*/availabilities.json", skip=3))
    file = tmp_path / f"slots{suffix}"
    file.write_text("of yesterday")
    child = start("fanout", "--all", "--concurrency", "1", "--to-file", str(file))
    connected.call(park.arrived())

    child.interrupt()
    code, out, err = child.finish()
    connected.call(_release(park))

    assert (code, out) == (130, "")
    came, last = err.splitlines()
    # The third answer may still have been on its way to the file.
    assert came in {f"{n} of 10 products were read; {file} is as it was before." for n in (2, 3)}
    assert last == "eguma: interrupted"
    assert [path.name for path in tmp_path.iterdir()] == [file.name]
    assert file.read_text() == "of yesterday"


def test_an_interrupted_fan_out_has_printed_what_it_has_got(connected, start) -> None:
    park = connected.sandbox.faults.add(Park(path="*/availabilities.json", skip=3))
    child = start("fanout", "--all", "--concurrency", "1")
    connected.call(park.arrived())

    child.interrupt()
    code, out, err = child.finish()
    connected.call(_release(park))

    assert code == 130
    lines = [json.loads(line) for line in out.splitlines()]
    assert len(lines) >= 2
    assert all(line["ok"] for line in lines)
    assert err == f"{len(lines)} of 10 products were read.\neguma: interrupted\n"


async def _release(park: Park) -> None:
    park.release()


def test_progress_is_shown_on_a_terminal_only(connected, start, tmp_path) -> None:
    park = connected.sandbox.faults.add(Park(path="*/availabilities.json", skip=9))
    ours, theirs = pty.openpty()
    file = tmp_path / "slots.jsonl"
    arguments = ("fanout", "--all", "--to-file", str(file))
    child = start(*arguments, stderr=theirs, env={"TERM": "xterm-256color"})
    os.close(theirs)
    shown = child.read_until(" left", ours)  # as it takes longer than a second
    connected.call(_release(park))
    code, out, _ = child.finish()
    os.close(ours)

    assert (code, out) == (0, "")
    assert "availabilities" in shown
    assert re.search(r"9/10.*[0-9]+/s · limit [0-9]+ · 0:0[01] left", shown)
    assert start(*arguments).finish() == (0, "", "")
