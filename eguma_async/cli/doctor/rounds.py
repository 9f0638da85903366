"""All checks in their order, each with what it needs, and the report."""

from __future__ import annotations

import textwrap
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing
from typing import TYPE_CHECKING, Any

from eguma_async.cli.errors import Exit, Stop
from eguma_async.cli.progress import status_line
from eguma_async.cli.redaction import redacted
from eguma_async.cli.terminal import captured_output, output_console
from eguma_async.cli.text import clean, counted, is_utf8, print_json

from . import exchanges, machine, network
from .findings import Check, Finding, State, skipped

if TYPE_CHECKING:
    from eguma_async.cli.options import ConnectionOptions

    from .examination import Examination, Subject

PIPE_WIDTH = 10_000
_MARKS = {
    State.OK: ("✓", "ok", "green"),
    State.WARNING: ("!", "!", "yellow"),
    State.FAILED: ("✗", "FAILED", "red"),
    State.SKIPPED: ("–", "-", "dim"),  # noqa: RUF001  # as wide as the others
}
"""For each state a sign, the same in ASCII, and a colour."""


def checks_for(subject: Subject) -> tuple[Check, ...]:
    """Return the checks in their order: the exit code is that of the first that fails."""
    steps = [network.checks_of(place, i) for i, place in enumerate(subject.places)]
    ways = tuple(step[-1].name for step in steps)
    addresses = [step[0] for step in steps]
    return (
        Check(name="versions", title="Versions", look=machine.versions),
        Check(name="extras", title="Extras", look=machine.installed_extras),
        Check(name="variables", title="Variables", look=machine.variables),
        Check(name="credentials", title="Credentials", look=machine.credentials),
        *addresses,
        Check(name="proxy", title="Proxy", look=network.proxy),
        *(check for step in steps for check in step[1:]),
        Check(name="http", title="HTTP", look=exchanges.http, needs=ways[:1]),
        Check(
            name="access",
            title="Access",
            look=exchanges.access,
            needs=("credentials", *ways, "http"),
        ),
        Check(name="answer", title="Answer", look=exchanges.answer, needs=("access",)),
        Check(name="clock", title="Clock", look=exchanges.clock, needs=ways[:1]),
        Check(name="round_trip", title="Round trip", look=exchanges.round_trip, needs=ways[:1]),
        Check(name="journal", title="Journal", look=machine.journal),
    )


async def findings_of(
    about: Examination, checks: Iterable[Check]
) -> AsyncGenerator[tuple[Check, Finding], None]:
    """Look at one thing after the other; skip what makes no sense any more."""
    roots: dict[str, str] = {}
    for check in checks:
        root = next((roots[need] for need in check.needs if need in roots), None)
        if root is None:
            finding = await check.look(about)
            if finding.state is State.FAILED:
                roots[check.name] = check.title
        else:
            roots[check.name] = root
            finding = skipped(f"skipped, because this has failed: {root}", because=root)
        yield check, finding


async def examine(about: Examination, api: ConnectionOptions) -> None:
    """Look at everything, and print what was found.

    Raises:
        Stop: Something has failed.
    """
    checks = checks_for(about.subject)
    width = max(len(check.title) for check in checks)
    found: list[tuple[Check, Finding]] = []
    with status_line("Looking ..."):
        async with aclosing(findings_of(about, checks)) as findings:
            async for check, finding in findings:
                found.append((check, finding))
                if not api.json:
                    _print(check, finding, width)
    wrong = [(check, finding) for check, finding in found if finding.state is State.FAILED]
    code = wrong[0][1].code if wrong else Exit.OK
    if api.json:
        print_json(_document(about, found, code))
    if wrong:
        names = ", ".join(check.title for check, _ in wrong)
        raise Stop(f"{counted(wrong, 'check')} failed: {names}", code)


def _document(
    about: Examination, found: Iterable[tuple[Check, Finding]], code: Exit
) -> dict[str, Any]:
    return {
        "provider": about.subject.provider,
        "ok": code is Exit.OK,
        "exit_code": int(code),
        "checks": [
            {
                "name": check.name,
                "title": check.title,
                "state": finding.state,
                "said": redacted(finding.said),
                "advice": redacted(finding.advice),
                "facts": _without_secrets(finding.facts),
            }
            for check, finding in found
        ],
    }


def _without_secrets(value: Any) -> Any:
    if isinstance(value, str):
        return redacted(value)
    if isinstance(value, dict):
        return {_without_secrets(key): _without_secrets(each) for key, each in value.items()}
    return [_without_secrets(each) for each in value] if isinstance(value, list) else value


def _print(check: Check, finding: Finding, width: int) -> None:
    """Print one line, and below it what to do."""
    from rich.text import Text

    console = output_console(piped_width=PIPE_WIDTH)
    utf8 = is_utf8(console.file)  # type: ignore[arg-type]  # it is stdout
    sign, plain, colour = _MARKS[finding.state]
    mark = sign if utf8 else f"{plain:<6}"
    head = f"{mark} {check.title:<{width}}  "
    lines = [_filled(head + clean(redacted(finding.said)), len(head), console.width)]
    if finding.advice:
        arrow = "→ " if utf8 else "-> "
        indent = " " * len(head)
        advice = indent + arrow + clean(redacted(finding.advice))
        lines.append(_filled(advice, len(head) + len(arrow), console.width))
    text = Text("\n".join(lines))
    text.stylize(colour, 0, len(mark))
    with captured_output(console):
        console.print(text, soft_wrap=True)


def _filled(text: str, indent: int, width: int) -> str:
    room = width if width > indent + 20 else PIPE_WIDTH  # a narrower terminal wraps by itself
    return textwrap.fill(
        text,
        room,
        subsequent_indent=" " * indent,
        drop_whitespace=True,
        break_long_words=False,
        break_on_hyphens=False,
    )
