"""A bad network to a shop: late, lost, refused and wrong answers, by a seeded choice."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter
from collections.abc import Callable
from random import Random

from eguma_async import HttpResponse, NotSentError, OutcomeUnknownError
from eguma_async.core.clock import Clock
from eguma_async.core.messages import HttpRequest
from eguma_async.core.transport import ManagedTransport, Transport

CHANCES = {
    "not sent": 0.02,
    "lost on the way": 0.02,
    "late": 0.02,
    "503": 0.03,
    "answer lost": 0.05,
    "502 after the work": 0.02,
}
SLOWEST = 0.4
LATEST = 30.0


class Weather(ManagedTransport):
    """Carries requests to a shop, most of them well.

    Each takes its own time there and back, so that they overtake each other.

    Args:
        inner: Leads to the shop.
        clock: What the time passes on.
        random: Chooses.
        refuse: Makes the shop's own answer for a status.
        new_keys: Give each attempt an idempotency key of its own, as a faulty client does.
        tamper: Makes the answer that comes of a request and the shop's own, as a faulty shop does.

    Attributes:
        happened: How often what happened.
    """

    def __init__(
        self,
        inner: Transport,
        clock: Clock,
        random: Random,
        refuse: Callable[[int], HttpResponse],
        *,
        new_keys: bool = False,
        tamper: Callable[[HttpRequest, HttpResponse], HttpResponse] | None = None,
    ) -> None:
        self.happened: Counter[str] = Counter()
        self._inner = inner
        self._clock = clock
        self._random = random
        self._refuse = refuse
        self._new_keys = new_keys
        self._tamper = tamper
        self._late: set[asyncio.Task[HttpResponse]] = set()

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Carry a request there and back, if all goes well."""
        if self._new_keys and "Idempotency-Key" in request.headers:
            key = str(uuid.UUID(int=self._random.getrandbits(128)))
            request = request.but(headers={**request.headers, "Idempotency-Key": key})
        fate = self._fate()
        await self._clock.sleep(self._random.uniform(0.0, SLOWEST))
        if fate == "not sent":
            raise NotSentError("no route")
        if fate == "503":
            return self._refuse(503)
        if fate == "late":
            self._send_late(request)
        if fate in ("late", "lost on the way"):
            raise OutcomeUnknownError("no response")
        response = await self._inner.send(request)
        if self._tamper is not None:
            response = self._tamper(request, response)
        await self._clock.sleep(self._random.uniform(0.0, SLOWEST))
        if fate == "answer lost":
            raise OutcomeUnknownError("the response was lost")
        if fate == "502 after the work":
            return HttpResponse(status=502, headers={"content-type": "text/html"}, body=b"<p>502")
        return response

    async def settled(self) -> None:
        """Wait until what is late has arrived."""
        while self._late:
            await asyncio.wait(self._late)

    def _fate(self) -> str:
        chance = self._random.random()
        for fate, share in CHANCES.items():
            chance -= share
            if chance < 0:
                self.happened[fate] += 1
                return fate
        return "well"

    def _send_late(self, request: HttpRequest) -> None:
        async def later() -> HttpResponse:
            await self._clock.sleep(self._random.uniform(1.0, LATEST))
            return await self._inner.send(request)

        task = asyncio.get_running_loop().create_task(later())
        self._late.add(task)
        task.add_done_callback(self._late.discard)
