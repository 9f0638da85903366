"""Hands over a response that is already in memory, the way the transport contract asks for."""

from __future__ import annotations

import attrs

from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.messages import HttpRequest, HttpResponse

from ._body import PIECE


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
