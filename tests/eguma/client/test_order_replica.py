"""The copy of the orders at the seam: what is asked, and what is made of the answers."""

from __future__ import annotations

import json
import logging
import pickle
import sqlite3
from datetime import UTC, datetime, timedelta, timezone
from typing import Any, Self

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async import (
    AsyncSession,
    AuthenticationError,
    ChangeKind,
    ConfigurationError,
    HttpRequest,
    HttpResponse,
    MemoryOrders,
    MemoryTransport,
    NotSentError,
    Order,
    OrderReplica,
    ReplicaError,
    RetryPolicy,
    ServerError,
    SQLiteOrders,
    SyncRules,
)
from eguma_async.core.zones import zone
from eguma_async.eguma.ticketing.order_replica import OrderSource, _lower, _upper
from eguma_async.sync import Replica
from eguma_async.testing import FakeClock

NOW = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ZURICH = zone("Europe/Zurich")


def order(id_: str = "o1", at: str = "2026-03-02T08:59:00", **members: Any) -> dict[str, Any]:
    return {
        "id": id_,
        "created_at": at,
        "updated_at": at,
        "order_number": f"n-{id_}",
        "status": "completed",
        "currency": "CHF",
        "language": "de",
        "location": "web",
        "discount_in_cents": 0,
        "grand_total_in_cents": 0,
        "customer": {"id": "c", "first_name": "Canaryfirst", "last_name": "Canarylast"},
        "order_lines": [],
        "payments": [],
        **members,
    }


class Server:
    """Answers each request with what is next, or with nothing."""

    def __init__(self, *answers: Any, date: datetime | None = NOW) -> None:
        self.answers = list(answers)
        self.date = date
        self.asked: list[tuple[str | None, str | None]] = []
        self.clock = FakeClock(NOW)
        self.session = AsyncSession(
            "the-key-of-a-merchant",
            transport=MemoryTransport(self._answer),
            clock=self.clock,
            retry=RetryPolicy(attempts=1),
        )

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        query = dict(request.query)
        assert request.method == "GET"
        assert request.url.endswith("/v1/ticketing/orders.json")
        self.asked.append((query.get("updated_at_after"), query.get("updated_at_before")))
        answer = self.answers.pop(0) if self.answers else []
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, HttpResponse):
            return answer
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        headers = {} if self.date is None else {"date": f"{self.date:%a, %d %b %Y %H:%M:%S GMT}"}
        return HttpResponse(status=200, headers=headers, body=body)

    async def __aenter__(self) -> Self:
        await self.session.__aenter__()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.session.aclose()


def replica_of(server: Server, store: Any = None, **options: Any) -> OrderReplica:
    return OrderReplica(server.session, store or MemoryOrders(), **options)


async def caught_up(server: Server, **options: Any) -> OrderReplica:
    """Return a copy after its first round."""
    replica = replica_of(server, **options)
    await replica.sync()
    server.asked.clear()
    return replica


# What is asked


async def test_the_first_round_goes_from_the_beginning_in_growing_windows():
    async with Server() as server:
        report = await replica_of(server).sync()
        first, *others = server.asked
        assert first == (None, "2010-01-01T01:00:00")
        bounds = [*(after for after, _ in others)]
        assert bounds == [first[1], *(before for _, before in others[:-1])]
        assert others[-1][1] is None, "the last one has no end: what is stamped ahead is in it"
        assert len(others) <= 10
        assert report.checkpoint == NOW


async def test_each_round_goes_back_five_minutes_and_is_one_request():
    async with Server() as server:
        replica = await caught_up(server)
        for minutes in (1, 2):
            server.date = NOW + timedelta(minutes=minutes)
            report = await replica.sync()
            assert report.checkpoint == server.date
        assert server.asked == [("2026-03-02T08:55:00", None), ("2026-03-02T08:56:00", None)]


async def test_what_took_long_is_not_covered_to_its_end():
    async with Server() as server:
        replica = await caught_up(server)

        async def slow(request: HttpRequest) -> HttpResponse:
            server.clock.advance(25)
            server.date = NOW + timedelta(seconds=625)
            return await server._answer(request)

        server.session._transport._handler = slow  # type: ignore[attr-defined]
        server.clock.advance(600)
        report = await replica.sync()
        assert report.checkpoint == NOW + timedelta(seconds=600)


async def test_the_last_48_hours_are_read_again_once_a_day():
    async with Server() as server:
        replica = await caught_up(server)
        server.date = NOW + timedelta(hours=23)
        assert not (await replica.sync()).swept
        server.date = NOW + timedelta(hours=25)
        server.asked.clear()
        assert (await replica.sync()).swept
        assert server.asked == [
            ("2026-03-03T07:55:00", None),
            ("2026-03-01T07:55:00", "2026-03-03T07:55:00"),
        ]
        server.asked.clear()
        assert not (await replica.sync()).swept
        assert len(server.asked) == 1


async def test_what_was_left_long_ago_is_swept_from_where_it_was_left():
    async with Server() as server:
        replica = await caught_up(server)
        server.date = NOW + timedelta(days=9)
        await replica.sync()
        assert server.asked[-1] == ("2026-02-28T08:55:00", "2026-03-02T08:55:00")


