"""The contenders: the package, and clients written by hand for the one endpoint they read.

Each yields a function that reads the availabilities of one product from ``base`` and returns them
as typed objects. ``context`` is what a client over TLS trusts.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec
from yarl import URL

from eguma_async import AiohttpTransport, AsyncSession, AvailabilityList, ListAvailabilities

from . import _lib

if TYPE_CHECKING:
    from eguma_async import LeanTransport

PATH = "/v1/ticketing/products/{}/availabilities.json"
HEADERS = {"Accept": "application/json"}
QUERY = f"from={_lib.FROM.isoformat()}&to={_lib.TO.isoformat()}&apikey={quote(_lib.KEY)}"

Context = ssl.SSLContext | None
Client = Callable[[str, Context], AbstractAsyncContextManager[_lib.Call]]


def found(*names: str) -> bool:
    """Tell whether packages are installed."""
    return all(importlib.util.find_spec(name) is not None for name in names)


# The package


@contextlib.asynccontextmanager
async def _session(
    base: str, transport: AiohttpTransport | LeanTransport
) -> AsyncIterator[_lib.Call]:
    async with transport, AsyncSession(_lib.KEY, base_url=base, transport=transport) as session:

        async def call(product_id: str) -> AvailabilityList:
            return await session.send(
                ListAvailabilities(product_id=product_id, from_date=_lib.FROM, to_date=_lib.TO)
            )

        yield call


def sdk(base: str, context: Context = None) -> AbstractAsyncContextManager[_lib.Call]:
    """Read with the package over aiohttp."""
    return _session(base, AiohttpTransport(ssl=context))


def lean(base: str, context: Context = None) -> AbstractAsyncContextManager[_lib.Call]:
    """Read with the package over its own transport."""
    from eguma_async import LeanTransport

    return _session(base, LeanTransport(ssl=context))


# By hand


@contextlib.asynccontextmanager
async def best(base: str, context: Context = None) -> AsyncIterator[_lib.Call]:
    """Read with aiohttp and msgspec, with everything left out that can be.

    The URL comes from a template that is encoded already, headers are left to the session, there
    is no timer for the whole call and no ``async with``.
    """
    decode = msgspec.json.Decoder(AvailabilityList).decode
    template = URL(f"{base}/?{QUERY}", encoded=True)
    root = URL(base).path.rstrip("/")
    timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=30)
    async with aiohttp.ClientSession(
        headers=HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=timeout,
        trust_env=False,
        connector=aiohttp.TCPConnector(ssl=True if context is None else context),
    ) as session:

        async def call(product_id: str) -> AvailabilityList:
            path = root + PATH.format(product_id)
            url = template.with_path(path, encoded=True, keep_query=True)
            response = await session.get(url, allow_redirects=False)
            if response.status != 200:
                raise RuntimeError(f"HTTP {response.status}")
            return decode(await response.read())

        yield call


@contextlib.asynccontextmanager
async def orjson_cattrs(base: str, context: Context = None) -> AsyncIterator[_lib.Call]:
    """Read with aiohttp, orjson and cattrs, the usual way to get attrs classes."""
    from cattrs.preconf.orjson import make_converter

    converter = make_converter()
    async with aiohttp.ClientSession(
        headers=HEADERS, connector=aiohttp.TCPConnector(ssl=True if context is None else context)
    ) as session:

        async def call(product_id: str) -> AvailabilityList:
            url = base + PATH.format(quote(product_id, safe=""))
            async with session.get(url, params=_params()) as response:
                response.raise_for_status()
                return converter.loads(await response.read(), AvailabilityList)

        yield call


@contextlib.asynccontextmanager
async def httpx_pydantic(base: str, context: Context = None) -> AsyncIterator[_lib.Call]:
    """Read with httpx and pydantic, the usual pair."""
    import httpx

    from ._pydantic import AvailabilityList as Model

    async with httpx.AsyncClient(
        headers=HEADERS,
        timeout=httpx.Timeout(60, connect=5, read=30),
        trust_env=False,
        verify=True if context is None else context,
    ) as client:

        async def call(product_id: str) -> Model:
            url = base + PATH.format(quote(product_id, safe=""))
            response = await client.get(url, params=_params())
            response.raise_for_status()
            return Model.model_validate_json(response.content)

        yield call


def _params() -> dict[str, str]:
    return {"from": _lib.FROM.isoformat(), "to": _lib.TO.isoformat(), "apikey": _lib.KEY}


# The limit


class _Socket(asyncio.Protocol):
    """One connection that knows this one server: a status line, a length, a body."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self._missing = 0
        self._answer: asyncio.Future[bytes] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self._loop = asyncio.get_running_loop()

    def ask(self, head: bytes) -> asyncio.Future[bytes]:
        self._answer = self._loop.create_future()
        self.transport.write(head)
        return self._answer

    def data_received(self, data: bytes) -> None:
        if not self._missing:
            head, _, data = data.partition(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise RuntimeError("no success")
            length = head.rpartition(b"Content-Length: ")[2].partition(b"\r\n")[0]
            self._missing = int(length)
            self._pieces = []
        self._pieces.append(data)
        self._missing -= len(data)
        if not self._missing and self._answer is not None:
            self._answer.set_result(b"".join(self._pieces))


@contextlib.asynccontextmanager
async def limit(base: str, context: Context = None) -> AsyncIterator[_lib.Call]:
    """Read from bare asyncio protocols, with msgspec: no client can do with less."""
    decode = msgspec.json.Decoder(AvailabilityList).decode
    parts = urlsplit(base)
    host, port = parts.hostname or "", parts.port or 0
    loop = asyncio.get_running_loop()
    idle: deque[_Socket] = deque()
    made: list[_Socket] = []

    async def call(product_id: str) -> AvailabilityList:
        if idle:
            connection = idle.pop()
        else:
            _, connection = await loop.create_connection(_Socket, host, port, ssl=context)
            made.append(connection)
        path = f"{parts.path}{PATH.format(product_id)}?{QUERY}"
        head = f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: application/json\r\n\r\n"
        body = await connection.ask(head.encode())
        idle.append(connection)
        return decode(body)

    try:
        yield call
    finally:
        for connection in made:
            connection.transport.abort()


CLIENTS: dict[str, Client] = {"sdk": sdk, "best": best, "limit": limit}
HAS_LEAN = found("httptools", "eguma_async.transports.lean")
if HAS_LEAN:
    CLIENTS["lean"] = lean
if found("httpx", "pydantic"):
    CLIENTS["httpx"] = httpx_pydantic
if found("orjson"):
    CLIENTS["cattrs"] = orjson_cattrs


async def check_equal(calls: dict[str, Any]) -> None:
    """Make sure that all clients read the same before their speed is compared."""
    first = await calls["sdk"](_lib.PRODUCT_IDS[0])
    for name, call in calls.items():
        other = await call(_lib.PRODUCT_IDS[0])
        for mine, theirs in zip(first.availabilities, other.availabilities, strict=True):
            same = (mine.starts_at, len(mine.prices)) == (theirs.starts_at, len(theirs.prices))
            if not same or mine.prices[-1].price_in_cents != theirs.prices[-1].price_in_cents:
                raise RuntimeError(f"{name} reads something else than the others")
