"""What a journal of bookings tells: its entries, their states, and what a recovery found."""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import attrs

from .errors import ConfigurationError, ConflictError, EgumaError


class State(enum.Enum):
    """Where an entry of a journal stands."""

    INFLIGHT = "inflight"
    """It may have been sent; what came of it is not known yet."""
    VERIFY = "verify"
    """It is not sent again: the provider's lists have to tell what came of it."""
    BLOCKED_AUTH = "blocked_auth"
    """The credentials were refused. With others of the same account it goes on."""
    CANCELLING = "cancelling"
    """It was done too late to be of use, and is being cancelled."""
    NEEDS_OPERATOR = "needs_operator"
    """A person has to look."""
    QUARANTINED = "quarantined"
    """What the journal holds of it is damaged. It is not sent, and nothing of it is believed."""
    CONFIRMED = "confirmed"
    """Done."""
    REJECTED = "rejected"
    """The server has refused it: nothing was done."""
    ABSENT = "absent"
    """The provider's lists show that nothing was done."""
    CANCELLED = "cancelled"
    """Done too late and cancelled for that, or said to be cancelled by a person.

    A booking that you cancel stays confirmed: its cancellation has an entry of its own.
    """
    UNSENT = "unsent"
    """Nothing was sent, or nothing that the server took up."""

    @property
    def is_open(self) -> bool:
        """True as long as the outcome is not known for good."""
        return self in _OPEN


_OPEN = frozenset(
    {
        State.INFLIGHT,
        State.VERIFY,
        State.BLOCKED_AUTH,
        State.CANCELLING,
        State.NEEDS_OPERATOR,
        State.QUARANTINED,
    }
)

_ADVICE = {
    State.INFLIGHT: "run a recovery",
    State.VERIFY: "run a recovery: it looks into the provider's lists",
    State.BLOCKED_AUTH: (
        "run a recovery with valid credentials of the same account; with any_credentials, if they"
        " are new"
    ),
    State.CANCELLING: "run a recovery: it cancels what came too late",
    State.NEEDS_OPERATOR: "look at the provider's back office, then resolve the entry",
    State.QUARANTINED: "look at the provider's back office, then resolve the entry",
    State.CONFIRMED: "nothing",
    State.REJECTED: "nothing; ask again with new_generation=True if it is to be tried anew",
    State.ABSENT: "nothing; ask again with new_generation=True if it is to be tried anew",
    State.CANCELLED: "nothing; ask again with new_generation=True if it is to be booked anew",
    State.UNSENT: "nothing; ask again to send it",
}


class LatePolicy(enum.Enum):
    """What a recovery does with what may have been sent once its `book_by` has passed."""

    DISCOVER = "discover"
    """Find out whether it was done, and do nothing."""
    COMPENSATE = "compensate"
    """Settle it with the server, and cancel it at once if it was done only now."""
    CONFIRM = "confirm"
    """Do it all the same."""


@attrs.frozen(kw_only=True)
class Intent:
    """Under which reference something is asked for, and until when it is wanted.

    Attributes:
        client_ref: Your reference: the same one always stands for the same request, in this
            process or another. It must not tell who the customer is. If not given, the operation's
            own, as the id of the booking to be cancelled; else one is made up, and asking again
            after a crash is asking for something new.
        book_by: Until when a recovery may still send it, aware; 15 minutes from now if not given.
        late: What a recovery does after that.
        new_generation: Ask anew for what has ended without success, or was cancelled.
    """

    client_ref: str | None = None
    book_by: datetime | None = None
    late: LatePolicy = LatePolicy.DISCOVER
    new_generation: bool = False

    def __attrs_post_init__(self) -> None:
        reference = self.client_ref
        if reference is not None and not _is_reference(reference):
            raise ConfigurationError(
                "client_ref must be a text of 1 to 200 characters that can be printed"
            )
        if self.book_by is not None and (
            not isinstance(self.book_by, datetime) or self.book_by.utcoffset() is None
        ):
            raise ConfigurationError(
                "book_by must be a datetime with a time zone, such as"
                " datetime.now(UTC) + timedelta(minutes=5)"
            )
        if not isinstance(self.late, LatePolicy):
            raise ConfigurationError("late must be a LatePolicy, such as LatePolicy.DISCOVER")


