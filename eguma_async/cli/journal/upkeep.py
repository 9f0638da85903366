"""``eguma journal resolve``, ``erase`` and ``prune``: what a person does with entries."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from eguma_async.cli.errors import usage
from eguma_async.cli.options import JsonOption, YesOption
from eguma_async.cli.prompt import require_answerable, require_yes
from eguma_async.cli.text import clean, counted, print_json, say

from .display import as_document, known, now, print_entry
from .options import DEFAULT_CHOICE, JournalChoice, opened_journal
from .selection import DEFAULT_WHICH, ReferenceArgument, Which, one_of

if TYPE_CHECKING:
    from eguma_async.core.journal import Entry

Outcome = Literal["confirmed", "absent", "cancelled"]
Made = Callable[[Sequence[str], Sequence[str]], dict[str, Any]]


def _booking(ids: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    if len(ids) > 1 or len(references) > 1:
        raise usage("a booking has one --booking-id and one --reference")
    return {"booking_id": ids[0], "booking_reference": "".join(references)}


def _orders(ids: Sequence[str], references: Sequence[str]) -> dict[str, Any]:
    return {"orders": list(ids), "references": list(references)}


MADE: dict[str, Made] = {"booking": _booking, "cancellation": _booking, "order": _orders}
"""What is kept of something that was made, by its kind: as the operation itself would keep it."""


async def resolve(
    reference: ReferenceArgument,
    /,
    *,
    outcome: Annotated[Outcome, Parameter(name="--as", help="What came of it.")],
    booking_id: Annotated[
        list[str] | None,
        Parameter(
            help="Id of what was made: of a booking, or the IRI of an order; once for each order.",
            negative="",
            show_default=False,
        ),
    ] = None,
    order_reference: Annotated[
        list[str] | None,
        Parameter(
            name="--reference",
            help="Its order number, likewise.",
            negative="",
            show_default=False,
        ),
    ] = None,
    yes: YesOption = False,
    json: JsonOption = False,
    which: Which = DEFAULT_WHICH,
) -> None:
    """Say what came of an entry, after a person has found out. Nothing is sent.

    The provider's back office tells. What is said here is believed: asked for again under this
    reference, a confirmed booking is handed out and never sent.
    """
    require_answerable(yes=yes)
    from eguma_async.core.journal import State

    async with opened_journal(which) as journal:
        entry = await one_of(journal, reference, which)
        result = _result(entry, which, outcome, booking_id or [], order_reference or [])
        await _require_yes(entry, f"as {outcome}", which, yes=yes)
        entry = await journal.resolve(
            entry.client_ref,
            State(outcome),
            kind=entry.kind,
            account=entry.account,
            environment=entry.environment,
            result=result,
            remote_id=next(iter(booking_id or ()), None),
        )
    _show(entry, json=json)


def _result(
    entry: Entry, which: Which, outcome: Outcome, ids: Sequence[str], references: Sequence[str]
) -> dict[str, Any] | None:
    """Return what is to be kept of what was made; None for what the journal has already."""
    kind = entry.kind or which.kind or ""
    if kind == "cancellation" and not ids:
        ids = [entry.client_ref]  # which is the id of the booking
    if not ids:
        if references:
            raise usage("--reference goes with --booking-id")
        if outcome == "confirmed" and not entry.result:
            raise usage("--as confirmed needs --booking-id: else nobody finds it again")
        return None
    if kind not in MADE:
        raise usage(f"of a damaged entry, say what it was: --kind {' or '.join(MADE)}")
    return MADE[kind](ids, references)


async def erase(
    reference: ReferenceArgument,
    /,
    *,
    yes: YesOption = False,
    json: JsonOption = False,
    which: Which = DEFAULT_WHICH,
) -> None:
    """Forget what came of an entry, its tickets included; that it has ended stays known."""
    require_answerable(yes=yes)
    async with opened_journal(which) as journal:
        entry = await one_of(journal, reference, which)
        await _require_yes(entry, "without what is known of it", which, yes=yes)
        entry = await journal.erase(
            entry.client_ref,
            kind=entry.kind,
            account=entry.account,
            environment=entry.environment,
        )
    _show(entry, json=json)


async def prune(
    *,
    older_than: Annotated[
        float, Parameter(metavar="DAYS", help="Only those asked for longer ago; 4 at least.")
    ] = 30,
    yes: YesOption = False,
    json: JsonOption = False,
    chosen: JournalChoice = DEFAULT_CHOICE,
) -> None:
    """Remove entries that have ended. A reference that is gone stands for nothing."""
    require_answerable(yes=yes)
    try:
        length = timedelta(days=older_than)
    except (OverflowError, ValueError):
        raise usage("--older-than must be a number of days") from None
    if chosen.account is not None:
        raise usage("a journal is pruned as a whole, not for one --account")
    async with opened_journal(chosen) as journal:
        question = (
            f"Remove all entries of {chosen.shown} that have ended and are older than"
            f" {older_than:g} days?"
        )
        await require_yes(clean(question), yes=yes, otherwise="nothing was removed")
        removed = await journal.prune(older_than=length)
    if json:
        print_json({"removed": removed})
    else:
        say(f"{counted(removed, 'entry', 'entries')} removed.")


async def _require_yes(entry: Entry, how: str, chosen: JournalChoice, *, yes: bool) -> None:
    if not yes:
        name = f"{entry.kind or 'damaged entry'} {entry.client_ref}"
        say(f"{clean(name)}: {entry.state.value}, {clean(known(entry))}")
    question = clean(f"Keep it in {chosen.shown} {how}?")
    await require_yes(question, yes=yes, otherwise="nothing was changed")


def _show(entry: Entry, *, json: bool) -> None:
    at = now()
    if json:
        print_json(as_document(entry, at=at, reveal=False))
    else:
        print_entry(entry, at=at, reveal=False)


def add_to(app: App) -> None:
    """Add the commands of this module."""
    for command in (resolve, erase, prune):
        app.command(command)
