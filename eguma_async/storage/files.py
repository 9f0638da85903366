"""What a file that matters needs of the machine: a local disk, and that nobody else reads it."""

from __future__ import annotations

import os
import re
import threading
from pathlib import Path

from eguma_async.core.errors import EgumaError

from .kind import FileKind

_NETWORK = re.compile(
    r"(fuse\.)?(9p|acfs|afp|afp?fs|beegfs|ceph(fs)?|cifs|coda|davfs2?|gcsfuse|gfs2?|glusterfs|goofys"
    r"|gpfs|lustre|moosefs|mfs|ncpfs|nfs4?|ocfs2|orangefs|prl_fs|pvfs2|rclone|s3fs|smb[23]?|smbfs"
    r"|sshfs|vboxsf|vmhgfs|vmhgfs-fuse|webdav)",
    re.IGNORECASE,
)
_FLEETING = {
    "tmpfs": "the machine's memory",
    "ramfs": "the machine's memory",
    "overlay": "a container's own layer",
}
_MOUNTS = Path("/proc/self/mounts")
_ESCAPED = re.compile(rb"\\([0-7]{3})")
_OTHERS = 0o077

# Between making a file and closing its descriptor nobody of this process may lock it: a process
# that closes any descriptor of a file loses all its locks on it.
_making = threading.Lock()


def filesystem_of(path: Path, mounts: Path = _MOUNTS) -> str:
    """Return the kind of file system that holds a path; empty where that cannot be told.

    Args:
        path: It need not exist yet.
        mounts: The system's list of what is mounted where.
    """
    where = path.resolve()
    if where.drive.startswith("\\\\"):
        return "smb"  # Windows
    try:
        lines = mounts.read_bytes().splitlines()
    except OSError:
        return ""
    best, kind = -1, ""
    for line in lines:
        fields = line.split(b" ")
        if len(fields) < 3:
            continue
        raw = _ESCAPED.sub(lambda found: bytes([int(found[1], 8) & 0xFF]), fields[1])
        point = Path(os.fsdecode(raw))
        depth = len(point.parts)
        if depth >= best and where.is_relative_to(point):  # of two at one place, the later counts
            best, kind = depth, os.fsdecode(fields[2])
    return kind


def is_network(kind: str) -> bool:
    """Tell whether a file system is one of a network, where locks are not what they seem."""
    return _NETWORK.fullmatch(kind) is not None


def what_loses_it(kind: str) -> str | None:
    """Return what a file system is kept in, if that goes with a restart; else None."""
    return _FLEETING.get(kind.lower())


def make_private(path: Path, kind: FileKind) -> bool:
    """Make a file that only its owner can read, and its directory if there is none.

    One that is there already is left as it is: it may be something else.

    Returns:
        True if it is new.

    Raises:
        EgumaError: It cannot be made; of its kind.
    """
    try:
        _make_directory(path.parent, kind)
        # Only a new file is opened; see above.
        with _making:
            try:
                descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                is_new = False
            else:
                is_new = True
                os.close(descriptor)
        if not path.is_file():
            raise kind.error(f"{path} is no file; give the {kind.noun} another path")
    except OSError as error:
        raise _no_place(path, error, kind) from None
    return is_new


def keep_from_others(path: Path, kind: FileKind) -> None:
    """Take a file's rights from everybody but its owner.

    Raises:
        EgumaError: It belongs to somebody else.
    """
    if os.name != "posix":
        return  # elsewhere it has the rights of its directory
    for each in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        try:
            mode = each.stat().st_mode
            # The execute bit has no use; a file that its owner may not write stays as it is.
            if mode & _OTHERS:
                each.chmod(mode & 0o600)
        except FileNotFoundError:
            continue  # most times there is no log
        except PermissionError:
            raise kind.error(
                f"{each} can be read by others, and this user may not change that; let it belong"
                " to this user, with the mode 0600"
            ) from None


def sync_directory(directory: Path, kind: FileKind) -> None:
    """Make sure that what was made in a directory survives a power cut.

    Raises:
        EgumaError: It cannot be made sure.
    """
    if os.name != "posix":
        return  # elsewhere a directory cannot be opened
    try:
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise _no_place(directory, error, kind) from None


def _make_directory(directory: Path, kind: FileKind) -> None:
    """Make what is missing of a path, for this user alone whatever the umask says."""
    if directory.is_dir():
        return
    _make_directory(directory.parent, kind)
    try:
        directory.mkdir(mode=0o700)
    except FileExistsError:
        if not directory.is_dir():
            raise
        return
    directory.chmod(0o700)
    sync_directory(directory.parent, kind)


def _no_place(path: Path, error: OSError, kind: FileKind) -> EgumaError:
    return kind.error(
        f"the {kind.noun} {path} cannot be made: {error.strerror}; give it a directory that this"
        " user can write to"
    )
