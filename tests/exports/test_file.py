"""A file of an export is there as a whole or not at all, and says what is not in it."""

from __future__ import annotations

import asyncio
import io
import json
import os
import stat
import sys
import threading
from pathlib import Path
from typing import Any

import attrs
import pyarrow.parquet
import pytest

from eguma_async.cli import main
from eguma_async.core.errors import ConfigurationError, NotFoundError, SessionStateError
from eguma_async.core.fan_out import Outcome
from eguma_async.core.files import NewFile
from eguma_async.core.listing import Listing, UnreadableElement
from eguma_async.exports import Column, ColumnType, ExportFile, ExportReport, Table, export
from eguma_async.sync.records import ChangeKind
from eguma_async.sync.reports import Copied

FORMATS = ("csv", "jsonl", "parquet")
BAD = UnreadableElement(index=0, problems=("required field missing @ $.id",), raw={})


def numbers(*, private: bool = False) -> Table[Any]:
    """A table in which a number n has n rows."""
    return Table(
        name="numbers",
        columns=(Column("number", ColumnType.INTEGER, "A number.", is_private=private),),
        rows=lambda number: [(number,)] * number,
    )


def outcome(value: Any = None, **more: Any) -> Outcome[Any]:
    return Outcome(
        operation=more.pop("operation", None), value=value, attempts=1, seconds=0, **more
    )


def read(file: Path) -> list[int]:
    match file.suffix:
        case ".csv":
            return [int(line) for line in file.read_text().splitlines()[1:]]
        case ".jsonl":
            return [json.loads(line)["number"] for line in file.read_text().splitlines()]
        case _:
            return pyarrow.parquet.read_table(file).column("number").to_pylist()


