"""JSON objects with two members of one name, of which every parser takes another one."""

from __future__ import annotations

import json
from typing import Any

from .errors import DecodingError


def refuse_repeated_names(body: bytes) -> None:
    """Check that no object of a JSON text holds a name twice (RFC 8259, section 4).

    Parsers take the last one, and tell nobody. What names a booking or a ticket is not guessed.

    Args:
        body: JSON that was read before.

    Raises:
        DecodingError: One does, or the text is nested too deeply to tell.
    """
    try:
        # Numbers as they are written: Python refuses to make integers of very many digits.
        json.loads(body, object_pairs_hook=_once, parse_int=str)
    except _RepeatedError:
        problem = "the same name twice in an object"
    except RecursionError:
        problem = "too many objects within each other"
    else:
        return
    # Out here: the error above holds the parser's frames, and so the answer.
    raise DecodingError("unreadable response", problems=(f"{problem} @ $",))


class _RepeatedError(Exception):
    """Ends the parsing."""


def _once(members: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in members}) < len(members):
        raise _RepeatedError
