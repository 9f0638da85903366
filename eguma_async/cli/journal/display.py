"""Entries of a journal for people and for programs: what is known, and what to do.

What a confirmed entry keeps can open a gate. Only what is known to be harmless is shown, unless
its tickets are asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from eguma_async.cli.tables import print_table
from eguma_async.cli.text import aged, as_json, counted, moment, plain

if TYPE_CHECKING:
    from eguma_async.core.journal import Entry

_HARMLESS = frozenset(
    {
        *("booking_id", "booking_reference", "language", "idempotency_key"),
        *("orders", "references", "failed", "unaccounted"),
    }
)
"""Members of what came of an entry that open nothing."""
HIDDEN = "***"


def now() -> datetime:
    """Return the time of this machine."""
    from eguma_async.core.clock import SystemClock

    return SystemClock().now()


def as_document(entry: Entry, *, at: datetime, reveal: bool) -> dict[str, Any]:
    """Return an entry as a JSON object: its own members, and what follows from them.

    Args:
        entry: The entry.
        at: What time it is.
        reveal: Show tickets too.
    """
    document: dict[str, Any] = plain(entry)
    return {
        **document,
        "result": _shown(entry.result, reveal=reveal),
        "is_open": entry.state.is_open,
        "age_seconds": round((at - entry.created_at).total_seconds(), 3),
        "advice": entry.advice,
    }


def _shown(result: Mapping[str, Any] | None, *, reveal: bool) -> dict[str, Any] | None:
    if result is None:
        return None
    return {
        name: plain(value) if reveal or name in _HARMLESS or not value else HIDDEN
        for name, value in result.items()
    }


def print_entries(
    entries: Sequence[Entry], *, at: datetime, reveal: bool = False, title: str | None = None
) -> None:
    """Print entries as a table: how old they are, where they stand, and what to do.

    Args:
        entries: The entries.
        at: What time it is.
        reveal: Show tickets too.
        title: What they are; how many there are if not given.
    """
    columns: dict[str, Callable[[Entry], str]] = {
        ">Age": lambda entry: aged(at - entry.created_at),
        "State": lambda entry: entry.state.value,
        "Kind": lambda entry: entry.kind or "?",
        "Reference": lambda entry: entry.client_ref,
    }
    if any(entry.account for entry in entries):
        columns["Account"] = lambda entry: entry.account or "-"
    columns["What is known"] = known
    columns["What to do"] = lambda entry: entry.advice
    if reveal:
        columns["Tickets"] = lambda entry: ", ".join(_tickets(entry)) or "-"
    print_table(
        title or counted(entries, "entry", "entries"),
        tuple(columns),
        [tuple(column(entry) for column in columns.values()) for entry in entries],
    )


def _tickets(entry: Entry) -> Iterable[str]:
    for ticket in (entry.result or {}).get("tickets", ()):
        yield str(ticket["ticket_number"] if isinstance(ticket, Mapping) else ticket)


def known(entry: Entry) -> str:
    """Return what is known of an entry, in a few words; no ticket is among them."""
    if entry.state.value == "quarantined":
        return "damaged: nothing of it is believed"
    result = entry.result or {}
    made = [result.get("booking_reference"), *result.get("references", ())]
    words = [
        *(str(each) for each in made if each),
        entry.reason,
        "encrypted" if entry.locked else None,
        counted(entry.attempts, "attempt"),
        "may have been done" if entry.in_doubt and entry.state.is_open else None,
        f"may be: {', '.join(entry.candidates)}" if entry.candidates else None,
    ]
    return "; ".join(word for word in words if word)


def print_entry(entry: Entry, *, at: datetime, reveal: bool) -> None:
    """Print all that is known of one entry."""
    print_table(
        f"{entry.kind or 'damaged entry'} {entry.client_ref}: {entry.state.value}",
        ("What", "Value"),
        list(_pairs(entry, at=at, reveal=reveal)),
    )


def _pairs(entry: Entry, *, at: datetime, reveal: bool) -> Iterable[tuple[str, str]]:
    sent, until, leased = entry.last_sent_at, entry.book_by, entry.leased_until
    yield "Reason", entry.reason or "-"
    yield "What to do", entry.advice
    yield "Provider", entry.provider or "?"
    yield "Environment", entry.environment or "?"
    yield "Account", entry.account or "-"
    yield "Generation", str(entry.generation)
    yield "Asked for", f"{moment(entry.created_at)}, {aged(at - entry.created_at)} ago"
    yield "Last sent", "-" if sent is None else f"{moment(sent)}, {aged(at - sent)} ago"
    yield "Attempts", str(entry.attempts)
    yield "May have been done", "yes" if entry.in_doubt else "no"
    yield "Wanted until", "-" if until is None else f"{moment(until)}; then: {entry.late.value}"
    yield "Worked on until", "-" if leased is None or leased <= at else moment(leased)
    yield "Idempotency key", entry.idempotency_key or "-"
    for name, value in (_shown(entry.result, reveal=reveal) or {}).items():
        if name == "idempotency_key":
            continue  # which it has been sent with, as above
        yield name.replace("_", " ").capitalize(), _as_cell(value)
    for candidate in entry.candidates:
        yield "May be", candidate


def _as_cell(value: Any) -> str:
    if isinstance(value, str):
        return value or "-"
    if isinstance(value, (list, tuple)) and all(isinstance(each, str) for each in value):
        return ", ".join(value) or "-"
    return "-" if value is None else as_json(value)
