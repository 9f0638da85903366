"""Links that are secrets: whoever has one has the file."""

from __future__ import annotations

from typing import NoReturn


class SignedUrl:
    """A link that opens a document without any further credentials, for a short time.

    It has no readable ``repr`` and refuses to be pickled. Do not pass it on to a customer.
    """

    __slots__ = ("_url",)

    def __init__(self, url: str) -> None:
        self._url = url

    def reveal(self) -> str:
        """Return the link itself."""
        return self._url

    def __repr__(self) -> str:
        return "SignedUrl(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a signed link is not pickled: ask for a fresh one where it is used")
