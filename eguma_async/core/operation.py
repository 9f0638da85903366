"""A call as a value: what to send, how safe it is to send again, and what comes back."""

from __future__ import annotations

import typing
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Generic, Protocol, TypeVar

import attrs

from .errors import OutcomeUnknownError, StatusError
from .listing import Listing
from .messages import HttpResponse, Repeat
from .places import IN_PATH, IN_PATH_AS_IS, PLACED_BY_HAND, in_body, in_header, in_query
from .plan import RequestPlan, check_names, make_plan
from .url_text import as_text

if TYPE_CHECKING:
    from .clock import Clock

__all__ = [
    "IN_PATH",
    "IN_PATH_AS_IS",
    "PLACED_BY_HAND",
    "Operation",
    "RequestPlan",
    "ResponseContext",
    "Send",
    "in_body",
    "in_header",
    "in_query",
]

T = TypeVar("T")
R = TypeVar("R")


class ResponseContext:
    """What came beside the decoded value. What few ask for is worked out when they do.

    Args:
        response: The response itself.
        idempotency_key: Key the call carried; None without one.
        clock: Tells when the response came: now.
        is_replay: Tells whether it is marked as a repetition of an earlier one.
        is_part: True if the call is a part of another one.

    Attributes:
        response: The response itself.
        idempotency_key: Key the call carried; None without one.
        is_part: True if the call is a part of another one, as of one that reads a long range.
    """

    __slots__ = ("_clock", "_is_replay", "idempotency_key", "is_part", "response")

    response: HttpResponse
    idempotency_key: str | None
    is_part: bool

    def __init__(
        self,
        response: HttpResponse,
        idempotency_key: str | None,
        clock: Clock,
        is_replay: Callable[[HttpResponse], bool],
        *,
        is_part: bool = False,
    ) -> None:
        self.response = response
        self.is_part = is_part
        self.idempotency_key = idempotency_key
        self._clock = clock
        self._is_replay = is_replay

    @property
    def received_at(self) -> datetime:
        """When the response came, aware, in UTC."""
        return self._clock.now()

    @property
    def replayed(self) -> bool:
        """True if the server marked the response as a repetition of an earlier one."""
        return self._is_replay(self.response)


class Send(Protocol):
    """Sends an operation: the `send` of a session."""

    async def __call__(self, operation: Operation[R], /) -> R:
        """Send the operation and return its value."""
        ...


