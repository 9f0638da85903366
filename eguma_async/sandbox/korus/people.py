"""Checks of the people in a request: the customer of an order, the beneficiary of a ticket."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from .call import as_flag, as_object, as_text
from .codes import COUNTRIES, LANGUAGES, TITLES
from .refusals import BLANK, CHOICE, COUNTRY, DATE, EMAIL, LANGUAGE, Constraint, Violation

NAMES = ("firstname", "lastname")
CUSTOMER_TEXTS = (*NAMES, "email", "phone", "country", "language", "title")
BENEFICIARY_FIELDS = (
    *NAMES,
    "title",
    "nationality",
    "dateOfBirth",
    "placeOfBirth",
    "email",
    "phone",
)

_EMAIL = re.compile(r"[^@\s]+@[^@\s.]+(\.[^@\s.]+)+")
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


def read_customer(value: object) -> dict[str, Any]:
    """Return the known members of a customer; a wrong type is refused with 400."""
    given = as_object(value, "customer")
    known = _texts(given, CUSTOMER_TEXTS, "customer")
    if given.get("optin") is not None:
        known["optin"] = as_flag(given["optin"], "customer.optin")
    return known


def read_beneficiary(value: object) -> dict[str, Any]:
    """Return the known members of a beneficiary, null ones included."""
    return _texts(as_object(value, "beneficiary"), BENEFICIARY_FIELDS, "beneficiary")


def check_customer(customer: Mapping[str, Any]) -> list[Violation]:
    """Return the rules a customer breaks."""
    return _blank(customer, (*NAMES, "email"), "customer") + _malformed(customer, "customer")


def check_beneficiary(beneficiary: Mapping[str, Any], asked: Iterable[str]) -> list[Violation]:
    """Return the rules a beneficiary breaks, given the demanded fields."""
    required = [name for name in BENEFICIARY_FIELDS if name in {*NAMES, *asked}]
    blank = _blank(beneficiary, required, "beneficiary")
    return blank + _malformed(beneficiary, "beneficiary")


def _texts(given: Mapping[str, Any], names: Iterable[str], path: str) -> dict[str, Any]:
    return {
        name: None if given[name] is None else as_text(given[name], f"{path}.{name}")
        for name in names
        if name in given
    }


def _blank(person: Mapping[str, Any], names: Iterable[str], path: str) -> list[Violation]:
    missing = [name for name in names if not (person.get(name) or "").strip()]
    return [Violation(f"{path}.{name}", BLANK) for name in missing]


def _malformed(person: Mapping[str, Any], path: str) -> list[Violation]:
    given = [(name, value) for name, value in person.items() if value and name in _FORMS]
    return [
        Violation(f"{path}.{name}", _FORMS[name][0])
        for name, value in given
        if not _FORMS[name][1](value)
    ]


def _is_date(text: str) -> bool:
    try:
        return bool(_DATE.fullmatch(text)) and date.fromisoformat(text) is not None
    except ValueError:
        return False


_FORMS: Mapping[str, tuple[Constraint, Any]] = {
    "email": (EMAIL, _EMAIL.fullmatch),
    "country": (COUNTRY, COUNTRIES.__contains__),
    "nationality": (COUNTRY, COUNTRIES.__contains__),
    "language": (LANGUAGE, LANGUAGES.__contains__),
    "title": (CHOICE, TITLES.__contains__),
    "dateOfBirth": (DATE, _is_date),
}
