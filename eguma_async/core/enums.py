"""Enumerations that a new server value cannot break."""

from __future__ import annotations

import enum
from typing import Self


class OpenEnum(enum.StrEnum):
    """A set of known texts that keeps an unknown one as it came.

    ``SlotType("week")`` is a `SlotType` that equals ``"week"`` although no such member exists.
    """

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = "UNKNOWN"
        member._value_ = value
        return member

    @property
    def is_known(self) -> bool:
        """False for a value this version of the package does not name."""
        return self._value_ in type(self)._value2member_map_
