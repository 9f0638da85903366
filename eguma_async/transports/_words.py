"""What is said of a request that failed.

Our words alone: those of others may show the URL with its key. In braces stand the host of the
request, its time limits, and a reason that is safe to show.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from eguma_async.core.errors import TransportError
from eguma_async.core.messages import HttpRequest

# Nothing was sent.
NO_CONNECTION_IN_TIME = "no connection to {host} within {timeouts.connect:g} s"
NO_CONNECTION_IN_ALL = "no connection to {host} within {timeouts.total:g} s"
NO_CONNECTION = "no connection to {host} could be made{reason}"
NO_ADDRESS = "the address of {host} could not be found"
NOT_TRUSTED = "the certificate of {host} is not trusted"
NO_TLS = "no TLS connection to {host} could be made"
NO_PROXY = "the proxy could not be reached"
NO_TUNNEL = "the proxy refused the way to {host}"
NO_HTTP_URL = "the URL is not one for HTTP"
NOTHING_SENT = "nothing could be sent to {host}{reason}"

# It may have arrived.
UNUSABLE = "the response of {host} cannot be used{reason}"
SILENT = "{host} was silent for {timeouts.read:g} s"
INCOMPLETE = "no complete response of {host} within {timeouts.total:g} s"
CUT = "the response of {host} was cut"
NOT_HTTP = "{host} answered with something that is not HTTP"
BROKE_EARLY = "the connection to {host} broke before it answered"
BROKE = "the connection to {host} broke"
FAILED = "the exchange with {host} failed{reason}"


def explained(
    kind: type[TransportError], words: str, request: HttpRequest, reason: str = ""
) -> TransportError:
    """Return an error that says what became of a request.

    Args:
        kind: Its class.
        words: One of those above.
        request: What was to be sent.
        reason: More that is safe to show.
    """
    host = _host(request.url)
    return kind(words.format(host=host, reason=reason, timeouts=request.timeouts))


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "the server"
    except ValueError:
        return "the server"


class RequestFailedError(Exception):
    """What became of a request. The words hold no secret, and neither does the reason."""

    def __init__(self, kind: type[TransportError], words: str, reason: str = "") -> None:
        super().__init__()
        self.kind = kind
        self.words = words
        self.reason = reason

    def told(self, request: HttpRequest) -> TransportError:
        """Return the error to raise."""
        return explained(self.kind, self.words, request, self.reason)
