"""What crosses the transport seam: one request, one answer, and the secrets beside them."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping
from typing import NoReturn, Protocol, TypedDict, Unpack
from urllib.parse import quote, unquote_to_bytes

import attrs

from .errors import ConfigurationError


class Repeat(enum.Enum):
    """Whether a request may be sent again. The operation declares it, not the verb.

    Safe and idempotent are two things (RFC 9110, section 9.2): a read leaves nothing behind
    whatever becomes of it, an idempotent write may have been done.
    """

    READ = "read"
    """Changes nothing: may be sent again and fanned out, and its outcome is never unknown."""
    IDEMPOTENT = "idempotent"
    """A write that names one thing and ends in one state: may be sent again."""
    KEYED = "keyed"
    """Carries an idempotency key: may be sent again with the same key and the same bytes."""
    ONCE = "once"
    """Must not be sent again once it may have arrived."""

    # The names before `READ` was told from `IDEMPOTENT`.
    SAFE = "idempotent"  # noqa: PIE796  # an alias on purpose
    NEVER = "once"  # noqa: PIE796  # as above


Replay = Repeat
"""The name of `Repeat` before; it stays importable."""


def _finite(instance: object, attribute: attrs.Attribute[float], value: float) -> None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (number and math.isfinite(value) and value > 0):
        raise ConfigurationError(
            f"{attribute.name} must be a positive, finite number of seconds, not {value!r}"
        )


@attrs.frozen(kw_only=True)
class Timeouts:
    """Limits of one attempt, in seconds. They are never infinite.

    Attributes:
        connect: To get a connection: waiting for a free one, name look-up, TCP and TLS.
        read: Between two pieces of the response, the first one included.
        total: For the whole attempt.
    """

    connect: float = attrs.field(default=5.0, validator=_finite)
    read: float = attrs.field(default=30.0, validator=_finite)
    total: float = attrs.field(default=60.0, validator=_finite)

    @classmethod
    def within(cls, seconds: float) -> Timeouts:
        """Return limits for an attempt that takes so many seconds at most, 5 of them to connect.

        Raises:
            ConfigurationError: They are no positive, finite number.
        """
        limits = cls(read=seconds, total=seconds)
        return cls(connect=min(limits.connect, seconds), read=seconds, total=seconds)


SHORTEST_SECRET = 8

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*")  # RFC 3986, section 2.3


def is_unreserved(pairs: tuple[tuple[str, str], ...]) -> bool:
    """Tell whether query pairs hold nothing that a URL would quote."""
    text = "".join(map("".join, pairs))
    if text.isascii() and text.replace("-", "").isalnum():
        return True  # as a rule, in half the time
    return _UNRESERVED.fullmatch(text) is not None


DEFAULT_TIMEOUTS = Timeouts()
"""One object for all who set none, so that it is told apart at a glance."""


class Credentials:
    """Secrets for one request. Only a transport reads them, as it puts them on the wire.

    A plain class on purpose: ``attrs.asdict`` of a request does not look inside. It has no
    readable ``repr`` and refuses to be pickled.

    Attributes:
        query: Pairs to add to the query string.
        headers: Pairs to add to the headers.
        encoded_query: Query string of a signed link, added byte for byte: its signature covers
            the bytes, so that nothing may be unquoted, quoted again or put in another order.
        is_plain: True if they are query pairs alone, with nothing in them to quote.
    """

    __slots__ = ("encoded_query", "headers", "is_plain", "query")

    query: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    encoded_query: str
    is_plain: bool

    def __init__(
        self,
        *,
        query: tuple[tuple[str, str], ...] = (),
        headers: tuple[tuple[str, str], ...] = (),
        encoded_query: str = "",
    ) -> None:
        self.query = query
        self.headers = headers
        self.encoded_query = encoded_query
        # Looked at once, not for every request that carries them.
        self.is_plain = not headers and not encoded_query and is_unreserved(query)

    def __repr__(self) -> str:
        return "Credentials(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("credentials are not pickled: give the other side its own key")

    def scrub(self, data: bytes) -> bytes:
        """Return `data` with every secret in it, also as a URL writes it, replaced by ``***``.

        A secret shorter than 8 characters, as made up for a test, is left: it would hit any word.
        """
        for secret in self._secrets():
            data = data.replace(secret, b"***")
        return data

    def _secrets(self) -> list[bytes]:
        """Return every form of every secret; the longest come first, as they hold the others."""
        found = {self.encoded_query.encode()}
        for part in self.encoded_query.split("&"):
            value = part.partition("=")[2] or part
            found |= {value.encode(), unquote_to_bytes(value)}
        for _, value in (*self.query, *self.headers):
            found.add(value.removeprefix("Bearer ").encode())
        secrets = {secret for secret in found if len(secret) >= SHORTEST_SECRET}
        secrets |= {quote(secret, safe="").encode() for secret in secrets}
        return sorted(secrets, key=len, reverse=True)


NO_CREDENTIALS = Credentials()


class BodySink(Protocol):
    """Where a large response flows to, chunk by chunk, instead of being held in memory."""

    async def write(self, chunk: bytes, /) -> None:
        """Take the next piece; the transport waits, so the reader sets the pace."""
        ...

    def restart(self) -> None:
        """Forget what came so far, as the response begins again.

        Raises:
            EgumaError: Something was handed on already and cannot be taken back.
        """
        ...


class RequestChanges(TypedDict, total=False):
    """What `HttpRequest.but` takes: the fields of a request."""

    method: str
    url: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: bytes | None
    timeouts: Timeouts
    repeat: Repeat
    credentials: Credentials
    sink: BodySink | None
    operation: str
    attempt: int
    begin_by: float | None
    template: str


# Requests and responses have no slots: they are made for every attempt, and made in two thirds of
# the time without.


@attrs.frozen(kw_only=True, slots=False)
class HttpRequest:
    """One request, complete but for its credentials.

    Attributes:
        method: HTTP verb in capitals.
        url: Scheme, host and path. Without credentials: always safe to log.
        query: Pairs of the query string, unquoted.
        headers: Header names as sent.
        body: Bytes, encoded once per call, so that every attempt sends the same ones.
        timeouts: Limits of this attempt.
        repeat: Whether it may be sent again.
        credentials: Secrets, merged by the last line of the transport and nowhere else.
        sink: Takes the body of a 2xx response instead of `HttpResponse.body`.
        operation: Name of the operation: a label for hooks and fakes, never sent.
        attempt: Number of this attempt within its call, from 1; a label as well.
        begin_by: When it is too late to send it, on the session's monotonic clock; None for a
            first attempt. A label for layers.
        template: Path as its operation declares it, with names for what differs from one to the
            next; empty if it was made by hand. A label as well.
    """

    method: str
    url: str
    query: tuple[tuple[str, str], ...] = attrs.field(default=(), repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict)
    body: bytes | None = attrs.field(default=None, repr=False)
    timeouts: Timeouts = DEFAULT_TIMEOUTS
    repeat: Repeat = Repeat.ONCE
    credentials: Credentials = attrs.field(default=NO_CREDENTIALS, repr=False)
    sink: BodySink | None = attrs.field(default=None, repr=False)
    operation: str = ""
    attempt: int = 1
    begin_by: float | None = None
    template: str = attrs.field(default="", repr=False)

    def but(self, **changes: Unpack[RequestChanges]) -> HttpRequest:
        """Return the same request with changes.

        Every call and every attempt passes here, and ``attrs.evolve`` takes five times as long.
        """
        other = object.__new__(HttpRequest)
        other.__dict__.update(self.__dict__)
        other.__dict__.update(changes)
        return other


@attrs.frozen(kw_only=True, slots=False)
class HttpResponse:
    """One response, whole.

    Attributes:
        status: HTTP status; any status is a response.
        headers: Lower-case names; a repeated header is joined by ", ".
        body: All bytes, decompressed; empty if they went into a sink.
    """

    status: int
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)  # may hold a URL with a key
    body: bytes = attrs.field(default=b"", repr=False)

    @property
    def ok(self) -> bool:
        """True for 2xx."""
        return 200 <= self.status < 300


def wire_url(request: HttpRequest) -> str:
    """Return the URL as it goes on the wire: with its whole query, secrets included.

    What is encoded already stays as it came, byte for byte; pairs are quoted.
    """
    pairs = request.query + request.credentials.query
    quoted = [f"{quote(name, safe='')}={quote(value, safe='')}" for name, value in pairs]
    added = "&".join(filter(None, (*quoted, request.credentials.encoded_query)))
    if not added:
        return request.url
    if "?" not in request.url:
        return f"{request.url}?{added}"
    return f"{request.url}{'' if request.url[-1] in '?&' else '&'}{added}"


def wire_headers(request: HttpRequest) -> dict[str, str]:
    """Return the headers as they go on the wire, secrets included."""
    return {**request.headers, **dict(request.credentials.headers)}


def masked(response: HttpResponse, secrets: Credentials) -> HttpResponse:
    """Return a response without what it repeats of the secrets it was asked with."""
    headers = {
        name: secrets.scrub(value.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")
        for name, value in response.headers.items()
    }
    return HttpResponse(status=response.status, headers=headers, body=secrets.scrub(response.body))
