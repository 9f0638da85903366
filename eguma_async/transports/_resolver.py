"""Names of the public internet only, for aiohttp."""

from __future__ import annotations

import socket

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from ._public import is_public


class PublicResolver(AbstractResolver):
    """Resolves names and refuses those with an address that is not public.

    The connection goes to exactly the addresses looked at here: a name that resolves differently
    the second time gains nothing.

    Args:
        inner: Resolves the names; the system's resolver if not given.
    """

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or aiohttp.ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the addresses of a host.

        Raises:
            OSError: There is none, or one of them is not public.
        """
        found = await self._inner.resolve(host, port, family)
        if not all(is_public(address["host"]) for address in found):
            raise OSError("the name has an address that is not public")
        return found

    async def close(self) -> None:
        """Close the inner resolver."""
        await self._inner.close()
