"""What can be seen on this machine alone: versions, extras, variables, credentials, journal."""

from __future__ import annotations

import os
import platform
import re
import unicodedata
from collections.abc import Iterator
from difflib import get_close_matches
from importlib import metadata
from pathlib import Path

from eguma_async._version import __version__
from eguma_async.cli.errors import Exit, Stop, exit_code
from eguma_async.cli.text import counted
from eguma_async.core.checks import is_printable
from eguma_async.core.errors import EgumaError

from .examination import Examination, Secret
from .findings import Finding, failed, fine, skipped, warning

DISTRIBUTION = "eguma_async"
SHARED_PREFIX = "EGUMA"
SHARED = frozenset(
    {"EGUMA_ASYNC_JOURNAL_KEY", "EGUMA_ASYNC_PROFILES", "EGUMA_JOURNAL", "EGUMA_LOG"}
)
"""Variables that mean the same for every provider."""
_REQUIREMENT = re.compile(r"([A-Za-z0-9._-]+).*extra\s*==\s*['\"]([A-Za-z0-9._-]+)['\"]")
_OF_OTHERS = frozenset({"all", "docs"})
"""Extras that bring what others do, or what only the makers of the site need."""
QUOTES = "\"'`\u2018\u2019\u201c\u201d\u00ab\u00bb"


async def versions(_: Examination) -> Finding:
    """Tell which versions are at work."""
    found = {
        "eguma_async": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "system": platform.platform(terse=True),
        "aiohttp": metadata.version("aiohttp"),
    }
    said = (
        f"eguma_async {__version__}, {found['implementation']} {found['python']},"
        f" aiohttp {found['aiohttp']}, {found['system']}"
    )
    return fine(said, **found)


def extras() -> dict[str, dict[str, str | None]]:
    """Return the packages of each extra with their versions; None for one that is missing.

    One that only gathers others is left out: they are all there.
    """
    found: dict[str, dict[str, str | None]] = {}
    for requirement in metadata.requires(DISTRIBUTION) or ():
        match = _REQUIREMENT.match(requirement)
        if match and match[2] not in _OF_OTHERS:
            found.setdefault(match[2], {})[match[1]] = _version(match[1])
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


async def installed_extras(_: Examination) -> Finding:
    """Tell which extras are installed."""
    try:
        found = extras()
    except metadata.PackageNotFoundError:
        return skipped("the package is not installed, but run from its source")
    whole = [extra for extra, packages in found.items() if all(packages.values())]
    told = ", ".join(
        f"{extra} ({', '.join(f'{name} {version}' for name, version in found[extra].items())})"
        for extra in whole
    )
    lacking = ", ".join(extra for extra in found if extra not in whole)
    rest = f"; not installed: {lacking}" if lacking else ""
    return fine(f"{told or 'none'}{rest}", **found)


async def variables(about: Examination) -> Finding:
    """Look for environment variables that nobody reads: most are misspelt."""
    known = about.subject.variables | SHARED
    ours = (*about.subject.prefixes, SHARED_PREFIX)
    named = sorted(name for name in os.environ if _is_meant_for_us(name, ours))
    used = [name for name in named if name in known]
    unknown = {
        name: next(iter(get_close_matches(name.upper(), sorted(known), n=1, cutoff=0.7)), None)
        for name in named
        if name not in known
    }
    facts = {"used": used, "unknown": unknown}
    if not unknown:
        return fine(f"{', '.join(used) or 'none'} set", **facts)
    said = "nothing reads " + ", ".join(unknown)
    meant = [f"{name}: did you mean {close}?" for name, close in unknown.items() if close]
    return warning(said, " ".join(meant) or "remove them, or see docs/command-line.md", **facts)


def _is_meant_for_us(name: str, prefixes: tuple[str, ...]) -> bool:
    plain = name.upper().replace("E_GUMA", "EGUMA")
    return any(plain == prefix or plain.startswith(f"{prefix}_") for prefix in prefixes)


