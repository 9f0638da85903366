"""The shop over HTTP."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import date
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field

from eguma_async import (
    AsyncSession,
    ConfigurationError,
    Customer,
    EgumaError,
    NotFoundError,
    TicketItem,
)

from .orders import Order, Orders, State
from .payments import Payments
from .shop import Refusal, Shop

log = logging.getLogger("checkout")

Text = Annotated[str, Field(min_length=1, max_length=200, pattern=r"\S")]


class Item(BaseModel):
    """So many tickets of a category."""

    category_id: Text
    quantity: Annotated[int, Field(ge=1, le=100)]


class NewCart(BaseModel):
    """What a customer wants, and the total that was shown."""

    product_id: Text
    starts_at: Text
    items: Annotated[list[Item], Field(min_length=1, max_length=20)]
    expected_total_in_cents: Annotated[int, Field(ge=0)]


class Payment(BaseModel):
    """Who pays, and with what."""

    first_name: Text
    last_name: Text
    email: Annotated[str, Field(max_length=200, pattern=r"^[^@\s]+@[^@\s]+$")]
    token: Annotated[str, Field(min_length=1, max_length=500, repr=False)]


def create_app(
    open_session: Callable[[], AsyncSession], payments: Payments, orders: Path
) -> FastAPI:
    """Return the service.

    Args:
        open_session: Makes the session, with a journal; it lives as long as the service.
        payments: Takes the money.
        orders: File of the shop's own orders.
    """

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_session() as session,
            Orders(orders, session.converter) as kept,
            Shop(session, kept, payments) as shop,
        ):
            app.state.shop = shop
            yield
        # Left from the inside out: sales under way end, places are given back, the session closes.

    app = FastAPI(title="Checkout", lifespan=lifespan)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(EgumaError, _failed)
    app.add_exception_handler(RequestValidationError, _invalid)
    _add_routes(app)
    return app


def _any_shop(request: Request) -> Shop:
    shop: Shop = request.app.state.shop
    return shop


def _ready_shop(shop: Annotated[Shop, Depends(_any_shop)]) -> Shop:
    if not shop.is_ready:
        raise Refusal(503, "recovering", "The shop finishes what it was at. Try again in a moment.")
    return shop


ReadyShop = Annotated[Shop, Depends(_ready_shop)]


def _add_routes(app: FastAPI) -> None:
    @app.get("/health")
    async def health() -> dict[str, str]:
        """Tell that the process lives."""
        return {"status": "alive"}

    @app.get("/ready")
    async def ready(shop: Annotated[Shop, Depends(_any_shop)], response: Response) -> object:
        """Tell whether to send customers here: once what was begun before is finished."""
        if not shop.is_ready or shop.is_draining:
            response.status_code = 503
        return {"ready": shop.is_ready, "draining": shop.is_draining}

    @app.get("/products")
    async def products(shop: ReadyShop) -> object:
        """List what can be bought."""
        return [
            {
                "id": each.id,
                "name": each.name,
                "categories": [{"id": c.id, "name": c.name} for c in each.categories],
            }
            for each in await shop.products()
        ]

    @app.get("/products/{product_id}/slots")
    async def slots(
        shop: ReadyShop,
        product_id: str,
        from_date: date | None = None,
        days: Annotated[int, Query(ge=1, le=31)] = 7,
    ) -> object:
        """List when there are places, and what they cost."""
        found = await shop.slots(product_id, from_date, days)
        return [
            {
                "starts_at": shop.start_of(slot),
                "free": slot.availability_count,
                "prices": {p.category_id: p.price_in_cents for p in slot.prices},
            }
            for slot in found
        ]

    @app.post("/carts", status_code=201)
    async def new_cart(shop: ReadyShop, cart: NewCart, response: Response) -> object:
        """Hold places."""
        items = [TicketItem(item.category_id, item.quantity) for item in cart.items]
        order = await shop.hold(
            cart.product_id, cart.starts_at, items, cart.expected_total_in_cents
        )
        response.headers["Location"] = f"/orders/{order.ref}"
        return _shown(order)

    @app.delete("/carts/{ref}", status_code=204)
    async def drop_cart(shop: ReadyShop, ref: str) -> None:
        """Give places back."""
        await shop.give_up(ref)

    @app.post("/carts/{ref}/payment")
    async def pay(shop: ReadyShop, ref: str, payment: Payment, response: Response) -> object:
        """Pay and book; the same request again gives the same booking."""
        customer = Customer(payment.first_name, payment.last_name, payment.email)
        order = await shop.pay(ref, customer, payment.token)
        status, answer = _outcome(order)
        response.status_code = status
        response.headers["Location"] = f"/orders/{order.ref}"
        return answer

    @app.get("/orders/{ref}")
    async def order(shop: ReadyShop, ref: str) -> object:
        """Tell how far an order has come."""
        return _shown(await shop.order(ref))


def _shown(order: Order) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "ref": order.ref,
        "state": order.state,
        "total_in_cents": order.total_in_cents,
        "currency": order.currency,
    }
    if order.state is State.HELD:
        shown["held_until"] = order.expires_at
    if order.reason is not None:
        shown["reason"] = order.reason
    if order.booking is not None:
        shown["booking_reference"] = order.booking.booking_reference
        shown["tickets"] = [ticket.ticket_number for ticket in order.booking.tickets]
    return shown


def _outcome(order: Order) -> tuple[int, dict[str, Any]]:
    """Return status and body that say what came of a payment."""
    shown = _shown(order)
    if order.state is State.BOOKED:
        return 200, shown
    if order.state is State.HELD:
        return 402, _problem("not_paid", "No money was taken. Try again.", **shown)
    if order.state is State.RELEASED:
        text = "The places were given back. Choose again."
        return 409, _problem("released", text, **shown)
    if order.state in (State.REFUND_DUE, State.REFUNDED):
        text = "Nothing was booked; the payment is refunded."
        return 409, _problem(order.reason or "refused", text, **shown)
    return 202, shown  # not known yet: the customer asks /orders/{ref} again


def _problem(code: str, text: str, **details: object) -> dict[str, Any]:
    return {"code": code, "message": text, **details}


def _refused(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refusal)  # noqa: S101  # that is what it is registered for
    return JSONResponse(_problem(error.code, error.text, **error.details), error.status)


def _failed(request: Request, error: Exception) -> JSONResponse:
    """Answer what the SDK raised and nobody has expected. Its text is for the log alone."""
    route = getattr(request.scope.get("route"), "path", "")  # the pattern, not what was sent
    log.warning("%s %s: %s", request.method, route, error)
    if isinstance(error, ConfigurationError):
        return JSONResponse(_problem("invalid", "This cannot be asked for."), 422)
    if isinstance(error, NotFoundError):
        return JSONResponse(_problem("not_found", "There is no such product."), 404)
    unavailable = _problem("unavailable", "The ticket system does not answer. Try again later.")
    return JSONResponse(unavailable, 503)


def _invalid(request: Request, error: Exception) -> JSONResponse:
    """Say what is malformed, but not repeat it: it may be a card's token."""
    assert isinstance(error, RequestValidationError)  # noqa: S101  # as above
    problems = [f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors()]
    return JSONResponse(_problem("invalid", "This cannot be read.", problems=problems), 422)
