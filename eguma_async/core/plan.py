"""What all requests of one class of operations have in common, worked out and checked once."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from operator import attrgetter
from string import Formatter
from typing import Any

import attrs

from .errors import ConfigurationError
from .messages import Repeat
from .places import in_body, is_in, name_in_place
from .url_text import AS_TEXT, as_path, as_segment, as_texts

_NEEDED = ("METHOD", "PATH", "REPEAT", "RETURNS")
_CONSTANTS = frozenset({*_NEEDED, "CONTENT_TYPE"})
_WITHOUT_BODY = frozenset({"GET", "HEAD"})
# Set by the session and by the transport. The key's name is the one of the IETF draft.
_NOT_OWN = frozenset(
    {
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "host",
        "idempotency-key",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)


@attrs.frozen(kw_only=True)
class RequestPlan:
    """What all requests of one class of operations have in common.

    Attributes:
        name: Name of the class, for errors, events and logs.
        path: Makes the path of an operation: `Operation.path`, without the way there.
        query: Makes the pairs of its query string, in the same manner.
        own_path: Makes the path from what the class declares.
        own_query: Makes the query from what the class declares.
        headers: Fields that are headers of their own, with the wire's names.
        has_body: True if operations of the class carry a JSON body.
        completes: True if `Operation.complete` looks at the decoded value.
        is_bare: True if operations of the class have neither a body nor headers of their own.
    """

    name: str
    path: Callable[[Any], str]
    query: Callable[[Any], tuple[tuple[str, str], ...]]
    own_path: Callable[[Any], str]
    own_query: Callable[[Any], tuple[tuple[str, str], ...]]
    headers: tuple[tuple[str, str], ...]
    has_body: bool
    completes: bool
    is_bare: bool


def make_plan(cls: Any, base: Any) -> RequestPlan:
    """Make the plan of a class of operations.

    Args:
        cls: The class.
        base: The class that all of them derive from.

    Raises:
        ConfigurationError: The class lacks something, or a field of it would not arrive.
    """
    missing = [name for name in _NEEDED if not hasattr(cls, name)]
    if missing:
        raise ConfigurationError(
            f"{cls.__name__} must define {', '.join(missing)}; RETURNS follows from the type"
            " argument, as in Operation[Thing]"
        )
    _check_decorated(cls)
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(cls)
    has_body = cls.CONTENT_TYPE is not None or any(in_body(f) for f in fields)
    makes_path, makes_query = cls.path is not base.path, cls.query is not base.query
    _check_constants(cls)
    _check_places(cls, fields, by_hand=makes_path or makes_query)
    headers = tuple((f.name, name_in_place(f)) for f in fields if is_in("header", f))
    own_path = _path_builder(cls, fields, is_overridden=makes_path)
    own_query = _query_builder(cls, fields)
    return RequestPlan(
        name=cls.name(),
        path=cls.path if makes_path else own_path,
        query=cls.query if makes_query else own_query,
        own_path=own_path,
        own_query=own_query,
        headers=headers,
        has_body=has_body,
        completes=cls.complete is not base.complete,
        is_bare=not (has_body or headers),
    )


def check_names(cls: Any, base: Any) -> None:
    """Check the names that a class of operations uses, as soon as it is made.

    Raises:
        TypeError: A field hides a method of `base`, or sets a header that is not the operation's.
    """
    for field in attrs.fields(cls):
        if field.name in _CONSTANTS:
            raise TypeError(
                f"{cls.__name__}.{field.name} is a constant, not a field; annotate it as ClassVar"
            )
        if hasattr(base, field.name):
            raise TypeError(
                f"{cls.__name__}.{field.name} hides Operation.{field.name}; call it something else"
                f' and give it metadata=wire_named("{field.name}") if it is sent in the body'
            )
        if is_in("header", field) and name_in_place(field).lower() in _NOT_OWN:
            raise TypeError(
                f"{cls.__name__}.{field.name}: the header {name_in_place(field)} is set by the"
                " session"
                + ("; see CONTENT_TYPE" if name_in_place(field).lower() == "content-type" else "")
            )


def _check_decorated(cls: Any) -> None:
    if "__attrs_attrs__" in vars(cls):
        return
    for name, kind in inspect.get_annotations(cls).items():
        if "ClassVar" not in str(kind):
            raise ConfigurationError(
                f"{cls.__name__}.{name} is no field yet; decorate {cls.__name__} with"
                " @attrs.frozen(kw_only=True)"
            )


def _check_constants(cls: Any) -> None:
    if not (isinstance(cls.METHOD, str) and cls.METHOD.isascii() and cls.METHOD.isupper()):
        raise ConfigurationError(f"{cls.__name__}.METHOD must be an HTTP verb in capitals")
    if cls.CONTENT_TYPE is not None and cls.METHOD in _WITHOUT_BODY:
        raise ConfigurationError(f"{cls.__name__}: {cls.METHOD} has no body, so no CONTENT_TYPE")
    if not isinstance(cls.REPEAT, Repeat):
        raise ConfigurationError(f"{cls.__name__}.REPEAT must be a Repeat, such as Repeat.READ")


def _check_places(cls: Any, fields: tuple[attrs.Attribute[Any], ...], *, by_hand: bool) -> None:
    """Check that every field goes somewhere."""
    for field in fields:
        where = f"{cls.__name__}.{field.name}"
        if in_body(field) and cls.METHOD in _WITHOUT_BODY:
            raise ConfigurationError(
                f"{where} is in the body, and {cls.METHOD} has none; mark it with in_query, IN_PATH"
                " or in_header"
            )
        if is_in("by hand", field) and not by_hand:
            raise ConfigurationError(
                f"{where} is PLACED_BY_HAND, and neither path() nor query() places it; mark it with"
                " LOCAL if it is not to be sent"
            )


def _path_builder(
    cls: Any, fields: tuple[attrs.Attribute[Any], ...], *, is_overridden: bool
) -> Callable[[Any], str]:
    segments = {f.name for f in fields if is_in("path", f)}
    as_is = {f.name for f in fields if is_in("path as is", f)}
    try:
        pieces = _pieces(cls, segments | as_is)
        _check_start(cls, pieces, as_is)
    except ConfigurationError as fault:
        if not is_overridden:
            raise
        return _refusal(fault)  # path() of its own may do without
    if len(pieces) == 1:
        template = pieces[0][0]
        return lambda _: template
    if len(pieces) == 2 and pieces[0][1] in segments:
        return _simple_path(cls, *pieces[0], pieces[1][0])  # as most paths
    writers = {name: _writer(cls, name, is_segment=name in segments) for name in segments | as_is}
    parts = [(text, writers.get(name, _nothing)) for text, name in pieces]
    return lambda operation: "".join([text + write(operation) for text, write in parts])


def _simple_path(cls: Any, head: str, name: str, tail: str) -> Callable[[Any], str]:
    """Make a path with one segment of the operation's, without the calls that others need."""
    get: Callable[[Any], Any] = attrgetter(name)
    where = f"{cls.__name__}.{name}"

    def path(operation: Any) -> str:
        value = get(operation)
        if type(value) is str and value.isalnum() and value.isascii():  # as ids are
            return head + value + tail
        return head + as_segment(value, where) + tail

    return path


