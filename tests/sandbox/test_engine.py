"""What both sandboxes are built of: checks, options, commands, routes, JSON."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.sandbox import EgumaSandbox, KorusSandbox, SandboxRequest
from eguma_async.sandbox.engine.checks import (
    DURATION,
    FLAG,
    HEADER_NAME,
    SECONDS,
    TEXT,
    must_be,
    one_of,
    status,
    whole,
)
from eguma_async.sandbox.engine.commands import Command
from eguma_async.sandbox.engine.errors import ControlError
from eguma_async.sandbox.engine.messages import encode_json, parse_json, printable
from eguma_async.sandbox.engine.options import Options
from eguma_async.sandbox.engine.routing import ApiCall, Endpoint, Routes


@pytest.mark.parametrize(
    ("check", "good", "bad"),
    [
        (FLAG, [True, False], [0, 1, None, "true"]),
        (TEXT, ["", "ä"], ["\ud800", 1, None]),
        (HEADER_NAME, ["X-A"], ["", "a b", "ä", 1]),
        (SECONDS, [0, 0.5, 10**9], [-1, True, float("inf"), float("nan"), 10**9 + 1, "1"]),
        (DURATION, [1, 10**9], [0, 1.5, True, 10**9 + 1]),
        (whole(0), [0, 10**400], [-1, 0.0, False, None]),
        (whole(1, 3), [1, 3], [0, 4]),
        (status(400, 499), [400, HTTPStatus.NOT_FOUND], [399, 500, "404"]),
        (one_of("A", 1), ["A", 1], ["B", True, None]),
        (whole(1).or_null(), [None, 1], [0, False]),
    ],
)
def test_a_check_accepts_its_kind_and_says_what_it_wants(check, good, bad):
    for value in good:
        check("it", value)
    for value in bad:
        with pytest.raises(ValueError, match="^it must be "):
            check("it", value)


@attrs.frozen(kw_only=True)
class Switches(Options):
    colour: str = attrs.field(default="red", validator=must_be(one_of("red", "blue")))


def test_options_change_by_name_and_explain_what_they_refuse():
    assert Switches().changed({"colour": "blue"}) == Switches(colour="blue")
    for changes, text in (
        ({"colour": "green"}, "colour must be one of red, blue"),
        ({"size": 1}, "no option size; there is colour"),
    ):
        with pytest.raises(ControlError, match=text):
            Switches().changed(changes)


def test_a_command_checks_its_members_before_it_acts():
    acted = []
    command = Command(lambda **given: acted.append(given), {"name": TEXT}, {"times": whole(1)})
    command({"name": "a"})
    command({"name": "a", "times": 2})
    for given_, text in (
        ({}, "needs name"),
        ({"name": "a", "more": 1}, "has no more; it has name, times"),
        ({"name": 5}, "name must be a text"),
        ({"name": "a", "times": 0}, "times must be a whole number"),
    ):
        with pytest.raises(ValueError, match=text):
            command(given_)
    assert acted == [{"name": "a"}, {"name": "a", "times": 2}]


def test_routes_find_plain_paths_before_those_with_parts():
    def handler(call):
        raise AssertionError

    bulk = Endpoint("POST", "/v1/things/_bulk", handler)
    one, change = (Endpoint(verb, "/v1/things/{id}", handler) for verb in ("GET", "PATCH"))
    part = Endpoint("GET", "/v1/things/{id}/parts.json/{number}", handler)
    routes = Routes([one, bulk, change, part])

    def find(path: str) -> Any:
        return routes.find(path)

    assert find("/v1/things/_bulk").endpoints == {"POST": bulk}
    found = find("/v1/things/a%2Fb")
    assert (found.endpoints, found.parts) == ({"GET": one, "PATCH": change}, {"id": "a%2Fb"})
    assert find("/v1/things/7/parts.json/x").parts == {"id": "7", "number": "x"}
    for path in ("/v1/things", "/v1/things/", "/v1/things/7/partsXjson/x", "/v1/things/7/8"):
        assert routes.find(path) is None
    assert ApiCall(SandboxRequest("GET", "/"), "caller").parts == {}


# JSON

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)  # fmt: skip


@given(json_values)
def test_what_is_parsed_can_be_written_again(value):
    assert parse_json(encode_json(value)) == value


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"NaN",
        b"[Infinity]",
        b"1e999",
        b"-1e999",
        b'"\\ud800"',
        b'"\\uDC00"',
        b'{"\\ud83d": 1}',
        b'{"a": ["\\ude00\\ud83d"]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b"1" * 5000,
        "\ud800".encode("utf-8", "surrogatepass"),
    ],
)
def test_what_could_not_be_written_again_is_refused(body):
    with pytest.raises(ValueError):
        parse_json(body)


def test_pairs_of_surrogates_and_their_look_alikes_are_text():
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"
    assert parse_json(b'"\\\\ud800"') == "\\ud800"
    assert printable("a\ud800\U0001f600") == "a\ufffd\U0001f600"


# The words of the back office

SHARED_METHODS = {
    "availability", "cancel_order", "commands", "example", "example_names", "get_options",
    "options", "orders", "release_reservation", "set_active", "set_capacity", "set_options",
    "set_price", "state", "transport", "update_order",
}  # fmt: skip
SHARED_COMMANDS = {
    "cancel-order", "release-reservation", "set-active", "set-capacity", "set-price",
    "update-order",
}  # fmt: skip


@pytest.mark.parametrize("kind", [EgumaSandbox, KorusSandbox])
def test_both_back_offices_have_the_same_word_for_the_same_act(kind):
    sandbox = kind()
    assert set(dir(sandbox)) >= SHARED_METHODS
    assert sandbox.commands().keys() >= SHARED_COMMANDS
    for name in sandbox.commands():
        assert name in kind.commands.__doc__ or name in _commands_doc(sandbox)


def _commands_doc(sandbox):
    module = type(sandbox).__module__.rpartition(".")[0] + ".commands"
    return __import__(module, fromlist=["commands"]).commands.__doc__
