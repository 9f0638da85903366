"""Put the results into docs/benchmarks.md, the main ones into README, and a picture beside them.

- ``python -m benchmarks.table``: of the results that are kept in benchmarks/results.
- ``--from DIR``: takes DIR/NAME.json, each saved by ``python -m benchmarks.NAME --json``, and keeps
  them first.
- ``--run [NAME ...]``: runs these benchmarks, or all that have a row, and keeps what they say.

Each writes over what was there before. A benchmark without a result has no row.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from . import _lib
from ._claims import BRIEF, PANELS, SECTIONS, Count, Ratio, Results
from ._picture import picture

KEPT = _lib.ROOT / "benchmarks" / "results"
README = _lib.ROOT / "README.md"
PAGE = _lib.ROOT / "docs" / "benchmarks.md"
PICTURE = _lib.ROOT / "docs" / "benchmarks.svg"
BEGIN, END = "<!-- python -m benchmarks.table -->", "<!-- end of benchmarks.table -->"
HEAD = ("| | measured | asked for |", "|---|---|---|")
IMAGE = "Benchmarks: shorter bars are better"
OPTIONS = {"crash": ("--kills", "1000"), "sync": ("--runs", "500")}
"""Beyond --json, for ``--run``."""


def benchmarks() -> list[str]:
    """Return the names of all benchmarks that have a row."""
    return list(dict.fromkeys(row.benchmark for section in SECTIONS for row in section.rows))


def load(directory: Path) -> dict[str, dict[str, Any]]:
    """Return the results in a directory, by the name of the benchmark.

    Raises:
        SystemExit: One is no result.
    """
    found = {}
    for name in benchmarks():
        file = directory / f"{name}.json"
        if file.exists():
            found[name] = _checked(name, file.read_text("utf-8"))
    return found


def _checked(name: str, text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or document.get("benchmark", name) != name:
        raise SystemExit(
            f"this is not what `python -m benchmarks.{name} --json` prints: {text[:80]!r}"
        )
    missing = [key for key in _keys(name) if key not in document]
    if missing:
        raise SystemExit(f"the result of {name} has no {', '.join(missing)}")
    return document


def _keys(name: str) -> list[str]:
    """Return what the rows of a benchmark need."""
    rows = [row for section in SECTIONS for row in section.rows if row.benchmark == name]
    return [
        key
        for row in rows
        for key in (
            filter(None, (row.tried, *row.faults, row.wanted))
            if isinstance(row, Count)
            else (row.key,)
        )
    ]


def keep(results: Results, where: Path = KEPT) -> None:
    """Write results down, each in a file of its own."""
    where.mkdir(exist_ok=True)
    for name, document in results.items():
        (where / f"{name}.json").write_text(json.dumps(document, indent=2) + "\n", "utf-8")


def run(name: str) -> dict[str, Any]:
    """Run a benchmark and return its result. That a gate is missed is a result as well."""
    print(f"benchmarks.{name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-m", f"benchmarks.{name}", *OPTIONS.get(name, ()), "--json"]
    ended = subprocess.run(command, cwd=_lib.ROOT, stdout=subprocess.PIPE, text=True, check=False)
    return _checked(name, ended.stdout)


def section(results: Results) -> str:
    """Return what stands between the two comments on the page."""
    lines = [BEGIN, "", f"![{IMAGE}]({PICTURE.name})", "", *HEAD]
    for part in SECTIONS:
        rows = _rows(part.rows, results)
        if rows:
            lines += [f"| **{part.title}** | | |", *rows]
    return "\n".join([*lines, "", _circumstances(results), "", END])


def brief(results: Results) -> str:
    """Return what stands between the two comments in README."""
    image = f"![{IMAGE}]({PICTURE.relative_to(_lib.ROOT).as_posix()})"
    page = PAGE.relative_to(_lib.ROOT).as_posix()
    more = f"All figures, and what each compares: [{page}]({page})."
    return "\n".join([BEGIN, "", *HEAD, *_rows(BRIEF, results), "", image, "", more, "", END])


def _rows(rows: tuple[Ratio | Count, ...], results: Results) -> list[str]:
    lines = []
    for row in rows:
        cells = row.cells(results)
        if cells is not None:
            words = row.words(results) if isinstance(row, Count) else row.text
            lines.append(f"| {words} | {cells[0]} | {cells[1]} |")
    return lines


def _circumstances(results: Results) -> str:
    pythons = sorted({of["versions"]["python"] for of in results.values() if "versions" in of})
    return (
        "Ratios are medians of turns that alternate within one run, with CPython"
        f" {', '.join(pythons) or '?'}. [benchmarks/README.md](../benchmarks/README.md) says what"
        " each compares, and how to read it."
    )


def put_in(text: str, new: str) -> str:
    """Return a text with a new section between the two comments.

    Raises:
        SystemExit: The comments are not there once each.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in after or END in after:
        raise SystemExit(f"a page must have the lines {BEGIN} and {END}, once each")
    return before + new + after


def write(
    results: Results, page: Path = PAGE, image: Path = PICTURE, readme: Path = README
) -> None:
    """Write tables and picture."""
    for path, new in ((page, section(results)), (readme, brief(results))):
        path.write_text(put_in(path.read_text("utf-8"), new), "utf-8")
    image.write_text(picture(PANELS, results), "utf-8")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    how = parser.add_mutually_exclusive_group()
    how.add_argument("--from", dest="source", type=Path, metavar="DIR", help="where results are")
    how.add_argument("--run", nargs="*", choices=benchmarks(), metavar="NAME", help="run these")
    given = parser.parse_args()
    if given.source is not None:
        found = load(given.source)
        if not found:
            parser.error(f"{given.source} has no results: DIR/overhead.json and so on")
        keep(found)
    failed = [name for name in _wanted(given.run) if not _ran(name)]
    write(load(KEPT))
    if failed:
        raise SystemExit(f"without a result: {', '.join(failed)}")


def _wanted(names: list[str] | None) -> list[str]:
    """Return which benchmarks to run: none, those, or with an empty list all that are there."""
    if names is None:
        return []
    there = [name for name in benchmarks() if importlib.util.find_spec(f"benchmarks.{name}")]
    return names or there


def _ran(name: str) -> bool:
    """Run a benchmark and keep its result; tell whether there is one."""
    try:
        keep({name: run(name)})
    except SystemExit as error:
        print(error, file=sys.stderr)
        return False
    return True


if __name__ == "__main__":
    main()
