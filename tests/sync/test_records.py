"""What one reading of a record does to another."""

from __future__ import annotations

from eguma_async.sync import Record, Window
from eguma_async.sync.records import Kept, merged


def nonsense(start: float, end: float) -> Record:
    return Record(id="?x", problems=("p",), found=Window(start=start, end=end), data=b"null")


def test_what_comes_with_every_answer_is_asked_for_less_and_less_often_over_all_of_it():
    """A server that adds it to each answer must not have the whole copy read again and again."""
    kept: Kept | None = None
    now, asked = 0.0, list[float]()
    for _ in range(60):  # seen each minute
        kept = merged(kept, nonsense(now - 300.0, now), 1, now)
        assert kept.ask_at is not None
        if not asked or kept.ask_at != asked[-1]:
            asked.append(kept.ask_at)
        now += 60.0
    assert asked == [120.0, 360.0, 840.0, 1800.0, 3720.0]
    assert kept is not None
    assert kept.record.found == Window(start=-300.0, end=59 * 60.0)
