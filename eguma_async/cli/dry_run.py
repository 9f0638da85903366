"""``--dry-run``: the request that a command would send, made on the way that sends it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated, Any, Self

from cyclopts import Parameter

from eguma_async.core.errors import NotSentError
from eguma_async.core.messages import HttpRequest, HttpResponse, Repeat, wire_url

from .errors import Exit, Stop
from .text import clean, print_json

if TYPE_CHECKING:
    from eguma_async.core.clock import Clock
    from eguma_async.core.transport import Transport

DryRunOption = Annotated[
    bool,
    Parameter(
        negative="",
        show_default=False,
        help="Print the request that would be sent, without the key, and send nothing.",
    ),
]
MASK = "***"
"""What stands for credentials. A dry run neither needs nor reads any."""
TOKENS = "FetchToken"


class DryRun:
    """A transport at the end of the way: what changes something is kept here and goes no further.

    Args:
        reads: Let reads go their way: the request is made of what they return.

    Attributes:
        requests: What would have been sent.
    """

    def __init__(self, *, reads: bool = False) -> None:
        self.reads: bool = reads
        self.requests: list[HttpRequest] = []
        self._reading: Transport | None = None

    def over(self, transport: Transport) -> Self:
        """Read over a transport, if anything is to be read, and close it in the end."""
        self._reading = transport if self.reads else None
        return self

    @property
    def clock(self) -> Clock | None:
        """The time of day where the reads go, if that is known."""
        from eguma_async.core.transport import clock_of

        return clock_of(self._reading)

    async def send(self, request: HttpRequest, /) -> HttpResponse:
        """Keep a request.

        Raises:
            NotSentError: Always, unless it is a read that may be sent.
        """
        is_read = request.repeat is Repeat.READ or request.operation == TOKENS
        if is_read and self._reading is not None:
            return await self._reading.send(request)
        self.requests.append(request)
        raise NotSentError("this is a dry run")

    async def aclose(self) -> None:
        """Close the way to the network."""
        if self._reading is not None:
            await self._reading.aclose()

    def show(self, *, as_json: bool) -> None:
        """Print what would have been sent, and end the command.

        Raises:
            Stop: Always, with the exit code of success.
        """
        documents = [_document(request) for request in self.requests]
        if as_json:
            print_json({"requests": documents})
        else:
            sys.stdout.write("\n".join(_as_text(document) for document in documents))
            sys.stdout.flush()
        were = "this request" if len(documents) == 1 else f"these {len(documents)} requests"
        raise Stop(f"nothing was sent; {were} would have been", Exit.OK)


def _document(request: HttpRequest) -> dict[str, Any]:
    """Return a request as it goes on the wire, with its credentials masked."""
    hidden = [f"{name}={MASK}" for name, _ in request.credentials.query]
    url = wire_url(request.but(credentials=type(request.credentials)()))
    if hidden:
        url += ("&" if "?" in url else "?") + "&".join(hidden)
    headers = {
        **request.headers,
        **{name: _masked(value) for name, value in request.credentials.headers},
    }
    return {
        "operation": request.operation,
        "method": request.method,
        "url": url,
        "headers": headers,
        "body": None if request.body is None else request.body.decode(),
    }


def _masked(value: str) -> str:
    scheme, space, _ = value.rpartition(" ")
    return f"{scheme}{space}{MASK}"


def _as_text(document: dict[str, Any]) -> str:
    lines = [f"{document['method']} {document['url']}"]
    lines += [f"{name}: {value}" for name, value in document["headers"].items()]
    # The body to the letter: a line break of its own it has none, as JSON.
    body = "" if document["body"] is None else f"\n{document['body']}\n"
    return "\n".join([*map(clean, lines), ""]) + body
