"""A long list of orders: read element by element, and whole without stopping the event loop.

- ``stream``: ``session.ticketing.orders.stream()``, over a transport that reads a file, and over
  HTTP on loopback.
- ``cattrs``: what one writes by hand, the whole body: ``orjson.loads`` and the structuring of
  ``cattrs.preconf.orjson`` into the same classes.
- ``ijson``: the incremental parser with its C backend, and ``msgspec.convert`` into the same
  classes.
- ``msgspec``: the whole body at once by a bare msgspec decoder of the same classes; reported.

Memory: how far a fresh process grows beyond what it needed before, over 20 MB and over 100 MB (or
``--megabytes``). Gates: ``peak_vs_body`` and ``peak_vs_body_http`` <= 0.04, and the exponent of
growth ``peak_exponent`` <= 0.20, peaks below 1 MB counted as 1 MB: 0 is flat, 1 proportional.

Speed: CPU time for 10 MB, in alternating turns; a longer list makes the hand-written way no faster.
Gates: ``speedup_vs_cattrs`` >= 7, ``speedup_vs_ijson`` >= 2.

The event loop: the longest CPU time between two turns of another task while ``orders.list`` reads
50 MB, in fresh processes: the median. Gates: ``longest_stall_ms`` and ``longest_stall_http_ms``
<= 50. By the wall clock it is reported only: on a busy machine that shows what others do.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import math
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from eguma_async import AiohttpTransport, AsyncSession, HttpRequest, HttpResponse, Order

from . import _lib, _orders

MEGABYTE = 1_000_000
FEW_MB, SPEED_MB, LIST_MB = 20, 10, 50
CHILD_SECONDS = 90.0
STALLS = 3
PATIENCE = 60.0


class FileTransport:
    """A transport whose responses are files, handed over as those of a network are."""

    def __init__(self, path: Path, *, is_held: bool) -> None:
        self._path = path
        self._held = path.read_bytes() if is_held else b""

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        if request.sink is None:
            await asyncio.sleep(0)
            return HttpResponse(status=200, body=self._held)
        for piece in _orders.pieces(self._path):
            await request.sink.write(piece)
        return HttpResponse(status=200)

    async def aclose(self) -> None:
        pass


def session_to(source: str, *, is_held: bool = False) -> AsyncSession:
    """Return a session to a server, or to a file, which may be held in memory before."""
    if source.startswith("http"):
        return AsyncSession(_lib.KEY, base_url=source, transport=AiohttpTransport())
    return AsyncSession(_lib.KEY, transport=FileTransport(Path(source), is_held=is_held))


async def stream(source: str) -> int:
    count = 0
    async with session_to(source) as session:
        async for order in session.ticketing.orders.stream():
            count += type(order) is Order
        await session._transport.aclose()  # noqa: SLF001  # it is ours
    return count


# Speed


def by_stream(path: Path) -> int:
    return asyncio.run(stream(str(path)))


def by_cattrs() -> Callable[[Path], int]:
    import orjson
    from cattrs.preconf.orjson import make_converter

    converter = make_converter()
    return lambda path: len(converter.structure(orjson.loads(path.read_bytes()), list[Order]))


def by_ijson() -> Callable[[Path], int]:
    import ijson  # type: ignore[import-untyped]  # it has no types
    import msgspec

    backend = ijson.get_backend("yajl2_c")

    def read(path: Path) -> int:
        count = 0
        with path.open("rb", buffering=0) as file:
            for element in backend.items(file, "item", buf_size=_orders.PIECE, use_float=True):
                count += type(msgspec.convert(element, Order)) is Order
        return count

    return read


def by_msgspec() -> Callable[[Path], int]:
    import msgspec

    decode = msgspec.json.Decoder(tuple[Order, ...]).decode
    return lambda path: len(decode(path.read_bytes()))


def speeds(path: Path, count: int, rounds: int) -> dict[str, list[float]]:
    """Return the CPU seconds of each way, round by round."""
    ways = {
        "stream": by_stream,
        "cattrs": by_cattrs(),
        "ijson": by_ijson(),
        "msgspec": by_msgspec(),
    }
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for name in _lib.alternating(rounds, tuple(ways), patience=PATIENCE):
        gc.collect()
        began = time.process_time()
        found = ways[name](path)
        taken[name].append(time.process_time() - began)
        if found != count:
            raise RuntimeError(f"{name} read {found} of {count} orders")
    return taken


# Memory and stalls, each in a fresh process


def growth(source: str, warm_up: str) -> dict[str, float]:
    """Return by how many bytes this process grew at its peak, and its CPU seconds."""
    asyncio.run(stream(warm_up))  # an empty list: it loads what is loaded on use
    gc.collect()
    before = _memory_now()
    cpu = time.process_time()
    count = asyncio.run(stream(source))
    return {
        "bytes": _lib.peak_memory() - before,
        "cpu": time.process_time() - cpu,
        "count": count,
    }


def _memory_now() -> int:
    """Return the memory of this process, from which its peak is counted where that can be told."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    return _lib.peak_memory()


