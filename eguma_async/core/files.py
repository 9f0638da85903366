"""A file that takes the place of another as a whole, or not at all."""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from .errors import ConfigurationError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a file that takes the place of `path` if all goes well, and else leaves no trace.

    Only its owner can read it.

    Raises:
        ConfigurationError: `path` is no plain file, or in no directory.
    """
    check_is_plain(path)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(descriptor, "w+b") as file:
            yield file
        check_is_plain(path)  # again: it may have become something else meanwhile
        Path(name).replace(path)
    except BaseException:
        with suppress(OSError):
            Path(name).unlink()
        raise


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
