"""Documents: links that are secrets, and downloads that go nowhere they should not."""

from __future__ import annotations

import asyncio
import copy
import io
import os
import pickle
import socket
import stat
from contextlib import asynccontextmanager

import pytest

from eguma_async import (
    AccessDeniedError,
    AiohttpTransport,
    ConfigurationError,
    HttpResponse,
    KorusSession,
    NotFoundError,
    OutcomeUnknownError,
    RateLimitedError,
    ResultMismatchError,
    RetryPolicy,
    ServerError,
    StatusError,
    Timeouts,
)
from eguma_async.core.hooks import Observer
from eguma_async.core.messages import wire_url
from eguma_async.korus import DocumentError, SignedUrl
from eguma_async.korus.storage import MAX_DOCUMENT_BYTES, Storage
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply

DOCUMENT = (
    "/v1/booking/orders/0194b132-448c-7d1b-bb13-f8e09ae5c18f"
    "/documents/0194b132-449c-79cd-9da1-50be439b6e9d"
)
GOOD = "https://storage.googleapis.com/BUCKET/a%20b.pdf?Expires=1738235339&Signature=abc%2Bd+e%3D"
END = b"\n%%EOF\n"
PDF = b"%PDF-1.7\n" + bytes(range(256)) * 1000 + END


def link(url=GOOD):
    return json_reply({"@id": DOCUMENT, "temporaryUrl": url, "cachedLanguage": "fr"})


def file(body=PDF, status=200, **headers):
    return HttpResponse(status=status, headers=headers, body=body)


@asynccontextmanager
async def _apart(api, storage, **options):
    """A session whose downloads go over a transport of their own."""
    wire, downloads = ScriptedTransport(*api), ScriptedTransport(*storage)
    session = KorusSession(
        token="canary-access-token",
        transport=wire,
        downloads=downloads,
        clock=FakeClock(),
        retry=RetryPolicy(budget=1.0),
        random=lambda: 0.5,
        **options,
    )
    async with session:
        yield session, wire, downloads
    wire.assert_done()
    downloads.assert_done()


async def test_a_document_is_written_to_a_file(tmp_path):
    target = tmp_path / "tickets.pdf"
    target.write_bytes(b"old")
    async with _apart([link()], [file()]) as (session, _, downloads):
        document = await session.documents.download(DOCUMENT, to=target)
    assert target.read_bytes() == PDF
    assert target.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["tickets.pdf"]
    assert (document.iri, document.language, document.size) == (DOCUMENT, "fr", len(PDF))
    (sent,) = downloads.requests
    assert (sent.method, sent.url) == ("GET", "https://storage.googleapis.com/BUCKET/a%20b.pdf")
    # The query is a secret, so it travels with the credentials: as it came, for it is signed.
    assert (sent.query, sent.credentials.query) == ((), ())
    assert sent.credentials.encoded_query == "Expires=1738235339&Signature=abc%2Bd+e%3D"
    assert sent.credentials.headers == ()
    assert "authorization" not in {name.lower() for name in sent.headers}


@pytest.mark.parametrize("kind", ["stream", "coroutine"])
async def test_a_document_is_written_to_anything_that_takes_bytes(kind):
    taken = []

    class Stream:
        def write(self, data):
            taken.append(data)

    class Async:
        async def write(self, data):
            taken.append(data)

    async with _apart([link()], [file()]) as (session, _, _):
        target = Stream() if kind == "stream" else Async()
        await session.documents.download(DOCUMENT, to=target)
    assert taken == [PDF]


@pytest.mark.parametrize("kind", ["raw", "coroutine"])
async def test_a_stream_may_take_a_document_piece_by_piece(kind):
    taken = []

    class Raw(io.RawIOBase):
        def write(self, data):
            taken.append(bytes(data[:100_000]))
            return len(taken[-1])

    class Async:
        async def write(self, data):
            taken.append(data[:100_000])
            return len(taken[-1])

    async with _apart([link()], [file()]) as (session, _, _):
        await session.documents.download(DOCUMENT, to=Raw() if kind == "raw" else Async())
    assert len(taken) == 3
    assert b"".join(taken) == PDF


