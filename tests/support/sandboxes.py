"""Sandboxes without a provider."""

from __future__ import annotations

from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import HttpRequest, HttpResponse
from eguma_async.sandbox import Delivery, Dropped, Sandbox, SandboxRequest, SandboxResponse
from eguma_async.sandbox.engine.messages import json_response


class FunctionSandbox(Sandbox):
    """Asks a function that gives an answer, or raises `OutcomeUnknownError` to break off.

    The function gets what arrived, credentials included, as one URL with plain headers.
    """

    name = "function"

    def __init__(self, function) -> None:
        super().__init__()
        self._function = function

    def owns(self, path):
        return True

    def respond(self, request):
        raise AssertionError("handle() is asked instead")

    def error(self, status):
        return SandboxResponse(status)

    async def handle(self, request: SandboxRequest, *, patience: float = 0) -> Delivery:
        arrived = HttpRequest(
            method=request.method,
            url=request.origin + request.target,
            headers=request.headers,
            body=request.body,
        )
        try:
            response: HttpResponse = await self._function(arrived)
        except OutcomeUnknownError:
            return Dropped(processed=True)
        return SandboxResponse(response.status, response.headers, response.body)


class CountingSandbox(Sandbox):
    """Counts what it processes."""

    name = "counting"
    secret_parameters = frozenset({"apikey"})
    processed = 0

    def owns(self, path):
        return path.startswith("/count")

    def respond(self, request):
        self.processed += 1
        if request.path == "/count/broken":
            raise RuntimeError("broken")
        return json_response(200, {"processed": self.processed})

    def error(self, status):
        return json_response(status, {"own": status})
