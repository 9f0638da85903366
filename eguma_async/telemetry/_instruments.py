"""What is measured: names, units and what tells the points of each apart.

None of that is an id: a dashboard has as many lines as there are operations, states and servers.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any
from weakref import WeakValueDictionary

from opentelemetry.metrics import CallbackOptions, Meter, Observation

from eguma_async.core.hooks import (
    AttemptEvent,
    CallEnded,
    EntryRecovered,
    EntryWritten,
    SessionLoad,
    SessionStarted,
    TurnWaited,
)
from eguma_async.core.journal import Entry

PROVIDER = "eguma_async.provider"
OPERATION = "eguma_async.operation"
_KIND, _STATE = "eguma_async.journal.kind", "eguma_async.journal.state"

HTTP_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
"""Those of the conventions for HTTP."""
_CALL_SECONDS = (*HTTP_SECONDS, 30, 60, 120)
"""A call may wait for its turn, and be tried again."""
_WRITE_SECONDS = (0.0005, 0.001, 0.0025, *HTTP_SECONDS[:11])


class Instruments:
    """Measures what it is told.

    Args:
        meter: Makes the instruments.
    """

    def __init__(self, meter: Meter) -> None:
        # One that was never closed must not be kept alive, nor counted, for that.
        self._sessions: WeakValueDictionary[int, SessionStarted] = WeakValueDictionary()
        self._entries: Counter[tuple[str, str, str]] = Counter()

        def seconds(name: str, text: str, boundaries: tuple[float, ...]) -> Any:
            return meter.create_histogram(
                name, unit="s", description=text, explicit_bucket_boundaries_advisory=boundaries
            )

        self._request = seconds(
            "http.client.request.duration", "Duration of HTTP client requests.", HTTP_SECONDS
        )
        self._call = seconds(
            "eguma_async.call.duration", "Calls, with their attempts and pauses.", _CALL_SECONDS
        )
        self._retries = meter.create_counter(
            "eguma_async.retries", unit="{request}", description="Attempts but the first of a call."
        )
        self._wait = seconds(
            "eguma_async.wait.duration", "Requests that waited for their turn.", _CALL_SECONDS
        )
        self._write = seconds(
            "eguma_async.journal.write.duration", "Writes to a journal.", _WRITE_SECONDS
        )
        self._recovered = meter.create_counter(
            "eguma_async.journal.recovered",
            unit="{entry}",
            description="Entries that a recovery has looked at, by where they stand then.",
        )
        self._gauges(meter)

    def _gauges(self, meter: Meter) -> None:
        def gauge(name: str, unit: str, text: str, read: Callable[[], Any]) -> None:
            def observe(_: CallbackOptions) -> Iterable[Observation]:
                return [Observation(value, attributes) for value, attributes in read()]

            meter.create_observable_gauge(name, [observe], unit, text)

        gauge(
            "eguma_async.sessions",
            "{session}",
            "Sessions that are open.",
            lambda: self._per_provider(lambda _: 1),
        )
        gauge(
            "eguma_async.requests.in_flight",
            "{request}",
            "Requests that hold a permit of their session.",
            lambda: self._per_provider(lambda load: load.in_flight),
        )
        gauge(
            "eguma_async.requests.waiting",
            "{request}",
            "Requests that wait for a permit of their session.",
            lambda: self._per_provider(lambda load: load.waiting),
        )
        gauge(
            "eguma_async.limit",
            "{request}",
            "Reads of fan-outs that may be under way at once.",
            lambda: self._per_provider(lambda load: load.limit, shared=True),
        )
        gauge(
            "eguma_async.rate",
            "{request}/s",
            "Reads a second that the server is known to take.",
            lambda: self._per_provider(lambda load: load.rate, shared=True),
        )
        gauge(
            "eguma_async.journal.open",
            "{entry}",
            "Entries whose outcome is not known for good, when they were last counted.",
            lambda: [
                (count, {PROVIDER: provider, _KIND: kind, _STATE: state})
                for (provider, kind, state), count in list(self._entries.items())
            ],
        )

    def _per_provider(
        self, value: Callable[[SessionLoad], float | None], *, shared: bool = False
    ) -> list[tuple[float, dict[str, str]]]:
        """Return the sum over the sessions of each provider.

        Args:
            value: What is added up; None for nothing.
            shared: True if it belongs to the credentials: it counts once for all that use them.
        """
        sums: dict[str, float] = {}
        known: set[tuple[str, str]] = set()
        for session in list(self._sessions.values()):  # another thread may ask
            name = session.provider, session.credential
            if shared and session.credential and name in known:
                continue
            known.add(name)
            amount = value(session.load())
            if amount is not None:
                sums[session.provider] = sums.get(session.provider, 0) + amount
        return [(total, {PROVIDER: provider}) for provider, total in sums.items()]

    # What is told

    def session_started(self, session: SessionStarted) -> None:
        """Ask a session for its load from now on."""
        self._sessions[id(session)] = session

    def session_ended(self, session: SessionStarted) -> None:
        """Do so no more."""
        self._sessions.pop(id(session), None)

    def call_ended(self, call: CallEnded) -> None:
        """Measure a call."""
        attributes = {
            PROVIDER: call.provider,
            OPERATION: call.operation,
            "eguma_async.outcome": _outcome(call),
        }
        if call.error is not None:
            attributes["error.type"] = call.error
        self._call.record(call.seconds, attributes)

    def attempt_ended(
        self, attempt: AttemptEvent, labels: dict[str, Any], outcome: dict[str, Any]
    ) -> None:
        """Measure a request.

        Args:
            attempt: The request.
            labels: Its operation, its method and its server.
            outcome: What its span says of what became of it.
        """
        self._request.record(attempt.seconds, labels | outcome)
        if attempt.attempt > 1:
            self._retries.add(1, {PROVIDER: attempt.provider, OPERATION: attempt.operation})

    def turn_waited(self, turn: TurnWaited) -> None:
        """Measure how long a request waited for its turn."""
        attributes = {
            PROVIDER: turn.provider,
            OPERATION: turn.operation,
            "eguma_async.wait.reason": turn.reason.value,
        }
        self._wait.record(turn.seconds, attributes)

    def entry_written(self, entry: EntryWritten) -> None:
        """Measure a write to a journal."""
        attributes = {
            PROVIDER: entry.provider,
            _KIND: entry.kind,
            _STATE: entry.state.value,
            "eguma_async.journal.done": entry.done,
        }
        if entry.error is not None:
            attributes["error.type"] = entry.error
        self._write.record(entry.seconds, attributes)

    def entry_recovered(self, entry: EntryRecovered) -> None:
        """Count what a recovery has looked at."""
        attributes = {PROVIDER: entry.provider, _KIND: entry.kind, _STATE: entry.state.value}
        self._recovered.add(1, attributes)

    def entries_counted(self, entries: Iterable[Entry]) -> None:
        """Take over how many entries of a journal stand where."""
        found = Counter((entry.provider, entry.kind, entry.state.value) for entry in entries)
        # What there is no more of is zero, not the number it was.
        self._entries = Counter({**dict.fromkeys(self._entries, 0), **found})


def _outcome(call: CallEnded) -> str:
    if call.error is None:
        return "ok"
    if call.outcome_unknown:
        return "unknown"
    return "cancelled" if call.error == "CancelledError" else "failed"
