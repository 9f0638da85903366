"""What is on sale, in the words of the bot."""

from __future__ import annotations

from datetime import date, timedelta

from eguma_async import AsyncSession, Availability, Category, Product, SlotType, TicketItem

DAYS = 14
"""How many days ahead are shown."""
MOST = 6
"""How many tickets one may buy at once."""


class Catalogue:
    """Reads products and slots. One category is sold: the first of each product.

    Args:
        session: Reads them.
    """

    def __init__(self, session: AsyncSession) -> None:
        self._session = session

    async def products(self) -> list[Product]:
        """List what can be bought."""
        found = await self._session.ticketing.products.list()
        return [each for each in found.products if each.is_active and each.categories]

    async def product(self, product_id: str) -> Product | None:
        """Return a product; None if it is not sold any more."""
        return next((each for each in await self.products() if each.id == product_id), None)

    async def days(self, product: Product) -> list[date]:
        """List the days that have a free slot."""
        today = self._session.ticketing.today()
        slots = await self._slots(product, today, today + timedelta(days=DAYS - 1))
        return sorted({slot.starts_at.date() for slot in slots})

    async def slots(self, product: Product, day: date) -> list[Availability]:
        """List the free slots of a day."""
        return await self._slots(product, day, day)

    async def find(self, product_id: str, start: str) -> tuple[Product, Availability] | None:
        """Return a product and its slot that begins then, as `start_of` wrote it.

        Returns:
            Both; None if the slot is full, or one of them is not sold any more.
        """
        product = await self.product(product_id)
        if product is None:
            return None
        slots = await self.slots(product, date.fromisoformat(start[:10]))
        fits = (slot for slot in slots if self.start_of(slot) == start)
        return next(((product, slot) for slot in fits), None)

    def start_of(self, slot: Availability) -> str:
        """Return the start of a slot as the server wrote it."""
        return str(self._session.converter.unstructure(slot)["starts_at"])

    async def _slots(self, product: Product, first: date, last: date) -> list[Availability]:
        found = await self._session.ticketing.availabilities.list(
            product.id, from_date=first, to_date=last
        )
        one = [TicketItem(category_of(product).id, 1)]
        return [
            slot
            for slot in found.availabilities
            if slot.can_book(one) and slot.total_in_cents(one) is not None
        ]


def category_of(product: Product) -> Category:
    """Return the category that the bot sells."""
    return product.categories[0]


def items_of(product: Product, count: int) -> list[TicketItem]:
    """Return what is booked for so many tickets."""
    return [TicketItem(category_of(product).id, count)]


def counts(product: Product, slot: Availability) -> list[int]:
    """List how many tickets can be bought."""
    return [n for n in range(1, MOST + 1) if slot.can_book(items_of(product, n))]


def day_text(day: date) -> str:
    """Write a day, such as ``Sun 29 Nov``."""
    return f"{day:%a} {day.day} {day:%b}"


def start_text(slot: Availability) -> str:
    """Write when a slot begins, such as ``Sun 29 Nov 09:00``."""
    day = day_text(slot.starts_at)
    return day if slot.slot_type is SlotType.DAY else f"{day} {slot.starts_at:%H:%M}"


def slot_text(slot: Availability) -> str:
    """Write a slot of a day, such as ``09:00 · 50 free``."""
    begins = "all day" if slot.slot_type is SlotType.DAY else f"{slot.starts_at:%H:%M}"
    free = slot.availability_count
    return begins if free is None else f"{begins} · {free} free"


def money(cents: int) -> str:
    """Write an amount, such as ``45.00``."""
    return f"{cents // 100}.{cents % 100:02d}"
