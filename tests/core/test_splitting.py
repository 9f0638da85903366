"""The elements of an array, however its bytes come."""

from __future__ import annotations

import json
import string

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async.core.splitting import (
    MAX_AROUND_BYTES,
    MalformedError,
    Splitter,
    TooLargeError,
    elements_of,
)

BOM = b"\xef\xbb\xbf"
ALPHABET = string.ascii_letters[:4] + '"\\{}[]:, \n\t/ü€😀\x7f'
TEXTS = st.text(ALPHABET, max_size=12) | st.sampled_from(
    ['},{"id":', '"},{"id":"', "\\", '\\"', "],[", "]}"]
)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(10**18), 10**18)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["id", "a", "}"]) | TEXTS, inner, max_size=3)
    ),
    max_leaves=8,
)
# Alike in their first name, and with such objects inside: what a cut can be mistaken in.
OBJECTS = st.fixed_dictionaries(
    {"id": SCALARS},
    optional={"lines": st.lists(st.fixed_dictionaries({"id": TEXTS}), max_size=3), "x": VALUES},
)
LISTS = st.lists(OBJECTS, max_size=12) | st.lists(VALUES, max_size=8)


def written(value, how):
    text = {
        "compact": lambda: json.dumps(value, separators=(",", ":"), ensure_ascii=False),
        "plain": lambda: json.dumps(value),
        "indented": lambda: json.dumps(value, indent=2, ensure_ascii=False),
        "with blanks": lambda: (
            " \r\n" + json.dumps(value, indent="\t", separators=(" , ", " : ")) + "\r\n "
        ),
    }[how]()
    return text.encode()


HOW = st.sampled_from(["compact", "plain", "indented", "with blanks"])


def split(chunks, path=(), **options):
    """Return the elements, and the splitter."""
    splitter = Splitter(path, **options)
    found = []
    for chunk in chunks:
        for batch in splitter.feed(chunk):
            found += msgspec.json.decode(batch)
    for batch in splitter.finish():
        found += msgspec.json.decode(batch)
    return found, splitter


def pieces(data, size):
    return [data[start : start + size] for start in range(0, len(data), size)]


@settings(deadline=None)
@given(LISTS, HOW, st.integers(1, 40), st.sampled_from([1, 16, 100, 10_000]), st.booleans())
def test_it_is_what_the_whole_text_is_decoded_to(value, how, size, batch, has_bom):
    data = written(value, how)
    found, splitter = split(pieces(BOM * has_bom + data, size), batch_bytes=batch)
    assert found == msgspec.json.decode(data)
    assert msgspec.json.decode(splitter.around) == []


@settings(max_examples=25, deadline=None)
@given(LISTS, HOW, st.sampled_from([1, 30, 10_000]))
def test_it_makes_no_difference_where_the_bytes_are_cut(value, how, batch):
    data = written(value, how)
    whole = msgspec.json.decode(data)
    for at in range(len(data) + 1):
        assert split([data[:at], data[at:]], batch_bytes=batch)[0] == whole


@settings(max_examples=25, deadline=None)
@given(LISTS, HOW, st.sampled_from([1, 30, 10_000]))
def test_a_text_that_is_cut_anywhere_is_no_list_and_loses_no_whole_element(value, how, batch):
    data = written(value, how)
    whole = msgspec.json.decode(data)
    end = len(data.rstrip())
    for at in range(end):
        splitter = Splitter(batch_bytes=batch)
        found = []
        with pytest.raises(MalformedError):
            for chunk in pieces(data[:at], 7):
                for array in splitter.feed(chunk):
                    found += msgspec.json.decode(array)
            for array in splitter.finish():
                found += msgspec.json.decode(array)
            raise_unless_found(splitter)
        assert found == whole[: len(found)]
        commas = sum(1 for _ in whole_before(data, at))
        assert len(found) >= commas


def raise_unless_found(splitter):
    """A text that ends before its array is for whoever decodes it whole."""
    if not splitter.is_found:
        with pytest.raises((msgspec.DecodeError, UnicodeDecodeError)):
            msgspec.json.decode(splitter.around)
        raise MalformedError


def whole_before(data, at):
    """Yield the ends of the elements that have a comma behind them before a place."""
    decoder = json.JSONDecoder()
    text = data.decode()
    position = text.index("[") + 1
    while True:
        rest = text[position:].lstrip()
        if not rest or rest[0] == "]":
            return
        _, end = decoder.raw_decode(rest)
        after = rest[end:].lstrip()
        if not after.startswith(","):
            return
        position = len(text) - len(after) + 1
        if len(text[:position].encode()) > at:
            return
        yield position


@settings(deadline=None)
@given(LISTS, HOW, st.integers(1, 40), VALUES, VALUES)
def test_a_list_within_other_things_is_found(value, how, size, before, after):
    whole = {"x": before, "rows": {"n": 1, "orders": value, "m": after}, "end": "orders"}
    data = written(whole, how)
    found, splitter = split(pieces(data, size), ("rows", "orders"), batch_bytes=20)
    assert found == msgspec.json.decode(written(value, how))
    whole["rows"]["orders"] = []
    assert msgspec.json.decode(splitter.around) == msgspec.json.decode(written(whole, how))


