"""``eguma orders sync``: a copy of all orders in a file, brought up to date once or for ever."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from eguma_async.cli.errors import usage
from eguma_async.cli.progress import status_line
from eguma_async.cli.text import as_json, clean, counted, is_dumb, print_json, say

from .options import DEFAULT_API, Api, open_session

if TYPE_CHECKING:
    from eguma_async.core.errors import EgumaError
    from eguma_async.eguma.ticketing.order_replica import OrderCopy, OrderReplica
    from eguma_async.sync.reports import SyncReport

_COUNTS = ("new", "updated", "rewritten", "reopened", "missing", "found", "unreadable")


async def sync(
    db: Annotated[Path, Parameter(help="File of the copy; made if there is none.")],
    /,
    *,
    follow: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Go on, and print each change as it comes; Ctrl-C ends it.",
        ),
    ] = False,
    interval: Annotated[float, Parameter(help="Seconds between two rounds of --follow.")] = 30.0,
    zone: Annotated[
        str, Parameter(help="Time zone in which the server writes its times.")
    ] = "Europe/Zurich",
    api: Api = DEFAULT_API,
) -> None:
    """Copy all orders into a file, and from then on what has changed.

    The file is one of SQLite. Only its owner can read it: it holds the customers of all orders.
    Whenever the command is ended, what was read stays, and the next one goes on from there.
    With --follow --json, each change is one JSON line.
    """
    if not 0 < interval <= 86_400:
        raise usage("--interval must be a number of seconds, up to a day")
    from eguma_async.eguma.ticketing.order_replica import OrderReplica
    from eguma_async.sync.stores.sqlite import SQLiteOrders

    async with (
        open_session(api) as session,
        OrderReplica(session, SQLiteOrders(db), zone=zone, account=_account(api)) as replica,
    ):
        if follow:
            await _follow(replica, interval, is_json=api.json)
        else:
            await _once(replica, db, is_json=api.json)


def _account(api: Api) -> str:
    """Return where orders are from that must not get among those of the live API."""
    if api.sandbox:
        return "the sandbox"
    from eguma_async.core.checks import checked_base_url
    from eguma_async.eguma.provider import EGUMA

    place = checked_base_url(api.base_url or os.environ.get("EGUMA_BASE_URL") or EGUMA.base_url)
    return "" if place == checked_base_url(EGUMA.base_url) else place


async def _once(replica: OrderReplica, db: Path, *, is_json: bool) -> None:
    with status_line(f"Reading what changed into {clean(str(db))} ..."):
        report = await replica.sync()
    contents = await replica.contents()
    if is_json:
        counts = {"orders": contents.records, "unreadable_in_all": contents.unreadable}
        print_json({**_document(report), **counts, "missing_in_all": contents.missing})
        return
    sys.stdout.write(
        f"{_summary(report)}.\n{counted(contents.records, 'order')} in {clean(str(db))},"
        f" up to {_until(report)}.\n"
    )
    _warn(contents.unreadable, contents.missing)


async def _follow(replica: OrderReplica, interval: float, *, is_json: bool) -> None:
    changes: Counter[str] = Counter()
    with status_line("Reading what changed ...") as show:
        rounds = _Rounds(show)
        try:
            async for change in replica.follow(interval=interval, on_round=rounds.take):
                changes[change.kind.value] += 1
                line = as_json(_line(change)) if is_json else _words(change)
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
        finally:
            told = ", ".join(f"{count} {kind}" for kind, count in sorted(changes.items()))
            say(f"{rounds.told()}: {told or 'nothing changed'}; what was read is kept.")


class _Rounds:
    """What the rounds came to: on the status line, or where nobody sees one, when that changes.

    Args:
        show: Changes the status line.
    """

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show = show
        self._count = self._failed = 0
        self._is_failing = False

    def take(self, outcome: SyncReport | EgumaError) -> None:
        """Take note of a round."""
        from eguma_async.sync.errors import ReplicaBusyError

        self._count += 1
        if isinstance(outcome, ReplicaBusyError):
            self._show(f"{self.told()}; {clean(outcome.message)}")
        elif isinstance(outcome, Exception):
            self._failed += 1
            words = f"a round failed: {clean(str(outcome))}; trying again"
            self._show(f"{self.told()}; {words}")
            self._say_if_new(words, is_failing=True)
        else:
            until = f"up to {_until(outcome)}"
            self._show(f"{self.told()}; {until}; the last one: {_summary(outcome)}")
            self._say_if_new(f"rounds succeed again; {until}", is_failing=False)

    def _say_if_new(self, words: str, *, is_failing: bool) -> None:
        if is_failing != self._is_failing and is_dumb(sys.stderr):
            say(f"{words}.")
        self._is_failing = is_failing

    def told(self) -> str:
        """Say how many there were."""
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{counted(self._count, 'round')}{failed}"


def _summary(report: SyncReport) -> str:
    counts = ((getattr(report, name), name) for name in _COUNTS)
    told = ", ".join(f"{count} {name}" for count, name in counts if count)
    return told or "nothing changed"


def _until(report: SyncReport) -> str:
    return (
        "the beginning"
        if report.checkpoint is None
        else f"{report.checkpoint:%Y-%m-%d %H:%M:%S} UTC"
    )


def _document(report: SyncReport) -> dict[str, Any]:
    counts = {name: getattr(report, name) for name in (*_COUNTS, "unchanged", "late")}
    more = {name: getattr(report, name) for name in ("windows", "bisected", "swept", "went_back")}
    return {**counts, **more, "checkpoint": report.checkpoint}


def _line(change: OrderCopy) -> dict[str, Any]:
    order = change.value
    return {
        "kind": change.kind,
        "revision": change.revision,
        "id": change.id,
        "order_number": change.number,
        "status": None if order is None else order.status,
        "updated_at": None if order is None else order.updated_at,
        "problems": change.problems,
    }


def _words(change: OrderCopy) -> str:
    order = change.value
    what = "cannot be read" if order is None else f"{order.status.value}, {order.updated_at}"
    return clean(f"{change.kind.value:<10} {change.number or change.id}  {what}")


def _warn(unreadable: int, missing: int) -> None:
    if unreadable:
        say(
            f"{counted(unreadable, 'order')} could not be read; they are kept, and asked for again."
        )
    if missing:
        say(f"{counted(missing, 'order')} the server does not show any more; they are kept.")


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(sync)
