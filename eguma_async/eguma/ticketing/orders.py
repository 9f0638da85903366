"""Orders: what was sold, by this API and elsewhere."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.listing import Listing, refuse_unreadable
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import Operation, ResponseContext, in_query
from eguma_async.eguma.checks import naive_instant
from eguma_async.eguma.merchant_time import lower_bound, upper_bound

from .matching import member, only
from .order_models import (
    CustomerTitle,
    Order,
    OrderCustomer,
    OrderLine,
    OrderLocation,
    OrderStatus,
    OrderTicket,
    Payment,
    TicketAnswer,
)

if TYPE_CHECKING:
    from eguma_async.core.session import ElementStream, Session

__all__ = [
    "CustomerTitle",
    "ListOrders",
    "Order",
    "OrderCustomer",
    "OrderLine",
    "OrderLocation",
    "OrderStatus",
    "OrderTicket",
    "Orders",
    "Payment",
    "TicketAnswer",
]


def _lower(bound: Any) -> Any:
    return lower_bound(bound) if _is_naive(bound) else bound


def _upper(bound: Any) -> Any:
    return upper_bound(bound) if _is_naive(bound) else bound


def _is_naive(bound: object) -> bool:
    return isinstance(bound, datetime) and bound.tzinfo is None


@attrs.frozen(kw_only=True)
class ListOrders(Operation[Listing[Order]]):
    """List the merchant's ticket orders.

    Both bounds are widened so that nothing is lost: to whole seconds, which is all the API takes,
    and to the end of the hour that autumn repeats, of which a time without zone does not tell the
    one from the other.

    Source: article "List of Ticket-Orders" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/orders.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    updated_at_after: datetime | None = attrs.field(
        default=None,
        converter=_lower,
        validator=attrs.validators.optional(naive_instant),
        metadata=in_query("updated_at_after"),
    )
    updated_at_before: datetime | None = attrs.field(
        default=None,
        converter=_upper,
        validator=attrs.validators.optional(naive_instant),
        metadata=in_query("updated_at_before"),
    )
    order_number: str | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(checks.text),
        metadata=in_query("order_number"),
    )
    last_name: str | None = attrs.field(
        default=None,
        repr=False,
        validator=attrs.validators.optional(checks.text),
        metadata=in_query("last_name"),
    )

    def complete(self, value: Listing[Order], context: ResponseContext, /) -> Listing[Order]:
        """Leave out orders of other numbers: the one that is left is the one to be cancelled.

        The other filters are the server's to interpret: it does not say in which zone it keeps
        its times, nor which of an order's persons it looks at. Too many orders do no harm there.
        """
        refuse_unreadable(value, "$")
        return self.sift(value)

    def sift(self, elements: Listing[Order], /) -> Listing[Order]:
        """Do the same with a part of the list."""
        number = self.order_number
        if number is None:
            return elements
        return only(
            elements,
            lambda order: _same_number(order.order_number, number),
            lambda raw: _same_number(member(raw, "order_number"), number),
        )


def _same_number(found: object, asked: str) -> bool:
    """Tell whether an order number may be the one asked for; one that is missing may."""
    return found is None or str(found).strip().casefold() == asked.strip().casefold()


class Orders:
    """``session.ticketing.orders``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(
        self,
        *,
        updated_at_after: datetime | None = None,
        updated_at_before: datetime | None = None,
        order_number: str | None = None,
        last_name: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> Listing[Order]:
        """List the orders that match all of the given filters. There are no pages.

        An order that cannot be read does not hide the others: it is in ``unreadable`` of the
        result, to be looked at before concluding that an order is not there.

        Whoever polls with the highest `updated_at` seen meets some orders again, and in the hour
        that autumn repeats all of that hour: tell them apart by `Order.id`.

        Args:
            updated_at_after: Changed at this moment or later; wall-clock time without zone. It is
                rounded down to whole seconds, and to the earlier reading where the clocks change.
            updated_at_before: Changed before this moment; rounded up likewise.
            order_number: Exactly this number.
            last_name: Exactly this last name, upper and lower case told apart.
            timeouts: Limits of each attempt of this call.

        Raises:
            ConfigurationError: A moment has a time zone, or a text is empty.
            DecodingError: None of the orders can be read.
        """
        operation = ListOrders(
            updated_at_after=updated_at_after,
            updated_at_before=updated_at_before,
            order_number=order_number,
            last_name=last_name,
        )
        del last_name  # a traceback that shows variables would show it
        return await self._session.send(operation, timeouts=timeouts)

    def stream(
        self,
        *,
        updated_at_after: datetime | None = None,
        updated_at_before: datetime | None = None,
        order_number: str | None = None,
        last_name: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> ElementStream[Order]:
        """Read the orders that `list` would return one by one, however many there are.

        ::

            async for order in session.ticketing.orders.stream(updated_at_after=since):
                ...

        The memory it takes does not grow with their number, and the server waits for the reader.
        Each ``async for`` asks anew; a request that fails is sent again as long as nothing was
        handed on.

        Args:
            updated_at_after: As for `list`.
            updated_at_before: As for `list`.
            order_number: As for `list`.
            last_name: As for `list`.
            timeouts: Limits of each attempt; by default the session's, but an hour in total, since
                the reader's own time counts too.

        Raises:
            ConfigurationError: As for `list`.
        """
        operation = ListOrders(
            updated_at_after=updated_at_after,
            updated_at_before=updated_at_before,
            order_number=order_number,
            last_name=last_name,
        )
        del last_name  # as above
        return self._session.elements(operation, timeouts=timeouts)
