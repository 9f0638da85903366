"""A booking whose answer cannot be had is looked for among the orders, and never guessed."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import attrs
import pytest

from eguma_async import (
    AccessDeniedError,
    AsyncSession,
    BookingOutcome,
    BookingSearch,
    ConfigurationError,
    Customer,
    EgumaError,
    HttpResponse,
    OrderStatus,
    ServerError,
    TicketItem,
    Timeouts,
)
from eguma_async.sandbox import EgumaOptions, EgumaSandbox
from eguma_async.testing import FakeClock, json_reply

PRODUCT = "64ad1bb1973b861c040c99bd"
ADULT, CHILD = "64ad1bb1973b861c040c99c1", "64ad1bb1973b861c040c99c2"
BEGAN = datetime(2026, 3, 19, 7, 0, tzinfo=UTC)  # 08:00 at the merchant's
ADA = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
PAUSES = [2.0, 5.0, 15.0]


def line(quantity=2, **more):
    return {
        "product_id": PRODUCT,
        "name": "Entry",
        "starts_at": "2026-03-19T10:00:00",
        "ticket_type_id": "another-id",
        "ticket_type_name": "Adult",
        "quantity": quantity,
        "total_price_in_cents": 9000,
        "total_count_people": 2,
    } | more


def order(order_id="o1", **more):
    return {
        "id": order_id,
        "order_number": "1000053",
        "status": "completed",
        "created_at": "2026-03-19T08:00:01",
        "updated_at": "2026-03-19T08:00:01",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": 9000,
        "customer": ADA,
        "payments": [],
        "order_lines": [line()],
    } | more


@pytest.fixture
def sought(wanted, ada):
    return {**wanted, "customer": ada, "began_at": BEGAN}


@pytest.fixture
def reconcile(scripted, sought):
    """Reconciles the booking of Ada's with a list of orders, looked at once or to the end."""

    async def run(*rows, looks=1, **changes):
        clock = FakeClock(BEGAN + timedelta(minutes=5))
        async with scripted(*[json_reply(list(rows))] * looks, clock=clock) as (session, transport):
            found = await session.ticketing.bookings.reconcile(**sought | changes)
        vars(run).update(transport=transport, clock=clock)
        return found

    return run


# Found.


async def test_the_one_order_that_agrees_in_everything_is_it(reconcile):
    found = await reconcile(
        order(),
        order("o2", customer={**ADA, "email": "eve@example.com", "first_name": "Eve"}),
        order("o3", customer=None),
        order("o4", order_lines=[line(starts_at="2026-03-19T11:00:00")]),
        order("o5", order_lines=[line(product_id="another")]),
        order("o6", created_at="2026-03-18T08:00:00"),
    )
    assert found.outcome is BookingOutcome.FOUND
    assert found.order.id == "o1"
    assert found == BookingSearch(orders=(found.order,))
    # Early enough whether the server's clock shows UTC or Zurich, and is an hour behind or not.
    assert reconcile.transport.requests[0].query == (("updated_at_after", "2026-03-19T06:00:00"),)
    assert reconcile.clock.sleeps == []


async def test_an_order_that_was_cancelled_since_was_made_all_the_same(reconcile):
    found = await reconcile(order(status="cancelled", updated_at="2026-03-20T08:00:00"))
    assert found.outcome is BookingOutcome.FOUND
    assert found.order.status is OrderStatus.CANCELLED


@pytest.mark.parametrize(
    "customer",
    [
        {"first_name": " ada ", "last_name": "LOVELACE", "email": "Ada@Example.com"},
        {**ADA, "title": "Mrs", "street": ""},
    ],
)
async def test_a_server_may_tidy_up_a_customer(reconcile, customer):
    assert (await reconcile(order(customer=customer))).outcome is BookingOutcome.FOUND


@pytest.mark.parametrize(
    ("written", "may_be"),
    [
        ("2026-03-19T08:00:01", True),
        ("2026-03-19T07:00:01", True),  # by UTC
        ("2026-03-19T07:00:01Z", True),
        ("2026-03-19T06:59:59Z", True),  # a clock a second behind
        ("2026-03-19T06:00:00Z", True),  # an hour
        ("2026-03-19T05:59:59Z", False),
        ("2026-03-19T08:05:00Z", True),  # an hour after the last try
        ("2026-03-19T08:05:01Z", False),
        ("2026-03-19T05:59:59", False),
        ("2026-03-19T09:05:01", False),
    ],
)
async def test_an_order_of_another_time_is_another(reconcile, written, may_be):
    found = await reconcile(order(created_at=written), looks=1 if may_be else 4)
    assert (found.order is not None) is may_be


