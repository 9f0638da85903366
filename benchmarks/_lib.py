"""What the benchmarks share: arguments, children, turns that alternate, medians and output."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib.metadata
import itertools
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

if TYPE_CHECKING:
    from eguma_async import AiohttpTransport
    from eguma_async.pipeline.session import BaseSession

T = TypeVar("T")

ROOT = Path(__file__).resolve().parent.parent
CLIENT_CPU, SERVER_CPU = 0, 1
START_SECONDS = 20.0
FEWEST_ROUNDS = 3
PATIENCE = 30.0

KEY = "benchmark-key-0123456789"
FROM, TO = date(2026, 3, 1), date(2026, 4, 9)
PRODUCT_IDS = tuple(f"{0x64AD1BB1973B861C040C0000 + number:024x}" for number in range(1000))
"""Ids of the usual shape. They go round, so that no contender gains from a URL it has seen."""

Call = Callable[[str], Awaitable[Any]]
"""Reads the availabilities of one product."""


# Arguments and output


def arguments(doc: str | None, *, rounds: int, seconds: float | None = None) -> argparse.Namespace:
    """Parse the options every benchmark has; `seconds` is the length of one turn."""
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.add_argument(
        "--rounds",
        type=int,
        help=f"default: {rounds}, or as many as {PATIENCE:g} s allow on a busy machine",
    )
    if seconds is not None:
        parser.add_argument(
            "--seconds", type=float, default=seconds, help="length of one turn; default %(default)s"
        )
    given = parser.parse_args()
    given.patience = math.inf if given.rounds else PATIENCE
    given.rounds = rounds if given.rounds is None else given.rounds
    if given.rounds < 1 or getattr(given, "seconds", 1) <= 0:
        parser.error("--rounds must be at least 1, --seconds more than 0")
    return given


@attrs.frozen
class Figure:
    """One line of a report.

    Attributes:
        value: The figure; None if it could not be taken.
        unit: What it is measured in; empty for a ratio.
        gate: What is asked of it, such as ``>= 0.90``.
        quartiles: Of the single measurements.
        note: A word on it, such as why there is no value.
    """

    value: float | None
    unit: str = ""
    gate: str = ""
    quartiles: tuple[float, float] | None = None
    note: str = ""

    @property
    def holds(self) -> bool | None:
        """Whether the gate holds; None without a gate or without a value."""
        if self.value is None or not self.gate:
            return None
        sign, limit = self.gate.split()
        return self.value >= float(limit) if sign == ">=" else self.value <= float(limit)


def middle(values: Sequence[float], unit: str = "", gate: str = "") -> Figure:
    """Return the median of measurements as a figure."""
    return Figure(statistics.median(values), unit, gate, _quartiles(values))


def ratio(above: Sequence[float], below: Sequence[float], gate: str = "") -> Figure:
    """Return the median of the ratios, each taken within one round."""
    return middle([a / b for a, b in zip(above, below, strict=True)], gate=gate)


def _quartiles(values: Sequence[float]) -> tuple[float, float] | None:
    if len(values) < 2:
        return None
    low, _, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, high


def report(name: str, figures: Mapping[str, Figure], *, as_json: bool, rounds: int) -> None:
    """Print the figures, as a table or as one JSON document."""
    if not as_json:
        print(_table(figures))
        return
    document: dict[str, Any] = {
        "benchmark": name,
        **{key: _rounded(figure.value) for key, figure in figures.items()},
        "quartiles": {
            key: [_rounded(edge) for edge in figure.quartiles]
            for key, figure in figures.items()
            if figure.quartiles
        },
        "gates": {key: figure.gate for key, figure in figures.items() if figure.gate},
        "holds": {key: f.holds for key, f in figures.items() if f.holds is not None},
        "notes": {key: figure.note for key, figure in figures.items() if figure.note},
        "rounds": rounds,
        "versions": versions(),
    }
    print(json.dumps(document, indent=2))


def tell(name: str, counts: dict[str, Any], *, as_json: bool, **circumstances: Any) -> None:
    """Print counts, as lines or as one JSON document.

    Args:
        name: The benchmark.
        counts: What was counted.
        as_json: Print a document.
        circumstances: What else belongs to it, such as a seed.
    """
    if as_json:
        document = {"benchmark": name, **counts, **circumstances, "versions": versions()}
        print(json.dumps(document, indent=2))
        return
    for key, value in (counts | circumstances).items():
        print(f"{key:<28}{value}")


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _table(figures: Mapping[str, Figure]) -> str:
    lines = []
    for key, figure in figures.items():
        value = "-" if figure.value is None else f"{figure.value:,.3g} {figure.unit}".rstrip()
        if figure.value is not None and figure.value >= 100:
            value = f"{figure.value:,.0f} {figure.unit}".rstrip()
        spread = "{:,.3g} to {:,.3g}".format(*figure.quartiles) if figure.quartiles else ""
        verdict = {True: "holds", False: "MISSED", None: ""}[figure.holds]
        gate = f"gate {figure.gate} {verdict}".rstrip() if figure.gate else ""
        tail = "  ".join(part for part in (gate, figure.note) if part)
        lines.append(f"{key:<36}{value:>14}   {spread:<22}{tail}".rstrip())
    return "\n".join(lines)


def versions() -> dict[str, str]:
    """Return the versions of all that takes part."""
    found = {"python": platform.python_version()}
    for name in ("aiohttp", "attrs", "cattrs", "msgspec", "yarl", "httpx", "pydantic"):
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[name] = importlib.metadata.version(name)
    return found


# Turns


def alternating(rounds: int, contenders: Sequence[T], *, patience: float = math.inf) -> Iterator[T]:
    """Yield each contender once a round, in reversed order in odd rounds.

    Args:
        rounds: How many rounds.
        contenders: Who takes part.
        patience: Seconds after which, on a busy machine, no further round begins.
    """
    began = time.perf_counter()
    for number in range(rounds):
        if number >= FEWEST_ROUNDS and time.perf_counter() - began > patience:
            return
        yield from contenders if number % 2 == 0 else contenders[::-1]


@attrs.frozen
class Turn:
    """What one contender did in one turn."""

    calls: int
    wall: float
    cpu: float

    @property
    def rate(self) -> float:
        """Calls a second."""
        return self.calls / self.wall

    @property
    def cpu_us(self) -> float:
        """Microseconds of this process's CPU a call."""
        return self.cpu / self.calls * 1e6

    @property
    def busy(self) -> float:
        """Share of a core this process had."""
        return self.cpu / self.wall


