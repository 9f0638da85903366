"""Events that are published, and the availability of any admission. Neither is booked by the API.

These endpoints are older than the booking of tickets and independent of it: they tell of all that a
merchant offers in the web shop, whatever the key may sell.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import StatusError
from eguma_async.core.fields import LENIENT
from eguma_async.core.listing import Listing, UnreadableElement, refuse_unreadable, unreadable_of
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import IN_PATH, Operation, ResponseContext, Send, in_query
from eguma_async.core.scalars import Cents

from .matching import joined, member, only, same_id
from .ranges import check_order, in_parts, within

if TYPE_CHECKING:
    from eguma_async.core.session import Session


@attrs.frozen(kw_only=True)
class EventOrganizer:
    """Who puts an event on.

    Attributes:
        url: Address of a web page.
    """

    name: str | None = None
    url: str | None = None


@attrs.frozen(kw_only=True)
class EventVenue:
    """Where an event takes place.

    Attributes:
        country_code: ISO 3166-1 alpha-2.
    """

    name: str | None = None
    street: str | None = None
    zip: str | None = None
    city: str | None = None
    country_code: str | None = None


@attrs.frozen(kw_only=True)
class EventTicketType:
    """A kind of ticket of an event.

    Attributes:
        id: What an order calls `ticket_type_id`.
        price_in_cents: Price of one ticket in the merchant's currency; None if it is not told.
        name: By ISO 639-1 language.
        description: The same.
    """

    id: str
    price_in_cents: Cents | None = None
    name: dict[str, str | None] = attrs.field(factory=dict, hash=False)
    description: dict[str, str | None] = attrs.field(factory=dict, hash=False)


@attrs.frozen(kw_only=True)
class EventTicketTypeGroup:
    """Ticket types that are shown together.

    Attributes:
        name: A text, or texts by language: the API does not document which.
        ticket_type_ids: Ids of `Event.ticket_types`.
    """

    name: Any = attrs.field(default=None, hash=False)
    ticket_type_ids: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Event:
    """An event in the merchant's web shop.

    Attributes:
        name: By ISO 639-1 language.
        bookable: True if it is on sale online and not sold out.
        start: Wall-clock time without zone.
        updated_at: The same: the last change.
        ticket_types: Read all or not at all.
        count_available_tickets: None if it is not told, which does not mean unlimited.
        description_html: By language.
        url: Pages of the web shop, by language.
        image_url: An image of 6 by 5, 600 pixels wide or more.
        category_id: Empty if there is none.
        ticket_type_groups: Empty if the ticket types are not grouped.
    """

    id: str
    name: dict[str, str | None] = attrs.field(hash=False)
    bookable: bool
    start: datetime
    updated_at: datetime
    ticket_types: tuple[EventTicketType, ...]
    count_available_tickets: int | None = None
    description_html: dict[str, str | None] = attrs.field(factory=dict, hash=False)
    url: dict[str, str | None] = attrs.field(factory=dict, hash=False)
    image_url: str | None = None
    organizer: EventOrganizer | None = None
    venue: EventVenue | None = None
    ticket_type_groups: tuple[EventTicketTypeGroup, ...] = attrs.field(default=(), metadata=LENIENT)
    category_id: str = ""
    tags: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class AdmissionSlot:
    """A slot of an admission.

    Attributes:
        starts_at: Wall-clock time without zone; midnight for a whole day.
        availability_count: Tickets left; None where `AdmissionAvailability` says unlimited.
    """

    starts_at: datetime
    availability_count: int | None = None


@attrs.frozen(kw_only=True)
class AdmissionAvailability:
    """The slots of an admission in a range of days.

    Attributes:
        name: By ISO 639-1 language.
        is_all_day: True if its slots are whole days.
        is_unlimited_availability: True if it cannot be sold out.
        slots: Empty if nothing is available, or the admission is not published.
    """

    is_all_day: bool
    is_unlimited_availability: bool
    slots: tuple[AdmissionSlot, ...] = attrs.field(metadata=LENIENT)
    name: dict[str, str | None] = attrs.field(factory=dict, hash=False)

    @property
    def unreadable(self) -> tuple[UnreadableElement, ...]:
        """Slots that cannot be read, those without a count where there must be one included."""
        return unreadable_of(self.slots)


@attrs.frozen(kw_only=True)
class ListEvents(Operation[Listing[Event]]):
    """List the published events.

    Source: article "Published Events" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/published_events.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    category_id: str | None = attrs.field(
        default=None,
        validator=attrs.validators.optional(checks.identifier),
        metadata=in_query("category_id"),
    )

    def complete(self, value: Listing[Event], context: ResponseContext, /) -> Listing[Event]:
        """Leave out events of other categories than the one that was asked for."""
        refuse_unreadable(value, "$")
        category_id = self.category_id
        if category_id is None:
            return value
        return only(
            value,
            lambda event: same_id(event.category_id, category_id),
            lambda raw: same_id(str(member(raw, "category_id") or category_id), category_id),
        )


