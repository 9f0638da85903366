"""Hands over a response that is already in memory, the way the transport contract asks for."""

from __future__ import annotations

import attrs

from .errors import OutcomeUnknownError
from .messages import HttpRequest, HttpResponse

PIECE = 64 * 1024
"""Bytes in the largest chunk that is unpacked, or handed to a sink, at once."""

DEFAULT_MAX_BODY_BYTES = 64 * 1024 * 1024


async def deliver(
    request: HttpRequest, response: HttpResponse, *, max_body_bytes: int
) -> HttpResponse:
    """Return the response with lower-case header names, its 2xx body in the sink if there is one.

    Raises:
        OutcomeUnknownError: A body that is to be collected is larger than the limit.
    """
    response = attrs.evolve(
        response, headers={name.lower(): value for name, value in response.headers.items()}
    )
    if request.sink is not None and response.ok:
        for start in range(0, len(response.body), PIECE):
            await request.sink.write(response.body[start : start + PIECE])
        return attrs.evolve(response, body=b"")
    if len(response.body) > max_body_bytes:
        raise OutcomeUnknownError(
            f"the response cannot be used: the body is larger than {max_body_bytes} bytes"
        )
    return response
