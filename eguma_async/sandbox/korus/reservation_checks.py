"""The consistency check of a reservation request: it ends before anything is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import attrs

from .call import KorusCall, as_list, as_object, as_text, as_whole
from .catalog import Offer, OfferTicket, ProductBase, TicketSession
from .lookups import named_in_body
from .refusals import (
    DISABLED,
    NO_SESSION,
    OTHER_SESSION,
    OTHER_TICKET,
    OUT_OF_STOCK,
    POSITIVE,
    REQUIRED,
    TICKET_LEFT_OUT,
    TICKET_TWICE,
    TOO_FEW,
    TOO_MANY,
    Constraint,
    InvalidError,
    Violation,
)
from .sales import ChosenTicket
from .state import State


@attrs.frozen(eq=False)
class ChoiceInput:
    """One entry of ``ticketSessions`` as it was sent."""

    ticket: OfferTicket | None
    session: TicketSession | None


@attrs.frozen(eq=False)
class ItemInput:
    """One item as it was sent; what was left out is None."""

    offer: Offer | None
    quantity: int | None
    choices: tuple[ChoiceInput, ...] | None


@attrs.frozen(eq=False)
class CheckedItem:
    """One item that passed the check."""

    offer: Offer
    quantity: int
    chosen: tuple[ChosenTicket, ...]


def read_items(state: State, call: KorusCall) -> tuple[CheckedItem, ...]:
    """Read and check a whole request.

    Raises:
        RefusedError: 400 for a wrong type, a bad IRI or an unknown resource.
        InvalidError: 422 with all broken rules.
    """
    body = call.json_object()
    if body.get("items") is None:
        raise InvalidError([Violation("items", REQUIRED)])
    items = as_list(body["items"], "items")
    sent = [_read_item(state, call, item, f"items[{i}]") for i, item in enumerate(items)]
    if violations := _check(state, sent):
        raise InvalidError(violations)
    return tuple(_checked(item) for item in sent)


def _read_item(state: State, call: KorusCall, value: object, path: str) -> ItemInput:
    item = as_object(value, path)
    offer, quantity, entries = (item.get(n) for n in ("offer", "quantity", "ticketSessions"))
    choices = None
    if entries is not None:
        listed = as_list(entries, f"{path}.ticketSessions")
        choices = tuple(
            _read_choice(state, call, entry, f"{path}.ticketSessions[{i}]")
            for i, entry in enumerate(listed)
        )
    return ItemInput(
        None
        if offer is None
        else named_in_body(state, call, Offer, as_text(offer, f"{path}.offer")),
        None if quantity is None else as_whole(quantity, f"{path}.quantity"),
        choices,
    )


def _read_choice(state: State, call: KorusCall, value: object, path: str) -> ChoiceInput:
    entry: Mapping[str, Any] = as_object(value, path)
    ticket, session = entry.get("ticket"), entry.get("session")
    return ChoiceInput(
        None
        if ticket is None
        else named_in_body(state, call, OfferTicket, as_text(ticket, f"{path}.ticket")),
        None
        if session is None
        else named_in_body(state, call, TicketSession, as_text(session, f"{path}.session")),
    )


def _check(state: State, sent: Sequence[ItemInput]) -> list[Violation]:
    if not sent:
        return [Violation("items", TOO_FEW)]
    violations: list[Violation] = []
    for i, item in enumerate(sent):
        violations += _check_item(item, f"items[{i}]")
    if violations:
        return violations
    over_limit = _check_limits(state, sent)
    return over_limit or _check_stock(state, sent)


def _check_item(item: ItemInput, path: str) -> list[Violation]:
    violations: list[Violation] = []
    if item.quantity is None:
        violations.append(Violation(f"{path}.quantity", REQUIRED))
    elif item.quantity < 1:
        violations.append(Violation(f"{path}.quantity", POSITIVE))
    if item.offer is None:
        violations.append(Violation(f"{path}.offer", REQUIRED))
    elif item.offer.product.disabled:
        violations.append(Violation(f"{path}.offer.product.disabled", DISABLED))
    if item.choices is None:
        violations.append(Violation(f"{path}.ticketSessions", REQUIRED))
    elif item.offer is not None:
        violations += _check_choices(item.offer, item.choices, f"{path}.ticketSessions")
    return violations


def _check_choices(offer: Offer, choices: Sequence[ChoiceInput], path: str) -> list[Violation]:
    violations: list[Violation] = []
    covered: set[OfferTicket] = set()
    for i, choice in enumerate(choices):
        spot = f"{path}[{i}]"
        if choice.ticket is None:
            violations.append(Violation(f"{spot}.ticket", REQUIRED))
            continue
        if choice.ticket.offer is not offer:
            violations.append(Violation(f"{spot}.ticket", OTHER_TICKET))
            continue
        if choice.ticket in covered:
            violations.append(Violation(f"{spot}.ticket", TICKET_TWICE))
        covered.add(choice.ticket)
        broken = _broken_session_rule(choice.ticket, choice.session)
        if broken is not None:
            violations.append(Violation(f"{spot}.session", broken))
    if len(covered) < len(offer.tickets):
        violations.append(Violation(path, TICKET_LEFT_OUT))
    return violations


def _broken_session_rule(ticket: OfferTicket, session: TicketSession | None) -> Constraint | None:
    if ticket.whole_day:
        return None if session is None else NO_SESSION
    if session is None:
        return REQUIRED
    return None if session.ticket is ticket else OTHER_SESSION


def _check_limits(state: State, sent: Sequence[ItemInput]) -> list[Violation]:
    """Check the most units of a base in one order, as an order is made of one reservation."""
    together = state.options.reservation_per == "catalog"
    counted: Counter[ProductBase] = Counter()
    violations: list[Violation] = []
    for i, item in enumerate(map(_checked, sent)):
        base = item.offer.product.base
        counted[base] = item.quantity + (counted[base] if together else 0)
        if base.maximum is not None and counted[base] > base.maximum:
            violations.append(Violation(f"items[{i}].quantity", TOO_MANY))
    return violations


def _check_stock(state: State, sent: Sequence[ItemInput]) -> list[Violation]:
    """Check the stock up front, if a shortage shall refuse the whole request."""
    if state.options.short_stock == "failed":
        return []
    counted: Counter[Offer | TicketSession] = Counter()
    violations: list[Violation] = []
    for i, item in enumerate(map(_checked, sent)):
        pools: list[Offer | TicketSession] = [item.offer]
        pools += [choice.session for choice in item.chosen if choice.session is not None]
        for pool in pools:
            counted[pool] += item.quantity
        if any(p.available is not None and counted[p] > p.available for p in pools):
            violations.append(Violation(f"items[{i}].quantity", OUT_OF_STOCK))
    return violations


def _checked(item: ItemInput) -> CheckedItem:
    """Narrow an item that lacks nothing."""
    assert item.offer is not None  # noqa: S101  # _check_item has made sure
    assert item.quantity is not None  # noqa: S101
    assert item.choices is not None  # noqa: S101
    chosen = [ChosenTicket(c.ticket, c.session) for c in item.choices if c.ticket is not None]
    return CheckedItem(item.offer, item.quantity, tuple(chosen))
