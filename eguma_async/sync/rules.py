"""How far a replica looks back, and how much it asks for at once."""

from __future__ import annotations

import math

import attrs

from eguma_async.core.errors import ConfigurationError


def _seconds(instance: object, attribute: attrs.Attribute[float], value: object) -> None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value < math.inf:  # type: ignore[operator]  # a number by now
        raise ConfigurationError(f"{attribute.name} must be a number of seconds, 0 or more")


@attrs.frozen(kw_only=True)
class SyncRules:
    """How far a replica looks back, and how much it asks for at once. All are seconds.

    What shows up in the list later than its time of change says, because its transaction took
    long, is found at once if it is late by up to `overlap`, and within a day if it is late by up to
    `sweep_span` less `sweep_every`.

    Attributes:
        overlap: How far each round goes back behind the checkpoint.
        sweep_every: How often the last days are read once more.
        sweep_span: How far that goes back behind the checkpoint.
        window: The largest range that is asked for at once, to begin with; it is halved where that
            is too much, and doubled where it is easy.
        lease: How long one that dies keeps others from going on.
    """

    overlap: float = attrs.field(default=300.0, validator=_seconds)
    sweep_every: float = attrs.field(default=86_400.0, validator=_seconds)
    sweep_span: float = attrs.field(default=172_800.0, validator=_seconds)
    window: float = attrs.field(default=2_764_800.0, validator=_seconds)
    lease: float = attrs.field(default=180.0, validator=_seconds)

    def __attrs_post_init__(self) -> None:
        if self.window < 1 or self.lease < 1:
            raise ConfigurationError("window and lease must be at least 1 second")
