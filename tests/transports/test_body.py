"""Unpacking, at the sizes where a piece ends with the stream."""

from __future__ import annotations

import gzip
import random
import zlib

import pytest

from eguma_async.core.delivery import PIECE
from eguma_async.transports._body import BodyError, Collector, decoder

SIZES = [1, 2, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE, 5 * PIECE + 7]
PACKERS = {
    "gzip": ("gzip", gzip.compress),
    "deflate": ("deflate", zlib.compress),
    "raw deflate": ("deflate", lambda data: zlib.compress(data, wbits=-15)),
}


def unpack(encoding: str, packed: bytes, step: int) -> list[bytes]:
    engine = decoder(encoding)
    pieces = [
        piece
        for start in range(0, len(packed), step)
        for piece in engine.feed(packed[start : start + step])
    ]
    engine.finish()
    return pieces


@pytest.mark.parametrize("step", [1, 7, 100_000_000])
@pytest.mark.parametrize("kind", ["zeros", "noise"])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("packer", PACKERS)
def test_what_was_packed_is_unpacked_in_bounded_pieces(packer, size, kind, step):
    data = bytes(size) if kind == "zeros" else random.Random(size).randbytes(size)
    encoding, pack = PACKERS[packer]
    pieces = unpack(encoding, pack(data), step)
    assert b"".join(pieces) == data
    assert max(map(len, pieces)) <= PIECE


@pytest.mark.parametrize("packer", PACKERS)
def test_every_cut_is_noticed(packer):
    encoding, pack = PACKERS[packer]
    packed = pack(b"many words, many words, many more words" * 5)
    for end in range(1, len(packed)):
        with pytest.raises(BodyError):
            unpack(encoding, packed[:end], 1000)


@pytest.mark.parametrize("packer", ["deflate", "raw deflate"])
@pytest.mark.parametrize("step", [1, 1000])
def test_deflate_has_one_stream_only(packer, step):
    encoding, pack = PACKERS[packer]
    with pytest.raises(BodyError, match="goes on after its end"):
        unpack(encoding, pack(b"one") + pack(b"two"), step)


@pytest.mark.parametrize("encoding", ["br", "zstd", "gzip, gzip", "gzip,", "deflate, identity"])
def test_other_encodings_are_refused(encoding):
    with pytest.raises(BodyError, match="not asked for"):
        decoder(encoding)


def test_a_collector_takes_exactly_its_limit():
    collector = Collector(3)
    collector.add(b"ab")
    collector.add(b"c")
    assert collector.body() == b"abc"
    with pytest.raises(BodyError, match="larger than 3 bytes"):
        collector.add(b"d")
