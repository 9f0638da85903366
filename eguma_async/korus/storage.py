"""Fetches files from where a signed link leads, and from nowhere else.

The link comes from a server, so it is not to be trusted with more than it needs: only to allowed
hosts, only over https, without credentials of ours, without redirects, up to a size, and only if
what comes is a PDF file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime
from typing import BinaryIO
from urllib.parse import urlsplit

from eguma_async.core.clock import Clock, SystemClock
from eguma_async.core.errors import ConfigurationError, StatusError, error_class
from eguma_async.core.messages import (
    Credentials,
    HttpRequest,
    HttpResponse,
    Repeat,
    Timeouts,
    masked,
)
from eguma_async.core.provider import retry_after
from eguma_async.core.transport import Transport

from .errors import DocumentError
from .signed_url import SignedUrl

DOCUMENT_HOSTS = ("storage.googleapis.com",)
"""Where the API is documented to keep documents."""
MAX_DOCUMENT_BYTES = 20 * 1024 * 1024
OPERATION = "DownloadDocument"

_MAGIC, _END = b"%PDF-", b"%%EOF"
_MAGIC_WITHIN = _END_WITHIN = 1024
_PORTS = {"http": 80, "https": 443}
_URL = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)
_HOST = re.compile(r"[a-z0-9.-]{1,253}", re.ASCII)


def checked_hosts(hosts: Iterable[str]) -> frozenset[str]:
    """Return the names of hosts to fetch documents from.

    Raises:
        ConfigurationError: One of them is no plain, lower-case name of a host.
    """
    names = frozenset((hosts,) if isinstance(hosts, str) else hosts)
    if not all(isinstance(name, str) and _HOST.fullmatch(name) for name in names):
        raise ConfigurationError(
            "document_hosts must be names of hosts in lower case, without scheme, port or path"
        )
    return names


class PdfSink:
    """Writes a PDF file of bounded size; anything else is refused once that can be told.

    Readers look for the head of a file within its first 1024 bytes, as programs are known to write
    a line break or a byte-order mark before it, and for its end within the last 1024.

    Attributes:
        size: Bytes so far.
        begun: How often the file was begun, which is once for each request.
    """

    def __init__(self, file: BinaryIO, *, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._head: bytes | None = b""
        self._tail = b""
        self.size: int = 0
        self.begun: int = 0

    async def write(self, chunk: bytes, /) -> None:
        """Take the next piece.

        Raises:
            DocumentError: The file is too large, or no PDF.
        """
        self.size += len(chunk)
        if self.size > self._limit:
            raise DocumentError(f"the document is larger than {self._limit} bytes")
        self._tail = (self._tail + chunk)[-_END_WITHIN:]
        if self._head is None:
            self._file.write(chunk)
            return
        self._head += chunk
        if _MAGIC in self._head[: _MAGIC_WITHIN + len(_MAGIC)]:
            self._file.write(self._head)
            self._head = None
        elif len(self._head) >= _MAGIC_WITHIN + len(_MAGIC):
            raise DocumentError("the document is no PDF file")

    def restart(self) -> None:
        """Forget what came so far."""
        self._file.seek(0)
        self._file.truncate()
        self._head, self._tail = b"", b""
        self.size = 0
        self.begun += 1

    def finish(self, *, is_whole: bool) -> None:
        """Check that there was a file, and all of it.

        Args:
            is_whole: True if HTTP itself tells that nothing is missing.

        Raises:
            DocumentError: There was none, or it was cut.
        """
        if self._head is not None:
            raise DocumentError("the document is no PDF file")
        if not is_whole and _END not in self._tail:
            raise DocumentError("the document was cut: nothing tells its end")


class Storage:
    """Fetches what is behind signed links.

    Args:
        public: Carries requests to the allowed hosts.
        local: Carries requests to a sandbox on this machine.
        hosts: Allowed hosts.
        local_origin: Host and port of the sandbox; None without one.
        local_scheme: How the sandbox is spoken to.
        timeouts: Limits of each attempt.
        max_bytes: Size of the largest document.
        clock: Tells how long a refusal asks to wait.
    """

    def __init__(
        self,
        public: Transport,
        *,
        local: Transport,
        hosts: frozenset[str],
        local_origin: tuple[str, int] | None,
        local_scheme: str = "http",
        timeouts: Timeouts,
        max_bytes: int = MAX_DOCUMENT_BYTES,
        clock: Clock | None = None,
    ) -> None:
        self._public = public
        self._local = local
        self._hosts = hosts
        self._local_origin = local_origin
        self._local_scheme = local_scheme
        self._timeouts = timeouts
        self._max_bytes = max_bytes
        self._clock = SystemClock() if clock is None else clock

    async def fetch(
        self, link: SignedUrl, file: BinaryIO, timeouts: Timeouts | None = None
    ) -> int | StatusError:
        """Write what is behind a link into a file and return its size, or the refusal.

        Args:
            link: Where the file is.
            file: Takes the file, from its beginning.
            timeouts: Limits of each attempt, if not those of all fetches.

        Raises:
            DocumentError: The link leads elsewhere, or the file is too large, no PDF, or cut.
            TransportError: It could not be fetched.
        """
        transport = self._way_to(link)
        if transport is None:
            raise DocumentError("the link does not lead to an allowed host; nothing was fetched")
        sink = PdfSink(file, limit=self._max_bytes)
        sink.restart()
        request = self._request(link, sink).but(timeouts=timeouts or self._timeouts)
        response = await transport.send(request)
        if not response.ok:
            response = masked(response, request.credentials)
            return _refusal(response, attempts=sink.begun, now=self._clock.now())
        sink.finish(is_whole=_tells_its_end(response))
        return sink.size

    # The link stays in frames that neither wait nor raise: a traceback may show their variables.

    def _request(self, link: SignedUrl, sink: PdfSink) -> HttpRequest:
        url, _, query = link.reveal().partition("?")
        return HttpRequest(
            method="GET",
            url=url,
            headers={"Accept": "application/pdf"},
            timeouts=self._timeouts,
            repeat=Repeat.READ,
            credentials=Credentials(encoded_query=query),
            sink=sink,
            operation=OPERATION,
        )

    def _way_to(self, link: SignedUrl) -> Transport | None:
        url = link.reveal()
        try:
            parts = urlsplit(url)
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        clean = _URL.fullmatch(url) and parts.username is None and not parts.fragment
        if clean and parts.scheme == "https" and host in self._hosts and port in (None, 443):
            return self._public
        origin = (host, _PORTS.get(parts.scheme) if port is None else port)
        if clean and parts.scheme == self._local_scheme and origin == self._local_origin:
            return self._local
        return None


def _tells_its_end(response: HttpResponse) -> bool:
    """Tell whether a body that arrives is whole, as a transport has checked (RFC 9112, 6.3)."""
    chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
    return chunked or "content-length" in response.headers


def _refusal(response: HttpResponse, *, attempts: int, now: datetime) -> StatusError:
    """Make an error of a refusal, without its body: storages repeat the request in it."""
    return error_class(response.status)(
        "the storage did not give the document",
        status=response.status,
        headers=response.headers,
        retry_after=retry_after(response, now),
        operation=OPERATION,
        attempts=attempts,
    )
