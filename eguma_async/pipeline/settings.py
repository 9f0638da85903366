"""What a session was not told: from the environment, else from a profile that was named."""

from __future__ import annotations

import math
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Timeouts
from eguma_async.core.system_keyring import from_keyring

from .options import SessionOptions
from .policy import RetryPolicy

PROFILES_VARIABLE = "EGUMA_ASYNC_PROFILES"
"""Names the file of profiles, if it is not at its usual place."""
KEYRING_SERVICE = "eguma_async"
"""The service under which the system's keyring keeps secrets, each as ``PROVIDER:PROFILE``."""
_OF_ALL: dict[str, type[Any]] = {
    "base_url": str,
    "keyring": bool,
    "max_retries": int,
    "timeout": object,
}
_KIND_WORDS: dict[type[Any], str] = {str: "a text", bool: "true or false", int: "a whole number"}
_OTHERS = 0o077

V = TypeVar("V", int, float)


def profiles_file() -> Path:
    """Return where profiles are kept.

    That is ``EGUMA_ASYNC_PROFILES``, else ``eguma_async/profiles.toml`` in ``XDG_CONFIG_HOME``, on
    Windows in ``APPDATA``, or else in ``~/.config``.
    """
    if named := os.environ.get(PROFILES_VARIABLE):
        return Path(named)
    home = os.environ.get("APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME")
    return (Path(home) if home else Path.home() / ".config") / "eguma_async" / "profiles.toml"


class Settings:
    """What the sessions of one provider are not told. It shows nothing of it.

    A variable that is set wins over the profile; one left empty is none. The profile is the one
    that is named here or in ``PREFIX_PROFILE``; without a name no file is read.

    Args:
        provider: Name of the provider: the beginning of its variables.
        secret: Name of the setting that a keyring may keep.
        name: Name of the profile; None for none.
        profile: What it says.
    """

    __slots__ = ("_name", "_prefix", "_profile", "_provider", "_secret")

    def __init__(self, provider: str, secret: str, name: str | None, profile: _Table) -> None:
        self._provider = provider
        self._prefix = provider.upper()
        self._secret = secret
        self._name = name
        self._profile = profile

    def text(self, name: str, given: str | None = None) -> str | None:
        """Return what was given, or what environment or profile say; None if they say nothing."""
        if given is not None:
            return given
        from_profile: str | None = self._profile.values.get(name)
        return os.environ.get(self.variable(name)) or from_profile or None

    def variable(self, name: str) -> str:
        """Return the environment variable of a setting."""
        return f"{self._prefix}_{name.upper()}"

    def secret(self, given: str | None = None) -> str | None:
        """Return the secret that was given, or the one of environment, profile or keyring.

        Raises:
            ConfigurationError: The keyring that the profile names has none, or cannot be asked.
        """
        value = self.text(self._secret, given)
        if value is None and self._profile.values.get("keyring"):
            return from_keyring(KEYRING_SERVICE, f"{self._provider}:{self._name}")
        return value

    def options(self, given: SessionOptions) -> SessionOptions:
        """Return options with the time limit and the number of retries that were not given.

        Raises:
            ConfigurationError: One of them is no such number.
        """
        filled = SessionOptions(**given)
        if filled.get("timeouts") is None:
            timeout = self._number("timeout", float, "a number of seconds above 0", above=0.0)
            filled["timeouts"] = None if timeout is None else Timeouts.within(timeout)
        if filled.get("retry") is None:
            retries = self._number("max_retries", int, "a whole number, 0 for no retries", above=-1)
            filled["retry"] = None if retries is None else RetryPolicy(attempts=1 + retries)
        return filled

    def _number(self, name: str, kind: Callable[[str], V], what: str, *, above: V) -> V | None:
        variable = self.variable(name)
        value = os.environ.get(variable) or self._profile.values.get(name)
        if value is None:
            return None
        try:
            number = kind(str(value))
        except ValueError:
            number = above
        if not above < number < math.inf:
            where = variable if os.environ.get(variable) else f"{name} of profile {self._name!r}"
            raise ConfigurationError(f"{where} must be {what}")
        return number


class _Table:
    """A table of a file that holds secrets: an object of it in a traceback shows none."""

    __slots__ = ("values",)

    def __init__(self, values: dict[str, Any]) -> None:
        self.values: dict[str, Any] = values

    def table(self, *path: str) -> _Table | None:
        """Return the table within it that a path leads to; None if there is none."""
        found: Any = self.values
        for name in path:
            found = found.get(name) if isinstance(found, dict) else None
        return _Table(found) if isinstance(found, dict) else None


def settings_for(
    provider: str, own: tuple[str, ...], profile: str | None
) -> Settings | ConfigurationError:
    """Return the settings of a provider's sessions.

    What is wrong with a profile is returned, not raised: the caller's frame may hold a secret.

    Args:
        provider: Name of the provider: its table in the file.
        own: Names of its own settings, all of them texts, the secret last.
        profile: Name of the profile; from ``PROVIDER_PROFILE`` if not given. An empty one is none,
            whatever the environment says.
    """
    named = os.environ.get(f"{provider.upper()}_PROFILE") if profile is None else profile
    name = named or None
    try:
        table = _Table({}) if name is None else _read(profiles_file(), provider, name)
        _check(table, own, f"profile [{provider}.{name}]")
    except ConfigurationError as error:
        return error.with_traceback(None)
    return Settings(provider, own[-1], name, table)


def _check(table: _Table, own: tuple[str, ...], where: str) -> None:
    kinds: dict[str, type[Any]] = {**_OF_ALL, **dict.fromkeys(own, str)}
    if unknown := sorted(table.values.keys() - kinds):
        raise ConfigurationError(
            f"{where} sets {', '.join(unknown)}; there is {', '.join(sorted(kinds))}"
        )
    for name in table.values:
        if not isinstance(table.values[name], kinds[name]):
            raise ConfigurationError(f"{name} of {where} must be {_KIND_WORDS[kinds[name]]}")


def _read(path: Path, provider: str, name: str) -> _Table:
    import tomllib  # noqa: PLC0415  # only for those who have profiles

    try:
        with path.open("rb") as file:
            if os.name == "posix" and stat.S_IMODE(os.fstat(file.fileno()).st_mode) & _OTHERS:
                raise ConfigurationError(f"others may read {path}, which holds keys: chmod 600 it")
            found = _Table(tomllib.load(file))
    except OSError as error:
        reason = error.strerror
    except ValueError as error:
        reason = f"it is no TOML: {error}"  # says where; the error itself may hold the text
    else:
        if (table := found.table(provider, name)) is not None:
            return table
        raise ConfigurationError(f"there is no profile [{provider}.{name}] in {path}")
    raise ConfigurationError(f"the file of profiles, {path}, cannot be read: {reason}")