@pytest.mark.parametrize("taken", [0, -1, None])
async def test_a_stream_that_takes_no_more_is_told(taken):
    class Full(io.RawIOBase):
        def write(self, data):
            return taken

    async with _apart([link()], [file()]) as (session, _, _):
        with pytest.raises(OSError, match="takes no more"):
            await session.documents.download(DOCUMENT, to=Full())


async def test_an_answer_that_is_no_count_is_taken_for_all():
    class Odd:
        pieces = 0

        def write(self, data):
            self.pieces += 1
            return True

    odd = Odd()
    async with _apart([link()], [file()]) as (session, _, _):
        await session.documents.download(DOCUMENT, to=odd)
    assert odd.pieces == 1


REFUSED_LINKS = {
    "metadata service": "http://169.254.169.254/latest/meta-data",
    "file": "file:///etc/passwd",
    "no scheme": "//evil.example/x.pdf",
    "other host": "https://evil.example/x.pdf",
    "look-alike": "https://storage.googleapis.com.evil.example/x.pdf",
    "prefix": "https://evil-storage.googleapis.com/x.pdf",
    "user info": "https://storage.googleapis.com@evil.example/x.pdf",
    "user": "https://user@storage.googleapis.com/x.pdf",
    "plain http": "http://storage.googleapis.com/x.pdf",
    "port": "https://storage.googleapis.com:22/x.pdf",
    "mapped address": "https://[::ffff:169.254.169.254]/x.pdf",
    "loopback": "http://127.0.0.1/x.pdf",
    "fragment": "https://storage.googleapis.com/x.pdf#y",
    "backslash": "https://evil.example\\@storage.googleapis.com/x.pdf",
    "line break": "https://storage.googleapis.com/x\r\nHost: evil",
    "bad bracket": "https://[storage.googleapis.com/x.pdf",
    "bad port": "https://storage.googleapis.com:99999/x.pdf",
    "blank": "",
    "too long": "https://storage.googleapis.com/" + "x" * 9000,
}


@pytest.mark.parametrize("url", REFUSED_LINKS.values(), ids=REFUSED_LINKS)
async def test_a_link_elsewhere_is_not_followed(tmp_path, url):
    # X7
    async with _apart([link(url)], []) as (session, _, downloads):
        with pytest.raises(DocumentError, match="not lead to an allowed host") as caught:
            await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
    assert downloads.requests == []
    assert list(tmp_path.iterdir()) == []
    assert not url or url not in repr(caught.value) + str(caught.value.__dict__)


async def test_other_hosts_can_be_allowed(tmp_path):
    url = "https://files.example.com:443/x.pdf"
    options = {"document_hosts": ["files.example.com"]}
    async with _apart([link(url), link(GOOD)], [file()], **options) as (session, _, _):
        await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
        with pytest.raises(DocumentError):
            await session.documents.download(DOCUMENT, to=tmp_path / "y.pdf")


@pytest.mark.parametrize(
    ("url", "allowed"),
    [
        ("http://127.0.0.1:8123/x.pdf?s=1", True),
        ("http://127.0.0.1:8124/x.pdf", False),
        ("http://127.0.0.1:0/x.pdf", False),
        ("http://127.0.0.1/x.pdf", False),
        ("http://127.0.0.2:8123/x.pdf", False),
        ("http://localhost:8123/x.pdf", False),
        ("https://127.0.0.1:8123/x.pdf", False),
    ],
)
async def test_plain_http_is_for_a_session_on_this_machine_and_its_own_host(tmp_path, url, allowed):
    steps = [link(url), *([file()] if allowed else [])]
    async with _apart(steps, [], base_url="http://127.0.0.1:8123") as (session, wire, _):
        call = session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
        if allowed:
            assert (await call).size == len(PDF)
            # At the API's own origin, and still without its token.
            assert wire.requests[-1].credentials.headers == ()
        else:
            with pytest.raises(DocumentError):
                await call


