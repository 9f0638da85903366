"""Write the tables of the sandboxes' options in docs/sandbox.md: ``python -m tests.support.options``.

They come from the fields of the classes and from what their docstrings say about each.
"""

from __future__ import annotations

import inspect
import re
import sys
from pathlib import Path

import attrs

from eguma_async.sandbox import EgumaOptions, KorusOptions, Options

TARGET = Path(__file__).parents[2] / "docs" / "sandbox.md"
KINDS = (EgumaOptions, KorusOptions)


def described(kind: type[Options]) -> dict[str, str]:
    """Return what a class says about each of its attributes, as Markdown."""
    text = (inspect.getdoc(kind) or "").partition("Attributes:\n")[2]
    entries = re.findall(r"^    (\w+): (.*(?:\n {8}.*)*)", text, re.MULTILINE)
    return {name: re.sub(r"\s+", " ", words).replace("``", "`") for name, words in entries}


def table(kind: type[Options]) -> str:
    """Return the options of a class, each with its default and its meaning."""
    meanings = described(kind)
    rows = [
        f"| `{field.name}` | {_shown(field.default)} | {meanings[field.name]} |"
        for field in attrs.fields(kind)
    ]
    return "\n".join(["| option | default | what it is |", "|---|---|---|", *rows])


def _shown(value: object) -> str:
    return "none" if value is None else f"`{value}`"


def rendered(text: str) -> str:
    """Return the page with its tables as they ought to be."""
    for kind in KINDS:
        begin, end = f"<!-- options of {kind.__name__} -->\n", "<!-- end of options -->"
        before, _, rest = text.partition(begin)
        _, _, after = rest.partition(end)
        text = f"{before}{begin}\n{table(kind)}\n\n{end}{after}"
    return text


if __name__ == "__main__":
    TARGET.write_text(rendered(TARGET.read_text("utf-8")), "utf-8")
    sys.stdout.write(f"{TARGET.name} is written\n")
