"""Marks of tests become faults and options of a sandbox. The names here are public."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NoReturn

import attrs
import pytest

from eguma_async.sandbox import (
    ControlError,
    CutBody,
    Delay,
    DropAfter,
    DropBefore,
    Reply,
    Sandbox,
    ServerFault,
)

_PAGE = "<!doctype html><title>Gateway</title><h1>Please try again later</h1>"

_GARBLED = {"body": '{"', "content_type": "application/json", "after_commit": True}

FAULTS: Mapping[str, tuple[type[ServerFault], Mapping[str, Any]]] = MappingProxyType(
    {
        "lost_request": (DropBefore, {}),
        "lost_reply": (DropAfter, {}),
        "cut_reply": (CutBody, {}),
        "late_reply": (Delay, {"seconds": 40.0}),
        "garbled_reply": (Reply, {"status": 200, **_GARBLED}),
        "busy": (Reply, {"status": 429, "retry_after": 1}),
        "unavailable": (Reply, {"status": 503}),
        "server_error": (Reply, {"status": 500}),
        "bad_gateway": (Reply, {"status": 502, "body": _PAGE}),
        "gateway_timeout": (Reply, {"status": 504, "body": _PAGE, "after_commit": True}),
        "unauthorized": (Reply, {"status": 401}),
        "reply": (Reply, {}),
    }
)
"""What can go wrong, by the name in a mark: the fault and what is usual for it."""

_EGUMA = "/v1/ticketing"
_CATALOG = "/v1/ticketing/catalogs/*"
_ORDERS = "/v1/booking/orders"

OPERATIONS: Mapping[str, Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "eguma": {
            "products": ("GET", f"{_EGUMA}/products.json"),
            "availabilities": ("GET", f"{_EGUMA}/products/*/availabilities.json"),
            "reservation": ("POST", f"{_EGUMA}/reservation.json"),
            "cancel_reservation": ("POST", f"{_EGUMA}/cancel-reservation.json"),
            "booking": ("POST", f"{_EGUMA}/booking.json"),
            "cancel_booking": ("POST", f"{_EGUMA}/cancel-booking.json"),
            "orders": ("GET", f"{_EGUMA}/orders.json"),
            "check_in": ("POST", f"{_EGUMA}/tickets/*/checkin.json"),
            "check_out": ("POST", f"{_EGUMA}/tickets/*/checkout.json"),
            "ticket": ("GET", f"{_EGUMA}/tickets/*/info.json"),
            "events": ("GET", f"{_EGUMA}/published_events.json"),
            "admission": ("GET", f"{_EGUMA}/admissions/*/availability.json"),
        },
        "korus": {
            "token": ("POST", "*/openid-connect/token"),
            "catalogs": ("GET", "/v1/ticketing/catalogs"),
            "product_bases": ("GET", f"{_CATALOG}/product_bases"),
            "options": ("GET", f"{_CATALOG}/options"),
            "option_values": ("GET", f"{_CATALOG}/values"),
            "products": ("GET", f"{_CATALOG}/products"),
            "offers": ("GET", f"{_CATALOG}/offers"),
            "price": ("GET", f"{_CATALOG}/price"),
            "availability": ("GET", f"{_CATALOG}/availability"),
            "tickets": ("GET", f"{_CATALOG}/tickets"),
            "sessions": ("GET", f"{_CATALOG}/sessions"),
            "create_reservations": ("POST", "/v1/booking/reservations/_bulk"),
            "reservations": ("GET", "/v1/booking/reservations"),
            "reservation": ("GET", "/v1/booking/reservations/*"),
            "create_orders": ("POST", f"{_ORDERS}/_bulk"),
            "orders": ("GET", _ORDERS),
            "documents": ("GET", f"{_ORDERS}/*/documents"),
            "document": ("GET", f"{_ORDERS}/*/documents/*"),
            "link_document": ("PATCH", f"{_ORDERS}/*/documents/*"),
            "download": ("GET", "/_documents/*"),
            "beneficiary": ("GET", f"{_ORDERS}/*/items/*/tickets/*"),
            "update_beneficiary": ("PATCH", f"{_ORDERS}/*/items/*/tickets/*"),
        },
    }
)
"""What faults are for: method and path of each operation, by provider and by the name in a mark."""


@attrs.frozen
class MarkedFaults:
    """The faults that marks asked for.

    Attributes:
        faults: Each with the text of its mark.
    """

    faults: tuple[tuple[str, ServerFault], ...]

    def check(self) -> None:
        """Fail the test if a fault has not fired: nothing was tested then."""
        idle = [text for text, fault in self.faults if not fault.fired]
        if idle:
            pytest.fail(
                f"the test passed, but never met its fault: {', '.join(idle)}; the code did not"
                " send such a request, or not often enough (optional=True allows that)",
                pytrace=False,
            )


def prepare(sandbox: Sandbox, node: pytest.Item) -> MarkedFaults:
    """Set the options and arm the faults that the marks of a test ask for.

    Returns:
        The faults that must fire.
    """
    for mark in _marks(node, f"{sandbox.name}_options"):
        _set_options(sandbox, mark)
    must_fire = []
    for mark in _marks(node, f"{sandbox.name}_fault"):
        optional = mark.kwargs.get("optional", False)
        try:
            fault = sandbox.faults.add(_fault(sandbox.name, mark))
        except (TypeError, ValueError) as error:
            _refuse(mark, str(error))
        if not optional:
            must_fire.append((_text(mark), fault))
    return MarkedFaults(tuple(must_fire))


def _marks(node: pytest.Item, name: str) -> Iterator[pytest.Mark]:
    """Yield marks as they are read: from the module down to the test, from the top down."""
    for level in node.listchain():
        # Decorators are applied from the last one up; the list of a module is in its own order.
        in_order = isinstance(level, pytest.Module)
        marks = level.own_markers if in_order else reversed(level.own_markers)
        yield from (mark for mark in marks if mark.name == name)


def _set_options(sandbox: Sandbox, mark: pytest.Mark) -> None:
    if mark.args:
        _refuse(mark, "options are given by name, such as sold_out_status=409")
    try:
        sandbox.set_options(mark.kwargs)
    except ControlError as error:
        _refuse(mark, str(error))


def _fault(provider: str, mark: pytest.Mark) -> ServerFault:
    details = dict(mark.kwargs)
    if not isinstance(details.pop("optional", False), bool):
        raise ValueError("optional must be True or False")  # noqa: TRY004  # the mark's value
    if len(mark.args) != 1:
        raise ValueError(f"name one fault: {', '.join(FAULTS)}")
    name = mark.args[0]
    if not isinstance(name, str) or name not in FAULTS:
        raise ValueError(f"there is no fault {name!r}; there is {', '.join(FAULTS)}")
    kind, usual = FAULTS[name]
    known = {field.name for field in attrs.fields(kind) if field.init}
    if unknown := sorted(details.keys() - known - {"on"}):
        words = ", ".join(["on", "optional", *sorted(known)])
        raise ValueError(f"{name} takes no {', '.join(unknown)}; it takes {words}")
    if "on" in details:
        details.update(_place(provider, details))
    return kind(**{**usual, **details})


def _place(provider: str, details: dict[str, Any]) -> dict[str, str]:
    """Return method and path of the operation that a mark names."""
    operation = details.pop("on")
    if {"method", "path"} & details.keys():
        raise ValueError("give either on, or method and path")
    operations = OPERATIONS[provider]
    found = operations.get(operation) if isinstance(operation, str) else None
    if found is None:
        raise ValueError(f"there is no operation {operation!r}; there is {', '.join(operations)}")
    return dict(zip(("method", "path"), found, strict=True))


def _text(mark: pytest.Mark) -> str:
    given = [repr(value) for value in mark.args]
    given += [f"{name}={value!r}" for name, value in mark.kwargs.items()]
    return f"{mark.name}({', '.join(given)})"


def _refuse(mark: pytest.Mark, problem: str) -> NoReturn:
    raise pytest.fail.Exception(f"{_text(mark)}: {problem}", pytrace=False) from None
