"""Copies of a shop's orders, made while everything goes wrong: do they say what the shop says?

Each run is one history made of chance: orders are sold several in one second, changed while they
are listed, cancelled, taken back, shown late by minutes or by hours, hidden and made unreadable;
the client's clock and the server's are wrong, and in half of the runs the clocks of the country
are changed; answers are cut, refused and broken; those who copy are killed at requests and in the
middle of writes, and two of them work on one copy; checkpoints are damaged. Nothing takes real time
but the disk.

- ``runs``: how many.
- ``equal``: in how many the copy, and what whoever followed it has seen, was equal to the list of
  the shop: at once for all that was late by no more than the overlap, and after a day for all.
- ``events``: what happened, and how often. Each kind must.

``--mutant NAME`` breaks the copy on purpose, which must be noticed: `equal` is less than `runs`,
and ``caught`` is true.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import logging
import multiprocessing
import os
import sys
import tempfile
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import attrs

from . import _lib
from ._sync import History
from ._sync_mutants import MUTANTS

MEMORY = Path("/dev/shm")  # noqa: S108  # where the disk takes no time, if there is such a place

FEWEST = 25
"""Histories that are worth a process of their own."""

EVENTS = (
    "sold", "changed", "cancelled", "reopened", "changed without a new time", "late by minutes",
    "late by hours", "unreadable", "hidden for a while", "time passed", "clocks put back",
    "clocks put forward", "wrong clocks", "killed before a write", "killed in a write",
    "killed after a write", "killed before a request", "two at once", "changed while listing",
    "connections dropped", "unreadable answers", "server failed", "windows refused", "bisected",
    "swept", "late for the overlap", "missing", "found again", "went back", "checkpoint damaged",
    "checkpoint moved to the future",
)  # fmt: skip
"""What must happen, and how often it does is told."""


@attrs.define
class Result:
    """What many runs came to."""

    runs: int = 0
    equal: int = 0
    events: Counter[str] = attrs.field(factory=Counter)
    faults: list[str] = attrs.field(factory=list)

    @property
    def holds(self) -> bool:
        """True if all were equal."""
        return self.runs > 0 and self.equal == self.runs

    @property
    def unseen(self) -> list[str]:
        """What never happened."""
        return [name for name in EVENTS if not self.events[name]]


def run_often(runs: int, *, seed: int = 1, mutant: str | None = None) -> Result:
    """Run many histories, one after another."""
    result = Result()
    place = MEMORY if MEMORY.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as directory:
        for number in range(runs):
            history = History(seed + number, Path(directory), mutant)
            asyncio.run(history.run())
            result.runs += 1
            result.equal += not history.faults
            result.events += history.events
            result.faults += [f"seed {seed + number}: {fault}" for fault in history.faults]
            for each in Path(directory).iterdir():
                each.unlink()
    return result


def run_on_all_cores(runs: int, *, seed: int = 1, mutant: str | None = None) -> Result:
    """Run many histories, a part of them on each core."""
    parts = min(os.cpu_count() or 1, max(1, runs // FEWEST))
    bounds = [runs * number // parts for number in range(parts + 1)]
    context = multiprocessing.get_context("spawn")
    whole = Result()
    with ProcessPoolExecutor(parts, mp_context=context, initializer=_be_quiet) as pool:
        running = [
            pool.submit(run_often, end - begin, seed=seed + begin, mutant=mutant)
            for begin, end in itertools.pairwise(bounds)
        ]
        for part in (each.result() for each in running):
            whole.runs += part.runs
            whole.equal += part.equal
            whole.events += part.events
            whole.faults += part.faults
    return whole


def _be_quiet() -> None:
    logging.getLogger("eguma_async").setLevel(logging.ERROR)


def main() -> int:
    """Run as the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.add_argument("--runs", type=int, default=500, help="default %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default %(default)s")
    parser.add_argument("--mutant", choices=sorted(MUTANTS), help="break the copy on purpose")
    given = parser.parse_args()
    if given.runs < 1:
        parser.error("--runs must be at least 1")
    result = run_on_all_cores(given.runs, seed=given.seed, mutant=given.mutant)
    counts: dict[str, Any] = {
        "runs": result.runs,
        "equal": result.equal,
        "events": {name: result.events[name] for name in EVENTS},
        "others": {name: n for name, n in result.events.items() if name not in EVENTS},
        "unseen": result.unseen,
        "first_faults": result.faults[:5],
    }
    if given.mutant:
        counts["caught"] = not result.holds
    _lib.tell("sync", counts, as_json=given.json, seed=given.seed, mutant=given.mutant)
    if given.mutant:
        return 0 if not result.holds else 1
    return 0 if result.holds and not result.unseen else 1


if __name__ == "__main__":
    sys.exit(main())