async def test_without_a_date_a_day_is_read_again():
    async with Server(date=None) as server:
        replica = replica_of(server)
        report = await replica.sync()
        assert report.checkpoint == NOW - timedelta(days=1)
        server.asked.clear()
        await replica.sync()
        assert server.asked == [("2026-03-01T08:55:00", None)]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("UTC", "2026-03-02T07:55:00"), ("America/New_York", "2026-03-02T02:55:00")],
)
async def test_the_zone_is_that_of_the_server(name, expected):
    async with Server() as server:
        replica = await caught_up(server, zone=name)
        await replica.sync()
        assert server.asked == [(expected, None)]


@given(
    at=st.integers(1790805600, 1793400000) | st.integers(1774486800, 1775700000),
    later=st.floats(0, 20_000),
    ago=st.floats(0, 20_000),
)
@settings(max_examples=300, deadline=None)
def test_bounds_leave_nothing_out_however_a_time_is_read(at, later, ago):
    """Whatever is stamped within a window lies within the bounds it is asked for by."""
    lower, upper = _lower(at, ZURICH), _upper(at, ZURICH)
    after = datetime.fromtimestamp(at + later, UTC).astimezone(ZURICH).replace(tzinfo=None)
    before = datetime.fromtimestamp(at - ago - 0.001, UTC).astimezone(ZURICH).replace(tzinfo=None)
    assert lower <= after
    assert before < upper
    # Nor may a server find more than one moment in a bound that lies on the wrong side.
    for fold in (0, 1):
        assert lower.replace(tzinfo=ZURICH, fold=fold).timestamp() <= at
        assert upper.replace(tzinfo=ZURICH, fold=fold).timestamp() >= at


# What is too much


async def test_a_server_that_is_down_is_not_asked_for_ever_smaller_windows():
    down = HttpResponse(status=500, body=b"down")
    async with Server() as server:
        replica = await caught_up(server)
        server.answers = [down] * 50
        with pytest.raises(ServerError):
            await replica.sync()
        assert server.asked == [
            ("2026-03-02T08:55:00", None),
            ("2026-03-02T08:55:00", "2026-03-02T08:55:01"),
        ]


@pytest.mark.parametrize(
    "error", [HttpResponse(status=401, body=b"no"), NotSentError("no route")], ids=["401", "route"]
)
async def test_what_no_smaller_window_mends_is_told_at_once(error):
    async with Server() as server:
        replica = await caught_up(server)
        server.answers = [error]
        with pytest.raises((AuthenticationError, NotSentError)):
            await replica.sync()
        assert len(server.asked) == 1


@pytest.mark.parametrize("body", [b"[{", b"<html>", b"", b'{"orders": []}', b'[{"id": "a"},'])
async def test_an_answer_that_is_no_list_covers_nothing(body):
    async with Server() as server:
        replica = await caught_up(server)
        before = await replica.contents()
        server.date = NOW + timedelta(hours=1)
        server.answers = [body] * 9
        with pytest.raises(Exception, match="unreadable response: no (list|valid JSON)"):
            await replica.sync()
        assert await replica.contents() == before


async def test_a_list_longer_than_a_batch_is_kept_whole():
    many = [order(f"{number:04}") for number in range(1234)]
    async with Server() as server:
        replica = await caught_up(server)
        server.answers = [many]
        assert (await replica.sync()).new == 1234
        assert [each.id async for each in replica.orders()] == [each["id"] for each in many]


# What is made of it


async def test_orders_are_read_back_as_they_are_listed():
    odd = order("o2", at="2026-03-02T08:59:00.1234567", answers=None, extra={"x": [1]})
    async with Server() as server:
        replica = await caught_up(server)
        server.answers = [[order(), odd]]
        await replica.sync()
        server.answers = [[order(), odd]]
        listed = await server.session.ticketing.orders.list()
        copied = [each async for each in replica.orders()]
        assert tuple(each.value for each in copied) == listed
        assert json.loads(copied[1].raw) == odd
        found = await replica.get("n-o1")
        assert found is not None
        assert isinstance(found.value, Order)
        assert found.value.customer is not None
        assert found.value.customer.last_name == "Canarylast"
        assert await replica.get("unknown") is None


@pytest.mark.parametrize(
    ("element", "id_"),
    [
        ({"id": "a", "updated_at": "2026-03-02T08:59:00"}, "a"),
        ({"id": 5}, None),
        ({"id": ""}, None),
        (None, None),
        ([], None),
        ("text", None),
        ({"id": "b", "updated_at": "2026-13-45"}, "b"),
        (order("c", status=None), "c"),
        (order("nul\0"), None),
        (order("x" * 201), None),
        (order("?d"), None),
    ],
    ids=str,
)
async def test_one_that_cannot_be_read_is_kept_as_it_came(element, id_):
    async with Server() as server:
        replica = await caught_up(server)
        server.answers = [[element, order()]]
        report = await replica.sync()
        assert (report.new, report.unreadable) == (2, 1)
        (odd,) = [each async for each in replica.orders() if each.problems]
        assert odd.value is None
        assert json.loads(odd.raw) == element
        assert odd.id == id_ if id_ else odd.id.startswith("?")


