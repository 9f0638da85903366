"""A file that takes the place of another as a whole, or not at all."""

from __future__ import annotations

import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import ConfigurationError

_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL
_NEW |= getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)


class NewFile:
    """A file beside the one whose place it takes once it is complete, and on the disk.

    Args:
        path: The place.
        private: Only its owner can read it; else, whoever the process' umask lets.

    Attributes:
        path: The same.
        file: What is written.

    Raises:
        ConfigurationError: `path` is no plain file, or in no directory.
        OSError: Nothing can be written there. It names `path`, and not the file beside it.
    """

    def __init__(self, path: Path, *, private: bool = True) -> None:
        check_is_plain(path)
        self.path = path
        self._part = path.parent / f".{secrets.token_hex(8)}.part"
        with self._named():
            descriptor = os.open(self._part, _NEW, 0o600 if private else 0o666)
        self.file: BinaryIO = os.fdopen(descriptor, "w+b")

    def keep(self) -> None:
        """Put it in its place. If that fails, it leaves no trace."""
        try:
            with self._named():
                self.file.flush()
                os.fsync(self.file.fileno())
                self.file.close()
                check_is_plain(self.path)  # again: it may have become something else meanwhile
                self._part.replace(self.path)
            _sync_directory(self.path.parent)
        except BaseException:
            self.drop()
            raise

    @contextmanager
    def _named(self) -> Iterator[None]:
        """Let an error name the place: nobody knows the file beside it."""
        try:
            yield
        except OSError as error:
            error.filename, error.filename2 = str(self.path), None
            raise

    def drop(self) -> None:
        """Leave no trace of it."""
        with suppress(OSError):  # what was still to be written, to a full disk
            self.file.close()
        with suppress(OSError):
            self._part.unlink()


@contextmanager
def replacing(path: Path, *, private: bool = True) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` if all goes well, and else leaves no trace.

    Args:
        path: The place.
        private: As for `NewFile`.

    Raises:
        ConfigurationError: `path` is no plain file, or in no directory.
    """
    new = NewFile(path, private=private)
    try:
        yield new.file
    except BaseException:
        new.drop()
        raise
    new.keep()


def _sync_directory(directory: Path) -> None:
    """Have the new name on the disk, too, where a directory can be opened for that."""
    with suppress(OSError):
        descriptor = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def check_is_plain(path: Path) -> None:
    """Check that a path can be replaced without harm: it is a plain file, or nothing so far.

    Raises:
        ConfigurationError: It is a link, a device, a directory, or in no directory.
    """
    try:
        is_plain = stat.S_ISREG(path.lstat().st_mode)
    except FileNotFoundError:
        is_plain = path.parent.is_dir() and path.name != ".."
    except NotADirectoryError:
        is_plain = False
    if not is_plain:
        raise ConfigurationError(
            "to must name a plain file, or none so far, in a directory that exists: no directory,"
            " symbolic link, device, pipe or socket"
        )