async def turn(call: Call, *, seconds: float, at_once: int) -> Turn:
    """Call as often as a time allows, so many at once."""
    ids = itertools.cycle(PRODUCT_IDS)
    calls = 0
    gc.collect()
    cpu, began = time.process_time(), time.perf_counter()
    end = began + seconds

    async def worker() -> None:
        nonlocal calls
        while time.perf_counter() < end:
            await call(next(ids))
            calls += 1

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return Turn(calls, time.perf_counter() - began, time.process_time() - cpu)


# Processes


def pin(cpu: int) -> None:
    """Keep this process on one core, where the system can do that and has a second core."""
    if hasattr(os, "sched_setaffinity") and {CLIENT_CPU, SERVER_CPU} <= os.sched_getaffinity(0):
        os.sched_setaffinity(0, {cpu})


@contextlib.contextmanager
def child(module: str, *args: str, within: float = START_SECONDS) -> Iterator[Any]:
    """Run a module beside this process and yield the JSON it prints in its first line.

    It ends as its stdin closes, so it cannot outlive this process either.

    Args:
        module: What to run.
        args: Its arguments.
        within: Seconds it has to print that line.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", module, *args],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        too_late = threading.Timer(within, process.kill)
        too_late.daemon = True
        too_late.start()
        line = process.stdout.readline()
        too_late.cancel()
        if not line:
            raise SystemExit(f"{module} did not start, or not within {within:g} s")
        yield json.loads(line)
    finally:
        process.stdin.close()
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        process.stdout.close()


def peak_memory() -> int:
    """Return the bytes of memory this process has held at most."""
    with contextlib.suppress(OSError):
        # Preferred where it exists: after an exec, ru_maxrss still counts the parent's memory.
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def open_descriptors() -> int:
    """Return how many descriptors this process has open; 0 where the system does not tell."""
    with contextlib.suppress(OSError):
        return len(tuple(Path("/proc/self/fd").iterdir()))
    return 0


def free_permits(session: BaseSession) -> int:
    """Return how many more requests a session would let go out now."""
    return session._layers._permits.free  # noqa: SLF001  # nothing public tells


def taken_slots(transport: AiohttpTransport) -> int:
    """Return how many connections of a transport's pool are in use."""
    pool = transport._session  # noqa: SLF001  # nothing public tells
    if pool is None or pool.connector is None:
        return 0
    return len(pool.connector._acquired)  # noqa: SLF001


async def parent_gone() -> None:
    """Wait, in a child, until its stdin closes."""
    loop, gone = asyncio.get_running_loop(), asyncio.Event()

    def watch() -> None:
        sys.stdin.read()
        with contextlib.suppress(RuntimeError):  # the loop ended by itself
            loop.call_soon_threadsafe(gone.set)

    threading.Thread(target=watch, daemon=True).start()
    await gone.wait()


def announce(facts: object) -> None:
    """Tell the parent, from a child, what `child` is to yield."""
    print(json.dumps(facts), flush=True)
