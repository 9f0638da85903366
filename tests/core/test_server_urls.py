"""URLs with a password: what of them is shown, and which are refused because too much would be."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.server_urls import place_of, url_problem

PASSWORD = "s3cret-of-a-server"  # noqa: S105


def problem(url):
    return url_problem(url, ("redis://", "unix://"), name="url", example="redis://host")


@pytest.mark.parametrize(
    ("url", "place"),
    [
        (f"redis://someone:{PASSWORD}@host:6379/3", "redis://host:6379/3"),
        (f"redis://:{PASSWORD}@[::1]/0?password={PASSWORD}", "redis://[::1]/0"),
        (f"unix://:{PASSWORD}@/run/redis.sock", "unix:///run/redis.sock"),
        (f"postgresql://u:{PASSWORD}@/d?host=/run/pg", "postgresql:///run/pg/d"),
        ("redis://", "redis://"),
    ],
)
def test_the_place_is_shown_without_the_login(url, place):
    assert place_of(url) == place


@pytest.mark.parametrize(
    "url",
    [
        f"redis://someone:{PASSWORD}/more@host",
        f"redis://someone:88/{PASSWORD}@host:6379/0",  # 88 passes for a port
        f"unix://:/{PASSWORD}@/run/redis.sock",
        f"redis://someone:@{PASSWORD}#@host",
        f"redis://someone:@{PASSWORD}?@host",
    ],
)
def test_a_password_that_reads_as_another_part_is_refused(url):
    assert problem(url) == (
        "url cannot be read: quote special characters of the password, as %40 for @"
    )


@pytest.mark.parametrize("url", ["http://host", "", None, b"redis://host"])
def test_another_kind_of_url_is_refused(url):
    assert problem(url) == "url must be a text such as redis://host"


@given(st.text("a1/:?#@[]%.", max_size=12), st.text("a1/:?#@[]%.", max_size=6))
def test_what_stands_before_the_host_is_never_shown(before, behind):
    url = f"redis://u:{before}SECRET{behind}@host/0"
    assert problem(url) is not None or "SECRET" not in place_of(url)
