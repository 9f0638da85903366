"""What only this API reports: violations, partial failure, contradictions, documents."""

from __future__ import annotations

import re
from typing import Any

import attrs

from eguma_async.core.errors import EgumaError, InvalidRequestError, ResultMismatchError

MUST_BE_FALSE = "d53a91b0-def3-426a-83d7-269da7ab4200"
"""Code of the rule that a reservation must not be expired."""

_EXPIRED = re.compile(r"(reservations\[[0-9]+\]\.)?expired", re.ASCII)


def says_expired(path: object, code: object) -> bool:
    """Tell whether a violation says that a reservation has expired."""
    return code == MUST_BE_FALSE and isinstance(path, str) and bool(_EXPIRED.fullmatch(path))


@attrs.frozen(kw_only=True)
class Violation:
    """One rule that a request breaks.

    Attributes:
        path: Where in the request, such as ``"reservations[0].expired"``.
        message: The server's words, in the language of the call; not for a program to branch on.
        code: Stable id of the rule; None if the server sent none.
        index: First list position in the path, from 0; None if there is none.
    """

    path: str
    message: str = attrs.field(default="", repr=False)
    code: str | None = None
    index: int | None = None


class ViolationsError(InvalidRequestError):
    """422: the request breaks rules. Nothing of it was done.

    The server's words are left behind when the error is pickled, those of the violations too.
    Paths, codes and `expired_reservations` stay.

    Attributes:
        violations: One for each broken rule, in the server's order.
        expired_reservations: IRIs of the reservations that were sent and have expired. Reserve
            them anew; the others of the call are not ordered either.
    """

    def __init__(
        self, message: str = "", *, violations: tuple[Violation, ...] = (), **details: Any
    ) -> None:
        super().__init__(message, **details)
        self.violations = violations
        self.expired_reservations: tuple[str, ...] = ()

    def __reduce__(self) -> tuple[Any, ...]:
        restore, (cls, state) = super().__reduce__()
        bare = tuple(attrs.evolve(violation, message="") for violation in self.violations)
        return restore, (cls, {**state, "violations": bare})

    def _summary(self) -> str:
        paths = [violation.path for violation in self.violations[:3] if violation.path.isascii()]
        return f"{super()._summary()} @ {', '.join(paths)}" if paths else super()._summary()


class PartialFailureError(ResultMismatchError):
    """Some of what was asked for was not done. What was done stays done.

    Attributes:
        result: The whole result, what succeeded included. It may hold a customer's data: it is in
            no ``str`` and no ``repr``, and it is left behind when the error is pickled.
        differences: One line for each thing that was not done.
    """


class InconsistentAnswerError(PartialFailureError):
    """The server contradicts itself: one reservation with two orders, or done and failed at once.

    Look at the orders before doing anything else.
    """

    outcome_unknown = True


class DocumentError(EgumaError):
    """A document could not be fetched safely. Nothing of it was kept."""
