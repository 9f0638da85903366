"""Lists: their envelope, their pages, their order."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime
from typing import Any, TypeAlias, TypeVar
from urllib.parse import urlencode

import attrs

from .call import KorusCall
from .refusals import RefusedError

T = TypeVar("T")
Moment: TypeAlias = date | datetime

DEFAULT_SIZE = 10
MAXIMUM_SIZE = 50
RANGE_OPERATORS = ("after", "before", "strictly_after", "strictly_before")


@attrs.frozen
class Page:
    """Which part of a list is wanted; `size` is None for a list without pages."""

    number: int
    size: int | None

    def cut(self, members: Sequence[T]) -> Sequence[T]:
        """Return the members of this page."""
        if self.size is None:
            return members
        start = (self.number - 1) * self.size
        return members[start : start + self.size]

    def last(self, total: int) -> int:
        """Return the number of the last page."""
        return max(1, -(-total // self.size)) if self.size else 1


UNPAGED = Page(1, None)


def read_page(call: KorusCall) -> Page:
    """Read ``page`` and ``itemsPerPage``.

    Raises:
        RefusedError: One of them is out of range.
    """
    number = _whole(call, "page", 1)
    size = _whole(call, "itemsPerPage", DEFAULT_SIZE)
    if number < 1:
        raise RefusedError(400, "Page should not be less than 1")
    if size < 0:
        raise RefusedError(400, "Limit should not be less than 0")
    if size == 0 and number > 1:
        raise RefusedError(400, "Page should not be greater than 1 if limit is equal to 0")
    return Page(number, min(size, MAXIMUM_SIZE))


def collection(
    call: KorusCall,
    type_name: str,
    members: Sequence[T],
    show: Callable[[T], dict[str, Any]],
    *,
    filters: Sequence[str] = (),
    paged: bool = True,
) -> dict[str, Any]:
    """Build the envelope of a list and one page of its members."""
    page = read_page(call) if paged else UNPAGED
    body: dict[str, Any] = {
        "@context": f"/contexts/{type_name}",
        "@id": call.path,
        "@type": "Collection",
        "totalItems": len(members),
        "member": [show(member) for member in page.cut(members)],
    }
    if (view := _view(call, page, len(members))) is not None:
        body["view"] = view
    if filters:
        body["search"] = _search(call.path, filters)
    return body


def ordered(call: KorusCall, members: Iterable[T], field: str, key: Callable[[T], Any]) -> list[T]:
    """Sort by ``order[field]`` if it is asked for; members without a value come last."""
    directions = call.values(f"order[{field}]")
    direction = directions[-1].lower() if directions else ""
    listed = list(members)
    if direction not in {"asc", "desc"}:
        return listed
    known = [member for member in listed if key(member) is not None]
    known.sort(key=key, reverse=direction == "desc")
    return known + [member for member in listed if key(member) is None]


def in_range(
    call: KorusCall, members: Iterable[T], field: str, key: Callable[[T], Moment | None]
) -> list[T]:
    """Keep the members within the date operators of a field."""
    kept = list(members)
    for operator in RANGE_OPERATORS:
        for value in call.values(f"{field}[{operator}]"):
            limit = _moment(value)
            kept = [member for member in kept if _within(key(member), operator, limit)]
    return kept


def _within(found: Moment | None, operator: str, limit: datetime) -> bool:
    if found is None:
        return False
    boundary = limit if isinstance(found, datetime) else limit.date()
    if found == boundary:
        return not operator.startswith("strictly_")
    later: bool = found > boundary
    return later == operator.endswith("after")


def _moment(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise RefusedError(400, f'"{value}" is not a date.') from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _whole(call: KorusCall, name: str, default: int) -> int:
    values = call.values(name)
    if not values:
        return default
    try:
        return int(values[-1])
    except ValueError:
        raise RefusedError(400, f'"{name}" must be a whole number.') from None


def _view(call: KorusCall, page: Page, total: int) -> dict[str, str] | None:
    kept = [(name, value) for name, value in call.request.query if name != "page"]
    last = page.last(total)
    if not kept and last == 1:
        return None

    def link(number: int | None) -> str:
        pairs = kept if number is None else [*kept, ("page", str(number))]
        return f"{call.path}?{urlencode(pairs)}"

    kind = {"@type": "PartialCollectionView"}
    if last == 1:
        return {"@id": link(None), **kind}
    view = {"@id": link(page.number), **kind, "first": link(1), "last": link(last)}
    if page.number > 1:
        view["previous"] = link(page.number - 1)
    if page.number < last:
        view["next"] = link(page.number + 1)
    return view


def _search(path: str, filters: Sequence[str]) -> dict[str, Any]:
    mapping = [
        {
            "@type": "IriTemplateMapping",
            "variable": name,
            "property": _property(name),
            "required": False,
        }
        for name in filters
    ]
    return {
        "@type": "IriTemplate",
        "template": f"{path}{{?{','.join(filters)}}}",
        "variableRepresentation": "BasicRepresentation",
        "mapping": mapping,
    }


def _property(variable: str) -> str:
    name, _, rest = variable.partition("[")
    return rest.rstrip("]") if name == "order" else name
