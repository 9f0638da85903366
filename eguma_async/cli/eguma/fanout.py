"""``eguma fanout``: the availabilities of many products at once."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from eguma_async.cli.cluster import workers_of
from eguma_async.cli.errors import Exit, Stop, exit_code, explain, usage
from eguma_async.cli.exporting import check_parquet, check_place
from eguma_async.cli.progress import ShowFanOut, fan_out_bar
from eguma_async.cli.text import clean, counted, print_json, say

from .options import DEFAULT_API, Api, FromOption, ToOption, day_range, open_session
from .outcome_lines import error_of, line_of
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.core.fan_out import FanOut, Outcome, Progress
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList

LISTED = 20
"""Failures that are told one by one on stderr; the output has all of them."""

PARQUET = ".parquet"
Emit = Callable[[str], object]


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
    window_days: Annotated[
        int | None,
        Parameter(metavar="DAYS", help="Read a longer range in pieces of so many days."),
    ] = None,
    concurrency: Annotated[
        int | None,
        Parameter(
            metavar="REQUESTS",
            help="Requests under way at once; as many as the server keeps up with if not given.",
        ),
    ] = None,
    to_file: Annotated[
        Path | None,
        Parameter(
            metavar="FILE",
            help="Write to this file, replacing it at the end: JSON lines; for .csv and .parquet a"
            " table, as `eguma availabilities` exports it.",
        ),
    ] = None,
    cluster: Annotated[
        str | None,
        Parameter(
            metavar="ADDRESS",
            help="Let the workers of a Dask cluster do it, such as tls://scheduler:8786; each"
            " takes the key from its own environment.",
        ),
    ] = None,
    api: Api = DEFAULT_API,
) -> None:
    """List the availabilities of many products at once, as JSON lines.

    They come in the order of the answers, each as soon as it is there. A file appears when all is
    read, or not at all. With --json and --to-file, stdout gets one document that sums the run up.

    A product that cannot be read does not hold up the others: its line, or for a table stderr, has
    the reason, and the exit code is that of the failures if all are of one kind, else 1.
    """
    if every == bool(product):
        raise usage("give ids of products, or --all")
    if cluster is not None and concurrency is not None:
        raise usage("--concurrency is for this process; --cluster goes without it")
    from_date, to_date = day_range(first, last)
    if to_file is not None:
        check_place(to_file)
        if to_file.suffix.lower() == PARQUET:
            check_parquet()
    async with open_session(api) as session, workers_of(cluster, api) as executor:
        ids = await _active_products(session) if every else product
        outcomes = session.ticketing.availabilities.fan_out(
            ids,
            from_date=from_date,
            to_date=to_date,
            window_days=window_days,
            concurrency=concurrency,
            executor=executor,
            on_progress=(tally := _Tally(len(ids))).take,
        )
        with _bar(to_file) as tally.show, tally.told_at_its_end(to_file):
            if to_file is not None and _is_table(to_file):
                await _write_table(outcomes, to_file, tally)
            else:
                await _write_lines(outcomes, to_file, tally)
    _sum_up(tally, to_file, as_json=api.json)


async def _active_products(session: AsyncSession) -> Sequence[str]:
    catalogue = await session.ticketing.products.list()
    return [product.id for product in catalogue.products if product.is_active]


class _Tally:
    """What came of a run so far.

    Args:
        total: Products in all.
    """

    def __init__(self, total: int) -> None:
        self.total = total
        self.done = self.slots = 0
        self.seconds = 0.0
        self.codes: Counter[Exit] = Counter()
        self.failures: list[tuple[str, str, dict[str, Any] | None]] = []
        self.show: ShowFanOut | None = None
        self.listed: int | None = LISTED

    def take(self, progress: Progress) -> None:
        """Take note of how far it is, and show it."""
        self.seconds = progress.seconds
        if self.show is not None:
            self.show(progress)

    def count(self, outcome: Outcome[AvailabilityList]) -> None:
        """Count one product; keep the words of the first failures."""
        self.done += 1
        if outcome.error is None:
            self.slots += len(outcome.unwrap().availabilities)
            return
        self.codes[exit_code(outcome.error)] += 1
        if self.listed is None or len(self.failures) < self.listed:
            product = clean(getattr(outcome.operation, "product_id", ""))
            why = explain(outcome.error, ADVICE)
            self.failures.append((product, why, error_of(outcome)))

    @property
    def failed(self) -> int:
        """How many products could not be read."""
        return self.codes.total()

    @contextmanager
    def told_at_its_end(self, to_file: Path | None) -> Iterator[None]:
        """Say how far it came if it is ended before its end."""
        try:
            yield
        except BaseException:
            file = "" if to_file is None else f"; {to_file} is as it was before"
            say(f"{self.done} of {counted(self.total, 'product')} were read{file}.")
            raise

    def failure(self) -> Stop:
        """Sum failures up; if all have the same exit code, it is the command's."""
        code = next(iter(self.codes)) if len(self.codes) == 1 else Exit.FAILURE
        return Stop(f"{self.failed} of {self.done} failed", code)


