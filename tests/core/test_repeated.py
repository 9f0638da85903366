from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.core.errors import DecodingError
from eguma_async.core.repeated import refuse_repeated_names

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(VALUES)
def test_what_a_json_writer_writes_passes(value):
    refuse_repeated_names(json.dumps(value).encode())


@given(st.text(), VALUES)
def test_a_name_twice_is_refused_wherever_it_stands(name, value):
    member = f"{json.dumps(name)}: {json.dumps(value)}"
    body = '[{"deep": {' + ", ".join([member] * 2) + "}}]"
    with pytest.raises(DecodingError) as caught:
        refuse_repeated_names(body.encode())
    assert caught.value.problems == ("the same name twice in an object @ $",)
    assert not caught.value.malformed
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        b'\xef\xbb\xbf{"a": 1}',
        b"[" + b"1" * 5000 + b"]",
        b'[{"a": 1}, {"a": 2}]',
        b'{"a": {"a": 1}}',
    ],
)
def test_what_holds_no_name_twice_passes(body):
    refuse_repeated_names(body)


def test_names_are_compared_as_they_are_read():
    with pytest.raises(DecodingError, match="twice"):
        refuse_repeated_names(b'{"a": 1, "\\u0061": 2}')


def test_what_is_too_deep_to_tell_is_refused():
    with pytest.raises(DecodingError, match="within each other"):
        refuse_repeated_names(b"[" * 100_000 + b"]" * 100_000)
