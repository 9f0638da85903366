"""Carrying out `eguma korus` within the process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eguma_async.cli import main

Out = pytest.CaptureFixture[str]


def run(capsys: Out, *arguments: str, code: int = 0) -> tuple[str, str]:
    """Return stdout and stderr of a command that ends with an exit code."""
    capsys.readouterr()
    assert main(["korus", *arguments]) == code, capsys.readouterr().err
    captured = capsys.readouterr()
    return captured.out, captured.err


def document(capsys: Out, *arguments: str) -> Any:
    """Return what a command prints with --json, and nothing but that."""
    out, err = run(capsys, *arguments, "--json")
    assert err == ""
    return json.loads(out)
