"""The elements of one long JSON array, cut out of a stream of bytes in batches.

To look at every byte in Python takes far longer than to decode it. So the text between two
elements, such as ``},{"id":``, is learnt once, and each further batch ends where it stands last.
msgspec proves that cut: within a nested value or within a text it leaves brackets or quotes open,
and what is not whole is no JSON. Where there is no such text, or it proves nothing, an exact scan
finds the commas between the elements, at half the pace at which msgspec decodes them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Iterator

import msgspec

BATCH = 64 * 1024
"""Bytes gathered before a batch is cut; as much as a transport hands over at once."""

MAX_ELEMENT_BYTES = 16 * 1024 * 1024

MAX_AROUND_BYTES = 256 * 1024
"""What may stand before the array, and behind it: it is kept, and looked at piece by piece."""

_BOM = b"\xef\xbb\xbf"
_BLANKS = b" \t\r\n"
_TEXT = rb'"(?:[^"\\]++|\\.)*+"'
_NEXT_INSIDE = re.compile(rb'(?:[^"{}\[\]]++|' + _TEXT + rb")*+[{}\[\]]", re.DOTALL)
_NEXT_BETWEEN = re.compile(rb'(?:[^"{}\[\],]++|' + _TEXT + rb")*+[{}\[\],]", re.DOTALL)
_TO_NEXT_NAME = re.compile(rb"[ \t\r\n]*+,[ \t\r\n]*+\{[ \t\r\n]*+" + _TEXT + rb"[ \t\r\n]*+:")
_TOKEN = re.compile(rb"[ \t\r\n]*+([{}\[\],:]|" + _TEXT + rb'|[^ \t\r\n{}\[\],:"]++)', re.DOTALL)
_PROOFS = 2
"""How many cuts are tried before the exact scan."""

_as_elements = msgspec.json.Decoder(list[msgspec.Raw]).decode


class MalformedError(Exception):
    """The text is no JSON, or is cut. What came of it before was yielded."""


class TooLargeError(Exception):
    """What is too large to be held in memory. The text says what."""


class Splitter:
    """Cuts an array into batches of whole elements. Each batch is a JSON array of its own.

    What stands around the array is kept, with nothing in between. That an element is JSON itself
    is for the decoder to find out.

    Args:
        path: Names of the members that lead to the array, from the outside in; none if it is the
            whole text.
        batch_bytes: Size from which a batch is cut: elements as large make larger batches.
        max_element_bytes: The largest element to accept.
        is_json: Tells whether a text is JSON: whoever decodes the batches anyway may do so here.

    Attributes:
        is_found: True once the array has begun.
        around: What stands around it: the whole text, but for the elements.
    """

    def __init__(
        self,
        path: tuple[str, ...] = (),
        *,
        batch_bytes: int = BATCH,
        max_element_bytes: int = MAX_ELEMENT_BYTES,
        is_json: Callable[[bytes], bool] | None = None,
    ) -> None:
        self.is_found: bool = False
        self.around: bytes = b""
        self._path = path
        self._batch_bytes = batch_bytes
        self._max_element_bytes = max_element_bytes
        self._is_json = is_json or is_json_text
        self._chunks: list[bytes] = []
        self._size = 0
        self._wanted = len(_BOM) + 1
        self._has_ended = False
        self._may_be_empty = True
        self._separator = b""
        self._comma_at = 0  # in the separator

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take the next bytes, and yield the batches that are whole now.

        Raises:
            MalformedError: It is no JSON.
            TooLargeError: An element is too large, or what stands around them.
        """
        for start in range(0, len(data), self._batch_bytes):
            piece = data[start : start + self._batch_bytes]  # the same one, if it is all of it
            self._chunks.append(piece)
            self._size += len(piece)
            if self._size >= self._wanted:
                yield from self._cut(is_last=False)

    def finish(self) -> Iterator[bytes]:
        """Yield what is left, and check that nothing is missing.

        If the array was not found, `around` is the whole text, whatever that is.

        Raises:
            MalformedError: It is no JSON, or is cut.
            TooLargeError: As for `feed`.
        """
        yield from self._cut(is_last=True)
        if not self.is_found:
            self.around = self._taken()
            return
        if not self._has_ended:
            raise MalformedError
        if not is_json_text(self.around):
            raise MalformedError

    # What is held

    def _taken(self) -> bytes:
        data = b"".join(self._chunks)
        self._chunks.clear()
        self._size = 0
        return data

    def _keep(self, data: bytes, *, wanted: int) -> None:
        self._chunks = [data] if data else []
        self._size = len(data)
        self._wanted = wanted

    # The three parts of a text

    def _cut(self, *, is_last: bool) -> Iterator[bytes]:
        data = self._taken()
        if not self.is_found:
            data = self._after_head(data)
            if not self.is_found:
                return
        if not self._has_ended:
            data = yield from self._elements(data, is_last=is_last)
        if self._has_ended:
            self._keep_tail(data)

    def _after_head(self, data: bytes) -> bytes:
        data = data.removeprefix(_BOM)
        begin = _find_array(data, self._path)
        if begin is None:
            if len(data) > MAX_AROUND_BYTES:
                raise TooLargeError(f"no list in the first {MAX_AROUND_BYTES} bytes")
            self._keep(data, wanted=2 * len(data))
            return b""
        self.is_found = True
        self.around = data[:begin] + b"]"
        if not is_json_text(self.around + b"}" * len(self._path)):
            raise MalformedError
        return data[begin:]

    def _elements(self, data: bytes, *, is_last: bool) -> Generator[bytes, None, bytes]:
        """Yield what can be cut off, and return the bytes behind the array, if it has ended."""
        comma, batch = (-1, b"") if is_last else self._proven(data)
        if comma >= 0:
            yield self._checked(batch)
        else:
            comma, end = _commas(data)
            if end >= 0:
                yield from self._last(data[:end])
                if data[end : end + 1] != b"]":
                    raise MalformedError
                self._has_ended = True
                return data[end + 1 :]
            if comma >= 0:
                self._learn(data, comma)
                yield self._checked(b"[%b]" % _not_blank(data[:comma]))
        if comma >= 0:
            self._may_be_empty = False
            data = data[comma + 1 :]
        if is_last:
            yield from _whole(data)
            return b""
        self._wait_for_more(data, was_cut=comma >= 0)
        return b""

    def _last(self, data: bytes) -> Iterator[bytes]:
        if not data.strip(_BLANKS) and self._may_be_empty:
            return
        yield self._checked(b"[%b]" % _not_blank(data))

    def _wait_for_more(self, data: bytes, *, was_cut: bool) -> None:
        """Keep the beginning of an element, and wait for twice as much if that is all there is.

        So the scanning of a large one takes time in proportion to its size.
        """
        size, most = len(data), self._max_element_bytes
        if was_cut:
            self._keep(data, wanted=max(self._batch_bytes, min(size + 1, most + 1)))
            return
        if size > most:
            raise TooLargeError(f"an element of more than {most} bytes")
        self._keep(data, wanted=max(self._batch_bytes, min(2 * size, most + 1)))

    def _checked(self, batch: bytes) -> bytes:
        most = self._max_element_bytes
        if len(batch) - 2 > most and any(len(bytes(raw)) > most for raw in elements_of(batch)):
            raise TooLargeError(f"an element of more than {most} bytes")
        return batch

    def _keep_tail(self, data: bytes) -> None:
        self.around += data
        if len(self.around) > 2 * MAX_AROUND_BYTES:
            self.around = self.around.rstrip(_BLANKS)
            if len(self.around) > 2 * MAX_AROUND_BYTES:
                raise TooLargeError(f"more than {MAX_AROUND_BYTES} bytes behind the list")
        self._keep(b"", wanted=self._batch_bytes)

    # Where to cut

    def _proven(self, data: bytes) -> tuple[int, bytes]:
        """Return where the last comma is that surely stands between elements, and what is before.

        -1 if it is not known.
        """
        end = len(data)
        for _ in range(_PROOFS if self._separator else 0):
            end = data.rfind(self._separator, 0, end)
            if end < 0:
                break
            comma = end + self._comma_at
            batch = b"[%b]" % data[:comma]
            if self._is_json(batch):
                return comma, batch
        return -1, b""

    def _learn(self, data: bytes, comma: int) -> None:
        """Note how one element ends and the next one begins, if both are objects."""
        end = len(data[:comma].rstrip(_BLANKS))
        match = _TO_NEXT_NAME.match(data, end)
        is_object = match is not None and data[end - 1 : end] == b"}"
        self._separator = data[end - 1 : match.end()] if match is not None and is_object else b""
        self._comma_at = comma - (end - 1)


