"""The public names of `eguma_async.eguma.ticketing.orders`."""

from eguma_async.eguma.ticketing.orders import (
    CustomerTitle,
    ListOrders,
    Order,
    OrderCustomer,
    OrderLine,
    OrderLocation,
    Orders,
    OrderStatus,
    OrderTicket,
    Payment,
    TicketAnswer,
)

__all__ = [
    "CustomerTitle",
    "ListOrders",
    "Order",
    "OrderCustomer",
    "OrderLine",
    "OrderLocation",
    "OrderStatus",
    "OrderTicket",
    "Orders",
    "Payment",
    "TicketAnswer",
]