@pytest.mark.parametrize(
    ("base_url", "url"),
    [
        ("http://127.0.0.1", "http://127.0.0.1/x.pdf?s=1"),
        ("http://127.0.0.1:80", "http://127.0.0.1/x.pdf?s=1"),
        ("http://127.0.0.1", "http://127.0.0.1:80/x.pdf?s=1"),
        ("http://localhost", "http://localhost/x.pdf?s=1"),
        ("http://localhost:50123", "http://LOCALHOST:50123/x.pdf?s=1"),
        ("http://[::1]:8080", "http://[::1]:8080/x.pdf?s=1"),
        ("https://localhost", "https://localhost:443/x.pdf?s=1"),
        ("https://127.0.0.1:8443/api", "https://127.0.0.1:8443/x.pdf?s=1"),
    ],
)
async def test_the_origin_of_a_session_on_this_machine_has_documents(base_url, url):
    async with _apart([link(url), file()], [], base_url=base_url) as (session, wire, _):
        assert (await session.documents.download(DOCUMENT, to=io.BytesIO())).size == len(PDF)
    assert wire.requests[-1].credentials.headers == ()


async def test_the_live_api_may_keep_documents_beside_itself():
    url = "https://api.korusticket.com/storage/x.pdf?s=1"
    async with _apart([link(url)], [file()]) as (session, _, downloads):
        assert (await session.documents.download(DOCUMENT, to=io.BytesIO())).size == len(PDF)
    (request,) = downloads.requests
    assert request.credentials.headers == ()  # without its token


@pytest.mark.parametrize("base_url", ["https://api.example.com", "https://169.254.169.254"])
async def test_the_origin_of_another_session_has_none(base_url):
    async with _apart([link(f"{base_url}/x.pdf")], [], base_url=base_url) as (session, _, _):
        with pytest.raises(DocumentError, match="allowed host"):
            await session.documents.download(DOCUMENT, to=io.BytesIO())


async def test_the_link_of_another_document_is_not_followed():
    other = json_reply({"@id": f"{DOCUMENT[:-1]}0", "temporaryUrl": GOOD})
    async with _apart([other], []) as (session, _, downloads):
        with pytest.raises(ResultMismatchError, match="another document") as caught:
            await session.documents.download(DOCUMENT, to=io.BytesIO())
    assert caught.value.result is None
    assert copy.deepcopy(caught.value).differences == caught.value.differences
    assert downloads.requests == []


async def test_the_time_limits_of_one_download_hold_for_all_of_its_requests():
    mine, fresh = Timeouts(total=7.0), GOOD.replace("abc", "fresh")
    steps = [file(b"", 403), file()]
    async with _apart([link(), link(fresh)], steps) as (session, wire, downloads):
        await session.documents.download(DOCUMENT, to=io.BytesIO(), timeouts=mine)
    assert {request.timeouts for request in (*wire.requests, *downloads.requests)} == {mine}


async def test_an_observer_sees_the_download_as_a_call():
    ended = []

    class Calls(Observer):
        def call_ended(self, call, started, /):
            ended.append((call.operation, call.attempts, call.status, call.error))

    steps = [file(b"", 500), file()]
    async with _apart([link()], steps, observer=Calls()) as (session, _, _downloads):
        await session.documents.download(DOCUMENT, to=io.BytesIO())
    assert ended == [("LinkDocument", 1, 200, None), ("DownloadDocument", 2, 200, None)]


