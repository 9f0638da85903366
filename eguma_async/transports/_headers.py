"""The headers of a response, as the contract wants them: lower-case names, each once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping


class LazyHeaders(Mapping[str, str]):
    """Headers by lower-case name, put together when somebody looks: most calls never do.

    Lower-casing the dozen headers of a real server takes 2 % of a call. Pickled and copied as a
    plain dict.
    """

    __slots__ = ("_given", "_joined")

    def __init__(self, given: Mapping[str, str]) -> None:
        self._given = given
        self._joined: dict[str, str] | None = None

    def _all(self) -> dict[str, str]:
        if self._joined is None:
            self._joined = lower_case(self._given)
        return self._joined

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def __reduce__(self) -> tuple[type[dict[str, str]], tuple[dict[str, str]]]:
        return dict, (self._all(),)


def lower_case(headers: Mapping[str, str]) -> dict[str, str]:
    """Return headers by lower-case name; the values of a repeated one are joined by ", "."""
    return joined(headers.items())


def joined(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Return pairs by lower-case name; the values of a repeated one are joined by ", "."""
    found: dict[str, str] = {}
    for given, value in pairs:
        name = given.lower()
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found
