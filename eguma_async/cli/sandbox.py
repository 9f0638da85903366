"""``eguma sandbox``: a server to develop against, on this machine."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import App, Parameter

from .errors import Stop, usage
from .text import print_json

if TYPE_CHECKING:
    from eguma_async.sandbox import EgumaSandbox, KorusSandbox, Sandbox

DEFAULT_PORT = 8765
HIGHEST_PORT = 65535
CREDENTIALS = ("client_id", "client_secret")

Facts = dict[str, Any]


async def sandbox(
    *,
    provider: Annotated[
        Literal["eguma", "korus", "both"], Parameter(help="Whose API to serve.")
    ] = "eguma",
    port: Annotated[int, Parameter(help="Port to listen on; 0 takes a free one.")] = DEFAULT_PORT,
    host: Annotated[str, Parameter(help="Address of this machine to listen on.")] = "127.0.0.1",
    profile: Annotated[
        Path | None,
        Parameter(
            metavar="FILE", help="Behave as this profile of `eguma calibrate` says its server does."
        ),
    ] = None,
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

    from eguma_async.sandbox import serve

    simulated = _sandboxes(provider, profile)
    try:
        server = await serve(*simulated, host=host, port=port).start()
    except ValueError:
        raise usage("--host must be an address of this machine only, such as 127.0.0.1") from None
    except OSError as error:
        raise _cannot_listen(error, host, port) from None
    try:
        facts = {one.name: _describe(one, server.url, len(simulated)) for one in simulated}
        if json:
            print_json(facts if len(facts) > 1 else facts[provider])
        else:
            _print(facts)
        await asyncio.Event().wait()
    finally:
        await server.aclose()


def _sandboxes(provider: str, profile: Path | None) -> tuple[Sandbox, ...]:
    from eguma_async.sandbox import EgumaOptions, EgumaSandbox, KorusOptions, KorusSandbox

    if provider == "both":
        if profile is not None:
            raise usage("--profile is of one provider: name it with --provider")
        return EgumaSandbox(), KorusSandbox()
    if provider == "eguma":
        options = EgumaOptions() if profile is None else EgumaOptions.from_file(profile)
        return (EgumaSandbox(options=options),)
    korus = KorusOptions() if profile is None else KorusOptions.from_file(profile)
    return (KorusSandbox(options=korus),)


def _cannot_listen(error: OSError, host: str, port: int) -> Stop:
    if error.errno == errno.EADDRINUSE:
        return Stop(f"port {port} is in use; give another one with --port, or 0 for a free one")
    return Stop(f"cannot listen on {host}, port {port}: {error.strerror or error}")


def _describe(simulated: Sandbox, url: str, served: int) -> Facts:
    # Beside another sandbox, a control path has to say which one it means.
    path = "/_sandbox" if served == 1 else f"/_sandbox/{simulated.name}"
    return {
        "base_url": url,
        **_DESCRIBED[simulated.name](simulated, url),
        "control_url": url + path,
    }


def _describe_eguma(simulated: EgumaSandbox, url: str) -> Facts:
    """Return the keys of the merchants."""
    return {
        "api_key": simulated.demo_key,
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
            for merchant in simulated.merchants()
        ],
    }


def _describe_korus(simulated: KorusSandbox, url: str) -> Facts:
    """Return where tokens are fetched, and the credentials of the organizations."""
    from eguma_async.sandbox.korus import TOKEN_PATH

    client_id, client_secret = simulated.demo_client
    return {
        "token_url": url + TOKEN_PATH,
        "client_id": client_id,
        "client_secret": client_secret,
        "organizations": [
            {
                "name": organization.name,
                "client_id": organization.client_id,
                "client_secret": organization.client_secret,
                "catalogs": len(organization.catalogs),
            }
            for organization in simulated.organizations()
        ],
    }


def _print(facts: dict[str, Facts]) -> None:
    lines = [line for name, found in facts.items() for line in (*_LINES[name](found), "")]
    print("\n".join([*lines, "Ctrl-C ends it."]), flush=True)  # noqa: T201  # this is a command


def _eguma_lines(facts: Facts) -> list[str]:
    lines = [f"Sandbox: {facts['base_url']}", f"Control plane: {facts['control_url']}", ""]
    for merchant in facts["merchants"]:
        lines.append(f"{merchant['name']} ({merchant['currency']})")
        lines += [f"  {key['key']}  {key['user']}{_limits(key)}" for key in merchant["keys"]]
    return [
        *lines,
        "",
        f'curl "{facts["base_url"]}/v1/ticketing/products.json?apikey={facts["api_key"]}"',
        "",
        f"export EGUMA_BASE_URL={facts['base_url']}",
        f"export EGUMA_API_KEY={facts['api_key']}",
    ]


def _limits(key: Facts) -> str:
    if not key["is_active"]:
        return " (switched off: 401)"
    return "" if key["is_approved"] else " (not approved: 403)"


def _korus_lines(facts: Facts) -> list[str]:
    lines = [
        f"Korus Ticket sandbox: {facts['base_url']}",
        f"Token URL: {facts['token_url']}",
        f"Control plane: {facts['control_url']}",
        "",
    ]
    for one in facts["organizations"]:
        lines.append(f"{one['name']}, catalogs: {one['catalogs']}")
        lines.append(f"  {one['client_id']}  {one['client_secret']}")
    return [
        *lines,
        "",
        _token_call(facts),
        "",
        f"export KORUS_BASE_URL={facts['base_url']}",
        f"export KORUS_TOKEN_URL={facts['token_url']}",
        f"export KORUS_CLIENT_ID={facts['client_id']}",
        f"export KORUS_CLIENT_SECRET={facts['client_secret']}",
    ]


def _token_call(facts: Facts) -> str:
    form = ("grant_type=client_credentials", *(f"{k}={facts[k]}" for k in CREDENTIALS))
    return " ".join(["curl", *(f"-d {field}" for field in form), facts["token_url"]])


_DESCRIBED: dict[str, Callable[[Any, str], Facts]] = {
    "eguma": _describe_eguma,
    "korus": _describe_korus,
}
_LINES = {"eguma": _eguma_lines, "korus": _korus_lines}


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(sandbox)
