"""A file that takes the place of another."""

from __future__ import annotations

from pathlib import Path

import pytest

from eguma_async.core.files import replacing
from tests.support.disk import full_disk

NOWHERE = Path("/proc/ticket.png")


@pytest.mark.skipif(not NOWHERE.parent.is_dir(), reason="no directory that nobody can write to")
def test_what_cannot_be_made_is_named_as_it_was_asked_for() -> None:
    with pytest.raises(OSError) as caught, replacing(NOWHERE):
        pass

    assert caught.value.filename == str(NOWHERE)


def test_a_full_disk_is_told_with_the_name_and_leaves_no_trace(tmp_path: Path) -> None:
    place = tmp_path / "ticket.png"
    place.write_bytes(b"before")

    with full_disk(), pytest.raises(OSError) as caught, replacing(place) as file:
        file.write(b"after")

    assert caught.value.filename == str(place)
    assert [each.name for each in tmp_path.iterdir()] == ["ticket.png"]
    assert place.read_bytes() == b"before"
