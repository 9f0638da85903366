"""Who asks for what under which reference: the names that follow from it, always the same."""

from __future__ import annotations

import hashlib
from functools import cached_property

import attrs
import msgspec


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

    @cached_property
    def series(self) -> str:
        """What names all generations of it in a store."""
        return _digest("series", *self._parts)

    @property
    def _parts(self) -> tuple[str, ...]:
        return (self.provider, self.environment, self.account, self.kind, self.client_ref)

    def key(self, generation: int) -> str:
        """Return the idempotency key of a generation.

        It follows from the identity alone: a journal that was lost and is asked again sends the
        same key, so that the server recognises the request.
        """
        return _digest("key", *self._parts, generation)

    def remote(self, remote_id: str) -> str:
        """Return what names something of the server's in a store."""
        named = (self.provider, self.environment, self.kind, remote_id.casefold())
        return _digest("remote", *named)


def _digest(purpose: str, *parts: str | int) -> str:
    named = msgspec.json.encode(parts)  # no two lists of parts are written alike
    return hashlib.sha256(b"eguma_async|v1|" + purpose.encode() + b"|" + named).hexdigest()
