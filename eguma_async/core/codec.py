"""JSON to attrs classes and back, in three tiers that give equal objects.

1. `strict`: msgspec decodes the bytes straight into the attrs classes; where names or values
   differ from the wire's, by way of structs that have the wire's names (`structs`). What it
   refuses goes to the next tier, as do classes that keep the JSON they are made of.
2. `repair`: the answer is parsed, one generated function for each class puts the JSON objects in
   order, and msgspec makes the attrs objects of them. It accepts the variants the API is known to
   send, at about three times the cost of the first tier.
3. `tolerant`: the public cattrs converter of the same classes structures the parsed answer, or
   names the JSON path of every fault. It is the measure of the other two, which are a matter of
   speed only, and costs about five times as much as the second.

Nothing is remembered of earlier answers: msgspec refuses an oddity where it meets it, which costs
next to nothing, as most are in every element.

Requests are unstructured by cattrs.
"""

from __future__ import annotations

import typing
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

import cattrs
import msgspec

from .dialect import PLAIN, Dialect, ObjectForm
from .errors import DecodingError
from .fields import WireNames
from .listing import ListPlace, place_of_list
from .log import logger
from .repair import repairing_decoder
from .strict import named, strict_decoder
from .structs import struct_decoder
from .tolerant import faults_of, register_hooks
from .tracking import TrackedConverter

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
_MALFORMED = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


