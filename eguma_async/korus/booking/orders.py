"""Orders: reservations turned into bookings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from eguma_async.core.errors import EgumaError
from eguma_async.core.session import Session
from eguma_async.korus.operations import as_tuple, pager
from eguma_async.pipeline.pages import Pager

from .order_models import BulkOrders, Customer, Order
from .order_operations import CreateOrders, GetOrder, ListOrders
from .settling import Settlement, finish, in_doubt, look_up


class Orders:
    """``session.orders``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def create(
        self,
        reservations: Iterable[str],
        customer: Customer,
        external_reference: str,
        *,
        notes: str | None = None,
        settle_unknown: bool = False,
    ) -> BulkOrders:
        """Turn reservations into orders. Take the payment first.

        Args:
            reservations: IRIs of reservations that have not expired.
            customer: Who buys.
            external_reference: Your reference, 50 characters at most. Make it unique: it is how
                an order is found again whose answer was lost.
            notes: A remark, such as a need for assistance.
            settle_unknown: Finish the call if its answer is lost: look for the orders after 2, 5
                and 15 seconds, and send again only what is not there. An order that was made and
                then cancelled is there. If the second request is refused and some orders are
                there, what it breaks rules with stands among the failures.

        Raises:
            ViolationsError: Nothing was ordered; `expired_reservations` on it tells which
                reservations have expired.
            OutcomeUnknownError: Orders may have been made; `settle` finds out. A refusal that came
                after a lost answer is its `refusal`: it proves nothing.
            DecodingError: The same, if the answer came but cannot be read.
            InconsistentAnswerError: The answer contradicts itself.
        """
        operation = CreateOrders(
            reservations=reservations,
            customer=customer,
            external_reference=external_reference,
            notes=notes,
        )
        began_at = self._session.clock.now()
        try:
            return await self._session.send(operation)
        except EgumaError as error:
            if not (settle_unknown and in_doubt(error)):
                raise
            doubt = error.with_traceback(None)
        return await finish(self._session, operation, began_at, doubt)

    async def settle(
        self,
        external_reference: str,
        reservations: Iterable[str],
        *,
        created_at_after: datetime | None = None,
    ) -> Settlement:
        """Find out which reservations have become orders, after an answer was lost.

        It only reads: the list of orders, and each reservation whose order is not in it. An order
        may still be on its way: ask again before you send again.

        Args:
            external_reference: The reference that was sent.
            reservations: IRIs of the reservations that were sent.
            created_at_after: Look at orders made since then, aware; at all if not given.

        Raises:
            InconsistentAnswerError: A reservation has two orders. Look at them at once.
            EgumaError: Something could not be read, so that nothing is known.
        """
        return await look_up(
            self._session, external_reference, as_tuple(reservations), created_at_after
        )

    async def get(self, iri: str) -> Order:
        """Read one order, with the IRIs of its tickets."""
        return await self._session.send(GetOrder(iri=iri))

    def list(
        self,
        *,
        external_reference: str | None = None,
        created_at_after: datetime | None = None,
        created_at_strictly_after: datetime | None = None,
        created_at_before: datetime | None = None,
        created_at_strictly_before: datetime | None = None,
        order: str | None = None,
    ) -> Pager[Order]:
        """List the orders that match all of the given filters.

        Args:
            external_reference: Exactly this reference.
            created_at_after: At this moment or later, aware.
            created_at_strictly_after: Later than this moment.
            created_at_before: At this moment or earlier.
            created_at_strictly_before: Earlier than this moment.
            order: By the moment of creation, ``"asc"`` or ``"desc"``.
        """
        operation = ListOrders(
            external_reference=external_reference,
            created_at_after=created_at_after,
            created_at_strictly_after=created_at_strictly_after,
            created_at_before=created_at_before,
            created_at_strictly_before=created_at_strictly_before,
            order=order,
        )
        return pager(self._session, operation)
