"""What the Korus commands share: options, the reading of arguments, and the session."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, TypeVar

from cyclopts import Parameter

from eguma_async.cli.connection import LOCAL, opened
from eguma_async.cli.dry_run import MASK, DryRun
from eguma_async.cli.errors import usage
from eguma_async.cli.options import ConnectionOptions, credential, profile_secret, usable
from eguma_async.cli.progress import status_line
from eguma_async.cli.text import say_unreadable

from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.core.hooks import AttemptEvent
    from eguma_async.journal.journal import Journal
    from eguma_async.korus import KorusSession
    from eguma_async.pipeline.options import SessionOptions
    from eguma_async.pipeline.pages import Pager
    from eguma_async.pipeline.settings import Settings

T = TypeVar("T")
COUNTED = 30
"""After how many elements of a list the number shown is a new one."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Api(ConnectionOptions):
    """Which API to talk to, and how."""

    base_url: Annotated[
        str | None,
        Parameter(metavar="URL", help="Where the API is; else KORUS_BASE_URL, else the live API."),
    ] = None
    token_url: Annotated[
        str | None,
        Parameter(
            metavar="URL",
            help="Where tokens are fetched; else KORUS_TOKEN_URL, else the live identity server.",
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


DEFAULT_API = Api()


def open_session(
    api: Api,
    *,
    observer: Callable[[AttemptEvent], None] | None = None,
    journal: Journal | None = None,
    dry: DryRun | None = None,
) -> AbstractAsyncContextManager[KorusSession]:
    """Open a session as the options say.

    Args:
        api: The options.
        observer: Sees each request.
        journal: Keeps what orders.
        dry: Takes what would be sent. It is printed at the end, and nothing else is.

    Raises:
        Stop: An option is wrong, a call failed, or it was a dry run.
    """
    if dry is not None and not dry.reads:
        return opened(api, ADVICE, partial(_dry_session, api), journal=journal, dry=dry)
    return opened(api, ADVICE, partial(_session, api), journal=journal, dry=dry, observer=observer)


def settings() -> Settings:
    """Return what environment and profile say.

    Raises:
        Stop: The profile cannot be used.
    """
    from eguma_async.korus.tokens import client_settings

    return usable(client_settings(None))


def base_url_of(api: Api) -> str:
    """Return where the session of a command goes, for people."""
    from eguma_async.korus.provider import KORUS

    if api.sandbox:
        return "the sandbox"
    return settings().text("base_url", api.base_url) or KORUS.base_url


async def client_of(api: Api) -> tuple[str, str]:
    """Return name and secret of the client: from stdin, environment or profile.

    Raises:
        Stop: One is missing.
    """
    known = settings()
    name = await credential("KORUS_CLIENT_ID") or known.text("client_id")
    prompt = "Client secret" if api.secret_stdin else None
    secret = await credential("KORUS_CLIENT_SECRET", prompt=prompt)
    if not secret and not api.secret_stdin:
        secret = profile_secret(known)
    if not name or not secret:
        raise usage(
            "no credentials: set KORUS_CLIENT_ID and KORUS_CLIENT_SECRET, pass the secret on stdin"
            " with --secret-stdin, or try out --sandbox"
        )
    return name, secret


async def _dry_session(api: Api, options: SessionOptions) -> KorusSession:
    """Make a session that needs no credentials and fetches no token, as nothing is sent."""
    from eguma_async.korus import KorusSession

    base_url = LOCAL if api.sandbox else api.base_url
    return KorusSession(token=MASK, base_url=base_url, language=api.language, **options)


async def _session(api: Api, options: SessionOptions) -> KorusSession:
    from eguma_async.korus import KorusSession

    if api.sandbox:
        return _sandbox_session(api, options)
    client_id, secret = await client_of(api)
    return KorusSession(
        client_id,
        secret,
        base_url=api.base_url,
        token_url=api.token_url,
        language=api.language,
        # Documents take the way through the proxy too: where there is one, there may be no other.
        downloads=options.get("transport"),
        **options,
    )


def _sandbox_session(api: Api, options: SessionOptions) -> KorusSession:
    if api.base_url or api.token_url or api.secret_stdin or api.proxy:
        raise usage("--sandbox comes with its own credentials and address; leave the others out")
    from eguma_async.korus import KorusSession
    from eguma_async.sandbox.korus import TOKEN_PATH, KorusSandbox

    sandbox = KorusSandbox()
    dry, simulated = options.get("transport"), sandbox.transport()
    options["transport"] = dry.over(simulated) if isinstance(dry, DryRun) else simulated
    return KorusSession(
        *sandbox.demo_client,
        base_url=LOCAL,
        token_url=LOCAL + TOKEN_PATH,
        language=api.language,
        **options,
    )


async def read_all(api: Api, listing: Callable[[KorusSession], Pager[T]]) -> tuple[T, ...]:
    """Read a list with all of its pages, and say what of it could not be read."""
    from eguma_async.core.listing import Listing

    found: list[T] = []
    async with open_session(api) as session:
        pager = listing(session)
        with status_line("Reading the list ...") as show:
            async for item in pager:
                found.append(item)
                if len(found) % COUNTED == 0:
                    show(f"Reading the list: {len(found)} so far ...")
    say_unreadable(Listing(found, pager.unreadable))
    return tuple(found)
