"""What SECURITY.md says of threats: every row names tests that show it, and they are there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
THREATS = (ROOT / "SECURITY.md").read_text("utf-8").partition("\n## Threats")[2]
STRIDE = set("STRIDE")
SURFACES = (
    "API key and tokens",
    "Transport and TLS",
    "Responses",
    "Redirects",
    "Signed links and documents",
    "Journal",
    "Copies of orders",
    "Logs, errors, pickles",
    "Command line",
    "Sandbox server",
    "Dependencies",
)
ID = r"tests/[\w/]+\.py(?:::\w+)+(?:\[[^`]*\])?"


def rows(text):
    """Return the cells of each row of the tables in a text, without their heads."""
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if row[0]]


ROWS = rows(THREATS)
NAMED = sorted({name for row in ROWS for name in re.findall(rf"`({ID})`", row[-1])})


def without(collected, named):
    """Return those that are named and were not collected, with or without their parameters."""
    whole = {each.partition("[")[0] for each in collected}
    return [name for name in named if name not in collected and name not in whole]


def collected_from(files):
    """Return the ids of all tests in some files, those on database servers included."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-n", "0", "-m", "", *files],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return set(done.stdout.splitlines())


def test_every_test_that_is_named_is_there():
    assert len(NAMED) > 60
    files = sorted({name.partition("::")[0] for name in NAMED})
    pytest.importorskip("asyncpg")  # without it, the tests of its store are not collected
    pytest.importorskip("redis")
    assert without(collected_from(files), NAMED) == []


@pytest.mark.parametrize(
    "name", ["tests/x.py::test_a", "tests/x.py::test_b[1]", "tests/x.py::T::test_c"]
)
def test_one_that_is_missing_is_found(name):
    there = {"tests/x.py::test_b[2]", "tests/x.py::test_ab", "tests/x.py::test_c"}
    assert without(there, [name, "tests/x.py::test_b", "tests/x.py::test_c"]) == [name]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[1][:60])
def test_a_row_has_a_threat_an_answer_and_its_tests(row):
    letter, threat, answer, shown = row
    assert letter in STRIDE
    assert threat
    assert answer
    assert re.fullmatch(rf"`{ID}`(?:, `{ID}`)*", shown)


def test_every_surface_has_its_rows_and_every_letter_too():
    surfaces = re.findall(r"^### (.*)$", THREATS, re.MULTILINE)
    assert tuple(surfaces) == SURFACES
    assert all(rows(part) for part in re.split(r"^### .*$", THREATS, flags=re.MULTILINE)[1:])
    assert {row[0] for row in ROWS} == STRIDE
