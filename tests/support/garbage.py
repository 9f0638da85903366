"""What the collector looks at when a test asks for a collection."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def only_new_garbage() -> Iterator[None]:
    """Let the collector look at what is made from here on: all else takes it far longer."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
