"""Tables on stdout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from .terminal import captured_output, output_console
from .text import clean

PIPE_WIDTH = 10_000
"""Columns of an output that is no terminal: no table is so wide."""
GAP = "  "
"""What stands between two cells."""


def print_table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table; where it does not fit, its rows as lines of names and values.

    No word is ever cut, so that ids, keys and numbers can be copied whole; cells wrap between
    words. A column whose name begins with ``>`` is aligned to the right and does not wrap.
    """
    from rich import box
    from rich.table import Table

    cells = [tuple(map(clean, row)) for row in rows]
    names = [name.removeprefix(">") for name in columns]
    right = [name.startswith(">") for name in columns]
    console = output_console(piped_width=PIPE_WIDTH)
    widths = _fitting_widths([names, *cells], right, console.width)
    with captured_output(console):
        if widths is None:
            lines = [line for row in cells for line in _lines(names, row, console.width)]
            console.print(clean(title), style="bold", soft_wrap=True)
            console.print("\n".join(lines), soft_wrap=True)
            return
        table = Table(
            title=clean(title),
            title_justify="left",
            title_style="bold",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, len(GAP) - 1, 0, 0),
        )
        for name, numeric, width in zip(names, right, widths, strict=True):
            table.add_column(name, justify="right" if numeric else "left", width=width)
        for row in cells:
            table.add_row(*row)
        console.print(table)


def _fitting_widths(
    rows: Sequence[Sequence[str]], right: Sequence[bool], available: int
) -> list[int] | None:
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


def _lines(names: Sequence[str], row: Sequence[str], width: int) -> Iterator[str]:
    """Write a row as ``Name: value`` pairs, in as few lines as they take without being cut."""
    from rich.cells import cell_len

    line = ""
    for name, cell in zip(names, row, strict=True):
        pair = f"{name}: {cell}"
        if line and cell_len(line + GAP + pair) > width:
            yield line
            line = GAP + pair
        else:
            line = line + GAP + pair if line else pair
    yield line
