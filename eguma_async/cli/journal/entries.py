"""``eguma journal list``, ``show`` and ``export``: what a journal knows. Nothing is sent."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.options import JsonOption
from eguma_async.cli.text import as_json, counted, print_json, say

from .display import as_document, now, print_entries, print_entry
from .options import DEFAULT_CHOICE, JournalChoice, RevealOption, opened_journal
from .selection import DEFAULT_WHICH, ReferenceArgument, Which, all_of

if TYPE_CHECKING:
    from eguma_async.core.journal import Entry

OpenOption = Annotated[
    bool,
    Parameter(
        name="--open",
        negative="",
        show_default=False,
        help="Only those whose outcome is not known for good.",
    ),
]


async def list_entries(
    *,
    open_only: OpenOption = False,
    reveal: RevealOption = False,
    json: JsonOption = False,
    chosen: JournalChoice = DEFAULT_CHOICE,
) -> None:
    """List the entries, the oldest first: where each stands, and what to do about it."""
    found = [entry async for entry in _entries(chosen, open_only=open_only)]
    at = now()
    if json:
        print_json([as_document(entry, at=at, reveal=reveal) for entry in found])
        return
    print_entries(found, at=at, reveal=reveal)


async def show(
    reference: ReferenceArgument,
    /,
    *,
    reveal: RevealOption = False,
    json: JsonOption = False,
    which: Which = DEFAULT_WHICH,
) -> None:
    """Show all that is known under a reference: each kind and each generation."""
    async with opened_journal(which) as journal:
        found = await all_of(journal, reference, which)
    at = now()
    if json:
        print_json([as_document(entry, at=at, reveal=reveal) for entry in found])
        return
    for entry in found:
        print_entry(entry, at=at, reveal=reveal)


async def export(
    *,
    to: Annotated[
        Path | None,
        Parameter(
            help="File to write instead of stdout, or to replace; only its owner can read it."
        ),
    ] = None,
    open_only: OpenOption = False,
    reveal: RevealOption = False,
    chosen: JournalChoice = DEFAULT_CHOICE,
) -> None:
    """Write the entries as JSON lines, the oldest first."""
    lines = _lines(chosen, now(), open_only=open_only, reveal=reveal)
    async with aclosing(lines):
        if to is None:
            async for line in lines:
                sys.stdout.write(line)
            sys.stdout.flush()
            return
        from eguma_async.core.files import replacing

        count = 0
        with replacing(to) as file:
            async for line in lines:
                file.write(line.encode())
                count += 1
    say(f"{counted(count, 'entry', 'entries')} written to {to}")


async def _lines(
    chosen: JournalChoice, at: datetime, *, open_only: bool, reveal: bool
) -> AsyncGenerator[str, None]:
    async with aclosing(_entries(chosen, open_only=open_only)) as entries:
        async for entry in entries:
            yield as_json(as_document(entry, at=at, reveal=reveal)) + "\n"


async def _entries(chosen: JournalChoice, *, open_only: bool) -> AsyncGenerator[Entry, None]:
    """Read the entries of an account; of a damaged one it is not known whose it is."""
    async with opened_journal(chosen) as journal:
        async for entry in journal.entries(open_only=open_only):
            if chosen.account in (None, entry.account) or not entry.provider:
                yield entry


def add_to(app: App) -> None:
    """Add the commands of this module."""
    app.command(list_entries, name="list")
    app.command(show)
    app.command(export)
