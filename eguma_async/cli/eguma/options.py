"""What the commands of e-guma share: options, the reading of arguments, and the session."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from eguma_async.cli.connection import LOCAL, opened
from eguma_async.cli.dry_run import MASK, DryRun
from eguma_async.cli.errors import usage
from eguma_async.cli.options import (
    DAY,
    ConnectionOptions,
    credential,
    day,
    profile_secret,
    usable,
)

from .words import ADVICE

if TYPE_CHECKING:
    from eguma_async.eguma.session import AsyncSession
    from eguma_async.eguma.ticketing.items import TicketItem
    from eguma_async.journal.journal import Journal
    from eguma_async.pipeline.options import SessionOptions
    from eguma_async.pipeline.settings import Settings

DEFAULT_DAYS = timedelta(days=7)

_ITEM = re.compile(r"([A-Za-z0-9_-]{1,64})=([0-9]{1,6})", re.ASCII)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Api(ConnectionOptions):
    """Which API to talk to, and how."""

    base_url: Annotated[
        str | None,
        Parameter(metavar="URL", help="Where the API is; else EGUMA_BASE_URL, else the live API."),
    ] = None
    key_stdin: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Read the API key from the first line of stdin, not EGUMA_API_KEY.",
        ),
    ] = False


DEFAULT_API = Api()

ItemOption = Annotated[
    list[str],
    Parameter(
        name="--item",
        metavar="CATEGORY=QUANTITY",
        help="Tickets to sell; once for each category.",
        negative="",
        show_default=False,
    ),
]
FromOption = Annotated[
    str | None,
    Parameter(name="--from", metavar="DAY", help="First day, YYYY-MM-DD; today if not given."),
]
ToOption = Annotated[
    str | None,
    Parameter(
        name="--to",
        metavar="DAY",
        help="Last day, included; seven days after the first if not given.",
    ),
]


def open_session(
    api: Api, *, journal: Journal | None = None, dry_run: bool = False
) -> AbstractAsyncContextManager[AsyncSession]:
    """Open a session as the options say.

    Args:
        api: The options.
        journal: Keeps what books or cancels.
        dry_run: Print the first request, and send nothing.

    Raises:
        Stop: An option is wrong, a call failed, or it was a dry run.
    """
    if dry_run:
        return opened(api, ADVICE, partial(_dry_session, api), journal=journal, dry=DryRun())
    return opened(api, ADVICE, partial(_session, api), journal=journal)


def settings() -> Settings:
    """Return what environment and profile say.

    Raises:
        Stop: The profile cannot be used.
    """
    from eguma_async.eguma.session import key_settings

    return usable(key_settings(None))


def base_url_of(api: Api) -> str:
    """Return where the session of a command goes, for people."""
    from eguma_async.eguma.provider import EGUMA

    if api.sandbox:
        return "the sandbox"
    return settings().text("base_url", api.base_url) or EGUMA.base_url


async def key_of(api: Api) -> str:
    """Return the key: from stdin if that was asked for, else from environment or profile.

    Raises:
        Stop: There is none.
    """
    key = await credential("EGUMA_API_KEY", prompt="API key" if api.key_stdin else None)
    if not key and not api.key_stdin:
        key = profile_secret(settings())
    if not key:
        raise usage(
            "no API key: set EGUMA_API_KEY, pass one on stdin with --key-stdin,"
            " or try out --sandbox"
        )
    return key


async def _dry_session(api: Api, options: SessionOptions) -> AsyncSession:
    """Make a session that needs no key, as nothing is sent."""
    from eguma_async.eguma.session import AsyncSession

    return AsyncSession(MASK, base_url=LOCAL if api.sandbox else api.base_url, **options)


async def _session(api: Api, options: SessionOptions) -> AsyncSession:
    from eguma_async.eguma.session import AsyncSession

    if api.sandbox:
        if api.base_url or api.key_stdin or api.proxy:
            raise usage("--sandbox comes with its own key and address; leave the others out")
        from eguma_async.sandbox import EgumaSandbox

        sandbox = EgumaSandbox()
        options["transport"] = sandbox.transport()
        return AsyncSession(sandbox.demo_key, base_url=LOCAL, **options)
    return AsyncSession(await key_of(api), base_url=api.base_url, **options)


def day_range(first: str | None, last: str | None) -> tuple[date, date]:
    """Read ``--from`` and ``--to``, with their defaults."""
    from eguma_async.eguma.merchant_time import today

    from_date = today(datetime.now(UTC)) if first is None else day(first, "--from")
    to_date = from_date + DEFAULT_DAYS if last is None else day(last, "--to")
    if to_date < from_date:
        raise usage("--to must not be before --from")
    return from_date, to_date


def wall_clock(text: str, name: str) -> datetime:
    """Read a time in the merchant's wall clock, without zone; a day alone means its midnight.

    Raises:
        Stop: It is none, or it has a zone.
    """
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise usage(
            f"{name} must be a local time without zone such as 2026-03-19T10:00:00, or a day"
        )
    return moment


def slot_start(text: str) -> datetime | date:
    """Read the start of a slot as `eguma availabilities` prints it; a day for an all-day slot.

    It goes to the server as it is written, with a zone if it has one.

    Raises:
        Stop: It is none.
    """
    if DAY.fullmatch(text):
        return day(text, "STARTS_AT")
    from eguma_async.core.scalars import WrittenDatetime

    try:
        return WrittenDatetime.of(datetime.fromisoformat(text), text)
    except ValueError:
        pass
    raise usage(
        "STARTS_AT must be as `eguma availabilities` prints it, such as 2026-03-19T10:00:00"
    )


def ticket_items(texts: Sequence[str]) -> tuple[TicketItem, ...]:
    """Read ``CATEGORY=QUANTITY`` pairs.

    Raises:
        Stop: One is malformed.
    """
    from eguma_async.eguma.ticketing.items import TicketItem

    found = [_ITEM.fullmatch(text) for text in texts]
    if not all(found) or not found:
        raise usage("--item must be CATEGORY=QUANTITY, such as --item cbb36d61e4fab23f47a9cea0=2")
    return tuple(TicketItem(match[1], int(match[2])) for match in found if match)
