"""What is bought: so many tickets of a person category."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError


@attrs.frozen
class TicketItem:
    """A number of tickets of one person category.

    Attributes:
        category_id: Id of a category of the product.
        quantity: How many, above 0.
    """

    category_id: str = attrs.field(validator=checks.identifier)
    quantity: int = attrs.field(validator=checks.positive_count)


def as_tuple(items: Iterable[TicketItem]) -> tuple[TicketItem, ...]:
    """Make a tuple of any iterable of items.

    Raises:
        ConfigurationError: It is not iterable.
    """
    try:
        return tuple(items)
    except TypeError:
        raise ConfigurationError("items must be a list of TicketItem") from None


def check_items(instance: object, field: attrs.Attribute[Any], items: tuple[Any, ...]) -> None:
    """Accept at least one item, each of another category: what the API accepts."""
    if not items:
        raise ConfigurationError(f"{field.name} must hold at least one TicketItem")
    if not all(isinstance(item, TicketItem) for item in items):
        raise ConfigurationError(f"{field.name} must hold TicketItem objects only")
    twice = checks.repeated(item.category_id for item in items)
    if twice is not None:
        raise ConfigurationError(
            f"{field.name} names category {twice} twice; add the quantities in one TicketItem"
        )
