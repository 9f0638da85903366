"""Long lists, decoded a batch at a time: the same objects as from decoding the whole answer."""

from __future__ import annotations

import gc
from collections.abc import Callable, Generator, Iterator
from functools import partial
from itertools import chain
from typing import Any, Generic, TypeVar

import attrs
import msgspec

from .codec import Codec
from .errors import DecodingError, IncompleteListError
from .listing import Listing, UnreadableElement, is_listing, log_unreadable
from .repeated import refuse_repeated_names
from .splitting import (
    BATCH,
    MAX_ELEMENT_BYTES,
    MalformedError,
    Splitter,
    TooLargeError,
    elements_of,
    elements_up_to_fault,
    is_json_text,
)

T = TypeVar("T")

LARGE_BODY = 1024 * 1024
"""Bytes from which an answer is decoded in steps: less takes some 5 ms at once."""

STEP = 256 * 1024
"""Bytes of a step: 1 to 2 ms."""


LEAST_WORK = 256
"""Bytes as which an element counts at least that is decoded by itself."""


class ElementReader(Generic[T]):
    """Makes elements of the bytes of an answer, as they come.

    An element that cannot be read is in `Listing.unreadable` of its batch, with its place in the
    whole list.

    Args:
        codec: Decodes.
        returns: What the whole answer is: ``Listing[X]``, or a class of which one field is such a
            list.
        batch_bytes: Bytes of a batch.
        max_element_bytes: The largest element to accept.

    Attributes:
        count: Elements so far, those that could not be read included.
        path: JSON path of the list.
    """

    def __init__(
        self,
        codec: Codec,
        returns: Any,
        *,
        batch_bytes: int = BATCH,
        max_element_bytes: int = MAX_ELEMENT_BYTES,
    ) -> None:
        place = codec.place_of_list(returns)
        if place is None:
            raise TypeError(f"{returns} is no list of elements that are read by themselves")
        self.count: int = 0
        self.path: str = place.shown
        self._codec = codec
        self._returns = returns
        self._place = place
        self._listing: Any = Listing[place.element]  # type: ignore[name-defined]  # a value
        self._splitter = Splitter(
            place.path,
            batch_bytes=batch_bytes,
            max_element_bytes=max_element_bytes,
            is_json=self._is_json,
        )
        self._proof: Listing[T] | None = None

    def feed(self, data: bytes) -> Iterator[Listing[T]]:
        """Take the next bytes, and yield the elements that are whole now.

        Raises:
            IncompleteListError: They are no JSON, or too large. What came before was yielded.
        """
        return self._decoded(self._splitter.feed(data))

    def finish(self) -> Iterator[Listing[T]]:
        """Yield what is left, and check that nothing is missing.

        Raises:
            IncompleteListError: Something is.
            DecodingError: What stands around the list cannot be read, or there is none.
        """
        yield from self._decoded(self._splitter.finish())
        self.around()

    def around(self) -> Any:
        """Return the whole answer with an empty list in it; to be asked for at the end.

        Raises:
            DecodingError: It cannot be read, or there is no list.
        """
        text = self._splitter.around
        value = self._codec.decode(text, self._returns)
        if self._place.path and self._splitter.is_found:
            refuse_repeated_names(text)  # of two lists, one was taken
        return value

    def filled(self, elements: list[T], unreadable: list[UnreadableElement]) -> Any:
        """Return the whole answer with its list."""
        around = self.around()
        if not self._splitter.is_found:
            return around
        listing = Listing(elements, tuple(unreadable))
        if self._place.field is None:
            return listing
        found = listing if unreadable else tuple(elements)
        return attrs.evolve(around, **{self._place.field: found})

    def _is_json(self, batch: bytes) -> bool:
        """Tell whether a batch is JSON; the next that comes is this one then.

        To decode it proves it, so that to look at it first is an eighth of the work saved.
        """
        self._proof = self._codec.decode_fast(batch, self._listing)
        return self._proof is not None or is_json_text(batch)

    def _decoded(self, batches: Iterator[bytes]) -> Iterator[Listing[T]]:
        problem = None
        try:
            for batch in batches:
                found = self._proof or self._codec.decode_fast(batch, self._listing)
                self._proof = None
                if found is None:
                    yield from self._one_by_one(batch)
                else:
                    self.count += len(found)
                    yield found
        except MalformedError:
            pass
        except TooLargeError as fault:
            problem = str(fault)
        else:
            return
        # Out here: the frames of what was caught hold the answer, and so a customer.
        raise IncompleteListError(
            "the list ended early" if self.count else "unreadable response",
            read=self.count,
            problems=(f"{problem or 'no valid JSON'} @ {self.path}[{self.count}]",),
            malformed=problem is None,
        )

    def _one_by_one(self, batch: bytes) -> Iterator[Listing[T]]:
        """Decode a batch that the fast tier refuses, so that it is refused little of it."""
        part: _Part[T] = _Part()
        for piece in _pieces(batch):
            try:
                if not piece.strip():
                    raise MalformedError
                part.readable.append(self._codec.decode(piece, self._place.element))
            except DecodingError as fault:
                if fault.malformed:
                    yield part.listing()
                    raise MalformedError from None
                part.unreadable.append(self._unreadable(piece, fault))
            self.count += 1
            part.size += len(piece) + LEAST_WORK
            if part.size >= BATCH:
                yield part.listing()
                part = _Part()
        yield part.listing()

    def _unreadable(self, piece: bytes, fault: DecodingError) -> UnreadableElement:
        found = UnreadableElement(
            index=self.count, problems=fault.problems, raw=msgspec.json.decode(piece)
        )
        log_unreadable(self._place.element, found)
        return found


