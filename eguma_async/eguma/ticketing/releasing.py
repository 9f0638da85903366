"""Giving places back: whatever happens meanwhile, and without hiding why."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

from eguma_async.core.errors import EgumaError
from eguma_async.core.log import logger
from eguma_async.core.messages import Timeouts

from .reservation_models import CancelReservation

if TYPE_CHECKING:
    from eguma_async.core.session import Session

RELEASE_SECONDS = 5.0
"""How long leaving a hold may take at most."""


async def give_back(session: Session, reservation_id: str, timeouts: Timeouts | None) -> None:
    """Give places back."""
    await session.send(CancelReservation(reservation_id=reservation_id), timeouts=timeouts)


async def until_done(task: asyncio.Task[Any]) -> None:
    """Wait for a task. A cancellation ends the waiting, not the task."""
    task.add_done_callback(_seen)
    await asyncio.wait((task,))


def _seen(task: asyncio.Task[Any]) -> None:
    """Look at the error of a task nobody waits for any more, which asyncio complains of."""
    if not task.cancelled():
        task.exception()


async def quietly(release: Coroutine[Any, Any, None]) -> bool:
    """Give places back, and tell if it worked. The reason for leaving matters more than this."""
    try:
        async with asyncio.timeout(RELEASE_SECONDS):
            await release
    except Exception as error:  # noqa: BLE001  # as above
        logger.debug(
            "a hold was not released (%s); it expires by itself",
            error if isinstance(error, EgumaError) else type(error).__name__,
        )
        return False
    return True
