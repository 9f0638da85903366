"""Tables on stdout: whole words at any width."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from eguma_async.cli.tables import print_table
from tests.support.commands import on_terminal


class Output(io.StringIO):
    encoding = "utf-8"


class Terminal(Output):
    def isatty(self) -> bool:
        return True


def table(
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    *,
    width: int | None,
    title: str = "Title",
    encoding: str = "utf-8",
) -> str:
    """Return a table as a terminal of some width gets it, or a pipe."""
    out = Output() if width is None else Terminal()
    out.encoding = encoding
    with pytest.MonkeyPatch.context() as settings, redirect_stdout(out):
        settings.setenv("NO_COLOR", "1")
        if width is not None:
            settings.setenv("COLUMNS", str(width))
        print_table(title, columns, rows)
    return out.getvalue()


ROWS = [
    ("5115b896d797e3e67c5091ce", "Ride to the very top", "45.00 CHF"),
    ("690f54732cf79247254d676e", "Sledge", "9.00 CHF"),
]
COLUMNS = ("Product", "Name", ">Price")


def test_a_table_that_fits_has_a_line_for_each_row() -> None:
    assert table(COLUMNS, ROWS, width=80) == (
        "Title\n"
        "Product                   Name                      Price\n"
        "─────────────────────────────────────────────────────────\n"
        "5115b896d797e3e67c5091ce  Ride to the very top  45.00 CHF\n"
        "690f54732cf79247254d676e  Sledge                 9.00 CHF\n"
    )


def test_where_it_is_narrow_words_wrap_and_ids_and_amounts_do_not() -> None:
    assert table(COLUMNS, ROWS, width=45) == (
        "Title\n"
        "Product                   Name          Price\n"
        "─────────────────────────────────────────────\n"
        "5115b896d797e3e67c5091ce  Ride to   45.00 CHF\n"
        "                          the very\n"
        "                          top\n"
        "690f54732cf79247254d676e  Sledge     9.00 CHF\n"
    )


def test_where_there_is_no_room_for_a_table_rows_are_lines() -> None:
    assert table(COLUMNS, ROWS, width=42) == (
        "Title\n"
        "Product: 5115b896d797e3e67c5091ce\n"
        "  Name: Ride to the very top\n"
        "  Price: 45.00 CHF\n"
        "Product: 690f54732cf79247254d676e\n"
        "  Name: Sledge  Price: 9.00 CHF\n"
    )


def test_a_table_without_rows_is_its_title() -> None:
    assert table(("A", ">B"), [], width=80) == "Title\n"


def test_the_rule_is_one_that_the_output_takes() -> None:
    out = table(("A",), [("b",)], width=80, encoding="ascii")

    assert out == "Title\nA\n-\nb\n"


def test_the_output_of_a_pipe_is_one_line_a_row_however_long() -> None:
    out = table(("A", "B"), [("a " * 900, "b" * 900)], width=None)

    assert ("a " * 900).strip() + "  " + "b" * 900 in out


words = st.text("abc0123456789-/é漢🎿", min_size=1, max_size=30)
cells = st.lists(words, max_size=4).map(" ".join)


@given(
    rows=st.lists(st.tuples(words, cells, cells), max_size=4),
    width=st.integers(1, 130),
)
def test_no_word_is_ever_cut(rows: list[tuple[str, str, str]], width: int) -> None:
    out = table(("Id", "Name", ">Total"), rows, width=width)

    lines = out.splitlines()
    for row in rows:
        for whole in (*row[0].split(), *row[1].split(), row[2]):
            assert any(whole in line for line in lines), whole
    for line in lines:
        as_pair = line.strip().partition(":")[0] in ("Id", "Name", "Total")
        assert cell_len(line) <= width or as_pair or line == "Title"


def ids_of_products(document: Any) -> list[str]:
    products = document["products"]
    return [
        *(product["id"] for product in products),
        *(category["id"] for product in products for category in product["categories"]),
    ]


SHOWN: dict[str, Callable[[Any], list[str]]] = {
    "products": ids_of_products,
    "orders": lambda orders: [order[name] for order in orders for name in ("id", "order_number")],
    "korus catalogs": lambda catalogs: [catalog["iri"] for catalog in catalogs],
}


@pytest.mark.parametrize("columns", [20, 80, 200])
@pytest.mark.parametrize("command", SHOWN)
def test_ids_stay_whole_on_a_terminal(start, command: str, columns: int) -> None:
    arguments = (*command.split(), "--sandbox")
    document = json.loads(start(*arguments, "--json").finish()[1])
    code, out = on_terminal(start, *arguments, columns=columns, env={"NO_COLOR": "1"})

    assert code == 0
    ids = SHOWN[command](document)
    assert len(ids) > 1
    assert [one for one in ids if one not in out] == []


def test_an_id_in_a_title_stays_whole_too() -> None:
    out = table(("A",), [("b",)], width=3, title="Booking 1000053, id 21da724b768801604a56df66")

    assert out.splitlines()[0] == "Booking 1000053, id 21da724b768801604a56df66"
