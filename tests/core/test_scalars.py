"""Amounts, days and moments: read as they are meant, and written as they came."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, date, datetime, timedelta, timezone

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.codec import Codec
from eguma_async.core.errors import DecodingError
from eguma_async.core.scalars import Cents, WrittenDatetime
from eguma_async.core.strict import why_not_fast


@attrs.frozen(kw_only=True)
class Bill:
    total_in_cents: Cents
    discount_in_cents: Cents | None = None
    lines_in_cents: tuple[Cents, ...] = ()
    count: int = 0


@attrs.frozen(kw_only=True)
class Person:
    born_on: date


def read(kind, **members):
    return Codec().decode(json.dumps(members).encode(), kind)


class TestCents:
    @pytest.mark.parametrize("amount", [0, 1, -500, 4500, 2**53, 10**30])
    def test_a_whole_number_is_an_amount(self, amount):
        assert read(Bill, total_in_cents=amount).total_in_cents == amount

    @pytest.mark.parametrize("other", [45.0, 45.5, "45", "45.00", "", True, [], {}], ids=repr)
    @pytest.mark.parametrize("field", ["total_in_cents", "discount_in_cents", "lines_in_cents"])
    def test_nothing_else_is(self, field, other):
        wrapped = [other] if field == "lines_in_cents" else other
        members = {"total_in_cents": 1} | {field: wrapped}
        with pytest.raises(DecodingError) as caught:
            read(Bill, **members)
        (problem,) = caught.value.problems
        assert problem.startswith("expected a whole number of cents, got ")

    def test_an_amount_that_is_not_sent_is_none(self):
        assert read(Bill, total_in_cents=1, discount_in_cents=None).discount_in_cents is None

    def test_a_count_may_still_be_quoted(self):
        assert read(Bill, total_in_cents=1, count="45").count == 45
        assert read(Bill, total_in_cents=1, count=45.0).count == 45

    def test_amounts_are_read_on_the_fast_tier(self):
        assert why_not_fast(Bill) is None


class TestDays:
    @pytest.mark.parametrize(
        "written",
        [
            "1990-12-31",
            "1990-12-31T00:00:00",
            "1990-12-31T00:00:00+01:00",
            "1990-12-31T00:00:00.000Z",
            "1990-12-31 00:00:00",
        ],
    )
    def test_a_day_may_be_written_as_its_first_moment(self, written):
        assert read(Person, born_on=written) == Person(born_on=date(1990, 12, 31))

    @pytest.mark.parametrize("written", ["1990-12-30T23:00:00Z", "1990-12-31T12:00:00", "1990", 5])
    def test_another_moment_leaves_open_which_day_it_is(self, written):
        with pytest.raises(DecodingError, match="expected a date as YYYY-MM-DD"):
            read(Person, born_on=written)


ZULU = WrittenDatetime.of(datetime(2027, 3, 19, 9, tzinfo=UTC), "2027-03-19T09:00:00.0000000Z")


class TestWrittenDatetime:
    def test_it_is_the_moment_it_stands_for(self):
        plain = datetime(2027, 3, 19, 9, tzinfo=UTC)
        assert plain == ZULU
        assert hash(plain) == hash(ZULU)
        assert ZULU.isoformat() == "2027-03-19T09:00:00+00:00"

    def test_it_is_sent_as_it_was_written(self):
        assert Codec().encode({"at": ZULU}) == b'{"at":"2027-03-19T09:00:00.0000000Z"}'
        assert ZULU.as_written() == "2027-03-19T09:00:00.0000000Z"

    @pytest.mark.parametrize(
        "clone", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
    )
    def test_it_survives_copies(self, clone):
        assert clone(ZULU) == ZULU
        assert clone(ZULU).as_written() == ZULU.as_written()

    @pytest.mark.parametrize(
        "change",
        [
            lambda moment: moment + timedelta(0),
            lambda moment: moment.replace(minute=5),
            lambda moment: moment.astimezone(timezone(timedelta(hours=1))),
        ],
    )
    def test_what_is_computed_from_it_is_written_anew(self, change):
        computed = change(ZULU)
        assert Codec().encode([computed]) == json.dumps([computed.isoformat()]).encode()
        assert not getattr(computed, "is_as_written", False)
        assert pickle.loads(pickle.dumps(computed)) == computed

    @given(st.datetimes(timezones=st.none() | st.just(UTC)), st.text())
    def test_any_moment_and_any_text(self, moment, text):
        written = WrittenDatetime.of(moment, text)
        assert written == moment
        assert (written.tzinfo, written.fold) == (moment.tzinfo, moment.fold)
        again = pickle.loads(pickle.dumps(written))
        assert (again.as_written(), again.fold) == (text, moment.fold)
