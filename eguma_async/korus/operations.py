"""How this API is asked: operations on one resource and on lists, and the checks of their input."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar, TypeVar
from urllib.parse import parse_qsl

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError, DecodingError, ResultMismatchError
from eguma_async.core.listing import UnreadableElement
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import (
    IN_PATH_AS_IS,
    PLACED_BY_HAND,
    Operation,
    ResponseContext,
    in_query,
)
from eguma_async.core.session import Session
from eguma_async.pipeline.pages import Pager

from .json_ld import Resource, link_of, without_origin

T = TypeVar("T")

PAGE_SIZE = 50
"""The most elements the server puts on a page."""

_ONE_TIME_NAME = "/.well-known/genid/"
_IRI = re.compile(r"/v1/[A-Za-z0-9/_-]+", re.ASCII)


def iri(instance: object, field: checks.Field, value: object) -> None:
    """Accept an IRI as the API gives it out; it becomes part of a URL."""
    if not (isinstance(value, str) and _IRI.fullmatch(value)):
        raise ConfigurationError(
            f"{field.name} must be an IRI as the API returned it: a path that begins with /v1/,"
            " without host, dots or query"
        )


def iris(instance: object, field: checks.Field, values: tuple[object, ...]) -> None:
    """Accept at least one IRI, none of them twice."""
    if not values:
        raise ConfigurationError(f"{field.name} must hold at least one IRI")
    for value in values:
        iri(instance, field, value)
    if checks.repeated(str(value) for value in values) is not None:
        raise ConfigurationError(f"{field.name} must not hold the same IRI twice")


def as_tuple(values: Any) -> tuple[Any, ...]:
    """Make a tuple of any iterable but text.

    Raises:
        ConfigurationError: It is not iterable.
    """
    if not isinstance(values, (str, bytes)):
        try:
            return tuple(values)
        except TypeError:
            pass
    raise ConfigurationError(f"expected a list, not {type(values).__name__}")


def id_of(value: Any) -> Any:
    """Return the id of an IRI; an id stays as it is, and so does what is no text."""
    return value.rpartition("/")[2] if isinstance(value, str) else value


def is_same(asked: str, got: str) -> bool:
    """Tell whether two IRIs may name one resource, as far as their ids go.

    A name for one response only, as newly made resources have it, may stand for any.
    """
    return id_of(asked) == id_of(got) or got.startswith(_ONE_TIME_NAME)


def ids_of(values: Any) -> tuple[Any, ...]:
    """Return the ids of several IRIs."""
    return tuple(id_of(value) for value in as_tuple(values))


def aware_instant(instance: object, field: checks.Field, value: object) -> None:
    """Accept a `datetime` with a time zone."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ConfigurationError(f"{field.name} must be a datetime with a time zone")


def from_second(value: Any) -> Any:
    """Round a lower bound down to the second, so that nothing is lost; leave what is no moment."""
    return value.replace(microsecond=0) if isinstance(value, datetime) else value


def to_second(value: Any) -> Any:
    """Round an upper bound up to the second, so that nothing is lost; leave what is no moment."""
    if not isinstance(value, datetime) or not value.microsecond:
        return value
    try:
        return value.replace(microsecond=0) + timedelta(seconds=1)
    except OverflowError:
        return value.replace(microsecond=0)


def free_text(instance: object, field: checks.Field, value: object) -> None:
    """Accept text that can be sent: line breaks are part of it, half a surrogate pair is not."""
    if not isinstance(value, str):
        raise ConfigurationError(f"{field.name} must be text, not {type(value).__name__}")
    try:
        value.encode()
    except UnicodeEncodeError:
        pass
    else:
        return
    raise ConfigurationError(f"{field.name} must be Unicode text, without half surrogate pairs")


def order_of(instance: object, field: checks.Field, value: object) -> None:
    """Accept a direction to sort in."""
    if value not in ("asc", "desc"):
        raise ConfigurationError(f'{field.name} must be "asc" or "desc"')


def page_size(instance: object, field: checks.Field, value: object) -> None:
    """Accept what fits on a page."""
    checks.positive_count(instance, field, value)
    if isinstance(value, int) and value > PAGE_SIZE:
        raise ConfigurationError(f"{field.name} must be at most {PAGE_SIZE}")


def optional(check: Any) -> Any:
    """Make a check that accepts None too."""
    return attrs.validators.optional(check)


def _page_link(instance: object, field: checks.Field, value: object) -> None:
    iri(instance, field, str(value).partition("?")[0])


@attrs.frozen(kw_only=True)
class ResourceOperation(Operation[T]):
    """Reads or changes one resource, named by its IRI."""

    PATH: ClassVar[str] = "{iri}"

    iri: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)

    def complete(self, value: T, context: ResponseContext, /) -> T:
        """Check that it is the resource that was asked for, and not one that a cache mixed up."""
        if isinstance(value, Resource) and not is_same(self.iri, value.iri):
            raise ResultMismatchError(
                result=value, differences=("another resource was asked for @ $.@id",)
            )
        return value


@attrs.frozen(kw_only=True)
class GetOperation(ResourceOperation[T]):
    """Reads one resource, named by its IRI."""

    METHOD: ClassVar[str] = "GET"
    REPEAT: ClassVar[Repeat] = Repeat.READ


@attrs.frozen(kw_only=True)
class ListOperation(Operation[T]):
    """Reads one page of a list. Its `PATH` may name fields that hold an IRI.

    Attributes:
        link: Where the server said this page is; it then replaces path and query.
    """

    METHOD: ClassVar[str] = "GET"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    link: str | None = attrs.field(
        default=None, validator=optional(_page_link), metadata=PLACED_BY_HAND
    )

    def path(self) -> str:
        """Return the path of the list, or that of the link."""
        return super().path() if self.link is None else self.link.partition("?")[0]

    def query(self) -> tuple[tuple[str, str], ...]:
        """Return the query of the list, or that of the link."""
        if self.link is None:
            return super().query()
        return tuple(parse_qsl(self.link.partition("?")[2], keep_blank_values=True))


@attrs.frozen(kw_only=True)
class PagedOperation(ListOperation[T]):
    """Reads one page of a list whose pages may be sized."""

    page_size: int = attrs.field(
        default=PAGE_SIZE, validator=page_size, metadata=in_query("itemsPerPage")
    )


def pager(
    session: Session, operation: ListOperation[Any], timeouts: Timeouts | None = None
) -> Pager[Any]:
    """Return an iterator over all pages of a list.

    Args:
        session: Reads the pages.
        operation: Reads the first of them.
        timeouts: Limits of each attempt; the session's if not given.
    """

    def follow(link: str) -> ListOperation[Any]:
        try:
            return attrs.evolve(operation, link=without_origin(link))
        except ConfigurationError:
            pass
        # The link is the server's, so this is no mistake of the caller's. It is not shown.
        raise DecodingError(
            "unreadable response",
            problems=("expected a path of this API @ $.view.next",),
            operation=operation.name(),
        )

    send = partial(session.send, timeouts=timeouts)
    return Pager(send, operation, follow, _name_of, path="$.member")


def _name_of(element: object) -> str | None:
    """Return the IRI of an element of a list; None if it has none."""
    if isinstance(element, UnreadableElement):
        return link_of(element.raw)
    name: str | None = getattr(element, "iri", None)
    return name
