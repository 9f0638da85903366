"""What `import eguma_async` offers: names, where they come from, and their docstrings."""

from __future__ import annotations

import difflib
import importlib
import inspect
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import eguma_async
from eguma_async._names import HOMES
from tests.support import api, names

INIT = Path(eguma_async.__file__)
FACES = (
    "eguma_async",
    "eguma_async.core",
    "eguma_async.korus",
    "eguma_async.sandbox",
    "eguma_async.sandbox.eguma",
    "eguma_async.sandbox.korus",
    "eguma_async.testing",
)
LAZY_FACES = ("eguma_async", "eguma_async.core", "eguma_async.sandbox", "eguma_async.testing")


def names_of(face):
    return importlib.import_module(face).__all__


def public_objects():
    return {
        f"{face}.{name}": getattr(importlib.import_module(face), name)
        for face in FACES
        for name in names_of(face)
    }


@pytest.mark.parametrize("face", FACES)
def test_all_is_sorted_and_without_repetitions(face):
    names = list(names_of(face))

    def rank(name):  # as ruff's RUF022 sorts: constants, classes, the rest
        return (0 if name.isupper() else 1 if name[:1].isupper() else 2, name)

    assert names == sorted(set(names), key=rank)


@pytest.mark.parametrize("face", FACES)
def test_every_name_can_be_imported(face):
    module = importlib.import_module(face)
    for name in names_of(face):
        assert getattr(module, name) is not None


@pytest.mark.source
def test_the_names_are_those_that_type_checkers_see():
    assert names.TARGET.read_text("utf-8") == names.render(), "run `python -m tests.support.names`"


@pytest.mark.source
def test_no_public_signature_changes_unseen():
    written = api.TARGET.read_text("utf-8").splitlines()
    changed = difflib.unified_diff(written, api.render().splitlines(), lineterm="", n=0)
    assert [*changed] == [], "if it is meant, run `python -m tests.support.api`"


def test_the_written_api_has_every_face():
    assert {*FACES, *names.LAZY} <= {*api.FACES}


@pytest.mark.parametrize("face", names.LAZY)
def test_a_name_is_the_very_object_of_its_home(face):
    module = importlib.import_module(face)
    for name, home in HOMES[face].items():
        assert getattr(module, name) is getattr(importlib.import_module(home, face), name)


def test_star_import_brings_exactly_the_public_names():
    namespace: dict[str, Any] = {}
    exec("from eguma_async import *", namespace)  # noqa: S102  # only a module may do it plainly
    assert set(namespace) - {"__builtins__"} == set(vars(eguma_async)["__all__"])


def test_dir_lists_what_can_be_used():
    assert set(vars(eguma_async)["__all__"]) <= set(dir(eguma_async))
    assert dir(eguma_async) == sorted(dir(eguma_async))


@pytest.mark.parametrize("face", LAZY_FACES)
def test_an_unknown_name_is_an_attribute_error(face):
    with pytest.raises(AttributeError, match="Nonsense"):
        _ = importlib.import_module(face).Nonsense
    assert not hasattr(importlib.import_module(face), "__wrapped__")


def test_every_error_can_be_caught_by_its_public_name():
    errors = importlib.import_module("eguma_async.core.errors")
    classes = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.EgumaError)
    }
    assert classes <= set(vars(eguma_async)["__all__"])


def test_every_type_in_a_public_signature_is_public():
    """What a caller gets or passes must have a name to annotate it with."""
    import attrs

    missing = set()
    for value in public_objects().values():
        if isinstance(value, type) and attrs.has(value):
            attrs.resolve_types(value)
            for field in attrs.fields(value):
                missing |= {
                    kind.__name__
                    for kind in _named(field.type)
                    if kind.__module__.startswith("eguma_async.eguma.ticketing")
                    and kind.__name__ not in vars(eguma_async)["__all__"]
                }
    assert missing == set()


def _named(kind):
    import typing

    if isinstance(kind, type) and not typing.get_args(kind):
        yield kind
    for part in typing.get_args(kind):
        yield from _named(part)


def documented():
    for name, value in public_objects().items():
        if inspect.isclass(value) or inspect.isroutine(value):
            yield name, value


