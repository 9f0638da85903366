"""From a request to its operation: path, method, token, media types, in this order."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import unquote

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse
from eguma_async.sandbox.engine.routing import Endpoint, Routes

from . import ids
from .beneficiaries import Beneficiaries
from .call import KorusCall
from .catalogs import Catalogs
from .documents import STORAGE, Documents
from .identity import TOKEN_PATH, Identity
from .negotiation import LD_JSON, MERGE_PATCH, accepts, media_type, preferred_language
from .orders import Orders
from .refusals import InvalidError, RefusedError, error_response, violations_response
from .reservations import Reservations
from .state import State

_CATALOG = f"{ids.CATALOGS}/{{catalog}}"
_BASE = f"{_CATALOG}/product_bases/{{base}}"
_OFFER = f"{_CATALOG}/offers/{{offer}}"
_TICKET = f"{_OFFER}/tickets/{{ticket}}"
_ORDER = f"{ids.ORDERS}/{{order}}"
_DOCUMENT = f"{_ORDER}/documents/{{document}}"
_ORDER_TICKET = f"{_ORDER}/items/{{item}}/tickets/{{ticket}}"


class Router:
    """Takes every request of the simulated provider."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._identity = Identity(state)
        self._documents = Documents(state)
        self._routes = Routes(
            [
                *_catalog_endpoints(Catalogs(state)),
                *_booking_endpoints(Reservations(state), Orders(state)),
                *_delivery_endpoints(self._documents, Beneficiaries(state)),
            ]
        )

    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Process a request in one step and return the response."""
        self._state.expire()
        path = unquote(request.path).rstrip("/") or "/"
        if path == TOKEN_PATH:
            return self._identity.respond(request)
        if path.startswith(STORAGE):
            return self._documents.download(request, path)
        return self._answer(request, lambda: self._call(request, path))

    def _answer(
        self, request: SandboxRequest, process: Callable[[], SandboxResponse]
    ) -> SandboxResponse:
        try:
            return process()
        except RefusedError as error:
            return error_response(error.status, error.detail, error.headers)
        except InvalidError as error:
            wanted = request.headers.get("accept-language")
            language = preferred_language(wanted, ("fr", "en"), "fr")
            type_name = self._state.options.violation_type
            return violations_response(error.violations, language, type_name)

    def _call(self, request: SandboxRequest, path: str) -> SandboxResponse:
        if not path.startswith("/v1/"):
            raise RefusedError(404)
        organization = self._identity.authenticate(request)
        match = self._routes.find(path)
        if match is None:
            raise RefusedError(404)
        endpoint = match.endpoints.get(request.method)
        if endpoint is None:
            raise RefusedError(405, "", {"allow": ", ".join(sorted(match.endpoints))})
        self._check_media_types(request)
        origin = request.origin or self._state.options.public_url
        return endpoint.handler(KorusCall(request, organization, path, origin, parts=match.parts))

    def _check_media_types(self, request: SandboxRequest) -> None:
        if not accepts(request.headers.get("accept"), LD_JSON):
            raise RefusedError(406, f'Requested format is not supported. Use "{LD_JSON}".')
        expected = {"POST": LD_JSON, "PATCH": MERGE_PATCH}.get(request.method)
        sent = media_type(request.headers.get("content-type"))
        lax = request.method == "POST" and not self._state.options.strict_content_type
        if expected is not None and sent != expected and not lax:
            raise RefusedError(
                415,
                f'The content-type "{sent}" is not supported.'
                f' Supported MIME types are "{expected}".',
            )


def _catalog_endpoints(catalogs: Catalogs) -> list[Endpoint[KorusCall]]:
    lists = {
        ids.CATALOGS: catalogs.list_catalogs,
        f"{_CATALOG}/product_bases": catalogs.list_bases,
        f"{_BASE}/options": catalogs.list_options,
        f"{_BASE}/options/{{code}}/values": catalogs.list_option_values,
        f"{_CATALOG}/products": catalogs.list_products,
        f"{_BASE}/products": catalogs.list_base_products,
        f"{_CATALOG}/offers": catalogs.list_offers,
        f"{_OFFER}/price": catalogs.get_price,
        f"{_OFFER}/availability": catalogs.get_availability,
        f"{_OFFER}/tickets": catalogs.list_tickets,
        f"{_TICKET}/sessions": catalogs.list_sessions,
    }
    records = (
        _CATALOG,
        _BASE,
        f"{_CATALOG}/products/{{product}}",
        _OFFER,
        _TICKET,
        f"{_TICKET}/sessions/{{session}}",
    )
    table = {**lists, **dict.fromkeys(records, catalogs.get)}
    return [Endpoint("GET", path, handler) for path, handler in table.items()]


def _booking_endpoints(reservations: Reservations, orders: Orders) -> list[Endpoint[KorusCall]]:
    return [
        Endpoint("GET", ids.RESERVATIONS, reservations.list_reservations),
        Endpoint("POST", f"{ids.RESERVATIONS}/_bulk", reservations.create),
        Endpoint("GET", f"{ids.RESERVATIONS}/{{reservation}}", reservations.get),
        Endpoint("GET", ids.ORDERS, orders.list_orders),
        Endpoint("POST", f"{ids.ORDERS}/_bulk", orders.create),
        Endpoint("GET", _ORDER, orders.get),
    ]


def _delivery_endpoints(
    documents: Documents, beneficiaries: Beneficiaries
) -> list[Endpoint[KorusCall]]:
    return [
        Endpoint("GET", f"{_ORDER}/documents", documents.list_documents),
        Endpoint("GET", _DOCUMENT, documents.get),
        Endpoint("PATCH", _DOCUMENT, documents.update),
        Endpoint("GET", _ORDER_TICKET, beneficiaries.get),
        Endpoint("PATCH", _ORDER_TICKET, beneficiaries.update),
    ]
