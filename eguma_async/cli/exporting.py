"""What the commands that write exports share: options, the file, and what is told of it."""

# Annotations are no strings here: see `options`.

import re
import sys
from collections.abc import AsyncIterable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, BinaryIO, Literal

from cyclopts import Parameter

from .errors import Advice, Exit, Stop, exit_code, explain, usage
from .options import DAY, day
from .progress import status_line
from .text import clean, counted, print_json, say

if TYPE_CHECKING:
    from datetime import date

    from eguma_async.exports import ExportReport, Table

STDOUT = "-"
_ALMOST_A_DAY = re.compile(r"[0-9./:T+-]+", re.ASCII)
_NAMED = 20

FileOption = Annotated[
    str | None,
    Parameter(
        name=("--to", "--to-file"),
        metavar="FILE",
        allow_leading_hyphen=True,
        help="Write to this file, replacing it at the end: .csv, .jsonl or .parquet; - for stdout.",
    ),
]
DayOrFileOption = Annotated[
    list[str] | None,
    Parameter(
        name="--to",
        metavar="DAY|FILE",
        negative="",
        show_default=False,
        allow_leading_hyphen=True,
        help="Last day, included; or a file, as --to-file. It may stand twice, once for each.",
    ),
]
NoCustomersOption = Annotated[
    bool,
    Parameter(
        negative="",
        show_default=False,
        help="Leave out of an export what tells who a customer is, and what lets somebody in.",
    ),
]
ToFileOption = Annotated[
    str | None,
    Parameter(
        metavar="FILE",
        allow_leading_hyphen=True,
        help="Write to this file, replacing it at the end: .csv, .jsonl or .parquet; - for stdout.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Form:
    """In which form an export is written."""

    format: Annotated[
        Literal["csv", "jsonl", "parquet"] | None,
        Parameter(help="Write rows in this format; that of the file's name if not given."),
    ] = None
    unguarded: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="In CSV, write texts as they are; else one that a spreadsheet would run as a"
            " formula has an apostrophe before it.",
        ),
    ] = False


