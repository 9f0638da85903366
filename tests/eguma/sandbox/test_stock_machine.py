"""Random sequences of sales on one small slot, checked against an independent model."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, time

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, precondition, rule

from eguma_async.sandbox import EgumaSandbox, SandboxClock, SandboxRequest
from eguma_async.sandbox.eguma import Price, SlotPlan

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
SLOT = "2026-03-05T10:00:00"
CUSTOMER = {"first_name": "A", "last_name": "B", "email": "a@example.com"}
QUOTA = 10
quantities = st.integers(min_value=1, max_value=6)


class FrozenClock:
    def now(self):
        return START

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds):
        raise AssertionError("nothing sleeps here")


class Stock(RuleBasedStateMachine):
    """The model: what each hold and booking takes, and when a hold ends."""

    reservations = Bundle("reservations")
    bookings = Bundle("bookings")

    def __init__(self):
        super().__init__()
        self.sandbox = EgumaSandbox(SandboxClock(FrozenClock()), demo_data=False)
        merchant = self.sandbox.add_merchant("Test AG")
        user = self.sandbox.add_user(merchant, "user")
        self.key = self.sandbox.add_key(merchant, user)
        self.category = self.sandbox.add_category("Adult")
        plan = SlotPlan(at=time(10), prices=(Price(self.category.id, 1000),), quota=QUOTA)
        self.product = self.sandbox.add_product(merchant, {"de": "X"}, (self.category,), (plan,))
        self.elapsed = 0
        self.quota = QUOTA
        self.held = {}  # reservation id -> (places, minute of its end)
        self.sold = {}  # booking id -> (places, ticket numbers)
        self.inside = set()
        self.desk = 0
        self.keys = 0

    # The independent model

    def active(self):
        return {name: hold for name, hold in self.held.items() if hold[1] > self.elapsed}

    def free(self):
        held = sum(places for places, _ in self.active().values())
        sold = sum(places for places, _ in self.sold.values())
        return max(0, self.quota - held - sold - self.desk)

    # Talking to the sandbox

    def call(self, method, path, value=None, **query):
        pairs = (("apikey", self.key), *((name.rstrip("_"), text) for name, text in query.items()))
        self.keys += 1
        headers = {"idempotency-key": f"k{self.keys}"}
        body = b"" if value is None else json.dumps(value).encode()
        request = SandboxRequest(method, f"/v1/ticketing/{path}.json", pairs, headers, body)
        return asyncio.run(self.sandbox.handle(request))

    def selection(self, quantity):
        items = [{"category_id": self.category.id, "quantity": quantity}]
        return {"product_id": self.product.id, "starts_at": SLOT, "items": items}

    def book(self, quantity, **more):
        value = {**self.selection(quantity), "customer": CUSTOMER, **more}
        return self.call("POST", "booking", value)

    def remember(self, response):
        value = response.json()
        numbers = [ticket["ticket_number"] for ticket in value["tickets"]]
        self.sold[value["booking_id"]] = (len(numbers), numbers)
        return value["booking_id"]

    # What can happen

    @rule(target=reservations, quantity=quantities)
    def hold(self, quantity):
        fits = quantity <= self.free()
        response = self.call("POST", "reservation", self.selection(quantity))
        assert response.status == (200 if fits else 400)
        if not fits:
            return "none"
        name = response.json()["reservation_id"]
        self.held[name] = (quantity, self.elapsed + 60)
        return name

    @rule(name=reservations)
    def cancel_hold(self, name):
        is_active = name in self.active()
        response = self.call("POST", "cancel-reservation", {"reservation_id": name})
        assert response.status == (200 if is_active else 404)
        self.held.pop(name, None)

    @rule(target=bookings, quantity=quantities)
    def book_without_a_hold(self, quantity):
        fits = quantity <= self.free()
        response = self.book(quantity)
        assert response.status == (200 if fits else 400)
        return self.remember(response) if fits else "none"

    @rule(target=bookings, name=reservations, extra=st.sampled_from([0, 0, 0, 1]))
    def book_a_hold(self, name, extra):
        quantity, _ = self.held.get(name, (1, 0))
        is_active = name in self.active()
        response = self.book(quantity + extra, reservation_id=name)
        if is_active and not extra:
            assert response.status == 200
            del self.held[name]
            return self.remember(response)
        assert response.status in {400, 404}
        return "none"

    @rule(name=bookings)
    def cancel_booking(self, name):
        numbers = self.sold.get(name, (0, []))[1]
        allowed = name in self.sold and not self.inside.intersection(numbers)
        response = self.call("POST", "cancel-booking", {"booking_id": name})
        assert (response.status == 200) is allowed
        if allowed:
            del self.sold[name]

    @rule(name=bookings, act=st.sampled_from(["checkin", "checkout"]))
    def pass_the_gate(self, name, act):
        if name not in self.sold:
            return
        number = self.sold[name][1][0]
        value = self.call("POST", f"tickets/{number}/{act}").json()
        assert value["is_successful"] is ((number in self.inside) == (act == "checkout"))
        (self.inside.add if act == "checkin" else self.inside.discard)(number)

    @precondition(lambda self: self.free() > 0)
    @rule(data=st.data())
    def sell_at_the_desk(self, data):
        quantity = data.draw(st.integers(1, min(2, self.free())))
        self.sandbox.desk_sale(self.product.id, SLOT, quantity)
        self.desk += quantity

    # Below what is taken, too: then nothing is free, and holds that stand can still be booked.
    @rule(quota=st.integers(0, QUOTA))
    def change_the_quota(self, quota):
        self.sandbox.set_capacity(self.product.id, SLOT, quota)
        self.quota = quota

    # The slot starts three days (4320 minutes) after the machine does.
    @precondition(lambda self: self.elapsed < 3000)
    @rule(minutes=st.sampled_from([1, 29, 59, 60, 61]))
    def let_time_pass(self, minutes):
        self.elapsed += minutes
        self.sandbox.clock.advance(minutes=minutes)

    # What must always hold

    @invariant()
    def the_count_is_what_the_model_says_and_never_negative(self):
        path = f"products/{self.product.id}/availabilities"
        response = self.call("GET", path, from_=SLOT[:10], to=SLOT[:10])
        (slot,) = response.json()["availabilities"]
        assert slot["availability_count"] == self.free()
        assert self.sandbox.availability(self.product.id, SLOT) == self.free()

    @invariant()
    def the_orders_are_what_was_sold(self):
        orders = [order for order in self.sandbox.bookings() if order.status == "completed"]
        assert {order.id: len(order.tickets) for order in orders} == {
            name: places for name, (places, _) in self.sold.items()
        }

    def teardown(self):
        self.sandbox.clock.advance(minutes=60)
        assert self.sandbox.holds() == ()
        taken = sum(places for places, _ in self.sold.values()) + self.desk
        assert self.sandbox.availability(self.product.id, SLOT) == max(0, self.quota - taken)


Stock.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, database=None
)
TestStock = Stock.TestCase
