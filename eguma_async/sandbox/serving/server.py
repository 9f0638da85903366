"""Sandboxes over real HTTP, on this machine."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from contextlib import suppress
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp import web
from aiohttp.http import HttpProcessingError

from eguma_async.sandbox.engine.base import TOO_LARGE, Sandbox
from eguma_async.sandbox.engine.messages import (
    MAX_BODY_BYTES,
    CutResponse,
    Delivery,
    SandboxRequest,
    SandboxResponse,
    json_response,
)

from .control import ControlPlane, is_control

BROKEN_BODY = "The request's body is not framed as HTTP demands."
# How long requests that are parked or delayed may hold up the end.
SHUTDOWN_SECONDS = 0.2
NO_HEADERS: Mapping[str, str] = MappingProxyType({})

# The parsers of aiohttp differ in what they raise while a body is read.
_BROKEN_OFF = (web.RequestPayloadError, HttpProcessingError, ConnectionError)
_HOST = re.compile(r"[A-Za-z0-9._-]+(:\d+)?|\[[0-9A-Fa-f:.]+\](:\d+)?", re.ASCII)


def serve(
    *sandboxes: Sandbox, host: str = "127.0.0.1", port: int = 0, allow_remote: bool = False
) -> SandboxServer:
    """Serve sandboxes over HTTP while an ``async with`` block runs; `server.url` says where.

    The control plane is served beside them under ``/_sandbox``; it needs no key and answers
    callers on this machine only.

    Args:
        sandboxes: Sandboxes to serve; each request goes to the one that owns its path.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.
        allow_remote: Allow a host other machines can reach.

    Raises:
        ValueError: No sandbox was given, two have the same name, or the host is not a loopback
            address and `allow_remote` is not set.
    """
    if not sandboxes:
        raise ValueError("give at least one sandbox to serve")
    if len({sandbox.name for sandbox in sandboxes}) < len(sandboxes):
        raise ValueError("each sandbox of a server needs a name of its own")
    if not allow_remote and not _is_loopback(host):
        raise ValueError(f"{host} can be reached from outside; pass allow_remote=True to mean it")
    return SandboxServer(sandboxes, host, port)


class SandboxServer:
    """A running server; made by `serve`, started by ``async with`` or `start`."""

    def __init__(self, sandboxes: tuple[Sandbox, ...], host: str, port: int) -> None:
        self.sandboxes = sandboxes
        self.host = host
        self.port: int = port
        self._control = ControlPlane(sandboxes)
        self._runner: web.ServerRunner | None = None

    @property
    def url(self) -> str:
        """Base address, such as ``http://127.0.0.1:8080``, without a slash at its end."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}"

    async def start(self) -> Self:
        """Start listening; `port` and `url` are known from then on."""
        # The bare server: no router and no middlewares between a socket and a sandbox.
        runner = web.ServerRunner(
            # Bodies come as they were sent: what their encoding means is for the sandbox to say.
            web.Server(self._serve, access_log=None, auto_decompress=False),
            handle_signals=False,
            shutdown_timeout=SHUTDOWN_SECONDS,
        )
        await runner.setup()
        await web.TCPSite(runner, self.host, self.port).start()
        self.port = runner.addresses[0][1]
        self._runner = runner
        return self

    async def aclose(self) -> None:
        """Stop listening and close all connections. May be called more than once."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def _serve(self, incoming: web.BaseRequest) -> web.StreamResponse:
        path = incoming.raw_path.partition("?")[0]
        sandbox = self._owner(path)
        try:
            body = await _body(incoming) if incoming.body_exists else b""
        except _BROKEN_OFF:
            return _whole(_refusal(sandbox, 400, BROKEN_BODY))
        if body is None:
            return _whole(_refusal(sandbox, 413, TOO_LARGE))
        request = _sandbox_request(incoming, body)
        if is_control(path):
            return _whole(self._control_response(incoming, request))
        if sandbox is None:
            return _whole(_refusal(None, 404, "no sandbox has this path"))
        delivery = await sandbox.handle(request)
        # The date of a response is the sandbox's, as are all times within it.
        date = sandbox.date()
        return await _deliver(incoming, delivery, {} if date is None else {"Date": date})

    def _owner(self, path: str) -> Sandbox | None:
        if is_control(path):
            return None
        if len(self.sandboxes) == 1:
            return self.sandboxes[0]
        return next((sandbox for sandbox in self.sandboxes if sandbox.owns(path)), None)

    def _control_response(
        self, incoming: web.BaseRequest, request: SandboxRequest
    ) -> SandboxResponse:
        # A web page can be given a name of its own that leads to this machine: the name tells.
        if not (_is_loopback(incoming.remote or "") and _is_near(_name_in(incoming.host))):
            return _refusal(None, 404, "no sandbox has this path")
        return self._control.respond(request)


def _refusal(sandbox: Sandbox | None, status: int, detail: str) -> SandboxResponse:
    """Return an error in the shape of the sandbox that owns the path, if there is one."""
    if sandbox is None:
        return json_response(status, {"error": detail})
    return sandbox.refuse(status, detail)


def _sandbox_request(incoming: web.BaseRequest, body: bytes) -> SandboxRequest:
    headers = {name.lower(): value for name, value in incoming.headers.items()}
    host = headers.get("host", "")
    origin = f"http://{host}" if _HOST.fullmatch(host) else ""
    return SandboxRequest.of_target(incoming.method, incoming.raw_path, headers, body, origin)


async def _body(incoming: web.BaseRequest) -> bytes | None:
    """Read the body; return None once it is too large."""
    body = bytearray()
    async for chunk in incoming.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return None
    return bytes(body)


async def _deliver(
    incoming: web.BaseRequest, delivery: Delivery, extra: Mapping[str, str]
) -> web.StreamResponse:
    if isinstance(delivery, SandboxResponse):
        return _whole(delivery, extra)
    if isinstance(delivery, CutResponse):
        return await _send_part(incoming, delivery, extra)
    if incoming.transport is not None:
        incoming.transport.abort()
    return web.Response()


def _whole(response: SandboxResponse, extra: Mapping[str, str] = NO_HEADERS) -> web.StreamResponse:
    headers = {**extra, **response.headers}
    return web.Response(status=response.status, headers=headers, body=response.body)


async def _send_part(
    incoming: web.BaseRequest, delivery: CutResponse, extra: Mapping[str, str]
) -> web.StreamResponse:
    headers = {**extra, **delivery.response.headers}
    cut = web.StreamResponse(status=delivery.response.status, headers=headers)
    cut.content_length = len(delivery.response.body)
    with suppress(ConnectionError):  # the caller may be gone already, which is its own affair
        await cut.prepare(incoming)
        await cut.write(delivery.response.body[: delivery.sent])
    # Closed and not aborted: what was sent shall arrive.
    if incoming.transport is not None:
        incoming.transport.close()
    return cut


def _is_near(name: str) -> bool:
    """Tell whether a host name cannot be one of the public names: those have a dot."""
    return _is_loopback(name) or not ("." in name or ":" in name)


def _name_in(host: str) -> str:
    """Return the host of a ``Host`` header, without its port and brackets."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
