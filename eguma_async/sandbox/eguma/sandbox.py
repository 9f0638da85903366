"""The e-guma ticketing API, simulated with its state."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import attrs

from eguma_async.core.clock import Clock
from eguma_async.sandbox.engine.base import ControlCommand, Sandbox, Transaction
from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse, text_response

from . import commands, demo
from .availabilities import AvailabilityReader
from .backoffice import BackOffice
from .ids import Ids
from .options import EgumaOptions
from .refusals import RefusedError, invalid, refused
from .routes import HELLO, Route, Router
from .state import Caller, State


class EgumaSandbox(BackOffice, Sandbox):
    """The e-guma ticketing API in memory: products, holds, bookings, orders, check-in.

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
        Sandbox.__init__(self, clock)
        BackOffice.__init__(self, State(self.clock, Ids(seed), options or EgumaOptions()))
        self._availabilities = AvailabilityReader(self._state)
        self._router = Router(self._availabilities)
        if demo_data:
            demo.fill(self, self._state)

    # The API

    def owns(self, path: str) -> bool:
        """Tell whether a path looks like one of e-guma's."""
        return path.startswith("/v1/") and path.endswith(".json")

    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Process a request in one step and return the answer."""
        begun = self.begin(request)
        return begun.finish() if isinstance(begun, Transaction) else begun

    def begin(self, request: SandboxRequest) -> Transaction | SandboxResponse:
        """Authenticate a request and, for a booking, mark its idempotency key as in flight."""
        if (request.method, request.path) == ("GET", HELLO):
            return text_response(200, "OK")
        found = self._router.find(request.method, request.path)
        if found is None:
            return refused(404, "There is no such endpoint.").structured()
        route, argument = found
        try:
            caller = self._state.authenticate(request.parameter("apikey"))
            if not route.is_old:
                self._state.check_approved(caller)
            if route.is_keyed:
                return self._begin_keyed(route, caller, request)
        except RefusedError as error:
            return route.error(error, self.options.old_errors)
        return Transaction(lambda: self._run(route, caller, request, argument))

    def error(self, status: int) -> SandboxResponse:
        """Return an error of that status in e-guma's structured shape."""
        return refused(status, "The request could not be processed.").structured()

    def _begin_keyed(
        self, route: Route, caller: Caller, request: SandboxRequest
    ) -> Transaction | SandboxResponse:
        key = request.headers.get("idempotency-key", "").strip()
        if not key:
            raise invalid("The header Idempotency-Key is required.")
        store, options = self._state.idempotency, self.options
        scope = (caller.merchant.id, route.name, key)
        entry = store.find(scope, self.clock.now())
        if entry is None:
            store.start(scope, request.body)
            return Transaction(
                lambda: self._finish_keyed(scope, route, caller, request),
                lambda: store.forget(scope),
            )
        if entry.body != request.body:
            message = "The Idempotency-Key was used with another request body."
            raise RefusedError(options.mismatch_status, options.mismatch_code, message)
        if entry.response is None:
            message = "The first request with this Idempotency-Key is still being processed."
            raise RefusedError(options.in_progress_status, options.in_progress_code, message)
        return self._replay(entry.response)

    def _finish_keyed(
        self, scope: tuple[str, str, str], route: Route, caller: Caller, request: SandboxRequest
    ) -> SandboxResponse:
        response = self._run(route, caller, request, "")
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

    def _run(
        self, route: Route, caller: Caller, request: SandboxRequest, argument: str
    ) -> SandboxResponse:
        try:
            return route.handler(self._state, caller, request, argument)
        except RefusedError as error:
            return route.error(error, self.options.old_errors)

    # Options and the control plane

    @property
    def options(self) -> EgumaOptions:
        """The switches; set a changed copy to change them."""
        return self._state.options

    @options.setter
    def options(self, options: EgumaOptions) -> None:
        self._state.options = options
        self._availabilities.forget()

    def get_options(self) -> dict[str, object]:
        """Return the options as JSON."""
        return attrs.asdict(self.options)

    def set_options(self, changes: Mapping[str, object]) -> None:
        """Change options.

        Raises:
            ControlError: An option is unknown or its value is not allowed.
        """
        self.options = self.options.changed(changes)

    def state(self) -> dict[str, object]:
        """Return merchants with their keys, examples to book, and what is held and sold."""
        return commands.state_json(self)

    def commands(self) -> Mapping[str, ControlCommand]:
        """Return the control commands of e-guma."""
        return commands.commands(self)
