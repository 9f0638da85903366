"""Requests and their credentials."""

from __future__ import annotations

import copy
import pickle
import typing
from decimal import Decimal

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import (
    NO_CREDENTIALS,
    Credentials,
    HttpRequest,
    HttpResponse,
    RequestChanges,
    Timeouts,
    wire_headers,
    wire_url,
)

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


SIGNED = "acl&X-Sig=a%2Fb%2bc+d%E9&filename=x%20y.pdf&short=1"


def test_a_signed_query_goes_out_as_it_came():
    asked = attrs.evolve(
        request(),
        query=(("last name", "Müller & Co+/?#"), ("e", "")),
        credentials=Credentials(query=(("apikey", "s=1&b"),), encoded_query=SIGNED),
    )
    pairs = "last%20name=M%C3%BCller%20%26%20Co%2B%2F%3F%23&e=&apikey=s%3D1%26b"
    assert wire_url(asked) == f"https://x.test/a?{pairs}&{SIGNED}"


@given(st.text(alphabet=st.characters(min_codepoint=0x21, max_codepoint=0x7E)))
def test_any_signed_query_is_what_stands_behind_the_question_mark(query):
    asked = attrs.evolve(request(), credentials=Credentials(encoded_query=query))
    assert wire_url(asked) == "https://x.test/a" + (f"?{query}" if query else "")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://x.test/a", "https://x.test/a?k=v"),
        ("https://x.test/a?", "https://x.test/a?k=v"),
        ("https://x.test/a?b=%c3+1", "https://x.test/a?b=%c3+1&k=v"),
        ("https://x.test/a?b&", "https://x.test/a?b&k=v"),
    ],
)
def test_a_query_in_the_url_comes_first_and_stays_as_it_is(url, expected):
    asked = attrs.evolve(request(), url=url, query=(("k", "v"),), credentials=NO_CREDENTIALS)
    assert wire_url(asked) == expected
    assert wire_url(attrs.evolve(asked, query=())) == url


def test_the_headers_of_the_wire_hold_the_secret_ones():
    asked = attrs.evolve(request(), headers={"Accept": "a/b"})
    assert wire_headers(asked) == {
        "Accept": "a/b",
        "Authorization": "Bearer canary.token.of.someone",
    }
    assert asked.headers == {"Accept": "a/b"}


@pytest.mark.parametrize(
    ("repeated", "scrubbed"),
    [
        (f"GET /a?{SIGNED} HTTP/1.1", "GET /a?*** HTTP/1.1"),
        ("sig a%2Fb%2bc+d%E9 is wrong", "sig *** is wrong"),
        ("sig a%2Fb%2Bc%2Bd%E9 is wrong", "sig *** is wrong"),
        ("not x%20y.pdf", "not ***"),
        ("not x y.pdf", "not x y.pdf"),  # too short: it would hit any word
        ("1", "1"),
    ],
)
def test_scrub_masks_a_signed_query_and_its_parts(repeated, scrubbed):
    assert Credentials(encoded_query=SIGNED).scrub(repeated.encode()) == scrubbed.encode()


def test_scrub_masks_a_signature_of_bytes():
    credentials = Credentials(encoded_query="sig=%E9%00%01%02%03%04%05%06")
    assert credentials.scrub(b"<\xe9\0\1\2\3\4\5\6>") == b"<***>"


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


def test_the_changes_of_a_request_are_its_fields():
    attrs.resolve_types(HttpRequest)
    fields = {field.name: field.type for field in attrs.fields(HttpRequest)}
    assert typing.get_type_hints(RequestChanges) == fields


@pytest.mark.parametrize(
    ("status", "ok"), [(199, False), (200, True), (299, True), (300, False), (500, False)]
)
def test_only_2xx_is_ok(status, ok):
    assert HttpResponse(status=status).ok is ok


def test_a_response_does_not_show_its_body():
    assert "canary" not in repr(HttpResponse(status=200, body=b"canary"))