def _is_reference(value: object) -> bool:
    if not isinstance(value, str):
        return False
    return bool(value.strip()) and len(value) <= 200 and value.isprintable()


@attrs.frozen(kw_only=True)
class Entry:
    """What a journal knows of something that was asked for. It holds nothing of the customer.

    Attributes:
        provider: Name of the provider.
        environment: Base URL of the API.
        account: Name of the account, as the journal was told; empty if it was not.
        kind: What was asked for, such as ``"booking"``.
        client_ref: Under which reference.
        generation: Which asking under this reference it is, from 1.
        state: Where it stands.
        reason: Why, in a word or two; None if the state says all.
        idempotency_key: Key it is sent with; None without one.
        attempts: Requests so far, as far as the journal knows.
        in_doubt: True if one of them may have been processed.
        created_at: When it was asked for, aware, in UTC, by the clock of whoever asked.
        last_sent_at: When it was sent last, as far as the journal knows.
        book_by: Until when it may be sent; None for ever.
        late: What a recovery does after that.
        leased_until: Until when somebody works on it; None if nobody does.
        result: What came of it: the server's ids and the tickets. Tickets open a gate: it is in no
            ``repr``.
        candidates: Ids of what may be it, if a person has to look.
        locked: True if it is encrypted with a key that this journal was not given.
    """

    provider: str
    environment: str
    account: str
    kind: str
    client_ref: str
    generation: int
    state: State
    reason: str | None = None
    idempotency_key: str | None = None
    attempts: int = 0
    in_doubt: bool = False
    created_at: datetime
    last_sent_at: datetime | None = None
    book_by: datetime | None = None
    late: LatePolicy = LatePolicy.DISCOVER
    leased_until: datetime | None = None
    result: Mapping[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    candidates: tuple[str, ...] = ()
    locked: bool = False

    @property
    def advice(self) -> str:
        """What to do about it."""
        return "give the journal its key" if self.locked else _ADVICE[self.state]


@attrs.frozen(kw_only=True)
class Recovered:
    """What became of one entry in a recovery.

    Attributes:
        entry: The entry as it stands now.
        value: What came of it, such as a booking; None if nothing did, or if it is not known.
        error: Why it is still open; None if it is not.
    """

    entry: Entry
    value: Any = attrs.field(default=None, repr=False)
    error: EgumaError | None = None


@attrs.frozen(kw_only=True)
class Recovery:
    """What a recovery found.

    Attributes:
        entries: One for each entry that was open when it began and is of this account, the oldest
            first.
        busy: How many somebody else works on.
        others: How many open entries belong to other accounts, providers or environments.
    """

    entries: tuple[Recovered, ...] = ()
    busy: int = 0
    others: int = 0

    @property
    def still_open(self) -> tuple[Recovered, ...]:
        """Those whose outcome is not known yet."""
        return tuple(each for each in self.entries if each.entry.state.is_open)


OnRecovered = Callable[[Recovered], None]
"""Is told of each entry as a recovery is done with it."""


class ClientRefConflictError(ConflictError):
    """The reference stands for something else already. Nothing was sent.

    Attributes:
        entry: What the journal knows of it. Its `Entry.result` is left behind when the error is
            pickled.
    """

    def __init__(
        self,
        message: str = "",
        *,
        entry: Entry | None = None,
        client_ref: str | None = None,
        **details: Any,
    ) -> None:
        details = {"status": 409, "error_code": "client_ref_conflict", **details}
        super().__init__(message, **details)
        self.entry = entry
        self.client_ref = client_ref

    def _summary(self) -> str:
        return self.message  # ours, not the server's

    def __reduce__(self) -> tuple[Any, ...]:
        restore, (cls, state) = super().__reduce__()
        entry = None if self.entry is None else attrs.evolve(self.entry, result=None)
        return restore, (cls, {**state, "entry": entry})
