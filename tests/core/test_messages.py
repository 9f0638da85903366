"""Requests and their credentials."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal

import attrs
import pytest

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse, Timeouts

SECRET = "canary+secret/0123456789="
CREDENTIALS = Credentials(
    query=(("apikey", SECRET),), headers=(("Authorization", "Bearer canary.token.of.someone"),)
)


def request() -> HttpRequest:
    return HttpRequest(
        method="GET", url="https://x.test/a", credentials=CREDENTIALS, body=b"canary"
    )


@pytest.mark.parametrize("show", [repr, str, "{}".format, "{!r}".format], ids=range(4))
def test_credentials_and_the_requests_that_hold_them_are_not_printed(show):
    for shown in (
        show(CREDENTIALS),
        show(request()),
        show(attrs.asdict(request())),
        show([request()]),
    ):
        assert "canary+" not in shown
        assert "canary." not in shown


def test_a_request_shows_neither_body_nor_query():
    asked = attrs.evolve(request(), query=(("last_name", "canary-name"),))
    assert "canary" not in repr(asked)


def test_asdict_leaves_the_credentials_whole():
    assert attrs.asdict(request())["credentials"] is CREDENTIALS


def test_credentials_have_no_dict_to_look_into():
    with pytest.raises(TypeError):
        vars(CREDENTIALS)


@pytest.mark.parametrize("clone", [pickle.dumps, copy.copy, copy.deepcopy])
def test_credentials_cannot_be_pickled_or_copied(clone):
    with pytest.raises(TypeError, match="credentials are not pickled") as caught:
        clone(CREDENTIALS)
    assert "canary" not in str(caught.value)


def test_a_request_with_credentials_cannot_be_pickled():
    with pytest.raises(TypeError, match="credentials are not pickled"):
        pickle.dumps(request())


def test_scrub_masks_every_form_of_a_secret():
    data = b'{"q":"canary+secret/0123456789=","u":"?apikey=canary%2Bsecret%2F0123456789%3D",'
    data += b'"h":"Bearer canary.token.of.someone"}'
    assert CREDENTIALS.scrub(data) == b'{"q":"***","u":"?apikey=***","h":"Bearer ***"}'


def test_scrub_leaves_what_a_secret_too_short_would_hit():
    assert Credentials(query=(("apikey", "test"),)).scrub(b"a test") == b"a test"
    assert Credentials(query=(("apikey", ""),)).scrub(b"a test") == b"a test"


@pytest.mark.parametrize("name", ["connect", "read", "total"])
@pytest.mark.parametrize(
    "value",
    [0, 0.0, -1, float("inf"), float("-inf"), float("nan"), None, "5", True, Decimal(5)],
    ids=repr,
)
def test_a_timeout_is_a_positive_finite_number(name, value):
    with pytest.raises(ConfigurationError, match=f"{name} must be a positive, finite number"):
        Timeouts(**{name: value})


def test_timeouts_take_whole_numbers_too():
    assert Timeouts(connect=1, read=2, total=3).total == 3


def test_a_request_with_changes_leaves_the_first_one_alone():
    first = request()
    other = first.but(attempt=2, url="https://x.test/b")
    assert other == attrs.evolve(first, attempt=2, url="https://x.test/b")
    assert (first.attempt, other.attempt) == (1, 2)
    assert first == request()


@pytest.mark.parametrize(
    ("status", "ok"), [(199, False), (200, True), (299, True), (300, False), (500, False)]
)
def test_only_2xx_is_ok(status, ok):
    assert HttpResponse(status=status).ok is ok


def test_a_response_does_not_show_its_body():
    assert "canary" not in repr(HttpResponse(status=200, body=b"canary"))
