"""The records of the catalogs as JSON."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from .call import KorusCall
from .catalog import Catalog, Offer, OfferTicket, Product, ProductBase, TicketSession
from .options import BodyFormat
from .state import CatalogRecord, State

OPTION_NAMES = {
    "seating_category": {"fr": "Catégorie", "en": "Category"},
    "zone": {"fr": "Zone", "en": "Zone"},
    "price_type": {"fr": "Tarif", "en": "Price type"},
    "days_count": {"fr": "Nombre de jours", "en": "Number of days"},
}
"""The four codes that exist."""


def money(amount: Decimal) -> str:
    """Return an amount as the API writes it: a text with two decimals."""
    return f"{amount:.2f}"


def stamp(moment: datetime | None) -> str | None:
    """Return an instant as the API writes it: whole seconds and a numeric offset."""
    return None if moment is None else moment.isoformat(timespec="seconds")


class CatalogViews:
    """Shows catalog records in the shape of the chosen generation."""

    def __init__(self, state: State) -> None:
        self._state = state

    @property
    def _format(self) -> BodyFormat:
        return self._state.options.body_format

    def show(self, call: KorusCall, record: CatalogRecord) -> dict[str, Any]:
        """Show a record as a member of a list."""
        match record:
            case Catalog():
                return self._catalog(record)
            case ProductBase():
                return self._base(call, record)
            case Product():
                return self._product(call, record)
            case Offer():
                return self._offer(call, record)
            case OfferTicket():
                return self._ticket(call, record)
            case TicketSession():
                return self._session(record)

    def item(self, call: KorusCall, record: CatalogRecord) -> dict[str, Any]:
        """Show a record as a response of its own."""
        members = self.show(call, record)
        return {"@context": f"/contexts/{members['@type']}", **members}

    def option(self, call: KorusCall, base: ProductBase, code: str) -> dict[str, Any]:
        """Show an option of a product base."""
        return {
            "@id": f"{base.iri}/options/{code}",
            "@type": "TicketingProductBaseOption",
            "code": code,
            "name": call.text(OPTION_NAMES[code]),
        }

    def option_value(
        self, call: KorusCall, base: ProductBase, code: str, value: str
    ) -> dict[str, Any]:
        """Show one value of an option."""
        return {
            "@id": f"{base.iri}/options/{code}/values/{value}",
            "@type": "TicketingProductBaseOptionValue",
            "code": code,
            "name": call.text(base.options[code][value]),
            "value": value,
        }

    def price(self, offer: Offer) -> dict[str, Any]:
        """Show what an offer costs now."""
        return {
            "@context": "/contexts/TicketingOfferPrice",
            "@id": f"{offer.iri}/price",
            "@type": "TicketingOfferPrice",
            "amountInclTax": money(offer.price),
            "amountExclTax": money(offer.amount_without_tax) if offer.quotes_tax else None,
            "currency": "eur",
        }

    def availability(self, offer: Offer) -> dict[str, Any]:
        """Show what is left of an offer and of its sessions now."""
        body: dict[str, Any] = {
            "@context": "/contexts/TicketingOfferAvailability",
            "@id": f"{offer.iri}/availability",
            "@type": "TicketingOfferAvailability",
            "availableQuantity": offer.available,
        }
        if self._format.catalog_details:
            body["sessionsAvailability"] = [
                {
                    "@id": self._state.genid(),
                    "@type": "TicketingOfferSessionAvailability",
                    "session": session.iri,
                    "availableQuantity": session.available,
                }
                for ticket in offer.tickets
                for session in ticket.sessions
            ]
        return body

    def _catalog(self, catalog: Catalog) -> dict[str, Any]:
        members = {
            **_head(catalog, "TicketingCatalog"),
            "createdAt": stamp(catalog.created_at),
            "name": catalog.name,
        }
        if self._format.catalog_details:
            midnight = self._state.now().replace(hour=0, minute=0, second=0)
            members["lastSyncedAt"] = stamp(midnight)
        return members

    def _base(self, call: KorusCall, base: ProductBase) -> dict[str, Any]:
        members = {
            **_head(base, "TicketingProductBase"),
            "name": call.text(base.name),
            "disabled": base.disabled,
        }
        if self._format.catalog_details:
            members |= {
                "description": f"<p>{call.text(base.description)}</p>",
                "shortDescription": f"<p>{call.text(base.name)}</p>",
                "termsOfUse": None,
                "useSession": base.use_session,
                "timezone": "Europe/Paris",
                "recurring": base.recurring,
                "beneficiaryInfoMayBeRequired": base.asks_names,
                "instantDocumentDelivery": not base.document_delay,
                "maxAmountPerOrder": base.maximum,
                "universe": base.universe,
                "venue": base.venue,
                "medias": {"logo": None, "gallery": []},
            }
        return members

    def _product(self, call: KorusCall, product: Product) -> dict[str, Any]:
        return {
            **_head(product, "TicketingProduct"),
            "name": call.text(product.name),
            "description": f"<span>{call.text(product.description)}</span>",
            "disabled": product.disabled,
        }

    def _offer(self, call: KorusCall, offer: Offer) -> dict[str, Any]:
        original = offer.original_price
        return {
            **_head(offer, "TicketingOffer"),
            "date": None if offer.date is None else offer.date.isoformat(),
            "availabilityCheckRequired": offer.availability_check,
            "realtimePriceRequired": offer.listed_price is not None,
            "price": {
                "@type": "TicketingOfferListPrice",
                "@id": self._state.genid(),
                "amountInclTax": money(offer.listed_price or offer.price),
                "originalAmountInclTax": None if original is None else money(original),
                "currency": "eur",
            },
            "product": self._product(call, offer.product),
            "tickets": [self._ticket(call, ticket) for ticket in offer.tickets],
            "availableQuantity": offer.available,
        }

    def _ticket(self, call: KorusCall, ticket: OfferTicket) -> dict[str, Any]:
        members = {
            **_head(ticket, "TicketingOfferTicket"),
            "name": call.text(ticket.name),
            "description": call.text(ticket.description),
            "dateAccess": ticket.whole_day,
        }
        if self._format.form:
            members["form"] = None
        return members

    def _session(self, session: TicketSession) -> dict[str, Any]:
        return {
            **_head(session, "TicketingOfferTicketSession"),
            "occursAt": stamp(session.occurs_at),
            "availableQuantity": session.available,
        }


def _head(record: CatalogRecord, type_name: str) -> dict[str, Any]:
    return {"@id": record.iri, "@type": type_name, "id": record.id}