@attrs.frozen(kw_only=True)
class GetAdmissionAvailability(Operation[AdmissionAvailability]):
    """Read the slots of an admission from one day to another, both included.

    Source: article "Admission Availability" of developers.e-guma.ch.
    """

    METHOD: ClassVar[str] = "GET"
    PATH: ClassVar[str] = "/v1/ticketing/admissions/{admission_id}/availability.json"
    REPEAT: ClassVar[Repeat] = Repeat.READ

    admission_id: str = attrs.field(validator=checks.identifier, metadata=IN_PATH)
    from_date: date = attrs.field(validator=checks.calendar_day, metadata=in_query("from"))
    to_date: date = attrs.field(validator=checks.calendar_day, metadata=in_query("to"))

    def __attrs_post_init__(self) -> None:
        check_order(self.from_date, self.to_date)

    def complete(
        self, value: AdmissionAvailability, context: ResponseContext, /
    ) -> AdmissionAvailability:
        """Keep the slots of the days that were asked for, and none without a count it needs."""
        found = value.slots if value.is_unlimited_availability else _counted(value.slots)
        if not context.is_part:
            refuse_unreadable(found, "$.slots")
        return attrs.evolve(value, slots=within(found, self.from_date, self.to_date))

    async def fall_back(self, refusal: StatusError, send: Send, /) -> AdmissionAvailability:
        """Read the range in parts."""
        found = await in_parts(self, refusal, send, _together)
        refuse_unreadable(found.slots, "$.slots")
        return found


def _counted(slots: tuple[AdmissionSlot, ...]) -> tuple[AdmissionSlot, ...]:
    """Return the slots that tell their count: none is taken for unlimited by omission."""
    if all(slot.availability_count is not None for slot in slots):
        return slots
    before = unreadable_of(slots)
    places = set(range(len(slots) + len(before))) - {each.index for each in before}
    uncounted = [
        UnreadableElement(
            index=index,
            problems=("required field missing @ $.availability_count",),
            raw={"starts_at": slot.starts_at.isoformat()},
        )
        for index, slot in zip(sorted(places), slots, strict=True)
        if slot.availability_count is None
    ]
    return Listing(
        (slot for slot in slots if slot.availability_count is not None),
        tuple(sorted((*before, *uncounted), key=lambda each: each.index)),
    )


def _together(
    earlier: AdmissionAvailability, later: AdmissionAvailability
) -> AdmissionAvailability:
    return attrs.evolve(earlier, slots=joined(earlier.slots, later.slots))


class Events:
    """``session.ticketing.events``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def list(
        self, *, category_id: str | None = None, timeouts: Timeouts | None = None
    ) -> Listing[Event]:
        """List the published events. One that cannot be read is in ``unreadable`` of the result.

        Args:
            category_id: Only events of this category.
            timeouts: Limits of each attempt of this call.

        Raises:
            AuthenticationError: The key is unknown or switched off.
            DecodingError: None of the events can be read.
        """
        return await self._session.send(ListEvents(category_id=category_id), timeouts=timeouts)

    async def availability(
        self,
        admission_id: str,
        *,
        from_date: date,
        to_date: date,
        timeouts: Timeouts | None = None,
    ) -> AdmissionAvailability:
        """Read the slots of an admission, whether the key may sell it or not.

        A range that the server refuses for its length is read in parts. To sell, ask
        ``availabilities.list``, which tells the prices.

        Args:
            admission_id: Id of an admission with a calendar.
            from_date: First day, on the merchant's calendar.
            to_date: Last day, included.
            timeouts: Limits of each attempt of this call.

        Raises:
            ConfigurationError: The id is malformed, or the days are in the wrong order.
            StatusError: The id is unknown; the API does not document with which status.
            DecodingError: None of the slots can be read.
        """
        operation = GetAdmissionAvailability(
            admission_id=admission_id, from_date=from_date, to_date=to_date
        )
        return await self._session.send(operation, timeouts=timeouts)
