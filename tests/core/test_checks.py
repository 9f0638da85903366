"""Checks of a caller's input: what passes, and that a refusal names the field and not the value."""

from __future__ import annotations

from datetime import UTC, date, datetime

import attrs
import pytest

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError

DAY, MOMENT, AWARE = date(2026, 3, 19), datetime(2026, 3, 19, 10), datetime(2026, 3, 19, tzinfo=UTC)


def field(validator):
    return attrs.make_class("Holder", {"some_field": attrs.field(validator=validator)})


@pytest.mark.parametrize(
    ("check", "good"),
    [
        (checks.identifier, ["a", "A-z_9", "x" * 64]),
        (checks.text, ["a", " a ", "Zoë O'Brien", "王", "a" * 10_000]),
        (checks.instance_of(int, "a number"), [0, 5]),
        (checks.calendar_day, [DAY]),
        (checks.wall_clock, [DAY, MOMENT]),
        (checks.naive_instant, [MOMENT]),
        (checks.positive_count, [1, 10**9]),
    ],
    ids=["id", "text", "instance", "day", "wall clock", "instant", "count"],
)
def test_what_is_accepted(check, good):
    for value in good:
        assert field(check)(value).some_field is value


@pytest.mark.parametrize(
    ("check", "bad"),
    [
        (checks.identifier, ["", "a/b", "a.b", "a b", "canary\n", "é", "x" * 65, None, 5, b"a"]),
        (checks.text, ["", "  ", "\u3000", "canary\r\n", "canary\x00", "canary\u2028", None, 5]),
        (checks.instance_of(int, "a number"), ["canary", None]),
        (checks.calendar_day, [MOMENT, AWARE, "2026-03-19", None]),
        (checks.wall_clock, [AWARE, "2026-03-19", None]),
        (checks.naive_instant, [DAY, AWARE, "2026-03-19", None]),
        (checks.positive_count, [0, -1, True, 1.0, "1", None]),
    ],
    ids=["id", "text", "instance", "day", "wall clock", "instant", "count"],
)
def test_what_is_refused(check, bad):
    for value in bad:
        with pytest.raises(ConfigurationError, match=r"^some_field must ") as caught:
            field(check)(value)
        assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("values", "twice"), [([], None), (["a", "b"], None), (["a", "b", "b", "a"], "b")]
)
def test_the_first_repetition_is_found(values, twice):
    assert checks.repeated(values) == twice


@pytest.mark.parametrize(
    "host",
    [
        "api..canary.invalid",
        ".canary.invalid",
        "canary.invalid..",
        ".",
        "..",
        "c" * 64,
        f"{'c' * 64}.invalid",
        "c." * 127 + "c",
        "can%61ry.invalid",
        "canary!.invalid",
        "canary,invalid",
        "*.canary.invalid",
        "canary~",
        "[canary]",
        "[12345::1]",
        "[1:2:3:4:5:6:7:8:9]",
    ],
)
@pytest.mark.parametrize("form", ["https://{}", "https://{}:8443/v1/"])
def test_a_host_no_resolver_could_be_asked_for_is_refused(host, form):
    with pytest.raises(ConfigurationError, match="some_url") as caught:
        checks.checked_base_url(form.format(host), "some_url")
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize("port", ["0", "00000"])
def test_port_0_is_refused(port):
    with pytest.raises(ConfigurationError, match="leads nowhere: the port is 0"):
        checks.checked_base_url(f"https://api.test:{port}")


@pytest.mark.parametrize(
    "host",
    [
        "a",
        "a.",
        "API.Example.COM",
        "under_score.example.com",
        "xn--bcher-kva.example",
        "1.2.3.4",
        "-a-.example.com",
        f"{'c' * 63}.example.com",
        "c." * 126 + "c",
        "[::1]",
        "[2001:db8::1]",
        "[fe80::1%eth0]",
    ],
)
def test_a_host_that_could_exist_is_taken(host):
    assert checks.checked_base_url(f"https://{host}:8443/v1/") == f"https://{host}:8443/v1"
