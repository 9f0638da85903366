"""What e-guma leaves open, as switches: each default is the likeliest reading of its pages."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import attrs

from eguma_async.sandbox.engine.checks import (
    FILLED,
    FLAG,
    HEADER_NAME,
    HEADER_VALUE,
    SECONDS,
    SPAN,
    must_be,
    one_of,
    status,
    whole,
)
from eguma_async.sandbox.engine.options import Options

Zone: TypeAlias = Literal["zurich", "utc"]
"""Which wall clock a time is written by."""

_flag = must_be(FLAG)
_text = must_be(FILLED)
_refusal = must_be(status(400, 499))
_zone = must_be(one_of("zurich", "utc"))


@attrs.frozen(kw_only=True)
class EgumaOptions(Options):
    """Switches for what the e-guma documentation does not settle.

    Attributes:
        generation: Page state to follow: ``"B"`` (current) or ``"A"`` (older: no currency, no
            translations, no language, UUIDs, quantity 0 and repeated categories allowed, and
            every key of the merchant may cancel a booking).
        success_status: Status of a successful POST of the booking family.
        mismatch_status: Same idempotency key with another body.
        mismatch_code: Its ``error_code``.
        in_progress_status: Same idempotency key while the first call runs.
        in_progress_code: Its ``error_code``.
        replay_header: Name of the header that marks a replay; None for no header.
        replay_header_value: Its value.
        replay_refusals: Whether a stored 4xx is replayed; otherwise the call is made anew.
        sold_out_status: Not enough places are left.
        sold_out_code: Its ``error_code``.
        not_cancellable_status: The booking cannot be cancelled (any more).
        not_cancellable_code: Its ``error_code``.
        check_out_allows_cancel: Whether a ticket that was checked in and out again may be
            cancelled.
        not_enabled_status: Product of the merchant that is not enabled for the key: 403 or 404.
        unapproved_status: User not approved for third-party integrations: 403 or 401.
        unknown_hold_status: Booking with a hold that is unknown, cancelled, consumed or another
            user's.
        expired_hold_status: Booking with a hold that has run out.
        hold_must_match: Whether a booking must have exactly the items of its hold.
        limits_on_reservation: Whether holds are checked against min and max quantities.
        mandatory_categories: Whether a category with a minimum and without
            ``allow_zero_quantity`` must be part of every order.
        refuse_key_on_reservation: Whether a reservation with an ``Idempotency-Key`` is refused.
        hide_sold_out_slots: Leave slots without a free place out instead of listing them with 0.
        max_range_days: Longest range of days that may be asked for; None for no limit.
        price_field: Name of the price in an availability.
        language_field: Name under which a booking echoes its language; None for no echo.
        expires_at_zone: Zone of the wall-clock times in ``expires_at``.
        closing_at_zone: Zone of ``closing_at``.
        updated_at_zone: Zone of ``created_at`` and ``updated_at``, and of their filters.
        orders_allowed: Whether keys of third-party users may read the orders.
        orders_delay_seconds: How late a new order shows up in the list.
        max_orders: How many orders the list shows at once at most; None for no limit.
        too_many_orders_status: Status where there would be more.
        date_skew_seconds: How far the ``Date`` of the responses is ahead of the sandbox's clock, or
            behind it if it is below 0; None for none.
        booking_location: ``location`` of bookings made through the API.
        old_errors: Errors of orders, tickets, events and admissions: ``"text"`` or ``"json"``.
        unknown_ticket_status: Ticket information for an unknown number.
    """

    PROVIDER: ClassVar[str] = "eguma"

    generation: Literal["A", "B"] = attrs.field(default="B", validator=must_be(one_of("A", "B")))
    success_status: int = attrs.field(default=200, validator=must_be(status(200, 299)))
    mismatch_status: int = attrs.field(default=409, validator=_refusal)
    mismatch_code: str = attrs.field(default="idempotency_key_reused", validator=_text)
    in_progress_status: int = attrs.field(default=409, validator=_refusal)
    in_progress_code: str = attrs.field(default="idempotency_in_progress", validator=_text)
    replay_header: str | None = attrs.field(
        default="Idempotency-Replayed", validator=must_be(HEADER_NAME.or_null())
    )
    replay_header_value: str = attrs.field(default="true", validator=must_be(HEADER_VALUE))
    replay_refusals: bool = attrs.field(default=True, validator=_flag)
    sold_out_status: int = attrs.field(default=400, validator=_refusal)
    sold_out_code: str = attrs.field(default="validation_error", validator=_text)
    not_cancellable_status: int = attrs.field(default=400, validator=_refusal)
    not_cancellable_code: str = attrs.field(default="validation_error", validator=_text)
    check_out_allows_cancel: bool = attrs.field(default=True, validator=_flag)
    not_enabled_status: int = attrs.field(default=403, validator=_refusal)
    unapproved_status: int = attrs.field(default=403, validator=_refusal)
    unknown_hold_status: int = attrs.field(default=404, validator=_refusal)
    expired_hold_status: int = attrs.field(default=400, validator=_refusal)
    hold_must_match: bool = attrs.field(default=True, validator=_flag)
    limits_on_reservation: bool = attrs.field(default=True, validator=_flag)
    mandatory_categories: bool = attrs.field(default=False, validator=_flag)
    refuse_key_on_reservation: bool = attrs.field(default=False, validator=_flag)
    hide_sold_out_slots: bool = attrs.field(default=False, validator=_flag)
    max_range_days: int | None = attrs.field(default=None, validator=must_be(whole(1).or_null()))
    price_field: str = attrs.field(default="price_in_cents", validator=_text)
    language_field: str | None = attrs.field(
        default="language", validator=must_be(FILLED.or_null())
    )
    expires_at_zone: Zone = attrs.field(default="zurich", validator=_zone)
    closing_at_zone: Zone = attrs.field(default="zurich", validator=_zone)
    updated_at_zone: Zone = attrs.field(default="zurich", validator=_zone)
    orders_allowed: bool = attrs.field(default=True, validator=_flag)
    orders_delay_seconds: float = attrs.field(default=0, validator=must_be(SECONDS))
    max_orders: int | None = attrs.field(default=None, validator=must_be(whole(0).or_null()))
    too_many_orders_status: int = attrs.field(default=504, validator=must_be(status(400, 599)))
    date_skew_seconds: float | None = attrs.field(default=0, validator=must_be(SPAN.or_null()))
    booking_location: Literal["web", "local"] = attrs.field(
        default="web", validator=must_be(one_of("web", "local"))
    )
    old_errors: Literal["text", "json"] = attrs.field(
        default="text", validator=must_be(one_of("text", "json"))
    )
    unknown_ticket_status: int = attrs.field(default=404, validator=_refusal)
