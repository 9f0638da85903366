"""The catalog operations: lists with their filters, single records, price and availability."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from eguma_async.sandbox.engine.messages import SandboxResponse

from . import ids
from .call import KorusCall, ld_response
from .catalog import Catalog, Offer, OfferTicket, ProductBase, TicketSession
from .catalog_views import OPTION_NAMES, CatalogViews
from .lookups import named_in_path
from .pages import RANGE_OPERATORS, collection, in_range, ordered
from .refusals import RefusedError
from .state import CatalogRecord, State

R = TypeVar("R", bound=CatalogRecord)

OFFER_FILTERS = (
    "order[date]",
    *(f"date[{operator}]" for operator in RANGE_OPERATORS),
    "product[]",
    "session",
    "productBaseId",
    "optionValuesContext[]",
)


class Catalogs:
    """Answers what is asked about the catalogs of an organization."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._views = CatalogViews(state)

    def list_catalogs(self, call: KorusCall) -> SandboxResponse:
        """List the catalogs open to the organization."""
        allowed = call.caller.catalogs
        mine = [catalog for catalog in self._state.catalogs if catalog.id in allowed]
        listed = ordered(call, mine, "createdAt", lambda catalog: catalog.created_at)
        return self._list(call, "TicketingCatalog", listed, filters=("order[createdAt]",))

    def list_bases(self, call: KorusCall) -> SandboxResponse:
        """List product bases; disabled ones only with ``withDisabled=true``."""
        catalog = self._parent(call, Catalog)
        with_disabled = call.values("withDisabled")[-1:] == ["true"]
        shown = [base for base in catalog.bases if with_disabled or not base.disabled]
        return self._list(call, "TicketingProductBase", shown, filters=("withDisabled",))

    def list_options(self, call: KorusCall) -> SandboxResponse:
        """List the options a product base has."""
        base = self._parent(call, ProductBase)
        type_name = "TicketingProductBaseOption"
        return ld_response(
            collection(
                call, type_name, list(base.options), lambda c: self._views.option(call, base, c)
            )
        )

    def list_option_values(self, call: KorusCall) -> SandboxResponse:
        """List the values of one option."""
        base, code = self._parent(call, ProductBase), call.parts["code"]
        if code not in OPTION_NAMES:
            raise RefusedError(404)
        values = list(base.options.get(code, ()))
        type_name = "TicketingProductBaseOptionValue"
        return ld_response(
            collection(
                call, type_name, values, lambda v: self._views.option_value(call, base, code, v)
            )
        )

    def list_products(self, call: KorusCall) -> SandboxResponse:
        """List the products of a catalog."""
        return self._list(call, "TicketingProduct", self._parent(call, Catalog).products)

    def list_base_products(self, call: KorusCall) -> SandboxResponse:
        """List the products of a product base."""
        return self._list(call, "TicketingProduct", self._parent(call, ProductBase).products)

    def list_offers(self, call: KorusCall) -> SandboxResponse:
        """List the offers of a catalog that pass all filters, ordered by date if asked."""
        offers = in_range(call, self._parent(call, Catalog).offers, "date", lambda o: o.date)
        passing = (offer for offer in offers if _passes(call, offer))
        listed = ordered(call, passing, "date", lambda offer: offer.date)
        return self._list(call, "TicketingOffer", listed, filters=OFFER_FILTERS)

    def list_tickets(self, call: KorusCall) -> SandboxResponse:
        """List the tickets of an offer, all on one page."""
        return self._list(
            call, "TicketingOfferTicket", self._parent(call, Offer).tickets, paged=False
        )

    def list_sessions(self, call: KorusCall) -> SandboxResponse:
        """List the sessions of an offer ticket."""
        sessions = self._parent(call, OfferTicket).sessions
        return self._list(call, "TicketingOfferTicketSession", sessions)

    def get(self, call: KorusCall) -> SandboxResponse:
        """Return the record at the path."""
        record = self._state.find(call.path)
        if not isinstance(record, CatalogRecord):
            raise RefusedError(404)
        self._state.check_access(record, call.caller)
        return ld_response(self._views.item(call, record))

    def get_price(self, call: KorusCall) -> SandboxResponse:
        """Return what an offer costs now."""
        return ld_response(self._views.price(self._parent(call, Offer)))

    def get_availability(self, call: KorusCall) -> SandboxResponse:
        """Return what is left of an offer now."""
        return ld_response(self._views.availability(self._parent(call, Offer)))

    def _list(
        self,
        call: KorusCall,
        type_name: str,
        members: Sequence[CatalogRecord],
        *,
        filters: Sequence[str] = (),
        paged: bool = True,
    ) -> SandboxResponse:
        def show(record: CatalogRecord) -> dict[str, object]:
            return self._views.show(call, record)

        return ld_response(collection(call, type_name, members, show, filters=filters, paged=paged))

    def _parent(self, call: KorusCall, kind: type[R]) -> R:
        return named_in_path(self._state, call, kind, call.parent)


def _passes(call: KorusCall, offer: Offer) -> bool:
    checks = (
        ("product[]", {offer.product.id}),
        ("session", {session.id for session in _sessions(offer)}),
        ("productBaseId", {offer.product.base.id}),
        ("optionValuesContext[]", offer.product.option_values),
    )
    return all(_allows(call.values(name), found) for name, found in checks)


def _allows(wanted: Sequence[str], found: Iterable[str]) -> bool:
    return not wanted or not {ids.last_segment(value) for value in wanted}.isdisjoint(found)


def _sessions(offer: Offer) -> list[TicketSession]:
    return [session for ticket in offer.tickets for session in ticket.sessions]
