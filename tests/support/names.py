"""Writes `eguma_async/_names.py`: what each lazy package imports for type checkers, as data.

Run it after a change of those imports: ``python -m tests.support.names``.
"""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
TARGET = ROOT / "eguma_async" / "_names.py"
HEAD = '''"""The names of the lazy packages with their homes.

Written by ``python -m tests.support.names`` from what those packages import for type checkers.
"""
'''
LAZY = (
    "eguma_async",
    "eguma_async.calendars",
    "eguma_async.core",
    "eguma_async.exports",
    "eguma_async.journal",
    "eguma_async.sandbox",
    "eguma_async.sync",
    "eguma_async.testing",
)


def typed_imports(package: str) -> dict[str, str]:
    """Return the names a package imports for type checkers only, each with its home."""
    source = ROOT.joinpath(*package.split("."), "__init__.py").read_text("utf-8")
    (block,) = (
        node
        for node in ast.parse(source).body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    )
    found = {
        alias.asname or alias.name: "." * node.level + (node.module or "")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return {name: found[name] for name in sorted(found, key=rank)}


def rank(name: str) -> tuple[int, str]:
    """Sort as ruff sorts ``__all__``: constants, classes, the rest."""
    return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)


def render() -> str:
    """Return the module's source."""
    lines = [HEAD, "HOMES: dict[str, dict[str, str]] = {"]
    for package in LAZY:
        lines.append(f'    "{package}": {{')
        lines += [f'        "{name}": "{home}",' for name, home in typed_imports(package).items()]
        lines.append("    },")
    return "\n".join([*lines, "}", ""])


if __name__ == "__main__":
    TARGET.write_text(render(), "utf-8")
