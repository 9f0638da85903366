"""Sandboxes over real HTTP, on this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from email.utils import format_datetime
from types import MappingProxyType, TracebackType
from typing import Self
from urllib.parse import parse_qsl

from aiohttp import web

from eguma_async.sandbox.engine.base import Sandbox
from eguma_async.sandbox.engine.messages import (
    CutResponse,
    Delivery,
    SandboxRequest,
    SandboxResponse,
    json_response,
)

from .control import ControlPlane, is_control

MAX_BODY = 16 * 1024 * 1024
# How long requests that are parked or delayed may hold up the end.
SHUTDOWN_SECONDS = 0.2
NO_HEADERS: Mapping[str, str] = MappingProxyType({})


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
        self.port = port
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
            web.Server(self._serve, access_log=None),
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
        request = await _sandbox_request(incoming)
        if is_control(request.path):
            return _whole(self._control_response(incoming, request))
        sandbox = self._owner(request.path)
        if sandbox is None:
            return _whole(json_response(404, {"error": "no sandbox has this path"}))
        delivery = await sandbox.handle(request)
        # The date of an answer is the sandbox's, as are all times within it.
        date = format_datetime(sandbox.clock.now(), usegmt=True)
        return await _deliver(incoming, delivery, {"Date": date})

    def _owner(self, path: str) -> Sandbox | None:
        if len(self.sandboxes) == 1:
            return self.sandboxes[0]
        return next((sandbox for sandbox in self.sandboxes if sandbox.owns(path)), None)

    def _control_response(
        self, incoming: web.BaseRequest, request: SandboxRequest
    ) -> SandboxResponse:
        if not _is_loopback(incoming.remote or ""):
            return json_response(404, {"error": "no sandbox has this path"})
        return self._control.respond(request)


async def _sandbox_request(incoming: web.BaseRequest) -> SandboxRequest:
    path, _, query = incoming.raw_path.partition("?")
    return SandboxRequest(
        incoming.method,
        path,
        tuple(parse_qsl(query, keep_blank_values=True)) if query else (),
        {name.lower(): value for name, value in incoming.headers.items()},
        await _body(incoming) if incoming.body_exists else b"",
    )


async def _body(incoming: web.BaseRequest) -> bytes:
    body = bytearray()
    async for chunk in incoming.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY, len(body))
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
    await cut.prepare(incoming)
    await cut.write(delivery.response.body[: delivery.sent])
    # Closed and not aborted: what was sent shall arrive.
    if incoming.transport is not None:
        incoming.transport.close()
    return cut


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
