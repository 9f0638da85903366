"""Text for terminals and for programs: nothing a merchant wrote can steer a terminal."""

from __future__ import annotations

import enum
import json
import os
import re
import sys
from collections.abc import Mapping, Sized
from datetime import date, timedelta
from decimal import Decimal
from typing import Any, TextIO

from .redaction import redacted

# C0, DEL, C1, line separators and the controls of writing direction.
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
# The same within JSON, where the writer has escaped C0 already and its own line breaks stay.
_JSON_CONTROL = re.compile("[\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")


def clean(text: str) -> str:
    """Return text in one line, without control characters."""
    return _CONTROL.sub(" ", text).strip()


def say(text: str) -> None:
    """Print a line for people, on stderr; no known secret gets into it."""
    write_stderr(f"{redacted(text)}\n")


def write_stderr(text: str) -> None:
    """Write on stderr. If its terminal is gone, nobody reads that, and nothing else changes.

    Raises:
        BrokenPipeError: Its reader has left, as `head` does.
    """
    try:
        sys.stderr.write(text)
        sys.stderr.flush()
    except BrokenPipeError:
        raise
    except OSError:
        pass


def say_unreadable(elements: tuple[Any, ...]) -> None:
    """Say how many elements of a list could not be read: what is shown is not all there is."""
    from eguma_async.core.listing import unreadable_of

    left_out = unreadable_of(elements)
    if left_out:
        faults = clean("; ".join(dict.fromkeys(p for one in left_out for p in one.problems)))
        say(f"{len(left_out)} of {len(elements) + len(left_out)} could not be read: {faults}.")


def is_plain(stream: TextIO) -> bool:
    """Tell whether a stream takes bare text only: no colour, no movement of the cursor."""
    return bool(os.environ.get("NO_COLOR")) or is_dumb(stream)


def is_dumb(stream: TextIO) -> bool:
    """Tell whether a stream is no terminal, or one that cannot move its cursor."""
    return not stream.isatty() or os.environ.get("TERM") == "dumb"


def is_utf8(stream: TextIO) -> bool:
    """Tell whether a stream takes any character."""
    return (stream.encoding or "").lower().replace("-", "").startswith("utf8")


def money(cents: int | None, currency: str | None) -> str:
    """Write an amount such as ``45.00 CHF``; ``?`` if it is not known."""
    if cents is None:
        return "?"
    units, rest = divmod(abs(cents), 100)
    return f"{'-' if cents < 0 else ''}{units}.{rest:02d} {currency or ''}".rstrip()


def amount(value: Decimal | None, currency: str = "EUR") -> str:
    """Write an amount such as ``45.00 EUR``; ``?`` if it is not known."""
    return "?" if value is None else f"{value:.2f} {currency}"


def counted(found: Sized | int, noun: str, plural: str | None = None) -> str:
    """Write how many there are, such as ``2 orders``."""
    count = found if isinstance(found, int) else len(found)
    return f"{count} {noun if count == 1 else plural or f'{noun}s'}"


def moment(value: date | None) -> str:
    """Write a moment or a day as it came, to the letter: a slot's start goes back like that."""
    if value is None:
        return "-"
    as_written = getattr(value, "as_written", value.isoformat)
    return str(as_written())


def span(left: timedelta) -> str:
    """Write a span such as ``59 min``, rounded down."""
    return f"{max(0, int(left.total_seconds())) // 60} min"


def aged(passed: timedelta) -> str:
    """Write how long ago something was, such as ``5 min``, in the unit that fits; rounded down."""
    seconds = int(passed.total_seconds())
    for unit, length, until in (("s", 1, 60), ("min", 60, 3600), ("h", 3600, 2 * 86400)):
        if seconds < until:
            return f"{max(0, seconds) // length} {unit}"
    return f"{seconds // 86400} d"


def stock(quantity: int | None) -> str:
    """Write how many are left; None for no limit."""
    return "unlimited" if quantity is None else str(quantity)


def print_json(value: object, *, indent: int | None = 2) -> None:
    """Print one JSON document on stdout."""
    sys.stdout.write(as_json(value, indent=indent) + "\n")
    sys.stdout.flush()


def as_json(value: object, *, indent: int | None = None) -> str:
    """Write a value of ours as JSON."""
    text = json.dumps(plain(value), ensure_ascii=not is_utf8(sys.stdout), indent=indent)
    return _JSON_CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def plain(value: Any) -> Any:
    """Turn attrs objects, times, enums and decimals into what JSON has; decimals become text."""
    fields = getattr(type(value), "__attrs_attrs__", None)
    if fields is not None:
        return {field.name: plain(getattr(value, field.name)) for field in fields}
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, (tuple, list)):
        return [plain(item) for item in value]
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, Decimal):
        return str(value)
    return moment(value) if isinstance(value, date) else value
