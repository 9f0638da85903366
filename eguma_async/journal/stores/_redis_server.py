"""Whether a Redis server keeps what it is given, and what its errors mean."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from redis import exceptions

from eguma_async.core.errors import JournalCorruptError, JournalError

from ._server import unreachable

NEEDED = {"appendonly": "yes", "appendfsync": "always", "maxmemory-policy": "noeviction"}
WAIVER = "accept_loss_after_crash=True"


async def check_promises(client: Any, what: str, *, waits: bool, accepts_loss: bool) -> None:
    """Check that what is written stays written.

    Args:
        client: A client of redis-py.
        what: The journal, for messages.
        waits: True if each write is waited for until it is on the server's disk.
        accepts_loss: Check no setting.

    Raises:
        JournalError: The server does not promise it.
    """
    role = (await client.info("replication")).get("role")
    if role != "master":
        raise JournalError(
            f"the journal {what} is on a replica, which is read-only: use its master"
        )
    if accepts_loss:
        return
    settings = await _settings(client, what, waits=waits)
    wrong = [f"{n} {v}" for n, v in NEEDED.items() if settings.get(n, v) != v]
    if wrong:
        raise JournalError(
            f"the server of the journal {what} may lose what it was given: set {', '.join(wrong)}"
            f" in its configuration, or pass {WAIVER} and live with the loss"
        )


async def _settings(client: Any, what: str, *, waits: bool) -> Mapping[str, str]:
    """Return the settings, as far as the server shows them."""
    try:
        return {name: await _setting(client, name) for name in NEEDED}
    except exceptions.ResponseError:  # a service that forbids CONFIG, or a user without the right
        pass
    if not waits:
        raise JournalError(
            f"the server of the journal {what} does not show its settings: allow this user CONFIG"
            " GET, or use a server of version 7.2 or later, which tells when a write is on its"
            f" disk; if you know that it runs with {_told(NEEDED)}, pass {WAIVER}"
        )
    # How often it syncs does not matter then: each write waits until it has.
    memory, disk = await client.info("memory"), await client.info("persistence")
    return {
        "appendonly": "yes" if disk.get("aof_enabled") else "no",
        "maxmemory-policy": str(memory.get("maxmemory_policy")),
    }


async def _setting(client: Any, name: str) -> str:
    found = await client.config_get(name)
    text = {_text(each): _text(value) for each, value in found.items()}
    return text.get(name, "")


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _told(settings: Mapping[str, str]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


_ADVICE = {
    "OOM": "the server's memory is full: raise maxmemory",
    "READONLY": "the server is a replica, which is read-only: use its master",
    "MISCONF": "the server cannot write to its disk: look at its log",
    "NOPERM": "this user may not do that: allow it the commands and the keys of the journal",
    "NOAUTH": "the server wants a user and a password: look at the URL",
    "WRONGPASS": "the server refuses this user or its password: look at the URL",
    "LOADING": "the server is starting: try again",
    "CLUSTERDOWN": "the cluster is down: look at its log",
    "MOVED": "the server is part of a cluster: a journal needs a server that has all keys",
    "WAITAOF": "its append-only file was turned off: turn it on again",
}
# The driver takes the sign away from the words of these, or makes something else of the error.
_SIGNS: tuple[tuple[type[Exception], str], ...] = (
    (exceptions.AuthenticationError, "WRONGPASS"),
    (exceptions.NoPermissionError, "NOPERM"),
    (exceptions.ReadOnlyError, "READONLY"),
    (exceptions.OutOfMemoryError, "OOM"),
    (exceptions.BusyLoadingError, "LOADING"),
)
_WORDS = (
    ("username-password pair", "WRONGPASS"),
    ("already authenticated", "NOAUTH"),
    ("uthentication required", "NOAUTH"),
)


def is_lost(error: BaseException) -> bool:
    """Tell whether the connection ended, so that nobody knows whether a command was done."""
    return isinstance(error, exceptions.ConnectionError) and _sign_of(error) is None


def _sign_of(error: BaseException) -> str | None:
    """Return what the server begins its refusal with; None if it is no refusal that is known."""
    for kind, sign in _SIGNS:
        if isinstance(error, kind):
            return sign
    words = str(error)
    for part, sign in (*((sign, sign) for sign in _ADVICE), *_WORDS):
        if part in words:
            return sign
    return None


def failure(error: BaseException, what: str) -> JournalError:
    """Return what the caller gets. It has no cause: the driver's frames show the password.

    Nor does it repeat the server's words, which show what was to be written.
    """
    if isinstance(error, JournalError):
        return error
    if "WRONGTYPE" in str(error):
        return JournalCorruptError(
            f"the keys of the journal {what} hold something else: give it another prefix"
        )
    sign = _sign_of(error)
    if sign is not None:
        return JournalError(f"the journal {what} cannot be used ({sign}): {_ADVICE[sign]}")
    return _of_connection(error, what)


def _of_connection(error: BaseException, what: str) -> JournalError:
    if isinstance(error, (exceptions.TimeoutError, TimeoutError)):
        return JournalError(
            f"the journal {what} did not answer in time; what was to be written may have been:"
            " look at the server, or raise timeout"
        )
    if isinstance(error, (exceptions.ConnectionError, OSError)):
        return unreachable(what)
    return JournalError(f"the journal {what} cannot keep this ({type(error).__name__})")
