"""What an import costs, as a share of ``import aiohttp``.

Each target runs in a fresh interpreter, in turn with the others; its figure is
(CPU - that of bare python) / (CPU of ``import aiohttp`` - that of bare python), within one round,
and the median of these. One run before the first round writes the .pyc files, which all others
read, as an installed package has them.

- ``package``: ``import eguma_async``; nothing is loaded before its first use. Gate <= 0.10.
- ``models``: all models and operations of e-guma, as a tool that only reads JSON needs them.
  Gate <= 0.45.
- ``client``: a session over aiohttp, ready to send. Gate <= 1.40.
- ``client_fast``: a session over the lean transport, ready to send. Gate <= 0.90.
- ``help``: ``python -m eguma_async --help``. Gate <= 0.10.

``..._ms``: the same targets, in milliseconds of CPU of the whole process; only to see what a figure
is a share of.
"""

from __future__ import annotations

import argparse
import enum
import importlib.util
import inspect
import os
import subprocess
import sys

import attrs

import eguma_async

from . import _lib

try:
    import resource
except ModuleNotFoundError:  # not a POSIX system
    raise SystemExit("this benchmark counts the CPU of children, which needs POSIX") from None

LIMIT = 60.0
MODEL_ROOMS = ("eguma_async.eguma.ticketing.", "eguma_async.korus.")
GATES = {
    "package": "<= 0.10",
    "models": "<= 0.45",
    "client": "<= 1.40",
    "client_fast": "<= 0.90",
    "help": "<= 0.10",
}
LEAN = "eguma_async.transports.lean"
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
"""With that variable, each child would compile the package anew."""


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


def client(transport: str) -> str:
    """Return a program that makes a session, ready to send."""
    return f"{transport}; from eguma_async import AsyncSession; AsyncSession('key', transport=T())"


def targets() -> dict[str, list[str]]:
    """Return the arguments of the interpreter for each target."""
    return {
        "bare": ["-c", "pass"],
        "aiohttp": ["-c", "import aiohttp"],
        "package": ["-c", "import eguma_async"],
        "models": ["-c", f"from eguma_async import {', '.join(models())}"],
        "client": ["-c", client("from eguma_async import AiohttpTransport as T")],
        "client_fast": ["-c", client(f"from {LEAN} import LeanTransport as T")],
        "help": ["-m", "eguma_async", "--help"],
    }


def run(arguments: list[str]) -> tuple[float, str | None]:
    """Run an interpreter; return the CPU seconds it took and, if it failed, its last words."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    ended = subprocess.run(
        [sys.executable, *arguments],
        cwd=_lib.ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    if ended.returncode == 0:
        return seconds, None
    return seconds, (ended.stderr.strip().splitlines() or [f"exit code {ended.returncode}"])[-1]


def measure(options: argparse.Namespace) -> tuple[dict[str, list[float]], dict[str, str]]:
    """Return the seconds of each target that works, and why the others do not."""
    missing = {}
    wanted = targets()
    if importlib.util.find_spec(LEAN) is None:
        missing["client_fast"] = "there is no lean transport yet"
        del wanted["client_fast"]
    for name, arguments in tuple(wanted.items()):  # this also writes the .pyc files
        fault = run(arguments)[1]
        if fault is not None:
            missing[name] = fault
            del wanted[name]
    if not {"bare", "aiohttp"} <= wanted.keys():
        raise SystemExit(f"nothing to compare with: {missing}")
    seconds: dict[str, list[float]] = {name: [] for name in wanted}
    for name in _lib.alternating(options.rounds, tuple(wanted), patience=options.patience):
        seconds[name].append(run(wanted[name])[0])
    return seconds, missing


def figures(seconds: dict[str, list[float]], missing: dict[str, str]) -> dict[str, _lib.Figure]:
    """Return the report."""
    found = {}
    for name, gate in GATES.items():
        key = f"{name}_vs_aiohttp"
        if name in missing:
            found[key] = _lib.Figure(None, gate=gate, note=missing[name])
            continue
        rounds = zip(seconds["bare"], seconds["aiohttp"], seconds[name], strict=True)
        single = [(taken - bare) / (unit - bare) for bare, unit, taken in rounds]
        found[key] = _lib.middle(single, gate=gate)
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
