"""A question for each way that the documentation leaves open."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias
from urllib.parse import parse_qs, urlsplit

import attrs

from eguma_async.core.errors import EgumaError, StatusError
from eguma_async.korus.booking.documents import DocumentLink

from .facts import Facts, Read, Reserve, ReserveAsJson, moment, objects

NEEDS_BOOK = "no earlier reservation shows it; holding something would: --book with --offer"
NEEDS_ORDER = "no earlier order shows it; ordering something would: --book with --offer"
_VOCABULARY = "/docs.jsonld#"


@attrs.frozen
class Found:
    """What a server does, or why that was not seen.

    Attributes:
        value: None if it was not seen.
        reason: How it was seen; or what would be needed.
    """

    value: object
    reason: str


def unseen(reason: str) -> Found:
    """Return that something was not seen."""
    return Found(None, reason)


async def token_seconds(facts: Facts) -> Found:
    """Ask how long an access token holds."""
    token = await facts.token()
    if token is None:
        return unseen("the session was given its token; give a client id and secret")
    return Found(round(token.life), "expires_in of a token")


async def refresh_tokens(facts: Facts) -> Found:
    """Ask whether there are refresh tokens."""
    token = await facts.token()
    if token is None:
        return unseen("the session was given its token; give a client id and secret")
    return Found(token.refresh_token is not None, "the answer that brought a token")


async def refresh_seconds(facts: Facts) -> Found:
    """Ask how long a refresh token holds."""
    token = await facts.token()
    if token is None:
        return unseen("the session was given its token; give a client id and secret")
    if token.refresh_token is None:
        return unseen("there are no refresh tokens")
    if token.refresh_life is None:
        return unseen("a refresh token holds without end, or its life is not told")
    return Found(round(token.refresh_life), "refresh_expires_in of a token")


async def violation_type(facts: Facts) -> Found:
    """Ask what a refusal of a malformed request calls itself."""
    refusal = await facts.nothing_reserved()
    named_type = refusal.body.get("@type")
    if refusal.status != 422 or not isinstance(named_type, str):
        return unseen(f"a reservation without items was answered with {refusal.status}")
    return Found(named_type, "the refusal of a reservation without items")


async def strict_content_type(facts: Facts) -> Found:
    """Ask whether a body has to be called JSON-LD."""
    answer = await facts.ask(ReserveAsJson())
    if answer.status == 415:
        return Found(True, "plain JSON is refused with 415")  # the value itself
    if answer.status == 422:
        return Found(False, "plain JSON is read")  # the value itself
    return unseen(f"plain JSON without items was answered with {answer.status}")


async def generation(facts: Facts) -> Found:
    """Ask which bodies there are: by what catalogs and items of reservations have."""
    catalogs = await facts.catalogs()
    items = [item for each in await facts.reservations() for item in objects(each, "items")]
    if items:
        unit, plain = "unitAmountInclTax" in items[0], "amountInclTax" in items[0]
        known = {(True, True): "release", (False, True): "1.0.7", (True, False): "seed"}
        found = known.get((unit, plain))
        if found is None:
            return unseen("items of reservations have no amounts")
        if catalogs and (found == "1.0.7") is ("lastSyncedAt" in catalogs[0]):
            return unseen("reservations are of one generation, and catalogs of another")
        return Found(found, "the amounts of a reserved item")
    if catalogs and "lastSyncedAt" not in catalogs[0]:
        return Found("1.0.7", "catalogs do not tell lastSyncedAt")
    return unseen(NEEDS_BOOK)


async def hold_seconds(facts: Facts) -> Found:
    """Ask how long a reservation lives: the most frequent life of those that there are."""
    spans = Counter(
        round((until - since).total_seconds())
        for each in await facts.reservations()
        if (since := moment(each.get("createdAt"))) and (until := moment(each.get("expiresAt")))
    )
    if not spans:
        return unseen(NEEDS_BOOK)
    ((seconds, _),) = spans.most_common(1)
    others = len(spans) - 1
    more = f"; {others} other lives were seen too" if others else ""
    return Found(seconds, f"expiresAt less createdAt{more}")


async def reservation_per(facts: Facts) -> Found:
    """Ask what becomes a reservation of its own."""
    if any(len(objects(each, "items")) > 1 for each in await facts.past_reservations()):
        return Found("catalog", "an earlier reservation has several items")
    held = await facts.held()
    if held is None:
        return unseen("two items in one call would show it: --book with --offer")
    made = objects(held, "reservations")
    if len(made) not in (1, 2):
        return unseen(f"two items became {len(made)} reservations")
    return Found("item" if len(made) == 2 else "catalog", "two items in one call")


async def public_url(facts: Facts) -> Found:
    """Ask what address the API gives for itself."""
    held = await facts.held()
    if held is None:
        return unseen("the answer to a reservation tells it: --book with --offer")
    context = held.get("@context")
    told = context.get("@vocab") if isinstance(context, dict) else None
    if not isinstance(told, str) or not told.endswith(_VOCABULARY):
        return unseen("the answer to a reservation tells no address")
    address = told.removesuffix(_VOCABULARY)
    asked_at = facts.session._base_url  # noqa: SLF001  # the same provider's
    if address == asked_at.rstrip("/"):
        return unseen("the API names itself by the address that it was asked at")
    return Found(address, "@vocab of the answer to a reservation")


async def short_stock(facts: Facts) -> Found:
    """Ask what becomes of an item beyond the stock: one unit more than is left of an offer."""
    if not facts.book:
        return unseen("asking for more than is left would show it: --book")
    scarce = await facts.scarce_offer()
    if scarce is None:
        return unseen("no offer with a whole-day ticket has 10 or fewer units left")
    offer, left = scarce
    answer = await facts.ask(Reserve(items=(await facts.item(offer, left + 1),)))
    if answer.status == 422:
        return Found("violation", "one unit more than is left is refused with 422")
    if objects(answer.body, "failedReservations"):
        return Found("failed", "one unit more than is left is in failedReservations")
    return unseen(f"one unit more than is left was answered with {answer.status}")


async def foreign_status(facts: Facts) -> Found:
    """Ask what is answered for what belongs to another organization."""
    if facts.foreign is None:
        return unseen("give the IRI of something that another organization owns: --foreign")
    answer = await facts.ask(Read(path_=facts.foreign))
    if answer.status in (403, 404):
        return Found(answer.status, f"{answer.status} for the IRI that was given")
    return unseen(f"the IRI that was given was answered with {answer.status}")


async def not_ready_status(facts: Facts) -> Found:
    """Ask what is answered for a document that is not ready."""
    async for document, ready in facts.documents():
        if not ready:
            linked = await facts.link(document)
            if isinstance(linked, StatusError):
                return Found(linked.status, "a document that is not ready")
    return unseen(
        "no order has a document that is not ready; one that waits for beneficiaries has: --book"
        " with --offer of such a one"
    )


async def link_seconds(facts: Facts) -> Found:
    """Ask how long a link to a document works."""
    link = await facts.ready_link()
    if link is None:
        return unseen(NEEDS_ORDER)
    seconds = _life(facts, link)
    if seconds is None:
        return unseen("a link does not tell when it ends")
    return Found(seconds, "the end that a link tells")


async def expired_link_status(facts: Facts) -> Found:
    """Ask what the storage answers for a link past its time."""
    if not facts.wait:
        return unseen("a link has to end before: --wait")
    link = await facts.ready_link()
    if link is None:
        return unseen(NEEDS_ORDER)
    left = _life(facts, link)
    if left is None:
        return unseen("a link does not tell when it ends")
    await facts.session.clock.sleep(left + 2)
    status = await facts.fetch(link.temporary_url)
    if status == 200:
        return unseen("a link works past its time")
    return Found(status, "a link past its time")


def _life(facts: Facts, link: DocumentLink) -> int | None:
    """Return for how many seconds a fresh link works; None if it does not tell.

    Of the two forms that signed links of that storage have, one tells the seconds and the other
    the end, in seconds of Unix time.
    """
    query = parse_qs(urlsplit(link.temporary_url.reveal()).query)
    for name, less in (
        ("X-Goog-Expires", 0),
        ("Expires", int(facts.session.clock.now().timestamp())),
    ):
        told = query.get(name, [""])[0]
        if told.isascii() and told.isdigit():
            return int(told) - less
    return None


async def answer_to(name: str, facts: Facts) -> Found:
    """Ask one of the questions. One that fails was not answered, which does not end the others.

    Args:
        name: One of `QUESTIONS`.
        facts: What is known of the server so far.
    """
    try:
        return await QUESTIONS[name](facts)
    except EgumaError as error:
        return unseen(f"{type(error).__name__}: {error}")


Ask: TypeAlias = Callable[[Facts], Awaitable[Found]]

QUESTIONS: Mapping[str, Ask] = {
    "generation": generation,
    "public_url": public_url,
    "hold_seconds": hold_seconds,
    "token_seconds": token_seconds,
    "refresh_seconds": refresh_seconds,
    "refresh_tokens": refresh_tokens,
    "link_seconds": link_seconds,
    "expired_link_status": expired_link_status,
    "reservation_per": reservation_per,
    "short_stock": short_stock,
    "foreign_status": foreign_status,
    "not_ready_status": not_ready_status,
    "strict_content_type": strict_content_type,
    "violation_type": violation_type,
}
"""By the name of the option of the sandbox that does the same."""
