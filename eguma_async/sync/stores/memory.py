"""A replica in memory, for tests: it is gone with the process."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eguma_async.sync.records import Kept, State

from . import _checkpoints, _planning
from .base import ANCHORS, NEWEST, PAGE, Batch, Contents, ReplicaStore, Written


class MemoryOrders(ReplicaStore):
    """Keeps a copy in memory, for tests."""

    def __init__(self) -> None:
        self._kept: dict[str, Kept] = {}
        self._checkpoints: dict[int, tuple[str, bool]] = {}
        self._holder: tuple[str, float] | None = None
        self._origin: str | None = None
        self._revision = 0

    def describe(self) -> str:
        """Return what it is."""
        return "memory"

    async def open(self) -> None:
        """Do nothing."""

    async def close(self) -> None:
        """Do nothing."""

    async def begin(self, origin: str, owner: str, *, now: float, lease: float) -> State:
        """Let one syncer write."""
        if self._origin is None:
            self._origin = origin
        _planning.check_origin(self._origin, origin)
        _planning.check_lease(self._holder, owner, now, lease)
        self._holder = owner, now + lease
        return self._state()

    async def write(self, batch: Batch) -> Written:
        """Keep a batch."""
        version = self._state().version
        _planning.check_turn(self._holder, version, batch, batch.now)
        there = {id_: kept for id_ in _planning.ids_of(batch) if (kept := self._kept.get(id_))}
        plan = _planning.plan(there, batch, self._revision)
        self._put(plan.puts)
        for id_ in plan.drops:
            del self._kept[id_]
        self._holder = batch.owner, batch.now + batch.lease
        if batch.checkpoint is not None:
            version += 1
            text = _checkpoints.as_text(version, batch.checkpoint)
            self._checkpoints[version] = text, batch.is_anchor
            self._forget_checkpoints(version)
        return Written(version=version, changed=plan.changed, unchanged=plan.unchanged)

    async def end(self, owner: str) -> None:
        """Let others write."""
        if self._holder is not None and self._holder[0] == owner:
            self._holder = None

    async def known(self, start: float, end: float) -> tuple[str, ...]:
        """Return the ids of records that surely changed last within a range."""
        return tuple(
            id_
            for id_, kept in sorted(self._kept.items())
            if not kept.is_missing
            and kept.record.earliest is not None
            and kept.record.latest is not None
            and start <= kept.record.earliest
            and kept.record.latest < end
        )

    async def due(self, now: float, limit: int = 100) -> tuple[Kept, ...]:
        """Return records that are to be asked for again."""
        found = [k for k in self._kept.values() if k.ask_at is not None and k.ask_at <= now]
        return tuple(sorted(found, key=lambda kept: (kept.ask_at, kept.record.id))[:limit])

    async def get(self, name: str) -> Kept | None:
        """Return a record by its id or number."""
        kept = self._kept.get(name)
        if kept is not None:
            return kept
        numbered = [k for k in self._kept.values() if k.record.number == name]
        return max(numbered, key=lambda kept: kept.revision, default=None)

    async def page(self, after: str = "", *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return records in the order of their ids."""
        ids = sorted(id_ for id_ in self._kept if id_ > after)[:limit]
        return tuple(self._kept[id_] for id_ in ids)

    async def changes(self, after: int = 0, *, limit: int = PAGE) -> tuple[Kept, ...]:
        """Return what changed after a revision."""
        found = [kept for kept in self._kept.values() if kept.revision > after]
        return tuple(sorted(found, key=lambda kept: kept.revision)[:limit])

    async def contents(self) -> Contents:
        """Return what there is."""
        kept = self._kept.values()
        checkpoints = self._state().checkpoints
        return Contents(
            records=len(kept),
            unreadable=sum(bool(each.record.problems) for each in kept),
            missing=sum(each.is_missing for each in kept),
            revision=self._revision,
            checkpoint=checkpoints[0] if checkpoints else None,
        )

    async def erase(self, ids: Sequence[str]) -> int:
        """Erase the content of records."""
        there = [kept for id_ in dict.fromkeys(ids) if (kept := self._kept.get(id_))]
        left = _planning.erasures(there, self._revision)
        self._put(left)
        return len(left)

    def _put(self, puts: Iterable[Kept]) -> None:
        for kept in puts:
            self._kept[kept.record.id] = kept
            self._revision = max(self._revision, kept.revision)

    def _state(self) -> State:
        newest_first = sorted(self._checkpoints.items(), reverse=True)
        return _checkpoints.state_of((number, text) for number, (text, _) in newest_first)

    def _forget_checkpoints(self, version: int) -> None:
        anchors = [n for n, (_, is_anchor) in sorted(self._checkpoints.items()) if is_anchor]
        stays = {*anchors[-ANCHORS:], *range(version - NEWEST + 1, version + 1)}
        for number in self._checkpoints.keys() - stays:
            del self._checkpoints[number]
