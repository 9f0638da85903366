"""JSON to attrs classes and back, in two tiers.

msgspec decodes the bytes straight into the attrs classes, strictly. Only what it refuses is parsed
again and structured by the public cattrs converter of the same classes: that accepts the variants
the API is known to send, or names the JSON path of every fault. Both tiers give equal objects, so
the first one is only a matter of speed; classes whose names differ from the wire's do without it.
Requests are unstructured by cattrs.
"""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Callable, Iterable
from datetime import date, datetime
from typing import Any, TypeVar

import attrs
import cattrs
import msgspec

from .errors import DecodingError
from .fields import WireNames, is_local
from .listing import Listing, ListPlace, is_listing, place_of_list
from .scalars import AsWritten, Cents, is_subclass
from .tolerant import faults_of, register_hooks

T = TypeVar("T")

_SCALARS = {str, int, bool, float, datetime, date, type(None), Any, Cents, AsWritten}


class Codec:
    """Encodes request objects and decodes answers.

    Args:
        wire_name: Gives the wire's name of a field by its Python name, unless `wire_named` does.
        as_object: Called with a class and the value an instance is to be made of; returns the
            JSON object to read instead, or the value as it is.

    Attributes:
        converter: The cattrs converter. A structure hook registered on it is honoured: it turns
            the fast tier off for the types it touches.
    """

    def __init__(
        self,
        *,
        wire_name: Callable[[str], str] | None = None,
        as_object: Callable[[type, object], object] | None = None,
    ) -> None:
        self._names = WireNames(wire_name)
        self._as_object = as_object
        self._decoders: dict[Any, Callable[[bytes], Any] | None] = {}
        self._tracked = _TrackedConverter(self._decoders.clear)
        register_hooks(self._tracked, self._names, as_object)
        self._tracked.track()
        self.converter: cattrs.Converter = self._tracked

    def encode(self, value: object) -> bytes:
        """Return compact JSON. None and fields that travel elsewhere are left out."""
        return msgspec.json.encode(self.converter.unstructure(value))

    def decode(self, body: bytes, returns: type[T]) -> T:
        """Decode an answer.

        Raises:
            DecodingError: The body is no JSON, or a required field is missing or of another kind.
        """
        try:
            fast = self._decoders[returns]
        except KeyError:
            fast = self._decoders[returns] = self._fast_decoder(returns)
        if fast is not None:
            try:
                return fast(body)  # type: ignore[no-any-return]  # the decoder was made for T
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                pass  # the tolerant tier accepts it or says what is wrong
        if not body and _may_be_none(returns):
            return None  # type: ignore[return-value]  # T is None, or Any
        return self._decode_tolerantly(body, returns)

    def decode_fast(self, body: bytes, returns: type[T]) -> T | None:
        """Decode an answer on the fast tier alone; None if that does not take it."""
        if returns not in self._decoders:
            self._decoders[returns] = self._fast_decoder(returns)
        fast = self._decoders[returns]
        try:
            return None if fast is None else fast(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None

    def place_of_list(self, returns: Any) -> ListPlace | None:
        """Return where in an answer the list is whose elements are read each by itself.

        None if there is none, or several, or if what it stands in is not read as it comes.
        """
        if self._tracked.is_touched(returns):
            return None
        place = place_of_list(returns, self._names)
        return None if place is not None and place.path and self._as_object is not None else place

    def _fast_decoder(self, returns: Any) -> Callable[[bytes], Any] | None:
        listed = is_listing(returns)
        if listed:  # msgspec knows no subclasses of tuple
            returns = types.GenericAlias(tuple, (*typing.get_args(returns), ...))
        local = _local_fields(returns)
        why = why_not_fast(
            returns, self._tracked.is_touched, names=self._names, ignored=local.keys()
        )
        if why is not None:
            return None
        decode = msgspec.json.Decoder(returns).decode
        if listed:
            return lambda body: Listing(decode(body))
        return _without_local(decode, local) if local else decode

    def _decode_tolerantly(self, body: bytes, returns: type[T]) -> T:
        found: tuple[str, ...]
        try:
            raw = msgspec.json.decode(body.removeprefix(b"\xef\xbb\xbf"))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raw, found = None, ("no valid JSON @ $",)
            malformed = True
        else:
            malformed = False
            try:
                return self.converter.structure(raw, returns)
            except Exception as fault:  # noqa: BLE001  # a hook of the user's raises anything
                found = faults_of(fault, self._names)
        # Outside of the except block: the faults hold the server's values, and so might a customer.
        raise DecodingError("unreadable response", problems=found, malformed=malformed)


def _may_be_none(kind: Any) -> bool:
    """Tell whether None is a value of a type: a response without a body stands for it."""
    return kind in (Any, None, type(None)) or type(None) in typing.get_args(kind)


_SAME_NAMES = WireNames()


def _local_fields(kind: Any) -> dict[str, Any]:
    """Return the `LOCAL` fields of a class with their defaults; none of what is no attrs class."""
    if not attrs.has(kind):
        return {}
    return {f.name: f.default for f in attrs.fields(kind) if is_local(f)}


def _without_local(
    decode: Callable[[bytes], Any], defaults: dict[str, Any]
) -> Callable[[bytes], Any]:
    """Take back what msgspec read into fields that are no server's to set."""

    def decode_without(body: bytes) -> Any:
        value = decode(body)
        if all(getattr(value, name) is default for name, default in defaults.items()):
            return value
        return attrs.evolve(value, **defaults)

    return decode_without


def why_not_fast(
    kind: Any,
    is_touched: Callable[[Any], bool] = lambda _: False,
    seen: set[Any] | None = None,
    *,
    names: WireNames = _SAME_NAMES,
    ignored: Iterable[str] = (),
) -> str | None:
    """Return None if both tiers read a type tree alike, else the reason.

    msgspec skips attrs converters, reads aliases and private names by their attribute name and
    refuses unknown members of a closed enum; a hook of the user's is not known to it at all.
    """
    seen = set() if seen is None else seen
    if kind in seen:
        return None
    seen.add(kind)
    if is_touched(kind):
        return f"a hook is registered for {kind}"
    if kind in _SCALARS:
        return None
    if attrs.has(kind):
        attrs.resolve_types(kind)
        fields = [f for f in attrs.fields(kind) if f.name not in ignored]
        reasons = (_why_field_not_fast(kind, f, is_touched, seen, names) for f in fields)
    elif isinstance(kind, type) and issubclass(kind, enum.Enum):
        return None if "_missing_" in _own_names(kind) else f"closed enum {kind.__name__}"
    elif typing.get_origin(kind) is not None:
        parts = (part for part in typing.get_args(kind) if part is not Ellipsis)
        reasons = (why_not_fast(part, is_touched, seen, names=names) for part in parts)
    else:
        return f"unknown kind {kind!r}"
    return next((reason for reason in reasons if reason), None)


def _why_field_not_fast(
    cls: type,
    field: attrs.Attribute[Any],
    is_touched: Callable[[Any], bool],
    seen: set[Any],
    names: WireNames,
) -> str | None:
    where = f"{cls.__name__}.{field.name}"
    if is_local(field):
        return f"{where}: local"
    if field.converter is not None:
        return f"{where}: converter"
    if field.alias != field.name:
        return f"{where}: alias"
    if getattr(field.default, "takes_self", False):
        return f"{where}: takes_self"
    if names.of(field) != field.name:
        return f"{where}: wire name"
    return why_not_fast(field.type, is_touched, seen, names=names)


def _own_names(kind: type[enum.Enum]) -> set[str]:
    return {name for c in kind.__mro__ if c.__module__ != "enum" for name in vars(c)}


class _TrackedConverter(cattrs.Converter):
    """A converter that remembers for which types a user registered structure hooks."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._tests: list[Callable[[Any], bool]] | None = None
        super().__init__()

    def track(self) -> None:
        """From here on, hooks are the user's."""
        self._tests = []

    def is_touched(self, kind: Any) -> bool:
        """Tell whether a user's hook applies to a type."""
        return any(test(kind) for test in self._tests or ())

    def _touch(self, test: Callable[[Any], bool]) -> None:
        if self._tests is not None:
            self._tests.append(test)
            self._on_change()

    def register_structure_hook(self, cl: Any, func: Any = None) -> Any:
        result = super().register_structure_hook(cl, func)
        kind = cl if func is not None else typing.get_type_hints(cl)["return"]
        # cattrs gives the hook of a class to its subclasses, too.
        self._touch(lambda other: other == kind or is_subclass(other, kind))
        return result

    def register_structure_hook_func(self, check_func: Any, func: Any) -> None:
        super().register_structure_hook_func(check_func, func)
        self._touch(check_func)

    def register_structure_hook_factory(self, predicate: Any, factory: Any = None) -> Any:
        result = super().register_structure_hook_factory(predicate, factory)
        self._touch(predicate)
        return result
