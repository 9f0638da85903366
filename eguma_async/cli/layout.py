"""Help as plain text: the same words and lines in a terminal, a pipe and a file."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cyclopts.help import HelpEntry, HelpPanel
    from rich.console import Console, ConsoleOptions

COLUMNS = 80
"""A narrower terminal wraps the lines by itself."""
ENDLESS = 100_000
"""Columns in which no text of ours is wrapped."""
INDENT = "  "


class PlainHelp:
    """A formatter of cyclopts that draws no boxes, and wraps each text within its indent."""

    def __call__(self, console: Console, options: ConsoleOptions, panel: HelpPanel) -> None:
        """Print the commands, or the parameters, one below the other."""
        if not panel.entries:
            return
        title = _text(panel.title, console)
        described = [_described(entry, console) for entry in panel.entries]
        _print(console, ["", f"{title}:", *(_filled(one, INDENT) for one in described)])

    def render_usage(self, console: Console, options: ConsoleOptions, usage: Any) -> None:
        """Print how the command is called."""
        _print(console, [_filled(f"Usage: {_text(usage, console)}")])

    def render_description(
        self, console: Console, options: ConsoleOptions, description: Any
    ) -> None:
        """Print what the command does, in its paragraphs."""
        for paragraph in _text(description, console).split("\n\n"):
            _print(console, ["", _filled(paragraph)])


def _described(entry: HelpEntry, console: Console) -> str:
    """Return the names of a command or a parameter with all that is said of it."""
    labels = ", ".join(entry.display_labels_with_metavar)
    said = [_text(entry.description, console)]
    if entry.choices:
        said.append(f"[choices: {', '.join(entry.choices)}]")
    if entry.env_var:
        said.append(f"[env var: {', '.join(entry.env_var)}]")
    if entry.default is not None:
        said.append(f"[default: {entry.default}]")
    if entry.required:
        said.append("[required]")
    words = " ".join(filter(None, said))
    return f"{labels}: {words}" if words else labels


def _text(found: Any, console: Console) -> str:
    """Return the characters of what rich would print."""
    if not found:
        return ""
    segments = console.render(found, console.options.update(width=ENDLESS))
    return "".join(segment.text for segment in segments).strip()


def _filled(text: str, indent: str = "") -> str:
    return textwrap.fill(
        text,
        COLUMNS,
        initial_indent=indent,
        subsequent_indent=indent * 3,
        break_long_words=False,  # a command or a URL is copied whole
        break_on_hyphens=False,
    )


def _print(console: Console, lines: Iterable[str]) -> None:
    console.print("\n".join(lines), soft_wrap=True)