@attrs.frozen(kw_only=True)
class Operation(Generic[T]):
    """Base of every request object: ``class ListThings(Operation[ThingList])``.

    A subclass is a frozen attrs class. Its fields are the JSON body, but for those marked with
    `IN_PATH`, `in_query`, `in_header`, `PLACED_BY_HAND` or `LOCAL`; a body field that is None is
    left out. What cannot work is told when the class is made, or when it is first used.

    What it returns follows from its type argument. One that names its `CONTENT_TYPE` always
    carries a body, an empty object without body fields; the others use the provider's.

    Attributes:
        METHOD: HTTP verb in capitals.
        PATH: Path below the base URL, with ``{name}`` for each field that is `IN_PATH`.
        REPEAT: Whether it may be sent again.
        CONTENT_TYPE: Media type of the body, if it is not the provider's.
        RETURNS: What the response is decoded into; set by the class itself.
    """

    METHOD: ClassVar[str]
    PATH: ClassVar[str]
    REPEAT: ClassVar[Repeat]
    CONTENT_TYPE: ClassVar[str | None] = None
    RETURNS: ClassVar[Any]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if "headers" in cls.__dict__:
            raise TypeError(f"{cls.__name__}: headers are fields, marked with in_header")
        returns = _returned(cls)
        if isinstance(returns, typing.ForwardRef):
            raise TypeError(f"{cls.__name__}: its type argument must be a class, not its name")
        if not _is_open(returns):
            if cls.__dict__.get("RETURNS", returns) != returns:
                raise TypeError(f"{cls.__name__}: RETURNS follows from the type argument; drop it")
            cls.RETURNS = returns

    @classmethod
    def __attrs_init_subclass__(cls) -> None:
        check_names(cls, Operation)

    @classmethod
    def name(cls) -> str:
        """Return the name used in errors, events and logs."""
        return cls.__name__

    @classmethod
    def is_read(cls) -> bool:
        """Tell whether it changes nothing on the server, whatever becomes of it."""
        return cls.REPEAT is Repeat.READ

    @classmethod
    def plan(cls) -> RequestPlan:
        """Return what all requests of this class of operations have in common.

        Raises:
            ConfigurationError: The class lacks something, or a field of it would not arrive.
        """
        plan = _PLANS.get(cls)
        if plan is None:
            plan = _PLANS[cls] = make_plan(cls, Operation)
        return plan

    def path(self) -> str:
        """Return the path with the ids filled in, quoted."""
        return self.plan().own_path(self)

    def query(self) -> tuple[tuple[str, str], ...]:
        """Return the pairs of the query string, unquoted. A tuple gives one pair per element."""
        return self.plan().own_query(self)

    def headers(self) -> dict[str, str]:
        """Return the headers of this operation alone."""
        plan = self.plan()
        return {
            wire_name: as_text(value, f"{plan.name}.{name}")
            for name, wire_name in plan.headers
            if (value := getattr(self, name)) is not None
        }

    def complete(self, value: T, context: ResponseContext, /) -> T:
        """Add to the decoded value what only the response around it tells, and check it.

        Raises:
            EgumaError: What came back is not what was asked for. The error carries the value.
        """
        return value

    def sift(self, elements: Listing[Any], /) -> Listing[Any]:
        """Leave out of a part of the list that it reads what was not asked for.

        Asked for each part of a list that is read element by element, which `complete` never sees.
        """
        return elements

    def explain(self, refusal: StatusError, /) -> StatusError:
        """Add to a refusal what only the operation knows."""
        return refusal

    async def fall_back(self, refusal: StatusError, send: Send, /) -> T:
        """Read in another way what was refused, such as a long range in shorter ones.

        Only a read is asked for this.

        Args:
            refusal: The response.
            send: Sends another operation, with the timeouts of this call.

        Raises:
            StatusError: By default, the refusal itself.
        """
        raise refusal

    async def reconcile(self, refusal: StatusError, send: Send, began_at: datetime, /) -> T:
        """Find out what a refusal means after an earlier attempt had an unknown outcome.

        Only a write is asked for this.

        Args:
            refusal: The last response.
            send: Sends another operation, to look things up.
            began_at: When the call began, aware, in UTC.

        Raises:
            OutcomeUnknownError: By default.
            StatusError: The refusal itself, if it proves that nothing was done.
        """
        raise OutcomeUnknownError(
            f"refused with HTTP {refusal.status}, but an earlier attempt may have been processed",
            refusal=refusal,
        )


def _returned(cls: Any) -> Any:
    """Return what stands for ``T`` in a class of operations.

    It may hold type parameters of the class that are still open.

    Raises:
        TypeError: Two bases give it different values.
    """
    if cls is Operation:
        return T
    found: list[Any] = []
    for base in cls.__dict__.get("__orig_bases__", cls.__bases__):
        origin = typing.get_origin(base) or base
        if isinstance(origin, type) and issubclass(origin, Operation):
            # mypy takes a class for what it is not: only generic ones have parameters.
            parameters = getattr(origin, "__parameters__", ())
            given = dict(zip(parameters, typing.get_args(base), strict=False))
            found.append(_filled_in(_returned(origin), given))
    closed = [value for value in found if not _is_open(value)]
    if any(value != closed[0] for value in closed[1:]):
        raise TypeError(f"{cls.__name__}: its bases return different things: {closed}")
    return (closed or found)[0]


def _filled_in(value: Any, given: dict[Any, Any]) -> Any:
    if isinstance(value, TypeVar):
        return given.get(value, value)
    if not _is_open(value):
        return value
    return value[tuple(given.get(parameter, parameter) for parameter in value.__parameters__)]


def _is_open(value: Any) -> bool:
    if isinstance(value, TypeVar):
        return True
    # A generic class without arguments has parameters too, and is no alias of itself.
    return typing.get_origin(value) is not None and bool(getattr(value, "__parameters__", ()))


_PLANS: dict[type[Any], RequestPlan] = {}
