"""Examples of the commands of Korus Ticket, and what goes with what."""

from __future__ import annotations

from eguma_async.cli.guides import ELSEWHERE, LOOKING, OPERATING, SELLING, TRYING, Guide

PERSON = "--first-name Ada --last-name Lovelace --email ada@example.com"
ORDER = f"eguma korus order RESERVATION --external-reference order-4711 {PERSON}"

GUIDES: dict[tuple[str, ...], Guide] = {
    ("korus",): Guide(
        ("eguma korus catalogs --sandbox", "eguma demo --provider korus"),
        ("korus doctor",),
        ELSEWHERE,
    ),
    ("korus", "catalogs"): Guide(
        ("eguma korus catalogs",), ("korus product-bases", "korus offers"), LOOKING
    ),
    ("korus", "product-bases"): Guide(
        ("eguma korus product-bases CATALOG",), ("korus catalogs", "korus products"), LOOKING
    ),
    ("korus", "products"): Guide(
        ("eguma korus products CATALOG",), ("korus product-bases", "korus offers"), LOOKING
    ),
    ("korus", "offers"): Guide(
        (
            "eguma korus offers CATALOG",
            "eguma korus offers CATALOG --from 2030-03-19 --to 2030-03-19 --json",
        ),
        ("korus catalogs", "korus tickets", "korus reserve"),
        LOOKING,
    ),
    ("korus", "price"): Guide(("eguma korus price OFFER",), ("korus offers",), LOOKING),
    ("korus", "availability"): Guide(
        ("eguma korus availability OFFER",), ("korus offers", "korus tickets"), LOOKING
    ),
    ("korus", "tickets"): Guide(
        ("eguma korus tickets OFFER",), ("korus offers", "korus reserve"), LOOKING
    ),
    ("korus", "reserve"): Guide(
        ("eguma korus reserve OFFER --quantity 2", "eguma korus reserve OFFER --dry-run"),
        ("korus offers", "korus tickets", "korus order"),
        SELLING,
    ),
    ("korus", "reservations"): Guide(
        ("eguma korus reservations",), ("korus reserve", "korus order"), LOOKING
    ),
    ("korus", "order"): Guide(
        (ORDER, f"{ORDER} --dry-run"),
        ("korus reserve", "korus order-show", "korus journal recover"),
        SELLING,
    ),
    ("korus", "orders"): Guide(
        ("eguma korus orders --external-reference order-4711",), ("korus order-show",), LOOKING
    ),
    ("korus", "order-show"): Guide(
        ("eguma korus order-show ORDER",),
        ("korus orders", "korus beneficiary", "korus document"),
        LOOKING,
    ),
    ("korus", "beneficiary"): Guide(
        ("eguma korus beneficiary TICKET --first-name Ada --last-name Lovelace",),
        ("korus order-show",),
        SELLING,
    ),
    ("korus", "document"): Guide(
        ("eguma korus document DOCUMENT --to tickets.pdf",), ("korus order-show",), SELLING
    ),
    ("korus", "journal"): Guide((), ("journal", "korus journal recover"), OPERATING),
    ("korus", "journal", "recover"): Guide(
        ("eguma korus journal recover --journal bookings.db",), ("journal list", "journal resolve")
    ),
    ("korus", "doctor"): Guide(
        ("eguma korus doctor", "eguma korus doctor --sandbox --json"),
        ("sandbox", "korus catalogs"),
        OPERATING,
    ),
    ("korus", "calibrate"): Guide(
        ("eguma korus calibrate", "eguma korus calibrate --book --offer OFFER --to demo.toml"),
        ("calibrate", "sandbox", "korus doctor"),
        TRYING,
    ),
}
