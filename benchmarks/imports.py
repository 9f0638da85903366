"""What an import costs, as a share of ``import aiohttp``.

Each target runs in a fresh interpreter, in turn with the others; its figure is
(time - bare python) / (import aiohttp - bare python), from the medians.

- ``package``: ``import eguma_async``; nothing is loaded before its first use. Gate <= 0.10.
- ``models``: all models and operations of the providers, as a tool that only reads JSON needs
  them.
- ``client``: a session over aiohttp, ready to send.
- ``help``: ``python -m eguma_async --help``.
"""

from __future__ import annotations

import argparse
import enum
import importlib.util
import inspect
import statistics
import subprocess
import sys
import time

import attrs

import eguma_async

from . import _lib

LIMIT = 60.0
MODEL_ROOMS = ("eguma_async.eguma.ticketing.", "eguma_async.korus.")
COMPARED = ("package", "models", "client", "help")
GATES = {"package": "<= 0.10"}


def models() -> list[str]:
    """Return the names of the providers' public attrs classes and enumerations."""
    found = {name: getattr(eguma_async, name) for name in vars(eguma_async)["__all__"]}
    return [
        name
        for name, value in found.items()
        if inspect.isclass(value)
        and value.__module__.startswith(MODEL_ROOMS)
        and (attrs.has(value) or issubclass(value, enum.Enum))
    ]


def targets() -> dict[str, list[str]]:
    """Return the arguments of the interpreter for each target."""
    key = "benchmark-key-0123456789"
    return {
        "bare": ["-c", "pass"],
        "aiohttp": ["-c", "import aiohttp"],
        "package": ["-c", "import eguma_async"],
        "models": ["-c", f"from eguma_async import {', '.join(models())}"],
        "client": [
            "-c",
            f"import eguma_async as e; e.AsyncSession({key!r}, transport=e.AiohttpTransport())",
        ],
        "help": ["-m", "eguma_async", "--help"],
    }


def run(arguments: list[str]) -> tuple[float, str | None]:
    """Run an interpreter; return how long it took and, if it failed, its last words."""
    began = time.perf_counter()
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=_lib.ROOT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    seconds = time.perf_counter() - began
    if ended.returncode == 0:
        return seconds, None
    return seconds, (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]


def measure(options: argparse.Namespace) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return the seconds of each target that works, and why the others do not."""
    missing = {}
    wanted = targets()
    if importlib.util.find_spec("eguma_async.__main__") is None:
        missing["help"] = "there is no command line yet"
        del wanted["help"]
    for name, arguments in tuple(wanted.items()):  # this also writes the .pyc files
        fault = run(arguments)[1]
        if fault is not None:
            missing[name] = fault
            del wanted[name]
    seconds: dict[str, list[float]] = {name: [] for name in wanted}
    for name in _lib.alternating(options.rounds, tuple(wanted), patience=options.patience):
        seconds[name].append(run(wanted[name])[0])
    return seconds, missing


def figures(seconds: dict[str, list[float]], missing: dict[str, str]) -> dict[str, _lib.Figure]:
    """Return the report."""
    bare = statistics.median(seconds["bare"])
    unit = statistics.median(seconds["aiohttp"]) - bare
    found = {}
    for name in COMPARED:
        gate = GATES.get(name, "")
        if name in missing:
            found[f"{name}_vs_aiohttp"] = _lib.Figure(None, gate=gate, note=missing[name])
            continue
        single = [(value - bare) / unit for value in seconds[name]]
        found[f"{name}_vs_aiohttp"] = _lib.middle(single, gate=gate)
    for name, values in seconds.items():
        found[f"{name}_ms"] = _lib.middle([value * 1000 for value in values], "ms")
    return found


def main() -> None:
    options = _lib.arguments(__doc__, rounds=15)
    seconds, missing = measure(options)
    found, rounds = figures(seconds, missing), len(seconds["bare"])
    _lib.report("imports", found, as_json=options.json, rounds=rounds)


if __name__ == "__main__":
    main()
