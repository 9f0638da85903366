"""A line of a journal: what it says, and the bytes a store keeps of it."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from typing import Any

import attrs
import msgspec

from eguma_async.core.journal import Entry, LatePolicy, State

from .identity import Identity
from .moments import Moment, as_time
from .sealing import Sealer
from .stores.base import Row

_CHECK = 32


@attrs.frozen(kw_only=True)
class Refusal:
    """The part of a refusal that holds nothing of the customer.

    Attributes:
        status: HTTP status.
        error_code: The provider's code.
    """

    status: int
    error_code: str | None = None


@attrs.frozen(kw_only=True)
class Line:
    """What a journal knows of one asking.

    Attributes:
        identity: Under which name it is kept.
        generation: Which asking of that name it is.
        operation: Class of the operation.
        credential: Fingerprint of the credentials it was asked with.
        state: Where it stands.
        reason: Why.
        key: Idempotency key it is sent with.
        digest: Tells its body from others, once that is erased.
        body: The exact bytes to send; None once the outcome is known.
        attempts: Requests so far.
        in_doubt: True if one may have been processed.
        created: When it was asked for.
        first_sent: When it was sent first.
        last_sent: When it was sent last.
        book_by: Until when it may be sent, in seconds since 1970.
        late: What a recovery does after that.
        sent_late: True if it was sent after that only to settle it. Before, the lists had not shown
            it, so whatever is found now was made too late.
        owner: Who works on it.
        lease_until: Until when, by the clock of the store.
        looks: How often the lists were searched in vain.
        looked: When they were last.
        refusal: What it was refused with.
        result: What came of it.
        differences: How that differs from what was asked for.
        candidates: Ids of what may be it.
        locked: True if body and result are encrypted with a key that is not known.
    """

    identity: Identity
    generation: int
    operation: str
    credential: str
    state: State
    reason: str | None = None
    key: str | None
    digest: str
    body: bytes | None = attrs.field(repr=False)
    attempts: int = 0
    in_doubt: bool = False
    created: Moment
    first_sent: Moment | None = None
    last_sent: Moment | None = None
    book_by: float | None = None
    late: LatePolicy = LatePolicy.DISCOVER
    sent_late: bool = False
    owner: str | None = None
    lease_until: float = 0.0
    looks: int = 0
    looked: Moment | None = None
    refusal: Refusal | None = None
    result: dict[str, Any] | None = attrs.field(default=None, repr=False, hash=False)
    differences: tuple[str, ...] = ()
    candidates: tuple[str, ...] = ()
    locked: bool = False

    def entry(self) -> Entry:
        """Return what the outside may know of it."""
        name = self.identity
        return Entry(
            provider=name.provider,
            environment=name.environment,
            account=name.account,
            kind=name.kind,
            client_ref=name.client_ref,
            generation=self.generation,
            state=self.state,
            reason=self.reason,
            idempotency_key=self.key,
            attempts=self.attempts,
            in_doubt=self.in_doubt,
            created_at=self.created.time,
            last_sent_at=None if self.last_sent is None else self.last_sent.time,
            book_by=_time(self.book_by),
            late=self.late,
            leased_until=_time(self.lease_until) if self.owner else None,
            result=self.result,
            candidates=self.candidates,
            locked=self.locked,
        )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else as_time(seconds)


@attrs.frozen(kw_only=True)
class _Written:
    """A line as it is written: what is private apart, and encrypted if there is a key."""

    line: msgspec.Raw
    private: bytes
    mark: str


@attrs.frozen(kw_only=True)
class _Private:
    body: bytes | None
    result: dict[str, Any] | None


class Script:
    """Writes lines as bytes and reads them again.

    Args:
        secret: The store's own bytes, which the checksums are made with.
        sealer: Encrypts what is private.
    """

    def __init__(self, secret: bytes, sealer: Sealer) -> None:
        self._secret = secret
        self._sealer = sealer
        self._read = msgspec.json.Decoder(_Written).decode
        self._read_line = msgspec.json.Decoder(Line).decode
        self._read_private = msgspec.json.Decoder(_Private).decode

    def digest(self, body: bytes) -> str:
        """Return what tells a body from others, and nothing else of it."""
        return hmac.new(self._secret, b"body|" + body, hashlib.sha256).hexdigest()

    def first(self, line: Line) -> Row:
        """Return a new line as the first version of a row."""
        return self._row(
            line, line.identity.series, version=1, created_at=line.created.wall, remote=None
        )

    def next(self, line: Line, before: Row, remote: str | None) -> Row:
        """Return a line as the next version of a row, which keeps its place."""
        return self._row(
            line,
            before.series,
            version=before.version + 1,
            created_at=before.created_at,
            remote=remote or before.remote,
        )

    def _row(
        self, line: Line, series: str, *, version: int, created_at: float, remote: str | None
    ) -> Row:
        private = msgspec.json.encode(_Private(body=line.body, result=line.result))
        bare = msgspec.json.encode(attrs.evolve(line, body=None, result=None))
        row = Row(
            series=series,
            generation=line.generation,
            version=version,
            is_open=line.state.is_open,
            created_at=created_at,
            remote=remote,
            data=b"",
        )
        # The rest of the row is bound to it: without the key it cannot be changed either.
        sealed = self._sealer.seal(private, _columns(row) + bare)
        content = msgspec.json.encode(
            _Written(line=msgspec.Raw(bare), private=sealed, mark=self._sealer.mark)
        )
        return attrs.evolve(row, data=self._check(row, content) + content)

    def line(self, row: Row) -> Line | None:
        """Return what a row says; None if it is damaged."""
        check, content = row.data[:_CHECK], row.data[_CHECK:]
        if not hmac.compare_digest(check, self._check(row, content)):
            return None
        try:
            written = self._read(content)
            bare = self._read_line(written.line)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None
        if not self._sealer.opens(written.mark):
            return attrs.evolve(bare, locked=True)
        bound_to = _columns(row) + bytes(written.line)
        plain = self._sealer.unseal(written.private, written.mark, bound_to)
        if plain is None:
            return None
        private = self._read_private(plain)
        return attrs.evolve(bare, body=private.body, result=private.result)

    def _check(self, row: Row, content: bytes) -> bytes:
        return hmac.new(self._secret, _columns(row) + content, hashlib.sha256).digest()


def _columns(row: Row) -> bytes:
    named = (row.series, row.generation, row.version, row.is_open, row.remote, row.created_at)
    return repr(named).encode()
