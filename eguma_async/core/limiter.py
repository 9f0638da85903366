"""What bounds the requests of one credential, and who shares that among processes."""

from __future__ import annotations

from typing import Protocol


class SharedPace(Protocol):
    """The rate of one credential, shared by all processes that use it."""

    async def reserve(self) -> float:
        """Take the next moment at which a request may go, and return the seconds until then.

        It must not fail for want of the server behind it: then it knows of no reason to wait.
        """
        ...

    async def succeeded(self) -> None:
        """Take note that the server answered a request."""
        ...

    async def refused(self, asked: float | None, /) -> None:
        """Take note that the server refused a request for being one too many.

        Args:
            asked: Seconds it asked to wait, if it did.
        """
        ...

    async def aclose(self) -> None:
        """Let go of it. May be called more than once."""
        ...


class SharedRate(Protocol):
    """Where processes share the rates of their credentials."""

    def attach(self, credential: str, /) -> SharedPace:
        """Return the rate of a credential.

        Args:
            credential: Tells it from others, as a digest; never the credential itself.
        """
        ...
