from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse
from eguma_async.sandbox.korus import TOKEN_PATH, KorusOptions, KorusSandbox

START = datetime(2026, 3, 2, 9, 0, 0, 250_000, tzinfo=UTC)
RESERVE = "/v1/booking/reservations/_bulk"
ORDER = "/v1/booking/orders/_bulk"
FORM = {"content-type": "application/x-www-form-urlencoded"}
CUSTOMER = {
    "firstname": "John",
    "lastname": "Doe",
    "email": "john.doe@gmail.com",
    "phone": "0612345678",
    "country": "FR",
    "language": "fr",
}


class StillClock:
    """A clock that stands still, so that only the sandbox moves the time."""

    def now(self) -> datetime:
        return START

    def monotonic(self) -> float:
        return 0.0

    async def sleep(self, seconds: float, /) -> None:
        raise AssertionError("nothing may sleep here")


class Api:
    """Raw JSON calls to a sandbox as one organization."""

    def __init__(self, sandbox: KorusSandbox, organization: int = 0) -> None:
        self.sandbox = sandbox
        self.token = ""
        self._organization = sandbox.organizations()[organization]

    async def ask_token(self, **fields: str) -> SandboxResponse:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._organization.client_id,
            "client_secret": self._organization.client_secret,
            **fields,
        }
        request = SandboxRequest("POST", TOKEN_PATH, (), FORM, urlencode(form).encode())
        return await self._answer(request)

    async def log_in(self) -> Api:
        self.token = (await self.ask_token()).json()["access_token"]
        return self

    async def raw(
        self, method: str, path: str, body: bytes = b"", query: Any = (), **headers: str | None
    ) -> SandboxResponse:
        sent: dict[str, str | None] = {
            "authorization": f"Bearer {self.token}",
            "accept": "application/ld+json",
        }
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        kept = {name: value for name, value in sent.items() if value is not None}
        return await self._answer(SandboxRequest(method, path, tuple(query), kept, body))

    async def _answer(self, request: SandboxRequest) -> Any:
        """Return the response; a test that asks for a fault knows what it gets instead."""
        return await self.sandbox.handle(request)

    async def get(
        self, path: str, *query: tuple[str, str], **headers: str | None
    ) -> SandboxResponse:
        address = urlsplit(path)
        pairs = (*parse_qsl(address.query), *query)
        return await self.raw("GET", address.path, b"", pairs, **headers)

    async def post(self, path: str, body: Any, **headers: str | None) -> SandboxResponse:
        sent = {"content_type": "application/ld+json", **headers}
        return await self.raw("POST", path, json.dumps(body).encode(), **sent)

    async def patch(self, path: str, body: Any, **headers: str | None) -> SandboxResponse:
        sent = {"content_type": "application/merge-patch+json", **headers}
        return await self.raw("PATCH", path, json.dumps(body).encode(), **sent)

    async def reserve(self, *items: Any, **headers: str | None) -> dict[str, Any]:
        """Reserve examples by name, or items as they are sent; return the answer."""
        sent = [self.item(item) if isinstance(item, str) else item for item in items]
        response = await self.post(RESERVE, {"items": sent}, **headers)
        assert response.status == 200, response.json()
        return response.json()

    async def hold(self, *items: Any) -> list[dict[str, Any]]:
        """Reserve, and return the reservations."""
        return (await self.reserve(*items))["reservations"]

    async def order(self, *reservations: dict[str, Any], **members: Any) -> dict[str, Any]:
        """Order reservations; return the answer."""
        response = await self.post(ORDER, purchase(*reservations, **members))
        assert response.status == 200, response.json()
        return response.json()

    async def buy(self, *items: Any, **members: Any) -> list[dict[str, Any]]:
        """Reserve and order; return the orders."""
        return (await self.order(*await self.hold(*items), **members))["orders"]

    def item(self, name: str, quantity: int = 1, session: int = 0) -> dict[str, Any]:
        return self.sandbox.example(name, quantity=quantity, session=session).item

    async def available(self, name: str) -> dict[str, Any]:
        return (await self.get(self.sandbox.example(name).offer + "/availability")).json()


def purchase(*reservations: dict[str, Any], **members: Any) -> dict[str, Any]:
    iris = [reservation["@id"] for reservation in reservations]
    return {"reservations": iris, "customer": CUSTOMER, **members}


@pytest.fixture
def make() -> Callable[..., Any]:
    """Return what makes an `Api` that is logged in; options of the sandbox as arguments."""

    async def connect(organization: int = 0, **options: Any) -> Api:
        sandbox = KorusSandbox(StillClock(), options=KorusOptions(**options))
        return await Api(sandbox, organization).log_in()

    return connect


@pytest.fixture
async def api(make) -> Api:
    return await make()


@pytest.fixture
async def other(api) -> Api:
    """The other organization in the same sandbox."""
    return await Api(api.sandbox, 1).log_in()


@pytest.fixture
def buying() -> Callable[..., dict[str, Any]]:
    """Return what builds the body of an order request."""
    return purchase


def violations(response: SandboxResponse) -> list[tuple[str, str]]:
    """Return path and code of each broken rule of a 422."""
    assert response.status == 422, response.body
    return [(v["propertyPath"], v["code"]) for v in response.json()["violations"]]


@pytest.fixture
def broken() -> Callable[[SandboxResponse], list[tuple[str, str]]]:
    return violations
