"""How this API writes JSON: names, links, collections, and the slips that are to be read past."""

from __future__ import annotations

import re
import typing
from datetime import date
from typing import Any, Generic, NewType, TypeVar

import attrs

from eguma_async.core.codec import Codec
from eguma_async.core.dialect import ObjectForm
from eguma_async.core.fields import LENIENT, WireNames, other_names, wire_named
from eguma_async.core.listing import UnreadableElement, unreadable_of
from eguma_async.core.scalars import MismatchError, read_date, read_datetime

from .signed_url import SignedUrl

T = TypeVar("T")

Iri = NewType("Iri", str)
"""The name of a resource: an absolute path such as ``/v1/booking/orders/...``."""

LD_JSON = "application/ld+json"
MERGE_PATCH = "application/merge-patch+json"
_ORIGIN = re.compile(r"https?://[^/?#]+(?=/)", re.IGNORECASE)
_HYDRA = "hydra:"
_RAW = "(raw)"

RAW = wire_named(_RAW)
"""Metadata of a field that keeps the JSON object as it came."""


def camel_case(name: str) -> str:
    """Return the wire's name of a field: ``total_amount`` becomes ``totalAmount``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def as_list(value: object) -> object:
    """Return a list that PHP wrote as an object, as it does with a gap in it or with nothing."""
    if isinstance(value, dict) and all(key.isascii() and key.isdigit() for key in value):
        return list(value.values())
    return value


def without_prefix(value: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the names of the Hydra vocabulary bare, as most servers write them."""
    prefixed = [name for name in value if name.startswith(_HYDRA)]
    bare = {name.removeprefix(_HYDRA): value[name] for name in prefixed}
    return {**bare, **{k: v for k, v in value.items() if k not in bare or v is not None}}


@attrs.frozen
class _Form:
    """What the JSON object of a class may look like.

    Attributes:
        is_named: True if a bare link may stand for it.
        keeps_raw: True if it is to be kept as it came.
        is_hydra: True if its names may carry a prefix.
        lists: The wire's names of its members that are lists.
    """

    is_named: bool
    keeps_raw: bool
    is_hydra: bool
    lists: tuple[str, ...]

    def read(self, value: object) -> object:
        """Return the JSON object an instance is to be made of, whatever stands for it."""
        if isinstance(value, str) and self.is_named:
            value = {"@id": value}
        if value == []:
            value = {}
        if not isinstance(value, dict):
            if not self.keeps_raw:
                return value
            value = {"value": value}
        known = without_prefix(value) if self.is_hydra else value
        found = {
            name: as_list(known[name]) for name in self.lists if isinstance(known.get(name), dict)
        }
        if self.keeps_raw:
            found[_RAW] = value
        return {**known, **found} if found else known


def form_of(cls: Any) -> ObjectForm:
    """Return what may stand for an object of a class.

    A bare link is an object that has only its name; PHP writes an empty object as an empty array,
    and some lists as objects. What is kept raw may be anything.
    """
    attrs.resolve_types(cls)
    fields = attrs.fields_dict(cls)
    names = WireNames(camel_case)
    listed = [field for field in fields.values() if typing.get_origin(field.type) is tuple]
    form = _Form(
        is_named="iri" in fields or "raw" in fields,
        keeps_raw="raw" in fields,
        is_hydra=issubclass(cls, (Collection, View)),
        lists=tuple(name for f in listed for name in (names.of(f), *other_names(f))),
    )
    every = [name for f in fields.values() for name in (names.of(f), *other_names(f))]
    return ObjectForm(
        read=form.read,
        reads_all=form.keeps_raw,
        odd_names=tuple(_HYDRA + name for name in every) if form.is_hydra else (),
    )


def without_origin(link: str) -> str:
    """Return a link without scheme and host, should it have them."""
    return _ORIGIN.sub("", link, count=1) if _ORIGIN.match(link) else link


def link_of(value: object) -> Iri | None:
    """Return the IRI of a link, be it bare or an embedded object; None if it is neither."""
    if isinstance(value, dict):
        value = value.get("@id")
    return Iri(without_origin(value)) if isinstance(value, str) else None


def _read_iri(value: object, _: Any) -> Iri:
    if type(value) is str and value[:1] == "/":
        return Iri(value)  # as a rule
    iri = link_of(value)
    if iri is None:
        raise MismatchError("expected a link")
    return iri


def _read_signed_url(value: object, _: Any) -> SignedUrl:
    if not isinstance(value, str):
        raise MismatchError("expected a link")
    return SignedUrl(value)


def _read_day(value: object, kind: Any) -> date:
    """Read a day, or an instant for its day, by the clock of its own offset."""
    if isinstance(value, str) and "T" in value:
        return read_datetime(value, kind).date()
    return read_date(value, kind)


def make_codec() -> Codec:
    """Return a codec for this API."""
    return Codec(
        wire_name=camel_case,
        form_of=form_of,
        readers={Iri: _read_iri, SignedUrl: _read_signed_url, date: _read_day},
        empty_is_null=True,  # PHP writes an empty object as an empty array
    )


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
    """Where a page stands among the others.

    Neither link is worth a decoding error, which would hide the elements of the page.

    Attributes:
        own: Where this page is.
        next: Where the next page is; None on the last one.
    """

    own: Any = attrs.field(default=None, metadata=wire_named("@id"))
    next: Any = None


@attrs.frozen(kw_only=True)
class Collection(Generic[T]):
    """One page of a list.

    Attributes:
        member: The elements of this page that can be read.
        total_items: Number of elements on all pages; None if the server does not say.
        view: Links to other pages; None if there are none.
    """

    member: tuple[T, ...] = attrs.field(metadata=LENIENT)
    total_items: int | None = None
    view: View | None = None

    @property
    def items(self) -> tuple[T, ...]:
        """The elements of this page that can be read."""
        return self.member

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """The elements of this page that cannot be read."""
        return unreadable_of(self.member)

    @property
    def next_link(self) -> str | None:
        """Where the next page is; None on the last one. What is no link is an empty text."""
        if self.view is None or not self.view.next:
            return None
        return link_of(self.view.next) or ""

    @property
    def own_link(self) -> str | None:
        """Where this page is; None if the server does not say."""
        return None if self.view is None else link_of(self.view.own)
