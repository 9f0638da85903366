"""A file of a table, written row by row and there as a whole, or not at all."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from io import UnsupportedOperation
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any, BinaryIO, Generic, Self, TypeVar

from eguma_async.core.errors import SessionStateError
from eguma_async.core.files import NewFile, check_is_plain

from .columns import Row, Table
from .formats.base import Format, RowWriter, chosen_format
from .formats.csv import CsvWriter
from .formats.jsonl import JsonLinesWriter
from .report import ExportReport, Tally
from .sources import Item, Items, elements_of, reading

T = TypeVar("T")

BATCH = 2000
"""Rows that go to the file together."""
ELEMENTS = 256
"""Elements that go to the thread together: for one alone the way takes longer than its rows."""
FLUSH_SECONDS = 0.05
"""How long at most elements are kept, while others come, before their rows are written."""


class ExportFile(Generic[T]):
    """Writes the rows of a table to a file.

    ::

        async with ExportFile("slots.parquet", tables.AVAILABILITIES) as out:
            async for outcome in session.ticketing.availabilities.fan_out(...):
                await out.write(outcome)
        print(out.report)

    The file appears when the block is left, complete and on the disk. If the block ends with an
    error, or is cancelled, nothing is left, and a file that was there before is as it was. Only
    its owner can read a file whose table `is_private`. Rows are made and written in a thread, so
    that the event loop goes on; memory does not grow with their number.

    Args:
        to: The file, or a binary stream, which takes what comes at once and is not closed.
        table: What it is a table of.
        format: ``"csv"``, ``"jsonl"`` or ``"parquet"``; what the file's name ends in if not given.
        guard_formulas: In CSV, put an apostrophe before texts that a spreadsheet would take for
            formulas: see `unguarded`.

    Raises:
        ConfigurationError: No format is named, or pyarrow is missing.
    """

    def __init__(
        self,
        to: str | Path | BinaryIO,
        table: Table[T],
        *,
        format: str | None = None,  # noqa: A002  # the word of the field
        guard_formulas: bool = True,
    ) -> None:
        self._path = Path(to) if isinstance(to, (str, Path)) else None
        self._stream = None if isinstance(to, (str, Path)) else to
        self._table = table
        self._guard = guard_formulas
        self.format: Format = chosen_format(format, self._path)
        self._engine: ModuleType | None = None
        if self.format is Format.PARQUET:
            from .formats.parquet import load_engine  # noqa: PLC0415  # the extra `parquet`

            self._engine = load_engine()
        self._new: NewFile | None = None
        self._out: _Counted | None = None
        self._writer: RowWriter | None = None
        self._elements: list[T] = []
        self._next_flush = 0.0
        self._tally = Tally()

    @property
    def report(self) -> ExportReport:
        """What came of it so far: what was taken and is not written yet is not in it."""
        return self._tally.report()

    async def __aenter__(self) -> Self:
        """Begin the file, beside the place that it takes at the end.

        Raises:
            ConfigurationError: The place is no plain file, or in no directory.
            SessionStateError: It was begun before.
        """
        if self._out is not None:
            raise SessionStateError("an export is made once; make another ExportFile")
        if self._path is not None:
            check_is_plain(self._path)
        try:
            await self._in_thread(self._begin)
        except BaseException:
            if self._new is not None:
                self._new.drop()
            raise
        return self

    def _begin(self) -> None:
        stream = self._stream
        if self._path is not None:
            self._new = NewFile(self._path, private=self._table.is_private)
            stream = self._new.file
        assert stream is not None  # noqa: S101  # one of both is given
        self._out = _Counted(stream)
        self._writer = self._writer_to(self._out)

    def _writer_to(self, out: Any) -> RowWriter:
        columns = self._table.columns
        if self._engine is not None:
            from .formats.parquet import ParquetWriter  # noqa: PLC0415

            return ParquetWriter(out, columns, self._engine)
        if self.format is Format.JSONL:
            return JsonLinesWriter(out, columns)
        return CsvWriter(out, columns, guard=self._guard)

    async def write(self, item: Item[T]) -> None:
        """Take an element, or what carries one, and write its rows: now, or with others to come.

        An element of which a row cannot be written in this format is left out as a whole, and
        counted as unreadable.

        Args:
            item: An element; an `Outcome` of a fan-out, or a `Copied` of a replica.

        Raises:
            SessionStateError: The file is not begun, or complete.
        """
        if self._writer is None:
            raise SessionStateError("write within `async with ExportFile(...)`")
        self._elements += elements_of(item, self._table, self._tally)
        is_due = asyncio.get_running_loop().time() >= self._next_flush
        if is_due or len(self._elements) >= ELEMENTS:
            await self.flush()

    async def write_all(
        self, items: Items[T], *, on_item: Callable[[Any], object] | None = None
    ) -> None:
        """Write all that comes, and let go of where it comes from.

        Args:
            items: As for `export`.
            on_item: Called with each item once it is taken.

        Raises:
            SessionStateError: As for `write`.
        """
        async with reading(items, self._tally) as found:
            async for item in found:
                await self.write(item)
                if on_item is not None:
                    on_item(item)
        await self.flush()

    async def flush(self) -> None:
        """Write the rows of all that was taken; Parquet keeps those of a row group together."""
        elements, self._elements = self._elements, []
        if elements and self._writer is not None:
            await self._in_thread(self._write_rows, self._writer, elements)
            self._next_flush = asyncio.get_running_loop().time() + FLUSH_SECONDS

    def _write_rows(self, writer: RowWriter, elements: list[T]) -> None:
        rows: list[Row] = []
        for element in elements:
            rows += self._rows_of(element, writer)
            if len(rows) >= BATCH:
                writer.write(rows)
                rows = []
        writer.write(rows)
        if self._stream is not None:
            self._stream.flush()

    def _rows_of(self, element: T, writer: RowWriter) -> list[Row]:
        rows = list(self._table.rows(element))
        problems = tuple(filter(None, map(writer.problem_of, rows)))
        if problems:
            self._tally.add_unreadable(problems)
            return []
        self._tally.rows += len(rows)
        self._tally.elements += 1
        return rows

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Complete the file; after an error, leave no trace of it."""
        writer, out = self._writer, self._out
        if writer is None or out is None:
            return
        try:
            if exc is None:
                await self._complete(writer, out)
        finally:
            self._writer = None
            self._elements = []
            self._drop(writer, out)

    async def _complete(self, writer: RowWriter, out: _Counted) -> None:
        await self.flush()
        await self._in_thread(writer.finish)
        self._tally.bytes = out.count
        if self._new is None:
            await self._in_thread(out.flush)
        else:
            await self._in_thread(self._new.keep)

    def _drop(self, writer: RowWriter, out: _Counted) -> None:
        """Let go of everything; a file that was kept is in its place already."""
        out.forget()
        writer.drop()
        if self._new is not None:
            self._new.drop()

    async def _in_thread(self, work: Callable[..., object], *arguments: object) -> None:
        """Do work in a thread. It is done when this is left, by a cancellation too."""
        job = asyncio.get_running_loop().run_in_executor(None, work, *arguments)
        try:
            await asyncio.shield(job)
        except asyncio.CancelledError:
            while not job.done():  # the file is not to be closed under it
                try:
                    await asyncio.wait([job])
                except asyncio.CancelledError:
                    continue
            raise


