"""Calls that are cancelled at random while too many of them share a small pool: what is left?

40 workers call over loopback HTTP, one call in five a write, with 10 permits and connections for
all of them; every call is cancelled, after a random number of turns of the event loop or at a
random moment. One half of the cancellations meets callers that wait for a permit of the session,
the other half such that wait for a connection of the pool. The server is a process of its own.

- ``cancels``: calls that ended in their cancellation; what was answered before is not counted.
- ``follow_up_asked``, ``follow_up_ok``: reads in between and at the end, each of which must be
  answered within 10 s.
- ``writes_untold``: cancelled writes that do not say whether they were sent. Must be 0.
- ``leaked_tasks``, ``leaked_permits``, ``leaked_slots``, ``leaked_descriptors``: what is not back
  once all is quiet; the slots are those of the pool. All must be 0.

The same seed makes the same choices; the machine's own timing differs from run to run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import sys
import time
from collections.abc import Callable

import attrs

from eguma_async import (
    AiohttpTransport,
    AsyncSession,
    LeanTransport,
    Limits,
    ListAvailabilities,
    RetryPolicy,
)
from eguma_async.core.errors import NotSentError, unknown_outcome
from eguma_async.eguma.ticketing.reservations import CancelReservation

from . import _lib, _server

WORKERS, LIMIT = 40, 10
WRITES = 0.2
PATIENCE = 10.0
FOLLOW_UP_EVERY = 50
MOST_TURNS = 12
LONGEST = 0.008
"""Seconds, about what a call takes here with waiting for its turn."""
SERVER_SECONDS = 0.001

READ = ListAvailabilities(product_id=_lib.PRODUCT_IDS[0], from_date=_lib.FROM, to_date=_lib.TO)
WRITE = CancelReservation(reservation_id=_lib.PRODUCT_IDS[1])
RELEASED = json.dumps({"reservation_id": WRITE.reservation_id}).encode()


@attrs.define
class Result:
    """What became of the calls, and what they left behind."""

    cancels: int = 0
    answered: int = 0
    follow_up_asked: int = 0
    follow_up_ok: int = 0
    writes_untold: int = 0
    leaked_tasks: int = 0
    leaked_permits: int = 0
    leaked_slots: int = 0
    leaked_descriptors: int = 0

    @property
    def holds(self) -> bool:
        """True if every follow-up was answered and nothing is left."""
        return (
            self.follow_up_asked > 0
            and self.follow_up_ok == self.follow_up_asked
            and not any(
                (
                    self.writes_untold,
                    self.leaked_tasks,
                    self.leaked_permits,
                    self.leaked_slots,
                    self.leaked_descriptors,
                )
            )
        )


async def churn(
    base: str,
    *,
    cancels: int,
    seed: int,
    workers: int = WORKERS,
    make: Callable[..., AiohttpTransport | LeanTransport] = AiohttpTransport,
) -> Result:
    """Cancel calls at random until so many were cancelled; return what that left behind.

    Args:
        base: URL of a server of this module.
        cancels: How many.
        seed: Of the random choices.
        workers: Calls at once.
        make: Makes the transport.
    """
    result = Result()
    tasks, descriptors = asyncio.all_tasks(), _lib.open_descriptors()
    for number, permits in enumerate((LIMIT, workers)):
        transport = make(connections=LIMIT)
        async with AsyncSession(
            _lib.KEY,
            base_url=base,
            transport=transport,
            limits=Limits(concurrency=permits),
            retry=RetryPolicy(attempts=1),
        ) as session:
            wanted = cancels if number else cancels // 2
            await _Churn(session, result, wanted, random.Random(seed + number)).run(workers)
            # No call is under way any more.
            result.leaked_permits += permits - _lib.free_permits(session)
            result.leaked_slots += _lib.taken_slots(transport)
        await transport.aclose()
    for _ in range(20):  # the loop closes sockets in turns of its own
        await asyncio.sleep(0)
    result.leaked_tasks = len(asyncio.all_tasks() - tasks)
    result.leaked_descriptors = _lib.open_descriptors() - descriptors
    return result


class _Churn:
    """The workers on one session."""

    def __init__(
        self, session: AsyncSession, result: Result, wanted: int, chance: random.Random
    ) -> None:
        self._session = session
        self._result = result
        self._wanted = wanted
        self._random = chance

    async def run(self, workers: int) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(workers):
                group.create_task(self._work())
        await asyncio.gather(*(self._follow_up() for _ in range(2 * LIMIT)))

    async def _work(self) -> None:
        while self._result.cancels < self._wanted:
            if await self._cancel_one() and self._result.cancels % FOLLOW_UP_EVERY == 0:
                await self._follow_up()

    async def _cancel_one(self) -> bool:
        """Begin a call and cancel it; tell whether it was cancelled."""
        is_write = self._random.random() < WRITES
        has_begun = False

        async def call() -> None:
            nonlocal has_begun
            has_begun = True
            await (self._session.send(WRITE) if is_write else self._session.send(READ))

        calling = asyncio.create_task(call())
        if self._random.random() < 0.4:
            for _ in range(self._random.randrange(MOST_TURNS)):
                await asyncio.sleep(0)
        else:
            await asyncio.sleep(self._random.uniform(0, LONGEST))
        calling.cancel()
        try:
            await calling
            self._result.answered += 1
            return False
        except asyncio.CancelledError as error:
            self._result.cancels += 1
            told = unknown_outcome(error) is not None or isinstance(error.__cause__, NotSentError)
            # One cancelled before its first step has nothing to tell.
            self._result.writes_untold += is_write and has_begun and not told
            return True

    async def _follow_up(self) -> None:
        self._result.follow_up_asked += 1
        try:
            async with asyncio.timeout(PATIENCE):
                await self._session.send(READ)
            self._result.follow_up_ok += 1
        except Exception as error:
            print(f"a follow-up failed: {type(error).__name__}", file=sys.stderr)


# The server


class _Server(asyncio.Protocol):
    """Answers reads with availabilities, and writes with what they ask for."""

    def __init__(self) -> None:
        self._read = _whole(_server.availabilities(_server.SIZES["1k"]))
        self._written = _whole(RELEASED)
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:end].lower()
            _, _, length = head.partition(b"content-length:")
            body = int(length.split(b"\r\n")[0]) if length else 0
            if len(self._unread) < end + 4 + body:
                return
            self._unread = self._unread[end + 4 + body :]
            answer = self._written if head.startswith(b"post") else self._read
            asyncio.get_running_loop().call_later(SERVER_SECONDS, self._answer, answer)

    def _answer(self, data: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(data)


def _whole(body: bytes) -> bytes:
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(_Server, "127.0.0.1", 0, backlog=1024)
    _lib.announce(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}")
    await _lib.parent_gone()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cancels", type=int, default=100_000, help="default: %(default)s")
    parser.add_argument("--seed", type=int, default=1, help="default: %(default)s")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    given = parser.parse_args()
    if given.cancels < 1:
        parser.error("--cancels must be at least 1")
    _lib.pin(_lib.CLIENT_CPU)
    began = time.perf_counter()
    with _lib.child("benchmarks.cancels", "--serve") as base:
        result = asyncio.run(churn(base, cancels=given.cancels, seed=given.seed))
    _lib.tell(
        "cancels",
        {**attrs.asdict(result), "holds": result.holds},
        as_json=given.json,
        seed=given.seed,
        seconds=round(time.perf_counter() - began, 1),
    )
    sys.exit(0 if result.holds else 1)


if __name__ == "__main__":
    if sys.argv[1:] == ["--serve"]:
        _lib.pin(_lib.SERVER_CPU)
        asyncio.run(_serve())
    else:
        main()
