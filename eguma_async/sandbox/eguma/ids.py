"""Identifiers: they look random, and are the same for the same seed."""

from __future__ import annotations

import random
import uuid

FIRST_ORDER_NUMBER = 1_000_001
FIRST_OLD_ORDER_NUMBER = 10_001


class Ids:
    """Makes every identifier of one sandbox.

    Args:
        seed: The same seed gives the same sequence.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(f"eguma:{seed}")  # noqa: S311  # repeatable, not secret
        self._used_ticket_numbers: set[str] = set()
        self._orders = 0

    def hexadecimal(self) -> str:
        """Return 24 lower-case hexadecimal digits."""
        return f"{self._random.getrandbits(96):024x}"

    def uuid(self) -> str:
        """Return a version 4 UUID."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def of_generation(self, generation: str) -> str:
        """Return an id as reservations and bookings carry it in that generation."""
        return self.uuid() if generation == "A" else self.hexadecimal()

    def order_number(self, generation: str) -> str:
        """Return the next order number: ``1000001`` and on, or ``T10001`` in generation A."""
        self._orders += 1
        if generation == "A":
            return f"T{FIRST_OLD_ORDER_NUMBER + self._orders - 1}"
        return str(FIRST_ORDER_NUMBER + self._orders - 1)

    def ticket_number(self) -> str:
        """Return 19 decimal digits that no other ticket has."""
        number = str(self._random.randrange(10**18, 10**19))
        while number in self._used_ticket_numbers:
            number = str(self._random.randrange(10**18, 10**19))
        self._used_ticket_numbers.add(number)
        return number
