"""The documentation site: ``python -m sphinx -W -b html docs build/docs``."""

from __future__ import annotations

import re
import sys
from collections import Counter
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import Directive, directives
from docutils.statemachine import StringList
from pygments.lexers.shell import BashLexer
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.ext.napoleon import Config, GoogleDocstring
from sphinx.pycode import ModuleAnalyzer

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_site"), str(HERE.parent)]

import links  # noqa: E402
import public_names  # noqa: E402

from eguma_async import __version__  # noqa: E402
from eguma_async.core import Operation, Resumable  # noqa: E402
from eguma_async.eguma import ticketing  # noqa: E402

project = "eguma_async"
copyright = ""  # noqa: A001  # the name Sphinx reads
release = version = __version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
exclude_patterns = ["_site", "README.md"]
html_theme = "furo"
html_title = "eguma_async"
html_copy_source = html_show_sourcelink = html_show_copyright = html_show_sphinx = False
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_theme_options = {
    "light_css_variables": {
        "color-brand-primary": "#14539a",
        "color-brand-content": "#14539a",
        "font-stack": "system-ui, -apple-system, 'Segoe UI', Helvetica, Arial, sans-serif",
        "font-stack--monospace": "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', Menlo, monospace",
    },
    "dark_css_variables": {
        "color-brand-primary": "#7db8f5",
        "color-brand-content": "#7db8f5",
    },
}
pygments_style = "friendly"
pygments_dark_style = "github-dark"

myst_heading_anchors = 4
myst_enable_extensions = ["attrs_block"]
suppress_warnings = ["myst.header"]  # a page may begin its headings where it likes

default_role = "py:obj"
add_module_names = False
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
_DOCSTRINGS = Config(napoleon_use_ivar=True, napoleon_use_rtype=False)
_WITHOUT_A_TYPE_BEFORE_A_COLON = {"attribute", "data", "property"}

# What these modules load when it is used, and name for type checkers only.
for _name, _home in {
    "Products": "products",
    "Availabilities": "availabilities",
    "Reservations": "reservations",
    "Bookings": "bookings",
    "Orders": "orders",
    "Tickets": "tickets",
    "Events": "events",
}.items():
    setattr(ticketing, _name, getattr(import_module(f"{ticketing.__name__}.{_home}"), _name))


COME_LATER = {
    "configuration",
    "command-line",
    "tickets",
    "exports",
    "tracing",
    "calibration",
    "pytest",
    "examples",
}
"""Pages that index.md lists, and that come with parts of the package that may not be there yet."""


class Public(Directive):
    """Describes what a face offers from some of its modules.

    Also shows classes that no face offers, such as resources, by their full names.
    """

    required_arguments = 1
    option_spec: ClassVar = {"from": directives.unchanged, "rest": directives.flag}
    has_content = True

    def run(self) -> list[nodes.Node]:
        face = self.arguments[0]
        if face not in public_names.FACES:
            return []
        homes = None if "rest" in self.options else public_names.split(self.options["from"])
        shown = {id(each.value) for each in public_names.owned().values()}
        lines = [f".. py:currentmodule:: {face}", ""]
        for each in public_names.chosen(face, homes):
            lines += _described(each.name, each.value, shown, public_names.written_in(each))
        for address in self.content:
            module, _, name = address.rpartition(".")
            value = getattr(__import__(module, fromlist=[name]), name)
            lines += [f".. py:currentmodule:: {module}", "", *_described(name, value, shown)]
        return _parsed(self, lines)


