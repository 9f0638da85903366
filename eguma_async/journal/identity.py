"""Who asks for what under which reference: the names that follow from it, always the same."""

from __future__ import annotations

import hashlib
import json

import attrs


@attrs.frozen(kw_only=True)
class Identity:
    """Under which name something is kept.

    Attributes:
        provider: Name of the provider.
        environment: Base URL of the API.
        account: Name of the account; empty if it was not named.
        kind: What is asked for.
        client_ref: The caller's reference.
    """

    provider: str
    environment: str
    account: str
    kind: str
    client_ref: str

    @property
    def series(self) -> str:
        """What names all generations of it in a store."""
        return _digest("series", *attrs.astuple(self))

    def key(self, generation: int) -> str:
        """Return the idempotency key of a generation.

        It follows from the identity alone: a journal that was lost and is asked again sends the
        same key, so that the server recognises the request.
        """
        return _digest("key", *attrs.astuple(self), generation)

    def remote(self, remote_id: str) -> str:
        """Return what names something of the server's in a store."""
        named = (self.provider, self.environment, self.kind, remote_id.casefold())
        return _digest("remote", *named)


def _digest(purpose: str, *parts: str | int) -> str:
    named = json.dumps(parts, ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(f"eguma_async|v1|{purpose}|{named}".encode()).hexdigest()
