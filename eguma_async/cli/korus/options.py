"""What the Korus commands share: options, the reading of arguments, and the session."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from eguma_async.cli.errors import KORUS_ADVICE, Stop, exit_code, explain, usage
from eguma_async.cli.options import JsonOption, SandboxOption
from eguma_async.cli.prompt import read_secret

if TYPE_CHECKING:
    from eguma_async.korus import KorusSession
    from eguma_async.pipeline.observing import OnAttempt
    from eguma_async.pipeline.pages import Pager

T = TypeVar("T")
LOCAL = "http://127.0.0.1"


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class KorusApi:
    """Which API to talk to, and how to print the answer."""

    json: JsonOption = False
    sandbox: SandboxOption = False
    base_url: Annotated[
        str | None, Parameter(help="Where the API is; else KORUS_BASE_URL, else the live API.")
    ] = None
    token_url: Annotated[
        str | None,
        Parameter(
            help="Where tokens are fetched; else KORUS_TOKEN_URL, else the live identity server."
        ),
    ] = None
    secret_stdin: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Read the client secret from the first line of stdin, not KORUS_CLIENT_SECRET.",
        ),
    ] = False
    language: Annotated[
        str | None, Parameter(help="Of names, errors and documents, ISO 639-1.")
    ] = None


DEFAULT_API = KorusApi()


@asynccontextmanager
async def open_session(
    api: KorusApi, *, observer: OnAttempt | None = None
) -> AsyncIterator[KorusSession]:
    """Open a session as the options say.

    Raises:
        Stop: A call failed; the secret is not in what it says.
    """
    from eguma_async.core.errors import EgumaError

    secret: str | None = None
    try:
        session, secret = await _session(api, observer)
        async with session:
            yield session
    except EgumaError as error:
        line = explain(error, KORUS_ADVICE)
        raise Stop(line.replace(secret, "***") if secret else line, exit_code(error)) from None


async def _session(api: KorusApi, observer: OnAttempt | None) -> tuple[KorusSession, str | None]:
    from eguma_async.korus import KorusSession

    if api.sandbox:
        return _sandbox_session(api, observer), None
    client_id = os.environ.get("KORUS_CLIENT_ID")
    secret = (
        await read_secret("Client secret")
        if api.secret_stdin
        else os.environ.get("KORUS_CLIENT_SECRET")
    )
    if not client_id or not secret:
        raise usage(
            "no credentials: set KORUS_CLIENT_ID and KORUS_CLIENT_SECRET, pass the secret on stdin"
            " with --secret-stdin, or try out --sandbox"
        )
    session = KorusSession(
        client_id,
        secret,
        base_url=api.base_url,
        token_url=api.token_url,
        language=api.language,
        observer=observer,
    )
    return session, secret


def _sandbox_session(api: KorusApi, observer: OnAttempt | None) -> KorusSession:
    if api.base_url or api.token_url or api.secret_stdin:
        raise usage("--sandbox comes with its own credentials and address; leave the others out")
    from eguma_async.korus import KorusSession
    from eguma_async.sandbox.korus import TOKEN_PATH, KorusSandbox

    sandbox = KorusSandbox()
    return KorusSession(
        *sandbox.demo_client,
        base_url=LOCAL,
        token_url=LOCAL + TOKEN_PATH,
        language=api.language,
        transport=sandbox.transport(),
        observer=observer,
    )


async def read_all(api: KorusApi, listing: Callable[[KorusSession], Pager[T]]) -> tuple[T, ...]:
    """Read a list with all of its pages."""
    async with open_session(api) as session:
        return tuple([item async for item in listing(session)])


def left(quantity: int | None) -> str:
    """Write how many are left."""
    return "unlimited" if quantity is None else str(quantity)


def moment(value: datetime | None) -> str:
    """Write a moment with its offset."""
    return "-" if value is None else value.isoformat()
