"""Answers that are put together from kept days are those of a sandbox that keeps nothing."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime, time, timedelta

import attrs
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from eguma_async.sandbox import EgumaSandbox, SandboxClock, SandboxRequest
from eguma_async.sandbox.eguma import Price, SlotPlan
from eguma_async.sandbox.eguma.availabilities import Availabilities
from eguma_async.sandbox.eguma.day_cache import ENTRY_BYTES, CachedDay, DayCache
from eguma_async.sandbox.engine.routing import ApiCall

# A Thursday, 09:00 in Zurich; the clocks go forward three days later.
START = datetime(2026, 3, 26, 8, 0, tzinfo=UTC)
FIRST = date(2026, 3, 25)
DAYS = 5
CUSTOMER = {"first_name": "A", "last_name": "B", "email": "a@example.com"}
HOUR = timedelta(hours=1)

quantities = st.integers(min_value=1, max_value=3)
day_numbers = st.integers(min_value=0, max_value=DAYS - 1)
products = st.integers(min_value=0, max_value=1)


class FrozenClock:
    def now(self):
        return START

    def monotonic(self):
        return 0.0

    async def sleep(self, seconds):
        raise AssertionError("nothing sleeps here")


class Twin:
    """A sandbox with two small products, one by the hour and one by the day."""

    def __init__(self, clock):
        self.sandbox = EgumaSandbox(clock, demo_data=False)
        merchant = self.sandbox.add_merchant("Test AG")
        self.key = self.sandbox.add_key(merchant, self.sandbox.add_user(merchant, "user"))
        people = self.sandbox.add_category("Adult"), self.sandbox.add_category("Child")
        self.people = people
        prices = tuple(Price(category.id, 1000) for category in people)
        self.category_id = people[0].id
        times = (
            SlotPlan(at=time(8), prices=prices, quota=4, cut_off=HOUR),
            SlotPlan(at=time(10), prices=prices[:1], quota=4, cut_off=-HOUR),
            SlotPlan(at=time(2, 30), prices=prices, cut_off=HOUR),
        )
        days = (SlotPlan(prices=prices, quota=5, weekdays=frozenset({0, 3, 4, 6})),)
        self.products = (
            self.sandbox.add_product(merchant, {"de": "Fahrt"}, people, times),
            self.sandbox.add_product(merchant, {"de": "Tag"}, people, days, slot_type="day"),
        )

    def call(self, method, path, value=None, key="", **query):
        pairs = (("apikey", self.key), *((name.rstrip("_"), text) for name, text in query.items()))
        body = b"" if value is None else json.dumps(value).encode()
        headers = {"idempotency-key": key}
        request = SandboxRequest(method, f"/v1/ticketing/{path}.json", pairs, headers, body)
        return self.sandbox.respond(request)

    def read(self, product, first, last):
        path = f"products/{self.products[product].id}/availabilities"
        return self.call("GET", path, from_=str(first), to=str(last))


class KeptAnswers(RuleBasedStateMachine):
    """Two sandboxes on one clock live through the same; one keeps no day."""

    holds = Bundle("holds")
    bookings = Bundle("bookings")

    def __init__(self):
        super().__init__()
        self.clock = SandboxClock(FrozenClock())
        self.keeping = Twin(self.clock)
        self.forgetful = Twin(self.clock)
        self.forgetful.sandbox._availabilities._cache = DayCache(max_bytes=0)
        self.keys = 0

    def both(self, act):
        kept, fresh = act(self.keeping), act(self.forgetful)
        assert kept == fresh
        return kept

    def post(self, path, value):
        self.keys += 1
        return self.both(lambda twin: twin.call("POST", path, value, f"k{self.keys}"))

    def selection(self, product, number, quantity):
        return {
            "product_id": self.keeping.products[product].id,
            "starts_at": self.start(product, number),
            "items": [{"category_id": self.keeping.category_id, "quantity": quantity}],
        }

    def start(self, product, number):
        at = "10:00:00" if product == 0 else "00:00:00"
        return f"{FIRST + timedelta(days=number)}T{at}"

    @rule(target=holds, product=products, number=day_numbers, quantity=quantities)
    def hold(self, product, number, quantity):
        selection = self.selection(product, number, quantity)
        answer = self.post("reservation", selection).json()
        return answer.get("reservation_id", "none"), selection

    @rule(hold=holds)
    def cancel_hold(self, hold):
        self.post("cancel-reservation", {"reservation_id": hold[0]})

    @rule(target=bookings, hold=holds)
    def book_a_hold(self, hold):
        value = {**hold[1], "reservation_id": hold[0], "customer": CUSTOMER}
        return self.post("booking", value).json().get("booking_id", "none")

    @rule(target=bookings, product=products, number=day_numbers, quantity=quantities)
    def book(self, product, number, quantity):
        value = {**self.selection(product, number, quantity), "customer": CUSTOMER}
        return self.post("booking", value).json().get("booking_id", "none")

    @rule(name=bookings)
    def cancel_booking(self, name):
        self.post("cancel-booking", {"booking_id": name})

    @rule(product=products, number=day_numbers)
    def sell_at_the_desk(self, product, number):
        def sell(twin):
            try:
                product_id = twin.products[product].id
                return twin.sandbox.desk_sale(product_id, self.start(product, number), 1)
            except ValueError as error:
                return str(error)

        self.both(sell)

    @rule(product=products, number=day_numbers, capacity=st.none() | st.integers(0, 8))
    def set_capacity(self, product, number, capacity):
        start = self.start(product, number)

        def change(twin):
            try:
                twin.sandbox.set_capacity(twin.products[product].id, start, capacity)
            except ValueError as error:
                return str(error)

        self.both(change)

    @rule(product=products, number=st.none() | day_numbers, child=st.booleans(), cents=quantities)
    def set_price(self, product, number, child, cents):
        start = None if number is None else self.start(product, number)

        def change(twin):
            product_id, category_id = twin.products[product].id, twin.people[child].id
            try:
                twin.sandbox.set_price(product_id, category_id, cents, starts_at=start)
            except ValueError as error:
                return str(error)

        self.both(change)

    @rule(product=products, quota=st.none() | st.integers(0, 8), cents=quantities)
    def change_the_product_itself(self, product, quota, cents):
        def change(twin):
            handed_out = twin.sandbox.product(twin.products[product].id)
            handed_out.plans = tuple(
                attrs.evolve(
                    plan,
                    quota=quota,
                    prices=tuple(attrs.evolve(p, price_in_cents=cents) for p in plan.prices),
                )
                for plan in handed_out.plans
            )

        self.both(change)

    @rule(product=products, first=st.booleans())
    def sell_fewer_categories(self, product, first):
        def change(twin):
            twin.products[product].categories = twin.people[:1] if first else twin.people

        self.both(change)

    @rule(product=products, number=day_numbers)
    def block_a_day(self, product, number):
        day = FIRST + timedelta(days=number)
        self.both(lambda twin: twin.sandbox.block_day(twin.products[product].id, day))

    @rule(product=products, is_active=st.booleans())
    def publish_or_not(self, product, is_active):
        self.both(lambda twin: twin.sandbox.set_active(twin.products[product].id, is_active))

    @rule(minutes=st.sampled_from([1, 30, 59, 60, 61, 180, 900]))
    def let_time_pass(self, minutes):
        self.clock.advance(minutes=minutes)

    @rule(minutes=st.sampled_from([1, 59, 60, 61, 180, 900]))
    def set_the_clock_back(self, minutes):
        self.clock.set(max(START, self.clock.now() - timedelta(minutes=minutes)))

    @rule(
        changes=st.fixed_dictionaries(
            {},
            optional={
                "generation": st.sampled_from("AB"),
                "hide_sold_out_slots": st.booleans(),
                "closing_at_zone": st.sampled_from(["zurich", "utc"]),
                "price_field": st.sampled_from(["price_in_cents", "price"]),
            },
        )
    )
    def change_options(self, changes):
        self.both(lambda twin: twin.sandbox.set_options(changes))

    @rule(product=products, number=day_numbers, length=st.integers(0, DAYS))
    def read_a_range(self, product, number, length):
        first = FIRST + timedelta(days=number)
        self.compare(product, first, first + timedelta(days=length))

    def compare(self, product, first, last):
        response = self.both(lambda twin: twin.read(product, first, last))
        assert response.status == 200
        for slot in response.json()["availabilities"]:
            assert str(first) <= slot["starts_at"][:10] <= str(last)

    @invariant()
    def everything_is_the_same(self):
        for product in range(2):
            self.compare(product, FIRST, FIRST + timedelta(days=DAYS))


KeptAnswers.TestCase.settings = settings(
    max_examples=60, stateful_step_count=40, deadline=None, database=None
)
TestKeptAnswers = KeptAnswers.TestCase


def _cache(text=b"", version=1, since=START, until=START + HOUR):
    return CachedDay(version, since, until, text)


def test_a_kept_day_is_right_for_its_version_from_since_until_just_before_until():
    kept = _cache()
    second = timedelta(seconds=1)
    assert kept.is_right(1, START)
    assert kept.is_right(1, START + HOUR - second)
    assert not kept.is_right(1, START + HOUR)
    assert not kept.is_right(1, START - second)
    assert not kept.is_right(2, START)


def test_the_day_not_asked_for_the_longest_goes_when_the_memory_is_full():
    days = DayCache(max_bytes=2 * ENTRY_BYTES + 20)
    days.keep("p", date(2026, 1, 1), _cache(b"x" * 10))
    days.keep("p", date(2026, 1, 2), _cache(b"x" * 10))
    assert days.find("p", date(2026, 1, 1)) is not None
    days.keep("p", date(2026, 1, 3), _cache(b"x" * 10))
    assert days.find("p", date(2026, 1, 2)) is None
    assert days.find("p", date(2026, 1, 1)) is not None
    assert days.find("p", date(2026, 1, 3)) is not None
    days.keep("p", date(2026, 1, 3), _cache(b"x" * 11))
    assert [bool(days.find("p", date(2026, 1, number))) for number in (1, 2, 3)] == [0, 0, 1]


def test_replacing_a_day_takes_no_more_memory():
    days = DayCache(max_bytes=2 * ENTRY_BYTES)
    days.keep("p", date(2026, 1, 1), _cache())
    for version in range(100):
        days.keep("p", date(2026, 1, 2), _cache(version=version))
    assert len(days) == 2


def test_a_day_too_large_to_keep_leaves_nothing_behind():
    days = DayCache(max_bytes=ENTRY_BYTES)
    days.keep("p", date(2026, 1, 1), _cache(b"x"))
    assert len(days) == 0
    days.keep("p", date(2026, 1, 1), _cache())
    days.forget()
    assert len(days) == 0
    days.keep("p", date(2026, 1, 2), _cache())
    assert days.find("p", date(2026, 1, 2)) is not None


async def test_a_sale_encodes_only_its_own_day_anew(api):
    example = api.example("time")
    product = api.product("time")
    day = date.fromisoformat(example.starts_at[:10])
    before = [product.version_on(day + timedelta(days=step)) for step in range(3)]
    await api.book(api.order("time"))
    after = [product.version_on(day + timedelta(days=step)) for step in range(3)]
    assert after[0] > before[0]
    assert after[1:] == before[1:]


async def test_a_hold_that_ran_out_stands_again_when_the_clock_is_set_back(api):
    example = api.example("small")
    await api.reserve(api.selection("small", 2))
    held_at = api.sandbox.clock.now()
    assert await api.count(example) == 6
    api.sandbox.clock.advance(minutes=60)
    assert await api.count(example) == 8
    api.sandbox.clock.set(held_at)
    assert await api.count(example) == 6
    assert len(api.sandbox.holds()) == 1


async def test_answers_stay_right_when_more_days_are_asked_for_than_can_be_kept(api):
    product, state = api.product("time"), api.sandbox._state
    caller = state.authenticate(api.sandbox.demo_key)
    days = DayCache(max_bytes=5_000)
    availabilities = Availabilities(state, days)
    query = (("from", "2026-03-02"), ("to", "2026-04-13"))
    expected = await api.availabilities(product.id, "2026-03-02", "2026-04-13")
    for _ in range(2):
        request = SandboxRequest("GET", "/", query)
        response = availabilities.list(ApiCall(request, caller, parts={"id": product.id}))
        assert response == expected
    assert 0 < len(days) < 43
