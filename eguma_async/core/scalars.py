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
_SHORTEST = len("YYYY-MM-DDTHH:MM:SS")


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
        made = cls.combine(moment, moment.timetz())
        if moment.fold:
            made = made.replace(fold=moment.fold)
        made._written = written  # noqa: SLF001  # our own
        return made

    @classmethod
    def kept(cls, moment: datetime, written: str) -> datetime:
        """Return a moment that is sent as it was written; a plain one if that goes by itself.

        One with a zone also remembers that somebody wrote it: a zone that was computed is refused.
        """
        if moment.tzinfo is None and len(written) >= _SHORTEST and moment.isoformat() == written:
            return moment
        return cls.of(moment, written)

    @property
    def is_as_written(self) -> bool:
        """True if a server wrote it, and it was not computed since."""
        return self._written is not None

    def as_written(self) -> str:
        """Return the server's text; one of our own for what was computed."""
        return self.isoformat() if self._written is None else self._written

    def plain(self) -> datetime:
        """Return the moment without its text."""
        return datetime.combine(self.date(), self.timetz()).replace(fold=self.fold)

    def __repr__(self) -> str:
        return repr(self.plain())

    def __reduce_ex__(self, protocol: object, /) -> tuple[Any, ...]:
        return _restored, (self.plain(), self._written)


def _restored(moment: datetime, written: str | None) -> datetime:
    return moment if written is None else WrittenDatetime.of(moment, written)


def is_subclass(kind: Any, base: Any) -> bool:
    """Tell whether both are classes, and one a subclass of the other."""
    return isinstance(kind, type) and isinstance(base, type) and issubclass(kind, base)


def register_scalars(converter: cattrs.Converter) -> None:
    """Make a converter read and write single values without loss."""
    # By class: cattrs has such hooks for these itself, and never looks at a predicate after them.
    for kind in (str, int, bool, date, datetime, Decimal):
        read = READERS[kind]
        converter.register_structure_hook(kind, _unless_enum(read) if kind in (str, int) else read)
    converter.register_structure_hook_func(lambda kind: is_subclass(kind, enum.Enum), read_enum)
    converter.register_structure_hook_func(lambda kind: kind == Cents, read_cents)
    converter.register_structure_hook_func(lambda kind: kind == datetime | date, _start)
    converter.register_structure_hook_func(lambda kind: kind == AsWritten, read_as_written)
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
        return read_enum(value, kind) if is_subclass(kind, enum.Enum) else read(value, kind)

    return hook


def read_text(value: object, _: Any) -> str:
    """Read a text, or a whole number as one: ids are texts to us, and numbers to some servers."""
    if isinstance(value, str):
        return value
    if type(value) is int:
        return str(value)
    raise MismatchError(f"expected text, got {got(value)}")


def read_whole_number(value: object, _: Any) -> int:
    """Read a whole number, however it is written."""
    if type(value) is int:
        return value
    if isinstance(value, str):
        if value.isascii() and value.removeprefix("-").isdigit():
            try:
                return int(value)
            except ValueError:
                pass  # more digits than int() accepts
    elif isinstance(value, float) and value.is_integer():
        return int(value)
    raise MismatchError(f"expected a whole number, got {got(value)}")


def read_cents(value: object, _: Any) -> int:
    """Read an amount in minor units: see `Cents`."""
    if type(value) is int:
        return value
    raise MismatchError(f"expected a whole number of cents, got {got(value)}")


def read_flag(value: object, _: Any) -> bool:
    """Read a flag, which may be a text."""
    if isinstance(value, bool):
        return value
    if value in ("true", "false"):
        return value == "true"
    raise MismatchError(f"expected true or false, got {got(value)}")


def read_datetime(value: object, _: Any) -> datetime:
    """Read a moment, or a day as its first one."""
    if isinstance(value, str):
        import msgspec  # noqa: PLC0415  # a model that is never read needs none

        if len(value) >= _SHORTEST:  # msgspec reads nothing shorter
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
        return read_date(value, _)
    return read_as_written(value, _)


def read_as_written(value: object, _: Any) -> datetime:
    """Read a moment that remembers its text: see `WrittenDatetime`."""
    return WrittenDatetime.kept(read_datetime(value, _), str(value))


def read_written(value: object) -> tuple[datetime, object]:
    """Read a moment that remembers its text, and return it with what msgspec reads it from.

    Of what is a day, or has no seconds, only one moment is made: a list of them is read in two
    thirds of the time.
    """
    if type(value) is str and len(value) in {10, 16}:
        try:
            made = WrittenDatetime.fromisoformat(value)
        except ValueError:
            pass
        else:
            made._written = value  # noqa: SLF001  # our own
            return made, value + "T00:00:00"[len(value) - 10 :]
    moment = read_datetime(value, None)
    return WrittenDatetime.kept(moment, str(value)), moment


def read_date(value: object, _: Any) -> date:
    """Read a day, which may be written as its first moment."""
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


def read_decimal(value: object, _: Any) -> Decimal:
    """Read an amount of at least two places."""
    amount = _plain_decimal(value)
    if amount is None:
        raise MismatchError(f"expected an amount such as 80.00, got {got(value)}")
    return amount


def read_enum(value: object, kind: type[enum.Enum]) -> enum.Enum:
    """Read a member of an enumeration."""
    try:
        return kind(value)
    except ValueError:
        pass
    raise MismatchError(f"expected one of a set of texts, got {got(value)}")


READERS: dict[Any, Callable[[object, Any], Any]] = {
    str: read_text,
    int: read_whole_number,
    bool: read_flag,
    date: read_date,
    datetime: read_datetime,
    Decimal: read_decimal,
    Cents: read_cents,
    AsWritten: read_as_written,
}
"""What reads the values of a type, but for an answer of an API with ways of its own."""


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


class _Amounts(dict[Any, Decimal]):
    """Amounts by what they were read from, as an answer has few different ones.

    A look into it costs a tenth of reading an amount. It keeps texts only, of which no two are
    equal: 1 and True are.
    """

    _most = 4096

    def __missing__(self, value: object) -> Decimal:
        amount = read_decimal(value, Decimal)
        if type(value) is str:
            if len(self) >= self._most:
                self.clear()
            self[value] = amount
        return amount


AMOUNTS = _Amounts()
"""Reads amounts, as `read_decimal` does; what is no text or number is a `TypeError`, too."""
