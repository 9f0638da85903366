"""The list of published events."""

from __future__ import annotations

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response

from .catalog_views import event_json
from .state import Call, State


class Events:
    """Answers which events a merchant's shop shows."""

    def __init__(self, state: State) -> None:
        self._state = state

    def list(self, call: Call) -> SandboxResponse:
        """List the merchant's published events, of one category if asked, by their start."""
        category_id = call.request.parameter("category_id")
        shown = [
            event
            for event in self._state.events.values()
            if event.merchant is call.caller.merchant
            and event.is_published
            and (not category_id or event.category_id == category_id)
        ]
        shown.sort(key=lambda event: event.starts_at)
        now, options = self._state.now(), self._state.options
        return json_response(200, [event_json(event, now, options) for event in shown])
