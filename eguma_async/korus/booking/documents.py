"""Documents: the files of an order, as a rule its tickets in PDF."""

from __future__ import annotations

import inspect
import io
import os
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO, ClassVar, Protocol, cast

import attrs

from eguma_async.core import checks
from eguma_async.core.errors import ConfigurationError, ResultMismatchError, StatusError
from eguma_async.core.fields import LENIENT
from eguma_async.core.files import replacing
from eguma_async.core.messages import Repeat, Timeouts
from eguma_async.core.operation import IN_PATH_AS_IS, ResponseContext, in_header
from eguma_async.core.session import Session
from eguma_async.korus.json_ld import MERGE_PATCH, Collection, Resource
from eguma_async.korus.operations import (
    GetOperation,
    ListOperation,
    ResourceOperation,
    iri,
    is_same,
    optional,
    pager,
)
from eguma_async.korus.signed_url import SignedUrl
from eguma_async.pipeline.pages import Pager

_STALE = (400, 403, 404, 410)


class Writable(Protocol):
    """Anything to write bytes to. `write` may be a coroutine function."""

    def write(self, data: bytes, /) -> Any:
        """Take the document; return how much of it was taken, or None for all.

        What was left is written by further calls.
        """
        ...


@attrs.frozen(kw_only=True)
class OrderDocument(Resource):
    """A file of an order.

    Attributes:
        downloadable_at: From when it can be fetched, in UTC; None if the server does not say.
    """

    downloadable_at: datetime | None = None


@attrs.frozen(kw_only=True)
class DocumentLink(Resource):
    """A short-lived link to a file. The link is a secret; store the file instead.

    Attributes:
        temporary_url: The link.
        cached_language: ISO 639-1 language of the file; None if the server does not say.
    """

    temporary_url: SignedUrl = attrs.field(eq=False)
    cached_language: str | None = None


@attrs.frozen(kw_only=True)
class DownloadedDocument(Resource):
    """A file that was written.

    Attributes:
        language: ISO 639-1; None if the server does not say.
        size: In bytes.
    """

    language: str | None
    size: int


@attrs.frozen(kw_only=True)
class DocumentPage(Collection[OrderDocument]):
    """One page of documents."""

    member: tuple[OrderDocument, ...] = attrs.field(metadata=LENIENT)


@attrs.frozen(kw_only=True)
class ListDocuments(ListOperation[DocumentPage]):
    """List the documents of an order.

    Source: ``GET /v1/booking/orders/{orderId}/documents``, docs.korusticket.com.
    """

    PATH: ClassVar[str] = "{order}/documents"

    order: str = attrs.field(validator=iri, metadata=IN_PATH_AS_IS)


@attrs.frozen(kw_only=True)
class GetDocument(GetOperation[OrderDocument]):
    """Read one document's record.

    Source: ``GET /v1/booking/orders/{orderId}/documents/{id}``, docs.korusticket.com.
    """


def _language(instance: object, field: checks.Field, value: object) -> None:
    checks.header_value(field.name, value)


@attrs.frozen(kw_only=True)
class LinkDocument(ResourceOperation[DocumentLink]):
    """Ask for a fresh link to a document. Asking twice gives two links and does no harm.

    Source: ``PATCH /v1/booking/orders/{orderId}/documents/{id}``, docs.korusticket.com.
    """

    METHOD: ClassVar[str] = "PATCH"
    REPEAT: ClassVar[Repeat] = Repeat.IDEMPOTENT
    CONTENT_TYPE: ClassVar[str | None] = MERGE_PATCH

    language: str | None = attrs.field(
        default=None, validator=optional(_language), metadata=in_header("Accept-Language")
    )

    def complete(self, value: DocumentLink, context: ResponseContext, /) -> DocumentLink:
        """Check that it is a link to the document that was asked for."""
        if not is_same(self.iri, value.iri):
            # Without the value: it opens somebody else's tickets.
            raise ResultMismatchError(differences=("another document was asked for @ $.@id",))
        return value


