"""What e-guma's questions are asked with: the catalogue, slots, holds and bookings, as they are."""

from __future__ import annotations

import uuid
from collections.abc import Awaitable, Callable, Mapping
from datetime import date, timedelta
from typing import Any

import attrs

from eguma_async.calibration.probe import Left, Probe, Reply, Wire
from eguma_async.calibration.questions import NotSeenError
from eguma_async.core.checks import header_value
from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import Credentials
from eguma_async.eguma.merchant_time import today

ROOT = "/v1/ticketing"
DAYS = 21
"""How many days of a product are looked at."""
FEW = 2
"""Places that a slot must have left before one of them is touched."""


def key_credentials(key: str) -> Credentials:
    """Return what carries an API key.

    Raises:
        ConfigurationError: It is none.
    """
    return Credentials(query=(("apikey", header_value("api_key", key)),))


@attrs.frozen(kw_only=True)
class Circumstances:
    """What the questions may use.

    Attributes:
        product_id: The product to hold and to book.
        email: Address of the made-up customer.
        sold_out: Product and start of a slot that is sold out, as the API writes it.
        disabled_product_id: A product of the merchant that is not enabled for the key.
        unapproved: Credentials of a user who is not approved for third-party integrations.
    """

    product_id: str
    email: str = "calibration@example.com"
    sold_out: tuple[str, str] | None = None
    disabled_product_id: str | None = None
    unapproved: Credentials | None = attrs.field(default=None, repr=False)


@attrs.frozen
class Slot:
    """A slot as the API shows it.

    Attributes:
        product_id: Its product.
        raw: Its members.
    """

    product_id: str
    raw: Mapping[str, Any] = attrs.field(repr=False)

    @property
    def starts_at(self) -> str:
        """When it starts, as it is written."""
        return str(self.raw.get("starts_at"))

    @property
    def free(self) -> int | None:
        """How many places are left; None for no limit."""
        count = self.raw.get("availability_count")
        return count if isinstance(count, int) else None

    @property
    def prices(self) -> list[Mapping[str, Any]]:
        """What each category costs, and its limits."""
        prices = self.raw.get("prices")
        return [each for each in prices or () if isinstance(each, dict) and "category_id" in each]

    def fewest(self) -> dict[str, int]:
        """Return the fewest tickets that may be bought, as quantities of categories."""
        needed = {
            str(price["category_id"]): least
            for price in self.prices
            if (least := _number(price.get("min_quantity")))
            and not price.get("allow_zero_quantity")
        }
        if needed:
            return needed
        for price in self.prices:
            if _number(price.get("max_quantity"), 1) > 0:
                return {str(price["category_id"]): max(1, _number(price.get("min_quantity")))}
        return {}

    def has_room_for(self, quantity: int) -> bool:
        """Tell whether so many places can be touched without taking the last ones."""
        return self.free is None or self.free >= quantity + FEW


