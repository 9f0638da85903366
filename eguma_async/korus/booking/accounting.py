"""What was asked for, compared with what came back: item by item, and as often as it was asked.

A server is free to put what was asked for into one reservation or into several, to hold two equal
items as one of two units, and to leave the number of units out. It is not free to lose an item or
a unit, or to hold another session.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, TypeAlias

import attrs

from .order_models import OrderStatus

if TYPE_CHECKING:
    from .order_models import Order, OrderItem
    from .reservation_models import FailedReservation, OfferItem, Reservation, ReservedItem

Choices: TypeAlias = frozenset[tuple[str, str | None]]
"""Tickets, each with the session chosen for it."""


@attrs.frozen
class Account:
    """How what came back differs from what was asked for.

    Attributes:
        missing: What is neither held nor refused, with the number of units.
        unexpected: One line for each thing that is held and was not asked for.
        contradicted: Offers that are held as asked for and refused at once.
    """

    missing: tuple[OfferItem, ...]
    unexpected: tuple[str, ...]
    contradicted: tuple[str, ...]


@attrs.define(eq=False)
class _Line:
    """One item that was asked for.

    Attributes:
        left: Units not found so far.
        is_open: True if a lot of unknown size was found, which may be all of it.
    """

    item: OfferItem
    choices: Choices
    left: int
    is_open: bool = False

    @property
    def is_missing(self) -> bool:
        return self.left > 0 and not self.is_open


@attrs.define(eq=False)
class _Lot:
    """One item that is held.

    Attributes:
        choices: Empty if the server does not tell them.
        units: Those not asked for so far; None if the server does not tell their number.
        used: Choices of the lines that it was found for.
    """

    offer: str
    choices: Choices
    units: int | None
    used: set[tuple[str, str | None]] = attrs.Factory(set)

    @property
    def is_merged(self) -> bool:
        """True if it stands for several items, as it has a ticket with several sessions."""
        return len({ticket for ticket, _ in self.choices}) < len(self.choices)


def account(
    asked: Sequence[OfferItem],
    reservations: Iterable[Reservation],
    failed: Iterable[FailedReservation],
) -> Account:
    """Compare the items of a request with what was held and what was refused."""
    lines = [_line(item) for item in asked]
    lots = [_lot(item) for reservation in reservations for item in reservation.items]
    for lot in lots:
        _assign(lot, lines)
    contradicted = _set_off_failures(lines, tuple(failed))
    return Account(
        missing=tuple(
            attrs.evolve(line.item, quantity=line.left) for line in lines if line.is_missing
        ),
        unexpected=tuple(_unexpected(lots)),
        contradicted=contradicted,
    )


def _line(item: OfferItem) -> _Line:
    choices = frozenset((choice.ticket, choice.session) for choice in item.ticket_sessions)
    return _Line(item, choices, item.quantity)


def _lot(item: ReservedItem) -> _Lot:
    choices = frozenset((str(t.ticket), t.session) for t in item.offer_tickets)
    units = None if item.quantity is None else max(item.quantity, 0)
    return _Lot(item.offer, choices, units)


def _assign(lot: _Lot, lines: Sequence[_Line]) -> None:
    """Set a lot off against the lines that it may stand for, those that fit best first."""
    of_offer = [line for line in lines if line.item.offer == lot.offer]
    for fits in (_is_equal, _is_covered, _is_untold):
        fitting = [line for line in of_offer if line.left > 0 and fits(line, lot)]
        if lot.units is None:
            if fitting:
                _open(lot, fitting)
                return
            continue
        for line in fitting:
            units = min(line.left, lot.units)
            line.left -= units
            lot.units -= units
            lot.used |= line.choices if units else set()


def _open(lot: _Lot, fitting: Sequence[_Line]) -> None:
    """Let a lot of unknown size stand for a line, or for all it merges.

    The smallest line it may be: so it may seem that something is missing, never the other way.
    """
    if not lot.is_merged:
        fitting = [min(fitting, key=lambda line: (line.is_open, line.left))]
    for line in fitting:
        line.left -= 1
        line.is_open = True
        lot.used |= line.choices
    lot.units = 0


def _is_equal(line: _Line, lot: _Lot) -> bool:
    return line.choices == lot.choices


def _is_covered(line: _Line, lot: _Lot) -> bool:
    """Tell whether a lot has what was asked for, and for the same tickets other sessions at most.

    A ticket for which no session was asked may have been given one.
    """
    tickets = {ticket for ticket, _ in lot.choices}
    return tickets == {ticket for ticket, _ in line.choices} and all(
        session is None or (ticket, session) in lot.choices for ticket, session in line.choices
    )


def _is_untold(line: _Line, lot: _Lot) -> bool:
    return not lot.choices


def _set_off_failures(
    lines: Sequence[_Line], failed: Sequence[FailedReservation]
) -> tuple[str, ...]:
    """Set what was refused off against what is missing; return what is not missing at all."""
    missing = {line.item.offer for line in lines if line.is_missing}
    asked = {line.item.offer for line in lines}
    for failure in failed:
        units = failure.quantity
        for line in lines:
            if line.item.offer == failure.offer and line.is_missing and units != 0:
                taken = line.left if units is None else min(units, line.left)
                line.left -= taken
                units = 0 if units is None else units - taken
    refused = dict.fromkeys(str(failure.offer) for failure in failed)
    return tuple(offer for offer in refused if offer in asked and offer not in missing)


def _unexpected(lots: Iterable[_Lot]) -> Iterator[str]:
    for lot in lots:
        if lot.units is None or lot.units > 0:
            number = "some" if lot.units is None else str(lot.units)
            yield f"{number} of {lot.offer}{_sessions(lot.choices)} held, not asked for"
        elif lot.is_merged:
            told = {session for _, session in lot.used}
            for ticket, session in sorted(lot.choices, key=str):
                if session not in told and (ticket, None) not in lot.used:
                    yield f"{lot.offer} with {session} held, not asked for"


def order_differences(order: Order, reservation: Reservation) -> Iterator[str]:
    """Yield how an order differs from the reservation it was made of, as far as both tell."""
    if order.status == OrderStatus.CANCELLED:
        return
    held, ordered = reservation.total_amount_incl_tax, order.total_amount_incl_tax
    if held != ordered:
        yield f"{reservation.iri} held at {held}, ordered at {ordered}"
    units = [_units(reservation.items), _units(order.items)]
    if None not in units and units[0] != units[1]:
        yield f"{reservation.iri} held with {units[0]} units, ordered with {units[1]}"


def _units(items: Sequence[ReservedItem | OrderItem]) -> int | None:
    """Return how many units the items have; None if not all of them tell."""
    told = [item.quantity for item in items if item.quantity is not None]
    return sum(told) if told and len(told) == len(items) else None


def _sessions(choices: Choices) -> str:
    sessions = sorted(session for _, session in choices if session is not None)
    return f" with {', '.join(sessions)}" if sessions else ""
