"""What an operation that outlives a crash is given to find out what came of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

import attrs

from .session import Session


@attrs.frozen(kw_only=True)
class Looking:
    """What there is to find out with.

    Attributes:
        session: Reads, and sends what is missing.
        began_at: When it was sent first, aware.
        ended_at: Now, aware: a request may have waited for long before it left.
        is_taken: Tells of an id of the server's whether another entry of the journal stands for it.
        before_sending: To be called before anything is sent again: writes it down.

    Raises:
        NotSentError: By `before_sending`, if it must not be sent: another process does.
    """

    session: Session
    began_at: datetime
    ended_at: datetime
    is_taken: Callable[[str], Awaitable[bool]]
    before_sending: Callable[[], Awaitable[None]]
