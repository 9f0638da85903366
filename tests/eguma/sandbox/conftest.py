"""Raw JSON in, raw JSON out: a small voice for the tests to speak to the sandbox with."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import attrs
import pytest

from eguma_async.sandbox import EgumaSandbox, SandboxClock, SandboxRequest, SandboxResponse
from eguma_async.sandbox.eguma import Example, Product
from tests.support.clocks import still_clock

CUSTOMER = {"first_name": "John", "last_name": "Doe", "email": "john.doe@example.com"}


class Api:
    """Speaks to one sandbox; the demo key is used unless another one is given."""

    def __init__(self, sandbox: EgumaSandbox) -> None:
        self.sandbox = sandbox
        self._keys = 0
        self._examples: dict[str, Example] = {}

    async def send(
        self,
        method: str,
        path: str,
        *,
        key: str | None = "demo",
        body: bytes = b"",
        headers: dict[str, str] | None = None,
        **query: str,
    ) -> SandboxResponse:
        real_key = self.sandbox.demo_key if key == "demo" else key
        pairs = [("apikey", real_key)] if real_key is not None else []
        pairs += [(name.rstrip("_"), value) for name, value in query.items()]
        delivery = await self.sandbox.handle(
            SandboxRequest(method, path, tuple(pairs), headers or {}, body)
        )
        assert isinstance(delivery, SandboxResponse)
        return delivery

    async def products(self, **more: Any) -> SandboxResponse:
        return await self.send("GET", "/v1/ticketing/products.json", **more)

    async def availabilities(
        self, product_id: str, from_: str, to: str, **more: Any
    ) -> SandboxResponse:
        path = f"/v1/ticketing/products/{product_id}/availabilities.json"
        return await self.send("GET", path, from_=from_, to=to, **more)

    async def slots(self, product_id: str, from_: str, to: str, **more: Any) -> list[Any]:
        response = await self.availabilities(product_id, from_, to, **more)
        assert response.status == 200, response.body
        return response.json()["availabilities"]

    async def count(self, example: Example) -> int | None:
        assert example.starts_at is not None
        day = example.starts_at[:10]
        slots = await self.slots(example.product_id, day, day, key=example.api_key)
        return next(
            slot["availability_count"] for slot in slots if slot["starts_at"] == example.starts_at
        )

    async def post(self, name: str, value: object, **more: Any) -> SandboxResponse:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        return await self.send("POST", f"/v1/ticketing/{name}.json", body=body, **more)

    async def reserve(self, value: object, **more: Any) -> SandboxResponse:
        return await self.post("reservation", value, **more)

    async def book(
        self, value: object, *, idempotency_key: str | None = None, **more: Any
    ) -> SandboxResponse:
        self._keys += 1
        key = f"key-{self._keys}" if idempotency_key is None else idempotency_key
        return await self.post("booking", value, headers={"idempotency-key": key}, **more)

    async def orders(self, **more: Any) -> list[Any]:
        response = await self.send("GET", "/v1/ticketing/orders.json", **more)
        assert response.status == 200, response.body
        return response.json()

    async def gate(self, number: str, act: str = "checkin", **more: Any) -> dict[str, Any]:
        response = await self.send("POST", f"/v1/ticketing/tickets/{number}/{act}.json", **more)
        assert response.status == 200
        return response.json()

    async def count_of(self, label: str, starts_at: str) -> int | None:
        return await self.count(attrs.evolve(self.example(label), starts_at=starts_at))

    def change(self, **options: Any) -> None:
        self.sandbox.options = self.sandbox.options.changed(options)

    def example(self, label: str) -> Example:
        """Return the same slot each time, also when it has become full."""
        return self._examples.setdefault(label, self.sandbox.example(label))

    def product(self, label: str) -> Product:
        return next(item for item in self.sandbox.products() if item.label == label)

    def selection(self, label: str = "time", *quantities: int, **changes: Any) -> dict[str, Any]:
        """Return the body of a reservation: one adult, or the quantities given by category."""
        example = self.example(label)
        ids = [category.id for category in self.product(label).categories]
        items = [
            {"category_id": category_id, "quantity": quantity}
            for category_id, quantity in zip(ids, quantities or (1,), strict=False)
        ]
        shown = {"product_id": example.product_id, "starts_at": example.starts_at, "items": items}
        return {**shown, **changes}

    def order(self, label: str = "time", *quantities: int, **changes: Any) -> dict[str, Any]:
        """Return the body of a booking."""
        return {**self.selection(label, *quantities), "customer": CUSTOMER, **changes}

    def key_of(self, user_name: str, number: int = 0) -> str:
        return next(
            user.keys[number].value
            for merchant in self.sandbox.merchants()
            for user in merchant.users
            if user.name == user_name
        )


def assert_refused(response: SandboxResponse, status: int, code: str) -> None:
    value = response.json()
    assert (response.status, value["error_code"]) == (status, code)
    assert isinstance(value["message"], str)
    assert value["message"]


def without(value: dict[str, Any], name: str) -> dict[str, Any]:
    return {key: item for key, item in value.items() if key != name}


async def settle() -> None:
    """Let tasks that were started run until they wait for something."""
    for _ in range(10):
        await asyncio.sleep(0)


@pytest.fixture
def clock() -> SandboxClock:
    return still_clock()


@pytest.fixture
def api(clock) -> Api:
    return Api(EgumaSandbox(clock))


@pytest.fixture
def refused():
    return assert_refused


@pytest.fixture
def leave_out():
    return without


@pytest.fixture
def settled():
    return settle
