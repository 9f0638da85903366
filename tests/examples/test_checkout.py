"""The checkout service by its HTTP interface, in this process, against the sandbox."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import stat
from contextlib import asynccontextmanager, closing

import httpx
import pytest

from eguma_async import AsyncSession, SQLiteJournal
from eguma_async.sandbox import DropAfter, EgumaSandbox, Park, Reply
from examples.checkout.app import create_app
from examples.checkout.orders import OrdersError
from examples.checkout.payments import MemoryPayments

BOOKING = "*/booking.json"
CANARIES = ("Canary-Ada", "Canary-Lovelace", "canary@example.com", "tok_ok", "tok_lost")


class Payments(MemoryPayments):
    """A provider that counts, and during whose work something may happen."""

    def __init__(self) -> None:
        super().__init__()
        self.charges = 0
        self.meanwhile = lambda: None
        self.began, self.go_on = asyncio.Event(), asyncio.Event()
        self.go_on.set()

    async def charge(self, reference, **details):
        self.charges += 1
        self.began.set()
        await self.go_on.wait()
        await super().charge(reference, **details)
        self.meanwhile()


class Checkout:
    """What outlives the service: the ticket system, the payment provider, and the disk."""

    def __init__(self, directory) -> None:
        self.directory = directory
        self.sandbox = EgumaSandbox()
        self.example = self.sandbox.example("time")
        self.payments = Payments()
        self.answers: list[str] = []
        self.shop = None

    @asynccontextmanager
    async def service(self):
        """Run the service; yield a client of it."""

        def open_session():
            return AsyncSession(
                self.sandbox.demo_key,
                transport=self.sandbox.transport(),
                clock=self.sandbox.clock,
                journal=SQLiteJournal(self.directory / "bookings.db"),
            )

        app = create_app(open_session, self.payments, self.directory / "orders.db")
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx.AsyncClient(
                transport=transport,
                base_url="http://shop",
                event_hooks={"response": [self._keep]},
            ) as client,
        ):
            self.shop = app.state.shop
            async with asyncio.timeout(10):
                while (await client.get("/ready")).status_code == 503:
                    await asyncio.sleep(0)
            yield client

    async def _keep(self, response):
        await response.aread()
        self.answers.append(f"{response.headers} {response.text}")

    def cart(self, quantity=2, total=None, **changes):
        return {
            "product_id": self.example.product_id,
            "starts_at": self.example.starts_at,
            "items": [{"category_id": self.example.category_ids[0], "quantity": quantity}],
            "expected_total_in_cents": 4500 * quantity if total is None else total,
            **changes,
        }

    async def held(self, client, **cart):
        answer = await client.post("/carts", json=self.cart(**cart))
        assert answer.status_code == 201, answer.text
        return answer.json()["ref"]

    def sell_out(self):
        self.sandbox.set_capacity(self.example.product_id, self.example.start, 0)


async def paid(client, ref, card="tok_ok"):
    return await client.post(
        f"/carts/{ref}/payment",
        json={
            "first_name": "Canary-Ada",
            "last_name": "Canary-Lovelace",
            "email": "canary@example.com",
            "token": card,
        },
    )


@pytest.fixture
def checkout(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    made = Checkout(tmp_path)
    yield made
    everything = "\n".join([*made.answers, caplog.text])
    assert made.sandbox.demo_key not in everything
    for canary in CANARIES:
        assert canary not in everything


def refusal(answer):
    return answer.status_code, answer.json()["code"]


async def test_a_sale_from_the_list_of_products_to_the_tickets(checkout):
    async with checkout.service() as client:
        product = (await client.get("/products")).json()[0]
        slots = (await client.get(f"/products/{product['id']}/slots?days=2")).json()
        slot = slots[0]
        category = product["categories"][0]["id"]
        cart = {
            "product_id": product["id"],
            "starts_at": slot["starts_at"],
            "items": [{"category_id": category, "quantity": 2}],
            "expected_total_in_cents": 2 * slot["prices"][category],
        }
        held = await client.post("/carts", json=cart)
        assert (held.status_code, held.json()["state"]) == (201, "held")
        assert len(checkout.sandbox.holds()) == 1
        booked = await paid(client, held.json()["ref"])
        (order,) = checkout.sandbox.bookings()
        assert booked.status_code == 200
        assert booked.json() == {
            "ref": held.json()["ref"],
            "state": "booked",
            "total_in_cents": 9000,
            "currency": "CHF",
            "booking_reference": order.number,
            "tickets": [ticket.number for ticket in order.tickets],
        }
        assert (await client.get(booked.headers["location"])).json() == booked.json()
    assert checkout.payments.paid == {held.json()["ref"]: 9000}
    assert checkout.sandbox.holds() == ()


async def test_a_lost_reply_books_once(checkout):
    lost = checkout.sandbox.faults.add(DropAfter(path=BOOKING))
    async with checkout.service() as client:
        answer = await paid(client, await checkout.held(client))
    assert (answer.status_code, lost.fired) == (200, 1)
    assert len(checkout.sandbox.bookings()) == 1


async def test_two_clicks_pay_and_book_once(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        checkout.payments.go_on.clear()
        one = asyncio.create_task(paid(client, ref))
        await checkout.payments.began.wait()
        two = asyncio.create_task(paid(client, ref))
        for _ in range(10):  # long enough for the second one to get as far as it can
            await client.get(f"/orders/{ref}")
        checkout.payments.go_on.set()
        first, second, third = await one, await two, await paid(client, ref)
    assert first.json() == second.json() == third.json()
    assert (first.status_code, third.status_code) == (200, 200)
    assert checkout.payments.charges == 1
    assert len(checkout.sandbox.bookings()) == 1


async def test_a_refused_card_leaves_the_places_for_another_one(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        assert refusal(await paid(client, ref, "tok_stolen")) == (402, "payment_refused")
        assert (await client.get(f"/orders/{ref}")).json()["state"] == "held"
        assert (await paid(client, ref)).status_code == 200


async def test_a_payment_whose_answer_is_lost_is_asked_for(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        assert (await paid(client, ref, "tok_lost")).status_code == 200
    assert checkout.payments.charges == 1


@pytest.mark.parametrize(("is_paid", "state"), [(True, "booked"), (False, "held")])
async def test_a_payment_that_is_pending_is_settled_later(checkout, is_paid, state):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        answer = await paid(client, ref, "tok_pending")
        assert (answer.status_code, answer.json()["state"]) == (202, "paying")
        checkout.payments.settle(ref, is_paid=is_paid)
        await checkout.shop.recover()
        assert (await client.get(answer.headers["location"])).json()["state"] == state
    assert len(checkout.sandbox.bookings()) == is_paid


async def test_who_pays_after_the_hold_has_ended_is_not_charged(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        checkout.sandbox.clock.advance(minutes=61)
        assert refusal(await paid(client, ref)) == (409, "hold_expired")
        assert refusal(await paid(client, ref)) == (409, "released")
    assert checkout.payments.charges == 0


async def test_a_payment_that_outlasts_the_hold_buys_the_same_places_without_it(checkout):
    checkout.payments.meanwhile = lambda: checkout.sandbox.clock.advance(minutes=61)
    async with checkout.service() as client:
        answer = await paid(client, await checkout.held(client))
    assert (answer.status_code, answer.json()["state"]) == (200, "booked")
    assert len(checkout.sandbox.bookings()) == 1


async def test_a_payment_that_outlasts_the_hold_is_refunded_if_the_places_are_gone(checkout):
    def meanwhile():
        checkout.sandbox.clock.advance(minutes=61)
        checkout.sell_out()

    checkout.payments.meanwhile = meanwhile
    async with checkout.service() as client:
        ref = await checkout.held(client)
        for _ in range(2):
            answer = await paid(client, ref)
            assert refusal(answer) == (409, "places_gone")
            assert answer.json()["state"] == "refunded"
    assert checkout.payments.refunded == {ref}
    assert checkout.payments.charges == 1
    assert checkout.sandbox.bookings() == ()


async def test_a_booking_that_is_refused_for_good_is_refunded(checkout):
    checkout.sandbox.faults.add(Reply(403, path=BOOKING))
    async with checkout.service() as client:
        ref = await checkout.held(client)
        assert refusal(await paid(client, ref)) == (409, "refused")
    assert checkout.payments.refunded == {ref}


async def test_an_unknown_outcome_is_said_to_be_one_and_settled_later(checkout):
    checkout.sandbox.faults.add(DropAfter(path=BOOKING, times=None))
    async with checkout.service() as client:
        ref = await checkout.held(client)
        answer = await paid(client, ref)
        assert (answer.status_code, answer.json()["state"]) == (202, "paid")
        assert answer.json()["ref"] == ref
        checkout.sandbox.faults.clear()
        await checkout.shop.recover()
        later = (await client.get(answer.headers["location"])).json()
        assert later["state"] == "booked"
    assert len(checkout.sandbox.bookings()) == 1
    assert checkout.payments.refunded == set()


async def test_a_price_that_has_risen_is_no_sale(checkout):
    adult = checkout.example.category_ids[0]
    async with checkout.service() as client:
        checkout.sandbox.set_price(checkout.example.product_id, adult, 9900)
        answer = await client.post("/carts", json=checkout.cart())
    assert refusal(answer) == (409, "price_changed")
    assert answer.json()["expected_total_in_cents"] == 9000
    assert answer.json()["total_in_cents"] == 19800
    assert checkout.sandbox.holds() == ()


async def test_sold_out_before_and_while_it_is_held(checkout):
    async with checkout.service() as client:
        checkout.sandbox.faults.add(Reply(400, path="*/reservation.json"))
        assert refusal(await client.post("/carts", json=checkout.cart())) == (409, "sold_out")
        checkout.sell_out()
        assert refusal(await client.post("/carts", json=checkout.cart())) == (409, "sold_out")
    assert checkout.sandbox.holds() == ()


async def test_a_cart_is_given_back_and_a_paid_one_is_not(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        assert [(await client.delete(f"/carts/{ref}")).status_code for _ in range(2)] == [204, 204]
        assert checkout.sandbox.holds() == ()
        ref = await checkout.held(client)
        await paid(client, ref)
        assert refusal(await client.delete(f"/carts/{ref}")) == (409, "paid_already")
        assert refusal(await client.delete("/carts/unknown")) == (404, "no_such_order")
    assert len(checkout.sandbox.bookings()) == 1


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"product_id": "unknown"}, 404, "not_found"),
        ({"product_id": "a/b"}, 422, "invalid"),
        ({"starts_at": "tomorrow"}, 422, "invalid"),
        ({"items": []}, 422, "invalid"),
        ({"starts_at": "2020-01-01T09:00:00"}, 409, "sold_out"),
    ],
)
async def test_nonsense_is_refused(checkout, change, status, code):
    async with checkout.service() as client:
        answer = await client.post("/carts", json=checkout.cart(**change))
    assert refusal(answer) == (status, code)
    assert checkout.sandbox.holds() == ()


@pytest.mark.parametrize("days", [1, 31])
async def test_the_last_day_there_is_has_no_slots(checkout, days):
    path = f"/products/{checkout.example.product_id}/slots?from_date=9999-12-31&days={days}"
    async with checkout.service() as client:
        answer = await client.get(path)
    assert answer.status_code in {200, 422}
    assert answer.json() == [] or answer.json()["code"] == "invalid"


async def test_what_is_malformed_is_not_repeated(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        card = {"first_name": "", "last_name": "", "email": "Canary-Ada", "token": 5 * ["tok_ok"]}
        answer = await client.post(f"/carts/{ref}/payment", json=card)
    assert refusal(answer) == (422, "invalid")
    assert len(answer.json()["problems"]) == 4


async def test_a_ticket_system_that_is_down_is_no_fault_of_the_customer(checkout):
    async with checkout.service() as client:
        checkout.sandbox.faults.add(Reply(503, times=None))
        assert refusal(await client.get("/products")) == (503, "unavailable")
        assert (await client.get("/health")).status_code == 200


async def test_dead_between_payment_and_booking_the_next_process_books(checkout):
    def dies():
        raise RuntimeError

    checkout.payments.meanwhile = dies  # the money is taken, and nobody has written that down
    async with checkout.service() as client:
        ref = await checkout.held(client)
        assert (await paid(client, ref)).status_code == 500
    assert checkout.sandbox.bookings() == ()
    checkout.payments.meanwhile = lambda: None
    async with checkout.service() as client:
        assert (await client.get(f"/orders/{ref}")).json()["state"] == "booked"
        assert (await paid(client, ref)).status_code == 200
    assert len(checkout.sandbox.bookings()) == 1
    assert checkout.payments.charges == 1


async def test_dead_between_booking_and_answer_the_next_process_finds_it(checkout):
    checkout.sandbox.faults.add(DropAfter(path=BOOKING, times=None))
    async with checkout.service() as client:
        ref = await checkout.held(client)
        assert (await paid(client, ref)).status_code == 202
    checkout.sandbox.faults.clear()
    checkout.sandbox.clock.advance(hours=2)  # it was down for a while: the hold has ended
    async with checkout.service() as client:
        assert (await client.get(f"/orders/{ref}")).json()["state"] == "booked"
    assert len(checkout.sandbox.bookings()) == 1


async def test_it_stops_with_the_sale_under_way_done_and_the_rest_given_back(checkout):
    park = checkout.sandbox.faults.add(Park(path=BOOKING))
    async with checkout.service() as client:
        ref, unpaid = await checkout.held(client), await checkout.held(client)
        paying = asyncio.create_task(paid(client, ref))
        await park.arrived()
        paying.cancel()  # the customer closes the browser
        asyncio.get_running_loop().call_later(0.05, park.release)
    assert len(checkout.sandbox.bookings()) == 1
    assert checkout.sandbox.holds() == ()
    with closing(sqlite3.connect(checkout.directory / "orders.db")) as database:
        states = dict(database.execute("SELECT ref, state FROM orders"))
    assert states == {ref: "booked", unpaid: "released"}


async def test_a_second_service_with_the_same_files_does_not_start(checkout):
    """Its end would give back what customers of the first one are paying for."""
    async with checkout.service() as client:
        ref = await checkout.held(client)
        with pytest.raises(OrdersError, match=r"orders\.db cannot be used: another process has it"):
            async with checkout.service():
                pass
        assert len(checkout.sandbox.holds()) == 1
        assert (await paid(client, ref)).status_code == 200
    async with checkout.service() as client:  # the first one has ended
        assert (await client.get(f"/orders/{ref}")).json()["state"] == "booked"


async def test_while_it_stops_it_takes_no_carts_and_no_money(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        checkout.shop.is_draining = True
        assert refusal(await client.post("/carts", json=checkout.cart())) == (503, "closing")
        assert refusal(await paid(client, ref)) == (503, "closing")
        assert checkout.payments.charges == 0  # else its places are given back all the same
        assert (await client.get("/ready")).status_code == 503


async def test_before_it_has_recovered_it_sells_nothing(checkout):
    async with checkout.service() as client:
        checkout.shop.is_ready = False
        assert refusal(await client.get("/products")) == (503, "recovering")
        assert (await client.get("/health")).status_code == 200


async def test_an_abandoned_cart_is_closed_by_itself(checkout):
    async with checkout.service() as client:
        ref = await checkout.held(client)
        checkout.sandbox.clock.advance(minutes=62)
        await checkout.shop.recover()
        assert (await client.get(f"/orders/{ref}")).json()["state"] == "released"


async def test_no_customer_stays_on_the_disk(checkout):
    async with checkout.service() as client:
        assert (await paid(client, await checkout.held(client))).status_code == 200
        ref = await checkout.held(client)
        await paid(client, ref, "tok_pending")
        orders = checkout.directory / "orders.db"
        assert b"Canary" in orders.read_bytes()
        assert stat.S_IMODE(orders.stat().st_mode) == 0o600
        checkout.payments.settle(ref, is_paid=True)
        await checkout.shop.recover()
    for file in checkout.directory.iterdir():
        assert b"Canary" not in file.read_bytes()
