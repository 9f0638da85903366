"""Orders: reservations turned into bookings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from eguma_async.core.errors import EgumaError
from eguma_async.core.journal import Entry, Intent, LatePolicy, OnRecovered, Recovery
from eguma_async.core.messages import Timeouts
from eguma_async.core.session import Session
from eguma_async.korus.operations import (
    as_tuple,
    pager,
)
from eguma_async.pipeline.pages import Pager

from .order_creation import CreateOrders, finish
from .order_models import BulkOrders, Customer, Order
from .order_operations import (
    GetOrder,
    ListOrders,
)
from .reconciliation import Reconciler, Reconciliation, in_doubt


def either(value: bool, before: bool | None) -> bool:
    """Return an option, or what was passed under the name it had before."""
    return value if before is None else before


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
        reconcile_unknown: bool = False,
        settle_unknown: bool | None = None,
        client_ref: str | None = None,
        book_by: datetime | None = None,
        late: LatePolicy = LatePolicy.DISCOVER,
        timeouts: Timeouts | None = None,
    ) -> BulkOrders:
        """Turn reservations into orders. Take the payment first.

        With a journal it is written down before it leaves, and what came of it when that is known.
        Asked again for the same reservations under the same reference, it looks for the orders
        before it sends anything; `recover` does so after a crash. Cancelling the wait does not end
        it.

        Args:
            reservations: IRIs of reservations that have not expired.
            customer: Who buys.
            external_reference: Your reference, 50 characters at most. Make it unique: it is how
                an order is found again whose response was lost.
            notes: A remark, such as a need for assistance.
            reconcile_unknown: Finish the call if its response is lost: look for the orders after
                2, 5 and 15 seconds, and send again only what is not there. An order that was made
                and then cancelled is there. If the second request is refused and some orders are
                there, what it breaks rules with stands among the failures.
            settle_unknown: The name of `reconcile_unknown` before.
            client_ref: Your own name for this call, the same for every try; made of
                `external_reference` and the reservations if not given. Needs a journal.
            book_by: Until when a recovery may still order, aware; 15 minutes from now if not given.
            late: What a recovery does after that: DISCOVER or CONFIRM. An order cannot be taken
                back.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            ClientRefConflictError: The `client_ref` stands for something else.
            JournalError: The journal cannot be used. Nothing was sent by this call; if its
                `outcome_unknown` is True, an earlier one may have.
            ViolationsError: Nothing was ordered; `expired_reservations` on it tells which
                reservations have expired.
            OutcomeUnknownError: Orders may have been made; `reconcile` finds out. A refusal that
                came after a lost response is its `refusal`: it proves nothing.
            DecodingError: The same, if the response came but cannot be read.
            ResultMismatchError: A reservation was ordered that was not sent.
            InconsistentAnswerError: The response contradicts itself.
        """
        operation = CreateOrders(
            reservations=reservations,
            customer=customer,
            external_reference=external_reference,
            notes=notes,
        )
        del notes  # a traceback that shows variables must not show it
        intent = Intent(client_ref=client_ref, book_by=book_by, late=late)
        began_at = self._session.clock.now()
        try:
            return await self._session.send(operation, timeouts=timeouts, intent=intent)
        except EgumaError as error:
            if not (either(reconcile_unknown, settle_unknown) and in_doubt(error)):
                raise
            doubt = error.with_traceback(None)
        return await finish(
            self._session, operation, began_at, doubt, timeouts=timeouts, intent=intent
        )

    async def recover(
        self,
        *,
        wait: bool = True,
        client_ref: str | None = None,
        on_recovered: OnRecovered | None = None,
    ) -> Recovery:
        """Bring the orders that the journal holds to their end.

        Each is looked for first, by its reference and its reservations, and only what is missing
        is sent again, until its `book_by`.

        Args:
            wait: Wait a minute for a second look, if the lists show nothing: they may lag behind.
            client_ref: Only what was asked for under this reference.
            on_recovered: Called after each entry.

        Raises:
            ConfigurationError: The session has no journal.
            JournalError: The journal cannot be used.
        """
        return await self._session.recover(
            CreateOrders, wait=wait, client_ref=client_ref, on_recovered=on_recovered
        )

    async def entry(self, client_ref: str) -> Entry | None:
        """Return what the journal knows of orders; None if nothing. It sends nothing.

        Raises:
            ConfigurationError: The session has no journal.
            JournalError: The journal cannot be used.
        """
        return await self._session.entry(CreateOrders, client_ref)

    async def reconcile(
        self,
        external_reference: str,
        reservations: Iterable[str],
        *,
        created_at_after: datetime | None = None,
        timeouts: Timeouts | None = None,
    ) -> Reconciliation:
        """Find out which reservations have become orders, after a response was lost.

        It only reads: the list of orders, and each reservation whose order is not in it. An order
        may still be on its way: ask again before you send again.

        Args:
            external_reference: The reference that was sent.
            reservations: IRIs of the reservations that were sent.
            created_at_after: Look at orders made since then, aware; at all if not given.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            InconsistentAnswerError: A reservation has two orders. Look at them at once.
            EgumaError: Something could not be read, so that nothing is known.
        """
        reconciler = Reconciler(self._session, timeouts)
        return await reconciler.look_up(
            external_reference, as_tuple(reservations), created_at_after
        )

    settle = reconcile

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> Order:
        """Read one order, with the IRIs of its tickets.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetOrder(iri=iri), timeouts=timeouts)

    def list(
        self,
        *,
        external_reference: str | None = None,
        created_at_after: datetime | None = None,
        created_at_strictly_after: datetime | None = None,
        created_at_before: datetime | None = None,
        created_at_strictly_before: datetime | None = None,
        order: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> Pager[Order]:
        """List the orders that match all of the given filters.

        The server knows whole seconds: a fraction in a bound makes the list wider, by less than a
        second, never narrower.

        Args:
            external_reference: Exactly this reference.
            created_at_after: At this moment or later, aware.
            created_at_strictly_after: Later than this moment.
            created_at_before: At this moment or earlier.
            created_at_strictly_before: Earlier than this moment.
            order: By the moment of creation, ``"asc"`` or ``"desc"``.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        operation = ListOrders(
            external_reference=external_reference,
            created_at_after=created_at_after,
            created_at_strictly_after=created_at_strictly_after,
            created_at_before=created_at_before,
            created_at_strictly_before=created_at_strictly_before,
            order=order,
        )
        return pager(self._session, operation, timeouts)
