"""Checks of what is set from outside: options, faults, members of control commands.

Each check says what a value must be. A class of attrs uses `must_be` to turn one into a validator;
a control command calls it on a member of a JSON object.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Collection
from typing import Any

import attrs

from .messages import is_header_name, is_header_value, is_unicode

LONGEST_SPAN = 1_000_000_000
"""Seconds, more than thirty years: no sum with it leaves the calendar."""


@attrs.frozen
class Check:
    """One kind of value.

    Attributes:
        kind: What a value must be, as it stands behind "must be".
        fits: Tells whether a value is one.
    """

    kind: str
    fits: Callable[[Any], bool]

    def __call__(self, name: str, value: Any) -> None:
        """Check a value by the name of what it is for.

        Raises:
            ValueError: It does not fit.
        """
        if not self.fits(value):
            raise ValueError(f"{name} must be {self.kind}")

    def or_null(self) -> Check:
        """Return a check that accepts None too."""
        return Check(f"{self.kind}, or null", lambda value: value is None or self.fits(value))


def must_be(check: Check) -> Callable[[Any, attrs.Attribute[Any], Any], None]:
    """Return a validator for a field of an attrs class."""

    def validate(_: Any, field: attrs.Attribute[Any], value: Any) -> None:
        check(field.name, value)

    return validate


def one_of(*choices: object) -> Check:
    """Return a check for one of a few values."""
    listed = ", ".join(str(choice) for choice in choices)
    # 1 == True in Python; an option given as true must not pass for a number or the reverse.
    return Check(
        f"one of {listed}",
        lambda value: any(
            value == choice and isinstance(value, bool) == isinstance(choice, bool)
            for choice in choices
        ),
    )


def whole(least: int, most: int | None = None) -> Check:
    """Return a check for a whole number; a bool counts as one in Python, but not in JSON."""
    bounds = f"{least} or more" if most is None else f"from {least} to {most}"
    return Check(
        f"a whole number, {bounds}",
        lambda value: (
            isinstance(value, int)
            and not isinstance(value, bool)
            and least <= value
            and (most is None or value <= most)
        ),
    )


def status(least: int, most: int) -> Check:
    """Return a check for an HTTP status."""
    return Check(f"a status from {least} to {most}", whole(least, most).fits)


def is_number(value: Any) -> bool:
    """Tell whether a value is a number, as JSON knows them."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def is_amount(value: Any) -> bool:
    """Tell whether a value is a number that is finite and not negative."""
    return is_number(value) and 0 <= value <= sys.float_info.max


OBJECT = Check("an object", lambda value: isinstance(value, dict))
COUNT = whole(0)
FLAG = Check("true or false", lambda value: isinstance(value, bool))
TEXT = Check("a text", lambda value: isinstance(value, str) and is_unicode(value))
FILLED = Check("a text that is not empty", lambda value: TEXT.fits(value) and value != "")
SECONDS = Check(
    f"a number of seconds from 0 to {LONGEST_SPAN}",
    lambda value: is_amount(value) and value <= LONGEST_SPAN,
)
SPAN = Check(
    f"a number of seconds from -{LONGEST_SPAN} to {LONGEST_SPAN}",
    lambda value: SECONDS.fits(abs(value) if is_number(value) else value),
)
DURATION = Check(f"a whole number of seconds from 1 to {LONGEST_SPAN}", whole(1, LONGEST_SPAN).fits)
SHARE = Check("a number from 0 to less than 1", lambda value: is_amount(value) and value < 1)
HEADER_NAME = Check("a header name", lambda value: isinstance(value, str) and is_header_name(value))
HEADER_VALUE = Check(
    "printable ASCII", lambda value: isinstance(value, str) and is_header_value(value)
)


def check_names(
    whose: str, given: Collection[str], required: Collection[str], optional: Collection[str] = ()
) -> None:
    """Check which members are given.

    Raises:
        ValueError: One that is required is missing, or one is unknown.
    """
    if missing := sorted(set(required) - set(given)):
        raise ValueError(f"{whose} needs {', '.join(missing)}")
    known = sorted({*required, *optional})
    if unknown := sorted(set(given) - set(known)):
        raise ValueError(
            f"{whose} has no {', '.join(unknown)}; it has {', '.join(known) or 'none'}"
        )
