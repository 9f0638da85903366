"""Whatever is held, ordered, expired, released or cancelled: the stock adds up."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from urllib.parse import urlencode

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from eguma_async.sandbox.engine.messages import SandboxRequest
from eguma_async.sandbox.korus import TOKEN_PATH, KorusSandbox

STOCKS = {"seated": 60, "availability_check": 3, "fails_reserving": 5, "fails_ordering": 6}
LIMITS = {"seated": 5, "availability_check": 3, "fails_reserving": 5, "fails_ordering": 6}
CUSTOMER = {"firstname": "Ada", "lastname": "Lovelace", "email": "ada@example.com"}
HOLD_SECONDS = 900


class StillClock:
    def now(self):
        return datetime(2026, 3, 2, 9, tzinfo=UTC)

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds, /):
        raise AssertionError("nothing may sleep here")


class StockMachine(RuleBasedStateMachine):
    """Play a shop against a model that counts what each offer must have left."""

    held = Bundle("held")

    def __init__(self):
        super().__init__()
        self.sandbox = KorusSandbox(StillClock())
        for name, stock in STOCKS.items():
            self.sandbox.set_stock(name, stock)
        session = self.sandbox.example("seated").item["ticketSessions"][0]["session"]
        self.sandbox.set_stock(session, LIMITS["seated"])
        self.session = session
        self.names = {self.sandbox.example(name).offer: name for name in STOCKS}
        self.stocks, self.limits = dict(STOCKS), dict(LIMITS)
        self.live, self.sold, self.orders = {}, {}, {}
        self.log_in()

    def log_in(self):
        client_id, secret = self.sandbox.demo_client
        fields = {"grant_type": "client_credentials", "client_id": client_id}
        form = urlencode({**fields, "client_secret": secret}).encode()
        headers = {"content-type": "application/x-www-form-urlencoded"}
        response = self.sandbox.respond(SandboxRequest("POST", TOKEN_PATH, (), headers, form))
        self.token = response.json()["access_token"]

    def call(self, method, path, body=None):
        headers = {
            "authorization": f"Bearer {self.token}",
            "content-type": "application/ld+json",
        }
        data = b"" if body is None else json.dumps(body).encode()
        return self.sandbox.respond(SandboxRequest(method, path, (), headers, data))

    def left(self, name):
        return max(0, self.limits[name] - self.taken(name))

    def taken(self, name):
        taken = [*self.live.values(), *self.sold.values()]
        return sum(units for offer, units, *_ in taken if offer == name)

    @rule(target=held, wanted=st.lists(st.tuples(st.sampled_from(sorted(STOCKS)), st.integers(1, 4)), min_size=1, max_size=3))  # fmt: skip
    def reserve(self, wanted):
        items = [self.sandbox.example(name, quantity=units).item for name, units in wanted]
        answer = self.call("POST", "/v1/booking/reservations/_bulk", {"items": items}).json()
        expected, refused, left = [], [], {name: self.left(name) for name in STOCKS}
        for name, units in wanted:
            if name != "fails_reserving" and units <= left[name]:
                left[name] -= units
                expected.append((name, units))
            else:
                refused.append((name, units))
        made = answer["reservations"]
        items = [reservation["items"][0] for reservation in made]
        assert [(self.names[i["offer"]], i["quantity"]) for i in items] == expected
        failed = answer["failedReservations"]
        assert [(self.names[f["offer"]], f["quantity"]) for f in failed] == refused
        until = self.sandbox.clock.now().timestamp() + HOLD_SECONDS
        for reservation, (name, units) in zip(made, expected, strict=True):
            self.live[reservation["@id"]] = (name, units, until)
        return multiple(*(reservation["@id"] for reservation in made))

    @rule(iris=st.lists(held, min_size=1, max_size=3, unique=True))
    def order(self, iris):
        body = {"reservations": iris, "customer": CUSTOMER}
        response = self.call("POST", "/v1/booking/orders/_bulk", body)
        if any(iri not in self.live for iri in iris):
            assert response.status == 422
            return
        answer = response.json()
        for order in answer["orders"]:
            self.sold[order["reservation"]] = self.live.pop(order["reservation"])
            self.orders[order["reservation"]] = order["@id"]
        failed = {entry["reservation"] for entry in answer["failedOrders"]}
        assert failed == {iri for iri in iris if iri in self.live}
        assert all(self.live[iri][0] == "fails_ordering" for iri in failed)

    @rule(seconds=st.sampled_from([1, 300, 899, 900]))
    def wait(self, seconds):
        now = self.sandbox.clock.advance(seconds=seconds).timestamp()
        self.live = {iri: hold for iri, hold in self.live.items() if hold[2] > now}
        self.log_in()

    @rule(iri=held)
    def release(self, iri):
        if iri in self.orders:
            return
        self.sandbox.release_reservation(iri)
        self.live.pop(iri, None)

    @rule(iri=held)
    def cancel(self, iri):
        if iri in self.orders:
            self.sandbox.cancel_order(self.orders[iri])
            self.sold.pop(iri, None)

    # Below what is taken, too: then nothing is left, and what lives can still be ordered.
    @rule(name=st.sampled_from(["availability_check", "fails_ordering"]), stock=st.integers(0, 6))
    def change_the_stock(self, name, stock):
        self.sandbox.set_capacity(name, stock)
        self.stocks[name] = self.limits[name] = stock

    @rule(limit=st.integers(0, 6))
    def change_the_session(self, limit):
        self.sandbox.set_capacity(self.session, limit)
        self.limits["seated"] = limit

    @invariant()
    def availability_equals_the_model(self):
        for name, stock in self.stocks.items():
            path = f"{self.sandbox.example(name).offer}/availability"
            answer = self.call("GET", path).json()
            assert answer["availableQuantity"] == max(0, stock - self.taken(name))
        assert self.sandbox.available(self.session) == self.left("seated")

    @invariant()
    def no_seat_is_given_twice(self):
        taken = []
        for reservation in self.sandbox.reservations():
            if reservation.holding:
                for item in reservation.items:
                    taken += [seat for ticket in item.tickets for seat in ticket.seats]
        assert len(taken) == len(set(taken))


StockMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=25, deadline=None, database=None, derandomize=True
)
TestStock = StockMachine.TestCase
