"""Draw the floors of the package for docs/architecture.md: ``python -m tests.support.floors``.

The rooms are those of tests/test_architecture.py, which holds the imports to them.
"""

from __future__ import annotations

import sys
from itertools import groupby
from pathlib import Path
from xml.sax.saxutils import escape

from tests.test_architecture import FLOORS

TARGET = Path(__file__).parents[2] / "docs" / "images" / "floors.svg"
WORDS = {
    0: "values",
    10: "contracts",
    20: "the way of a call",
    25: "its layers",
    28: "files",
    30: "work that outlives a call",
    40: "providers",
    50: "sandbox",
    60: "edge",
}
WITHOUT_A_ROOM = {"session", "ticketing"}
"""Short paths into another room."""
WIDTH, LEFT, ROOM, GAP = 780, 220, 30, 8
LETTER = 7.8
# Between black and white, so that each stands out on both. The page shines through.
TEXT, LINE, EDGE = "#79797a", "#8f8f93", "#2f7fd1"
FONT = "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif"


def rooms() -> list[tuple[int, list[str]]]:
    """Return the rooms of each floor, the highest first."""
    by_level = sorted(FLOORS, key=lambda each: each[1])
    floors = [
        (level, [_shown(name, level) for name, _ in names if _is_room(name)])
        for level, names in groupby(by_level, key=lambda each: each[1])
    ]
    return floors[::-1]


def _is_room(name: str) -> bool:
    return not name.startswith("_") and name not in WITHOUT_A_ROOM


def _shown(name: str, level: int) -> str:
    return {"": "eguma_async"}.get(
        name, "core: the rest" if (name, level) == ("core", 10) else name
    )


def picture() -> str:
    """Return the drawing."""
    drawn: list[str] = []
    top = 4.0
    for level, names in rooms():
        lines = _in_lines(names)
        height = len(lines) * (ROOM + GAP) + GAP
        drawn.append(
            f'<rect x="1" y="{top:g}" width="{WIDTH - 2}" height="{height}" rx="6" fill="none"'
            f' stroke="{LINE}" stroke-opacity="0.5"/>'
        )
        drawn.append(_text(14, top + height / 2 + 5, WORDS.get(level, str(level)), bold=True))
        for number, line in enumerate(lines):
            x, y = float(LEFT), top + GAP + number * (ROOM + GAP)
            for name in line:
                drawn.append(
                    f'<rect x="{x:g}" y="{y:g}" width="{_width(name):g}" height="{ROOM}" rx="4"'
                    f' fill="{EDGE}" fill-opacity="0.08" stroke="{EDGE}"/>'
                )
                drawn.append(_text(x + _width(name) / 2, y + 20, name, anchor="middle"))
                x += _width(name) + GAP
        top += height + 6
    drawn.append(
        _text(14, top + 16, "A module imports only from its own floor and from those below it.")
    )
    whole = top + 26
    body = "\n".join(drawn)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {whole:g}" width="{WIDTH}"'
        f' height="{whole:g}" role="img" font-family="{FONT}" font-size="13">\n'
        f"<title>The floors of eguma_async, from the edge down to plain values</title>\n"
        f"{body}\n</svg>\n"
    )


def _in_lines(names: list[str]) -> list[list[str]]:
    lines: list[list[str]] = [[]]
    room_left = float(WIDTH - LEFT)
    for name in names:
        if lines[-1] and _width(name) + GAP > room_left:
            lines.append([])
            room_left = float(WIDTH - LEFT)
        lines[-1].append(name)
        room_left -= _width(name) + GAP
    return lines


def _width(name: str) -> float:
    return round(len(name) * LETTER + 22)


def _text(x: float, y: float, text: str, *, anchor: str = "", bold: bool = False) -> str:
    more = f' text-anchor="{anchor}"' if anchor else ""
    more += ' font-weight="600"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{TEXT}"{more}>{escape(text)}</text>'


if __name__ == "__main__":
    TARGET.write_text(picture(), "utf-8")
    sys.stdout.write(f"{TARGET.name} is written\n")
