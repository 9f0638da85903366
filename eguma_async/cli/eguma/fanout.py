"""``eguma fanout``: the availabilities of many products at once, one JSON line each."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

from cyclopts import App, Parameter

from eguma_async.cli.errors import Exit, Stop, exit_code, explain, usage
from eguma_async.cli.progress import progress_bar
from eguma_async.cli.text import as_json, plain, print_json

from .options import DEFAULT_API, Api, FromOption, ToOption, day_range, open_session
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList, ListAvailabilities
    from eguma_async.fanout import Outcome, Progress


async def fanout(
    *product: Annotated[str, Parameter(help="Ids of products.")],
    every: Annotated[
        bool,
        Parameter(
            name="--all", negative="", show_default=False, help="All active products of the key."
        ),
    ] = False,
    first: FromOption = None,
    last: ToOption = None,
    to_file: Annotated[
        Path | None,
        Parameter(help="Write the lines to this file instead of stdout, replacing it."),
    ] = None,
    concurrency: Annotated[int, Parameter(help="Requests under way at once.")] = 20,
    api: Api = DEFAULT_API,
) -> None:
    """List the availabilities of many products at once, as JSON lines.

    They come in the order of the answers. Each line is written at once, so an interrupted run
    leaves what it has got. With --json and --to-file, stdout gets one document that sums the
    run up.
    """
    if every == bool(product):
        raise usage("give ids of products, or --all")
    from_date, to_date = day_range(first, last)

    from eguma_async.eguma.ticketing.availabilities import ListAvailabilities

    async with open_session(api) as session:
        ids = await _active_products(session) if every else product
        # All made at once: a malformed id ends the run before it begins.
        operations = [
            ListAvailabilities(product_id=id_, from_date=from_date, to_date=to_date) for id_ in ids
        ]
        with _output(to_file) as output, _progress(to_file) as on_progress:
            failures = await _run(session, operations, concurrency, output, on_progress)
    if api.json and to_file is not None:
        done, failed = len(operations), len(failures)
        print_json({"done": done, "failed": failed, "to_file": str(to_file)})
    if failures:
        raise _failed(failures, len(operations))


async def _active_products(session: AsyncSession) -> list[str]:
    catalogue = await session.ticketing.products.list()
    return [product.id for product in catalogue.products if product.is_active]


async def _run(
    session: AsyncSession,
    operations: list[ListAvailabilities],
    concurrency: int,
    output: TextIO,
    on_progress: Callable[[Progress], None] | None,
) -> list[tuple[Exit, str]]:
    """Write every outcome, and return the exit code and the words of each failed one."""
    failures = []
    async for outcome in session.fan_out(
        operations, concurrency=concurrency, on_progress=on_progress
    ):
        output.write(as_json(_line(outcome)) + "\n")
        output.flush()
        if outcome.error is not None:
            failures.append((exit_code(outcome.error), explain(outcome.error, ADVICE)))
    return failures


def _line(outcome: Outcome[AvailabilityList]) -> dict[str, Any]:
    line: dict[str, Any] = {
        **plain(outcome.operation),
        "ok": outcome.ok,
        "attempts": outcome.attempts,
        "seconds": round(outcome.seconds, 3),
    }
    error = outcome.error
    if error is None:
        return {**line, "value": outcome.value}
    status = getattr(error, "status", None)
    code = getattr(error, "error_code", None)
    known = {"type": type(error).__name__, "status": status, "error_code": code}
    return {**line, "error": {**known, "message": str(error)}}


def _failed(failures: list[tuple[Exit, str]], total: int) -> Stop:
    """Sum failures up; if all have the same exit code, it is the command's."""
    codes = Counter(code for code, _ in failures)
    code = failures[0][0] if len(codes) == 1 else Exit.FAILURE
    return Stop(f"{len(failures)} of {total} failed; the first: {failures[0][1]}", code)


@contextmanager
def _output(to_file: Path | None) -> Iterator[TextIO]:
    if to_file is None:
        yield sys.stdout
        return
    with to_file.open("w", encoding="utf-8", newline="\n") as file:
        yield file


@contextmanager
def _progress(to_file: Path | None) -> Iterator[Callable[[Progress], None] | None]:
    """Show a bar on stderr, unless stdout fills the same terminal."""
    if to_file is None and sys.stdout.isatty():
        yield None
        return
    with progress_bar("availabilities") as show:
        yield None if show is None else lambda progress: show(progress.done, progress.total)


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(fanout)
