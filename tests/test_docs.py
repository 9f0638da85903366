"""The pages that are made from the code: the reference, the wire, the sandbox's rules, drawings."""

from __future__ import annotations

import ast
import importlib
import inspect
import itertools
import re
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from eguma_async.cli._help import HELP
from eguma_async.core import Operation
from tests.support import floors, names, options, screenshots
from tests.support.examples import TEXTS
from tests.test_public_api import FACES

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
RULES = {"eguma": range(1, 91), "korus": range(1, 63)}


@pytest.fixture(scope="module")
def public_names():
    sys.path.insert(0, str(DOCS / "_site"))
    try:
        return importlib.import_module("public_names")
    finally:
        sys.path.remove(str(DOCS / "_site"))


# The reference


def test_the_reference_has_every_face(public_names):
    assert {*FACES, *names.LAZY} <= {*public_names.FACES}
    listed = re.findall(r"^\.\. face:: (\S+)$", TEXTS["docs/reference/names.md"], re.MULTILINE)
    assert {*listed} == {*public_names.FACES}


def test_every_public_name_is_described_once(public_names):
    described = [
        each.address
        for _, face, homes in public_names.requests()
        for each in public_names.chosen(face, homes)
    ]
    everything = public_names.owned()
    assert sorted(described) == sorted(each.address for each in everything.values())
    for face in public_names.FACES:
        for each in public_names.names_of(face):
            assert public_names.owner(each, everything).address in described


def test_a_name_has_a_line_that_says_what_it_is(public_names):
    without = []
    for each in public_names.owned().values():
        if public_names.directive(each.value) != "autodata":
            said = bool(each.summary)
        else:
            said = is_described(each.name, importlib.import_module(public_names.written_in(each)))
        without += [] if said else [each.address]
    assert without == ["eguma_async.__version__"]


def is_described(constant, module):
    """Tell whether a text stands below the line that makes a constant."""
    body = ast.parse(inspect.getsource(module)).body
    return any(
        isinstance(node, ast.Assign | ast.AnnAssign)
        and constant in (ast.unparse(t) for t in _targets(node))
        and isinstance(after, ast.Expr)
        and isinstance(after.value, ast.Constant)
        for node, after in itertools.pairwise(body)
    )


def _targets(node):
    return [node.target] if isinstance(node, ast.AnnAssign) else node.targets


def test_the_directives_of_the_reference_ask_for_what_is_there(public_names):
    for page, face, homes in public_names.requests():
        assert public_names.chosen(face, homes) or homes is None, (page.name, face, homes)
        for home in homes or ():
            assert public_names.chosen(face, (home,)), (page.name, face, home)


# The wire


@pytest.mark.parametrize("provider", ["eguma", "korus"])
def test_every_operation_is_on_the_page_of_the_wire(provider):
    face = {"eguma": "eguma_async", "korus": "eguma_async.korus"}[provider]
    page = TEXTS[f"docs/wire-{provider}.md"]
    operations = [
        kind
        for name in importlib.import_module(face).__all__
        for kind in [getattr(importlib.import_module(face), name)]
        if isinstance(kind, type) and issubclass(kind, Operation) and hasattr(kind, "PATH")
    ]
    assert len(operations) == {"eguma": 12, "korus": 27}[provider]
    for kind in operations:
        assert f"`{kind.__name__}`" in page, kind
        assert f"`{kind.METHOD} {kind.PATH}" in page, (kind.METHOD, kind.PATH)


# The sandbox


@pytest.mark.parametrize("provider", RULES)
def test_every_rule_of_a_sandbox_is_on_its_page(provider):
    """tests/*/sandbox hold a test for each number."""
    first, second = re.split(r"^## Rules of .*$", TEXTS["docs/sandbox.md"], flags=re.MULTILINE)[1:]
    text = {"eguma": first, "korus": second}[provider]
    assert [int(n) for n in re.findall(r"^(\d+)\. ", text, re.MULTILINE)] == [*RULES[provider]]


def test_the_options_are_those_of_the_code():
    page = TEXTS["docs/sandbox.md"]
    assert options.rendered(page) == page, "run `python -m tests.support.options`"
    assert page.count("| `generation` |") == len(options.KINDS)


def test_most_options_are_named_by_the_rules_they_change():
    rules = "".join(re.findall(r"^\d+\. .*(?:\n {4}.*)*", TEXTS["docs/sandbox.md"], re.MULTILINE))
    in_brackets = re.findall(r"\((`[a-z_]+`(?:, `[a-z_]+`)*)\)", rules)
    named = {name.strip("`") for group in in_brackets for name in group.split(", ")}
    known = {name for kind in options.KINDS for name in options.described(kind)}
    assert len(named) > 20
    assert named <= known


# Drawings


@pytest.mark.source
def test_the_floors_are_drawn_as_they_are():
    drawn = floors.TARGET.read_text("utf-8")
    assert drawn == floors.picture(), "run `python -m tests.support.floors`"


@pytest.mark.parametrize("name", ["demo", "availabilities", "journal", "help"])
def test_a_picture_of_a_command_asks_the_network_for_nothing(name):
    text = (screenshots.TARGET / f"{name}.svg").read_text("utf-8")
    assert ET.fromstring(text).tag.endswith("}svg")  # noqa: S314  # our own
    assert ">eguma&#160;" in text
    assert not re.search(r"@font-face|url\((?!#)|/tmp/|/home/|/Users/", text)


def test_the_picture_of_the_help_has_all_commands():
    text = (screenshots.TARGET / "help.svg").read_text("utf-8")
    named = re.findall(r"^  ([a-z][a-z-]*): ", HELP[()], re.MULTILINE)
    assert len(named) > 10
    for name in named:
        assert f"&#160;&#160;{name}:" in text, "run `python -m tests.support.screenshots`"
