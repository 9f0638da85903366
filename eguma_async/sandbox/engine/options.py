"""Switches of a sandbox, which can be changed by name, and read from a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Self

import attrs

from eguma_async.core.errors import ConfigurationError

from .errors import ControlError


@attrs.frozen
class Options:
    """Base of a provider's options.

    Attributes:
        PROVIDER: Name of the provider, as it stands in a file of options.
    """

    PROVIDER: ClassVar[str]

    @classmethod
    def from_file(cls, path: str | Path) -> Self:
        """Return options as a profile says that `eguma calibrate` has written, or you have.

        ::

            provider = "eguma"
            null = ["replay_header"]

            [options]
            sold_out_status = 409

        Args:
            path: The file, in TOML. ``null`` names options that are null, which TOML lacks; what
                it does not name has its default.

        Raises:
            ConfigurationError: It cannot be read, is another provider's, or names an option that
                does not exist or a value that is not allowed.
        """
        found = _read_toml(Path(path))
        changes = found.get("options", {})
        null = found.get("null", [])
        if unknown := sorted(found.keys() - {"provider", "null", "options"}):
            raise ConfigurationError(f"{path}: no {', '.join(unknown)} belongs there")
        if found.get("provider") != cls.PROVIDER:
            raise ConfigurationError(f'{path}: provider must be "{cls.PROVIDER}"')
        if not isinstance(changes, dict) or not isinstance(null, list):
            raise ConfigurationError(f"{path}: options must be a table, null a list of names")
        try:
            return cls().changed({**changes, **dict.fromkeys(map(str, null))})
        except ControlError as error:
            fault = str(error)
        raise ConfigurationError(f"{path}: {fault}")

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


def _read_toml(path: Path) -> dict[str, Any]:
    import tomllib  # noqa: PLC0415  # only for those who have such a file

    try:
        return tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = f"it is no TOML: {error}"
    raise ConfigurationError(f"{path} cannot be read: {reason}")