class _Counted:
    """A file that can only be written on, from its beginning to its end.

    Attributes:
        count: Bytes so far.
    """

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file: BinaryIO | None = file
        self.count = 0

    def forget(self) -> None:
        """Write nothing any more, whatever is still to come."""
        self._file = None

    def write(self, data: bytes) -> int:
        if self._file is not None:
            self._file.write(data)
        self.count += len(data)
        return len(data)

    def flush(self) -> None:
        if self._file is not None:
            self._file.flush()

    def tell(self) -> int:
        return self.count

    def close(self) -> None:
        """Stay open: whoever opened it closes it."""

    def writable(self) -> bool:
        return True

    def readable(self) -> bool:
        return False

    def seekable(self) -> bool:
        return False

    def seek(self, *_: object) -> int:
        raise UnsupportedOperation("seek")


async def export(
    items: Items[T],
    table: Table[T],
    to: str | Path | BinaryIO,
    *,
    format: str | None = None,  # noqa: A002  # as above
    guard_formulas: bool = True,
) -> ExportReport:
    """Write all that comes to a file, as rows of a table.

    ::

        report = await export(session.ticketing.orders.stream(), tables.ORDERS, "orders.parquet")

    What failed or cannot be read does not hold up the rest: look at `ExportReport.is_complete`.

    Args:
        items: Elements, or what carries them: a fan-out, a stream, a pager, the records of a
            replica, a list. Read once, and let go of.
        table: What they are rows of.
        to: As for `ExportFile`.
        format: As for `ExportFile`.
        guard_formulas: As for `ExportFile`.

    Raises:
        ConfigurationError: As for `ExportFile`.
        EgumaError: Reading ended with it; no file was written.
    """
    out = ExportFile(to, table, format=format, guard_formulas=guard_formulas)
    async with out:
        await out.write_all(items)
    return out.report
