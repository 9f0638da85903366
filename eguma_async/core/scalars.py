"""Texts, numbers, dates and amounts: read as they are meant, refused rather than guessed."""

from __future__ import annotations

import enum
import re
import typing
from collections.abc import Callable
from datetime import date, datetime, time
from decimal import Decimal
from typing import Annotated, Any, TypeAlias, TypeVar

if typing.TYPE_CHECKING:
    import cattrs

T = TypeVar("T")

_PLAIN = re.compile(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", re.ASCII)
_CENTS = Decimal("0.01")


Cents: TypeAlias = Annotated[int, "minor units of a currency"]
"""An amount in minor units: a whole number, in JSON too.

Unlike a count it is read from nothing else: 45.0 and "45" are as likely 45 francs as 45 cents.
"""


AsWritten: TypeAlias = Annotated[datetime, "to be sent back to the letter"]
"""A moment that remembers its text, wherever it is read by cattrs: see `WrittenDatetime`."""


class MismatchError(ValueError):
    """A value of the wrong kind. Its text never repeats the value."""


class WrittenDatetime(datetime):
    """A moment that remembers how a server wrote it, to be sent back to the letter.

    What is computed from it is written anew.
    """

    _written: str | None = None

    @classmethod
    def of(cls, moment: datetime, written: str) -> WrittenDatetime:
        """Return a moment together with its text."""
        made = cls.combine(moment.date(), moment.timetz()).replace(fold=moment.fold)
        made._written = written  # noqa: SLF001  # our own
        return made

    @classmethod
    def kept(cls, moment: datetime, written: str) -> datetime:
        """Return a moment that is sent as it was written; a plain one if that goes by itself.

        One with a zone also remembers that somebody wrote it: a zone that was computed is refused.
        """
        is_plain = moment.tzinfo is None and moment.isoformat() == written
        return moment if is_plain else cls.of(moment, written)

    @property
    def is_as_written(self) -> bool:
        """True if a server wrote it, and it was not computed since."""
        return self._written is not None

    def as_written(self) -> str:
        """Return the server's text; one of our own for what was computed."""
        return self.isoformat() if self._written is None else self._written

    def __repr__(self) -> str:
        return repr(self._plain())

    def __reduce_ex__(self, protocol: object, /) -> tuple[Any, ...]:
        return _restored, (self._plain(), self._written)

    def _plain(self) -> datetime:
        return datetime.combine(self.date(), self.timetz()).replace(fold=self.fold)


def _restored(moment: datetime, written: str | None) -> datetime:
    return moment if written is None else WrittenDatetime.of(moment, written)


def is_subclass(kind: Any, base: Any) -> bool:
    """Tell whether both are classes, and one a subclass of the other."""
    return isinstance(kind, type) and isinstance(base, type) and issubclass(kind, base)


def register_scalars(converter: cattrs.Converter) -> None:
    """Make a converter read and write single values without loss."""
    # By class: cattrs has such hooks for these itself, and never looks at a predicate after them.
    converter.register_structure_hook(str, _unless_enum(_str))
    converter.register_structure_hook(int, _unless_enum(_int))
    converter.register_structure_hook(bool, _bool)
    converter.register_structure_hook(date, _date)
    converter.register_structure_hook(datetime, _datetime)
    converter.register_structure_hook(Decimal, _decimal)
    converter.register_structure_hook_func(lambda kind: is_subclass(kind, enum.Enum), _enum)
    converter.register_structure_hook_func(lambda kind: kind == Cents, _cents)
    converter.register_structure_hook_func(lambda kind: kind == datetime | date, _start)
    converter.register_structure_hook_func(lambda kind: kind == AsWritten, _as_written)
    converter.register_unstructure_hook(datetime, datetime.isoformat)
    converter.register_unstructure_hook(WrittenDatetime, WrittenDatetime.as_written)
    converter.register_unstructure_hook(date, date.isoformat)
    converter.register_unstructure_hook(Decimal, lambda amount: format(amount, "f"))


def got(value: object) -> str:
    """Name the kind of a JSON value."""
    kinds = {dict: "an object", list: "an array", type(None): "null", str: "text"}
    return kinds.get(type(value), type(value).__name__)


def _unless_enum(read: Callable[[object, Any], T]) -> Callable[[object, Any], Any]:
    """Make a scalar's hook fit for the enumerations derived from it, for which it is asked too."""

    def hook(value: object, kind: Any) -> Any:
        return _enum(value, kind) if is_subclass(kind, enum.Enum) else read(value, kind)

    return hook


def _str(value: object, _: Any) -> str:
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    raise MismatchError(f"expected text, got {got(value)}")


def _int(value: object, _: Any) -> int:
    if type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.isascii() and value.lstrip("-").isdigit():
        try:
            return int(value)
        except ValueError:
            pass  # more digits than int() accepts, or "1-2"
    raise MismatchError(f"expected a whole number, got {got(value)}")


def _cents(value: object, _: Any) -> int:
    if type(value) is int:
        return value
    raise MismatchError(f"expected a whole number of cents, got {got(value)}")


def _bool(value: object, _: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise MismatchError(f"expected true or false, got {got(value)}")


def _datetime(value: object, _: Any) -> datetime:
    if isinstance(value, str):
        import msgspec  # noqa: PLC0415  # a model that is never read needs none

        try:
            return msgspec.convert(value, datetime)  # rounds fractions as the fast tier does
        except msgspec.ValidationError:
            pass
        try:
            return datetime.fromisoformat(value)
        except ValueError:
            pass
    raise MismatchError(f"expected an ISO 8601 date and time, got {got(value)}")


def _start(value: object, _: Any) -> datetime | date:
    """Read the start of a slot, which may be a whole day, so that it is written as it came."""
    if isinstance(value, str) and len(value) == len("YYYY-MM-DD"):
        return _date(value, _)
    return _as_written(value, _)


def _as_written(value: object, _: Any) -> datetime:
    return WrittenDatetime.kept(_datetime(value, _), str(value))


def _date(value: object, _: Any) -> date:
    if isinstance(value, str):
        import msgspec  # noqa: PLC0415

        try:
            return msgspec.convert(value, date)
        except msgspec.ValidationError:
            pass
        # Servers write a day as its first moment, too. Any other time would leave open which day
        # is meant where the zone is not ours.
        try:
            moment = datetime.fromisoformat(value)
        except ValueError:
            moment = None
        if moment is not None and moment.time() == time():
            return moment.date()
    raise MismatchError(f"expected a date as YYYY-MM-DD, got {got(value)}")


def _decimal(value: object, _: Any) -> Decimal:
    amount = _plain_decimal(value)
    if amount is None:
        raise MismatchError(f"expected an amount such as 80.00, got {got(value)}")
    return amount


def _enum(value: object, kind: type[enum.Enum]) -> enum.Enum:
    try:
        return kind(value)
    except ValueError:
        pass
    raise MismatchError(f"expected one of a set of texts, got {got(value)}")


def _plain_decimal(value: object) -> Decimal | None:
    """Return an amount of at least two places from plain notation, or None.

    Text is what an API should send. A JSON number is taken for the shortest decimal that stands
    for it, so that 80.1 is 80.10. Exponents, NaN and infinities are no amounts.
    """
    if not isinstance(value, (str, int, float)):
        return None
    text = value if isinstance(value, str) else repr(value)
    if not _PLAIN.fullmatch(text):
        return None
    amount = Decimal(text)
    places = text.partition(".")[2]
    return amount if len(places) >= 2 else amount.quantize(_CENTS)
