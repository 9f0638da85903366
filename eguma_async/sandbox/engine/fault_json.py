"""Faults as JSON, the way the control plane takes and shows them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from .checks import check_names
from .faults import CutBody, Delay, DropAfter, DropBefore, Park, Reply, ServerFault

KINDS: Mapping[str, type[ServerFault]] = {
    fault.kind: fault for fault in (Delay, DropBefore, DropAfter, CutBody, Reply, Park)
}


def fault_from_json(value: Mapping[str, Any]) -> ServerFault:
    """Make a fault from its JSON form: ``kind`` and the arguments of its class.

    Raises:
        ValueError: A member is unknown, missing or out of range.
    """
    members = dict(value)
    kind = members.pop("kind", None)
    cls = KINDS.get(kind) if isinstance(kind, str) else None
    if cls is None:
        raise ValueError(f"kind must be one of {', '.join(KINDS)}")
    arguments = [field for field in attrs.fields(cls) if field.init]
    required = [field.name for field in arguments if field.default is attrs.NOTHING]
    check_names(cls.kind, members, required, [field.name for field in arguments])
    return cls(**members)


def fault_to_json(fault: ServerFault) -> dict[str, object]:
    """Return the JSON form of a fault with its counters; bodies are left out."""
    shown = {
        field.name: getattr(fault, field.name)
        for field in attrs.fields(type(fault))
        if field.repr and field.name not in {"id", "headers"}
    }
    return {"id": fault.id, "kind": fault.kind, **shown}
