"""How servers of the caller's are reached: by URLs that may hold a password, and more."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

_PREFIX = re.compile(r"[A-Za-z0-9_.:-]{1,100}", re.ASCII)


def redis_problem(
    url: object, prefix: object, timeout: object, connections: object = 1
) -> str | None:
    """Return what is wrong with the arguments for a Redis server; the URL is not repeated."""
    schemes, example = ("redis://", "rediss://", "unix://"), "redis://user:password@host:6379/0"
    wrong = url_problem(url, schemes, name="url", example=example)
    if wrong is None and not (isinstance(prefix, str) and _PREFIX.fullmatch(prefix)):
        wrong = "prefix must be 1 to 100 of the characters A-Z a-z 0-9 _ . : -"
    return wrong or _limits_problem(connections, timeout)


def postgres_problem(
    dsn: object, table: object, names: re.Pattern[str], timeout: object, connections: object
) -> str | None:
    """Return what is wrong with the arguments for a PostgreSQL server; the DSN is not repeated.

    Args:
        dsn: Its URL.
        table: What was given as the name of a table.
        names: What it has to match.
        timeout: Seconds.
        connections: How many.
    """
    schemes, example = ("postgresql://", "postgres://"), "postgresql://user:password@host/database"
    wrong = url_problem(dsn, schemes, name="dsn", example=example)
    if wrong is None and not (isinstance(table, str) and names.fullmatch(table)):
        wrong = (
            "table must be a name of a-z, 0-9 and _, with a schema and a point before it if need be"
        )
    return wrong or _limits_problem(connections, timeout)


def _limits_problem(connections: object, timeout: object) -> str | None:
    if not isinstance(connections, int) or isinstance(connections, bool) or connections < 1:
        return "connections must be a whole number above 0"
    if isinstance(timeout, bool) or not isinstance(timeout, (int, float)) or not 0 < timeout < 3600:
        return "timeout must be a number of seconds"
    return None


def url_problem(url: object, schemes: tuple[str, ...], *, name: str, example: str) -> str | None:
    """Return what is wrong with a URL, which is not repeated.

    Args:
        url: What was given.
        schemes: What it may begin with, such as ``redis://``.
        name: Of the argument.
        example: Of such a URL.
    """
    if not isinstance(url, str) or not url.startswith(schemes):
        return f"{name} must be a text such as {example}"
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018  # it is checked as it is read
    except ValueError:
        is_readable = False
    else:
        # A slash, ? or # in the password ends the host there, and shows what stands around it.
        is_readable = "@" not in parts.path + parts.query + parts.fragment
    if is_readable:
        return None
    return f"{name} cannot be read: quote special characters of the password, as %40 for @"


def place_of(url: str) -> str:
    """Return what may be shown of a URL without a problem: no login, and no query."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2] or parse_qs(parts.query).get("host", [""])[0]
    return f"{parts.scheme}://{host}{parts.path}"
