"""``eguma calibrate``."""

# Annotations are no strings here: those of the options are looked up in the module they are in.

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import attrs
from cyclopts import App, Parameter

from eguma_async.cli.calibration import DEFAULT_CALIBRATION, CalibrationOptions, ask, no_access, way
from eguma_async.cli.connection import LOCAL
from eguma_async.cli.errors import Exit, Stop, usage
from eguma_async.cli.redaction import keep_secret

from .options import DEFAULT_API, Api, key_of, settings

if TYPE_CHECKING:
    from eguma_async.calibration.eguma import Circumstances, EgumaProbe
    from eguma_async.sandbox import EgumaSandbox

UNAPPROVED_VARIABLE = "EGUMA_UNAPPROVED_API_KEY"


async def calibrate(
    *,
    product: Annotated[
        str | None,
        Parameter(
            metavar="PRODUCT",
            help="Product to ask about, and to hold and book; with --sandbox, its first one.",
        ),
    ] = None,
    check_in: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="With --book: also check a ticket in and out. Its booking may stay behind.",
        ),
    ] = False,
    sold_out: Annotated[
        str | None,
        Parameter(metavar="PRODUCT=STARTS_AT", help="A slot that is known to be sold out."),
    ] = None,
    disabled_product: Annotated[
        str | None,
        Parameter(metavar="PRODUCT", help="A product of the merchant that the key may not sell."),
    ] = None,
    provider: Annotated[
        Literal["eguma", "korus"],
        Parameter(help="Whose server it is. korus makes it `eguma korus calibrate`."),
    ] = "eguma",
    chosen: CalibrationOptions = DEFAULT_CALIBRATION,
    api: Api = DEFAULT_API,
) -> None:
    """Find out what a server does where the documentation is silent, and write it into a profile.

    It asks one question after the other, those that change nothing first. --book lets it hold and
    book single tickets of PRODUCT as far ahead as 21 days, and cancel each after its question;
    use a test product, or the demo system. A sandbox with the profile behaves like that server.

    The key of a user who is not approved is read from EGUMA_UNAPPROVED_API_KEY.
    """
    from eguma_async.calibration import Risk, Wire
    from eguma_async.calibration.eguma import (
        QUESTIONS,
        EgumaProbe,
        key_credentials,
        simulated_circumstances,
    )
    from eguma_async.sandbox.eguma.options import EgumaOptions

    del provider  # `for_its_provider` has chosen the command by it
    if check_in and not chosen.book:
        raise usage("--check-in goes with --book")
    chosen.check()
    simulated = _simulated(api, chosen.profile)
    key = await _key(api, simulated)
    if simulated is not None:
        circumstances = simulated_circumstances(simulated)
        if product is not None:
            circumstances = attrs.evolve(circumstances, product_id=product)
    elif product is None:
        raise usage("--product is missing; `eguma products` lists them")
    else:
        circumstances = _circumstances(product, chosen.email, sold_out, disabled_product)
    async with way(api, simulated) as (transport, clock):
        base_url = LOCAL if simulated else _base_url(api)
        wire = Wire(transport, base_url, key_credentials(key), clock=clock, timeouts=api.timeouts())
        probe = EgumaProbe(wire, circumstances)
        await _check_access(probe)
        await ask(
            "eguma",
            probe,
            QUESTIONS,
            EgumaOptions(),
            chosen,
            allowed=Risk.READ if not chosen.book else Risk.KEEP if check_in else Risk.BOOK,
            as_json=api.json,
        )


def _simulated(api: Api, profile: Path | None) -> "EgumaSandbox | None":
    if not api.sandbox:
        if profile is not None:
            raise usage("--profile goes with --sandbox")
        return None
    if api.base_url or api.key_stdin or api.proxy:
        raise usage("--sandbox comes with its own key and address; leave the others out")
    from eguma_async.sandbox import Delay, EgumaOptions, EgumaSandbox

    options = EgumaOptions() if profile is None else EgumaOptions.from_file(profile)
    sandbox = EgumaSandbox(options=options)
    # As a real server does, it takes a moment: two bookings that are sent at once overlap.
    sandbox.faults.add(Delay(path="*/booking.json", seconds=0.02, times=None))
    return sandbox


async def _key(api: Api, simulated: "EgumaSandbox | None") -> str:
    if simulated is not None:
        return simulated.demo_key
    return await key_of(api)


def _base_url(api: Api) -> str:
    from eguma_async.core.checks import checked_base_url
    from eguma_async.eguma.provider import EGUMA

    return checked_base_url(settings().text("base_url", api.base_url) or EGUMA.base_url)


def _circumstances(
    product: str, email: str, sold_out: str | None, disabled_product: str | None
) -> "Circumstances":
    from eguma_async.calibration.eguma import Circumstances, key_credentials

    slot = None
    if sold_out is not None:
        name, equals, start = sold_out.partition("=")
        if not (name and equals and start):
            raise usage("--sold-out must be PRODUCT=STARTS_AT, as `eguma availabilities` shows it")
        slot = (name, start)
    unapproved = os.environ.get(UNAPPROVED_VARIABLE)
    if unapproved:
        keep_secret(unapproved)
    return Circumstances(
        product_id=product,
        email=email,
        sold_out=slot,
        disabled_product_id=disabled_product,
        unapproved=key_credentials(unapproved) if unapproved else None,
    )


async def _check_access(probe: "EgumaProbe") -> None:
    """Check that the server answers, and takes the key.

    Raises:
        Stop: It does not.
    """
    from eguma_async.calibration import NotSeenError

    try:
        listed = (await probe.products()).member("products")
    except NotSeenError as error:
        raise no_access(error, "`eguma doctor` says more") from None
    ids = [each.get("id") for each in listed if isinstance(each, dict)]
    if probe.circumstances.product_id not in ids:
        raise Stop(
            f"no product {probe.circumstances.product_id}; `eguma products` lists them",
            Exit.NOT_FOUND,
        )


def add_to(app: App) -> None:
    """Add the command of this module."""
    app.command(calibrate)
