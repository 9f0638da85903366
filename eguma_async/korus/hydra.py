"""How this API writes JSON: names, links, collections, and the slips that are to be read past."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable
from datetime import datetime
from typing import Any, ClassVar, Generic, NewType, TypeVar
from urllib.parse import parse_qsl

import attrs

from eguma_async.core import checks
from eguma_async.core.codec import Codec
from eguma_async.core.errors import ConfigurationError, DecodingError
from eguma_async.core.fields import wire_named
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import PLACED_BY_HAND, Operation, in_query
from eguma_async.core.provider import Provider
from eguma_async.core.scalars import MismatchError
from eguma_async.core.session import Session
from eguma_async.pipeline.pages import Pager

from .signed_url import SignedUrl

T = TypeVar("T")

Iri = NewType("Iri", str)
"""The name of a resource: an absolute path such as ``/v1/booking/orders/...``."""

LD_JSON = "application/ld+json"
MERGE_PATCH = "application/merge-patch+json"
PAGE_SIZE = 50
"""The most elements the server puts on a page."""

_IRI = re.compile(r"/v1/[A-Za-z0-9/_-]+", re.ASCII)
_ORIGIN = re.compile(r"https?://[^/?#]+(?=/)", re.IGNORECASE)
_RAW = "(raw)"

RAW = wire_named(_RAW)
"""Metadata of a field that keeps the JSON object as it came."""


# Reading


def camel_case(name: str) -> str:
    """Return the wire's name of a field: ``total_amount`` becomes ``totalAmount``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def as_object(cls: type, value: object) -> object:
    """Read a bare link as an object that has only its name, and keep what is to be kept raw."""
    fields: Any = attrs.fields_dict(cls)
    if isinstance(value, str) and ("iri" in fields or "raw" in fields):
        value = {"@id": value}
    if "raw" in fields and isinstance(value, dict):
        return {**value, _RAW: value}
    return value


def without_origin(link: str) -> str:
    """Return a link without scheme and host, should it have them."""
    return _ORIGIN.sub("", link, count=1) if _ORIGIN.match(link) else link


def link_of(value: object) -> Iri | None:
    """Return the IRI of a link, be it bare or an embedded object; None if it is neither."""
    if isinstance(value, dict):
        value = value.get("@id")
    return Iri(without_origin(value)) if isinstance(value, str) else None


def _read_iri(value: object, _: Any) -> Iri:
    iri = link_of(value)
    if iri is None:
        raise MismatchError("expected a link")
    return iri


def _read_signed_url(value: object, _: Any) -> SignedUrl:
    if not isinstance(value, str):
        raise MismatchError("expected a link")
    return SignedUrl(value)


def _is_optional_object(kind: Any) -> bool:
    if typing.get_origin(kind) not in (typing.Union, types.UnionType):
        return False
    parts = [part for part in typing.get_args(kind) if part is not type(None)]
    return len(parts) == 1 and len(typing.get_args(kind)) == 2 and _is_object(parts[0])


def _is_object(kind: Any) -> bool:
    return attrs.has(kind) or typing.get_origin(kind) is dict


def make_codec() -> Codec:
    """Return a codec for this API."""
    codec = Codec(wire_name=camel_case, as_object=as_object)
    converter = codec.converter

    def optional_object(kind: Any) -> Callable[[Any, Any], Any]:
        (inner,) = (part for part in typing.get_args(kind) if part is not type(None))
        structure = converter.get_structure_hook(inner)

        # PHP writes an empty object as an empty array.
        def hook(value: object, _: Any) -> Any:
            return None if value is None or value == [] else structure(value, inner)

        return hook

    converter.register_structure_hook_func(lambda kind: kind is Iri, _read_iri)
    converter.register_structure_hook(SignedUrl, _read_signed_url)
    converter.register_structure_hook_factory(_is_optional_object, optional_object)
    return codec


@attrs.frozen(kw_only=True)
class Resource:
    """Something with a name of its own.

    Attributes:
        iri: Its name; pass it on as it is.
    """

    iri: Iri = attrs.field(metadata=wire_named("@id"))

    @property
    def id(self) -> str:
        """The last part of the name, a UUID as a rule."""
        return self.iri.rpartition("/")[2]


@attrs.frozen(kw_only=True)
class View:
    """Where a page stands among the others."""

    own: Any = attrs.field(default=None, metadata=wire_named("@id"))  # worth no decoding error
    next: str | None = None


@attrs.frozen(kw_only=True)
class Collection(Generic[T]):
    """One page of a list.

    Attributes:
        member: The elements of this page.
        total_items: Number of elements on all pages; None if the server does not say.
        view: Links to other pages; None if there are none.
    """

    member: tuple[T, ...]
    total_items: int | None = None
    view: View | None = None

    @property
    def items(self) -> tuple[T, ...]:
        """The elements of this page."""
        return self.member

    @property
    def next_link(self) -> str | None:
        """Where the next page is; None on the last one."""
        return self.view.next if self.view else None

    @property
    def own_link(self) -> str | None:
        """Where this page is; None if the server does not say."""
        own = self.view.own if self.view else None
        return without_origin(own) if isinstance(own, str) else None


# Asking


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


def ids_of(values: Any) -> tuple[Any, ...]:
    """Return the ids of several IRIs."""
    return tuple(id_of(value) for value in as_tuple(values))


def aware_instant(instance: object, field: checks.Field, value: object) -> None:
    """Accept a `datetime` with a time zone."""
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ConfigurationError(f"{field.name} must be a datetime with a time zone")


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
class ItemOperation(Operation[T]):
    """Reads or changes one resource, named by its IRI."""

    iri: str = attrs.field(validator=iri, metadata=PLACED_BY_HAND)

    def path(self) -> str:
        """Return the path: the IRI as it is, there is nothing in it to quote."""
        return self.PATH.format(iri=self.iri)


@attrs.frozen(kw_only=True)
class ListOperation(Operation[T]):
    """Reads one page of a list.

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
        return self.PATH if self.link is None else self.link.partition("?")[0]

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


def nested(operation: ListOperation[Any], parent: str) -> str:
    """Return the path of a list below a resource, or that of its link."""
    if operation.link is not None:
        return operation.link.partition("?")[0]
    return operation.PATH.format(parent=parent)


def pager(session: Session, operation: ListOperation[Any]) -> Pager[Any]:
    """Return an iterator over all pages of a list."""

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

    return Pager(session.send, operation, follow)


def with_language(provider: Provider, language: str | None) -> Provider:
    """Return a provider whose every request asks for a language."""
    if language is None:
        return provider
    checks.header_value("language", language)
    return attrs.evolve(provider, headers={**provider.headers, "Accept-Language": language})
