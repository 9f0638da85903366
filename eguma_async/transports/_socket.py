"""Looks at a socket without reading from it."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable
from functools import partial
from typing import Any

_POLL: Callable[[], Any] | None = getattr(select, "poll", None)
"""Not there on Windows."""


def look_at(
    transport: asyncio.BaseTransport | None,
    make_poll: Callable[[], Any] | None = _POLL,
) -> Callable[[], object]:
    """Return a function that tells whether a connection has bytes to read, or has ended.

    Made once a connection: a poll object for each look takes five times as long. What the function
    returns is true or false, and needs no frame of Python for that.
    """
    sock = None if transport is None else transport.get_extra_info("socket")
    if sock is None or sock.fileno() < 0:
        return lambda: True  # it cannot be told
    if make_poll is None:
        return lambda: bool(select.select([sock], [], [], 0)[0])
    poll = make_poll()
    poll.register(sock.fileno(), select.POLLIN)
    return partial(poll.poll, 0)
