"""``eguma korus calibrate``, which is ``eguma calibrate --provider korus``."""

# Annotations are no strings here: those of the options are looked up in the module they are in.

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from eguma_async.cli.calibration import DEFAULT_CALIBRATION, CalibrationOptions, ask, no_access, way
from eguma_async.cli.connection import LOCAL
from eguma_async.cli.errors import usage

from .options import DEFAULT_API, Api, client_of, settings

if TYPE_CHECKING:
    from eguma_async.calibration.korus import Circumstances, Client
    from eguma_async.sandbox import KorusSandbox


async def calibrate(
    *,
    offer: Annotated[
        list[str] | None,
        Parameter(
            metavar="OFFER",
            negative="",
            help="An offer to hold and order with --book. Add one that asks for names: its"
            " documents are not ready at once. With --sandbox, two of its own.",
        ),
    ] = None,
    foreign: Annotated[
        str | None,
        Parameter(metavar="IRI", help="Something that another organization owns, to be refused."),
    ] = None,
    chosen: CalibrationOptions = DEFAULT_CALIBRATION,
    api: Api = DEFAULT_API,
) -> None:
    """Find out what a server does where the documentation is silent, and write it into a profile.

    It asks one question after the other, those that change nothing first; earlier reservations
    and orders tell a lot. --book lets it hold and order OFFER for real. Nothing of that is given
    back: a hold ends by itself, and the API cannot cancel an order. Use the demo system.
    """
    from eguma_async.calibration import NotSeenError, Risk, Wire
    from eguma_async.calibration.korus import QUESTIONS, KorusProbe
    from eguma_async.core.messages import Credentials
    from eguma_async.sandbox.korus.options import KorusOptions

    if offer and not chosen.book:
        raise usage("--offer goes with --book: it is held and ordered")
    chosen.check()
    simulated = _simulated(api, chosen.profile)
    circumstances = _circumstances(simulated, tuple(offer or ()), foreign, chosen.email)
    client = await _client(api, simulated)
    base_url, token_url = _addresses(api, simulated)
    async with way(api, simulated) as (transport, clock):
        wire = Wire(transport, base_url, Credentials(), clock=clock, timeouts=api.timeouts())
        probe = KorusProbe(
            wire, client, token_url=token_url, transport=transport, circumstances=circumstances
        )
        try:
            await probe.token()
        except NotSeenError as error:
            raise no_access(
                error, "check the client id and secret; `eguma korus doctor` says more"
            ) from None
        await ask(
            "korus",
            probe,
            QUESTIONS,
            KorusOptions(),
            chosen,
            allowed=Risk.KEEP if chosen.book else Risk.READ,
            as_json=api.json,
        )


def _simulated(api: Api, profile: Path | None) -> "KorusSandbox | None":
    if not api.sandbox:
        if profile is not None:
            raise usage("--profile goes with --sandbox")
        return None
    if api.base_url or api.token_url or api.secret_stdin or api.proxy:
        raise usage("--sandbox comes with its own credentials and address; leave the others out")
    from eguma_async.sandbox import KorusOptions, KorusSandbox

    return KorusSandbox(options=None if profile is None else KorusOptions.from_file(profile))


def _circumstances(
    simulated: "KorusSandbox | None", offers: tuple[str, ...], foreign: str | None, email: str
) -> "Circumstances":
    from eguma_async.calibration.korus import Circumstances, simulated_circumstances

    if simulated is not None:
        demo = simulated_circumstances(simulated)
        offers, foreign = offers or demo.offers, foreign or demo.foreign
    return Circumstances(offers=offers, foreign=foreign, email=email)


async def _client(api: Api, simulated: "KorusSandbox | None") -> "Client":
    from eguma_async.calibration.korus import Client

    if simulated is not None:
        return Client(*simulated.demo_client)
    return Client(*await client_of(api))


def _addresses(api: Api, simulated: "KorusSandbox | None") -> tuple[str, str]:
    """Return where the API is, and where its tokens are fetched."""
    from eguma_async.core.checks import checked_base_url
    from eguma_async.korus.provider import KORUS, TOKEN_URL

    if simulated is not None:
        from eguma_async.sandbox.korus import TOKEN_PATH

        return LOCAL, LOCAL + TOKEN_PATH
    known = settings()
    base_url = checked_base_url(known.text("base_url", api.base_url) or KORUS.base_url)
    token_url = known.text("token_url", api.token_url)
    if token_url is None and base_url != KORUS.base_url:
        raise usage(
            "nothing says where the tokens of this API are fetched: give --token-url, or set"
            " KORUS_TOKEN_URL"
        )
    return base_url, checked_base_url(token_url or TOKEN_URL, "token_url")


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(calibrate)