def _is_table(to_file: Path) -> bool:
    return to_file.suffix.lower() in {".csv", PARQUET}


async def _write_table(outcomes: FanOut[AvailabilityList], to_file: Path, tally: _Tally) -> None:
    from eguma_async.eguma.ticketing.tables import AVAILABILITIES
    from eguma_async.exports import ExportFile

    tally.listed = None  # a table has no place for reasons
    async with ExportFile(to_file, AVAILABILITIES) as out:
        await out.write_all(outcomes, on_item=tally.count)
    if out.report.unreadable:
        faults = clean("; ".join(out.report.problems))
        say(f"{counted(out.report.unreadable, 'slot')} could not be read: {faults}.")


async def _write_lines(
    outcomes: FanOut[AvailabilityList], to_file: Path | None, tally: _Tally
) -> None:
    with _output(to_file) as emit:
        async for outcome in outcomes:
            emit(line_of(outcome))
            tally.count(outcome)


@contextmanager
def _output(to_file: Path | None) -> Iterator[Emit]:
    if to_file is None:
        yield _print
        return
    from eguma_async.core.files import replacing

    with replacing(to_file) as file:
        yield lambda text: file.write(text.encode())


def _print(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


@contextmanager
def _bar(to_file: Path | None) -> Iterator[ShowFanOut | None]:
    """Show a bar on stderr, unless stdout fills the same terminal."""
    if to_file is None and sys.stdout.isatty():
        yield None
        return
    with fan_out_bar("availabilities") as show:
        yield show


def _sum_up(tally: _Tally, to_file: Path | None, *, as_json: bool) -> None:
    """Tell what came of it.

    Raises:
        Stop: Something failed.
    """
    if as_json and to_file is not None:
        document = {
            "done": tally.done,
            "failed": tally.failed,
            "slots": tally.slots,
            "seconds": round(tally.seconds, 3),
            "to_file": str(to_file),
            "failures": [{"product_id": id_, **(e or {})} for id_, _, e in tally.failures],
        }
        print_json(document)
    elif sys.stderr.isatty():  # for people: a script sees the exit code, and may ask for --json
        rate = f", {tally.done / tally.seconds:.0f}/s" if tally.seconds > 0 else ""
        where = "" if to_file is None else f" into {clean(str(to_file))}"
        found = f"{counted(tally.done, 'product')} with {counted(tally.slots, 'slot')}{where}"
        say(f"{found}, {tally.failed} failed, in {tally.seconds:.1f} s{rate}.")
    for product, why, _ in tally.failures:
        say(f"{product}: {why}")
    if tally.failed > len(tally.failures):
        say(f"And {tally.failed - len(tally.failures)} more; the output has the reasons.")
    if tally.failed:
        raise tally.failure()


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(fanout)
