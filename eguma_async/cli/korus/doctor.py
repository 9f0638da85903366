"""``eguma korus doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cyclopts import App

from eguma_async.cli.errors import usage
from eguma_async.cli.journal.options import DEFAULT_CHOICE, JournalChoice
from eguma_async.cli.options import profile_secret

from .options import DEFAULT_API, Api, settings
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.cli.doctor.examination import Contents, Place, Secret, Subject
    from eguma_async.korus import KorusSession
    from eguma_async.pipeline.options import SessionOptions

PROBE = "/v1/ticketing/catalogs"
IDENTITY = {"name": "token", "title": "identity server"}
VARIABLES = frozenset(
    {
        "KORUS_BASE_URL",
        "KORUS_CLIENT_ID",
        "KORUS_CLIENT_SECRET",
        "KORUS_MAX_RETRIES",
        "KORUS_PROFILE",
        "KORUS_TIMEOUT",
        "KORUS_TOKEN_URL",
    }
)


async def doctor(*, chosen: JournalChoice = DEFAULT_CHOICE, api: Api = DEFAULT_API) -> None:
    """Check the credentials, the network and the clock, and say what to do about what is wrong.

    As `eguma doctor`, for the API and for the identity server that hands out its tokens. It
    changes nothing. Each step waits 10 seconds unless --timeout says otherwise. The exit code is
    that of the first check that fails, 0 if none does.
    """
    from eguma_async.cli.doctor import opening
    from eguma_async.korus.provider import KORUS, TOKEN_URL

    if api.sandbox:
        await _in_a_sandbox(chosen, api)
        return
    prompt = "Client secret" if api.secret_stdin else None
    known = settings()
    secrets = (
        await opening.secret(
            "client id", "KORUS_CLIENT_ID", profile=lambda: known.text("client_id")
        ),
        await opening.secret(
            "client secret",
            "KORUS_CLIENT_SECRET",
            prompt=prompt,
            profile=lambda: profile_secret(known),
        ),
    )
    places = (
        opening.place(known, "base_url", api.base_url, KORUS.base_url),
        opening.place(known, "token_url", api.token_url, TOKEN_URL, **IDENTITY),
    )
    await opening.run(_subject(secrets, places, api.language), api, chosen)


async def _in_a_sandbox(chosen: JournalChoice, api: Api) -> None:
    if api.base_url or api.token_url or api.secret_stdin or api.proxy:
        raise usage("--sandbox comes with its own credentials and address; leave the others out")
    from eguma_async.cli.doctor import opening
    from eguma_async.sandbox.korus import TOKEN_PATH, KorusSandbox

    sandbox = KorusSandbox()
    client_id, client_secret = sandbox.demo_client
    secrets = (
        opening.sandbox_secret("client id", "KORUS_CLIENT_ID", client_id),
        opening.sandbox_secret("client secret", "KORUS_CLIENT_SECRET", client_secret),
    )
    places = (opening.local_place(), opening.local_place(TOKEN_PATH, **IDENTITY))
    subject = _subject(secrets, places, api.language)
    await opening.run(subject, api, chosen, simulated=sandbox.transport())


def _subject(
    secrets: tuple[Secret, Secret], places: tuple[Place, Place], language: str | None
) -> Subject:
    from eguma_async.cli.doctor.examination import Subject

    def session(options: SessionOptions) -> KorusSession:
        from eguma_async.korus import KorusSession

        api, identity = places
        return KorusSession(
            *(secret.value for secret in secrets),
            base_url=api.url,
            # Left out if nothing says so: the session refuses the live one for another API.
            token_url=None if identity.is_default else identity.url,
            language=language,
            downloads=options.get("transport"),
            **options,
        )

    return Subject(
        provider="Korus Ticket",
        command=("korus",),
        prefixes=("KORUS",),
        variables=VARIABLES,
        secrets=secrets,
        places=places,
        probe=PROBE,
        advice=ADVICE,
        open=session,
        read=_read,
    )


async def _read(session: Any) -> Contents:
    from eguma_async.cli.doctor.examination import Contents
    from eguma_async.cli.text import counted

    pager = session.catalogs.list()
    found = [catalog async for catalog in pager]
    return Contents(
        said=counted(found, "catalog"), count=len(found), unreadable=len(pager.unreadable)
    )


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(doctor)