async def test_a_storage_that_asks_to_wait_is_told_without_the_link():
    secret = "abcdefgh1234"
    wait = {"retry-after": "90", "x-request-id": "r-7", "x-asked": f"Signature={secret}"}
    steps = [link(GOOD.replace("abc%2Bd+e%3D", secret))], [file(b"", 429, **wait)]
    async with _apart(*steps) as (session, _, _downloads):
        with pytest.raises(RateLimitedError) as caught:
            await session.documents.download(DOCUMENT, to=io.BytesIO())
    assert (caught.value.retry_after, caught.value.request_id) == (90, "r-7")
    assert caught.value.attempts == 1
    assert secret not in repr(vars(caught.value))


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(tmp_path, status):
    moved = file(b"", status, location="https://evil.example/x.pdf")
    async with _apart([link()], [moved]) as (session, _, downloads):
        with pytest.raises(StatusError) as caught:
            await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
    assert (caught.value.status, caught.value.operation) == (status, "DownloadDocument")
    assert len(downloads.requests) == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>sign in</html>", "no PDF"),
        (b"", "no PDF"),
        (b"%PD", "no PDF"),
        (b" " * 1025 + b"%PDF-1.7" + END, "no PDF"),
        (b"<html>%%EOF", "no PDF"),
        (b"%PDF-" + bytes(MAX_DOCUMENT_BYTES - 4), "larger than 20971520 bytes"),
    ],
)
async def test_what_is_no_pdf_or_too_large_is_not_kept(tmp_path, body, reason):
    target = tmp_path / "x.pdf"
    target.write_bytes(b"old")
    async with _apart([link(), link()], [file(body), file(body)]) as (session, _, _):
        with pytest.raises(DocumentError, match=reason):
            await session.documents.download(DOCUMENT, to=target)
        stream = io.BytesIO()
        with pytest.raises(DocumentError, match=reason):
            await session.documents.download(DOCUMENT, to=stream)
    assert stream.getvalue() == b""
    assert target.read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["x.pdf"]


@pytest.mark.parametrize(
    "query",
    [
        "Signature=a%2Fb%2bc%3D&Expires=1",
        "response-content-disposition=attachment%3B+filename%3Dx.pdf&Signature=ab",
        "response-content-disposition=attachment%3B%20filename%3Dcaf%E9.pdf&Signature=ab",
        "acl&Signature=ab",
        "Signature=ab&&Expires=1&",
        "Signature=a=b==",
        "Signature=ab?c",
        "",
    ],
)
async def test_a_signed_link_is_followed_byte_for_byte(tmp_path, query):
    url = f"https://storage.googleapis.com/B/%7ea.pdf?{query}"
    async with _apart([link(url)], [file()]) as (session, _, downloads):
        await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
    (sent,) = downloads.requests
    assert wire_url(sent) == (url if query else url[:-1])
    assert "?" not in sent.url
    assert "Signature" not in repr(sent)