class _Part(Generic[T]):
    """What was decoded of a batch."""

    def __init__(self) -> None:
        self.readable: list[T] = []
        self.unreadable: list[UnreadableElement] = []
        self.size = 0

    def listing(self) -> Listing[T]:
        return Listing(self.readable, tuple(self.unreadable))


def _pieces(batch: bytes) -> Iterator[bytes]:
    """Yield the elements of a batch, up to where it is no JSON.

    Raises:
        MalformedError: It is none, at the end if no element by itself shows it.
    """
    try:
        whole = elements_of(batch)
    except MalformedError:
        pass
    else:
        yield from map(bytes, whole)
        return
    yield from elements_up_to_fault(batch)
    raise MalformedError


def steps_of(codec: Codec, body: bytes, returns: Any) -> Generator[None, None, Any] | None:
    """Return the decoding of an answer in steps of some milliseconds; None if it has none.

    The value of the generator is what ``codec.decode(body, returns)`` returns.
    """
    if codec.place_of_list(returns) is None:
        return None
    return _steps(codec, body, returns)


def _steps(codec: Codec, body: bytes, returns: Any) -> Generator[None, None, Any]:
    reader: ElementReader[Any] = ElementReader(codec, returns, batch_bytes=STEP)
    readable: list[Any] = []
    unreadable: list[UnreadableElement] = []
    try:
        parts = chain(reader.feed(body), reader.finish())
        while (part := _undisturbed(partial(next, parts, None))) is not None:
            readable += part
            unreadable += part.unreadable
            yield
        return reader.filled(readable, unreadable)
    except DecodingError as fault:
        is_clear = fault.malformed and is_listing(returns)
        problems = fault.problems
    readable.clear()
    if is_clear:
        raise DecodingError("unreadable response", problems=problems, malformed=True)
    # It is all in memory, so that nothing is too large; or its error is to name the place.
    return codec.decode(body, returns)


def _undisturbed(step: Callable[[], T]) -> T:
    """Make objects that are all to last, and spare the garbage collector the search among them.

    It would come every 700 objects and now and then look through all there are: of 50 MB of orders
    it takes half the time, and up to 0.2 s at once. So it is off for one step, in which no other
    code of this thread runs, and finds what was made, like all that is young then, among its old
    objects. Nothing is hidden from it: it looks there the next time that it looks everywhere.

    `gc.freeze` and `gc.unfreeze` move whole lists of objects, in no time. Where a program has
    frozen some itself, they would not stay so, and all goes its usual way.
    """
    if not gc.isenabled() or gc.get_freeze_count():
        return step()
    gc.disable()
    try:
        return step()
    finally:
        gc.freeze()
        gc.unfreeze()
        gc.enable()
