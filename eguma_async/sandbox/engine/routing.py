"""From a method and a path to the endpoint that takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Generic, TypeVar

import attrs

from .messages import SandboxRequest, SandboxResponse

C = TypeVar("C")
E = TypeVar("E", bound="Endpoint[Any]")

_PART = re.compile(r"\{(\w+)\}")
_NO_PARTS: Mapping[str, str] = MappingProxyType({})


@attrs.frozen(eq=False)
class ApiCall(Generic[C]):
    """One authenticated request.

    Attributes:
        request: The request.
        caller: Whose credentials it carries.
        parts: Named parts of the path.
    """

    request: SandboxRequest
    caller: C
    parts: Mapping[str, str] = attrs.field(default=_NO_PARTS, kw_only=True)


@attrs.frozen(eq=False)
class Endpoint(Generic[C]):
    """One operation of an API.

    Attributes:
        method: HTTP verb.
        path: Path; ``{name}`` stands for one part of it, without a slash.
        handler: Answers a call, which is an `ApiCall` of the provider's own.
    """

    method: str
    path: str
    handler: Callable[[C], SandboxResponse]


@attrs.frozen(eq=False)
class Match(Generic[E]):
    """What a path leads to.

    Attributes:
        endpoints: The endpoints at the path by their method.
        parts: Named parts of the path, as they stand in it.
    """

    endpoints: Mapping[str, E]
    parts: Mapping[str, str] = _NO_PARTS


class Routes(Generic[E]):
    """The endpoints of one API. A path without named parts goes before one with them."""

    def __init__(self, endpoints: Iterable[E]) -> None:
        by_path: dict[str, dict[str, E]] = {}
        for endpoint in endpoints:
            by_path.setdefault(endpoint.path, {})[endpoint.method] = endpoint
        self._plain = {
            path: Match(found) for path, found in by_path.items() if not _PART.search(path)
        }
        self._patterns = tuple(
            (_pattern(path), found) for path, found in by_path.items() if _PART.search(path)
        )

    def find(self, path: str) -> Match[E] | None:
        """Return what a path leads to, or None."""
        plain = self._plain.get(path)
        if plain is not None:
            return plain
        for pattern, endpoints in self._patterns:
            found = pattern.fullmatch(path)
            if found is not None:
                return Match(endpoints, found.groupdict())
        return None


def _pattern(path: str) -> re.Pattern[str]:
    pieces = _PART.split(path)
    # Of the pieces, every second one is the name of a part.
    return re.compile(
        "".join(
            f"(?P<{piece}>[^/]+)" if position % 2 else re.escape(piece)
            for position, piece in enumerate(pieces)
        )
    )
