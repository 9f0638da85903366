"""A copy of the merchant's orders, kept up to date by asking what changed.

What the list of orders leaves open is met here: its times are wall-clock times that repeat in
autumn, its filters take whole seconds, and it has no pages.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from typing import Any, Protocol, TypeGuard

import msgspec

from eguma_async.core.clock import Clock
from eguma_async.core.errors import (
    ConfigurationError,
    DecodingError,
    EgumaError,
    InvalidRequestError,
    NotSentError,
    ServerError,
    StatusError,
    TransportError,
)
from eguma_async.core.http_date import http_date
from eguma_async.core.messages import BodySink, HttpResponse, Timeouts
from eguma_async.core.operation import Operation
from eguma_async.core.splitting import MalformedError, Splitter, TooLargeError, elements_of
from eguma_async.core.zones import zone as zone_of
from eguma_async.eguma.provider import EGUMA
from eguma_async.sync.records import Record, Window
from eguma_async.sync.replica import Replica
from eguma_async.sync.reports import Copied
from eguma_async.sync.rules import SyncRules
from eguma_async.sync.source import Answer, Keep, TooMuchError
from eguma_async.sync.stores.base import ReplicaStore

from .orders import ListOrders, Order, OrderStatus

OrderCopy = Copied[Order]
"""An order as a copy has it."""

EARLIEST = datetime(2010, 1, 1, tzinfo=UTC)
"""There was no e-guma before."""
MAX_BYTES = 32 * 1024 * 1024
"""A window with more than this is halved."""
SLOW = Timeouts(read=300.0, total=900.0)
"""What one second's orders may take that could not be read in another way."""
LONGEST_NAME = 200
_SWITCH = timedelta(hours=2)
_NO_DATE = 86_400.0
_TOO_LARGE = (408, 413)


class OrderSession(Protocol):
    """What a replica needs of a session; `AsyncSession` has it."""

    @property
    def clock(self) -> Clock:
        """The clock the session reads the time from."""
        ...

    async def stream(
        self, operation: Operation[Any], sink: BodySink, /, *, timeouts: Timeouts | None = None
    ) -> HttpResponse:
        """Send a read and let the body of its response flow into a sink."""
        ...


class OrderReplica(Replica[Order]):
    """A copy of all orders of a merchant in a store: a file, or a table of PostgreSQL.

    ::

        async with OrderReplica(session, SQLiteOrders("orders.db")) as replica:
            await replica.sync()
            async for change in replica.follow(interval=30):
                print(change.kind, change.id)

    The copy holds the customers of all orders: keep it as you would keep those.

    Args:
        session: An open `AsyncSession`.
        store: Where the copy is, such as ``SQLiteOrders("orders.db")``.
        zone: Zone of the wall clock that the server writes its times by.
        account: Which merchant it is, if one program copies several. A copy of another is refused.
        rules: How far each round looks back.
        max_bytes: A range of orders that is larger is read in parts.

    Raises:
        ConfigurationError: An argument is malformed.
    """

    def __init__(
        self,
        session: OrderSession,
        store: ReplicaStore,
        *,
        zone: str = "Europe/Zurich",
        account: str = "",
        rules: SyncRules | None = None,
        max_bytes: int = MAX_BYTES,
    ) -> None:
        if not callable(getattr(session, "stream", None)):
            raise ConfigurationError("session must be an AsyncSession")
        if not isinstance(account, str) or not account.isprintable():
            raise ConfigurationError("account must be a printable text")
        if not isinstance(max_bytes, int) or isinstance(max_bytes, bool) or max_bytes < 1:
            raise ConfigurationError("max_bytes must be a whole number above 0")
        super().__init__(OrderSource(session, zone, account, max_bytes), store, rules)

    def orders(self) -> AsyncIterator[OrderCopy]:
        """Yield every order of the copy; those that cannot be read, and missing ones, as well.

        Raises:
            ReplicaError: The store cannot be used.
        """
        return self.records()