async def test_the_last_try_may_have_been_long_ago(reconcile):
    late = order(created_at="2026-03-19T08:04:00Z")
    assert (await reconcile(late)).order
    found = await reconcile(late, looks=4, ended_at=BEGAN + timedelta(seconds=30))
    assert found.outcome is BookingOutcome.NOT_FOUND


async def test_several_categories_are_told_by_their_quantities(reconcile):
    items = [TicketItem(ADULT, 2), TicketItem(CHILD, 1)]
    lines = [line(1), line(2)]
    found = await reconcile(order(order_lines=lines), items=items)
    assert found.outcome is BookingOutcome.FOUND
    found = await reconcile(order(order_lines=[line(3)]), items=items)
    assert found.outcome is BookingOutcome.AMBIGUOUS


async def test_a_day_slot_is_its_midnight(reconcile):
    row = order(order_lines=[line(starts_at="2026-03-19T00:00:00")])
    assert (await reconcile(row, starts_at=date(2026, 3, 19))).order.id == "o1"


# Not found.


async def test_nothing_is_found_only_after_four_looks(reconcile):
    found = await reconcile(looks=4)
    assert found == BookingSearch()
    assert (found.outcome, found.order) == (BookingOutcome.NOT_FOUND, None)
    assert reconcile.clock.sleeps == PAUSES


async def test_an_order_that_shows_late_is_found(scripted, sought):
    clock = FakeClock(BEGAN)
    empty, full = json_reply([]), json_reply([order()])
    async with scripted(empty, empty, full, clock=clock) as (session, _):
        found = await session.ticketing.bookings.reconcile(**sought)
    assert found.order.id == "o1"
    assert clock.sleeps == PAUSES[:2]


# Not told apart.


async def test_two_orders_that_agree_are_not_chosen_from(reconcile):
    found = await reconcile(order(), order("o2"))
    assert (found.outcome, found.order) == (BookingOutcome.AMBIGUOUS, None)
    assert [each.id for each in found.orders] == ["o1", "o2"]


async def test_one_that_is_known_to_be_another_sale_is_left_out(reconcile):
    found = await reconcile(order(), order("O2"), other_bookings=["o2"])
    assert found.order.id == "o1"
    found = await reconcile(order(), looks=4, other_bookings=["o1"])
    assert found.outcome is BookingOutcome.NOT_FOUND


SIMILAR = {
    "fewer": order(order_lines=[line(1)]),
    "more": order(order_lines=[line(2), line(1)]),
    "another product, too": order(order_lines=[line(), line(product_id="another")]),
    "no start": order(order_lines=[line(starts_at=None)]),
    "another address": order(customer={**ADA, "email": "a@example.com"}),
    "another name": order(customer={**ADA, "first_name": "A."}),
    "no name": order(customer={**ADA, "first_name": None, "last_name": ""}),
}


@pytest.mark.parametrize("row", SIMILAR.values(), ids=SIMILAR)
async def test_an_order_that_differs_in_a_detail_is_for_a_person_to_look_at(reconcile, row):
    found = await reconcile(row)
    assert (found.outcome, found.order) == (BookingOutcome.AMBIGUOUS, None)
    assert [each.id for each in found.similar] == ["o1"]
    # Beside one that agrees in everything, it is another sale.
    found = await reconcile(row, order("o2"))
    assert found.order.id == "o2"


ROWS = {
    "of the same person": (order(status=None), True),
    "of nobody": (order(status=None, customer=None), True),
    "no object": ("row", True),
    "the same address": (order(status=None, customer={"email": "ADA@example.com"}), True),
    "of another person": (
        order(status=None, customer={"last_name": "Eve", "email": "eve@example.com"}),
        False,
    ),
}


@pytest.mark.parametrize(("row", "may_be"), ROWS.values(), ids=ROWS)
async def test_a_row_that_cannot_be_read_may_be_the_order(reconcile, row, may_be):
    found = await reconcile(row, order("o2", customer=None), looks=1 if may_be else 4)
    assert found.outcome is (BookingOutcome.AMBIGUOUS if may_be else BookingOutcome.NOT_FOUND)
    assert [each.index for each in found.unreadable] == ([0] if may_be else [])
    found = await reconcile(row, order())
    assert (found.order is None) is may_be


