"""Checkpoints as text that tells when it was changed by somebody else."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import msgspec

from eguma_async.sync.records import Checkpoint, State

_DIGITS = 32


def as_text(number: int, checkpoint: Checkpoint) -> str:
    """Return a checkpoint with its checksum."""
    said = msgspec.json.encode([number, checkpoint.covered, checkpoint.swept]).decode()
    return f"{_checksum(said)} {said}"


def state_of(rows: Iterable[tuple[int, str]]) -> State:
    """Return what the rows of a store say, whatever happened to them.

    Args:
        rows: Numbers and texts, the newest first.
    """
    version, damaged, good = 0, 0, []
    for number, text in rows:
        version = max(version, number)
        checkpoint = _read(number, text)
        if checkpoint is not None:
            good.append(checkpoint)
        elif not good:
            damaged += 1
    return State(version=version, checkpoints=tuple(good), damaged=damaged)


def _read(number: int, text: object) -> Checkpoint | None:
    if not isinstance(text, str):
        return None
    checksum, _, said = text.partition(" ")
    if checksum != _checksum(said):
        return None
    try:
        its_number, covered, swept = msgspec.json.decode(
            said, type=tuple[int, float | None, float | None]
        )
    except msgspec.DecodeError:
        return None
    return Checkpoint(covered=covered, swept=swept) if its_number == number else None


def _checksum(said: str) -> str:
    return hashlib.sha256(said.encode("utf-8", "replace")).hexdigest()[:_DIGITS]
