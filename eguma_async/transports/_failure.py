"""What went wrong, in our words: an error of aiohttp may show a URL with its key."""

from __future__ import annotations

import errno
from urllib.parse import urlsplit

import aiohttp

from eguma_async.core.errors import NotSentError, OutcomeUnknownError, TransportError
from eguma_async.core.messages import HttpRequest

from ._body import BodyError
from ._exchange import ResendError, StaleConnectionError, TimeUpError

Words = tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...]

_BROKEN = (ResendError, aiohttp.ClientOSError, aiohttp.ServerDisconnectedError)

# The first class that fits wins, so subclasses come first: a connect timeout is a timeout too, and
# a refused connection an OS error.
_SURELY_NOT_SENT: Words = (
    (aiohttp.ConnectionTimeoutError, "no connection to {host} within {timeouts.connect:g} s"),
    (aiohttp.ClientConnectorDNSError, "the address of {host} could not be found"),
    (aiohttp.ClientConnectorCertificateError, "the certificate of {host} is not trusted"),
    (aiohttp.ClientSSLError, "no TLS connection to {host} could be made"),
    (aiohttp.ServerFingerprintMismatch, "the certificate of {host} is not the expected one"),
    (aiohttp.ClientProxyConnectionError, "the proxy could not be reached"),
    (aiohttp.ClientHttpProxyError, "the proxy refused the way to {host}"),
    (aiohttp.ClientConnectorError, "no connection to {host} could be made{reason}"),
    (aiohttp.InvalidURL, "the URL is not one for HTTP"),
    (aiohttp.NonHttpUrlClientError, "the URL is not one for HTTP"),
    (StaleConnectionError, "bytes nobody asked for were waiting on the connection to {host}"),
)
_KEPT_BACK: Words = (
    (TimeUpError, "no connection to {host} within {timeouts.total:g} s"),
    (_BROKEN, "the connection to {host} broke before the request went out"),
    (Exception, "nothing could be sent to {host}{reason}"),
)
_UNKNOWN: Words = (
    (BodyError, "the response of {host} cannot be used{reason}"),
    (aiohttp.SocketTimeoutError, "{host} was silent for {timeouts.read:g} s"),
    (TimeUpError, "no complete response of {host} within {timeouts.total:g} s"),
    (TimeoutError, "{host} took too long"),
    (aiohttp.ClientPayloadError, "the response of {host} was cut"),
    (aiohttp.ClientResponseError, "{host} answered with something that is not HTTP"),
    (_BROKEN, "the connection to {host} broke before it answered"),
    (OSError, "the connection to {host} broke"),
    (Exception, "the exchange with {host} failed{reason}"),
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
    words = _words(error, _SURELY_NOT_SENT)
    if words is None:
        kind = NotSentError if kept_back else OutcomeUnknownError
        words = _words(error, _KEPT_BACK if kept_back else _UNKNOWN)
    host, reason = _host(request.url), _reason(error)
    return kind((words or "").format(host=host, reason=reason, timeouts=request.timeouts))


def _words(error: Exception, table: Words) -> str | None:
    return next((words for kind, words in table if isinstance(error, kind)), None)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or "the server"
    except ValueError:
        return "the server"


def _reason(error: Exception) -> str:
    if isinstance(error, BodyError):
        return f": {error}"
    if isinstance(error, aiohttp.ClientConnectorError):
        return f" ({errno.errorcode.get(error.errno or 0, 'no reason given')})"
    # The type alone: the text of a foreign error may hold the URL with its key.
    return f" ({type(error).__name__})"