def _number(value: object, default: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


class EgumaProbe(Probe):
    """Asks e-guma.

    Args:
        wire: Sends the requests, with the API key.
        circumstances: What the questions may use.
        new_key: Makes an idempotency key.

    Attributes:
        circumstances: The same.
        new_key: The same.
    """

    def __init__(
        self,
        wire: Wire,
        circumstances: Circumstances,
        *,
        new_key: Callable[[], str] = lambda: str(uuid.uuid4()),
    ) -> None:
        super().__init__(wire)
        self.circumstances: Circumstances = circumstances
        self.new_key: Callable[[], str] = new_key
        self._products: Reply | None = None
        self._slots: dict[str, tuple[Slot, ...]] = {}

    # Reads

    def today(self) -> date:
        """Return the merchant's day."""
        return today(self.wire.clock.now())

    async def products(self) -> Reply:
        """Return the list of products; it is read once.

        Raises:
            NotSeenError: It cannot be read.
        """
        if self._products is None:
            reply = await self.wire.call("GET", f"{ROOT}/products.json")
            if not isinstance(reply.member("products"), list):
                raise NotSeenError(
                    f"the list of products cannot be read: HTTP {reply.status}",
                    status=reply.status,
                )
            self._products = reply
        return self._products

    async def availabilities(self, product_id: str, first: date, last: date) -> Reply:
        """Ask for the slots of a product."""
        query = (("from", first.isoformat()), ("to", last.isoformat()))
        path = f"{ROOT}/products/{product_id}/availabilities.json"
        return await self.wire.call("GET", path, query=query)

    async def slots(self, product_id: str) -> tuple[Slot, ...]:
        """Return the slots of the next weeks, the last first; they are read once."""
        if product_id not in self._slots:
            first = self.today()
            reply = await self.availabilities(product_id, first, first + timedelta(days=DAYS))
            listed = reply.member("availabilities") if reply.ok else None
            self._slots[product_id] = tuple(
                Slot(product_id, raw) for raw in reversed(listed or ()) if isinstance(raw, dict)
            )
        return self._slots[product_id]

    async def usable(self, wanted: Callable[[Slot], bool], what: str) -> Slot:
        """Return a slot as far ahead as possible, of the product that was named or of others.

        Raises:
            NotSeenError: There is none.
        """
        for product_id in await self._candidates():
            for slot in await self.slots(product_id):
                if slot.fewest() and wanted(slot):
                    return slot
        raise NotSeenError(f"needs {what}; none was found in the catalogue")

    async def _candidates(self) -> list[str]:
        listed = (await self.products()).member("products")
        others = [str(each.get("id")) for each in listed if isinstance(each, dict)]
        mine = self.circumstances.product_id
        return [mine, *(each for each in others if each != mine)]

    async def slot(self) -> Slot:
        """Return the slot to hold and to book.

        Raises:
            NotSeenError: The product has none with some places left.
        """
        for slot in await self.slots(self.circumstances.product_id):
            if slot.fewest() and slot.has_room_for(sum(slot.fewest().values())):
                return slot
        raise NotSeenError("the product has no slot with some places left in the next weeks")

    # Writes

    def selection(self, slot: Slot, items: Mapping[str, int] | None = None) -> dict[str, Any]:
        """Return the members that name what to hold or book."""
        return {
            "product_id": slot.product_id,
            "starts_at": slot.starts_at,
            "items": [
                {"category_id": category, "quantity": quantity}
                for category, quantity in (slot.fewest() if items is None else items).items()
            ],
        }

    def booking(self, slot: Slot, **changes: object) -> dict[str, Any]:
        """Return the body of a booking by the made-up customer."""
        customer = {
            "first_name": "Calibration",
            "last_name": "Please Ignore",
            "email": self.circumstances.email,
        }
        return {**self.selection(slot), "customer": customer, **changes}

    async def reserve(
        self, slot: Slot, items: Mapping[str, int] | None = None, **headers: str
    ) -> Reply:
        """Hold places, and note to give them back."""
        what = f"a reservation of product {slot.product_id} at {slot.starts_at}"
        return await self.done_whole(self._reserve(self.selection(slot, items), headers), what)

    async def _reserve(self, body: dict[str, Any], headers: Mapping[str, str]) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        path = f"{ROOT}/reservation.json"
        what = f"a reservation at {body['starts_at']}, for an hour at most"
        try:
            reply = await self.wire.call("POST", path, json=body, headers=named)
        except OutcomeUnknownError:
            self.left.append(Left(what, "no answer said whether it was made"))
            raise
        self._note(reply, what, "reservation", self._release)
        return reply

    def _note(
        self, reply: Reply, what: str, kind: str, undo: Callable[[str], Awaitable[str]]
    ) -> None:
        """Note what a response has made: to be given back, or left behind where that is unknown."""
        made = reply.member(f"{kind}_id")
        if reply.ok and isinstance(made, str):
            self.undo_later(f"{kind} {made}", lambda: undo(made))
        elif reply.ok:
            self.left.append(Left(what, "the answer does not name it"))
        elif reply.status >= 500:
            self.left.append(Left(what, f"HTTP {reply.status} does not say whether it was made"))

    async def _release(self, hold: str) -> str:
        reply = await self.release(hold)
        # Not found: it was booked or given back meanwhile.
        return "" if reply.ok or reply.status == 404 else f"HTTP {reply.status}"

    async def release(self, hold: str) -> Reply:
        """Give a hold back."""
        return await self.wire.call(
            "POST", f"{ROOT}/cancel-reservation.json", json={"reservation_id": hold}
        )

    async def book(self, body: Mapping[str, object], key: str) -> Reply:
        """Book, and note to cancel it."""
        return await self.done_whole(self._book(body, key), f"a booking under the key {key}")

    async def _book(self, body: Mapping[str, object], key: str) -> Reply:
        headers = {"Idempotency-Key": key}
        path = f"{ROOT}/booking.json"
        what = f"a booking under the Idempotency-Key {key}"
        try:
            try:
                reply = await self.wire.call("POST", path, json=body, headers=headers)
                is_known = reply.status < 500
            except OutcomeUnknownError:
                is_known = False
            if not is_known:  # the same key and the same bytes: it says which one, and books none
                reply = await self.wire.call("POST", path, json=body, headers=headers)
        except OutcomeUnknownError:
            self.left.append(Left(what, "no answer said whether it was made"))
            raise
        self._note(reply, what, "booking", self._cancel)
        return reply

    async def _cancel(self, booking: str) -> str:
        reply = await self.cancel(booking)
        return "" if reply.ok else f"HTTP {reply.status}"

    async def cancel(self, booking: str) -> Reply:
        """Cancel a booking. An interruption waits for it: what is cancelled is known to be."""
        return await self.done_whole(self._cancel_now(booking), f"booking {booking}")

    async def _cancel_now(self, booking: str) -> Reply:
        reply = await self.wire.call(
            "POST", f"{ROOT}/cancel-booking.json", json={"booking_id": booking}
        )
        if reply.ok:
            self.is_undone(f"booking {booking}")
        return reply
