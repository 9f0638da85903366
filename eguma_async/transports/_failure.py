"""What went wrong, in our words: an error of aiohttp may show a URL with its key."""

from __future__ import annotations

import errno

import aiohttp

from eguma_async.core.errors import NotSentError, OutcomeUnknownError, TransportError
from eguma_async.core.messages import HttpRequest

from . import _words
from ._body import BodyError
from ._exchange import ResendError, StaleConnectionError, TimeUpError

Words = tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]

_BROKEN = (ResendError, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)

# The first class that fits wins, so subclasses come first: a connect timeout is a timeout too, and
# a refused connection an OS error.
_SURELY_NOT_SENT: Words = (
    (aiohttp.ConnectionTimeoutError, _words.NO_CONNECTION_IN_TIME),
    (aiohttp.ClientConnectorDNSError, _words.NO_ADDRESS),
    (aiohttp.ClientConnectorCertificateError, _words.NOT_TRUSTED),
    (aiohttp.ClientSSLError, _words.NO_TLS),
    (aiohttp.ServerFingerprintMismatch, "the certificate of {host} is not the expected one"),
    (aiohttp.ClientProxyConnectionError, _words.NO_PROXY),
    (aiohttp.ClientHttpProxyError, _words.NO_TUNNEL),
    (aiohttp.ClientConnectorError, _words.NO_CONNECTION),
    (aiohttp.InvalidURL, _words.NO_HTTP_URL),
    (aiohttp.NonHttpUrlClientError, _words.NO_HTTP_URL),
    (StaleConnectionError, "bytes nobody asked for were waiting on the connection to {host}"),
)
_KEPT_BACK: Words = (
    (TimeUpError, _words.NO_CONNECTION_IN_ALL),
    (_BROKEN, "the connection to {host} broke before the request went out"),
    (Exception, _words.NOTHING_SENT),
)
_UNKNOWN: Words = (
    (BodyError, _words.UNUSABLE),
    (aiohttp.SocketTimeoutError, _words.SILENT),
    (TimeUpError, _words.INCOMPLETE),
    (TimeoutError, "{host} took too long"),
    (aiohttp.ClientPayloadError, _words.CUT),
    (aiohttp.ClientResponseError, _words.NOT_HTTP),
    (_BROKEN, _words.BROKE_EARLY),
    (OSError, _words.BROKE),
    (Exception, _words.FAILED),
)


def failure(error: Exception, request: HttpRequest, *, kept_back: bool) -> TransportError:
    """Return the error that stands for what aiohttp raised.

    Args:
        error: What was raised.
        request: What was to be sent.
        kept_back: Whether the request surely did not go out. The class of the error does not
            tell: resolvers, cookie jars and TLS raise what they like.
    """
    kind: type[TransportError] = NotSentError
    words = _words_for(error, _SURELY_NOT_SENT)
    if words is None:
        kind = NotSentError if kept_back else OutcomeUnknownError
        words = _words_for(error, _KEPT_BACK if kept_back else _UNKNOWN)
    return _words.explained(kind, words or "", request, _reason(error))


def _words_for(error: Exception, table: Words) -> str | None:
    return next((words for kind, words in table if isinstance(error, kind)), None)


def _reason(error: Exception) -> str:
    if isinstance(error, BodyError):
        return f": {error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f" ({errno.errorcode.get(error.errno or 0, 'no reason given')})"
    # The type alone: the text of a foreign error may hold the URL with its key.
    return f" ({type(error).__name__})"
