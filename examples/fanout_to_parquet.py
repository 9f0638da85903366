"""Refresh the availabilities of hundreds of products into one Parquet file.

``python -m examples.fanout_to_parquet --sandbox --to slots.parquet``

Exit codes: 0 all is there; 1 some products failed, they are named on stderr, and the file has the
others; 2 it was called wrongly; 3 nothing could be read, and the file is as it was; 130 and 143 it
was stopped by Ctrl-C or SIGTERM, and the file is as it was.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from eguma_async import AsyncSession, ConfigurationError, EgumaError
from eguma_async import Progress as Done
from eguma_async.exports import ExportFile, ExportReport
from eguma_async.sandbox import EgumaSandbox
from eguma_async.ticketing import tables

MOST_DAYS = 3650


class NothingReadError(Exception):
    """No product could be read: an old file is better than an empty one."""

    def __init__(self, report: ExportReport) -> None:
        super().__init__()
        self.report = report


async def refresh(
    session: AsyncSession, to: Path, days: int, on_progress: Callable[[Done], None]
) -> ExportReport:
    """Read the slots of all products, and put them into a file.

    The file takes the place of the old one when all is written, or not at all. Products are read as
    many at once as the server keeps up with, and written as they come.

    Raises:
        NothingReadError: Every product failed; no file was written.
        EgumaError: The list of products cannot be read; no file was written.
    """
    today = session.ticketing.today()
    catalogue = await session.ticketing.products.list()
    outcomes = session.ticketing.availabilities.fan_out(
        [product.id for product in catalogue.products if product.is_active],
        from_date=today,
        to_date=today + timedelta(days=days - 1),
        window_days=31,
        on_progress=on_progress,
    )
    async with ExportFile(to, tables.AVAILABILITIES) as out:
        await out.write_all(outcomes)
        if out.report.failed and not out.report.elements:
            raise NothingReadError(out.report)
    return out.report


async def run(session: AsyncSession, to: Path, days: int, console: Console) -> int:
    """Refresh with a progress bar; say what came of it, and return the exit code."""
    columns = (
        TextColumn("products"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[facts]}"),
    )
    bar = Progress(*columns, console=console, transient=True)
    task = bar.add_task("products", total=None, facts="")
    with bar if console.is_terminal else nullcontext():

        def show(progress: Done) -> None:
            bar.update(task, completed=progress.done, total=progress.total, facts=_facts(progress))

        try:
            async with session:
                report = await refresh(session, to, days, show)
        except NothingReadError as nothing:
            code, said, report = 3, "Nothing could be read; the file is as it was.", nothing.report
        except ConfigurationError:
            raise  # such as a missing pyarrow
        except EgumaError as error:
            console.print(f"The products cannot be read: {error}", markup=False, soft_wrap=True)
            return 3
        else:
            code = 0 if report.is_complete else 1
            said = f"{report.elements} products, {report.rows} rows, {report.bytes} bytes: {to}"
    console.print(said, markup=False, soft_wrap=True)
    _name_failures(report, console)
    return code


def _facts(progress: Done) -> str:
    rate = "" if progress.rate is None else f"{progress.rate:.0f}/s"
    return f"{rate} {progress.failed} failed" if progress.failed else rate


def _name_failures(report: ExportReport, console: Console) -> None:
    lines = [
        f"  {getattr(failure.operation, 'product_id', '?')}: {failure.error}"
        for failure in report.failures  # the first 100
    ]
    if report.failed:
        lines.insert(0, f"{report.failed} products failed:")
    if report.unreadable:
        lines.append(f"{report.unreadable} slots cannot be read: {', '.join(report.problems)}")
    for line in lines:
        console.print(line, markup=False, soft_wrap=True)


def crowded_sandbox(products: int = 300) -> EgumaSandbox:
    """Return a sandbox whose merchant sells a lot."""
    sandbox = EgumaSandbox()
    merchant = sandbox.merchants()[0]
    ride = sandbox.product(sandbox.example("time").product_id)
    for number in range(1, products + 1):
        sandbox.add_product(merchant, {"de": f"Ausflug {number}"}, ride.categories, ride.plans)
    return sandbox


def main(arguments: Sequence[str] | None = None) -> int:
    """Refresh once and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m examples.fanout_to_parquet",
        description="Refresh the availabilities of all products into a Parquet file.",
    )
    parser.add_argument("--sandbox", action="store_true", help="read a sandbox; needs no key")
    parser.add_argument("--to", type=Path, required=True, help="the file, such as slots.parquet")
    parser.add_argument("--days", type=int, default=60, help="how many days from today on")
    options = parser.parse_args(arguments)
    if not 1 <= options.days <= MOST_DAYS:
        parser.error(f"--days must be a number from 1 to {MOST_DAYS}")
    if not options.sandbox and not os.environ.get("EGUMA_API_KEY"):
        parser.error("set EGUMA_API_KEY, or use --sandbox")
    console = Console(stderr=True, highlight=False)
    try:
        session = _session(is_sandbox=options.sandbox)
        return asyncio.run(_until_stopped(run(session, options.to, options.days, console)))
    except ConfigurationError as error:
        parser.error(str(error))
    except KeyboardInterrupt:
        console.print("Stopped; the file is as it was.")
        return 128 + signal.SIGINT
    except asyncio.CancelledError:
        console.print("Stopped; the file is as it was.")
        return 128 + signal.SIGTERM


def _session(*, is_sandbox: bool) -> AsyncSession:
    if not is_sandbox:
        return AsyncSession()  # its key comes from EGUMA_API_KEY
    sandbox = crowded_sandbox()
    return AsyncSession(sandbox.demo_key, transport=sandbox.transport())


async def _until_stopped(work: Coroutine[Any, Any, int]) -> int:
    """Do work that SIGTERM cancels, as asyncio itself lets Ctrl-C do; it cleans up then."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await task


if __name__ == "__main__":
    sys.exit(main())
