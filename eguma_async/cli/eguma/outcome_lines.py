"""How ``eguma fanout`` writes what it has read: an outcome on each line, as JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eguma_async.cli.text import as_json, plain

if TYPE_CHECKING:
    from eguma_async.core.fan_out import Outcome
    from eguma_async.eguma.ticketing.availabilities import AvailabilityList


def error_of(outcome: Outcome[AvailabilityList]) -> dict[str, Any] | None:
    """Return what is known of a failure, without the server's own words."""
    error = outcome.error
    if error is None:
        return None
    return {
        "type": type(error).__name__,
        "status": getattr(error, "status", None),
        "error_code": getattr(error, "error_code", None),
        "message": str(error),
    }


def line_of(outcome: Outcome[AvailabilityList]) -> str:
    """Return the line of an outcome, with its line break."""
    return as_json(_document(outcome)) + "\n"


def _document(outcome: Outcome[AvailabilityList]) -> dict[str, Any]:
    document: dict[str, Any] = {
        **plain(outcome.operation),
        "ok": outcome.ok,
        "attempts": outcome.attempts,
        "seconds": round(outcome.seconds, 3),
    }
    error = error_of(outcome)
    if error is None:
        return {**document, "value": outcome.value}
    if outcome.parts:  # those of them that were read are not lost
        document["parts"] = [_document(part) for part in outcome.parts]
    return {**document, "error": error}
