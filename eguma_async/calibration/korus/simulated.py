"""The circumstances that a sandbox with demo data has."""

from __future__ import annotations

from eguma_async.sandbox import KorusSandbox

from .probe import Circumstances


def simulated_circumstances(sandbox: KorusSandbox) -> Circumstances:
    """Return what the demo data of a sandbox has for each question."""
    return Circumstances(
        offers=tuple(sandbox.offer(label).iri for label in ("plain", "named")),
        foreign=sandbox.offer("foreign").iri,
    )
