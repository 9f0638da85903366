"""One request to the API, past its authentication, and what a handler reads from it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NoReturn

import attrs

from eguma_async.sandbox.engine.messages import SandboxResponse, encode_json, parse_json
from eguma_async.sandbox.engine.routing import ApiCall

from .catalog import Organization, Text
from .negotiation import LD_JSON, preferred_language
from .refusals import RefusedError

# What stands behind an IRI in the path of a list, a value or a link.
PARENT = re.compile(r"/(options/[^/]+/)?[a-z_]+$")


@attrs.frozen(eq=False)
class KorusCall(ApiCall[Organization]):
    """One authenticated request of Korus' API.

    Attributes:
        path: Decoded path without a trailing slash.
        origin: Address of the API as the caller sees it.
    """

    path: str
    origin: str

    @property
    def parent(self) -> str:
        """IRI of what the list or the value at the path belongs to."""
        return PARENT.sub("", self.path)

    @property
    def language(self) -> str:
        """Language for texts and errors: French or English, French by default."""
        return self.language_of(("fr", "en"))

    def language_of(self, available: tuple[str, ...]) -> str:
        """Return the wanted language out of several, or the first of them."""
        wanted = self.request.headers.get("accept-language")
        return preferred_language(wanted, available, available[0])

    def text(self, text: Text) -> str:
        """Return a text in the wanted language, or in French."""
        return text.get(self.language, text["fr"])

    def values(self, name: str) -> list[str]:
        """Return all values of a query parameter, in order."""
        return [value for key, value in self.request.query if key == name]

    def json_object(self) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            RefusedError: It is no JSON, or no object.
        """
        try:
            value = parse_json(self.request.body)
        except ValueError:
            raise RefusedError(400, "Syntax error") from None
        return as_object(value, "")


def ld_response(body: Mapping[str, object]) -> SandboxResponse:
    """Return a success with a JSON-LD body."""
    return SandboxResponse(200, {"content-type": f"{LD_JSON}; charset=utf-8"}, encode_json(body))


def as_object(value: object, path: str) -> dict[str, Any]:
    """Return a value that must be an object, or refuse the request with 400."""
    return value if isinstance(value, dict) else _wrong_type(value, path, "array")


def as_list(value: object, path: str) -> list[Any]:
    """Return a value that must be a list, or refuse the request with 400."""
    return value if isinstance(value, list) else _wrong_type(value, path, "array")


def as_text(value: object, path: str) -> str:
    """Return a value that must be a text, or refuse the request with 400."""
    return value if isinstance(value, str) else _wrong_type(value, path, "string")


def as_whole(value: object, path: str) -> int:
    """Return a value that must be a whole number, or refuse the request with 400."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return _wrong_type(value, path, "int")


def as_flag(value: object, path: str) -> bool:
    """Return a value that must be true or false, or refuse the request with 400."""
    return value if isinstance(value, bool) else _wrong_type(value, path, "bool")


_NAMES = {dict: "array", list: "array", str: "string", int: "int", float: "float", bool: "bool"}


def _wrong_type(value: object, path: str, expected: str) -> NoReturn:
    given = _NAMES.get(type(value), "null")
    raise RefusedError(
        400, f'The type of the "{path}" attribute must be "{expected}", "{given}" given.'
    )
