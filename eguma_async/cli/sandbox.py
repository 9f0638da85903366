"""``eguma sandbox``: a server to develop against, on this machine."""

from __future__ import annotations

import asyncio
import errno
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from .errors import Stop, usage
from .text import print_json

if TYPE_CHECKING:
    from eguma_async.sandbox import EgumaSandbox

DEFAULT_PORT = 8765
HIGHEST_PORT = 65535


async def sandbox(
    *,
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = DEFAULT_PORT,
    host: Annotated[str, Parameter(help="Address of this machine to listen on.")] = "127.0.0.1",
    json: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="Print one JSON document, then keep serving."
        ),
    ] = False,
) -> None:
    """Serve a sandbox of the API with demo data, until Ctrl-C. Nothing is kept."""
    if not 0 <= port <= HIGHEST_PORT:
        raise usage(f"--port must be from 0 to {HIGHEST_PORT}")

    from eguma_async.sandbox import EgumaSandbox, serve

    simulated = EgumaSandbox()
    try:
        server = await serve(simulated, host=host, port=port).start()
    except ValueError:
        raise usage("--host must be an address of this machine only, such as 127.0.0.1") from None
    except OSError as error:
        raise _cannot_listen(error, host, port) from None
    try:
        facts = describe(simulated, server.url)
        if json:
            print_json(facts)
        else:
            _print(facts)
        await asyncio.Event().wait()
    finally:
        await server.aclose()


def _cannot_listen(error: OSError, host: str, port: int) -> Stop:
    if error.errno == errno.EADDRINUSE:
        return Stop(f"port {port} is in use; give another one with --port, or 0 for a free one")
    return Stop(f"cannot listen on {host}, port {port}: {error.strerror or error}")


def describe(simulated: EgumaSandbox, url: str) -> dict[str, Any]:
    """Return where a sandbox is and the keys of its merchants."""
    return {
        "base_url": url,
        "api_key": simulated.demo_key,
        "control_url": f"{url}/_sandbox",
        "merchants": [
            {
                "name": merchant.name,
                "currency": merchant.currency,
                "keys": [
                    {
                        "key": key.value,
                        "user": user.name,
                        "is_active": key.is_active,
                        "is_approved": user.is_approved,
                    }
                    for user in merchant.users
                    for key in user.keys
                ],
            }
            for merchant in simulated.merchants
        ],
    }


def _print(facts: dict[str, Any]) -> None:
    lines = [f"Sandbox: {facts['base_url']}", f"Control plane: {facts['control_url']}", ""]
    for merchant in facts["merchants"]:
        lines.append(f"{merchant['name']} ({merchant['currency']})")
        lines += [f"  {key['key']}  {key['user']}{_limits(key)}" for key in merchant["keys"]]
    lines += [
        "",
        f'curl "{facts["base_url"]}/v1/ticketing/products.json?apikey={facts["api_key"]}"',
        "",
        f"export EGUMA_BASE_URL={facts['base_url']}",
        f"export EGUMA_API_KEY={facts['api_key']}",
        "",
        "Ctrl-C ends it.",
    ]
    print("\n".join(lines), flush=True)  # noqa: T201  # this is a command


def _limits(key: dict[str, Any]) -> str:
    if not key["is_active"]:
        return " (switched off: 401)"
    return "" if key["is_approved"] else " (not approved: 403)"


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(sandbox)
