"""Examples of the commands of the journal, and what goes with what."""

from __future__ import annotations

from eguma_async.cli.guides import OPERATING, Guide

JOURNAL = "--journal bookings.db"

GUIDES: dict[tuple[str, ...], Guide] = {
    ("journal",): Guide(
        (f"eguma journal list {JOURNAL}", f"eguma journal recover {JOURNAL}"),
        ("book", "cancel"),
        OPERATING,
    ),
    ("journal", "list"): Guide(
        (f"eguma journal list {JOURNAL}", f"eguma journal list --open {JOURNAL} --json"),
        ("journal show", "journal recover"),
    ),
    ("journal", "show"): Guide(
        (f"eguma journal show order-4711 {JOURNAL}",), ("journal list", "journal resolve")
    ),
    ("journal", "export"): Guide(
        (f"eguma journal export --to entries.jsonl {JOURNAL}",), ("journal list",)
    ),
    ("journal", "resolve"): Guide(
        (f"eguma journal resolve order-4711 --as absent {JOURNAL}",),
        ("journal show", "journal recover"),
    ),
    ("journal", "erase"): Guide(
        (f"eguma journal erase order-4711 {JOURNAL} --yes",), ("journal prune",)
    ),
    ("journal", "prune"): Guide(
        (f"eguma journal prune --older-than 30 {JOURNAL} --yes",), ("journal erase",)
    ),
}