async def test_an_offset_in_a_time_is_respected():
    early = order(at="2026-03-02T09:00:00+02:00")
    late = order(at="2026-03-02T07:30:00Z", note="later")
    async with Server() as server:
        replica = await caught_up(server)
        server.answers = [[late], [early]]
        await replica.sync()
        assert (await replica.sync()).changed == 0
        assert json.loads((await replica.get("o1")).raw)["note"] == "later"  # type: ignore[union-attr]


async def test_erased_orders_do_not_come_back(tmp_path):
    async with Server() as server, replica_of(server, SQLiteOrders(tmp_path / "o.db")) as replica:
        server.answers = [[], [order()]]
        await replica.sync()
        assert await replica.erase("o1", "unknown") == 1
        server.answers = [[order(note="again")]]
        await replica.sync()
        left = await replica.get("o1")
        assert left is not None
        assert (left.kind, left.value, left.raw, left.number) == (
            ChangeKind.ERASED,
            None,
            b"",
            None,
        )
    for file in tmp_path.iterdir():
        assert b"Canary" not in file.read_bytes()


# What nobody else may see


async def test_no_customer_and_no_key_is_shown(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    async with Server() as server, replica_of(server, SQLiteOrders(tmp_path / "o.db")) as replica:
        server.answers = [[], [order(), order("o2", status=None)]]
        report = await replica.sync()
        shown = [repr(replica), repr(report), repr(await replica.contents())]
        following = replica.follow(after=0)
        shown += [repr(await anext(following)), repr(await anext(following)), repr(following)]
        kept = await replica._store.changes()
        shown += [repr(kept), repr(replica._source), caplog.text]
        assert pickle.loads(pickle.dumps(report)) == report
    for text in shown:
        assert "Canary" not in text
        assert "the-key" not in text
    assert (tmp_path / "o.db").stat().st_mode & 0o077 == 0


# What is refused


async def test_a_copy_of_others_is_refused():
    async with Server() as server:
        store = MemoryOrders()
        await replica_of(server, store, account="zoo").sync()
        for other in ({"account": "park"}, {"account": "zoo", "zone": "UTC"}, {}):
            with pytest.raises(ReplicaError, match="copy of the orders of zoo"):
                await replica_of(server, store, **other).sync()


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"store": "orders.db"}, "SQLiteOrders"),
        ({"session": None}, "AsyncSession"),
        ({"zone": "Nowhere"}, "time zone"),
        ({"account": "a\n"}, "account"),
        ({"max_bytes": 0}, "max_bytes"),
        ({"rules": 5}, "SyncRules"),
    ],
    ids=str,
)
async def test_wrong_arguments_are_refused(options, told):
    async with Server() as server:
        given_ = {"session": server.session, "store": MemoryOrders(), **options}
        with pytest.raises(ConfigurationError, match=told):
            OrderReplica(**given_)


@pytest.mark.parametrize(
    "wrong",
    [{"overlap": -1}, {"sweep_every": "1"}, {"window": 0}, {"lease": True}, {"sweep_span": 1e400}],
    ids=str,
)
def test_wrong_rules_are_refused(wrong):
    with pytest.raises(ConfigurationError):
        SyncRules(**wrong)


@pytest.mark.parametrize(
    "wrong", [{"interval": 0}, {"interval": 1e6}, {"after": -1}, {"after": 1.5}]
)
async def test_wrong_ways_to_follow_are_refused(wrong):
    async with Server() as server:
        with pytest.raises(ConfigurationError):
            replica_of(server).follow(**wrong)


async def test_two_rounds_of_one_replica_wait_for_each_other():
    import asyncio

    async with Server() as server:
        replica = replica_of(server)
        await asyncio.gather(*(replica.sync() for _ in range(3)))
        assert isinstance(replica, Replica)


async def test_a_copy_by_a_version_that_reads_less_is_told_as_unreadable(tmp_path):
    async with Server() as server, replica_of(server, SQLiteOrders(tmp_path / "o.db")) as replica:
        server.answers = [[], [order()]]
        await replica.sync()
        with sqlite3.connect(tmp_path / "o.db") as file:
            file.execute("UPDATE orders SET data = ?", (b'{"id": "o1"}',))
        file.close()
        found = await replica.get("o1")
        assert found is not None
        assert found.value is None
        assert found.problems


def test_times_with_an_offset_mean_one_moment():
    source = OrderSource(None, "Europe/Zurich", "", 1)  # type: ignore[arg-type]
    moment = datetime(2027, 10, 31, 2, 30, tzinfo=timezone(timedelta(hours=2)))
    assert source._readings(moment) == (moment.timestamp(), moment.timestamp())
    both = source._readings(moment.replace(tzinfo=None))
    assert both[1] is not None
    assert both[0] == moment.timestamp() == both[1] - 3600
