"""How this API writes JSON: names, links, collections, and the slips that are to be read past."""

from __future__ import annotations

import re
import types
import typing
from collections.abc import Callable
from typing import Any, Generic, NewType, TypeVar

import attrs

from eguma_async.core.codec import Codec
from eguma_async.core.fields import wire_named
from eguma_async.core.scalars import MismatchError

from .signed_url import SignedUrl

T = TypeVar("T")

Iri = NewType("Iri", str)
"""The name of a resource: an absolute path such as ``/v1/booking/orders/...``."""

LD_JSON = "application/ld+json"
MERGE_PATCH = "application/merge-patch+json"
_ORIGIN = re.compile(r"https?://[^/?#]+(?=/)", re.IGNORECASE)
_RAW = "(raw)"

RAW = wire_named(_RAW)
"""Metadata of a field that keeps the JSON object as it came."""


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
