"""What an answer means: the class of its status, and how long it asks to wait."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async.core.messages import HttpResponse
from eguma_async.core.provider import Verdict, classify, retry_after

NOW = datetime(2026, 3, 19, 8, 0, 0, tzinfo=UTC)
DATE = "Thu, 19 Mar 2026 10:00:00 GMT"


def asked(value: str, date: str | None = None) -> float | None:
    headers = {"retry-after": value} | ({} if date is None else {"date": date})
    return retry_after(HttpResponse(status=429, headers=headers), NOW)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0.0),
        ("7", 7.0),
        (" 7 ", 7.0),
        ("007", 7.0),
        ("86400", 86400.0),
        ("-5", None),
        ("+5", None),
        ("5.5", 5.5),
        ("0.25", 0.25),
        ("9" * 400, 1e9),
        (".5", None),
        ("5.", None),
        ("5,5", None),
        ("5.5.5", None),
        ("1e3", None),
        ("٣", None),
        ("", None),
        ("soon", None),
        ("7, 8", None),
        ("Thu, 99 Mar 2026 10:00:00 GMT", None),
        ("Thu, 19 Mar 99999 10:00:00 GMT", None),
    ],
)
def test_seconds_and_garbage(value, seconds):
    assert asked(value) == seconds


@pytest.mark.parametrize("digits", [9, 10, 100, 5000])
def test_a_huge_number_is_a_long_time_and_no_error(digits):
    seconds = asked("9" * digits)
    assert seconds is not None
    assert seconds > 86400 * 365


@pytest.mark.parametrize(
    "value",
    [
        "Thu, 19 Mar 2026 10:00:30 GMT",
        "Thursday, 19-Mar-26 10:00:30 GMT",
        "Thu Mar 19 10:00:30 2026",
        "Thu, 19 Mar 2026 12:00:30 +0200",
    ],
    ids=["IMF-fixdate", "RFC 850", "asctime", "with zone"],
)
def test_a_date_is_measured_against_the_servers_own(value):
    assert asked(value, DATE) == 30.0


def test_without_a_date_header_the_clock_here_is_the_measure():
    assert asked("Thu, 19 Mar 2026 08:01:00 GMT") == 60.0
    assert asked("Thu, 19 Mar 2026 08:01:00 GMT", "nonsense") == 60.0


def test_a_date_in_the_past_is_no_wait():
    assert asked("Thu, 19 Mar 2026 09:59:00 GMT", DATE) == 0.0


def test_no_header_is_no_wish():
    assert retry_after(HttpResponse(status=429), NOW) is None


@given(value=st.text() | st.from_regex(r"\w{3}, \d+ \w{3} \d+ \d+:\d+:\d+ \S+"), date=st.text())
@settings(max_examples=300, deadline=None)
def test_it_never_fails_and_is_never_negative(value, date):
    seconds = asked(value, date)
    assert seconds is None or (seconds >= 0 and math.isfinite(seconds))


@pytest.mark.parametrize(
    ("status", "own", "proxy"),
    [
        (302, Verdict.FINAL, Verdict.FINAL),
        (400, Verdict.FINAL, Verdict.FINAL),
        (401, Verdict.UNAUTHORIZED, Verdict.UNAUTHORIZED),
        (404, Verdict.FINAL, Verdict.FINAL),
        (408, Verdict.UNKNOWN, Verdict.UNKNOWN),
        (409, Verdict.FINAL, Verdict.FINAL),
        (429, Verdict.REFUSED, Verdict.REFUSED),
        (500, Verdict.UNKNOWN, Verdict.UNKNOWN),
        (502, Verdict.UNKNOWN, Verdict.UNKNOWN),
        (503, Verdict.REFUSED, Verdict.UNKNOWN),
        (504, Verdict.UNKNOWN, Verdict.UNKNOWN),
        (599, Verdict.UNKNOWN, Verdict.UNKNOWN),
    ],
)
def test_what_a_status_comes_to(status, own, proxy):
    response = HttpResponse(status=status)
    assert classify(response, own_answer=True) is own
    assert classify(response, own_answer=False) is proxy
