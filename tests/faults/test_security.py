"""X · attacks and leaks."""

from __future__ import annotations

import ast
import asyncio
import contextlib
import copy
import inspect
import io
import json
import os
import pickle
import ssl
import tempfile
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import attrs
import pytest

import eguma_async
from eguma_async import (
    AiohttpTransport,
    AsyncSession,
    BookTickets,
    ConfigurationError,
    Customer,
    EgumaError,
    HttpRequest,
    HttpResponse,
    MemoryTransport,
    StatusError,
    TicketItem,
)
from eguma_async.core.checks import checked_base_url
from eguma_async.core.codec import Codec
from eguma_async.core.http_date import http_date
from eguma_async.core.provider import retry_after
from eguma_async.core.text import printable
from eguma_async.eguma.ticketing.orders import Order
from eguma_async.korus import DocumentError
from eguma_async.sandbox import DropAfter, EgumaSandbox, KorusOptions, Reply, SandboxResponse, serve
from eguma_async.sandbox.korus import TOKEN_PATH
from tests.support.byte_server import ByteServer
from tests.support.commands import Served

from .matrix import CannotRunError, Row, check, id_of, row, rows_of
from .shops import BOOKING, PRODUCTS, START, Exchange, Keeping, Rewrite, edited, message
from .stage import KEY, PERSON, Stage

EVIL = "\x1b[31mred\x1b]0;title\x07\r\nFake: line\u202eevil\u2066\x00"


