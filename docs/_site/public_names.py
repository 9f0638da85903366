"""What the reference shows: each public name once, on the page that asks for its home.

A page asks with the directive ``public`` and the modules it wants, or ``:rest:`` for what no other
page asks for, so that a new name is never missing. Needs no Sphinx, so that a test can read it.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from functools import cache
from importlib import import_module
from importlib.util import resolve_name
from pathlib import Path
from types import ModuleType

import attrs

FACES = (
    "eguma_async",
    "eguma_async.korus",
    "eguma_async.journal",
    "eguma_async.sync",
    "eguma_async.fanout",
    "eguma_async.testing",
    "eguma_async.testing.contract",
    "eguma_async.sandbox",
    "eguma_async.sandbox.eguma",
    "eguma_async.sandbox.korus",
    "eguma_async.exports",
    "eguma_async.calendars",
    "eguma_async.ticketing.tables",
    "eguma_async.ticketing.calendar",
    "eguma_async.korus.tables",
    "eguma_async.telemetry.otel",
    "eguma_async.calibration",
    "eguma_async.calibration.eguma",
    "eguma_async.calibration.korus",
    "eguma_async.core",
)
"""An object that several faces offer belongs to the first of them."""
PAGES = Path(__file__).parents[1] / "reference"
_PLAIN_BASES = ("object", "BaseException", "Enum", "str", "tuple", "Protocol", "Generic")


@attrs.frozen
class PublicName:
    """A name of a face.

    Attributes:
        face: The package that offers it.
        name: The name there.
        home: The module it comes from, below the package.
        value: The object.
    """

    face: str
    name: str
    home: str
    value: object = attrs.field(repr=False, eq=False)

    @property
    def address(self) -> str:
        """Its full name."""
        return f"{self.face}.{self.name}"

    @property
    def identity(self) -> object:
        """What it has in common with the same object elsewhere."""
        is_defined = isinstance(self.value, type) or inspect.isfunction(self.value)
        return id(self.value) if is_defined else (self.home, self.name)

    @property
    def summary(self) -> str:
        """The first line of its docstring; empty for a constant."""
        is_documented = isinstance(self.value, type) or callable(self.value)
        text = inspect.getdoc(self.value) if is_documented else None
        return (text or "").partition("\n")[0]


@cache
def names_of(face: str) -> tuple[PublicName, ...]:
    """Return the names a face offers."""
    module = import_module(face)
    homes = _homes(module)
    return tuple(
        PublicName(face, name, homes.get(name, face).removeprefix("eguma_async."), value)
        for name in getattr(module, "__all__", ())
        for value in [getattr(module, name)]
    )


@cache  # each is read again and again
def _homes(module: ModuleType) -> dict[str, str]:
    """Return where a module imports its names from, for type checkers or at all."""
    source = inspect.getsource(module)
    package = module.__spec__.parent if module.__spec__ else None
    return {
        alias.asname or alias.name: resolve_name("." * node.level + (node.module or ""), package)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def written_in(each: PublicName) -> str:
    """Return the module where a name is defined, however often it was passed on."""
    module = f"eguma_async.{each.home}"
    while (further := _homes(import_module(module)).get(each.name)) is not None:
        module = further
    return module


def owned() -> dict[object, PublicName]:
    """Return each public object once, as the name of the first face that offers it."""
    found: dict[object, PublicName] = {}
    for face in FACES:
        for each in names_of(face):
            found.setdefault(each.identity, each)
    return found


def owner(each: PublicName, everything: dict[object, PublicName]) -> PublicName:
    """Return the name under which an object is described."""
    return everything[each.identity]


def requests() -> Iterator[tuple[Path, str, tuple[str, ...] | None]]:
    """Yield what the pages ask for: page, face, and homes or None for the rest."""
    for page in sorted(PAGES.glob("*.md")):
        text = page.read_text("utf-8")
        for block in re.findall(r"^\.\. public:: (\S+)\n((?: {3}:.*\n)*)", text, re.MULTILINE):
            face, options = block
            if face not in FACES:
                continue
            homes = re.search(r":from: *(.*)", options)
            yield page, face, split(homes[1]) if homes else None


def split(text: str) -> tuple[str, ...]:
    """Return the modules that an option names."""
    return tuple(text.replace(",", " ").split())


def chosen(face: str, wanted: tuple[str, ...] | None) -> list[PublicName]:
    """Return what a page shows of a face: what it names, what comes from some modules, or the rest.

    A name that a page asks for is not shown by the page that asks for its module.
    """
    mine = [each for each in owned().values() if each.face == face]
    asked = [words for _, of, words in requests() if of == face and words is not None]
    named = {word for words in asked for word in words if word[:1].isupper()}
    if wanted is not None:
        return [each for each in mine if _fits(each, wanted, named)]
    return [each for each in mine if not any(_fits(each, words, named) for words in asked)]


def _fits(each: PublicName, wanted: tuple[str, ...], named: set[str]) -> bool:
    if each.name in named:
        return each.name in wanted
    return any(f"{each.home}.".startswith(f"{home}.") for home in wanted)


def directive(value: object) -> str:
    """Return the directive of autodoc that describes an object."""
    if isinstance(value, type):
        return "autoexception" if issubclass(value, BaseException) else "autoclass"
    return "autofunction" if inspect.isfunction(value) else "autodata"


def hidden_bases_end_at(value: type, shown: set[int]) -> str | None:
    """Return where the search for inherited members ends; None if all bases are described."""
    bases = [base for base in value.__mro__[1:] if base.__module__.startswith("eguma_async")]
    if all(id(base) in shown for base in bases):
        return None
    return ", ".join([*(base.__name__ for base in bases if id(base) in shown), *_PLAIN_BASES])