@pytest.mark.parametrize(
    "text",
    [
        '{"a":[{"orders":[1]}]}',
        '{"orders":{"orders":[1]}}',
        '["orders",[1]]',
        '{"a":"orders","b":[1]}',
        '{"orders":1}',
        "[1]",
        "1",
        "",
        "<p>",
    ],
)
def test_a_list_that_is_not_there_is_not_found(text):
    found, splitter = split([text.encode()], ("orders",))
    assert not splitter.is_found
    assert (found, splitter.around) == ([], text.encode())


def test_names_are_read_with_their_escapes():
    assert split([rb'{"\u006frders":[1]}'], ("orders",))[0] == [1]


@pytest.mark.parametrize("batch", [1, 4, 1000])
@pytest.mark.parametrize(
    "text",
    [
        "[1,]",
        "[11111,]",
        "[11111, \n]",
        "[11111, , 2]",
        "[}",
        "[1}",
        '[{"id":1},{"id":2}}',
        "[,1]",
        "[,]",
        "[1,,2]",
        "[1]x",
        "[1]]",
        "[1},2]",
        "[1 2]",
        '["a]',
        "[{]}]",
        "[1]{}",
        "[1],[2]",
        "[tru]",
        "[\x00]",
        '{"orders"}[1]',
        "x[1]",
        '"a"[1]',
    ],
)
def test_what_is_no_json_is_refused(text, batch):
    with pytest.raises((MalformedError, msgspec.DecodeError)):
        raise_unless_found(split(pieces(text.encode(), 1), batch_bytes=batch)[1])


def test_a_cut_in_a_nested_list_or_in_a_text_is_never_taken():
    """Everything that looks like the border of two elements, where there is none."""
    rows = [
        {"id": n, "k": [{"id": 1}, {"id": 2}, {"id": '},{"id":'}], "s": '},{"id": "\\" ] } {'}
        for n in range(500)
    ]
    for how in ("compact", "plain", "indented"):
        assert split(pieces(written(rows, how), 900), batch_bytes=1000)[0] == rows


def test_batches_are_of_about_the_size_that_was_asked_for():
    rows = [{"id": n, "text": "x" * 50} for n in range(2000)]
    splitter = Splitter(batch_bytes=4096)
    sizes = [len(batch) for batch in splitter.feed(written(rows, "compact"))]
    assert len(sizes) > 20
    assert max(sizes) < 2 * 4096
    assert min(sizes) > 3500


def test_it_keeps_no_more_than_a_batch():
    splitter = Splitter(batch_bytes=1000)
    row = written({"id": 1, "text": "x" * 80}, "compact")
    for _ in splitter.feed(b"["):
        pass
    for _ in range(5000):
        assert all(len(batch) < 2000 for batch in splitter.feed(row + b","))
        assert splitter._size < 1200


@pytest.mark.parametrize("chunk", [50, 1000, 1_000_000])
def test_an_element_that_is_too_large_is_refused_and_the_ones_before_it_are_not(chunk):
    rows = [{"id": 1}, {"id": 2}, {"id": 3, "text": "x" * 2000}, {"id": 4}]
    splitter = Splitter(batch_bytes=100, max_element_bytes=1500)
    found = []
    with pytest.raises(TooLargeError, match="1500 bytes"):
        for piece in pieces(written(rows, "compact"), chunk):
            for batch in splitter.feed(piece):
                found += msgspec.json.decode(batch)
        for batch in splitter.finish():
            found += msgspec.json.decode(batch)
    assert found == rows[:2]
    assert split(pieces(written(rows, "compact"), chunk), max_element_bytes=2100)[0] == rows


def test_an_element_too_large_is_seen_whichever_way_it_is_cut():
    """It is whole by the time there is more than the largest, with the next one behind it."""
    rows = [{"id": 1}, {"id": 2}, {"id": 3, "text": "x" * 1500}, *[{"id": n} for n in range(20)]]
    for batch in (100, 64, 700):
        with pytest.raises(TooLargeError):
            split([written(rows, "compact")], batch_bytes=batch, max_element_bytes=1500)


def test_a_large_element_is_not_scanned_again_for_every_chunk():
    """Each look is at twice as much as the one before."""
    splitter, looks = Splitter(batch_bytes=1000), set()
    data = written([{"id": 1, "text": "x" * 1_000_000}], "compact")
    for piece in pieces(data, 1000):
        assert list(splitter.feed(piece)) == []
        looks.add(splitter._wanted)
    assert len(looks) < 15
    assert len(list(splitter.finish())) == 1


@pytest.mark.parametrize("before", [True, False])
def test_what_stands_around_is_bounded(before):
    much = b'"' + b"x" * (2 * MAX_AROUND_BYTES) + b'"'
    text = b'{"a":' + much + b',"orders":[1]}' if before else b'{"orders":[1],"a":' + much + b"}"
    with pytest.raises(TooLargeError, match=f"{MAX_AROUND_BYTES} bytes"):
        split(pieces(text, 1000), ("orders",))


def test_blanks_at_the_end_do_not_count():
    assert split([b"[1]", b" " * (3 * MAX_AROUND_BYTES), b"\n"])[0] == [1]


def test_elements_nested_more_deeply_than_a_decoder_goes_are_cut_all_the_same():
    deep = b"[" * 3000 + b"]" * 3000
    splitter = Splitter()
    batches = [*splitter.feed(b"[" + deep + b"]"), *splitter.finish()]
    assert batches == [b"[" + deep + b"]"]
    with pytest.raises(MalformedError):
        elements_of(batches[0])
