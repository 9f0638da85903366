"""Refusals in the shapes e-guma has for them."""

from __future__ import annotations

from eguma_async.sandbox.engine.messages import SandboxResponse, json_response, text_response

VALIDATION = "validation_error"

_CODES = {
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    429: "too_many_requests",
    503: "service_unavailable",
}


class RefusedError(Exception):
    """A request is refused with an error.

    Args:
        status: HTTP status.
        error_code: Code of the structured shape.
        message: Text for people.
    """

    def __init__(self, status: int, error_code: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.message = message

    def structured(self) -> SandboxResponse:
        """Return the shape of the booking family: an object with code and message."""
        return json_response(self.status, {"error_code": self.error_code, "message": self.message})

    def plain(self) -> SandboxResponse:
        """Return the shape of the older endpoints: the body is the message."""
        return text_response(self.status, self.message)


def invalid(message: str) -> RefusedError:
    """Return the refusal of an invalid request."""
    return RefusedError(400, VALIDATION, message)


def refused(status: int, message: str) -> RefusedError:
    """Return a refusal with the code that belongs to its status."""
    fallback = "internal_error" if status >= 500 else VALIDATION
    return RefusedError(status, _CODES.get(status, fallback), message)
