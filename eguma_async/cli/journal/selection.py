"""The entries a command is about, among those of the journal."""

# Annotations are no strings here, as in `options`.

import shlex
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from eguma_async.cli.errors import Exit, Stop
from eguma_async.cli.text import clean

from .options import JournalChoice

if TYPE_CHECKING:
    from eguma_async.core.journal import Entry
    from eguma_async.journal.journal import Journal

ReferenceArgument = Annotated[
    str,
    Parameter(
        name="REFERENCE",
        help="Reference of an entry; of a damaged one, the 64 digits `journal list` shows.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Which(JournalChoice):
    """Which of the entries that have a reference."""

    kind: Annotated[
        str | None,
        Parameter(help="Only what was asked for in this way, such as booking or cancellation."),
    ] = None
    environment: Annotated[
        str | None, Parameter(metavar="URL", help="Only what was asked for at this API.")
    ] = None

    def fits(self, entry: "Entry") -> bool:
        """Tell whether it may be this entry; a damaged one tells nothing of itself."""
        if not entry.provider:
            return True
        return (
            self.kind in (None, entry.kind)
            and self.account in (None, entry.account)
            and self.environment in (None, entry.environment)
        )


DEFAULT_WHICH = Which()


async def entries_of(journal: "Journal", reference: str, which: Which) -> "AsyncIterator[Entry]":
    """Read the entries that have a reference, the oldest first."""
    async for entry in journal.entries(client_ref=reference):
        if which.fits(entry):
            yield entry


async def all_of(journal: "Journal", reference: str, which: Which) -> "list[Entry]":
    """Return the entries that have a reference.

    Raises:
        Stop: There is none.
    """
    found = [entry async for entry in entries_of(journal, reference, which)]
    if not found:
        raise Stop(f"the journal has no such entry: {clean(reference)}", Exit.NOT_FOUND)
    return found


async def one_of(journal: "Journal", reference: str, which: Which) -> "Entry":
    """Return the last generation of the one entry that has a reference.

    Raises:
        Stop: There is none, or there are several.
    """
    series = {
        (each.kind, each.environment, each.account): each
        for each in await all_of(journal, reference, which)
    }
    if len(series) == 1:
        return next(iter(series.values()))
    has_accounts = any(account for *_, account in series)
    several = "; ".join(
        f"--kind {kind} --environment {environment}"
        + (f" --account {shlex.quote(account)}" if has_accounts else "")
        for kind, environment, account in sorted(series)
    )
    raise Stop(f"several entries have this reference; say which: {clean(several)}", Exit.USAGE)