async def test_the_largest_document_is_kept(tmp_path):
    body = b"%PDF-" + bytes(MAX_DOCUMENT_BYTES - 5 - len(END)) + END
    async with _apart([link()], [file(body)]) as (session, _, _):
        assert (await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")).size == len(body)


@pytest.mark.parametrize("head", [b"\n", b"\r\n", b"\xef\xbb\xbf", b" " * 1024])
@pytest.mark.parametrize("piece", [1, 3, 1026, 1 << 20])
async def test_what_programs_write_before_the_head_is_kept(head, piece):
    body = head + b"%PDF-1.4\n1 0 obj" + END

    async def in_pieces(request):
        for start in range(0, len(body), piece):
            await request.sink.write(body[start : start + piece])
        return HttpResponse(status=200)

    stream = io.BytesIO()
    async with _apart([link()], [in_pieces]) as (session, _, _):
        assert (await session.documents.download(DOCUMENT, to=stream)).size == len(body)
    assert stream.getvalue() == body


@pytest.mark.parametrize(
    ("body", "headers", "whole"),
    [
        (PDF, {}, True),
        (PDF + b"\0" * 1000, {}, True),
        (PDF[:2000], {}, False),
        (b"%PDF-1.7%%EOF" + b"\0" * 1019, {}, True),
        (b"%PDF-1.7%%EOF" + b"\0" * 1020, {}, False),
        (PDF[:2000], {"content-length": "2000"}, True),
        (PDF[:2000], {"transfer-encoding": "gzip, Chunked"}, True),
        (PDF[:2000], {"transfer-encoding": "gzip"}, False),
    ],
)
async def test_a_file_whose_end_nothing_tells_is_not_kept(tmp_path, body, headers, whole):
    # HTTP proves a body whole by its length or its chunks; otherwise the file's own end must.
    async with _apart([link()], [file(body, **headers)]) as (session, _, _):
        call = session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
        if whole:
            assert (await call).size == len(body)
        else:
            with pytest.raises(DocumentError, match="was cut"):
                await call
    assert [path.name for path in tmp_path.iterdir()] == ["x.pdf"] * whole


async def test_a_file_that_is_cut_on_the_wire_is_not_kept(tmp_path):
    async def gives_up(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n" + PDF[:2000])
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(gives_up, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    transport = AiohttpTransport()
    storage = Storage(
        transport,
        local=transport,
        hosts=frozenset(),
        local_origin=("127.0.0.1", port),
        timeouts=Timeouts(),
    )
    async with server:
        with pytest.raises(DocumentError, match="was cut"):
            await storage.fetch(SignedUrl(f"http://127.0.0.1:{port}/a.pdf"), io.BytesIO())
    await transport.aclose()


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_an_expired_link_is_replaced_once(tmp_path, status):
    # K9
    fresh = GOOD.replace("abc", "fresh")
    async with _apart([link(), link(fresh)], [file(b"<Error/>", status), file()]) as (s, _, d):
        await s.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
    assert [r.credentials.encoded_query for r in d.requests] == [
        "Expires=1738235339&Signature=abc%2Bd+e%3D",
        "Expires=1738235339&Signature=fresh%2Bd+e%3D",
    ]
    assert (tmp_path / "x.pdf").read_bytes() == PDF

    stale = file(b"<Error><StringToSign>canary</StringToSign></Error>", status)
    async with _apart([link(), link()], [stale, stale]) as (session, _, _):
        with pytest.raises(StatusError) as caught:
            await session.documents.download(DOCUMENT, to=tmp_path / "y.pdf")
    assert caught.value.status == status
    assert caught.value.body == b""
    assert [path.name for path in tmp_path.iterdir()] == ["x.pdf"]


async def test_a_broken_download_begins_anew(tmp_path):
    async def half(request):
        await request.sink.write(PDF[:1000])
        raise OutcomeUnknownError("cut")

    steps = [half, HttpResponse(status=503), file()]
    async with _apart([link()], steps) as (session, _, _):
        await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
    assert (tmp_path / "x.pdf").read_bytes() == PDF


async def test_a_download_that_keeps_failing_leaves_nothing(tmp_path):
    async with _apart([link()], [HttpResponse(status=500)] * 5) as (session, _, _):
        with pytest.raises(ServerError):
            await session.documents.download(DOCUMENT, to=tmp_path / "x.pdf")
    assert list(tmp_path.iterdir()) == []


async def test_cancelling_a_download_leaves_nothing(tmp_path):
    under_way = asyncio.Event()

    async def stall(request):
        await request.sink.write(PDF[:1000])
        under_way.set()
        await asyncio.Event().wait()

    async with _apart([link()], [stall]) as (session, _, _):
        call = asyncio.create_task(session.documents.download(DOCUMENT, to=tmp_path / "x.pdf"))
        await under_way.wait()
        assert len(list(tmp_path.iterdir())) == 1
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", [".", "..", "missing/x.pdf", "old.pdf/x.pdf", "missing/.."])
async def test_where_to_write_is_checked_first(tmp_path, name):
    (tmp_path / "old.pdf").write_bytes(b"old")
    async with _apart([], []) as (session, _, _):
        with pytest.raises(ConfigurationError, match="a directory that exists"):
            await session.documents.download(DOCUMENT, to=str(tmp_path / name))


def a_link(path):
    (path.parent / "real.pdf").write_bytes(b"old")
    path.symlink_to("real.pdf")


def a_device(path):
    try:
        os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))  # what /dev/null is
    except PermissionError:
        pytest.skip("only root makes devices")


def a_socket(path):
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(os.path.relpath(path))  # the length of such a name is limited


SPECIAL = {
    "directory": lambda path: path.mkdir(),
    "link": a_link,
    "link to nothing": lambda path: path.symlink_to("nothing.pdf"),
    "link to a directory": lambda path: path.symlink_to("."),
    "pipe": os.mkfifo,
    "socket": a_socket,
    "device": a_device,
}


@pytest.mark.parametrize("make", SPECIAL.values(), ids=SPECIAL)
async def test_what_is_no_plain_file_is_refused_as_a_target(tmp_path, make):
    target = tmp_path / "x"
    make(target)
    before = target.lstat()
    async with _apart([], []) as (session, _, _):
        with pytest.raises(ConfigurationError, match="to must name a plain file"):
            await session.documents.download(DOCUMENT, to=target)
    assert target.lstat() == before
    assert (tmp_path / "real.pdf").exists() == (make is a_link)


async def test_a_target_that_becomes_special_meanwhile_is_left_alone(tmp_path):
    target = tmp_path / "x"

    def becomes_a_pipe(request):
        os.mkfifo(target)
        return file()

    async with _apart([link()], [becomes_a_pipe]) as (session, _, _):
        with pytest.raises(ConfigurationError):
            await session.documents.download(DOCUMENT, to=target)
    assert stat.S_ISFIFO(target.lstat().st_mode)
    assert list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize(
    "to", [None, 7, b"x.pdf", "x\0.pdf", io.StringIO(), object()], ids=lambda to: type(to).__name__
)
async def test_what_cannot_be_written_to_is_told_before_anything_is_sent(to):
    async with _apart([], []) as (session, _, _):
        with pytest.raises(ConfigurationError, match="to must be"):
            await session.documents.download(DOCUMENT, to=to)


async def test_a_document_that_is_not_ready_is_told_as_such(shop, john):
    async with shop(not_ready_status=404) as opened:
        held = await opened.session.reservations.create([opened.item("late_documents")])
        iris = [reservation.iri for reservation in held.reservations]
        booked = await opened.session.orders.create(iris, john, "A-1")
        (document,) = [d async for d in opened.session.documents.list(booked.orders[0].iri)]
        assert document.downloadable_at > opened.sandbox.clock.now()
        with pytest.raises(NotFoundError):
            await opened.session.documents.link(document.iri)
        opened.sandbox.clock.advance(hours=2, seconds=1)
        assert (await opened.session.documents.get(document.iri)) == document
        await opened.session.documents.link(document.iri)


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_the_sandbox_refuses_an_old_link_and_takes_a_fresh_one(shop, john, tmp_path, status):
    # K9 end to end: the link is too old when it is used.
    class LateTransport:
        def __init__(self, inner):
            self.inner = inner
            self.late = 0

        async def send(self, request):
            if request.operation == "DownloadDocument" and not self.late:
                self.late += 1
                opened.sandbox.clock.advance(hours=1)
            return await self.inner.send(request)

        async def aclose(self):
            await self.inner.aclose()

    async with shop(wrap=LateTransport, expired_link_status=status) as opened:
        held = await opened.session.reservations.create([opened.item("example")])
        booked = await opened.session.orders.create([held.reservations[0].iri], john, "A-1")
        document = booked.orders[0].documents[0]
        done = await opened.session.documents.download(
            document, to=tmp_path / "x.pdf", language="en"
        )
        assert opened.transport.late == 1
        assert opened.asked("PATCH", document) == 2
    assert (tmp_path / "x.pdf").stat().st_size == done.size


async def test_a_link_may_be_refused_for_good(scripted):
    async with scripted(HttpResponse(status=403)) as (session, _):
        with pytest.raises(AccessDeniedError):
            await session.documents.download(DOCUMENT, to=io.BytesIO())


def test_a_signed_link_can_be_kept_but_not_shown_or_shipped():
    url = SignedUrl("https://storage.googleapis.com/x?Signature=canary")
    assert (repr(url), str(url), f"{url}") == ("SignedUrl(***)",) * 3
    for ship in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            ship(url)
