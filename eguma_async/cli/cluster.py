"""The cluster that a command lets do its work."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from .connection import is_fast
from .errors import usage
from .options import ConnectionOptions
from .text import say

if TYPE_CHECKING:
    from eguma_async.fanout.dask import DaskExecutor


@asynccontextmanager
async def workers_of(
    address: str | None, api: ConnectionOptions
) -> AsyncIterator[DaskExecutor | None]:
    """Yield the executor of a cluster; None without one.

    Args:
        address: Of its scheduler.
        api: The options of the command.

    Raises:
        Stop: They do not go together.
        ConfigurationError: Dask is missing, or the address is malformed.
        ClusterError: It cannot be reached.
    """
    if address is None:
        yield None
        return
    if api.sandbox or api.proxy is not None or is_fast.get():
        raise usage(
            "--cluster goes with none of --sandbox, --proxy and --fast: its workers have none of"
            " them"
        )
    from eguma_async.fanout.dask import DaskExecutor

    executor = DaskExecutor(address)
    # What it writes of workers that come and go would tear the bar; what matters is raised.
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.DEBUG if api.verbose else logging.CRITICAL)
    try:
        async with executor:
            if not executor.workers:
                say("The cluster has no worker so far; waiting for one.")
            yield executor
    finally:
        logger.setLevel(before)
