"""Operations that outlive a crash: each says itself how it is taken up again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from inspect import getattr_static
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar

import attrs

from .errors import ConfigurationError
from .operation import Operation

if TYPE_CHECKING:
    from .looking import Looking
    from .session import Session

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Found(Generic[T]):
    """What the provider's lists tell of something that may have been done.

    Attributes:
        value: What came of it; None if it was not found.
        candidates: Ids of what may be it. If there are any, a person has to look.
    """

    value: T | None = None
    candidates: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Resumable(Operation[T]):
    """Base of operations that a journal keeps until their outcome is known.

    All of it stands in the JSON body: of these bytes it is made again, and they are what is sent
    again.

    Attributes:
        KIND: What it asks for, in a word.
        WAITS: False if it is still wanted however late it comes, as a cancellation is.
    """

    KIND: ClassVar[str]
    WAITS: ClassVar[bool] = True

    @classmethod
    def check_complete(cls) -> None:
        """Check that it says all that a journal asks, before anything is sent.

        Raises:
            ConfigurationError: A method is missing.
        """
        missing = [
            name
            for name in ("remote_id", "record", "recall", "look_up")
            if getattr_static(cls, name) is getattr_static(Resumable, name)
        ]
        if missing or not hasattr(cls, "KIND"):
            named = ", ".join([*missing, *([] if hasattr(cls, "KIND") else ["KIND"])])
            raise ConfigurationError(f"a journal keeps {cls.__name__} once it defines {named}")

    def reference(self) -> str | None:
        """Return a reference that stands for this request and no other; None without one."""
        return None

    def remote_id(self, value: T, /) -> str | None:
        """Return the server's id of what was made; None if nothing was made."""
        raise NotImplementedError

    def record(self, value: T, /) -> Mapping[str, Any]:
        """Return what is to be kept of the outcome, as JSON, without the customer's data."""
        raise NotImplementedError

    def is_done(self, value: T, /) -> bool:
        """Tell whether an outcome that differs from what was asked for is one all the same."""
        return True

    def leaves_doubt(self, answer: T, /) -> bool:
        """Tell whether an answer leaves open what became of a part."""
        return False

    @classmethod
    async def recall(cls, record: Mapping[str, Any], session: Session, /) -> T:
        """Return the outcome that was kept.

        Args:
            record: What `record` returned.
            session: Reads what was not kept.
        """
        raise NotImplementedError

    @classmethod
    def noted(cls, value: T, /, *, persisted: bool) -> T:
        """Say with the outcome whether the journal has it."""
        return value

    async def resume(self, looking: Looking, repeat: Callable[[], Awaitable[T]], /) -> T:
        """Take it up again after an attempt of unknown outcome, and bring it to its end.

        Args:
            looking: What there is to find out with.
            repeat: Sends the same bytes with the same key again. By default, that is all.
        """
        return await repeat()

    async def look_up(self, looking: Looking, /) -> Found[T]:
        """Find out by the provider's lists whether it was done. It sends nothing but reads.

        Raises:
            EgumaError: A list cannot be read, so that nothing is known.
        """
        raise NotImplementedError

    def is_like(self, other: Resumable[Any], /) -> bool:
        """Tell whether the lists cannot tell what this has made from what another has made."""
        return False

    @classmethod
    def can_be_undone(cls) -> bool:
        """Tell whether it can be cancelled once it is done."""
        return cls.undo.__func__ is not Resumable.undo.__func__  # type: ignore[attr-defined]  # they are class methods

    @classmethod
    def undo(cls, record: Mapping[str, Any], /) -> Resumable[Any] | None:
        """Return what cancels it; None if it cannot be cancelled."""
        return None

    @classmethod
    def was_there_before(cls, value: T, /) -> bool:
        """Tell whether an outcome is surely that of an earlier attempt."""
        return False
