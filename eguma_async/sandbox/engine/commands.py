"""Control commands: what is done to a sandbox's state from outside, as JSON."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

import attrs

from .checks import Check, check_names

NO_MEMBERS: Mapping[str, Check] = {}
NO_CHANGES: Mapping[str, object] = {}


class OrderDesk(Protocol):
    """What the back office of every sandbox can do."""

    def cancel_order(self, order: str) -> None:
        """Cancel an order."""
        ...


D = TypeVar("D", bound=OrderDesk)


@attrs.frozen
class Command:
    """One command.

    Attributes:
        act: Carries it out, given its members by name; returns JSON.
        required: Members that must be given, each with its check.
        optional: Members that may be left out.
    """

    act: Callable[..., object]
    required: Mapping[str, Check] = NO_MEMBERS
    optional: Mapping[str, Check] = NO_MEMBERS

    def __call__(self, given: Mapping[str, Any]) -> object:
        """Check the members and carry the command out.

        Raises:
            ValueError: Members are missing, unknown or wrong, or the state does not allow it.
            LookupError: It names what is not there.
        """
        check_names("this command", given, self.required, self.optional)
        checks = {**self.required, **self.optional}
        for name, value in given.items():
            checks[name](name, value)
        return self.act(**given)


class Acts(Generic[D]):
    """The acts of a back office, with what is shown of each afterwards."""

    def __init__(self, sandbox: D) -> None:
        self._sandbox = sandbox

    def cancel_order(self, order: str) -> object:
        """Cancel an order."""
        self._sandbox.cancel_order(order)
        return {"cancelled": order}
