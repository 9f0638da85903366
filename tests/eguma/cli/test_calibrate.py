"""``eguma calibrate``: what a server does, as a table, as JSON and as a profile."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import attrs
import pytest

from eguma_async.cli import main
from eguma_async.cli.calibration import for_its_provider
from eguma_async.cli.connection import session_clock
from eguma_async.cli.errors import Stop
from eguma_async.cli.later import LaterClock
from eguma_async.sandbox import DropAfter, EgumaOptions, EgumaSandbox, Reply
from tests.calibration.test_eguma import CHANGED
from tests.support.commands import Served
from tests.support.disk import full_disk

ALL = ("--book", "--wait", "--check-in")


@pytest.fixture
def connected(served, monkeypatch):
    monkeypatch.setenv("EGUMA_API_KEY", served.sandbox.demo_key)
    monkeypatch.setenv("EGUMA_BASE_URL", served.url)


@pytest.fixture(autouse=True)
def _no_pauses():
    token = session_clock.set(LaterClock(0))
    yield
    session_clock.reset(token)


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)


def write_profile(path, options):
    table = {k: v for k, v in attrs.asdict(options).items() if v is not None}
    lines = [f"{name} = {json.dumps(value)}" for name, value in table.items()]
    null = [k for k, v in attrs.asdict(options).items() if v is None]
    text = "\n".join(["provider = 'eguma'", f"null = {json.dumps(null)}", "[options]", *lines])
    path.write_text(text, "utf-8")


def test_it_finds_every_changed_option_of_a_sandbox(capsys, tmp_path):
    write_profile(tmp_path / "changed.toml", CHANGED)
    assert main(["calibrate", "--sandbox", "--profile", "changed.toml", "--json", *ALL]) == 6
    out, err = capsys.readouterr()
    document = json.loads(out)
    changed = {
        field.name: getattr(CHANGED, field.name)
        for field in attrs.fields(EgumaOptions)
        if field.default != getattr(CHANGED, field.name)
    }
    found = {each["option"]: each for each in document["findings"]}
    assert {name for name, each in found.items() if each["differs"]} == changed.keys()
    assert {name: found[name]["value"] for name in changed} == changed
    assert len(document["left_behind"]) == 1
    assert "left behind at the server, cancel it by hand: booking " in err
    assert EgumaOptions.from_file("calibration.toml") == CHANGED


def test_the_profile_names_what_was_seen_and_says_what_was_not(capsys, tmp_path):
    assert main(["calibrate", "--sandbox", "--to", "mine.toml"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "11 of 37 options seen, 0 differ from the sandbox"
    assert "eguma sandbox --provider eguma --profile mine.toml" in err
    text = (tmp_path / "mine.toml").read_text("utf-8")
    table = tomllib.loads(text)
    assert (table["provider"], table["null"]) == ("eguma", ["max_range_days", "max_orders"])
    assert 'generation = "B"  # products with currency' in text
    assert "# mismatch_status: not seen, not asked: it books and cancels" in text


def test_a_file_is_not_replaced_unasked(capsys, tmp_path):
    (tmp_path / "calibration.toml").write_text("mine")
    assert main(["calibrate", "--sandbox"]) == 2
    assert "calibration.toml exists already" in capsys.readouterr().err
    assert (tmp_path / "calibration.toml").read_text() == "mine"
    assert main(["calibrate", "--sandbox", "--force"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["--product", "nothing"], 4, "no product nothing; `eguma products` lists them"),
        ([], 2, "--product is missing; `eguma products` lists them"),
        (["--product", "x", "--check-in"], 2, "--check-in goes with --book"),
        (["--product", "x", "--sold-out", "y"], 2, "--sold-out must be PRODUCT=STARTS_AT"),
        (["--product", "x", "--profile", "y"], 2, "--profile goes with --sandbox"),
        (["--product", "x", "--to", "no/such/place"], 2, "no/such is no directory"),
        (["--product", "x", "--to", "."], 2, ". exists already; name another file"),
        (["--product", "x", "--to", ".", "--force"], 2, ". is no plain file"),
        (["--product", "x", "--to", "-"], 2, "--to needs a value. See `eguma calibrate --help`"),
        (["--provider", "other"], 2, "--provider must be eguma or korus"),
        (["--sandbox", "--profile", "none.toml"], 2, "none.toml cannot be read: No such file"),
    ],
)
def test_what_cannot_be_asked_is_said(connected, capsys, arguments, code, said):
    assert main(["calibrate", *arguments]) == code
    assert said in capsys.readouterr().err


def test_a_wrong_key_and_no_server(served, capsys, monkeypatch):
    monkeypatch.setenv("EGUMA_API_KEY", "wrong-key")
    monkeypatch.setenv("EGUMA_BASE_URL", served.url)
    assert main(["calibrate", "--product", "x"]) == 3
    assert (
        "the list of products cannot be read: HTTP 401; `eguma doctor`" in capsys.readouterr().err
    )
    monkeypatch.setenv("EGUMA_BASE_URL", "http://127.0.0.1:1")
    assert main(["calibrate", "--product", "x"]) == 7
    monkeypatch.delenv("EGUMA_API_KEY")
    assert main(["calibrate", "--product", "x"]) == 2


@pytest.mark.parametrize(
    ("fault", "code", "said"),
    [
        (Reply(200, body=b"<html>Please log in</html>"), 1, "HTTP 200; `eguma doctor` says more"),
        (Reply(503), 1, "HTTP 503; `eguma doctor` says more"),
        (Reply(403), 3, "HTTP 403; `eguma doctor` says more"),
        (Reply(418), 5, "HTTP 418; `eguma doctor` says more"),
        (DropAfter(), 7, "Nothing was changed; check the network"),
    ],
)
def test_another_server_or_none_that_answers(connected, served, capsys, *, fault, code, said):
    served.sandbox.faults.add(fault)

    assert main(["calibrate", "--product", "x"]) == code
    assert said in capsys.readouterr().err
    assert not Path("calibration.toml").exists()


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_full_disk_hides_neither_what_was_seen_nor_what_stays_behind(capsys, tmp_path, as_json):
    write_profile(tmp_path / "changed.toml", CHANGED)
    with full_disk():
        code = main(["calibrate", "--sandbox", "--profile", "changed.toml", *ALL, *as_json])
    out, err = capsys.readouterr()
    assert code == 1
    assert "cannot be written: File too large" in err
    assert "left behind: booking " in err
    assert "mismatch_status" in out
    assert not Path("calibration.toml").exists()


def test_over_http_with_a_booking(capsys, monkeypatch):
    with Served(EgumaSandbox(options=CHANGED)) as served:
        monkeypatch.setenv("EGUMA_API_KEY", served.sandbox.demo_key)
        monkeypatch.setenv("EGUMA_BASE_URL", served.url)
        product = served.sandbox.example("time").product_id
        assert main(["calibrate", "--product", product, "--json"]) == 0
        options = json.loads(capsys.readouterr().out)["options"]
    wanted = attrs.asdict(CHANGED)
    # The clock here moves on by each pause, that of the server does not; a Date has whole seconds.
    assert options.pop("date_skew_seconds") in (90.0, 91.0)
    assert options == {name: wanted[name] for name in options}
    assert options["max_range_days"] == 100
    assert served.sandbox.demo_key not in Path("calibration.toml").read_text("utf-8")


@pytest.mark.parametrize(
    ("given", "used"),
    [
        (["calibrate", "--book"], ["calibrate", "--book"]),
        (["calibrate", "--provider", "eguma", "--book"], ["calibrate", "--book"]),
        (["calibrate", "--book", "--provider=korus", "-v"], ["korus", "calibrate", "--book", "-v"]),
        (["sandbox", "--provider", "korus"], ["sandbox", "--provider", "korus"]),
    ],
)
def test_the_provider_is_named_by_an_option(given, used):
    assert for_its_provider(given) == used


def test_no_provider_behind_the_option():
    with pytest.raises(Stop):
        for_its_provider(["calibrate", "--provider"])
