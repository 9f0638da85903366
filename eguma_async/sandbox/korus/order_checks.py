"""The consistency check of an order request: it ends before anything is booked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .call import KorusCall, as_list, as_text
from .lookups import named_in_body
from .people import check_customer, read_customer
from .refusals import EXPIRED, ORDERED, REQUIRED, TOO_FEW, TOO_LONG, InvalidError, Violation
from .sales import Reservation
from .state import State

REFERENCE_LIMIT = 255


@attrs.frozen(eq=False)
class OrderInput:
    """An order request that passed the check."""

    reservations: tuple[Reservation, ...]
    customer: Mapping[str, Any] = attrs.field(repr=False)
    external_reference: str | None
    notes: str | None = attrs.field(repr=False)


def read_order(state: State, call: KorusCall) -> OrderInput:
    """Read and check a whole request.

    Raises:
        RefusedError: 400 for a wrong type, a bad IRI or an unknown reservation; 403 or 404 for
            another organization's.
        InvalidError: 422 with all broken rules.
    """
    body = call.json_object()
    listed = body.get("reservations")
    reservations = None if listed is None else _read_reservations(state, call, listed)
    customer = None if body.get("customer") is None else read_customer(body["customer"])
    reference, notes = (_optional_text(body, name) for name in ("externalReference", "notes"))

    violations = _check_reservations(state, reservations)
    if customer is None:
        violations.append(Violation("customer", REQUIRED))
    else:
        violations += check_customer(customer)
    if reference is not None and len(reference) > REFERENCE_LIMIT:
        violations.append(Violation("externalReference", TOO_LONG))
    if violations:
        raise InvalidError(violations)
    return OrderInput(tuple(reservations or ()), customer or {}, reference, notes)


def _read_reservations(state: State, call: KorusCall, listed: object) -> list[Reservation]:
    return [
        named_in_body(state, call, Reservation, as_text(iri, f"reservations[{i}]"))
        for i, iri in enumerate(as_list(listed, "reservations"))
    ]


def _check_reservations(
    state: State, reservations: Sequence[Reservation] | None
) -> list[Violation]:
    if reservations is None:
        return [Violation("reservations", REQUIRED)]
    if not reservations:
        return [Violation("reservations", TOO_FEW)]
    violations: list[Violation] = []
    now = state.now()
    for i, reservation in enumerate(reservations):
        if reservation.expired(now):
            violations.append(Violation(f"reservations[{i}].expired", EXPIRED))
        if reservation.order is not None or reservation in reservations[:i]:
            violations.append(Violation(f"reservations[{i}].order", ORDERED))
    return violations


def _optional_text(body: Mapping[str, Any], name: str) -> str | None:
    return None if body.get(name) is None else as_text(body[name], name)
