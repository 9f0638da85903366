"""Zones with a database and without: one and the same clock."""

from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.zones import CentralEuropeanTime, zone

ZURICH = ZoneInfo("Europe/Zurich")
OURS = CentralEuropeanTime("Europe/Zurich")
FIRST, LAST = datetime(1996, 1, 2), datetime(2060, 12, 30)
NEAR_A_CHANGE = st.builds(
    lambda year, month, minutes: datetime(year, month, 25) + timedelta(minutes=minutes),
    st.integers(1996, 2060),
    st.sampled_from([3, 10]),
    st.integers(0, 7 * 24 * 60),
)
MOMENTS = st.datetimes(FIRST, LAST) | NEAR_A_CHANGE


def facts(moment):
    return moment.utcoffset(), moment.dst(), moment.tzname(), moment.timestamp()


@settings(max_examples=500, deadline=None)
@given(local=MOMENTS, fold=st.sampled_from([0, 1]))
@example(local=datetime(2027, 10, 31, 2, 0), fold=0)
@example(local=datetime(2027, 10, 31, 2, 59, 59), fold=1)
@example(local=datetime(2027, 10, 31, 3, 0), fold=0)
@example(local=datetime(2027, 3, 28, 2, 30), fold=0)
@example(local=datetime(2027, 3, 28, 2, 30), fold=1)
@example(local=datetime(2027, 3, 28, 3, 0), fold=1)
def test_a_local_time_means_the_same_with_and_without_a_database(local, fold):
    local = local.replace(fold=fold)
    assert facts(local.replace(tzinfo=OURS)) == facts(local.replace(tzinfo=ZURICH))


@settings(max_examples=500, deadline=None)
@given(moment=MOMENTS)
@example(moment=datetime(2027, 10, 31, 0, 59, 59))
@example(moment=datetime(2027, 10, 31, 1, 0))
@example(moment=datetime(2027, 10, 31, 1, 59, 59))
@example(moment=datetime(2027, 3, 28, 0, 59, 59))
@example(moment=datetime(2027, 3, 28, 1, 0))
def test_a_moment_has_the_same_local_time_with_and_without_a_database(moment):
    moment = moment.replace(tzinfo=UTC)
    ours, theirs = moment.astimezone(OURS), moment.astimezone(ZURICH)
    assert ours.replace(tzinfo=None) == theirs.replace(tzinfo=None)
    assert ours.fold == theirs.fold
    assert ours.astimezone(UTC) == moment


def test_a_zone_comes_from_the_database_where_there_is_one():
    assert zone("Europe/Zurich") is ZURICH
    assert zone("America/New_York") is ZoneInfo("America/New_York")


@pytest.mark.parametrize("name", ["Europe/Nowhere", "", "../etc/passwd", "Europe"])
def test_a_zone_that_is_not_there_says_what_to_install(name):
    with pytest.raises(ConfigurationError, match="install the package tzdata"):
        zone(name)


def test_a_zone_without_a_database_is_a_value():
    assert repr(OURS) == "CentralEuropeanTime('Europe/Zurich')"
    assert (OURS.utcoffset(None), OURS.dst(None), OURS.tzname(None)) == (None, None, None)
    moment = datetime(2027, 6, 1, tzinfo=OURS)
    for other in (pickle.loads(pickle.dumps(moment)), copy.deepcopy(moment)):
        assert facts(other) == facts(moment)


BARE = """
import sys
sys.modules["tzdata"] = None
from datetime import UTC, datetime
from eguma_async.core.zones import zone
zurich = zone("Europe/Zurich")
print(type(zurich).__name__, datetime(2027, 6, 1, 22, 30, tzinfo=UTC).astimezone(zurich))
try:
    zone("America/New_York")
except Exception as error:
    print(type(error).__name__)
"""


def test_a_system_without_a_database_knows_central_europe():
    ran = subprocess.run(
        [sys.executable, "-c", BARE],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.stdout.splitlines() == [
        "CentralEuropeanTime 2027-06-02 00:30:00+02:00",
        "ConfigurationError",
    ], ran.stderr