def _nothing(_: Any) -> str:
    return ""


def _pieces(cls: Any, names: set[str]) -> list[tuple[str, str]]:
    """Return the texts of `PATH`, each with the name of the field behind it, the last with none."""
    try:
        parsed = [*Formatter().parse(cls.PATH), ("", None, None, None)]
    except (ValueError, TypeError):
        raise ConfigurationError(f"{cls.__name__}.PATH is no path with {{names}} in it") from None
    if len(parsed) > 1 and parsed[-2][1] is None:
        parsed.pop()  # it ends with a text
    named = {name for _, name, _, _ in parsed if name is not None}
    for _, name, form, conversion in parsed:
        if name is not None and (name not in names or form or conversion):
            raise ConfigurationError(
                f"{cls.__name__}.PATH names {{{name}}}, which is no field marked with IN_PATH"
            )
    for name in sorted(names - named):
        raise ConfigurationError(
            f"{cls.__name__}.{name} is IN_PATH, and PATH does not name {{{name}}}"
        )
    return [(text, name or "") for text, name, _, _ in parsed]


def _check_start(cls: Any, pieces: list[tuple[str, str]], paths: set[str]) -> None:
    """Check that the path does not go on with the name of the host, which stands before it."""
    text, name = pieces[0]
    if not text.startswith("/") and not (text == "" and name in paths):
        raise ConfigurationError(f"{cls.__name__}.PATH must begin with a slash")


def _writer(cls: Any, name: str, *, is_segment: bool) -> Callable[[Any], str]:
    get: Callable[[Any], Any] = attrgetter(name)
    where = f"{cls.__name__}.{name}"
    write = as_segment if is_segment else as_path
    return lambda operation: write(get(operation), where)


def _refusal(fault: ConfigurationError) -> Callable[[Any], str]:
    def refuse(_: Any) -> str:
        raise ConfigurationError(fault.message)

    return refuse


def _query_builder(
    cls: Any, fields: tuple[attrs.Attribute[Any], ...]
) -> Callable[[Any], tuple[tuple[str, str], ...]]:
    parts = [
        (name_in_place(f), attrgetter(f.name), f"{cls.__name__}.{f.name}")
        for f in fields
        if is_in("query", f)
    ]

    def query(operation: Any) -> tuple[tuple[str, str], ...]:
        pairs: list[tuple[str, str]] = []
        for name, get, where in parts:
            value = get(operation)
            write = AS_TEXT.get(type(value))
            if write is not None:
                pairs.append((name, write(value)))
            elif value is not None:
                pairs += [(name, text) for text in as_texts(value, where)]
        return tuple(pairs)

    return query