class OrderSource:
    """The list of orders as a replica asks for it."""

    def __init__(self, session: OrderSession, zone: str, account: str, max_bytes: int) -> None:
        self._session = session
        self._zone = zone_of(zone)
        self._max_bytes = max_bytes
        self.origin: str = f"the orders of {account or 'one merchant'}, with times of {zone}"
        self.earliest: float = EARLIEST.timestamp()

    @property
    def clock(self) -> Clock:
        """The session's clock."""
        return self._session.clock

    async def ask(self, window: Window, keep: Keep, /, *, whole: bool) -> Answer:
        """Read the orders of a window, and hand them over as they come."""
        began = self.clock.monotonic()
        body = _Elements(
            partial(self._hand_over, keep),
            None if whole else self._max_bytes,
            self.clock.monotonic,
        )
        try:
            response = await self._session.stream(
                _operation(window, self._zone), body, timeouts=SLOW if whole else None
            )
            await body.finish()
        except EgumaError as error:
            if _is_too_much(error):
                raise TooMuchError(error.with_traceback(None)) from None
            # Without the frames below: they hold what came, and so customers.
            raise error.with_traceback(None) from error.__cause__
        seconds = self.clock.monotonic() - began
        is_easy = body.size < self._max_bytes / 4 and seconds < 10
        return Answer(asked_at=self._asked_at(response, body.waited), is_easy=is_easy)

    async def _hand_over(self, keep: Keep, elements: list[bytes]) -> None:
        await keep([self._record(data) for data in elements])

    def read(self, data: bytes, /) -> Order:
        """Return the order that some bytes stand for."""
        return EGUMA.codec.decode(data, Order)

    def _asked_at(self, response: HttpResponse, waited: float) -> float:
        """Return what the server's clock showed when it was asked, or less.

        Its ``Date`` is of the time of its answer, without a fraction of a second: what came in
        between may not be in it. A server without a ``Date`` is taken to be a day behind at most.

        Args:
            response: Its answer.
            waited: Seconds until the answer began to come, or more.
        """
        date = http_date(response.headers.get("date", ""))
        if date is None:
            return self.clock.now().timestamp() - waited - _NO_DATE
        return date.timestamp() - waited

    def _record(self, data: bytes) -> Record:
        try:
            order = self.read(data)
        except DecodingError as error:
            return self._unreadable(data, error.problems)
        if not _is_fit(order.id):
            return self._unreadable(data, ("not fit to be an id @ $.id",))
        earliest, latest = self._readings(order.updated_at)
        return Record(
            id=order.id,
            number=order.order_number if _is_fit(order.order_number) else None,
            earliest=earliest,
            latest=latest,
            is_final=order.status is OrderStatus.CANCELLED,
            data=data,
        )

    def _unreadable(self, data: bytes, problems: tuple[str, ...]) -> Record:
        members = _members(data)
        id_, number = members.get("id"), members.get("order_number")
        earliest, latest = self._readings(_moment(members.get("updated_at")))
        return Record(
            id=id_ if _is_fit(id_) else f"?{hashlib.sha256(data).hexdigest()}",
            number=number if _is_fit(number) else None,
            earliest=earliest,
            latest=latest,
            problems=problems or ("unreadable @ $",),
            data=data,
        )

    def _readings(self, moment: datetime | None) -> tuple[float, float] | tuple[None, None]:
        """Return the two moments a time may mean: in autumn, one hour comes twice."""
        if moment is None:
            return None, None
        both = sorted(_timestamp(moment, self._zone, fold) for fold in (0, 1))
        return both[0], both[1]


class _TooLargeError(EgumaError):
    """The body is larger than what is read at once."""


