"""What a file of a journal needs of the machine: a local disk, and that nobody else reads it."""

from __future__ import annotations

import os
from pathlib import Path

from eguma_async.core.errors import JournalError

_NETWORK = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "9p", "afs", "ceph", "glusterfs"})
_MOUNTS = Path("/proc/self/mounts")


def filesystem_of(path: Path) -> str:
    """Return the kind of file system that holds a path; empty where that cannot be told."""
    try:
        mounts = _MOUNTS.read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return ""
    where = path.absolute()
    best, kind = "", ""
    for line in mounts:
        _, point, found, *_ = line.split(" ")
        point = point.encode().decode("unicode_escape")
        if len(point) >= len(best) and where.is_relative_to(point):
            best, kind = point, found
    return kind


def is_network(kind: str) -> bool:
    """Tell whether a file system is one of a network, where locks are not what they seem."""
    return kind.lower() in _NETWORK or kind.lower().startswith("fuse.sshfs")


def make_private(path: Path) -> bool:
    """Make a file that only its owner can read, and its directory if there is none.

    Returns:
        True if it is new.

    Raises:
        JournalError: It cannot be made, or be kept from others.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Only a new file is opened: closing a descriptor of one that SQLite has open in this
        # process would drop its locks.
        try:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600))
        except FileExistsError:
            if os.name == "posix" and path.stat().st_mode & 0o077:
                path.chmod(0o600)
            return False
        _sync_directory(path.parent)
    except OSError as error:
        raise JournalError(
            f"the journal {path} cannot be made: {error.strerror}; give it a directory that this"
            " user can write to"
        ) from None
    return True


def _sync_directory(directory: Path) -> None:
    if os.name != "posix":
        return  # elsewhere a directory cannot be opened
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