@pytest.mark.parametrize("name", FORMATS)
async def test_a_file_has_all_rows(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"n.{name}"

    report = await export([3, 0, 2], numbers(), file)

    assert read(file) == [3, 3, 3, 2, 2]
    assert report == ExportReport(rows=5, elements=3, bytes=file.stat().st_size)
    assert report.is_complete
    assert [each.name for each in tmp_path.iterdir()] == [file.name]


@pytest.mark.parametrize("name", FORMATS)
async def test_a_file_without_rows_is_a_file(tmp_path: Path, name: str) -> None:
    file = tmp_path / f"n.{name}"

    assert (await export([], numbers(), file)).rows == 0

    assert read(file) == []


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("error", [RuntimeError, asyncio.CancelledError, KeyboardInterrupt])
async def test_an_error_leaves_what_was_there(tmp_path: Path, name: str, error: Any) -> None:
    file = tmp_path / f"n.{name}"
    file.write_text("before")

    with pytest.raises(error):
        async with ExportFile(file, numbers()) as out:
            await out.write(5000)
            raise error

    assert file.read_text() == "before"
    assert list(tmp_path.iterdir()) == [file]


async def test_a_source_that_fails_leaves_no_file_and_is_let_go_of(tmp_path: Path) -> None:
    closed = []

    async def source():
        try:
            yield 1
            raise NotFoundError("gone", status=404)
        finally:
            closed.append(True)

    with pytest.raises(NotFoundError):
        await export(source(), numbers(), tmp_path / "n.csv")

    assert closed == [True]
    assert list(tmp_path.iterdir()) == []


async def test_a_source_is_let_go_of_when_a_row_cannot_be_made(tmp_path: Path) -> None:
    closed = []

    async def source():
        try:
            for number in (1, 2, 3):
                yield number
        finally:
            closed.append(True)

    items = source()
    table = attrs.evolve(numbers(), rows=lambda number: [(1 // (1 - number),)])
    with pytest.raises(ZeroDivisionError):
        await export(items, table, tmp_path / "n.csv")

    assert closed == [True]
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", FORMATS)
async def test_nothing_more_comes_into_a_stream_after_an_error(name: str) -> None:
    stream = io.BytesIO()
    with pytest.raises(RuntimeError):
        async with ExportFile(stream, numbers(), format=name) as out:
            await out.write(1)
            before = stream.getvalue()
            raise RuntimeError

    assert stream.getvalue() == before
    assert not stream.closed


async def test_the_report_has_all_that_was_written(tmp_path: Path) -> None:
    async with ExportFile(tmp_path / "n.csv", numbers()) as out:
        await out.write_all([1, 2, 3])
        assert (out.report.rows, out.report.elements) == (6, 3)


class Slow(io.BytesIO):
    """A stream whose writing waits until it may go on."""

    def __init__(self) -> None:
        super().__init__()
        self.may_go_on, self.begun, self.done = threading.Event(), threading.Event(), False

    def write(self, data: Any) -> int:
        if self.tell():  # not the header
            self.begun.set()
            assert self.may_go_on.wait(10)
            self.done = True
        return super().write(data)


async def test_a_cancellation_waits_for_the_thread_that_writes() -> None:
    stream = Slow()
    task = asyncio.ensure_future(export([1], numbers(), stream, format="csv"))
    await asyncio.to_thread(stream.begun.wait, 10)

    for _ in range(3):
        task.cancel()
        await asyncio.wait([task], timeout=0.01)
        assert not task.done()
    stream.may_go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert stream.done
    assert not stream.closed


async def test_the_event_loop_goes_on_while_a_file_is_written() -> None:
    stream = Slow()
    task = asyncio.ensure_future(export([1], numbers(), stream, format="csv"))
    await asyncio.to_thread(stream.begun.wait, 10)

    turns = 0
    for _ in range(100):
        await asyncio.sleep(0)
        turns += 1
    assert (turns, task.done()) == (100, False)
    stream.may_go_on.set()
    await task


async def test_a_stream_gets_what_comes_as_it_comes() -> None:
    stream = io.BytesIO()
    async with ExportFile(stream, numbers(), format="jsonl") as out:
        await out.write(1)
        assert stream.getvalue() == b'{"number":1}\n'
        await out.write(1)
        await out.flush()
        assert stream.getvalue() == b'{"number":1}\n' * 2


async def test_customers_are_their_owners_alone_to_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        await export([1], numbers(private=True), tmp_path / "private.csv")
        await export([1], numbers(), tmp_path / "open.csv")
        await export([1], numbers(private=True).select("number"), tmp_path / "still.csv")
    finally:
        os.umask(before)

    modes = {f.name: stat.S_IMODE(f.stat().st_mode) for f in tmp_path.iterdir()}
    assert modes == {"private.csv": 0o600, "open.csv": 0o640, "still.csv": 0o600}


async def test_a_place_that_became_something_else_meanwhile_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "n"
    new = NewFile(file)
    new.file.write(b"all")
    (part,) = tmp_path.iterdir()
    assert part.name.startswith(".")

    file.mkdir()  # in between, the place became something else
    with pytest.raises(ConfigurationError, match="plain file"):
        new.keep()

    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("place", [".", "nowhere/n.csv", "link.csv"])
async def test_a_place_that_is_no_file_is_refused(tmp_path: Path, place: str) -> None:
    (tmp_path / "link.csv").symlink_to(tmp_path / "other.csv")

    with pytest.raises(ConfigurationError, match="plain file"):
        await export([1], numbers(), tmp_path / place, format="csv")

    assert [each.name for each in tmp_path.iterdir()] == ["link.csv"]


async def test_a_full_disk_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    with Path("/dev/full").open("wb", buffering=0) as full:
        with pytest.raises(OSError, match="No space"):
            await export([1], numbers(), full, format="csv")


async def test_what_failed_and_cannot_be_read_is_counted(tmp_path: Path) -> None:
    error = NotFoundError("no such product", status=404)
    items = Listing(
        [
            outcome(2),
            outcome(error=error, operation="gone", parts=(outcome(1), outcome(error=error))),
        ],
        (BAD,),
    )

    report = await export(items, numbers(), tmp_path / "n.csv")

    assert read(tmp_path / "n.csv") == [2, 2, 1]  # the part that was read is not lost
    assert (report.unreadable, report.problems) == (1, BAD.problems)
    assert report.failed == 1
    failures: list[Any] = [(each.operation, each.error) for each in report.failures]
    assert failures == [("gone", error)]
    assert not report.is_complete


async def test_an_element_has_parts_that_cannot_be_read(tmp_path: Path) -> None:
    table = attrs.evolve(numbers(), unreadable=lambda _: (BAD, BAD))

    report = await export([1], table, tmp_path / "n.csv")

    assert (report.rows, report.unreadable, report.problems) == (1, 2, BAD.problems)


async def test_an_element_that_does_not_fit_is_left_out_as_a_whole(tmp_path: Path) -> None:
    table = attrs.evolve(numbers(), rows=lambda number: [(1,), (number,)])

    report = await export([5, 2**64, 7], table, tmp_path / "n.parquet")

    assert read(tmp_path / "n.parquet") == [1, 5, 1, 7]
    assert (report.elements, report.unreadable) == (2, 1)
    assert report.problems == ("more than 64 bits @ $.number",)


async def test_a_copy_of_orders_may_be_a_source(tmp_path: Path) -> None:
    def copied(value: Any, kind: ChangeKind = ChangeKind.NEW, problems: Any = ()) -> Copied[Any]:
        return Copied(
            id="1", number="1", kind=kind, value=value, problems=problems, revision=1, raw=b""
        )

    items = [copied(2), copied(None, problems=("bad @ $",)), copied(None, ChangeKind.ERASED)]
    report = await export(items, numbers(), tmp_path / "n.csv")

    assert (report.rows, report.unreadable, report.problems) == (2, 1, ("bad @ $",))


async def test_the_failures_that_are_named_are_bounded(tmp_path: Path) -> None:
    failed = outcome(error=NotFoundError("gone", status=404))

    report = await export([failed] * 150, numbers(), tmp_path / "n.csv")

    assert (report.failed, len(report.failures)) == (150, 100)


async def test_an_export_is_made_once(tmp_path: Path) -> None:
    out = ExportFile(tmp_path / "n.csv", numbers())
    with pytest.raises(SessionStateError):
        await out.write(1)
    async with out:
        pass
    with pytest.raises(SessionStateError):
        await out.write(1)
    with pytest.raises(SessionStateError):
        await out.__aenter__()


async def test_parquet_alone_needs_a_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)  # as if it were not installed

    with pytest.raises(ConfigurationError, match=r"pip install 'eguma_async\[parquet\]'"):
        await export([1], numbers(), tmp_path / "n.parquet")
    assert list(tmp_path.iterdir()) == []
    await export([1], numbers(), tmp_path / "n.csv")
    command = ["orders", "--sandbox", "--to", str(tmp_path / "o.parquet")]
    assert await asyncio.to_thread(main, command) == 2
    assert "pip install 'eguma_async[parquet]'" in capsys.readouterr().err


async def test_a_text_is_no_list_of_elements(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="not a text"):
        await export("abc", numbers(), tmp_path / "n.csv")