async def credentials(about: Examination) -> Finding:
    """Tell where the credentials come from, and what looks wrong with them. Never shown."""
    secrets = about.subject.secrets
    facts = {
        secret.name: {
            "source": secret.source,
            "length": len(secret.value or ""),
            "faults": list(_faults(secret)),
        }
        for secret in secrets
    }
    missing = [secret for secret in secrets if not secret.value]
    if missing:
        said = "; ".join(_what_is_missing(secret) for secret in missing)
        options = "pass it on stdin, or try out --sandbox"
        names = " and ".join(secret.variable for secret in missing)
        return failed(said, f"set {names}, {options}", Exit.USAGE, **facts)
    faulty = [
        f"{secret.name} of {secret.source}: {f}" for secret in secrets for f in _faults(secret)
    ]
    if faulty:
        advice = 'give the bare value, such as EGUMA_API_KEY="$(cat FILE)"'
        advice = advice.replace("EGUMA_API_KEY", secrets[-1].variable)
        return failed("; ".join(faulty), advice, Exit.USAGE, **facts)
    told = (
        f"{s.name} from {s.source}, {counted(len(s.value or ''), 'character')}" for s in secrets
    )
    return fine("; ".join(told), **facts)


def _what_is_missing(secret: Secret) -> str:
    if secret.source == secret.variable and secret.variable in os.environ:
        return f"no {secret.name}: {secret.variable} is set, but empty"
    where = "nothing came on stdin" if secret.source == "stdin" else f"{secret.variable} is not set"
    return f"no {secret.name}: {where}"


def _faults(secret: Secret) -> Iterator[str]:
    """Say what no such value holds, without repeating it."""
    value = secret.value or ""
    if not is_printable(value):
        yield "it holds a line break or another control character"
    bare = value.strip()
    if bare != value and is_printable(value):
        yield "it begins or ends with white space"
    if len(bare) > 1 and (bare[0] in QUOTES or bare[-1] in QUOTES):
        yield "it begins or ends with a quote, which belongs to the shell"
    if any(char.isspace() for char in bare):
        yield "it holds white space"
    if any(ord(char) > 126 and unicodedata.category(char) != "Cc" for char in bare):
        yield "it holds a character that is not ASCII"
    if bare.upper().startswith((f"{secret.variable}=", "BEARER ", "APIKEY=")):
        yield "it begins with the name of the variable, or of a header, that it goes into"


async def journal(about: Examination) -> Finding:
    """Look into the journal, if one is configured."""
    location = about.journal.location
    if location is None:
        return skipped("none is configured: --journal, or EGUMA_JOURNAL")
    path = None if "://" in location else Path(location)
    if path is not None and (to_be_made := _journal_to_be_made(path)) is not None:
        return to_be_made
    try:
        async with about.journal.existing() as opened:
            count = len([1 async for _ in opened.entries(open_only=True)])
    except Stop as stop:
        return failed(stop.line, "give its path, or its URL", stop.code)
    except EgumaError as error:
        return failed(error.message, "see docs/journal.md", exit_code(error))
    return _journal_found(about, count, is_writable=path is None or os.access(path, os.W_OK))


def _journal_found(about: Examination, count: int, *, is_writable: bool) -> Finding:
    shown = about.journal.shown
    facts = {"location": shown, "open": count, "writable": is_writable}
    if not is_writable:
        advice = "give it to the user who books"
        return failed(f"{shown} cannot be written", advice, Exit.FAILURE, **facts)
    if not count:
        return fine(f"{shown} can be read and written; nothing in it is open", **facts)
    command = " ".join(("eguma", *about.subject.command, "journal recover"))
    return warning(
        f"{shown} has {counted(count, 'open entry', 'open entries')}",
        f"bring them to their end with `{command}`",
        **facts,
    )


def _journal_to_be_made(path: Path) -> Finding | None:
    """Tell whether a file could be made; None if it is there."""
    if path.exists():
        return None
    folder = path.resolve().parent
    facts = {"location": str(path), "open": 0, "writable": os.access(folder, os.W_OK)}
    if facts["writable"]:
        return fine(f"{path} is not there yet; the first booking makes it", **facts)
    return failed(
        f"{path} cannot be made: {folder} is missing, or may not be written",
        "make the directory, or give it to the user who books",
        Exit.FAILURE,
        **facts,
    )
