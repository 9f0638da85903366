"""What was found out as a file: TOML, without secrets, and read by the sandbox's options."""

from __future__ import annotations

import json
from pathlib import Path

from eguma_async._version import __version__
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.files import replacing

from .runner import Report

_HEAD = """\
# How a server of {provider} behaves, as eguma_async {version} found out on {day}.
# `eguma sandbox --provider {provider} --profile FILE` behaves like it.

provider = {provider_text}
"""


def profile_text(report: Report, *, day: str) -> str:
    """Return a profile as text. What was not seen is a comment.

    Args:
        report: What was found out.
        day: When; any text of one line.
    """
    lines = [
        _HEAD.format(
            provider=report.provider,
            provider_text=_value(report.provider),
            version=__version__,
            day=_line(day),
        )
    ]
    nothing = [each.option for each in report.findings if each.seen and each.value is None]
    if nothing:
        lines += ["# TOML has no null: these options have it.", f"null = {_value(nothing)}", ""]
    lines.append("[options]")
    for each in report.findings:
        shown = f"{each.option} = {_value(each.value)}  # {_line(each.evidence)}"
        if not each.seen:
            shown = f"# {each.option}: not seen, {_line(each.evidence)}"
        elif each.value is None:
            shown = f"# {each.option}: null, {_line(each.evidence)}"
        lines.append(shown.rstrip())
    return "\n".join([*lines, ""])


def write_profile(report: Report, path: Path, *, day: str, replace: bool = False) -> None:
    """Write a profile, as a whole or not at all.

    Args:
        report: What was found out.
        path: Where to.
        day: As for `profile_text`.
        replace: Whether it may take the place of a file.

    Raises:
        ConfigurationError: There is a file already, or nothing can be written there.
    """
    if not replace and path.exists():
        raise ConfigurationError(f"{path} exists already")
    try:
        with replacing(path) as file:
            file.write(profile_text(report, day=day).encode())
    except OSError as error:
        reason = error.strerror
    else:
        return
    raise ConfigurationError(f"{path} cannot be written: {reason}")


def _line(text: str) -> str:
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())


def _value(value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        return f"{value:.1f}"
    # What JSON writes of texts, numbers, booleans and lists of texts, TOML reads, but for the
    # delete character, which it wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
