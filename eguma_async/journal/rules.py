"""For how long things hold: when something may still be sent again, and when it is looked for."""

from __future__ import annotations

from datetime import timedelta

import attrs

from eguma_async.core.errors import ConfigurationError

from .owners import LONGEST_LEASE

_KEY_IS_KNOWN = timedelta(hours=72)
"""For how long a server keeps an idempotency key."""
_LONGEST = {
    "resend_window": _KEY_IS_KNOWN,
    "verify_window": timedelta(days=3650),
    "book_by": timedelta(days=365),
    "lease": timedelta(seconds=LONGEST_LEASE),
    "settle": timedelta(days=1),
}


@attrs.frozen(kw_only=True)
class JournalRules:
    """The times of a journal.

    Attributes:
        resend_window: For how long after it was first sent something may be sent again with its
            key. The server keeps the key for 72 hours; a third of that is left for wrong clocks.
        verify_window: For how long the lists are searched for what may not be sent again.
        book_by: Until when something is wanted if nobody says.
        lease: For how long whoever works on a line keeps others from it.
        settle: How long to wait between two looks into a list that may lag behind.
        any_credentials: True if what was asked for with other credentials is taken up as well.
    """

    resend_window: timedelta = timedelta(hours=48)
    verify_window: timedelta = timedelta(days=30)
    book_by: timedelta = timedelta(minutes=15)
    lease: timedelta = timedelta(seconds=90)
    settle: timedelta = timedelta(seconds=60)
    any_credentials: bool = False

    def __attrs_post_init__(self) -> None:
        for name, longest in _LONGEST.items():
            value = getattr(self, name)
            if not isinstance(value, timedelta) or not timedelta(0) < value <= longest:
                raise ConfigurationError(
                    f"{name} must be a timedelta above 0, of {longest} at most, such as"
                    f" {attrs.fields_dict(JournalRules)[name].default!r}"
                )
        if not isinstance(self.any_credentials, bool):
            raise ConfigurationError("any_credentials must be True or False")
