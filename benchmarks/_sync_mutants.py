"""Copies that are broken on purpose: each must be noticed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

import attrs
import msgspec

from eguma_async import OrderReplica, SyncRules
from eguma_async.core.messages import Repeat
from eguma_async.core.operation import Operation, in_query
from eguma_async.eguma.ticketing.order_replica import _Elements
from eguma_async.sync import Answer, Batch, Keep, Window, Written


def _as_it_is(thing: Any) -> Any:
    return thing


@attrs.frozen
class Mutant:
    """What is different.

    Attributes:
        rules: How far it looks back.
        store: Makes its store of the right one.
        alter: Changes its replica.
    """

    rules: SyncRules = SyncRules(lease=5)
    store: Callable[[Any], Any] = _as_it_is
    alter: Callable[[OrderReplica], Any] = _as_it_is


def _checkpoint_first(store: Any) -> Any:
    """Write the checkpoint before the data it covers."""
    write = store.write

    async def write_twice(batch: Batch) -> Written:
        if batch.checkpoint is None or not batch.records:
            return await write(batch)  # type: ignore[no-any-return]
        first = await write(attrs.evolve(batch, records=()))
        later = attrs.evolve(batch, checkpoint=None, version=first.version)
        return await write(later)  # type: ignore[no-any-return]

    store.write = write_twice
    return store


def _client_clock(replica: OrderReplica) -> None:
    """Take what the client's clock shows for what the server had."""
    source: Any = replica._source  # noqa: SLF001
    source._asked_at = lambda *_: source.clock.now().timestamp()  # noqa: SLF001


def _one_reading(replica: OrderReplica) -> None:
    """Take a time that comes twice for the first of the two."""
    source: Any = replica._source  # noqa: SLF001
    both = source._readings  # noqa: SLF001

    def first(moment: datetime | None) -> tuple[float | None, float | None]:
        earliest, _ = both(moment)
        return earliest, earliest

    source._readings = first  # noqa: SLF001


@attrs.frozen(kw_only=True)
class OrdersAfter(Operation[Any]):
    """The list of orders from a text on, as it is."""

    METHOD = "GET"
    PATH = "/v1/ticketing/orders.json"
    REPEAT = Repeat.READ

    updated_at_after: str | None = attrs.field(default=None, metadata=in_query("updated_at_after"))


def _stamp(data: bytes) -> str:
    order = msgspec.json.decode(data)
    stamp = order.get("updated_at") if isinstance(order, dict) else None
    return stamp if isinstance(stamp, str) and stamp[:2] == "20" else ""


def _watermark(replica: OrderReplica) -> None:
    """Ask from the highest time on that was seen, as it is written."""
    source: Any = replica._source  # noqa: SLF001
    store: Any = replica._store  # noqa: SLF001

    async def ask(window: Window, keep: Keep, /, *, whole: bool) -> Answer:
        mark, after = None, ""
        hand_over = partial(source._hand_over, keep)  # noqa: SLF001
        body = _Elements(hand_over, None, source.clock.monotonic)
        while page := await store.page(after):
            after = page[-1].record.id
            mark = max([*(_stamp(kept.record.data) for kept in page), mark or ""])
        session = source._session  # noqa: SLF001
        response = await session.stream(OrdersAfter(updated_at_after=mark or None), body)
        await body.finish()
        asked_at = source._asked_at(response, body.waited)  # noqa: SLF001
        return Answer(asked_at=asked_at, is_easy=True)

    source.ask = ask


MUTANTS = {
    "no-overlap": Mutant(rules=SyncRules(lease=5, overlap=0)),
    "no-sweep": Mutant(rules=SyncRules(lease=5, sweep_every=1e12)),
    "checkpoint-first": Mutant(store=_checkpoint_first),
    "client-clock": Mutant(alter=_client_clock),
    "one-reading": Mutant(alter=_one_reading),
    "watermark": Mutant(alter=_watermark),
}
