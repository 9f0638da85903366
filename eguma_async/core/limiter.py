"""Who shares the rate of one credential among processes."""

from __future__ import annotations

from typing import Protocol


class SharedPace(Protocol):
    """The rate of one credential, shared by all processes that use it.

    None of its methods fails for want of the server behind it: a session then keeps to the rate
    that it knows by itself.
    """

    async def reserve(self) -> float | None:
        """Take the next moment at which a read may go, and return the seconds until then.

        None if that is not known, because the server behind it cannot be reached.
        """
        ...

    def succeeded(self) -> None:
        """Take note that a read was answered."""
        ...

    async def refused(self, asked: float | None, /) -> None:
        """Take note that a request was refused for being one too many.

        Args:
            asked: Seconds the server asked to wait, if it did.
        """
        ...

    async def aclose(self) -> None:
        """Let go of it. May be called more than once."""
        ...


class SharedRate(Protocol):
    """Where processes share the rates of their credentials."""

    def attach(self, credential: str, /, *, ceiling: float | None) -> SharedPace:
        """Return the rate of a credential.

        Args:
            credential: Tells it from others, as a digest; never the credential itself.
            ceiling: Reads a second that are known to be the most; None if that is not known.
        """
        ...