class Codec:
    """Encodes request objects and decodes answers.

    Args:
        wire_name: Gives the wire's name of a field by its Python name, unless `wire_named` does.
        form_of: Gives what may stand for the JSON object of a class; None for nothing else.
        readers: How values of some types are read, if not as everywhere: functions of a JSON value
            and the type that return what is made of it, or raise `ValueError`.
        empty_is_null: True if an empty object or array stands for null, where an object or null
            is expected.

    Attributes:
        converter: The cattrs converter. A structure hook registered on it is honoured: the types
            it touches are read by the third tier only.
    """

    def __init__(
        self,
        *,
        wire_name: Callable[[str], str] | None = None,
        form_of: Callable[[type], ObjectForm | None] = PLAIN.form_of,
        readers: Mapping[Any, Callable[[object, Any], Any]] | None = None,
        empty_is_null: bool = False,
    ) -> None:
        self._decoders: dict[Any, Callable[[bytes], Any] | None] = {}
        self._repairs: dict[Any, Callable[[Any], Any] | None] = {}
        self._told: set[Any] = set()
        self._tracked = TrackedConverter(self._forget)
        self._dialect = Dialect(
            names=WireNames(wire_name),
            form_of=form_of,
            readers=readers or {},
            empty_is_null=empty_is_null,
            is_touched=self._tracked.is_touched,
        )
        register_hooks(self._tracked, self._dialect)
        self._tracked.track()
        self.converter: cattrs.Converter = self._tracked

    def encode(self, value: object) -> bytes:
        """Return compact JSON. None and fields that travel elsewhere are left out."""
        return msgspec.json.encode(self.converter.unstructure(value))

    def decode(self, body: bytes, returns: type[T]) -> T:
        """Decode an answer, or one element of it.

        Raises:
            DecodingError: The body is no JSON, or a required field is missing or of another kind.
        """
        try:
            fast = self._decoders[returns]
        except KeyError:
            fast = self._decoders[returns] = self._fast_decoder(returns)
        why = ""
        if fast is not None:
            try:
                return fast(body)  # type: ignore[no-any-return]  # the decoder was made for T
            except Exception as refusal:  # noqa: BLE001  # validators of a class raise anything
                why = _reason(refusal)
        # Out here: the refusal holds the answer, which may be a customer's.
        return self._decode_oddity(body, returns, fast, why)

    def why_not_fast(self, returns: Any) -> str | None:
        """Return None if the first tier reads a type, else the reason why the second does.

        If the second cannot either, as for types that a hook of yours touches, the reason is
        followed by that.
        """
        fast = self._first_tier(returns)
        if not isinstance(fast, str):
            return None
        repair = repairing_decoder(returns, self._dialect)
        return f"{fast}; not repaired: {repair}" if isinstance(repair, str) else fast

    def _first_tier(self, returns: Any) -> Callable[[bytes], Any] | str:
        direct = strict_decoder(returns, self._dialect)
        return struct_decoder(returns, self._dialect) if isinstance(direct, str) else direct

    def decode_fast(self, body: bytes, returns: type[T]) -> T | None:
        """Decode an answer on the first tier alone; None if that does not take it."""
        if returns not in self._decoders:
            self._decoders[returns] = self._fast_decoder(returns)
        fast = self._decoders[returns]
        try:
            return None if fast is None else fast(body)
        except Exception:  # noqa: BLE001  # validators of a class raise anything
            return None

    def place_of_list(self, returns: Any) -> ListPlace | None:
        """Return where in an answer the list is whose elements are read each by itself.

        None if there is none, or several, or if what it stands in is not read as it comes.
        """
        if self._tracked.is_touched(returns):
            return None
        place = place_of_list(returns, self._dialect.names)
        if place is not None and place.path and self._dialect.form_of(returns) is not None:
            return None
        return place

    def _fast_decoder(self, returns: Any) -> Callable[[bytes], Any] | None:
        decode = self._first_tier(returns)
        return None if isinstance(decode, str) else decode

    def _repairing_decoder(self, returns: Any) -> Callable[[Any], Any] | None:
        decode = repairing_decoder(returns, self._dialect)
        return None if isinstance(decode, str) else decode

    def _decode_oddity(
        self, body: bytes, returns: type[T], fast: Callable[[bytes], Any] | None, why: str
    ) -> T:
        """Decode what the first tier refused, or has no decoder for."""
        if not body and _may_be_none(returns):
            return None  # type: ignore[return-value]  # T is None, or Any
        if fast is not None and body.startswith(_BOM):
            try:
                return fast(body[len(_BOM) :])  # type: ignore[no-any-return]  # made for T
            except Exception as refusal:  # noqa: BLE001  # as above
                why = _reason(refusal)
        text = body.removeprefix(_BOM)
        try:
            raw = msgspec.json.decode(text)
        except _MALFORMED:
            pass
        else:
            return self._structure(raw, text, returns, why)
        # Out here: the error above holds the answer.
        raise DecodingError("unreadable response", problems=("no valid JSON @ $",), malformed=True)

    def _structure(self, raw: Any, text: bytes, returns: type[T], why: str) -> T:
        """Make an object of parsed JSON; the text is parsed again if the second tier gives up."""
        try:
            repaired = self._repairs[returns]
        except KeyError:
            repaired = self._repairs[returns] = self._repairing_decoder(returns)
        if repaired is not None:
            try:
                value: T = repaired(raw)
            except Exception:  # noqa: BLE001  # whatever it is, the next tier says it better
                raw = msgspec.json.decode(text)  # some of it was changed
            else:
                self._tell(returns, "second", why)
                return value
        found: tuple[str, ...]
        try:
            value = self.converter.structure(raw, returns)
        except Exception as fault:  # noqa: BLE001  # a hook of the user's raises anything
            found = faults_of(fault, self._dialect.names)
        else:
            self._tell(returns, "third", why)
            return value
        # Out of the except block: the faults hold the server's values, and so might a customer.
        raise DecodingError("unreadable response", problems=found)

    def _tell(self, returns: Any, tier: str, why: str) -> None:
        """Log, once for each type, that it is not decoded by the first tier."""
        if returns not in self._told:
            self._told.add(returns)
            reason = why or self.why_not_fast(returns)
            logger.debug("%s is decoded slowly, by the %s tier: %s", named(returns), tier, reason)

    def _forget(self) -> None:
        for known in (self._decoders, self._repairs, self._told):
            known.clear()


def _may_be_none(kind: Any) -> bool:
    """Tell whether None is a value of a type: a response without a body stands for it."""
    return kind in (Any, None, type(None)) or type(None) in typing.get_args(kind)


def _reason(refusal: Exception) -> str:
    """Return what msgspec says of types and paths; nothing that may hold a value."""
    words, at, path = str(refusal).rpartition(" - at ")
    if isinstance(refusal, msgspec.ValidationError) and words.startswith(("Expected ", "Object ")):
        return f"{words}{at}{path}"
    return f"value not accepted{at}{path}" if at else "value not accepted"
