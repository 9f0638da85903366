"""Who works on a line: a name by which a process that has died can be told from a living one."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from uuid import uuid4

LONGEST_LEASE = 3600.0
"""Seconds that a lease lasts at most."""

_PROC = Path("/proc")


def new_owner(boot: str) -> str:
    """Return a name for one user of a journal: machine, process, and which user within it.

    Args:
        boot: Names this start of the machine.
    """
    return f"{boot}/{_namespace()}/{os.getpid()}/{_started(os.getpid())}/{uuid4().hex}"


def is_at_work(owner: str | None, until: float, now: float, boot: str) -> bool:
    """Tell whether whoever has a line is at work on it.

    A lease that ends in the far future is none: the clock was ahead when it was given. Nor is that
    of a process of this machine that has died.

    Args:
        owner: Who has it; None if nobody does.
        until: When the lease ends, in seconds since 1970.
        now: The time, by the same clock.
        boot: Names this start of the machine.
    """
    return owner is not None and 0.0 < until - now <= LONGEST_LEASE and not is_gone(owner, boot)


def is_gone(owner: str, boot: str, started: Callable[[int], str] | None = None) -> bool:
    """Tell whether an owner is surely dead. Where that cannot be told, its lease has to run out.

    Args:
        owner: Its name.
        boot: Names this start of the machine.
        started: Tells when a process was started; empty if it is not to be seen.
    """
    where, namespace, process, began, *_ = (*owner.split("/"), "", "", "", "")
    if where != boot or namespace != _namespace() or not (namespace and process.isdigit()):
        return False  # another machine or container, or a system that does not tell
    seen = (started or _started)(int(process))
    return seen != began if seen else not _exists(int(process))


def _exists(process: int) -> bool:
    """Tell whether there is a process, also where the system hides those of other users."""
    try:
        os.kill(process, 0)  # asks, and sends nothing
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


@cache
def _namespace() -> str:
    """Return what names the space in which process ids mean something; empty if unknown."""
    try:
        return str((_PROC / "self" / "ns" / "pid").readlink())
    except OSError:
        return ""


def _started(process: int) -> str:
    """Return when a process was started, in ticks of the machine; empty if it is not to be seen."""
    try:
        stat = (_PROC / str(process) / "stat").read_bytes()
    except OSError:
        return ""
    return stat.rpartition(b")")[2].split()[19].decode()