DEFAULT_FORM = Form()


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where an export goes, and in which format.

    Attributes:
        path: The file; None for stdout.
        format: The format's name.
        guard: Guard texts in CSV.
    """

    path: Path | None
    format: str
    guard: bool

    @property
    def shown(self) -> str:
        """Its name for people."""
        return "stdout" if self.path is None else clean(str(self.path))


def days_and_file(
    values: Sequence[str] | None, to_file: str | None
) -> tuple[str | None, str | None]:
    """Tell the day from the file, which share ``--to``.

    Raises:
        Stop: There are two of one kind.
    """
    found = list(values or ())
    for text in found:
        check_value("--to", text)
    days = [text for text in found if DAY.fullmatch(text) or _is_almost_a_day(text)]
    files = [text for text in found if text not in days]
    files += [] if to_file is None else [to_file]
    if len(days) > 1 or len(files) > 1:
        raise usage("--to takes one day and one file")
    return next(iter(days), None), next(iter(files), None)


def _is_almost_a_day(text: str) -> bool:
    """Tell whether a text is more likely a day with a slip in it than the name of a file."""
    return text != STDOUT and bool(_ALMOST_A_DAY.fullmatch(text))


def check_value(option: str, text: str | None) -> None:
    """Check that an option which takes ``-`` has not taken the next option for its value.

    Raises:
        Stop: It has.
    """
    if text is not None and (not text or (text.startswith("-") and text != STDOUT)):
        raise usage(f"{option} needs a value; a file that begins with - is written ./{text}")


def target_of(file: str | None, form: Form, *, json: bool) -> Target | None:
    """Return where an export goes; None if none is asked for.

    Raises:
        Stop: The format is not known, or the place cannot take it.
    """
    if file is None and form.format is None:
        return None
    check_value("--to", file)
    path = None if file in (None, STDOUT) else Path(str(file))
    from eguma_async.core.errors import ConfigurationError
    from eguma_async.exports.formats.base import chosen_format

    try:
        chosen = chosen_format(form.format, path)
    except ConfigurationError:
        what = "stdout" if path is None else clean(str(path))
        raise usage(
            f"in which format is {what} to be? Add --format csv, jsonl or parquet, or name a file"
            " that ends in one of them"
        ) from None
    if chosen == "parquet":
        check_parquet()
    if path is not None:
        check_place(path)
    elif json:
        raise usage("--json goes with an export into a file: stdout has the export")
    elif chosen == "parquet" and sys.stdout.isatty():
        raise usage("Parquet is nothing for a terminal: give --to FILE, or a pipe")
    return Target(path=path, format=chosen.value, guard=not form.unguarded)


def check_place(path: Path) -> None:
    """Check that a file can be written, before anything is asked for.

    Raises:
        Stop: It cannot.
    """
    from eguma_async.core.errors import ConfigurationError
    from eguma_async.core.files import check_is_plain

    try:
        check_is_plain(path)
    except ConfigurationError:
        raise usage(
            f"{clean(str(path))} is no plain file, or in a directory that does not exist"
        ) from None


def check_parquet() -> None:
    """Check that Parquet can be written, before anything is asked for.

    Raises:
        Stop: Its package is missing.
    """
    from eguma_async.core.errors import ConfigurationError
    from eguma_async.exports.formats.parquet import load_engine

    try:
        load_engine()
    except ConfigurationError as error:
        raise usage(error.message) from None


async def write_export(
    items: AsyncIterable[Any],
    table: "Table[Any]",
    target: Target,
    *,
    on_item: Callable[[Any], object] | None = None,
) -> "ExportReport":
    """Write what comes.

    If all of it failed, there is no file. If it ends early, it is said what becomes of the file.

    Args:
        items: What the rows are made of.
        table: What they are rows of.
        target: Where they go.
        on_item: Is told of each item.
    """
    from eguma_async.exports import ExportFile

    to: Path | BinaryIO = sys.stdout.buffer if target.path is None else target.path
    shown = _for_terminal(table) if target.path is None and sys.stdout.isatty() else table
    out: ExportFile[Any] = ExportFile(to, shown, format=target.format, guard_formulas=target.guard)
    with _told_at_its_end(out, target):
        async with out:
            await out.write_all(items, on_item=on_item)
            if out.report.failed and not out.report.elements:
                raise _NothingError
    return out.report


class _NothingError(Exception):
    """All of it failed: an empty file would not be what was asked for."""


@contextmanager
def _told_at_its_end(out: Any, target: Target) -> Iterator[None]:
    try:
        yield
    except _NothingError:
        pass
    except BrokenPipeError:  # the reader has had enough, as `head` does
        raise
    except BaseException:
        file = "" if target.path is None else f"; {target.shown} is as it was before"
        say(f"{counted(out.report.rows, 'row')} had been read{file}.")
        raise


def _for_terminal(table: "Table[Any]") -> "Table[Any]":
    """Return a table whose texts cannot steer a terminal."""
    import attrs

    def cleaned(element: Any) -> Iterator[tuple[Any, ...]]:
        for row in table.rows(element):
            yield tuple(clean(cell) if isinstance(cell, str) else cell for cell in row)

    return attrs.evolve(table, rows=cleaned)


def sum_up(
    report: "ExportReport",
    target: Target,
    *,
    json: bool,
    advice: Advice,
    of: Callable[[Any], str] = str,
) -> None:
    """Tell what came of an export.

    Args:
        report: What came of it.
        target: Where it went.
        json: Print it as a JSON document.
        advice: Words of the provider.
        of: Names the operation of a failure.

    Raises:
        Stop: Something is missing.
    """
    is_there = bool(report.elements or not report.failed)
    if json:
        print_json(
            {
                "rows": report.rows,
                "unreadable": report.unreadable,
                "problems": report.problems,
                "failed": report.failed,
                "bytes": report.bytes,
                "to_file": str(target.path) if is_there else None,
                "format": target.format,
            }
        )
    elif sys.stderr.isatty() and is_there:  # a script sees the exit code
        say(f"{counted(report.rows, 'row')} into {target.shown}, {report.bytes} bytes.")
    for failure in report.failures[:_NAMED]:
        say(f"{clean(of(failure.operation))}: {explain(failure.error, advice)}")
    if report.failed > _NAMED:
        say(f"And {report.failed - _NAMED} more.")
    _stop_if_missing(report, target, is_there=is_there)


def _stop_if_missing(report: "ExportReport", target: Target, *, is_there: bool) -> None:
    if report.unreadable:
        faults = clean("; ".join(report.problems[:_NAMED]))
        say(f"{report.unreadable} could not be read, or written as {target.format}: {faults}.")
    if report.failed:
        codes = {exit_code(failure.error) for failure in report.failures}
        code = codes.pop() if len(codes) == 1 else Exit.FAILURE
        rest = "" if is_there or target.path is None else f"; {target.shown} is as it was before"
        raise Stop(f"{report.failed} of {report.failed + report.elements} failed{rest}", code)
    if report.unreadable:
        raise Stop(f"{target.shown} has all but {report.unreadable} that could not be read")


@contextmanager
def counting(noun: str) -> Iterator[Callable[[object], None]]:
    """Show on stderr how many came; yield what counts one.

    Args:
        noun: What they are, such as ``"order"``.
    """
    count = 0
    with status_line(f"Reading {noun}s ...") as show:

        def take(item: object) -> None:
            nonlocal count
            count += 1
            if count % 100 == 0:
                show(f"{counted(count, noun)} ...")

        yield take


def range_of(first: str | None, last: str | None) -> "tuple[date | None, date | None]":
    """Read ``--from`` and the day of ``--to``, where neither has a default."""
    return (
        None if first is None else day(first, "--from"),
        None if last is None else day(last, "--to"),
    )
