"""What the `recover` commands of both providers share: options, progress, and the result."""

# Annotations are no strings here, as in `options`.

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any, Protocol

from cyclopts import Parameter

from eguma_async.cli.errors import Exit, Stop
from eguma_async.cli.progress import progress_bar
from eguma_async.cli.text import clean, counted, print_json, say

from .display import as_document, now, print_entries
from .options import JournalChoice

if TYPE_CHECKING:
    from eguma_async.core.journal import OnRecovered, Recovered, Recovery
    from eguma_async.journal.journal import Journal


class Recover(Protocol):
    """The method of a session that brings its entries to their end."""

    async def __call__(
        self, *, wait: bool, client_ref: str | None, on_recovered: "OnRecovered | None"
    ) -> "Recovery":
        """Do so."""
        ...


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class RecoverChoice(JournalChoice):
    """Which entries to recover, and how."""

    client_ref: Annotated[
        str | None,
        Parameter(metavar="REF", help="Only what was asked for under this reference."),
    ] = None
    wait: Annotated[
        bool,
        Parameter(
            show_default=False,
            help=(
                "Wait a minute for a second look, if the provider's lists do not show an entry:"
                " they may lag behind. With --no-wait, the next recovery takes that look."
            ),
        ),
    ] = True
    any_credentials: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Take up what was asked for with other credentials, as before a new API key.",
        ),
    ] = False

    async def run(
        self, journal: "Journal", recover: Recover, *, kinds: Collection[str]
    ) -> "Recovery":
        """Recover, and show how far it is.

        Args:
            journal: The journal.
            recover: Does it.
            kinds: What it takes up.
        """
        total = await self._count(journal, kinds)
        with progress_bar("recovering") as show, _saying_what_stays():
            done = set()

            def on_recovered(each: "Recovered") -> None:
                entry = each.entry
                done.add((entry.kind, entry.client_ref, entry.generation))
                if show is not None:
                    show(len(done), total)

            return await recover(
                wait=self.wait, client_ref=self.client_ref, on_recovered=on_recovered
            )

    async def _count(self, journal: "Journal", kinds: Collection[str]) -> int:
        """Return how many entries there may be to recover."""
        found = journal.entries(open_only=True, client_ref=self.client_ref)
        account = self.account or ""
        return len([1 async for each in found if each.kind in kinds and each.account == account])


DEFAULT_RECOVERING = RecoverChoice()


@contextmanager
def _saying_what_stays() -> Iterator[None]:
    try:
        yield
    except asyncio.CancelledError:
        say("What is not known yet stays in the journal: run the same command again.")
        raise


NEED_A_PERSON = frozenset({"needs_operator", "quarantined"})
ENDED = ("confirmed", "rejected", "absent", "cancelled", "unsent")


def report(recovery: "Recovery", chosen: RecoverChoice, *, json: bool) -> None:
    """Print what a recovery found.

    Raises:
        Stop: Something is still open, needs a person, or is not as it was asked for.
    """
    at, counts = now(), _counts(recovery)
    if json:
        print_json({**counts, "entries": [_document(each, at) for each in recovery.entries]})
    else:
        found = [each.entry for each in recovery.entries]
        title = counted(found, "entry was open", "entries were open")
        print_entries(found, at=at, title=title)
        _say_the_rest(recovery, chosen)
    if line := _what_is_left(counts):
        raise Stop(line, Exit.UNKNOWN)


def _counts(recovery: "Recovery") -> dict[str, int]:
    """Count each entry once, by where it stands now."""
    states = Counter(each.entry.state.value for each in recovery.entries)
    ended = {state: states[state] for state in ENDED}
    needs_operator = sum(states[state] for state in NEED_A_PERSON)
    return {
        **ended,
        "needs_operator": needs_operator,
        "still_open": states.total() - sum(ended.values()) - needs_operator,
        "mismatched": sum(each.entry.reason == "mismatch" for each in recovery.entries),
        "busy": recovery.busy,
        "others": recovery.others,
    }


def _document(each: "Recovered", at: datetime) -> dict[str, Any]:
    error = None if each.error is None else str(each.error)
    return {**as_document(each.entry, at=at, reveal=False), "error": error}


def _say_the_rest(recovery: "Recovery", chosen: RecoverChoice) -> None:
    for each in recovery.entries:
        if each.error is not None:
            say(f"{clean(each.entry.client_ref)}: {clean(str(each.error))}")
    if recovery.others:
        open_ones = counted(recovery.others, "open entry belongs", "open entries belong")
        say(
            f"{open_ones} to another account, provider or API, or to other credentials:"
            " see --account, `eguma korus journal recover`, --base-url and --any-credentials."
        )
    if chosen.client_ref is not None and not recovery.entries and not recovery.busy:
        reference = clean(chosen.client_ref)
        say(f"Nothing of it is open. What came of it: eguma journal show {reference}")


def _what_is_left(counts: dict[str, int]) -> str | None:
    """Return what is not known for good, and what to do about it; None if all is."""
    found = (
        (counts["still_open"], "still open", "run it again"),
        (counts["busy"], "being worked on by another process", "run it again"),
        (
            counts["needs_operator"],
            "waiting for a person",
            "look at the provider's back office, then use `eguma journal resolve`",
        ),
        (
            counts["mismatched"],
            "done, but not as asked for",
            "see `eguma journal show REFERENCE`",
        ),
    )
    left = [each for each in found if each[0]]
    if not left:
        return None
    what = ", ".join(f"{count} {words}" for count, words, _ in left)
    advice = "; ".join(dict.fromkeys(advice for _, _, advice in left))
    return f"{what}. {advice[0].upper()}{advice[1:]}."
