"""What endpoints read from a request: JSON members, ranges of days, moments."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from eguma_async.sandbox.engine.messages import SandboxRequest, parse_json

from .local_time import parse_date, parse_local
from .options import EgumaOptions
from .refusals import invalid


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the members of a JSON object.

    Raises:
        RefusedError: The body is anything else.
    """
    try:
        value = parse_json(body)
    except ValueError:
        raise invalid("The request body is not valid JSON.") from None
    if not isinstance(value, dict):
        raise invalid("The request body must be a JSON object.")
    return value


def text_member(members: dict[str, Any], name: str) -> str:
    """Return a required text that is not blank.

    Raises:
        RefusedError: It is missing, blank or no text.
    """
    value = members.get(name)
    if not isinstance(value, str) or not value.strip():
        raise invalid(f"{name} is required.")
    return value


def read_range(request: SandboxRequest, options: EgumaOptions) -> tuple[date, date]:
    """Return the first and the last day that are asked for.

    Raises:
        RefusedError: One is missing or malformed, they are in the wrong order, or too far apart.
    """
    first = parse_date(request.parameter("from") or "")
    last = parse_date(request.parameter("to") or "")
    if first is None or last is None:
        raise invalid("from and to are required in the form YYYY-MM-DD.")
    if last < first:
        raise invalid("to must not be before from.")
    longest = options.max_range_days
    if longest is not None and (last - first).days >= longest:
        raise invalid(f"The range must not be longer than {longest} days.")
    return first, last


def read_moment(request: SandboxRequest, name: str) -> datetime | None:
    """Return a wall-clock time, or None if it is not asked for.

    Raises:
        RefusedError: It is malformed.
    """
    text = request.parameter(name)
    moment = None if text is None else parse_local(text)
    if text is not None and moment is None:
        raise invalid(f"{name} must have the form 2019-06-04T23:15:14.")
    return moment
