"""What can be chosen about the simulated Korus API, and the shapes its bodies had over time."""

from __future__ import annotations

from typing import ClassVar, Literal, TypeAlias

import attrs

from eguma_async.sandbox.engine.checks import (
    DURATION,
    FILLED,
    FLAG,
    Check,
    must_be,
    one_of,
)
from eguma_async.sandbox.engine.options import Options

Generation: TypeAlias = Literal["seed", "1.0.7", "release"]
"""Which bodies to produce.

``"seed"`` is the booking workflow's own sample; its catalog bodies are the newest ones, as the
sample shows none. ``"1.0.7"`` is the first numbered version with a status on orders.
``"release"`` is the newest. A generation changes bodies, never which addresses exist.
"""


@attrs.frozen(kw_only=True)
class BodyFormat:
    """What the bodies of one generation contain.

    Attributes:
        reservation_details: ``catalog``, ``seatsArrangement``, ``releasable``, ``status``, ``date``
            and seats on reservations.
        order_details: ``catalog``, ``connectorReference``, ``status``, ``cancelledAt``, ``date``.
        unit_amounts: ``unitAmount…`` on items.
        plain_amounts: ``amount…`` on items: the price of one unit.
        quantities: ``quantity`` on items, and on order items also ``id`` and ``totalAmount…``.
        null_session: ``session: null`` instead of no key for a whole-day ticket.
        ticket_addresses: Order tickets have an IRI and an ``id`` instead of a genid.
        event_names: ``event`` on order tickets.
        plain_beneficiary: A beneficiary has no ``@id`` and no ``@type``.
        notes: Orders echo ``notes``.
        empty_customer: The bulk response shows ``customer`` as ``[]``.
        failed_orders: ``failedOrders`` is present even if nothing failed.
        catalog_details: The newer members of catalogs, product bases and availability.
        form: Offer tickets have a ``form``, always null here.
    """

    reservation_details: bool = True
    order_details: bool = True
    unit_amounts: bool = True
    plain_amounts: bool = True
    quantities: bool = True
    null_session: bool = False
    ticket_addresses: bool = True
    event_names: bool = False
    plain_beneficiary: bool = True
    notes: bool = True
    empty_customer: bool = False
    failed_orders: bool = True
    catalog_details: bool = True
    form: bool = False


BODY_FORMATS: dict[str, BodyFormat] = {
    "seed": BodyFormat(
        reservation_details=False,
        order_details=False,
        plain_amounts=False,
        quantities=False,
        ticket_addresses=False,
        plain_beneficiary=False,
        notes=False,
        empty_customer=True,
        failed_orders=False,
    ),
    "1.0.7": BodyFormat(
        unit_amounts=False,
        quantities=False,
        null_session=True,
        event_names=True,
        plain_beneficiary=False,
        notes=False,
        catalog_details=False,
        form=True,
    ),
    "release": BodyFormat(),
}


_ADDRESS = Check(
    "an address that begins with http:// or https:// and ends without a /",
    lambda value: (
        FILLED.fits(value) and value.startswith(("http://", "https://")) and value[-1] != "/"
    ),
)
_flag = must_be(FLAG)
_seconds = must_be(DURATION)


@attrs.frozen(kw_only=True)
class KorusOptions(Options):
    """How the simulated Korus API behaves where its documentation leaves a choice.

    Attributes:
        generation: Format of the bodies: ``"seed"``, ``"1.0.7"`` or ``"release"``.
        public_url: Address the API gives for itself if a request does not tell where it was sent.
        hold_seconds: How long a reservation lives, unless its offer says otherwise.
        token_seconds: Lifetime of an access token.
        refresh_seconds: Lifetime of a refresh token.
        refresh_tokens: Whether the token endpoint hands out refresh tokens.
        link_seconds: Lifetime of a document's signed link.
        expired_link_status: Status for a signed link past its time: 400, 403, 404 or 410.
        reservation_per: ``"item"``: one reservation for each item; ``"catalog"``: for each catalog.
        short_stock: ``"failed"``: an item beyond the stock goes to ``failedReservations``;
            ``"violation"``: the whole request is refused with 422.
        foreign_status: Status for what belongs to another organization: 403 or 404.
        not_ready_status: Status for a document that is not ready: 404, 409, 422 or 425.
        strict_content_type: Refuse a POST that is not ``application/ld+json`` with 415.
        violation_type: ``@type`` of a 422: ``"ConstraintViolationList"``, or
            ``"ConstraintViolation"`` as newer frameworks say.
    """

    PROVIDER: ClassVar[str] = "korus"

    generation: Generation = attrs.field(
        default="release", validator=must_be(one_of(*BODY_FORMATS))
    )
    public_url: str = attrs.field(
        default="https://api.demo.korusticket.com", validator=must_be(_ADDRESS)
    )
    hold_seconds: int = attrs.field(default=900, validator=_seconds)
    token_seconds: int = attrs.field(default=1800, validator=_seconds)
    refresh_seconds: int = attrs.field(default=1800, validator=_seconds)
    refresh_tokens: bool = attrs.field(default=True, validator=_flag)
    link_seconds: int = attrs.field(default=900, validator=_seconds)
    expired_link_status: int = attrs.field(
        default=403, validator=must_be(one_of(400, 403, 404, 410))
    )
    reservation_per: str = attrs.field(default="item", validator=must_be(one_of("item", "catalog")))
    short_stock: str = attrs.field(
        default="failed", validator=must_be(one_of("failed", "violation"))
    )
    foreign_status: int = attrs.field(default=403, validator=must_be(one_of(403, 404)))
    not_ready_status: int = attrs.field(default=422, validator=must_be(one_of(404, 409, 422, 425)))
    strict_content_type: bool = attrs.field(default=True, validator=_flag)
    violation_type: str = attrs.field(
        default="ConstraintViolationList",
        validator=must_be(one_of("ConstraintViolationList", "ConstraintViolation")),
    )

    @property
    def body_format(self) -> BodyFormat:
        """What the bodies of the chosen generation contain."""
        return BODY_FORMATS[self.generation]
