"""Checks of what a test hands in: a fault that can never happen makes a test that shows nothing."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Mapping
from typing import Any

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import HttpResponse
from eguma_async.core.operation import Operation

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_NOT_IN_PATH = re.compile(r"[^\x21-\x7e]|[\\^|{}<>\"`#]")
_OF_AN_EXPRESSION = re.compile(r"\.\+|/\.\*|\$$|\(\?")


def count(name: str, value: object, *, least: int) -> None:
    """Accept a whole number."""
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} must be a whole number from {least} on, not {value!r}")


def seconds(name: str, value: object) -> None:
    """Accept a length of time."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and 0 <= value < math.inf):  # type: ignore[operator]  # a number by now
        raise ConfigurationError(f"{name} must be a number of seconds from 0 on, not {value!r}")


def status(value: object) -> None:
    """Accept the status of a final response."""
    if not isinstance(value, int) or isinstance(value, bool) or not 200 <= value <= 599:
        raise ConfigurationError(f"status must be an HTTP status from 200 to 599, not {value!r}")


def headers(value: object) -> None:
    """Accept texts by name, or None."""
    if value is None:
        return
    if not isinstance(value, Mapping) or not all(
        isinstance(name, str) and _TOKEN.fullmatch(name) and isinstance(text, str)
        for name, text in value.items()
    ):
        raise ConfigurationError("headers must be texts by the names of headers")


def response(value: object) -> None:
    """Accept a response."""
    if not isinstance(value, HttpResponse):
        raise ConfigurationError(
            f"a fault answers with an HttpResponse, as json_reply makes one, not {_kind(value)}"
        )


def clock(value: object) -> None:
    """Accept something to sleep on."""
    if isinstance(value, type) or not callable(getattr(value, "sleep", None)):
        raise ConfigurationError(f"clock must be a Clock, such as FakeClock(), not {_kind(value)}")


def action(fault: object, field: object, value: Any) -> None:
    """Accept a function of a request and the way onward."""
    if callable(value):
        try:
            inspect.signature(value).bind(None, None)
        except TypeError:
            pass
        except ValueError:  # one written in C tells nothing
            return
        else:
            return
    raise ConfigurationError(
        "action must be made by a function such as lose_reply(), called; or be an async function"
        f" of a request and the way onward, not {getattr(value, '__name__', _kind(value))}"
    )


def fault(value: object, kind: type) -> None:
    """Accept a fault, and not the action alone."""
    if not isinstance(value, kind):
        hint = ": wrap it, as in Fault(lose_reply())" if callable(value) else ""
        raise ConfigurationError(f"faults must be of class Fault, not {_kind(value)}{hint}")


def operation_name(value: object) -> str | None:
    """Return the name that requests carry of an operation."""
    if value is None:
        return None
    if isinstance(value, type) and issubclass(value, Operation):
        return value.name()
    if isinstance(value, str) and value.isidentifier():
        return value
    hint = "its class" if isinstance(value, Operation) else "as in BookTickets"
    raise ConfigurationError(
        f"operation must be the class of an operation or its name, {hint}, not {_kind(value)}"
    )


def method(value: object) -> str | None:
    """Return an HTTP verb in capitals."""
    if value is None:
        return None
    if isinstance(value, str) and _TOKEN.fullmatch(value):
        return value.upper()
    raise ConfigurationError(f"method must be an HTTP verb, not {value!r}")


def path(fault: object, field: object, value: object) -> None:
    """Accept a pattern that the path of a URL can be like."""
    if not isinstance(value, str):
        raise ConfigurationError(f"path must be text, not {_kind(value)}")
    if (
        not value.startswith(("/", "*"))
        or _NOT_IN_PATH.search(value)
        or _OF_AN_EXPRESSION.search(value)
    ):
        raise ConfigurationError(
            f"no path is like {value!r}: it is compared with the whole path and begins with / or *;"
            " * and ? stand for any text, as in */booking.json. It is no regular expression"
        )


def times(fault: object, field: object, value: object) -> None:
    """Accept a number of times, None for always."""
    if value is not None:
        count("times", value, least=1)


def skip(fault: object, field: object, value: object) -> None:
    """Accept a number of requests to let pass."""
    count("skip", value, least=0)


def _kind(value: object) -> str:
    return type(value).__name__
