"""What the shop needs of a payment provider, and one in memory to try it with."""

from __future__ import annotations

from typing import Protocol


class PaymentRefusedError(Exception):
    """The provider has refused: no money was taken."""


class PaymentUnknownError(Exception):
    """No answer came: the money may have been taken. `Payments.is_paid` tells later."""


class Payments(Protocol):
    """A payment provider. The reference is that of the order; it makes every call repeatable."""

    async def charge(
        self, reference: str, *, amount_in_cents: int, currency: str, token: str
    ) -> None:
        """Take the money, once for each reference.

        Args:
            reference: The order.
            amount_in_cents: How much.
            currency: ISO 4217 code.
            token: What the customer's browser got from the provider for a card.

        Raises:
            PaymentRefusedError: No money was taken.
            PaymentUnknownError: It may have been.
        """

    async def is_paid(self, reference: str) -> bool | None:
        """Tell whether the money was taken; None if the provider does not know yet.

        False is for good: no charge that is still on its way may take the money later. Cancel it
        at the provider first, if it can still come.
        """

    async def refund(self, reference: str) -> None:
        """Give the money back. Asked again, it does nothing more."""


class MemoryPayments:
    """A payment provider for tests: what it does follows from the token.

    ``tok_ok`` pays; ``tok_lost`` pays, but the answer is lost; ``tok_pending`` gives no answer
    either, and nobody knows more until `settle` says so; anything else is refused.

    Attributes:
        paid: Amounts by reference.
        pending: Amounts of which nobody knows whether they will be paid.
        refunded: References whose money was given back.
    """

    def __init__(self) -> None:
        self.paid: dict[str, int] = {}
        self.pending: dict[str, int] = {}
        self.refunded: set[str] = set()

    async def charge(
        self, reference: str, *, amount_in_cents: int, currency: str, token: str
    ) -> None:
        """Take the money as the token says."""
        if token not in {"tok_ok", "tok_lost", "tok_pending"}:
            raise PaymentRefusedError
        charged = self.pending if token == "tok_pending" else self.paid  # noqa: S105  # no secret
        charged.setdefault(reference, amount_in_cents)
        if token != "tok_ok":  # noqa: S105  # as above
            raise PaymentUnknownError

    async def is_paid(self, reference: str) -> bool | None:
        """Tell whether it was paid."""
        return None if reference in self.pending else reference in self.paid

    def settle(self, reference: str, *, is_paid: bool) -> None:
        """Say what became of a payment that was pending."""
        amount = self.pending.pop(reference)
        if is_paid:
            self.paid[reference] = amount

    async def refund(self, reference: str) -> None:
        """Note that the money was given back."""
        if reference in self.paid:
            self.refunded.add(reference)
