"""Power cuts: what was acknowledged is there, and a journal that was being made can be made."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest

from benchmarks import _power, powercut
from eguma_async.journal.stores.sqlite import SQLiteStore
from tests.journal.stores import row


def test_nothing_that_was_acknowledged_is_lost():
    found = powercut.run(cuts=80)
    assert found["acknowledged"] > 500
    assert found["acknowledged_lost"] == found["corrupt"] == 0


@pytest.mark.parametrize("synchronous", ["NORMAL", "OFF"])
def test_the_cuts_show_what_a_lesser_setting_loses(synchronous):
    assert powercut.run(cuts=40, synchronous=synchronous)["acknowledged_lost"] > 0


@pytest.fixture
def place():
    memory = Path("/dev/shm")  # noqa: S108
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


async def test_whatever_interrupts_its_making_it_can_be_made(place):
    disk = _power.Disk()
    vfs = _power.Vfs(disk)
    store = _power.NotedStore(place / "first" / powercut.NAME, vfs, "FULL")
    await store.open()
    await store.close()
    vfs.unregister()
    chance = random.Random(1)
    cut = place / "cut"
    cut.mkdir()
    for moment in range(1, len(disk.events) + 1):
        for loss in _power.LOSSES:
            for each in cut.iterdir():
                each.unlink()
            for name, content in disk.after_cut(moment, loss, chance).items():
                (cut / name).write_bytes(content)
            again = SQLiteStore(cut / powercut.NAME, filesystem_of=lambda _: "ext4")
            await again.open()
            assert await again.insert(row()) == row()
            await again.close()
