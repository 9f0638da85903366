"""From a request to its operation: path, method, token, media types, in this order."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from urllib.parse import unquote

import attrs

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse

from . import ids
from .beneficiaries import Beneficiaries
from .call import ApiCall, Handler, base_url
from .catalogs import Catalogs
from .documents import STORAGE, Documents
from .identity import TOKEN_PATH, Identity
from .negotiation import LD_JSON, MERGE_PATCH, accepts, media_type, preferred_language
from .orders import Orders
from .refusals import InvalidError, RefusedError, error_response, violations_response
from .reservations import Reservations
from .state import State


@attrs.frozen(eq=False)
class Route:
    """The operations at the paths of one form, by method."""

    pattern: re.Pattern[str]
    operations: Mapping[str, Handler]


class Router:
    """Takes every request of the simulated provider.

    Attributes:
        identity: The token endpoint and its tokens.
        reservations: The reservation operations.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.identity = Identity(state)
        self.reservations = Reservations(state)
        self._documents = Documents(state)
        self._routes = _routes(
            Catalogs(state), self.reservations, Orders(state), self._documents, Beneficiaries(state)
        )

    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Process a request in one step and return the answer."""
        self._state.expire()
        path = unquote(request.path).rstrip("/") or "/"
        if path == TOKEN_PATH:
            return self.identity.respond(request)
        if path.startswith(STORAGE):
            return self._documents.download(request, path)
        return self._answer(request, lambda: self._call(request, path))

    def _answer(
        self, request: SandboxRequest, work: Callable[[], SandboxResponse]
    ) -> SandboxResponse:
        try:
            return work()
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
        organization = self.identity.authenticate(request)
        route, parts = self._find(path)
        operation = route.operations.get(request.method)
        if operation is None:
            raise RefusedError(405, "", {"allow": ", ".join(sorted(route.operations))})
        self._check_media_types(request)
        address = base_url(request, self._state.options.public_url)
        return operation(ApiCall(request, organization, path, address, parts))

    def _find(self, path: str) -> tuple[Route, Mapping[str, str]]:
        for route in self._routes:
            found = route.pattern.fullmatch(path)
            if found is not None:
                return route, found.groupdict()
        raise RefusedError(404)

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


def _routes(
    catalogs: Catalogs,
    reservations: Reservations,
    orders: Orders,
    documents: Documents,
    beneficiaries: Beneficiaries,
) -> tuple[Route, ...]:
    catalog, base = _parent(ids.CATALOG_PATTERN), _parent(ids.BASE_PATTERN)
    offer, ticket = _parent(ids.OFFER_PATTERN), _parent(ids.TICKET_PATTERN)
    order = _parent(ids.ORDER_PATTERN)
    table: dict[str, Mapping[str, Handler]] = {
        ids.CATALOGS: {"GET": catalogs.list_catalogs},
        f"{catalog}/product_bases": {"GET": catalogs.list_bases},
        f"{base}/options": {"GET": catalogs.list_options},
        rf"{base}/options/(?P<code>[^/]+)/values": {"GET": catalogs.list_option_values},
        f"{catalog}/products": {"GET": catalogs.list_products},
        f"{base}/products": {"GET": catalogs.list_base_products},
        f"{catalog}/offers": {"GET": catalogs.list_offers},
        f"{offer}/price": {"GET": catalogs.get_price},
        f"{offer}/availability": {"GET": catalogs.get_availability},
        f"{offer}/tickets": {"GET": catalogs.list_tickets},
        f"{ticket}/sessions": {"GET": catalogs.list_sessions},
        ids.RESERVATIONS: {"GET": reservations.list_reservations},
        f"{ids.RESERVATIONS}/_bulk": {"POST": reservations.create},
        ids.RESERVATION_PATTERN: {"GET": reservations.get},
        ids.ORDERS: {"GET": orders.list_orders},
        f"{ids.ORDERS}/_bulk": {"POST": orders.create},
        ids.ORDER_PATTERN: {"GET": orders.get},
        f"{order}/documents": {"GET": documents.list_documents},
        ids.DOCUMENT_PATTERN: {"GET": documents.get, "PATCH": documents.update},
        ids.ORDER_TICKET_PATTERN: {"GET": beneficiaries.get, "PATCH": beneficiaries.update},
    }
    single = (
        ids.CATALOG_PATTERN,
        ids.BASE_PATTERN,
        ids.PRODUCT_PATTERN,
        ids.OFFER_PATTERN,
        ids.TICKET_PATTERN,
        ids.SESSION_PATTERN,
    )
    table |= {pattern: {"GET": catalogs.get} for pattern in single}
    return tuple(Route(re.compile(form), operations) for form, operations in table.items())


def _parent(pattern: str) -> str:
    return f"(?P<parent>{pattern})"
