"""Writes the tables of columns into `docs/exports.md`, from the tables themselves.

Run it after a change of a column: ``python -m tests.support.schemas``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from eguma_async.exports import ColumnType, Table
from eguma_async.korus import tables as korus
from eguma_async.ticketing import tables as eguma

TARGET = Path(__file__).parents[2] / "docs" / "exports.md"
TABLES: dict[str, Table[Any]] = {
    "tables.AVAILABILITIES": eguma.AVAILABILITIES,
    "tables.ORDERS": eguma.ORDERS,
    "tables.ORDER_LINES": eguma.ORDER_LINES,
    "tables.TICKETS": eguma.TICKETS,
    "tables.PAYMENTS": eguma.PAYMENTS,
    "korus.tables.OFFERS": korus.OFFERS,
    "korus.tables.ORDERS": korus.ORDERS,
    "korus.tables.ORDER_ITEMS": korus.ORDER_ITEMS,
    "korus.tables.TICKETS": korus.TICKETS,
}
_TYPES = {
    ColumnType.TEXT: "text",
    ColumnType.WORD: "word",
    ColumnType.TEXTS: "texts",
    ColumnType.INTEGER: "integer",
    ColumnType.CENTS: "cents",
    ColumnType.DECIMAL: "decimal",
    ColumnType.BOOL: "bool",
    ColumnType.DATE: "date",
    ColumnType.WALL_CLOCK: "wall clock",
    ColumnType.INSTANT: "instant",
}
_BLOCK = re.compile(r"<!-- schema (\S+) -->\n.*?<!-- end -->\n", re.DOTALL)


def filled(page: str) -> str:
    """Return the page with the tables of columns as they are."""
    return _BLOCK.sub(lambda found: "\n".join((*_lines(found[1]), "")), page)


def _lines(name: str) -> Iterator[str]:
    yield f"<!-- schema {name} -->"
    yield "| column | type | meaning | null |"
    yield "|---|---|---|---|"
    for column in TABLES[name].columns:
        private = " *Private.*" if column.is_private else ""
        cells = (f"`{column.name}`", _TYPES[column.type], column.meaning + private, column.null)
        yield f"| {' | '.join(cells)} |".replace("|  |", "| |")
    yield "<!-- end -->"


if __name__ == "__main__":
    TARGET.write_text(filled(TARGET.read_text("utf-8")), "utf-8")
