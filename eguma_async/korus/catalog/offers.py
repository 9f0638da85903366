"""Offers: a product with price and availability, for a day or for any."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.fields import LENIENT
from eguma_async.core.messages import Timeouts
from eguma_async.core.operation import IN_PATH_AS_IS, in_query
from eguma_async.core.session import Session
from eguma_async.korus.json_ld import Collection
from eguma_async.korus.operations import (
    GetOperation,
    ListOperation,
    PagedOperation,
    as_tuple,
    id_of,
    ids_of,
    iri,
    optional,
    order_of,
    pager,
)
from eguma_async.pipeline.pages import Pager

from .offer_models import Offer, OfferAvailability, OfferPrice, OfferSession, OfferTicket


@attrs.frozen(kw_only=True)
class OfferPage(Collection[Offer]):
    """One page of offers."""

    member: tuple[Offer, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class OfferTicketPage(Collection[OfferTicket]):
    """One page of tickets."""

    member: tuple[OfferTicket, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class OfferSessionPage(Collection[OfferSession]):
    """One page of sessions."""

    member: tuple[OfferSession, ...] = attrs.field(metadata=LENIENT)


_IS_DAY = optional(checks.calendar_day)
_IS_ID = optional(checks.identifier)


@attrs.frozen(kw_only=True)
class ListOffers(PagedOperation[OfferPage]):
    """List the offers of a catalog.

    Source: ``GET /v1/ticketing/catalogs/{catalogId}/offers``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{catalog}/offers"

    catalog: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)
    products: tuple[str, ...] = attrs.field(
        default=(),
        converter=ids_of,
        validator=attrs.validators.deep_iterable(checks.identifier),
        metadata=in_query("product[]"),
    )
    session: str | None = attrs.field(
        default=None, converter=id_of, validator=_IS_ID, metadata=in_query("session")
    )
    product_base: str | None = attrs.field(
        default=None, converter=id_of, validator=_IS_ID, metadata=in_query("productBaseId")
    )
    option_values: tuple[str, ...] = attrs.field(
        default=(),
        converter=as_tuple,
        validator=attrs.validators.deep_iterable(checks.text),
        metadata=in_query("optionValuesContext[]"),
    )
    date_after: date | None = attrs.field(
        default=None, validator=_IS_DAY, metadata=in_query("date[after]")
    )
    date_strictly_after: date | None = attrs.field(
        default=None, validator=_IS_DAY, metadata=in_query("date[strictly_after]")
    )
    date_before: date | None = attrs.field(
        default=None, validator=_IS_DAY, metadata=in_query("date[before]")
    )
    date_strictly_before: date | None = attrs.field(
        default=None, validator=_IS_DAY, metadata=in_query("date[strictly_before]")
    )
    order: str | None = attrs.field(
        default=None, validator=optional(order_of), metadata=in_query("order[date]")
    )


@attrs.frozen(kw_only=True)
class GetOffer(GetOperation[Offer]):
    """Read one offer.

    Source: ``GET .../offers/{id}``, docs.korusticket.com.
    """


@attrs.frozen(kw_only=True)
class GetOfferPrice(GetOperation[OfferPrice]):
    """Ask for the price of an offer at this moment.

    Source: ``GET .../offers/{id}/price``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{iri}/price"


@attrs.frozen(kw_only=True)
class GetOfferAvailability(GetOperation[OfferAvailability]):
    """Ask for the stock of an offer at this moment.

    Source: ``GET .../offers/{id}/availability``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{iri}/availability"


@attrs.frozen(kw_only=True)
class ListOfferTickets(ListOperation[OfferTicketPage]):
    """List the tickets of an offer.

    Source: ``GET .../offers/{offerId}/tickets``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{offer}/tickets"

    offer: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)


@attrs.frozen(kw_only=True)
class GetOfferTicket(GetOperation[OfferTicket]):
    """Read one ticket of an offer.

    Source: ``GET .../offers/{offerId}/tickets/{id}``, docs.korusticket.com.
    """


@attrs.frozen(kw_only=True)
class ListOfferSessions(ListOperation[OfferSessionPage]):
    """List the sessions of a ticket.

    Source: ``GET .../tickets/{ticketId}/sessions``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{ticket}/sessions"

    ticket: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)


@attrs.frozen(kw_only=True)
class GetOfferSession(GetOperation[OfferSession]):
    """Read one session.

    Source: ``GET .../sessions/{id}``, docs.korusticket.com.
    """


class Offers:
    """``session.offers``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def list(
        self,
        catalog: str,
        *,
        products: Iterable[str] = (),
        session: str | None = None,
        product_base: str | None = None,
        option_values: Iterable[str] = (),
        date_after: date | None = None,
        date_strictly_after: date | None = None,
        date_before: date | None = None,
        date_strictly_before: date | None = None,
        order: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> Pager[Offer]:
        """List the offers of a catalog that match all of the given filters.

        Args:
            catalog: IRI of the catalog.
            products: IRIs or ids of products.
            session: IRI or id of a session.
            product_base: IRI or id of a product base, for newer servers.
            option_values: Passed on as they are; their syntax is not published.
            date_after: This day or later.
            date_strictly_after: Later than this day.
            date_before: This day or earlier.
            date_strictly_before: Earlier than this day.
            order: By date, ``"asc"`` or ``"desc"``.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        operation = ListOffers(
            catalog=catalog,
            products=products,
            session=session,
            product_base=product_base,
            option_values=option_values,
            date_after=date_after,
            date_strictly_after=date_strictly_after,
            date_before=date_before,
            date_strictly_before=date_strictly_before,
            order=order,
        )
        return pager(self._session, operation, timeouts)

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> Offer:
        """Read one offer.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetOffer(iri=iri), timeouts=timeouts)

    async def price(self, iri: str, *, timeouts: Timeouts | None = None) -> OfferPrice:
        """Ask for the price of an offer at this moment."""
        return await self._session.send(GetOfferPrice(iri=iri), timeouts=timeouts)

    async def availability(
        self, iri: str, *, timeouts: Timeouts | None = None
    ) -> OfferAvailability:
        """Ask for the stock of an offer and its sessions at this moment. It holds nothing."""
        return await self._session.send(GetOfferAvailability(iri=iri), timeouts=timeouts)

    def tickets(self, offer: str, *, timeouts: Timeouts | None = None) -> Pager[OfferTicket]:
        """List the tickets of an offer.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(self._session, ListOfferTickets(offer=offer), timeouts)

    async def ticket(self, iri: str, *, timeouts: Timeouts | None = None) -> OfferTicket:
        """Read one ticket of an offer.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetOfferTicket(iri=iri), timeouts=timeouts)

    def sessions(self, ticket: str, *, timeouts: Timeouts | None = None) -> Pager[OfferSession]:
        """List the sessions of a ticket that has no whole-day access.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(self._session, ListOfferSessions(ticket=ticket), timeouts)

    async def session(self, iri: str, *, timeouts: Timeouts | None = None) -> OfferSession:
        """Read one session.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetOfferSession(iri=iri), timeouts=timeouts)
