"""The e-guma ticketing API, simulated with its state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import ClassVar
from urllib.parse import unquote

import attrs

from eguma_async.core.clock import Clock
from eguma_async.sandbox.engine.base import ControlCommand, Sandbox, Transaction
from eguma_async.sandbox.engine.messages import (
    SandboxRequest,
    SandboxResponse,
    http_date,
    text_response,
)
from eguma_async.sandbox.engine.routing import ApiCall

from . import commands, demo
from .availabilities import Availabilities
from .backoffice import BackOffice
from .idempotency import Scope
from .ids import Ids
from .options import EgumaOptions
from .refusals import RefusedError, invalid, refused
from .routes import HELLO, EgumaEndpoint, routes
from .state import Call, State


class EgumaSandbox(BackOffice, Sandbox):
    """The e-guma ticketing API in memory: products, holds, bookings, orders, check-in, events.

    It enforces what the documentation says on raw JSON; what the documentation leaves open is a
    switch in `options`. Wall-clock times are those of Europe/Zurich.

    Args:
        clock: Clock to live by; the machine's own by default. It can be moved: see `clock`.
        seed: The same seed gives the same ids, keys and ticket numbers.
        options: Switches for what the documentation does not settle.
        demo_data: Whether to begin with the demo merchants; otherwise with nothing.
    """

    name: ClassVar[str] = "eguma"
    secret_parameters: ClassVar[frozenset[str]] = frozenset({"apikey", "last_name"})

    def __init__(
        self,
        clock: Clock | None = None,
        seed: int = 1,
        options: EgumaOptions | None = None,
        *,
        demo_data: bool = True,
    ) -> None:
        super().__init__(clock)
        self._state = State(self.clock, Ids(seed), options or EgumaOptions())
        self._availabilities = Availabilities(self._state)
        self._routes = routes(self._state, self._availabilities)
        if demo_data:
            demo.fill(self, self._state)

    # The API

    def owns(self, path: str) -> bool:
        """Tell whether a path looks like one of e-guma's."""
        return path.startswith("/v1/") and path.endswith(".json")

    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Process a request in one step and return the response."""
        begun = self.begin(request)
        return begun.commit() if isinstance(begun, Transaction) else begun

    def begin(self, request: SandboxRequest) -> Transaction | SandboxResponse:
        """Authenticate a request and, for a booking, mark its idempotency key as in flight."""
        if (request.method, request.path) == ("GET", HELLO):
            return text_response(200, "OK")
        match = self._routes.find(request.path)
        endpoint = None if match is None else match.endpoints.get(request.method)
        if match is None or endpoint is None:
            return self.refuse(404, "There is no such endpoint.")
        parts = {name: unquote(part) for name, part in match.parts.items()}
        try:
            caller = self._state.authenticate(request.parameter("apikey"))
            if not endpoint.is_old:
                self._state.check_approved(caller)
            call = ApiCall(request, caller, parts=parts)
            if endpoint.is_keyed:
                return self._begin_keyed(endpoint, call)
        except RefusedError as error:
            return endpoint.error(error, self.options.old_errors)
        return Transaction(lambda: self._process(endpoint, call))

    def date(self) -> str | None:
        """Return what the responses have as their ``Date``."""
        skew = self.options.date_skew_seconds
        if skew is None:
            return None
        return http_date((self.clock.now() + timedelta(seconds=skew)).replace(microsecond=0))

    def error(self, status: int) -> SandboxResponse:
        """Return an error of that status in e-guma's structured shape."""
        return self.refuse(status, "The request could not be processed.")

    def refuse(self, status: int, detail: str) -> SandboxResponse:
        """Return an error in e-guma's structured shape, with a text for people."""
        return refused(status, detail).structured()

    def _begin_keyed(self, endpoint: EgumaEndpoint, call: Call) -> Transaction | SandboxResponse:
        request, options = call.request, self.options
        key = request.headers.get("idempotency-key", "").strip()
        if not key:
            raise invalid("The header Idempotency-Key is required.")
        store = self._state.idempotency
        scope = (call.caller.merchant.id, endpoint.path, key)
        entry = store.find(scope, self.clock.now())
        if entry is None:
            store.start(scope, request.body)
            return Transaction(
                lambda: self._process_keyed(scope, endpoint, call), lambda: store.forget(scope)
            )
        if entry.body != request.body:
            message = "The Idempotency-Key was used with another request body."
            raise RefusedError(options.mismatch_status, options.mismatch_code, message)
        if entry.response is None:
            message = "The first request with this Idempotency-Key is still being processed."
            raise RefusedError(options.in_progress_status, options.in_progress_code, message)
        return self._replay(entry.response)

    def _process_keyed(self, scope: Scope, endpoint: EgumaEndpoint, call: Call) -> SandboxResponse:
        response = self._process(endpoint, call)
        if response.status < 400 or self.options.replay_refusals:
            self._state.idempotency.complete(scope, response, self.clock.now())
        else:
            self._state.idempotency.forget(scope)
        return response

    def _replay(self, response: SandboxResponse) -> SandboxResponse:
        if self.options.replay_header is None:
            return response
        mark = {self.options.replay_header: self.options.replay_header_value}
        return attrs.evolve(response, headers={**response.headers, **mark})

    def _process(self, endpoint: EgumaEndpoint, call: Call) -> SandboxResponse:
        try:
            return endpoint.handler(call)
        except RefusedError as error:
            return endpoint.error(error, self.options.old_errors)

    # The control plane

    def state(self) -> dict[str, object]:
        """Return merchants with their keys, examples to book, and what is held and sold."""
        return commands.state_json(self)

    def commands(self) -> Mapping[str, ControlCommand]:
        """Return the control commands of e-guma."""
        return commands.commands(self)
