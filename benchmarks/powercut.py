"""Cut the power at every write and every sync of a journal, and look for what was acknowledged.

The store of `SQLiteJournal`, with its own statements and settings, writes, changes and removes rows
through a file system that notes all it is asked (`benchmarks._power`). Then, for each moment of the
notes, the file is shown as a power cut at that moment leaves it: what was not synced is lost, or
torn, or reordered. A store opens it, and every row that was acknowledged before the cut must be
there in its last acknowledged version, or in one that was asked for later.

- ``acknowledged``: rows looked for, over all cuts.
- ``acknowledged_lost``: those that were older than acknowledged, or not there. 0.
- ``corrupt``: files that could not be opened, or contradict themselves. 0.

``--synchronous NORMAL`` or ``OFF`` runs the same with a setting that promises less: then
``acknowledged_lost`` is more than 0, which shows that the cuts can tell.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from eguma_async.core.errors import JournalError
from eguma_async.journal.stores.base import Row
from eguma_async.journal.stores.sqlite import SQLiteStore

from . import _power

BATCHES = 60
NAME = "journal.db"


class Work:
    """Writes rows and remembers what was acknowledged when.

    Attributes:
        asked: For each series, the states it was to have, in order; None for removed.
        known: For each moment at which something was acknowledged, series and state's number.
    """

    def __init__(self, disk: _power.Disk, chance: random.Random) -> None:
        self._disk = disk
        self._chance = chance
        self._living: list[Row] = []
        self.asked: dict[str, list[Row | None]] = {}
        self.known: list[tuple[int, str, int]] = []

    async def run(self, make: Any) -> None:
        """Write in batches, with pauses in which the log is emptied, and openings in between."""
        store = make()
        await store.open()
        for batch in range(BATCHES):
            await asyncio.gather(*(self._step(store) for _ in range(self._chance.randint(1, 4))))
            if batch % 20 == 11:
                await asyncio.sleep(0.3)
            if batch % 20 == 19:
                await store.close()
                store = make()
                await store.open()
        await store.close()

    async def _step(self, store: SQLiteStore) -> None:
        choice = self._chance.random()
        data = self._chance.randbytes(self._chance.choice((0, 40, 400, 3000, 9000)))
        if choice < 0.4 or not self._living:
            new = Row(
                series=f"{len(self.asked):064x}",
                generation=1,
                version=1,
                is_open=True,
                created_at=float(self._chance.randint(1, 50)),
                data=data,
            )
            await self._write(new.series, new, store.insert(new))
            return
        old = self._living.pop(self._chance.randrange(len(self._living)))
        if choice < 0.85:
            remote = old.series if self._chance.random() < 0.5 else None
            changed = old.next(is_open=self._chance.random() < 0.5, remote=remote, data=data)
            await self._write(old.series, changed, store.replace(changed))
        else:
            await self._write(old.series, None, store.delete(old))

    async def _write(self, series: str, state: Row | None, writing: Any) -> None:
        states = self.asked.setdefault(series, [])
        states.append(state)
        done = await writing
        assert done == state or done is True
        # As soon as it was committed it may be acknowledged, so that is what it is held to.
        commit = max(n for n, e in enumerate(self._disk.events) if e.kind == "commit")
        self.known.append((commit + 1, series, len(states) - 1))
        if state is not None:
            self._living.append(state)

    def must_hold(self, moment: int) -> dict[str, int]:
        """Return which state of each series was acknowledged at a moment."""
        return {series: number for at, series, number in self.known if at <= moment}


def _checked(connection: Any) -> Any:
    return connection.execute("PRAGMA integrity_check").fetchone()


async def found_after(files: dict[str, bytes], directory: Path) -> dict[str, Row] | None:
    """Open what a cut has left; None if that fails or it contradicts itself."""
    for each in directory.iterdir():
        each.unlink()
    for name, content in files.items():
        (directory / name).write_bytes(content)
    store = SQLiteStore(directory / NAME, filesystem_of=lambda _: "ext4")
    try:
        await store.open()
        checked = await store._do(_checked)  # noqa: SLF001  # no question of a journal
        rows = {row.series: row for row in await store.rows(limit=10_000)}
    except JournalError:
        return None
    finally:
        await store.close()
    return rows if checked == ("ok",) else None


def moments(disk: _power.Disk, cuts: int, chance: random.Random) -> list[int]:
    """Return when to cut: every event once, then some again; or some, if there are more."""
    every = list(range(1, len(disk.events) + 1))
    chance.shuffle(every)
    return (every + chance.choices(every, k=max(0, cuts - len(every))))[:cuts]


async def trial(cuts: int, synchronous: str, seed: int, directory: Path) -> dict[str, Any]:
    """Write once, cut often, and count."""
    chance = random.Random(seed)
    written, cut = directory / "written", directory / "cut"
    cut.mkdir()
    disk = _power.Disk()
    vfs = _power.Vfs(disk)
    work = Work(disk, chance)
    await work.run(lambda: _power.NotedStore(written / NAME, vfs, synchronous))
    counts: Counter[str] = Counter()
    for number, moment in enumerate(moments(disk, cuts, chance)):
        loss = _power.LOSSES[number % len(_power.LOSSES)]
        expected = work.must_hold(moment)
        rows = await found_after(disk.after_cut(moment, loss, chance), cut)
        counts["acknowledged"] += len(expected)
        if rows is None:
            counts["corrupt"] += 1
            counts["acknowledged_lost"] += len(expected)
            continue
        for series, state in expected.items():
            counts["acknowledged_lost"] += rows.get(series) not in work.asked[series][state:]
    vfs.unregister()
    return {
        "cuts": cuts,
        "acknowledged": counts["acknowledged"],
        "acknowledged_lost": counts["acknowledged_lost"],
        "corrupt": counts["corrupt"],
        "writes_and_syncs": sum(e.kind != "commit" for e in disk.events),
        "commits": sum(e.kind == "commit" for e in disk.events),
        "synchronous": synchronous,
    }


def run(cuts: int, synchronous: str = "FULL", seed: int = 1) -> dict[str, Any]:
    """Return the counts of one trial, in memory where the system has a place for that."""
    memory = Path("/dev/shm")
    place = memory if memory.is_dir() else None
    with tempfile.TemporaryDirectory(dir=place) as directory:
        return asyncio.run(trial(cuts, synchronous, seed, Path(directory)))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cuts", type=int, default=300)
    parser.add_argument("--synchronous", choices=("FULL", "NORMAL", "OFF"), default="FULL")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    began = time.perf_counter()
    result = run(given.cuts, given.synchronous, given.seed)
    result["seconds"] = round(time.perf_counter() - began, 1)
    if given.json:
        print(json.dumps(result, indent=2))
    else:
        for name, value in result.items():
            print(f"{name:<20}{value}")
    has_lost = bool(result["acknowledged_lost"] or result["corrupt"])
    sys.exit(1 if has_lost == (given.synchronous == "FULL") else 0)


if __name__ == "__main__":
    main()
