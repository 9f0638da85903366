"""The second tier: parsed JSON is put in order by generated functions, for msgspec to convert.

For each class one function is written, as attrs writes an ``__init__``: see `repair_source`. It
gives a JSON object the names of the class's fields, and each member what the tolerant tier would
make of it, or what msgspec makes that of. What it cannot put in order it leaves, or it raises
whatever comes: the tolerant tier then reads the answer, or names its faults. So this tier is a
matter of speed only.
"""

from __future__ import annotations

import typing
from collections.abc import Callable
from typing import Any

import msgspec

from .dialect import Dialect
from .repair_source import NotRepairableError, RepairSource
from .strict import as_tuple, named


def repairing_decoder(kind: Any, dialect: Dialect) -> Callable[[Any], Any] | str:
    """Return a function that makes a value of parsed JSON, or the reason why this tier cannot.

    The function changes what it is given, and raises whatever comes.
    """
    target = as_tuple(kind)
    try:
        writer = RepairSource(dialect)
        repair = writer.compiled(target)
        msgspec.json.Decoder(target)  # asked for what it knows, as `convert` is made anew each time
    except NotRepairableError as error:
        return str(error)
    except (TypeError, NameError):  # the latter where a class is not to be found by its name
        return f"msgspec does not know {named(kind)}, or a type in it"
    convert = msgspec.convert
    if target is not kind:
        listing = typing.get_origin(kind)
        return lambda raw: listing(convert(repair(raw), target))
    return lambda raw: convert(repair(raw), target)


def source_of(kind: Any, dialect: Dialect) -> str:
    """Return the functions that are generated for a type, the inner ones first.

    Raises:
        NotRepairableError: There are none.
    """
    writer = RepairSource(dialect)
    writer.write_all(as_tuple(kind))
    return writer.source
