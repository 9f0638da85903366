"""The public names of `eguma_async.eguma.ticketing.products`."""

from eguma_async.eguma.ticketing.products import (
    Category,
    ListProducts,
    Product,
    ProductList,
    Products,
    SlotType,
)

__all__ = [
    "Category",
    "ListProducts",
    "Product",
    "ProductList",
    "Products",
    "SlotType",
]
