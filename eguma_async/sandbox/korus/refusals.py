"""Refusals: the two error bodies of the API, and the constraints a 422 can name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from http import HTTPStatus

import attrs

from eguma_async.sandbox.engine.messages import SandboxResponse, encode_json

PROBLEM_TYPE = "application/problem+json; charset=utf-8"
ERROR_LINK = '</contexts/Error>; rel="http://www.w3.org/ns/json-ld#error"'
TITLE = "An error occurred"


class RefusedError(Exception):
    """The request is answered with an error of the plain shape."""

    def __init__(
        self, status: int, detail: str = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.detail: str = detail or phrase(status)
        self.headers: dict[str, str] = dict(headers or {})


@attrs.frozen
class Constraint:
    """A rule that a request can break: its stable code, and its text in two languages."""

    code: str
    fr: str
    en: str

    def text(self, language: str) -> str:
        """Return the message in French or English."""
        return self.en if language == "en" else self.fr


@attrs.frozen
class Violation:
    """One broken rule, at a path into the request's body."""

    path: str
    constraint: Constraint


class InvalidError(Exception):
    """The request breaks rules and is answered with 422; nothing was done."""

    def __init__(self, violations: Sequence[Violation]) -> None:
        super().__init__(len(violations))
        self.violations: tuple[Violation, ...] = tuple(violations)


_FALSE = "d53a91b0-def3-426a-83d7-269da7ab4200"
_TRUE = "2beabf1c-54c0-4882-a928-05249b26e23b"
_NULL = "60d2f30b-8cfa-4372-b155-9656634de120"
_GREATER = "778b7ae0-84d3-481a-9dec-35fdb64b1d78"
_AT_MOST = "30fbb013-d015-4232-8b3b-8f3be97a7e14"
_CHOICE = "8e179f1b-97aa-4560-a02f-2a8b42e49df7"
_TOO_FEW = "bef8e338-6ae5-4caf-b8e2-50e7b0579e69"

EXPIRED = Constraint(_FALSE, "La réservation a expiré", "The reservation has expired")
DISABLED = Constraint(_FALSE, "Le produit n'est pas en vente", "The product is not for sale")
ORDERED = Constraint(
    _NULL, "La réservation est déjà commandée", "The reservation is already ordered"
)
NO_SESSION = Constraint(
    _NULL, "Ce billet ne prend pas de séance", "This ticket does not take a session"
)
REQUIRED = Constraint(
    "ad32d13f-c3d4-423b-909a-857b961eb720", "Cette valeur est requise", "This value is required"
)
BLANK = Constraint(
    "c1051bb4-d103-4f74-8988-acbcafc7fdc3",
    "Cette valeur ne peut pas être vide",
    "This value cannot be blank",
)
EMAIL = Constraint(
    "bd79c0ab-ddba-46cc-a703-a7a4b08de310",
    "Cette adresse e-mail est incorrecte",
    "This e-mail address is incorrect",
)
TOO_LONG = Constraint(
    "d94b19cc-114f-4f44-9cc4-4138e80a87b9", "Cette valeur est trop longue", "This value is too long"
)
COUNTRY = Constraint(
    "8f900c12-61bd-455d-9398-996cd040f7f0", "Ce pays est inconnu", "This country is unknown"
)
LANGUAGE = Constraint(
    "ee65fec4-9a20-4202-9f39-ca558cd7bdf7", "Cette langue est inconnue", "This language is unknown"
)
DATE = Constraint(
    "69819696-02ac-4a99-9ff0-14e127c4d1bc", "Cette date est incorrecte", "This date is incorrect"
)
CHOICE = Constraint(_CHOICE, "Ce choix n'est pas proposé", "This is not one of the choices")
OTHER_TICKET = Constraint(
    _CHOICE, "Ce billet n'appartient pas à l'offre", "This ticket is not of the offer"
)
OTHER_SESSION = Constraint(
    _CHOICE, "Cette séance n'appartient pas au billet", "This session is not of the ticket"
)
POSITIVE = Constraint(
    _GREATER, "La quantité doit être supérieure à 0", "The quantity must be greater than 0"
)
TOO_MANY = Constraint(
    _AT_MOST, "La quantité dépasse la limite par commande", "The quantity exceeds the order's limit"
)
OUT_OF_STOCK = Constraint(
    _AT_MOST, "Le stock est insuffisant", "There is not enough stock for this quantity"
)
TOO_FEW = Constraint(_TOO_FEW, "Au moins un élément est requis", "At least one element is required")
TICKET_LEFT_OUT = Constraint(
    _TOO_FEW, "Un billet de l'offre manque", "A ticket of the offer is left out"
)
TICKET_TWICE = Constraint(
    "7911c98d-b845-4da0-94b7-a8dac36bc55a",
    "Ce billet est donné deux fois",
    "This ticket is given twice",
)
TOO_LATE = Constraint(_GREATER, "Le délai est dépassé", "The deadline has passed")
NOT_AMENDABLE = Constraint(
    _TRUE,
    "Le bénéficiaire ne peut plus être modifié",
    "The beneficiary can no longer be changed",
)


def phrase(status: int) -> str:
    """Return the usual words for a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def error_response(
    status: int, detail: str = "", headers: Mapping[str, str] | None = None
) -> SandboxResponse:
    """Return an error of the plain shape."""
    text = detail or phrase(status)
    address = f"/errors/{status}"
    body = {
        "@context": "/contexts/Error",
        "@id": address,
        "@type": "Error",
        "title": TITLE,
        "detail": text,
        "status": status,
        "type": address,
        "description": text,
    }
    return _problem(status, body, headers)


def violations_response(
    violations: Sequence[Violation], language: str, type_name: str
) -> SandboxResponse:
    """Return a 422 that lists every broken rule in check order."""
    listed = [
        {"propertyPath": v.path, "message": v.constraint.text(language), "code": v.constraint.code}
        for v in violations
    ]
    detail = "\n".join(f"{entry['propertyPath']}: {entry['message']}" for entry in listed)
    codes = [entry["code"] for entry in listed]
    joined = codes[0] if len(codes) == 1 else ";".join(f"{i}={c}" for i, c in enumerate(codes))
    address = f"/validation_errors/{joined}"
    body = {
        "@context": f"/contexts/{type_name}",
        "@id": address,
        "@type": type_name,
        "status": 422,
        "violations": listed,
        "detail": detail,
        "description": detail,
        "type": address,
        "title": TITLE,
    }
    return _problem(422, body)


def _problem(
    status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None
) -> SandboxResponse:
    fixed = {"content-type": PROBLEM_TYPE, "link": ERROR_LINK}
    return SandboxResponse(status, {**fixed, **(headers or {})}, encode_json(body))
