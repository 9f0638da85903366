"""Table and picture of the benchmarks: made of the results that are kept, and readable."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from benchmarks import _picture, table
from benchmarks._claims import PANELS, SECTIONS, Count, Ratio, short

ROOT = Path(__file__).parents[1]
STALE = "table or picture is not of the results that are kept: run `python -m benchmarks.table`"
KEPT = table.load(table.KEPT)
SVG = "{http://www.w3.org/2000/svg}"

MEASURED: dict[str, dict[str, Any]] = {
    "overhead": {
        "benchmark": "overhead",
        "sdk_vs_best_aiohttp": 0.8,
        "lean_vs_best_aiohttp": 1.6,
        "lean_vs_best_aiohttp_1kb": 2.5,
        "lean_vs_limit": 0.64,
        "sdk_vs_aiohttp_cattrs": 4.0,
        "sdk_vs_httpx_pydantic": 12.0,
        "gates": {"sdk_vs_best_aiohttp": ">= 0.80", "lean_vs_limit": ">= 0.70"},
        "holds": {"sdk_vs_best_aiohttp": True, "lean_vs_limit": False},
        "versions": {"python": "3.11.7"},
    },
    "imports": {
        "package_vs_aiohttp": 0.004,
        "models_vs_aiohttp": 0.4,
        "client_vs_aiohttp": 1.25,
        "client_fast_vs_aiohttp": None,
        "help_vs_aiohttp": 0.03,
        "aiohttp_ms": 200.0,
    },
    "crash": {
        "kills": 1000,
        "lost": 0,
        "duplicated": 2,
        "zombie": 0,
        "unresolved": 0,
        "mismatched": 0,
    },
    "sync": {"runs": 500, "equal": 499},
}


def rows_of(results):
    lines = table.section(results).splitlines()
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {row[0]: row[1:] for row in cells if len(row) == 3}


def drawn(results) -> Any:
    return ET.fromstring(_picture.picture(PANELS, results))  # noqa: S314  # our own


def texts_of(results):
    return [text.text for text in drawn(results).iter(f"{SVG}text")]


# What is kept


@pytest.mark.source
@pytest.mark.parametrize(
    ("path", "of"),
    [(table.PAGE, table.section), (table.README, table.brief)],
    ids=["page", "README"],
)
def test_a_page_has_the_table_of_the_results_that_are_kept(path, of):
    text = path.read_text("utf-8")
    assert table.put_in(text, of(KEPT)) == text, STALE


@pytest.mark.source
def test_the_picture_is_that_of_the_results_that_are_kept():
    assert table.PICTURE.read_text("utf-8") == _picture.picture(PANELS, KEPT), STALE


def test_each_result_that_is_kept_has_a_row():
    files = {path.stem for path in table.KEPT.glob("*.json")}
    assert files
    assert files <= set(table.benchmarks())
    for name in files:
        assert (ROOT / "benchmarks" / f"{name}.py").exists()


# The table


def test_a_row_tells_what_was_measured_and_what_is_asked_for():
    rows = rows_of(MEASURED)

    assert rows["to the best hand-written aiohttp loop"] == ["0.80 ×", "at least 0.80 ×"]
    assert rows["to httpx and pydantic"] == ["12.0 ×", ""]
    assert rows["`import eguma_async`"] == ["0.004 ×", ""]


def test_what_is_missed_is_told():
    rows = rows_of(MEASURED)

    assert rows["over lean, to bare asyncio with msgspec"] == [
        "**0.64 ×, missed**",
        "at least 0.70 ×",
    ]
    assert rows["bookings lost, doubled or in doubt after 1,000 kills"] == ["**2, missed**", "0"]
    assert rows["copies of orders that are equal, of 500"] == ["**499, missed**", "500"]


def test_what_was_not_measured_has_no_row():
    rows = rows_of(MEASURED)

    assert "a session, ready to send" in rows
    assert not any("Decoding" in title for title in rows)
    assert [text for text in rows if "lean transport" in text] == [
        "the same, over the lean transport"
    ]


def test_every_row_is_a_ratio_or_a_count():
    for row in (row for section in SECTIONS for row in section.rows):
        assert isinstance(row, Ratio | Count)
        if isinstance(row, Ratio):
            assert not re.search(r"_(ms|us|s|mb|rps|per_second)$", row.key)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.0, "0.00"),
        (0.004, "0.004"),
        (0.03, "0.03"),
        (0.85, "0.85"),
        (4.994, "4.99"),
        (5.04, "5.0"),
        (12.34, "12.3"),
        (20.4, "20"),
    ],
)
def test_figures_are_short(value, shown):
    assert short(value) == shown


def test_only_what_stands_between_the_comments_is_replaced():
    text = f"above\n{table.BEGIN}\nold\n{table.END}\nbelow\n"

    assert table.put_in(text, "new") == "above\nnew\nbelow\n"
    assert table.put_in(text, table.section(MEASURED)).count(table.BEGIN) == 1
    for broken in ("none", f"{table.BEGIN} only", text + text, f"{table.END}{table.BEGIN}"):
        with pytest.raises(SystemExit, match="once each"):
            table.put_in(broken, "new")


# The picture


def test_the_picture_is_well_formed_and_tells_what_it_shows():
    root = drawn(MEASURED)

    assert root.tag == f"{SVG}svg"
    assert root.find(f"{SVG}title").text
    width, height = (float(root.get(name)) for name in ("width", "height"))
    assert root.get("viewBox") == f"0 0 {width:.0f} {height:.0f}"
    for text in root.iter(f"{SVG}text"):
        # 9 a letter is more than any usual font of 13 takes.
        length = 9 * len(text.text) if text.get("font-weight") else 8 * len(text.text)
        start = float(text.get("x")) - (length if text.get("text-anchor") == "end" else 0)
        assert -0.1 * length <= start
        assert start + length <= width + 0.1 * length
        assert 0 < float(text.get("y")) < height


def test_bars_have_the_length_of_their_figures():
    root = drawn(MEASURED)
    texts = [text.text for text in root.iter(f"{SVG}text")]
    paths = [path.get("d") for path in root.iter(f"{SVG}path") if path.get("fill") != "none"]
    ends = {
        name: max(map(float, re.findall(r"[HL]([0-9.]+)", path))) - _picture.LEFT
        for name, path in zip([t for t in texts if t in NAMES], paths, strict=True)
    }
    one = ends["best aiohttp loop"]

    assert one == pytest.approx(_picture.BAR_ROOM / _picture.LONGEST, abs=0.1)
    assert ends["eguma_async, lean transport"] == pytest.approx(one / 1.6, abs=0.1)
    assert ends["bare asyncio"] == pytest.approx(one * 0.64 / 1.6, abs=0.1)
    assert ends["httpx, pydantic"] == _picture.BAR_ROOM  # cut: 15 times as long
    assert texts[texts.index("httpx, pydantic") + 1] == "15.0"
    assert ends["all models"] == pytest.approx(ends["import aiohttp"] * 0.4, abs=0.1)


NAMES = {bar.name for panel in PANELS for bar in panel.bars}


def test_a_panel_without_anything_to_compare_is_left_out():
    assert texts_of({}) == ["Shorter is better."]
    alone = {"imports": {"package_vs_aiohttp": 0.1}}
    assert texts_of(alone) == ["Shorter is better."]
    assert "session, lean transport" not in texts_of(MEASURED)


def luminance(colour):
    parts = (int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("page", ["#ffffff", "#0d1117"])
def test_the_picture_can_be_read_on_a_light_and_on_a_dark_page(page):
    """By the contrast of WCAG 2: 3 is asked of bars and large text, 4.5 of small text at best."""

    def contrast(colour):
        light, dark = sorted((luminance(colour), luminance(page)), reverse=True)
        return (light + 0.05) / (dark + 0.05)

    assert contrast(_picture.TEXT) >= 4.25
    assert min(map(contrast, (_picture.OURS, _picture.OTHERS))) >= 3


# The command


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks.table", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "not what `python -m benchmarks.sync --json` prints"),
        ("[1]", "not what"),
        ('{"benchmark": "crash"}', "not what"),
        ('{"runs": 5}', "the result of sync has no equal"),
    ],
)
def test_what_is_no_result_is_refused_and_nothing_is_written(tmp_path, text, told):
    (tmp_path / "sync.json").write_text(text)
    before = table.PAGE.read_text("utf-8")

    done = command("--from", tmp_path)

    assert done.returncode == 1
    assert told in done.stderr
    assert not (table.KEPT / "sync.json").exists() or KEPT.get("sync") is not None
    assert table.PAGE.read_text("utf-8") == before


def test_a_directory_without_results_is_refused(tmp_path):
    done = command("--from", tmp_path)

    assert done.returncode == 2
    assert "has no results" in done.stderr


def test_results_are_kept_and_written(tmp_path):
    kept, image, *pages = (
        tmp_path / name for name in ("kept", "picture.svg", "page.md", "README.md")
    )
    for page in pages:
        page.write_text(f"# Title\n\n{table.BEGIN}\n{table.END}\n")

    table.keep(MEASURED, kept)
    table.write(table.load(kept), pages[0], image, pages[1])

    assert json.loads((kept / "sync.json").read_text()) == MEASURED["sync"]
    assert pages[0].read_text() == f"# Title\n\n{table.section(MEASURED)}\n"
    assert pages[1].read_text() == f"# Title\n\n{table.brief(MEASURED)}\n"
    assert image.read_text() == _picture.picture(PANELS, MEASURED)