@contextlib.contextmanager
def environment(**variables: str) -> Iterator[None]:
    """Set variables of the environment for a while."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@row(
    "X1",
    "everything a program may print or store of sessions, requests, answers and errors",
    "no key and no customer in it, in any form; credentials refuse to be pickled",
)
async def canaries(stage: Stage) -> None:
    shop = await stage.eguma(wrap=Keeping)
    shop.inject(DropAfter(path=BOOKING))
    shop.inject(Reply(400, path=BOOKING))
    await stage.fails(eguma_async.OutcomeUnknownError, shop.book())
    await shop.book()
    async with shop.hold() as hold:
        stage.show(hold, vars(hold))
        await shop.booked_with(hold)
    orders = await shop.session.ticketing.orders.list(last_name=PERSON[1])
    stage.show(orders, BookTickets(**shop.wanted(), customer=stage.customer()))
    refused = 0
    for request in shop.transport.requests:
        shown = attrs.asdict(request, filter=lambda field, _: field.name not in {"body", "query"})
        stage.show(request, shown)
        with pytest.raises(TypeError):
            pickle.dumps(request)
        refused += 1
        assert request.credentials.query == (("apikey", shop.key),)
        assert shop.key not in f"{request.url} {request.query} {dict(request.headers)}"
    stage.proves("requests with the key", lambda: refused, len(shop.sandbox.requests))
    for clone in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError):
            clone(shop.session)


@row(
    "X2",
    "every logger at its lowest level, asyncio in debug mode",
    "each request is logged, without its URL and its key",
)
async def logs(stage: Stage) -> None:
    asyncio.get_running_loop().set_debug(True)
    shop = await stage.eguma(sockets=True)
    await shop.session.ticketing.products.list()
    await shop.book()
    shop.inject(Reply(500, path=PRODUCTS))
    await shop.session.ticketing.products.list()
    told = [each.getMessage() for each in stage.records if each.name == "eguma_async"]
    assert all("apikey" not in each.getMessage() for each in stage.records)
    stage.proves("requests logged", lambda: len([line for line in told if "attempt" in line]), 4)


BREAKS = ("a\r\nX: y", "a\nb", "a\0b", "a\x1bb", "a\u2028b", "a\ud800b")


@row(
    "X3",
    "line breaks, NUL, escapes and half surrogates in keys, ids and texts",
    "ConfigurationError that does not repeat them; nothing is sent",
)
async def control_characters(stage: Stage) -> None:
    shop = await stage.eguma()
    t = shop.session.ticketing
    wanted = shop.wanted()
    day = date(2026, 3, 19)
    tried = 0
    for text in BREAKS:
        with pytest.raises(ConfigurationError) as caught:
            AsyncSession(text, transport=shop.transport)
        stage.errors.append(caught.value)
        with pytest.raises(ConfigurationError) as caught:
            Customer("Ada", text, "ada@example.com")
        stage.errors.append(caught.value)
        for call in (
            t.availabilities.list(text, from_date=day, to_date=day),
            t.bookings.cancel(text),
            t.reservations.cancel(text),
            t.tickets.check_in(text),
            t.tickets.get(text),
            t.orders.list(last_name=text),
            t.orders.list(order_number=text),
            shop.book(idempotency_key=text),
            shop.book(language=text),
            shop.book(product_id=text),
            shop.book(reservation_id=text),
            shop.book(items=(TicketItem(wanted["items"][0].category_id, 1),), language=text),
        ):
            error = await stage.fails(ConfigurationError, call)
            assert text not in str(error)
            tried += 1
    assert len(shop.sandbox.requests) == 0
    stage.proves("odd texts", lambda: tried, 12 * len(BREAKS))


PATHS = (
    "../../orders.json?x=",
    "a/../../b",
    "%2e%2e/orders",
    ".",
    "..",
    "",
    "a?b",
    "a#b",
    "a/b",
    "a\\b",
    "a;b",
    "a%2fb",
    "ä",
    "a" * 65,
)


@row("X4", "ids that lead out of their path", "ConfigurationError; nothing is sent")
async def traversal(stage: Stage) -> None:
    shop = await stage.eguma()
    t = shop.session.ticketing
    day = date(2026, 3, 19)
    for path in PATHS:
        for call in (
            t.availabilities.list(path, from_date=day, to_date=day),
            t.tickets.check_in(path),
            t.tickets.get(path),
            t.bookings.cancel(path),
            t.events.availability(path, from_date=day, to_date=day),
        ):
            await stage.fails(ConfigurationError, call)
    assert len(shop.sandbox.requests) == 0
    stage.proves("paths", lambda: len(stage.errors), 5 * len(PATHS))


@row(
    "X5",
    "301 to 308 to another host",
    "StatusError; no connection is made there, so neither key nor body arrives",
)
async def other_host(stage: Stage) -> None:
    evil = await ByteServer(_listening).start()
    place = f"http://127.0.0.1:{evil.port}/v1/ticketing/booking.json"
    shop = await stage.eguma(sockets=True)
    for status in (301, 302, 303, 307, 308):

        async def redirect(exchange: Exchange, status: int = status) -> None:
            await exchange.read()
            await exchange.wire.send(message(SandboxResponse(status, {"Location": place}, b"")))

        shop.strike(redirect, redirect, redirect)
        for call in (shop.book(), shop.reserve(), shop.session.ticketing.products.list()):
            error = await stage.fails(StatusError, call)
            assert error.status == status
            assert str(evil.port) not in f"{error} {error!r}"
    assert evil.connections == 0
    await evil.stop()


async def _listening(server: ByteServer, wire: Any) -> None:
    await wire.until_closed()


@row("X6", "cookies in answers", "sent back to nobody: neither by this session nor by another")
async def cookies(stage: Stage) -> None:
    shop = await stage.eguma(sockets=True)

    async def baking(exchange: Exchange) -> None:
        whole = await exchange.commit()
        await exchange.wire.send(message(whole, "Set-Cookie: tenant=canary-cookie; Path=/"))

    shop.strike(baking, baking)
    await shop.session.ticketing.products.list()
    await shop.book()
    await shop.book()
    other = await stage.eguma(wrap=lambda _: shop.transport, base_url=shop.front.url)
    await other.session.ticketing.products.list()
    assert len(shop.front.heads) == 4
    assert not any(b"cookie" in head.lower() for head in shop.front.heads)
    for name in (b"referer:", b"authorization:"):
        assert not any(name in head.lower() for head in shop.front.heads)


LINKS = (
    "http://169.254.169.254/latest/meta-data",
    "file:///etc/passwd",
    "//evil.example/x.pdf",
    "https://evil.example/x.pdf",
    "https://api.demo.korusticket.com.evil.example/x.pdf",
    "https://api.demo.korusticket.com@evil.example/x.pdf",
    "https://user@api.demo.korusticket.com/x.pdf",
    "http://api.demo.korusticket.com/x.pdf",
    "https://api.demo.korusticket.com:22/x.pdf",
    "https://[::ffff:169.254.169.254]/x.pdf",
    "http://127.0.0.1/x.pdf",
    "https://2130706433/x.pdf",
    "https://evil.example\\@api.demo.korusticket.com/x.pdf",
    "https://api.demo.korusticket.com/x\r\nHost: evil",
    "",
)


@row(
    "X7",
    "links to documents that lead elsewhere: metadata service, files, other hosts, ports, users",
    "DocumentError that shows no link; nothing is sent there, nothing is kept",
)
async def forged_links(stage: Stage) -> None:
    shop = await stage.korus()
    done = await shop.order(await shop.reserve("example"))
    (document,) = done.orders[0].documents
    for url in LINKS:

        def edit(content: Any, url: str = url) -> None:
            content["temporaryUrl"] = url

        shop.inject(Rewrite(edited(edit), path=document, method="PATCH"))
        before = len(shop.sandbox.requests)
        kept = io.BytesIO()
        error = await stage.fails(DocumentError, shop.session.documents.download(document, to=kept))
        assert not url or url not in f"{error!r} {vars(error)}"
        assert kept.getvalue() == b""
        assert len(shop.sandbox.requests) == before + 1  # the one for the link
    public = AiohttpTransport(public_only=True)
    for host in ("127.0.0.1", "169.254.169.254", "[::1]", "2130706433", "0x7f.1", "127.1"):
        request = HttpRequest(method="GET", url=f"https://{host}/x.pdf")
        not_sent = await stage.fails(eguma_async.NotSentError, public.send(request))
        assert "no public address" in str(not_sent), host
    await public.aclose()


IRIS = (
    "//evil.com/x",
    "https://evil.com/v1/x",
    "/v1/../../x",
    "/v1/x?y",
    "/v1/x#y",
    "/v2/x",
    "/v1/a%2f..",
    "v1/x",
    "",
)


@row(
    "X8",
    "names of resources and of next pages that lead to another host, from callers and answers",
    "refused before anything is sent; what is sent goes to the API alone",
)
async def forged_names(stage: Stage) -> None:
    shop = await stage.korus(wrap=Keeping)
    for iri in IRIS:
        for call in (
            shop.session.orders.get(iri),
            shop.session.reservations.get(iri),
            shop.session.documents.download(iri, to=io.BytesIO()),
        ):
            await stage.fails(ConfigurationError, call)
    assert shop.transport.requests == []
    iris = await shop.reserve("example")

    def evil_name(content: Any) -> None:
        content["reservations"][0]["@id"] = "//evil.com/x"

    shop.inject(Rewrite(edited(evil_name), path="*/reservations/_bulk"))
    held = await shop.session.reservations.create([shop.item()])
    await stage.fails(ConfigurationError, shop.order([held.reservations[0].iri]))
    await shop.order(iris)

    def evil_page(content: Any) -> None:
        content["view"] = {"@type": "PartialCollectionView", "next": "https://evil.com/v1/x?page=2"}

    shop.inject(Rewrite(edited(evil_page), path="/v1/booking/orders"))
    with contextlib.suppress(EgumaError):
        assert [order.iri async for order in shop.session.orders.list()]
    places = {request.url.split("/")[2] for request in shop.transport.requests}
    assert places == {"api.demo.korusticket.com", "auth.korusticket.com"}


@row(
    "X9",
    "TLS that verifies nothing, plain http",
    "ConfigurationError; there is no argument that switches it off",
)
async def no_verification(stage: Stage) -> None:
    blind = ssl.create_default_context()
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    unnamed = ssl.create_default_context()
    unnamed.check_hostname = False
    tried = 0
    for context in (blind, unnamed, False, True, "no"):
        with pytest.raises(ConfigurationError) as caught:
            AiohttpTransport(ssl=context)  # type: ignore[arg-type]
        stage.errors.append(caught.value)
        tried += 1
    for url in ("http://api.e-guma.ch", "ftp://api.e-guma.ch", "http://169.254.169.254", "//x"):
        with pytest.raises(ConfigurationError) as caught:
            AsyncSession(KEY, base_url=url)
        stage.errors.append(caught.value)
        tried += 1
    stage.proves("ways to switch it off", lambda: tried, 9)
    for kind in (AsyncSession, AiohttpTransport, eguma_async.KorusSession):
        names = set(inspect.signature(kind).parameters)
        assert not names & {"verify", "verify_ssl", "insecure", "check_hostname"}


@row(
    "X10",
    "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and .netrc in the environment",
    "not used: no proxy is connected to, no login is sent",
)
async def hostile_environment(stage: Stage) -> None:
    proxy = await ByteServer(_listening).start()
    url = f"http://127.0.0.1:{proxy.port}"
    with tempfile.TemporaryDirectory() as folder:
        netrc = Path(folder) / "netrc"
        netrc.write_text("machine 127.0.0.1 login canary password canary-netrc-password\n")
        netrc.chmod(0o600)
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        variables = {name: url for upper in names for name in (upper, upper.lower())}
        with environment(NETRC=str(netrc), HOME=folder, **variables):
            shop = await stage.eguma(sockets=True)
            await shop.session.ticketing.products.list()
            await shop.book()
    assert proxy.connections == 0
    assert not any(b"uthorization" in head for head in shop.front.heads)
    stage.proves("requests", lambda: len(shop.front.heads), 2)
    await proxy.stop()


FORBIDDEN = {"pickle", "marshal", "shelve", "dill", "yaml"}
# It makes functions of the names of classes and fields, before there is an answer: see
# `test_names_of_any_form_are_quoted` in tests/core/test_repair.py. Only these two use it.
GENERATED, USERS = "core/generated.py", {"core/repair_source.py", "core/structs.py"}


@row("X11", "a file or an answer that is run when it is read", "nothing in the package can run one")
async def nothing_is_run(stage: Stage) -> None:
    package = Path(eguma_async.__file__).parent
    read = 0
    for path in package.rglob("*.py"):
        if path.parent.name == "testing":  # looks into pickles of its own for secrets
            continue
        read += 1
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                assert not FORBIDDEN & {name.name.split(".")[0] for name in node.names}, path
            if isinstance(node, ast.ImportFrom):
                assert (node.module or "").split(".")[0] not in FORBIDDEN, path
                uses = "generated" in {
                    (node.module or "").split(".")[-1],
                    *(n.name for n in node.names),
                }
                assert not uses or path.relative_to(package).as_posix() in USERS, path
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                runs = node.func.id in {"eval", "exec", "compile"}
                assert not runs or path.relative_to(package).as_posix() == GENERATED, path
    stage.proves("modules read", lambda: min(read, 100), 100)


def command(stage: Stage, *arguments: str) -> tuple[str, str]:
    """Run a command of the command line in this process; return what it wrote."""
    try:
        from eguma_async.cli import main
    except ImportError:
        raise CannotRunError("needs the extra cli") from None
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        assert main(list(arguments)) == 0, err.getvalue()
    return out.getvalue(), err.getvalue()


@row(
    "X12",
    "escapes, line breaks and marks of direction in a merchant's texts, on a terminal",
    "none of them reaches stdout or stderr, as a table and as JSON",
)
def evil_texts(stage: Stage) -> None:
    with Served(EgumaSandbox()) as server:
        products = server.sandbox.products()
        for product in products:
            product.name_translations = dict.fromkeys(product.name_translations, EVIL)
        written = ""
        with environment(EGUMA_API_KEY=server.sandbox.demo_key, EGUMA_BASE_URL=server.url):
            for arguments in (("products",), ("products", "--json")):
                out, err = command(stage, *arguments)
                assert "red" in out
                written += out + err
    odd = [c for c in written if (ord(c) < 32 and c != "\n") or c in "\x7f\u202e\u2066\x9b"]
    assert not odd, odd
    stage.proves("evil names", lambda: min(written.count("red"), 2), 2)


@row(
    "X16",
    "a sandbox on an address that other machines reach",
    "ValueError unless it is meant; the control plane is for this machine alone",
)
async def exposed(stage: Stage) -> None:
    refused = 0
    for host in ("0.0.0.0", "::", "192.168.1.1", "example.com", ""):
        with pytest.raises(ValueError, match="can be reached from outside"):
            serve(EgumaSandbox(), host=host)
        refused += 1
    stage.proves("addresses", lambda: refused, 5)
    serve(EgumaSandbox(), host="0.0.0.0", allow_remote=True)  # never started
    async with serve(EgumaSandbox()) as server:
        assert server.url.startswith("http://127.0.0.1:")


LONG = 300_000


@row(
    "X17",
    "texts and answers made to take long: patterns, digits, names that hash alike, deep lists",
    "each is read or refused in time that grows as it does",
)
async def slow_inputs(stage: Stage) -> None:
    def header(value: str) -> Any:
        return retry_after(HttpResponse(status=429, headers={"retry-after": value}), START)

    def body(text: str) -> None:
        with contextlib.suppress(EgumaError):
            Codec().decode(text.encode(), Order)

    cases = {
        "printable": lambda n: printable("\x00a" * n),
        "id": lambda n: _refused(lambda: eguma_async.CancelBooking(booking_id="a" * n + "!")),
        "text": lambda n: _refused(lambda: Customer("a" * n + "\n", "b", "c")),
        "url": lambda n: _refused(lambda: checked_base_url("https://" + "a." * n)),
        "seconds": lambda n: header("1" * n + "x"),
        "date": lambda n: http_date("Mon, " + "0" * n),
        "spaces": lambda n: http_date(" " * n + "Mon"),
        "digits": lambda n: body('{"id": ' + "1" * n + "}"),
        "names": lambda n: body("{" + ",".join(f'"{i}": 1' for i in range(n // 10)) + "}"),
        "repeated": lambda n: body("{" + ",".join(['"id": "a"'] * (n // 10)) + "}"),
        "deep": lambda n: body("[" * n),
        "faults": lambda n: body('{"order_lines": [' + ",".join(["{}"] * (n // 100)) + "]}"),
    }
    for name, run in cases.items():
        began = time.process_time()
        run(LONG)
        spent = time.process_time() - began
        assert spent < 1.0, f"{name}: {spent:.2f} s"
    stage.proves("inputs", lambda: len(cases), 12)


def _refused(make: Any) -> None:
    with pytest.raises(ConfigurationError):
        make()


@row(
    "X18",
    "sessions of two providers, with one transport, and a document on another host",
    "each credential goes to its own origin alone, in its own form",
)
async def confused_credentials(stage: Stage) -> None:
    asked: list[Any] = []

    async def answer(request: Any) -> HttpResponse:
        asked.append(request)
        content = {"access_token": "canary-jwt", "company_name": "x", "products": [], "member": []}
        return HttpResponse(status=200, body=json.dumps(content).encode())

    wire = MemoryTransport(answer)
    stage.hide("canary-jwt")
    async with (
        eguma_async.KorusSession("client", KEY + "secret", transport=wire) as korus,
        AsyncSession(KEY, transport=wire) as eguma,
    ):
        assert [each async for each in korus.catalogs.list()] == []
        await eguma.ticketing.products.list()
    by_host = {request.url.split("/")[2]: request.credentials for request in asked}
    assert set(by_host) == {"auth.korusticket.com", "api.korusticket.com", "api.e-guma.ch"}
    assert by_host["auth.korusticket.com"].headers == ()
    assert by_host["api.korusticket.com"].query == ()
    assert by_host["api.korusticket.com"].headers == (("Authorization", "Bearer canary-jwt"),)
    assert by_host["api.e-guma.ch"].headers == ()
    assert by_host["api.e-guma.ch"].query == (("apikey", KEY),)
    stage.proves("requests", lambda: len(asked), 3)

    shop = await stage.korus(wrap=Keeping)
    done = await shop.order(await shop.reserve("example"))
    await shop.session.documents.download(done.orders[0].documents[0], to=io.BytesIO())
    link, download = shop.transport.requests[-2:]
    assert (link.operation, download.operation) == ("LinkDocument", "DownloadDocument")
    assert [name for name, _ in link.credentials.headers] == ["Authorization"]
    assert download.credentials.headers == ()
    assert "authorization" not in {name.lower() for name in download.headers}


@row(
    "X19",
    "50 calls without a token, with one that has expired, revoked, whose renewal is refused",
    "one token is asked for each time; a refused call is sent again once; the client's own"
    " credentials when the renewal is refused",
)
async def storms_of_tokens(stage: Stage) -> None:
    shop = await stage.korus(options=KorusOptions(token_seconds=600))

    async def together() -> None:
        lists = (_first(shop.session.catalogs.list()) for _ in range(50))
        await asyncio.gather(*lists)

    await together()
    assert shop.sandbox.tokens_issued == 1
    shop.sandbox.clock.advance(seconds=700)
    await together()
    assert shop.sandbox.tokens_issued == 2
    shop.sandbox.revoke_tokens()
    before = len(shop.sandbox.requests)
    await together()
    assert shop.sandbox.tokens_issued == 3
    refused = [each.status for each in stage.notes.attempts].count(401)
    assert refused <= 50
    assert len(shop.sandbox.requests) <= before + 103  # and a renewal, refused, and a token
    shop.inject(Reply(400, body=b'{"error": "invalid_grant"}', path=TOKEN_PATH))
    shop.sandbox.clock.advance(seconds=700)
    await together()
    assert shop.sandbox.tokens_issued == 4


async def _first(found: Any) -> None:
    async for _ in found:
        return


@row(
    "X22",
    "the log of a sale on the command line, as verbose as it gets",
    "no key and no customer on stderr, none in the JSON of a booking",
)
def verbose_commands(stage: Stage) -> None:
    with Served(EgumaSandbox()) as server:
        stage.hide(server.sandbox.demo_key)
        example = server.sandbox.example("time")
        slot = (example.product_id, example.starts_at, "--item", f"{example.category_ids[0]}=1")
        who = ("--first-name", PERSON[0], "--last-name", PERSON[1], "--email", PERSON[2])
        with environment(EGUMA_API_KEY=server.sandbox.demo_key, EGUMA_BASE_URL=server.url):
            out, err = command(stage, "book", *slot, *who, "--yes", "--json", "-v")
    stage.show(out, err)
    assert "BookTickets attempt 1: 200" in err
    assert json.loads(out)["tickets"]
    stage.proves("bookings", lambda: len(server.sandbox.bookings()))


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
