"""Beneficiaries: who uses a ticket, where the issuer wants to know before it makes the file."""

from __future__ import annotations

from typing import ClassVar

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.session import Session
from eguma_async.korus.json_ld import MERGE_PATCH
from eguma_async.korus.operations import GetOperation, ResourceOperation, free_text

from .order_models import Beneficiary, OrderTicket


@attrs.frozen(kw_only=True)
class GetOrderTicket(GetOperation[OrderTicket]):
    """Read one ticket of an order.

    Source: ``GET /v1/booking/orders/{id}/items/{id}/tickets/{id}``, docs.korusticket.com.
    """


@attrs.frozen(kw_only=True)
class UpdateBeneficiary(ResourceOperation[OrderTicket]):
    """Tell who uses a ticket.

    It is not sent again once it may have arrived: a second change may not be allowed.

    Source: ``PATCH /v1/booking/orders/{id}/items/{id}/tickets/{id}``, docs.korusticket.com.
    """

    METHOD: ClassVar[str] = "PATCH"
    REPEAT: ClassVar[Repeat] = Repeat.ONCE
    CONTENT_TYPE: ClassVar[str | None] = MERGE_PATCH

    beneficiary: Beneficiary = attrs.field(
        validator=checks.instance_of(Beneficiary, "a Beneficiary")
    )

    def __attrs_post_init__(self) -> None:
        named = (self.beneficiary.firstname, self.beneficiary.lastname)
        if not all(isinstance(name, str) and name.strip() for name in named):
            raise ConfigurationError("a beneficiary must have a firstname and a lastname")
        for field in attrs.fields(Beneficiary):
            value = getattr(self.beneficiary, field.name)
            if isinstance(value, str):
                free_text(self, field, value)


class Beneficiaries:
    """``session.beneficiaries``."""

    def __init__(self, session: Session) -> None:
        self._session = session

    async def get(self, ticket: str, *, timeouts: Timeouts | None = None) -> OrderTicket:
        """Read a ticket of an order: what it asks for, and until when.

        Args:
            ticket: IRI of the ticket, from an order read with `Orders.get`.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetOrderTicket(iri=ticket), timeouts=timeouts)

    async def update(
        self, ticket: str, beneficiary: Beneficiary, *, timeouts: Timeouts | None = None
    ) -> OrderTicket:
        """Tell who uses a ticket.

        Args:
            ticket: IRI of the ticket, from an order read with `Orders.get`.
            beneficiary: With all that the ticket's `required_beneficiary_fields` name.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            ViolationsError: Something is missing, it is too late, or it may not be changed.
            OutcomeUnknownError: It may have been changed; `get` tells.
            ResultMismatchError: The response is another resource.
        """
        operation = UpdateBeneficiary(iri=ticket, beneficiary=beneficiary)
        return await self._session.send(operation, timeouts=timeouts)
