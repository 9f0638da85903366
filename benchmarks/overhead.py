"""What a call through the package costs, beside clients written by hand.

- ``sdk``: ``session.send(ListAvailabilities(...))`` over `AiohttpTransport`, as delivered: checks,
  retries, limits, bounded bodies, two-tier codec.
- ``raw``: aiohttp with one session and a msgspec decoder on the same attrs classes: what a good
  engineer writes for this one endpoint. No retries, no bounds, no hygiene of secrets.
- ``raw_encoded``: the same, with the URL put together as one encoded string.
- ``best``: the best loop we know how to write with aiohttp: the URL from a template that is encoded
  already, headers left to the session, no timer for the whole call, no ``async with``.
- ``httpx``: httpx and pydantic models, the usual pair (extra ``bench``).

20 calls at once, answers of 1 KB and 20 KB from a server in a process of its own. The ratios are
calls a second of the SDK over those of the other, so more than 1 means that the SDK is faster;
each is the median of the ratios within one round. ``sdk_vs_best_aiohttp``, and all that end in
``_by_cpu``, are ratios of CPU seconds a call, which other programs on the machine disturb less.
``server_busy`` is the largest share of a core the server used: well under 1, it was not the
bottleneck. ``client_busy`` is the share this process had: well under 1, other programs had the
rest.

Gate: ``sdk_vs_raw_aiohttp`` (20 KB) >= 0.90.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib.util
import time
from collections.abc import AsyncIterator
from urllib.parse import quote

import aiohttp
import msgspec
from yarl import URL

from eguma_async import AiohttpTransport, AsyncSession, AvailabilityList, ListAvailabilities

from . import _lib, _server

AT_ONCE = 20
WARM_UP = 0.2
PATH = "/v1/ticketing/products/{}/availabilities.json"
HEADERS = {"Accept": "application/json"}


@contextlib.asynccontextmanager
async def sdk(base: str) -> AsyncIterator[_lib.Call]:
    """Read with the package."""
    transport = AiohttpTransport()

    async with AsyncSession(_lib.KEY, base_url=base, transport=transport) as session:

        async def call(product_id: str) -> AvailabilityList:
            return await session.send(
                ListAvailabilities(product_id=product_id, from_date=_lib.FROM, to_date=_lib.TO)
            )

        try:
            yield call
        finally:
            await transport.aclose()


def _hand_made_session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        headers=HEADERS,
        cookie_jar=aiohttp.DummyCookieJar(),
        timeout=aiohttp.ClientTimeout(total=60, connect=5, sock_read=30),
        trust_env=False,
    )


@contextlib.asynccontextmanager
async def raw(base: str) -> AsyncIterator[_lib.Call]:
    """Read with aiohttp and msgspec, by hand."""
    decode = msgspec.json.Decoder(AvailabilityList).decode
    async with _hand_made_session() as session:

        async def call(product_id: str) -> AvailabilityList:
            url = base + PATH.format(quote(product_id, safe=""))
            params = {
                "from": _lib.FROM.isoformat(),
                "to": _lib.TO.isoformat(),
                "apikey": _lib.KEY,
            }
            async with session.get(url, params=params, allow_redirects=False) as response:
                if response.status != 200:
                    raise RuntimeError(f"HTTP {response.status}")
                return decode(await response.read())

        yield call


@contextlib.asynccontextmanager
async def raw_encoded(base: str) -> AsyncIterator[_lib.Call]:
    """Read with aiohttp and msgspec, by hand, and spare aiohttp the work on the URL."""
    decode = msgspec.json.Decoder(AvailabilityList).decode
    key = quote(_lib.KEY, safe="")
    async with _hand_made_session() as session:

        async def call(product_id: str) -> AvailabilityList:
            path = PATH.format(quote(product_id, safe=""))
            query = f"from={_lib.FROM.isoformat()}&to={_lib.TO.isoformat()}&apikey={key}"
            url = URL(f"{base}{path}?{query}", encoded=True)
            async with session.get(url, allow_redirects=False) as response:
                if response.status != 200:
                    raise RuntimeError(f"HTTP {response.status}")
                return decode(await response.read())

        yield call


@contextlib.asynccontextmanager
async def best(base: str) -> AsyncIterator[_lib.Call]:
    """Read with aiohttp and msgspec, with everything left out that can be."""
    decode = msgspec.json.Decoder(AvailabilityList).decode
    query = f"from={_lib.FROM.isoformat()}&to={_lib.TO.isoformat()}&apikey={quote(_lib.KEY)}"
    template = URL(f"{base}/?{query}", encoded=True)
    root = URL(base).path.rstrip("/")
    timeout = aiohttp.ClientTimeout(total=None, connect=5, sock_read=30)
    async with aiohttp.ClientSession(
        headers=HEADERS, cookie_jar=aiohttp.DummyCookieJar(), timeout=timeout, trust_env=False
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
async def httpx_pydantic(base: str) -> AsyncIterator[_lib.Call]:
    """Read with httpx and pydantic, by hand."""
    import httpx

    from ._pydantic import AvailabilityList as Model

    timeout = httpx.Timeout(60, connect=5, read=30)
    async with httpx.AsyncClient(headers=HEADERS, timeout=timeout, trust_env=False) as client:

        async def call(product_id: str) -> Model:
            url = base + PATH.format(quote(product_id, safe=""))
            params = {
                "from": _lib.FROM.isoformat(),
                "to": _lib.TO.isoformat(),
                "apikey": _lib.KEY,
            }
            response = await client.get(url, params=params)
            if response.status_code != 200:
                raise RuntimeError(f"HTTP {response.status_code}")
            return Model.model_validate_json(response.content)

        yield call


CLIENTS = {"sdk": sdk, "raw": raw, "raw_encoded": raw_encoded, "best": best}
HAS_HTTPX = all(importlib.util.find_spec(name) for name in ("httpx", "pydantic"))
if HAS_HTTPX:
    CLIENTS["httpx"] = httpx_pydantic

Results = dict[str, list[_lib.Turn]]


async def measure(url: str, options: argparse.Namespace) -> tuple[dict[str, Results], float]:
    """Return the turns by size and client, and how busy the server was at most."""
    results: dict[str, Results] = {size: {name: [] for name in CLIENTS} for size in _server.SIZES}
    busy = 0.0
    async with contextlib.AsyncExitStack() as stack:
        control = await stack.enter_async_context(aiohttp.ClientSession())

        async def server_cpu() -> float:
            async with control.get(f"{url}/cpu") as response:
                return float(await response.read())

        calls = {
            (size, name): await stack.enter_async_context(client(f"{url}/{size}"))
            for size in _server.SIZES
            for name, client in CLIENTS.items()
        }
        await _check_equal(calls)
        for call in calls.values():
            await _lib.turn(call, seconds=WARM_UP, at_once=AT_ONCE)
        for size, name in _lib.alternating(options.rounds, tuple(calls), patience=options.patience):
            cpu, began = await server_cpu(), time.perf_counter()
            turn = await _lib.turn(calls[size, name], seconds=options.seconds, at_once=AT_ONCE)
            busy = max(busy, (await server_cpu() - cpu) / (time.perf_counter() - began))
            results[size][name].append(turn)
    return results, busy


async def _check_equal(calls: dict[tuple[str, str], _lib.Call]) -> None:
    """Make sure that all clients read the same before their speed is compared."""
    for size in _server.SIZES:
        first = await calls[size, "raw"](_lib.PRODUCT_IDS[0])
        for name in CLIENTS:
            other = await calls[size, name](_lib.PRODUCT_IDS[0])
            for mine, theirs in zip(first.availabilities, other.availabilities, strict=True):
                same = (mine.starts_at, len(mine.prices)) == (theirs.starts_at, len(theirs.prices))
                if not same or mine.prices[-1].price_in_cents != theirs.prices[-1].price_in_cents:
                    raise RuntimeError(f"{name} reads something else than raw")


def figures(results: dict[str, Results], busy: float) -> dict[str, _lib.Figure]:
    """Return the report."""

    def versus(size: str, other: str, gate: str = "") -> _lib.Figure:
        if other not in results[size]:
            return _lib.Figure(None, note="needs httpx and pydantic: the extra `bench`")
        rates = {name: [turn.rate for turn in turns] for name, turns in results[size].items()}
        return _lib.ratio(rates["sdk"], rates[other], gate)

    def by_cpu(size: str, other: str) -> _lib.Figure:
        turns = results[size]
        return _lib.ratio([t.cpu_us for t in turns[other]], [t.cpu_us for t in turns["sdk"]])

    found = {
        "sdk_vs_best_aiohttp": by_cpu("20k", "best"),
        "sdk_vs_best_aiohttp_1kb": by_cpu("1k", "best"),
        "sdk_vs_raw_aiohttp": versus("20k", "raw", ">= 0.90"),
        "sdk_vs_raw_aiohttp_1kb": versus("1k", "raw"),
        "sdk_vs_raw_aiohttp_encoded": versus("20k", "raw_encoded"),
        "sdk_vs_raw_aiohttp_encoded_1kb": versus("1k", "raw_encoded"),
        "sdk_vs_httpx_pydantic": versus("20k", "httpx"),
        "sdk_vs_httpx_pydantic_1kb": versus("1k", "httpx"),
    }
    for size, clients in results.items():
        for name, turns in clients.items():
            found[f"{name}_{size}b_rps"] = _lib.middle([turn.rate for turn in turns], "/s")
            found[f"{name}_{size}b_cpu_us"] = _lib.middle([turn.cpu_us for turn in turns], "us")
    shares = [
        turn.busy for clients in results.values() for turns in clients.values() for turn in turns
    ]
    found["sdk_vs_raw_aiohttp_by_cpu"] = by_cpu("20k", "raw")
    return found | {"server_busy": _lib.Figure(busy), "client_busy": _lib.middle(shares)}


def main() -> None:
    options = _lib.arguments(__doc__, rounds=13, seconds=0.3)
    _lib.pin(_lib.CLIENT_CPU)
    with _lib.child("benchmarks._server") as url:
        results, busy = asyncio.run(measure(url, options))
    rounds = len(results["20k"]["sdk"])
    _lib.report("overhead", figures(results, busy), as_json=options.json, rounds=rounds)


if __name__ == "__main__":
    main()
