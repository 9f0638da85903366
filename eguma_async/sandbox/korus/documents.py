"""The documents of an order: what the API says of them, and the storage behind their links."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from urllib.parse import urlencode

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse, text_response

from . import ids
from .call import KorusCall, ld_response
from .catalog_views import stamp
from .lookups import named_in_path
from .pages import collection
from .pdf import text_pdf
from .refusals import RefusedError
from .sales import Document, Order, OrderTicket
from .sales_views import BookingViews
from .state import State

STORAGE = "/_documents/"
TITLES = {"fr": "Billets", "en": "Tickets", "de": "Eintrittskarten"}

_FILE = re.compile(
    f"{STORAGE}(?P<order>{ids.UUID_PATTERN})/(?P<document>{ids.UUID_PATTERN})"
    r"/(?P<nonce>[0-9a-f]{32})/tickets-(?P<language>[a-z]{2})\.pdf"
)


class Documents:
    """Hands out signed links to documents, and the files behind the links."""

    def __init__(self, state: State) -> None:
        self._state = state
        self._views = BookingViews(state)
        self._key = state.random.randbytes(32)

    def list_documents(self, call: KorusCall) -> SandboxResponse:
        """List the documents of an order, all on one page."""
        order = named_in_path(self._state, call, Order, call.parent)
        type_name = "BookingOrderDocument"
        return ld_response(
            collection(call, type_name, order.documents, self._views.document, paged=False)
        )

    def get(self, call: KorusCall) -> SandboxResponse:
        """Return what is known of one document."""
        document = self._find(call)
        shown = self._views.document(document)
        return ld_response({"@context": "/contexts/BookingOrderDocument", **shown})

    def update(self, call: KorusCall) -> SandboxResponse:
        """Make a new link to the file, in the wanted language if the catalog has it."""
        document = self._find(call)
        call.json_object()
        self._check_ready(document.order)
        language = call.language_of(document.order.catalog.languages)
        return ld_response(
            {
                "@context": "/contexts/BookingOrderDocument",
                "@id": document.iri,
                "@type": "BookingOrderDocument",
                "id": document.id,
                "temporaryUrl": call.origin + self._link(document, language),
                "cachedLanguage": language,
            }
        )

    def download(self, request: SandboxRequest, path: str) -> SandboxResponse:
        """Return the file behind a signed link; no token is needed, and none is taken."""
        if request.method not in {"GET", "HEAD"}:
            return _storage_error(405, "MethodNotAllowed")
        if "authorization" in request.headers:
            return _storage_error(400, "InvalidArgument")
        found = _FILE.fullmatch(path)
        iri = f"{ids.ORDERS}/{found['order']}/documents/{found['document']}" if found else ""
        document = self._state.find(iri)
        if found is None or not isinstance(document, Document):
            return _storage_error(404, "NoSuchKey")
        expires, signature = request.parameter("Expires") or "", request.parameter("Signature")
        wanted = self._signature(path, expires)
        if not hmac.compare_digest(wanted.encode(), (signature or "").encode()):
            return _storage_error(403, "SignatureDoesNotMatch")
        if int(expires) <= self._state.now().timestamp():
            return _storage_error(self._state.options.expired_link_status, "ExpiredToken")
        headers = {"content-type": "application/pdf", "cache-control": "private, max-age=0"}
        return SandboxResponse(200, headers, _tickets_pdf(document.order, found["language"]))

    def _find(self, call: KorusCall) -> Document:
        return named_in_path(self._state, call, Document, call.path)

    def _check_ready(self, order: Order) -> None:
        ready = order.documents_from
        if ready is None:
            detail = "The document waits for the beneficiaries of the tickets."
            raise RefusedError(self._state.options.not_ready_status, detail)
        if self._state.now() < ready:
            detail = f"The document can be downloaded from {stamp(ready)}."
            raise RefusedError(self._state.options.not_ready_status, detail)

    def _link(self, document: Document, language: str) -> str:
        nonce = f"{self._state.random.getrandbits(128):032x}"
        path = f"{STORAGE}{document.order.id}/{document.id}/{nonce}/tickets-{language}.pdf"
        until = self._state.now() + timedelta(seconds=self._state.options.link_seconds)
        expires = str(int(until.timestamp()))
        query = {
            "GoogleAccessId": "documents@sandbox.invalid",
            "Expires": expires,
            "Signature": self._signature(path, expires),
        }
        return f"{path}?{urlencode(query)}"

    def _signature(self, path: str, expires: str) -> str:
        return hmac.new(self._key, f"{path}\n{expires}".encode(), hashlib.sha256).hexdigest()


def _tickets_pdf(order: Order, language: str) -> bytes:
    lines = [f"{TITLES[language]} - {order.reference}", ""]
    lines += [_ticket_line(ticket, language) for ticket in order.tickets]
    return text_pdf(lines)


def _ticket_line(ticket: OrderTicket, language: str) -> str:
    offered, session = ticket.chosen.ticket, ticket.chosen.session
    name = offered.name.get(language, offered.name["fr"])
    moment = (
        session.occurs_at.strftime("%Y-%m-%d %H:%M") if session else str(ticket.item.date or "")
    )
    return "  ".join(part for part in (name, moment, ticket.voucher or "") if part)


def _storage_error(status: int, code: str) -> SandboxResponse:
    text = f"<?xml version='1.0' encoding='UTF-8'?><Error><Code>{code}</Code></Error>"
    return text_response(status, text, "application/xml; charset=UTF-8")
