"""Examples of the commands of e-guma, and what goes with what."""

from __future__ import annotations

from eguma_async.cli.guides import LOOKING, OPERATING, SELLING, TRYING, Guide

PERSON = "--first-name Ada --last-name Lovelace --email ada@example.com"
SALE = "PRODUCT STARTS_AT --item CATEGORY=2"

GUIDES: dict[tuple[str, ...], Guide] = {
    ("products",): Guide(
        ("eguma products", "eguma products --sandbox --json"), ("availabilities",), LOOKING
    ),
    ("availabilities",): Guide(
        (
            "eguma availabilities PRODUCT",
            "eguma availabilities PRODUCT --from 2030-03-19 --to 2030-03-21 --json",
        ),
        ("products", "fanout", "book"),
        LOOKING,
    ),
    ("fanout",): Guide(
        (
            "eguma fanout --all --to-file slots.csv",
            "eguma fanout PRODUCT --from 2030-03-01 --to 2030-12-31 --window-days 31",
        ),
        ("availabilities",),
        LOOKING,
    ),
    ("orders",): Guide(
        ("eguma orders --last-name Lovelace", "eguma orders --updated-after 2026-03-19 --json"),
        ("orders sync", "cancel"),
        LOOKING,
    ),
    ("orders", "sync"): Guide(
        ("eguma orders sync orders.db", "eguma orders sync orders.db --follow --interval 60"),
        ("orders",),
    ),
    ("reserve",): Guide(
        (f"eguma reserve {SALE}", f"eguma reserve {SALE} --dry-run"),
        ("availabilities", "book", "release"),
        SELLING,
    ),
    ("release",): Guide(("eguma release RESERVATION",), ("reserve",), SELLING),
    ("book",): Guide(
        (
            f"eguma book {SALE} {PERSON}",
            f"eguma book {SALE} {PERSON} --journal bookings.db --client-ref order-4711 --yes",
            f"eguma book {SALE} {PERSON} --dry-run",
        ),
        ("availabilities", "reserve", "cancel", "journal recover"),
        SELLING,
    ),
    ("cancel",): Guide(
        (
            "eguma cancel BOOKING",
            "eguma cancel --client-ref order-4711 --journal bookings.db --yes",
        ),
        ("orders", "book"),
        SELLING,
    ),
    ("ticket",): Guide((), ("ticket check-in", "ticket info"), SELLING),
    ("ticket", "check-in"): Guide(
        ("eguma ticket check-in NUMBER",), ("ticket info", "ticket check-out")
    ),
    ("ticket", "check-out"): Guide(
        ("eguma ticket check-out NUMBER",), ("ticket info", "ticket check-in")
    ),
    ("ticket", "info"): Guide(("eguma ticket info NUMBER --json",), ("ticket check-in",)),
    ("ticket", "qr"): Guide(
        ("eguma ticket qr NUMBER", "eguma ticket qr NUMBER --to ticket.png"),
        ("ticket pdf", "orders"),
    ),
    ("ticket", "pdf"): Guide(
        ("eguma ticket pdf REFERENCE --to tickets.pdf",), ("orders", "ticket qr")
    ),
    ("journal", "recover"): Guide(
        ("eguma journal recover --journal bookings.db",), ("journal list", "journal resolve")
    ),
    ("doctor",): Guide(
        (
            "eguma doctor",
            "eguma doctor --base-url https://api.example --journal bookings.db --json",
        ),
        ("sandbox", "products"),
        OPERATING,
    ),
    ("demo",): Guide(("eguma demo", "eguma demo --crash"), ("sandbox",), TRYING),
    ("calibrate",): Guide(
        (
            "eguma calibrate --product PRODUCT",
            "eguma calibrate --product PRODUCT --book --to demo.toml",
        ),
        ("korus calibrate", "sandbox", "doctor"),
        TRYING,
    ),
}