@pytest.mark.parametrize("name", [name for name, _ in documented()])
def test_every_public_class_and_function_is_documented(name):
    value = public_objects()[name]
    own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    assert own, "no docstring of its own"
    summary = own.strip().splitlines()[0]
    assert summary.endswith((".", ":", "?")), summary
    if not inspect.isclass(value) or not value.__module__.startswith("eguma_async"):
        return
    for member, found in vars(value).items():
        function = found.fget if isinstance(found, property) else inspect.unwrap(found)
        function = getattr(function, "__func__", function)
        if member.startswith("_") or not inspect.isfunction(function):
            continue
        assert function.__doc__, f"{name}.{member} has no docstring"


RESOURCES = (
    "products",
    "availabilities",
    "reservations",
    "bookings",
    "orders",
    "tickets",
    "events",
)


@pytest.mark.parametrize("resource", RESOURCES)
def test_every_method_of_a_resource_is_documented_and_typed(resource):
    annotated = importlib.import_module(f"eguma_async.eguma.ticketing.{resource}")
    cls = getattr(annotated, resource.capitalize())
    methods = {n: f for n, f in vars(cls).items() if inspect.isfunction(f) and n[0] != "_"}
    assert methods
    for name, method in methods.items():
        assert method.__doc__, name
        signature = inspect.signature(method)
        assert signature.return_annotation is not inspect.Signature.empty
        given = list(signature.parameters.values())[1:]
        assert all(p.annotation is not inspect.Parameter.empty for p in given)
        positional = [p for p in given if p.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD]
        assert len(positional) <= 1, "one argument may go without its name, the id"


def test_verbs_are_the_same_everywhere():
    verbs = {"list", "get", "create", "update", "cancel", "download"}
    extras = {"hold", "fan_out", "check_in", "check_out", "availability", "reconcile", "settle"}
    extras |= {"recover", "entry", "resume", "stream"}
    for resource in RESOURCES:
        cls = getattr(
            importlib.import_module(f"eguma_async.eguma.ticketing.{resource}"),
            resource.capitalize(),
        )
        methods = {n for n, f in vars(cls).items() if inspect.isfunction(f) and n[0] != "_"}
        assert methods <= verbs | extras


def test_operations_name_their_article():
    for name in vars(eguma_async)["__all__"]:
        value = getattr(eguma_async, name)
        operation = isinstance(value, type) and issubclass(value, eguma_async.Operation)
        if operation and value is not eguma_async.Operation:
            assert 'Source: article "' in value.__doc__, name


def test_the_package_can_be_run_as_a_command():
    ran = subprocess.run(
        [sys.executable, "-m", "eguma_async", "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "eguma" in ran.stdout.lower()


SHORT_PATHS = {
    "session": "eguma.session",
    "ticketing": "eguma.ticketing",
    "ticketing.availabilities": "eguma.ticketing.availabilities",
    "ticketing.bookings": "eguma.ticketing.bookings",
    "ticketing.events": "eguma.ticketing.events",
    "ticketing.hold": "eguma.ticketing.hold",
    "ticketing.items": "eguma.ticketing.items",
    "ticketing.orders": "eguma.ticketing.orders",
    "ticketing.products": "eguma.ticketing.products",
    "ticketing.reconciling": "eguma.ticketing.reconciling",
    "ticketing.reservations": "eguma.ticketing.reservations",
    "ticketing.tickets": "eguma.ticketing.tickets",
}


@pytest.mark.parametrize(("path", "home"), SHORT_PATHS.items())
def test_public_names_keep_their_short_import_paths(path, home):
    short = importlib.import_module(f"eguma_async.{path}")
    long = importlib.import_module(f"eguma_async.{home}")
    public = {name for name, of in HOMES["eguma_async"].items() if of == f".{home}"}
    assert public <= set(short.__all__)
    assert all(getattr(short, name) is getattr(long, name) for name in short.__all__)


def test_a_hold_can_still_be_imported_with_the_reservations():
    from eguma_async.eguma.ticketing.reservations import Hold, HoldContext
    from eguma_async.ticketing import reservations

    assert (reservations.Hold, reservations.HoldContext) == (Hold, HoldContext)
    assert Hold is eguma_async.Hold