def elements_of(array: bytes) -> list[msgspec.Raw]:
    """Return the elements of a JSON array, each as it is written.

    Raises:
        MalformedError: It is no JSON array.
    """
    try:
        return _as_elements(array)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    raise MalformedError


def elements_up_to_fault(array: bytes) -> Iterator[bytes]:
    """Yield what stands between the commas of an array, whatever it is."""
    data, start = array[1:-1], 0
    while (comma := _commas(data, start, first=True)[0]) >= 0:
        yield data[start:comma]
        start = comma + 1
    yield data[start:]


def is_json_text(text: bytes) -> bool:
    """Tell whether a text is JSON, but for what stands in its strings."""
    try:
        msgspec.json.decode(text, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _not_blank(data: bytes) -> bytes:
    if not data.strip(_BLANKS):
        raise MalformedError  # a comma too many
    return data


def _whole(data: bytes) -> Iterator[bytes]:
    """Yield the last element of an array that is cut, if it is whole itself."""
    data = data.strip(_BLANKS)
    if data[-1:] in (b"}", b"]", b'"') and is_json_text(data):
        yield b"[%b]" % data


def _commas(data: bytes, position: int = 0, *, first: bool = False) -> tuple[int, int]:
    """Scan elements, and return where the last comma between them is and the array's end.

    Args:
        data: What holds elements.
        position: Where one of them begins.
        first: Return the first comma instead.

    Returns:
        Both -1 if they are not there.
    """
    comma, depth = -1, 0
    while True:
        match = (_NEXT_INSIDE if depth else _NEXT_BETWEEN).match(data, position)
        if match is None:
            return comma, -1
        position = match.end()
        found = data[position - 1]
        if found == 0x2C:  # a comma
            comma = position - 1
            if first:
                return comma, -1
        elif found in b"{[":
            depth += 1
        elif depth:
            depth -= 1
        else:
            return comma, position - 1


def _find_array(data: bytes, path: tuple[str, ...]) -> int | None:
    """Return where the elements of an array begin; None if it is not there.

    Args:
        data: A JSON text, or its beginning.
        path: Names of the members that lead to the array.
    """
    wanted, name, position = list(path), "", 0
    inside: list[str | None] = []  # names of the members around; None for an array
    while (match := _TOKEN.match(data, position)) is not None:
        token, position = match[1], match.end()
        if token == b"{":
            inside.append("")
        elif token == b"[":
            if inside == wanted:
                return position
            inside.append(None)
        elif token in (b"}", b"]"):
            if inside:
                inside.pop()
        elif token == b":":
            if inside:
                inside[-1] = name
        elif token[:1] == b'"':
            name = _unquoted(token)
    return None


def _unquoted(token: bytes) -> str:
    try:
        return msgspec.json.decode(token, type=str)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
