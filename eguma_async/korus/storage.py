"""Fetches files from where a signed link leads, and from nowhere else.

The link comes from a server, so it is not to be trusted with more than it needs: only to allowed
hosts, only over https, without credentials of ours, without redirects, up to a size, and only if
what comes is a PDF file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import BinaryIO
from urllib.parse import urlsplit

from eguma_async.core.errors import ConfigurationError, StatusError, error_class
from eguma_async.core.messages import Credentials, HttpRequest, HttpResponse, Repeat, Timeouts
from eguma_async.core.transport import Transport

from .errors import DocumentError
from .signed_url import SignedUrl

DOCUMENT_HOSTS = ("storage.googleapis.com",)
"""Where the API is documented to keep documents."""
MAX_DOCUMENT_BYTES = 20 * 1024 * 1024
OPERATION = "DownloadDocument"

_MAGIC = b"%PDF-"
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
    """Writes a PDF file of bounded size; anything else is refused at its first bytes.

    Attributes:
        size: Bytes so far.
        begun: How often the file was begun, which is once for each request.
    """

    def __init__(self, file: BinaryIO, *, limit: int) -> None:
        self._file = file
        self._limit = limit
        self._head = b""
        self.size = 0
        self.begun = 0

    async def write(self, chunk: bytes, /) -> None:
        """Take the next piece.

        Raises:
            DocumentError: The file is too large, or no PDF.
        """
        self.size += len(chunk)
        if self.size > self._limit:
            raise DocumentError(f"the document is larger than {self._limit} bytes")
        if len(self._head) < len(_MAGIC):
            self._head += chunk[: len(_MAGIC) - len(self._head)]
            if not _MAGIC.startswith(self._head):
                raise DocumentError("the document is no PDF file")
        self._file.write(chunk)

    def restart(self) -> None:
        """Forget what came so far."""
        self._file.seek(0)
        self._file.truncate()
        self._head = b""
        self.size = 0
        self.begun += 1

    def finish(self) -> None:
        """Check that there was a file at all.

        Raises:
            DocumentError: There was not.
        """
        if self._head != _MAGIC:
            raise DocumentError("the document is no PDF file")


class Storage:
    """Fetches what is behind signed links.

    Args:
        public: Carries requests to the allowed hosts.
        local: Carries requests to a sandbox on this machine.
        hosts: Allowed hosts.
        local_origin: Host and port of the sandbox, for which plain http will do; None without one.
        timeouts: Limits of each attempt.
        max_bytes: Size of the largest document.
    """

    def __init__(
        self,
        public: Transport,
        *,
        local: Transport,
        hosts: frozenset[str],
        local_origin: tuple[str, int] | None,
        timeouts: Timeouts,
        max_bytes: int = MAX_DOCUMENT_BYTES,
    ) -> None:
        self._public = public
        self._local = local
        self._hosts = hosts
        self._local_origin = local_origin
        self._timeouts = timeouts
        self._max_bytes = max_bytes

    async def fetch(self, link: SignedUrl, file: BinaryIO) -> int | StatusError:
        """Write what is behind a link into a file and return its size, or the refusal.

        Raises:
            DocumentError: The link leads elsewhere, or the file is too large or no PDF.
            TransportError: It could not be fetched.
        """
        transport = self._way_to(link)
        if transport is None:
            raise DocumentError("the link does not lead to an allowed host; nothing was fetched")
        sink = PdfSink(file, limit=self._max_bytes)
        sink.restart()
        response = await transport.send(self._request(link, sink))
        if not response.ok:
            return _refusal(response, sink)
        sink.finish()
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
        origin = (host, 80 if port is None else port)
        if clean and parts.scheme == "http" and origin == self._local_origin:
            return self._local
        return None


def _refusal(response: HttpResponse, sink: PdfSink) -> StatusError:
    """Make an error of a refusal, without its body: storages repeat the request in it."""
    return error_class(response.status)(
        "the storage did not give the document",
        status=response.status,
        operation=OPERATION,
        attempts=sink.begun,
    )