class Face(Directive):
    """Lists all names of a face, each with its first line and a link to its description."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        face = self.arguments[0]
        if face not in public_names.FACES or not public_names.names_of(face):
            return []
        everything = public_names.owned()
        lines = [".. list-table::", "   :class: face", "   :widths: auto", ""]
        for each in public_names.names_of(face):
            address = public_names.owner(each, everything).address
            lines.append(f"   * - :py:obj:`{each.name} <{address}>`")
            lines.append(f"     - {each.summary}")
        return _parsed(self, lines)


def _described(name: str, value: object, shown: set[int], home: str = "") -> list[str]:
    kind = public_names.directive(value)
    if kind == "autodata":
        # autodoc looks for the text of a constant in the package that offers it.
        analyzer = ModuleAnalyzer.for_module(home)
        text = analyzer.find_attr_docs().get(("", name), [])
        return [f".. py:data:: {name}", "", *(f"   {line}" for line in text), ""]
    lines = [f".. {kind}:: {name}"]
    if isinstance(value, type):
        lines.append("   :members:")
        if value.__bases__ != (object,):
            lines.append("   :show-inheritance:")
        end = public_names.hidden_bases_end_at(value, shown)
        if end is not None and not issubclass(value, BaseException):
            lines.append(f"   :inherited-members: {end}")
        if issubclass(value, Operation) and not value.__module__.startswith("eguma_async.core"):
            # What the session asks an operation; told once, of the base.
            lines.append(f"   :exclude-members: {', '.join(_ASKED)}")
    return [*lines, ""]


_ASKED = sorted({name for name in (*dir(Resumable), "RETURNS") if not name.startswith("_")})


def _parsed(where: Directive, lines: list[str]) -> list[nodes.Node]:
    holder = nodes.container()
    where.state.nested_parse(StringList(lines, "public names"), where.content_offset, holder)
    return holder.children


def _site_links(app: Sphinx, docname: str, source: list[str]) -> None:
    page = Path(app.env.doc2path(docname)).relative_to(HERE.parent).as_posix()
    if page.endswith(".md"):
        source[0] = links.for_the_site(page, source[0])
    if docname == "index":
        source[0] = "\n".join(
            line for line in source[0].split("\n") if line not in COME_LATER or _is_there(line)
        )


def _is_there(page: str) -> bool:
    return (HERE / f"{page}.md").exists()


def _readable_signature(
    app: Sphinx, what: str, name: str, value: object, *details: Any
) -> tuple[str | None, str | None]:
    """Show defaults as they are written, and nothing of a protocol, which nobody calls."""
    _, arguments, returned = details
    if arguments is None or getattr(value, "_is_protocol", False):
        return None if arguments is None else "", returned
    for pattern, shown in _DEFAULTS:
        arguments = re.sub(pattern, shown, arguments)
    return arguments, returned


_DEFAULTS = (
    (r"\bNOTHING\b", "..."),  # of attrs: made for each object
    (r"<function (?:\w+\.)*(\w+)(?: at 0x\w+)?>", r"\1"),
    (r"<function (?:\w+\.)*<lambda>(?: at 0x\w+)?>", "..."),
    (r"<built-in method (\w+) of [^>]*>", r"\1"),
    (r"<bound method (?:\w+\.)*(\w+) of [^>]*>", r"\1"),
    (r"<class '(?:\w+\.)*(\w+)'>", r"\1"),
    (r"<(\w+)\.(\w+): [^>]*>", r"\1.\2"),  # of an enum
    (r"<(?:\w+\.)*(\w+) object at 0x\w+>", r"\1()"),
)


def _as_rst(  # noqa: PLR0917  # as Sphinx calls it
    app: Sphinx, what: str, name: str, value: object, options: object, lines: list[str]
) -> None:
    """Read a docstring in Google's style.

    Not by napoleon's own handler: it takes what stands before a colon in the text of a property for
    its type.
    """
    kind = "method" if what in _WITHOUT_A_TYPE_BEFORE_A_COLON else what
    lines[:] = GoogleDocstring(lines, _DOCSTRINGS, app, kind, name, value).lines()


def _public_address(app: Sphinx, env: Any, node: Any, contents: Any) -> Any:
    """Find what a signature names by the module where it is written."""
    target = node.get("reftarget", "")
    address = _ADDRESSES.get(target)
    if node.get("refdomain") != "py" or address is None or address == target:
        return None
    return env.domains["py"].resolve_xref(
        env, node["refdoc"], app.builder, "obj", address, node, contents
    )


def _exact_names(app: Sphinx, doctree: nodes.document) -> None:
    """Look for a name where it is used, and not for anything that ends like it."""
    for node in doctree.findall(addnodes.pending_xref):
        node.attributes.pop("refspecific", None)  # that it is there is what counts


_OWNED = list(public_names.owned().values())
_COUNTS = Counter(each.name for each in _OWNED)
_ADDRESSES = {each.name: each.address for each in _OWNED if _COUNTS[each.name] == 1} | {
    f"{getattr(each.value, '__module__', None)}.{each.name}": each.address for each in _OWNED
}


def setup(app: Sphinx) -> None:
    """Add the directives of the reference, and what makes links fit."""
    app.add_directive("public", Public)
    app.add_directive("face", Face)
    app.connect("source-read", _site_links)
    app.connect("autodoc-process-docstring", _as_rst)
    app.connect("autodoc-process-signature", _readable_signature)
    app.connect("doctree-read", _exact_names)
    app.connect("missing-reference", _public_address)
    app.add_lexer("console", BashLexer)  # commands stand there without a prompt
