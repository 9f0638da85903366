"""What the demos share: steps with their requests, and claims that are checked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from .errors import Stop

if TYPE_CHECKING:
    from eguma_async.sandbox import Sandbox


class Counted(Protocol):
    """What came of a demo; the members of its JSON document."""

    requests_on_the_wire: int


F = TypeVar("F", bound=Counted)


class Steps(Generic[F]):
    """The steps of a demo, each with the requests the sandbox counted for it.

    Args:
        simulated: Counts the requests.
        facts: What is yet to be found out.

    Attributes:
        facts: What was found out.
        rows: Name, result and number of requests of each step.
    """

    def __init__(self, simulated: Sandbox, facts: F) -> None:
        self.facts = facts
        self.rows: list[tuple[str, str, str]] = []
        self._requests = simulated.requests
        self._counted = simulated.requests.total

    def add(self, step: str, happened: str) -> None:
        """Add a step that is done; the requests since the one before are its own."""
        total = self._requests.total
        self.rows.append((step, happened, str(total - self._counted)))
        self._counted = self.facts.requests_on_the_wire = total


def check_claims(claims: Mapping[str, bool]) -> None:
    """Check every claim of a demo.

    Raises:
        Stop: One does not hold.
    """
    wrong = [claim for claim, holds in claims.items() if not holds]
    if wrong:
        raise Stop(f"the demo failed; this is not true: {'; '.join(wrong)}")
