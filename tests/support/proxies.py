"""A proxy for plain http, which forwards what it is sent and remembers it."""

from __future__ import annotations

import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Proxy:
    """What a proxy has seen.

    Attributes:
        url: Where it is.
        paths: Paths of the requests it has forwarded.
        tunnels: Hosts it was asked for a tunnel to, and refused.
        authorizations: The credentials that came for the proxy itself.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.paths: list[str] = []
        self.tunnels: list[str] = []
        self.authorizations: list[str | None] = []


@contextmanager
def forwarding_proxy() -> Iterator[Proxy]:
    """Run a proxy in a thread."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def forward(self) -> None:
            seen.paths.append(urlsplit(self.path).path)
            seen.authorizations.append(self.headers.get("Proxy-Authorization"))
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            headers = {
                name: self.headers[name]
                for name in ("Authorization", "Content-Type", "Accept", "Idempotency-Key")
                if name in self.headers
            }
            request = urllib.request.Request(  # noqa: S310  # a loopback address of the test
                self.path, data=body or None, headers=headers, method=self.command
            )
            try:
                answer = direct.open(request, timeout=30)
            except urllib.error.HTTPError as refused:
                answer = refused
            with answer:
                content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers.get("Content-Type", ""))
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_PUT = do_DELETE = forward

        def do_CONNECT(self) -> None:
            seen.tunnels.append(self.path)
            self.send_error(502)

        def log_message(self, *_: object) -> None:
            pass

    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    seen = Proxy(f"http://127.0.0.1:{server.server_port}")
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
