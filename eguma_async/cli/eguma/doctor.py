"""``eguma doctor``."""

# Annotations are no strings here: those of the options are looked up in the module they are in.

from typing import TYPE_CHECKING, Any

from cyclopts import App

from eguma_async.cli.errors import usage
from eguma_async.cli.journal.options import DEFAULT_CHOICE, JournalChoice
from eguma_async.cli.options import profile_secret

from .options import DEFAULT_API, Api, settings
from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.cli.doctor.examination import Contents, Place, Secret, Subject
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.pipeline.options import SessionOptions

PROBE = "/v1/ticketing/products.json"
VARIABLES = frozenset(
    {
        "EGUMA_API_KEY",
        "EGUMA_BASE_URL",
        "EGUMA_MAX_RETRIES",
        "EGUMA_PROFILE",
        "EGUMA_TIMEOUT",
        "EGUMA_UNAPPROVED_API_KEY",
    }
)


async def doctor(*, chosen: JournalChoice = DEFAULT_CHOICE, api: Api = DEFAULT_API) -> None:
    """Check the key, the network and the clock, and say what to do about what is wrong.

    One line each for: versions, extras, misspelt variables, the key, the address, proxies, DNS,
    TCP, TLS with its certificate, an answer without the key, the key with a read of the products,
    the clock, the pace, and the journal. It changes nothing. Each step waits 10 seconds unless
    --timeout says otherwise. The exit code is that of the first check that fails, 0 if none does.
    """
    from eguma_async.cli.doctor import opening
    from eguma_async.eguma.provider import EGUMA

    if api.sandbox:
        if api.base_url or api.key_stdin or api.proxy:
            raise usage("--sandbox comes with its own key and address; leave the others out")
        from eguma_async.sandbox import EgumaSandbox

        sandbox = EgumaSandbox()
        key = opening.sandbox_secret("API key", "EGUMA_API_KEY", sandbox.demo_key)
        subject = _subject(key, opening.local_place())
        await opening.run(subject, api, chosen, simulated=sandbox.transport())
        return
    prompt = "API key" if api.key_stdin else None
    known = settings()
    key = await opening.secret(
        "API key", "EGUMA_API_KEY", prompt=prompt, profile=lambda: profile_secret(known)
    )
    place = opening.place(known, "base_url", api.base_url, EGUMA.base_url)
    await opening.run(_subject(key, place), api, chosen)


def _subject(key: "Secret", place: "Place") -> "Subject":
    from eguma_async.cli.doctor.examination import Subject

    def session(options: "SessionOptions") -> "AsyncSession":
        from eguma_async.eguma.session import AsyncSession

        return AsyncSession(key.value, base_url=place.url, **options)

    return Subject(
        provider="e-guma",
        command=(),
        prefixes=("EGUMA",),
        variables=VARIABLES,
        secrets=(key,),
        places=(place,),
        probe=PROBE,
        advice=ADVICE,
        open=session,
        read=_read,
    )


async def _read(session: Any) -> "Contents":
    from eguma_async.cli.doctor.examination import Contents
    from eguma_async.cli.text import counted

    catalogue = await session.ticketing.products.list()
    return Contents(
        said=f"{counted(catalogue.products, 'product')} of {catalogue.company_name}",
        count=len(catalogue.products),
        unreadable=len(catalogue.unreadable),
    )


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(doctor)
