"""Where a journal is: a file, or a database server."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Unpack
from urllib.parse import parse_qsl, unquote, urlsplit

from eguma_async.cli.errors import Exit, Stop, usage
from eguma_async.cli.redaction import keep_secret
from eguma_async.cli.text import clean

if TYPE_CHECKING:
    from eguma_async.journal.journal import Journal
    from eguma_async.journal.kinds import JournalOptions

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")


def journal_at(location: str, **options: Unpack[JournalOptions]) -> Journal:
    """Return the journal at a location. Nothing is opened or made.

    Args:
        location: Path of a file, or URL of a database.
        options: What every journal takes.

    Raises:
        Stop: There is no such kind of journal; the message repeats no password.
        ConfigurationError: An option is wrong, or a package is missing.
    """
    _keep_password(location)
    kinds = _kinds()
    scheme = _scheme(location)
    if scheme not in kinds:
        known = ", ".join(f"{each}://" for each in sorted(kinds) if each)
        raise usage(
            f"there is no kind of journal for {clean(scheme)}://; give the path of a file"
            + (f", or a URL that begins with one of: {known}" if known else "")
        )
    return kinds[scheme](location, **options)


def _kinds() -> dict[str, Callable[..., Journal]]:
    """Return the kinds of journals by the scheme of their URL; a bare path has none."""
    from eguma_async.journal import kinds

    return {
        "": kinds.SQLiteJournal,
        "postgres": kinds.PostgresJournal,
        "postgresql": kinds.PostgresJournal,
        "redis": kinds.RedisJournal,
        "rediss": kinds.RedisJournal,
    }


def require_journal(location: str) -> None:
    """Check that there is a journal to look into: looking must not make one.

    Raises:
        Stop: The file is missing, or no file.
    """
    if _scheme(location):
        return
    path = Path(location)
    if not path.exists():
        raise Stop(
            f"there is no journal at {clean(location)}; a booking with --journal makes one",
            Exit.NOT_FOUND,
        )
    if not path.is_file():
        raise usage(f"{clean(location)} is no file, so it is no journal")


def has_password(location: str) -> bool:
    """Tell whether a location tells a password, or may: it is not to be printed then."""
    return bool(_scheme(location)) and ("@" in location or "?" in location)


def _scheme(location: str) -> str:
    found = _SCHEME.match(location)
    return found[1].lower() if found else ""


def _keep_password(location: str) -> None:
    """Remember the password of a URL as a secret, as it is written and as it is sent."""
    if not _scheme(location):
        return
    try:
        parts = urlsplit(location)
        named = [value for name, value in parse_qsl(parts.query) if "pass" in name.lower()]
        passwords = [parts.password or "", unquote(parts.password or ""), *named]
    except ValueError:
        return
    for password in filter(None, passwords):
        keep_secret(password)
