"""Switches of a sandbox, which can be changed by name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import attrs

from .errors import ControlError


@attrs.frozen
class Options:
    """Base of a provider's options."""

    def changed(self, changes: Mapping[str, object]) -> Self:
        """Return these options with some of them changed.

        Raises:
            ControlError: An option is unknown or its value is not allowed.
        """
        known: dict[str, Any] = attrs.asdict(self)
        if unknown := sorted(changes.keys() - known):
            there_is = ", ".join(known) or "none"
            raise ControlError(f"no option {', '.join(unknown)}; there is {there_is}")
        try:
            return type(self)(**{**known, **changes})
        except ValueError as error:
            raise ControlError(str(error)) from None
