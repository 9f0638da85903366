"""Tables on stdout."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

from .terminal import captured_output, output_console
from .text import clean, is_utf8

PIPE_WIDTH = 10_000
"""Columns of an output that is no terminal: no table is so wide."""
GAP = "  "
"""What stands between two cells."""

Row = Sequence[str]


def print_table(title: str, columns: Row, rows: Iterable[Row]) -> None:
    """Print a table; where it does not fit, its rows as lines of names and values.

    Without rows there is only the title.

    No word is ever cut, so that ids, keys and numbers can be copied whole; cells wrap between
    words. A column whose name begins with ``>`` is aligned to the right and does not wrap.
    """
    cells = [tuple(map(clean, row)) for row in rows]
    names = [name.removeprefix(">") for name in columns]
    right = [name.startswith(">") for name in columns]
    console = output_console(piped_width=PIPE_WIDTH)
    widths = _fitting_widths([names, *cells], right, console.width)
    with captured_output(console):
        # Never wrapped by rich, whose tables cut words that have wide characters.
        console.print(clean(title), style="bold", soft_wrap=True)
        if not cells:
            return
        if widths is None:
            lines = [line for row in cells for line in _pairs(names, row, console.width)]
        else:
            header, *lines = _table([names, *cells], right, widths)
            console.print(header, style="bold", soft_wrap=True)
        console.print("\n".join(lines), soft_wrap=True)


def _fitting_widths(rows: Sequence[Row], right: Sequence[bool], available: int) -> list[int] | None:
    """Return a width for each column in which no word is cut; None if there is no room for them."""
    from rich.cells import cell_len

    columns = list(zip(*rows, strict=True))
    widths = [max(map(cell_len, column)) for column in columns]
    least = [
        width if numeric else max(cell_len(word) for cell in column for word in cell.split() or "-")
        for column, numeric, width in zip(columns, right, widths, strict=True)
    ]
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - available
    while excess > 0:
        spare = [width - low for width, low in zip(widths, least, strict=True)]
        if not any(spare):
            return None
        widest = max((i for i, room in enumerate(spare) if room), key=widths.__getitem__)
        widths[widest] -= 1
        excess -= 1
    return widths


def _table(rows: Sequence[Row], right: Sequence[bool], widths: Sequence[int]) -> Iterator[str]:
    """Write rows one below the other, and a rule below the first one."""
    header, *body = ["\n".join(_lines(row, right, widths)) for row in rows]
    yield header
    yield ("─" if is_utf8(sys.stdout) else "-") * (sum(widths) + len(GAP) * (len(widths) - 1))
    yield from body


def _lines(row: Row, right: Sequence[bool], widths: Sequence[int]) -> Iterator[str]:
    """Write the lines of one row, whose cells wrap within their columns."""
    from rich.cells import cell_len

    wrapped = [list(_wrapped(cell, width)) for cell, width in zip(row, widths, strict=True)]
    for texts in zip_longest(*wrapped, fillvalue=""):
        line = [
            " " * (width - cell_len(text)) + text
            if numeric
            else text + " " * (width - cell_len(text))
            for text, numeric, width in zip(texts, right, widths, strict=True)
        ]
        yield GAP.join(line).rstrip()


def _wrapped(cell: str, width: int) -> Iterator[str]:
    """Break a cell between words, if it is too long."""
    from rich.cells import cell_len

    return _filled(cell.split(), " ", width) if cell_len(cell) > width else iter([cell])


def _pairs(names: Row, row: Row, width: int) -> Iterator[str]:
    """Write a row as ``Name: value`` pairs."""
    pairs = [f"{name}: {cell}" for name, cell in zip(names, row, strict=True)]
    return _filled(pairs, GAP, width, indent=GAP)


def _filled(parts: Iterable[str], gap: str, width: int, *, indent: str = "") -> Iterator[str]:
    """Put parts into as few lines as they take; one that is too long has a line of its own."""
    from rich.cells import cell_len

    line = ""
    for part in parts:
        if line and cell_len(line + gap + part) > width:
            yield line
            line = indent + part
        else:
            line = line + gap + part if line else part
    yield line