async def stall(source: str) -> dict[str, float]:
    """Return the longest time between two turns of a task while a list is read whole."""
    longest = [0.0, 0.0]

    async def ticker() -> None:
        last = (time.thread_time(), time.perf_counter())
        while True:
            await asyncio.sleep(0)
            now = (time.thread_time(), time.perf_counter())
            longest[:] = [max(most, b - a) for most, a, b in zip(longest, last, now, strict=True)]
            last = now

    async with session_to(source, is_held=True) as session:
        ticking = asyncio.create_task(ticker())
        began = time.process_time()
        count = len(await session.ticketing.orders.list())
        seconds = time.process_time() - began
        ticking.cancel()
        await session._transport.aclose()  # noqa: SLF001  # it is ours
    return {"cpu": longest[0], "wall": longest[1], "seconds": seconds, "count": count}


def fresh(*task: str, count: int) -> dict[str, float]:
    """Return what a fresh process measured, which must have read everything."""
    with _lib.child("benchmarks.orders", *task, within=CHILD_SECONDS) as found:
        if found["count"] != count:
            raise RuntimeError(f"{found['count']} of {count} orders came")
        return dict(found)


@contextlib.contextmanager
def server_of(path: Path) -> Iterator[str]:
    with _lib.child("benchmarks._orders", str(path)) as url:
        yield url


def figures(
    peaks: dict[str, dict[int, dict[str, float]]],
    taken: dict[str, list[float]],
    stalls: dict[str, list[dict[str, float]]],
) -> dict[str, _lib.Figure]:
    """Return the report."""
    found: dict[str, _lib.Figure] = {}
    for way, suffix in (("file", ""), ("http", "_http")):
        few, many = sorted(peaks[way])
        small, large = (peaks[way][size]["bytes"] for size in (few, many))
        body = many * MEGABYTE
        found[f"peak_vs_body{suffix}"] = _lib.Figure(large / body, gate="<= 0.04")
        exponent = math.log(max(large, MEGABYTE) / max(small, MEGABYTE)) / math.log(many / few)
        found[f"peak_exponent{suffix}"] = _lib.Figure(exponent, gate="<= 0.20")
        found[f"peak{suffix}_mb"] = _lib.Figure(large / MEGABYTE, "MB")
        found[f"rate{suffix}"] = _lib.Figure(many / peaks[way][many]["cpu"], "MB/s of CPU")
    for name, gate in (("cattrs", ">= 7"), ("ijson", ">= 2"), ("msgspec", "")):
        found[f"speedup_vs_{name}"] = _lib.ratio(taken[name], taken["stream"], gate)
    for way, suffix in (("file", ""), ("http", "_http")):
        measured = stalls[way]
        own = [1000 * one["cpu"] for one in measured]
        found[f"longest_stall{suffix}_ms"] = _lib.middle(own, "ms", "<= 50")
        wall = [1000 * one["wall"] for one in measured]
        found[f"longest_stall{suffix}_wall_ms"] = _lib.middle(wall, "ms")
    found["list_seconds"] = _lib.middle([one["seconds"] for one in stalls["file"]], "s of CPU")
    return found


def options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    parser.add_argument("--rounds", type=int, default=5, help="default: %(default)s")
    parser.add_argument(
        "--megabytes", type=int, default=100, help="size of the long list; default %(default)s"
    )
    given = parser.parse_args()
    if given.rounds < 2 or given.megabytes <= FEW_MB:
        parser.error(f"--rounds must be at least 2, --megabytes more than {FEW_MB}")
    return given


def main() -> None:
    given = options()
    _lib.pin(_lib.CLIENT_CPU)
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sizes = {0, SPEED_MB, FEW_MB, LIST_MB, given.megabytes}
        files = {size: Path(folder, f"{size}.json") for size in sizes}
        counts = {size: _orders.write(path, size) for size, path in files.items()}
        urls = {size: stack.enter_context(server_of(path)) for size, path in files.items()}
        sources: dict[str, dict[int, str]] = {
            "file": {size: str(path) for size, path in files.items()},
            "http": urls,
        }
        peaks = {
            way: {
                size: fresh("--growth", of[size], of[0], count=counts[size])
                for size in (FEW_MB, given.megabytes)
            }
            for way, of in sources.items()
        }
        stalls = {
            way: [fresh("--stall", of[LIST_MB], count=counts[LIST_MB]) for _ in range(STALLS)]
            for way, of in sources.items()
        }
        taken = speeds(files[SPEED_MB], counts[SPEED_MB], given.rounds)
    found = figures(peaks, taken, stalls)
    _lib.report("orders", found, as_json=given.json, rounds=len(taken["stream"]))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--growth"]:
        _lib.announce(growth(sys.argv[2], sys.argv[3]))
    elif sys.argv[1:2] == ["--stall"]:
        _lib.announce(asyncio.run(stall(sys.argv[2])))
    else:
        main()
