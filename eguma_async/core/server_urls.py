"""URLs of servers that may hold a password, and what of them may be shown."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit


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
