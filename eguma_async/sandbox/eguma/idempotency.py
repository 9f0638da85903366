"""The store behind ``Idempotency-Key``: one response for each key, for 72 hours."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from eguma_async.sandbox.engine.messages import SandboxResponse

LIFETIME = timedelta(hours=72)

Scope = tuple[str, str, str]
"""Merchant id, endpoint and key."""


@attrs.define
class Entry:
    """What is known about one key.

    Attributes:
        body: Bytes of the first request.
        response: Its response; None while it is in flight.
        completed_at: When it was given.
    """

    body: bytes = attrs.field(repr=False)
    response: SandboxResponse | None = None
    completed_at: datetime | None = None

    def is_over(self, now: datetime) -> bool:
        """Tell whether the key may be used anew."""
        return self.completed_at is not None and now >= self.completed_at + LIFETIME


class IdempotencyStore:
    """All keys of one sandbox."""

    def __init__(self) -> None:
        self._entries: dict[Scope, Entry] = {}

    def find(self, scope: Scope, now: datetime) -> Entry | None:
        """Return the entry of a key, or None if the key is free."""
        entry = self._entries.get(scope)
        if entry is not None and entry.is_over(now):
            del self._entries[scope]
            return None
        return entry

    def start(self, scope: Scope, body: bytes) -> None:
        """Note that a first request is in flight."""
        self._entries[scope] = Entry(body)

    def complete(self, scope: Scope, response: SandboxResponse, now: datetime) -> None:
        """Keep the response to the first request; the lifetime begins now."""
        entry = self._entries[scope]
        entry.response, entry.completed_at = response, now

    def forget(self, scope: Scope) -> None:
        """Free a key whose first request ended without a response worth keeping."""
        self._entries.pop(scope, None)