class _Elements:
    """Takes a list, up to a limit, and hands its elements on, byte for byte.

    Attributes:
        size: Bytes so far.
        waited: Seconds until the first of them came, from when the list was asked for last. How
            long it takes from then on, or how often it was asked for in vain, is no part of it.
    """

    def __init__(
        self,
        hand_over: Callable[[list[bytes]], Awaitable[None]],
        limit: int | None,
        monotonic: Callable[[], float],
    ) -> None:
        self._hand_over = hand_over
        self._limit = limit
        self._monotonic = monotonic
        self.restart()

    def restart(self) -> None:
        """Begin anew: what was handed on may be handed on twice."""
        self.size = 0
        self.waited = 0.0
        self._splitter = Splitter()
        self._asked_at = self._monotonic()

    async def write(self, chunk: bytes, /) -> None:
        """Take the next piece."""
        if not self.size:
            self.waited = self._monotonic() - self._asked_at
        self.size += len(chunk)
        if self._limit is not None and self.size > self._limit:
            raise _TooLargeError("the list of orders is larger than what is read at once")
        await self._take(self._splitter.feed(chunk))

    async def finish(self) -> None:
        """Hand on what is left.

        Raises:
            DecodingError: It was no list, or not a whole one.
        """
        await self._take(self._splitter.finish())
        if not self._splitter.is_found:
            raise _unreadable("no list")

    async def _take(self, batches: Iterator[bytes]) -> None:
        while (elements := _next_elements(batches)) is not None:
            await self._hand_over(elements)


def _next_elements(batches: Iterator[bytes]) -> list[bytes] | None:
    """Return the elements of the next batch; None if there is none yet.

    Raises:
        DecodingError: It is no JSON, or an element is too large.
    """
    try:
        batch = next(batches, None)
        return None if batch is None else [bytes(each) for each in elements_of(batch)]
    except MalformedError:
        problem = None
    except TooLargeError as fault:
        problem = str(fault)
    # Out here: the frames of what was caught hold the answer.
    raise _unreadable(problem or "no valid JSON", malformed=problem is None)


def _unreadable(problem: str, *, malformed: bool = False) -> DecodingError:
    return DecodingError("unreadable response", problems=(f"{problem} @ $",), malformed=malformed)


def _is_too_much(error: EgumaError) -> bool:
    """Tell whether a smaller window might be read: this one is too large, too slow, or refused."""
    if isinstance(error, (NotSentError, DecodingError)):
        return isinstance(error, DecodingError)  # cut off, maybe for its length
    if isinstance(error, StatusError):
        return isinstance(error, (ServerError, InvalidRequestError)) or error.status in _TOO_LARGE
    return isinstance(error, (TransportError, _TooLargeError))


def _is_fit(name: object) -> TypeGuard[str]:
    """Tell whether a text can be the key of a record in any store."""
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME:
        return False
    return "\0" not in name and name[0] != "?"


def _members(data: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        found = None
    return found if isinstance(found, dict) else {}


def _operation(window: Window, zone: tzinfo) -> ListOrders:
    return ListOrders(
        updated_at_after=None if window.start is None else _lower(window.start, zone),
        updated_at_before=None if window.end is None else _upper(window.end, zone),
    )


def _lower(moment: float, zone: tzinfo) -> datetime:
    """Return a wall-clock time that nothing from a moment on is written with less than.

    Where the clock is about to be put back, what comes later may be written with less: an hour
    further back is asked for, in a range of two hours around the switch.
    """
    at = datetime.fromtimestamp(math.floor(moment), UTC)
    return _wall_clock(at, zone) - max(timedelta(), _offset(at, zone) - _offset(at + _SWITCH, zone))


def _upper(moment: float, zone: tzinfo) -> datetime:
    """Return a wall-clock time that nothing before a moment is written with as much as."""
    at = datetime.fromtimestamp(math.ceil(moment), UTC)
    return _wall_clock(at, zone) + max(timedelta(), _offset(at - _SWITCH, zone) - _offset(at, zone))


def _wall_clock(at: datetime, zone: tzinfo) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _timestamp(moment: datetime, zone: tzinfo, fold: int) -> float:
    aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone, fold=fold)
    try:
        return aware.timestamp()
    except (OverflowError, ValueError):  # the ends of the calendar, for "none"
        return moment.replace(tzinfo=UTC).timestamp()


def _moment(text: object) -> datetime | None:
    try:
        return EGUMA.codec.decode(msgspec.json.encode(text), datetime) if text else None
    except DecodingError:
        return None