async def test_an_unreadable_row_of_another_sale_is_left_out(reconcile):
    found = await reconcile(order(status=None), order("o2"), other_bookings=["O1"])
    assert found.order.id == "o2"


# Arguments and errors.


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"began_at": datetime(2026, 3, 19)}, "began_at must be a datetime with a time zone"),
        ({"began_at": None}, "began_at must be a datetime with a time zone"),
        ({"ended_at": datetime(2026, 3, 19)}, "ended_at must be a datetime with a time zone"),
        ({"ended_at": BEGAN - timedelta(hours=3)}, "ended_at must not be before began_at"),
        ({"items": []}, "at least one"),
        ({"customer": None}, "a Customer"),
        ({"product_id": "../x"}, "must be an id"),
        ({"other_bookings": "o1"}, "several ids"),
    ],
)
async def test_a_malformed_argument_is_refused(reconcile, changes, says):
    with pytest.raises(ConfigurationError, match=says):
        await reconcile(looks=0, **changes)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (json_reply({"error_code": "forbidden"}, 403), AccessDeniedError),
        (HttpResponse(status=200, body=b"[{}]"), EgumaError),
    ],
)
async def test_a_list_that_cannot_be_read_is_an_error(scripted, sought, answer, kind):
    async with scripted(answer) as (session, _):
        with pytest.raises(kind):
            await session.ticketing.bookings.reconcile(**sought)


async def test_the_timeouts_hold_for_each_look(scripted, sought):
    short = Timeouts(total=9)
    async with scripted(*[json_reply([])] * 4) as (session, transport):
        await session.ticketing.bookings.settle(**sought, timeouts=short)
    assert [request.timeouts for request in transport.requests] == [short] * 4


async def test_a_search_shows_no_customer(reconcile):
    found = await reconcile(order(), order("o2", status=None), order("o3", order_lines=[line(1)]))
    assert (len(found.orders), len(found.similar), len(found.unreadable)) == (1, 1, 1)
    assert not [word for word in ADA.values() if word in repr(found)]


# Against the sandbox.


class StoredFailure:
    """The server books, fails while answering, stores the 500 under the key and replays it."""

    def __init__(self, inner):
        self.inner, self.posts = inner, 0

    async def send(self, request):
        response = await self.inner.send(request)
        if not request.url.endswith("/booking.json"):
            return response
        self.posts += 1
        mark = {"idempotency-replayed": "true"} if self.posts > 1 else {}
        return HttpResponse(status=500, headers=mark, body=b'{"error_code":"internal"}')

    async def aclose(self):
        pass


@pytest.mark.parametrize("zone", ["zurich", "utc"])
@pytest.mark.parametrize("label", ["time", "day"])
@pytest.mark.parametrize("delay", [0, 6])
async def test_a_booking_behind_a_stored_error_is_found(zone, label, delay):
    sandbox = EgumaSandbox(FakeClock(datetime(2027, 6, 1, 21, 30, tzinfo=UTC)))
    sandbox.options = attrs.evolve(EgumaOptions(), updated_at_zone=zone, orders_delay_seconds=delay)
    example = sandbox.example(label)
    assert example.starts_at is not None
    sale: dict[str, Any] = {
        "product_id": example.product_id,
        "starts_at": datetime.fromisoformat(example.starts_at),
        "items": [TicketItem(category, n) for n, category in enumerate(example.category_ids, 1)],
        "customer": Customer("Ada", "Lovelace", "ada@example.com"),
    }
    transport = StoredFailure(sandbox.transport())
    async with AsyncSession(
        sandbox.demo_key, transport=transport, clock=sandbox.clock, random=lambda: 0.5
    ) as session:
        bookings, began_at = session.ticketing.bookings, sandbox.clock.now()
        nothing = await bookings.reconcile(**sale, began_at=began_at)
        assert nothing.outcome is BookingOutcome.NOT_FOUND
        for _ in range(2):
            with pytest.raises(ServerError) as caught:
                await bookings.create(**sale, idempotency_key="order-17")
        assert (caught.value.replayed, caught.value.outcome_unknown) == (True, True)
        found = await bookings.reconcile(**sale, began_at=began_at)
        (made,) = sandbox.bookings()
        assert found.order is not None
        assert found.order.customer is not None
        assert (found.order.id, found.order.customer.email) == (made.id, "ada@example.com")
        other = await bookings.reconcile(**sale, began_at=began_at, other_bookings=[found.order.id])
        assert other.outcome is BookingOutcome.NOT_FOUND
        await bookings.cancel(found.order.id)