class Documents:
    """``session.documents``."""

    def __init__(
        self,
        session: Session,
        fetch: Callable[[SignedUrl, BinaryIO, Timeouts | None], Awaitable[int | StatusError]],
    ) -> None:
        self._session = session
        self._fetch_file = fetch

    def list(self, order: str, *, timeouts: Timeouts | None = None) -> Pager[OrderDocument]:
        """List the documents of an order.

        Raises:
            IncompleteListError: While it is read, if it ends before its end.
        """
        return pager(self._session, ListDocuments(order=order), timeouts)

    async def get(self, iri: str, *, timeouts: Timeouts | None = None) -> OrderDocument:
        """Read when a document can be fetched.

        Raises:
            ResultMismatchError: The response is another resource.
        """
        return await self._session.send(GetDocument(iri=iri), timeouts=timeouts)

    async def link(
        self, iri: str, *, language: str | None = None, timeouts: Timeouts | None = None
    ) -> DocumentLink:
        """Ask for a fresh link to a document.

        Args:
            iri: IRI of the document.
            language: Wanted language, ISO 639-1; without such a file it is the catalog's own.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            StatusError: 404, 409, 422 or 425 may mean that it is not there yet: a ticket waits
                for its beneficiary, or `OrderDocument.downloadable_at` has not come.
            ResultMismatchError: It is a link to another document.
        """
        return await self._session.send(LinkDocument(iri=iri, language=language), timeouts=timeouts)

    async def download(
        self,
        iri: str,
        *,
        to: str | os.PathLike[str] | Writable,
        language: str | None = None,
        timeouts: Timeouts | None = None,
    ) -> DownloadedDocument:
        """Fetch a document. It is written whole or not at all.

        Args:
            iri: IRI of the document.
            to: Path of a file, replaced if it exists and readable for its owner only; or something
                to write bytes to, which gets the document once it is there whole. A symbolic link,
                a device and whatever else is no plain file is refused as a path.
            language: As for `link`.
            timeouts: Limits of each attempt; the session's if not given.

        Raises:
            ConfigurationError: `iri` is none, or `to` is neither the path of a plain file in a
                directory that exists nor something to write bytes to. Nothing was sent.
            DocumentError: The link leads to a host that is not allowed, or the file is too large,
                no PDF, or cut.
            ResultMismatchError: The link is one to another document.
            StatusError: As for `link`; or the storage refused even a fresh link.
            DecodingError: The API's response cannot be read.
            TransportError: It could not be fetched.
            SessionStateError: The session is not open.
            OSError: It could not be written, or the stream takes no more of it; part of it may be
                in the stream then.
            Exception: Whatever else the `write` of `to` raises, such as TypeError.
        """
        target = _target(to)
        if not isinstance(target, Path):
            buffer = io.BytesIO()
            document = await self._fetch(iri, buffer, language, timeouts)
            await _write_all(target, buffer)
            return document
        with replacing(target) as file:
            return await self._fetch(iri, file, language, timeouts)

    async def _fetch(
        self, iri: str, file: BinaryIO, language: str | None, timeouts: Timeouts | None
    ) -> DownloadedDocument:
        link = await self.link(iri, language=language, timeouts=timeouts)
        fetched = await self._fetch_file(link.temporary_url, file, timeouts)
        if isinstance(fetched, StatusError) and fetched.status in _STALE:
            link = await self.link(iri, language=language, timeouts=timeouts)
            fetched = await self._fetch_file(link.temporary_url, file, timeouts)
        if isinstance(fetched, StatusError):
            raise fetched
        return DownloadedDocument(iri=link.iri, language=link.cached_language, size=fetched)


def _target(to: object) -> Path | Writable:
    """Return where to write.

    Raises:
        ConfigurationError: That cannot work.
    """
    if isinstance(to, (str, os.PathLike)):
        path = os.fspath(to)
        if isinstance(path, str) and "\0" not in path:
            return Path(path)
    elif callable(getattr(to, "write", None)) and not isinstance(to, io.TextIOBase):
        return cast("Writable", to)
    raise ConfigurationError("to must be the path of a file, as text, or something to write bytes")


async def _write_all(target: Writable, document: io.BytesIO) -> None:
    """Write until all is taken: a raw stream may take less than it is given.

    No variable holds the bytes: a traceback that shows variables must not show tickets.
    """
    size, written = len(document.getbuffer()), 0
    while written < size:
        taken = target.write(document.getvalue()[written:])
        if inspect.isawaitable(taken):
            taken = await taken
        if taken is None and isinstance(target, io.RawIOBase):
            taken = 0  # a raw stream that would have to wait
        if isinstance(taken, bool) or not isinstance(taken, int):
            return
        if taken <= 0:
            raise OSError("the stream takes no more of the document")
        written += taken
