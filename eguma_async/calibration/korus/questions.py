"""A question for each way that the documentation leaves open.

What earlier reservations and orders show is looked at first. Only then something is held, which
cannot be given back and ends by itself, or ordered, which the API cannot cancel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias
from urllib.parse import parse_qs, urlsplit

from eguma_async.calibration.questions import Answer, NotSeenError, Question, Risk

from .probe import Json, KorusProbe, TokenFacts, moment, objects

Ask: TypeAlias = Callable[[KorusProbe], Awaitable[Answer]]

NEEDS_HOLD = "no earlier reservation shows it; holding an offer would: --book with --offer"
NEEDS_ORDER = "no earlier order shows it; ordering an offer would: --book with --offer"
_VOCABULARY = "/docs.jsonld#"


def _is(option: str, value: object, evidence: str) -> Answer:
    return Answer(values={option: value}, evidence=evidence)


async def tokens(probe: KorusProbe) -> Answer:
    """Look what the answer says that brings a token."""
    token: TokenFacts = await probe.token()
    values: dict[str, object] = {"refresh_tokens": token.is_renewable}
    if token.life is not None:
        values["token_seconds"] = token.life
    if token.is_renewable and token.refresh_life is not None:
        values["refresh_seconds"] = token.refresh_life
    evidence = f"expires_in {token.life}, refresh_expires_in {token.refresh_life}"
    missing = "the answer does not say it" if token.is_renewable else "there are no refresh tokens"
    return Answer(values=values, evidence=evidence, missing=missing)


async def violation_type(probe: KorusProbe) -> Answer:
    """Look what the refusal of a reservation without items calls itself."""
    refusal = await probe.nothing_reserved()
    named = refusal.member("@type")
    if refusal.status != 422 or not isinstance(named, str):
        raise NotSeenError(f"a reservation without items was answered with {refusal.status}")
    return _is("violation_type", named, f"422 {named}")


async def strict_content_type(probe: KorusProbe) -> Answer:
    """Send a reservation without items as plain JSON."""
    reply = await probe.reserve(kind="application/json")
    if reply.status not in (415, 422):
        raise NotSeenError(f"plain JSON without items was answered with {reply.status}")
    return _is("strict_content_type", reply.status == 415, f"plain JSON: {reply.status}")


def _generation(reservations: list[Json], catalogs: list[Json]) -> Answer:
    items = [item for each in reservations for item in objects(each, "items")]
    if not items:
        if catalogs and "lastSyncedAt" not in catalogs[0]:
            return _is("generation", "1.0.7", "catalogs without lastSyncedAt")
        raise NotSeenError(NEEDS_HOLD)
    unit, plain = "unitAmountInclTax" in items[0], "amountInclTax" in items[0]
    known = {(True, True): "release", (False, True): "1.0.7", (True, False): "seed"}
    found = known.get((unit, plain))
    if found is None:
        raise NotSeenError("items of reservations have no amounts")
    if catalogs and (found == "1.0.7") is ("lastSyncedAt" in catalogs[0]):
        raise NotSeenError("reservations are of one generation, and catalogs of another")
    return _is("generation", found, "the amounts of a reserved item")


async def past_generation(probe: KorusProbe) -> Answer:
    """Look which members catalogs and earlier reservations have."""
    return _generation(await probe.past_reservations(), await probe.catalogs())


async def new_generation(probe: KorusProbe) -> Answer:
    """Look which members catalogs and a new reservation have."""
    held = objects(await probe.held(), "reservations")
    return _generation(held, await probe.catalogs())


def _hold_seconds(reservations: list[Json]) -> Answer:
    spans = Counter(
        round((until - since).total_seconds())
        for each in reservations
        if (since := moment(each.get("createdAt"))) and (until := moment(each.get("expiresAt")))
    )
    if not spans:
        raise NotSeenError(NEEDS_HOLD)
    ((seconds, _),) = spans.most_common(1)
    more = f", {len(spans) - 1} other lives were seen" if len(spans) > 1 else ""
    return _is("hold_seconds", seconds, f"expiresAt less createdAt{more}")


async def past_hold_seconds(probe: KorusProbe) -> Answer:
    """Look how long most of the earlier reservations lived."""
    return _hold_seconds(await probe.past_reservations())


async def new_hold_seconds(probe: KorusProbe) -> Answer:
    """Look how long a new reservation lives."""
    return _hold_seconds(objects(await probe.held(), "reservations"))


async def past_reservation_per(probe: KorusProbe) -> Answer:
    """Look whether an earlier reservation has several items."""
    if any(len(objects(each, "items")) > 1 for each in await probe.past_reservations()):
        return _is("reservation_per", "catalog", "a reservation of several items")
    raise NotSeenError(NEEDS_HOLD)


async def new_reservation_per(probe: KorusProbe) -> Answer:
    """Hold two items in one call."""
    made = len(objects(await probe.held(), "reservations"))
    if made not in (1, 2):
        raise NotSeenError(f"two items became {made} reservations")
    per = "item" if made == 2 else "catalog"
    return _is("reservation_per", per, f"reservations of two items: {made}")


async def public_url(probe: KorusProbe) -> Answer:
    """Look what the answer to a reservation calls the API."""
    context = (await probe.held()).member("@context")
    told = context.get("@vocab") if isinstance(context, dict) else None
    if not isinstance(told, str) or not told.endswith(_VOCABULARY):
        raise NotSeenError("the answer to a reservation tells no address")
    address = told.removesuffix(_VOCABULARY)
    if address == probe.wire.base_url.rstrip("/"):
        raise NotSeenError("the API calls itself what it was asked at")
    return _is("public_url", address, "@vocab of the answer to a reservation")


async def short_stock(probe: KorusProbe) -> Answer:
    """Ask for one unit more than is left of an offer."""
    scarce = await probe.scarce_offer()
    if scarce is None:
        raise NotSeenError("no offer with whole-day tickets has 10 or fewer units left")
    offer, left = scarce
    reply = await probe.reserve(await probe.item(offer, left + 1))
    if reply.status == 422:
        return _is("short_stock", "violation", f"{left + 1} of {left} units: 422")
    if objects(reply, "failedReservations"):
        return _is("short_stock", "failed", f"{left + 1} of {left} units: failedReservations")
    raise NotSeenError(f"one unit more than is left was answered with {reply.status}")


async def foreign_status(probe: KorusProbe) -> Answer:
    """Read something that another organization owns."""
    foreign = probe.circumstances.foreign
    if foreign is None:
        raise NotSeenError("needs the IRI of something that another organization owns: --foreign")
    reply = await probe.ask("GET", foreign)
    if reply.status not in (403, 404):
        raise NotSeenError(f"the IRI that was given was answered with {reply.status}")
    return _is("foreign_status", reply.status, f"HTTP {reply.status}")


async def _not_ready(probe: KorusProbe, orders: list[Json]) -> Answer:
    async for document, ready in probe.documents(orders):
        reply = None if ready else await probe.link(document)
        if reply is not None and not reply.ok:
            return _is("not_ready_status", reply.status, f"HTTP {reply.status}")
    raise NotSeenError(
        "no order has a document that is not ready; one that waits for beneficiaries has: --book"
        " with --offer of such a one"
    )


async def _link_seconds(probe: KorusProbe, orders: list[Json]) -> Answer:
    link = await probe.ready_link(orders)
    if link is None:
        raise NotSeenError(NEEDS_ORDER)
    return _is("link_seconds", _life(probe, link), "the end that a link tells")


async def _expired_link(probe: KorusProbe, orders: list[Json]) -> Answer:
    link = await probe.ready_link(orders)
    if link is None:
        raise NotSeenError(NEEDS_ORDER)
    await probe.wire.clock.sleep(_life(probe, link) + 2)
    status = await probe.fetch(link)
    if 200 <= status < 300:
        raise NotSeenError("a link works past its time")
    return _is("expired_link_status", status, f"HTTP {status}")


def _life(probe: KorusProbe, link: str) -> int:
    """Return for how many seconds a fresh link works.

    Of the two forms that signed links of that storage have, one tells the seconds and the other
    the end, in seconds of Unix time.

    Raises:
        NotSeenError: It does not tell.
    """
    query = parse_qs(urlsplit(link).query)
    now = int(probe.wire.clock.now().timestamp())
    for name, less in (("X-Goog-Expires", 0), ("Expires", now)):
        told = query.get(name, [""])[0]
        if told.isascii() and told.isdigit():
            return int(told) - less
    raise NotSeenError("a link does not tell when it ends")


AskOrders: TypeAlias = Callable[[KorusProbe, list[Json]], Awaitable[Answer]]


def _past(look: AskOrders) -> Ask:
    async def ask(probe: KorusProbe) -> Answer:
        return await look(probe, await probe.past_orders())

    return ask


def _new(look: AskOrders) -> Ask:
    async def ask(probe: KorusProbe) -> Answer:
        return await look(probe, await probe.new_orders())

    return ask


def _question(text: str, option: str, ask: Ask, **more: Any) -> Question[KorusProbe]:
    return Question(text=text, options=(option,), ask=ask, **more)


_GENERATION = "Which bodies does it send?"
_HOLD = "How many seconds does a reservation live?"
_PER = "What becomes a reservation of its own?"
_NOT_READY = "What is answered for a document that is not ready?"
_LINK = "How many seconds does a link to a document work?"
_EXPIRED = "What is answered for a link past its time?"

QUESTIONS: tuple[Question[KorusProbe], ...] = (
    Question(
        text="How many seconds does a token hold, and what renews it?",
        options=("token_seconds", "refresh_seconds", "refresh_tokens"),
        ask=tokens,
    ),
    _question("What does a refusal call itself?", "violation_type", violation_type),
    _question("Is plain JSON refused?", "strict_content_type", strict_content_type),
    _question(_GENERATION, "generation", past_generation),
    _question(_HOLD, "hold_seconds", past_hold_seconds),
    _question(_PER, "reservation_per", past_reservation_per),
    _question("What is answered for what others own?", "foreign_status", foreign_status),
    _question(_NOT_READY, "not_ready_status", _past(_not_ready)),
    _question(_LINK, "link_seconds", _past(_link_seconds)),
    _question(_EXPIRED, "expired_link_status", _past(_expired_link), takes_long=True),
    _question(_GENERATION, "generation", new_generation, risk=Risk.HOLD),
    _question(_HOLD, "hold_seconds", new_hold_seconds, risk=Risk.HOLD),
    _question(_PER, "reservation_per", new_reservation_per, risk=Risk.HOLD),
    _question("What does the API call itself?", "public_url", public_url, risk=Risk.HOLD),
    _question("What becomes of one too many?", "short_stock", short_stock, risk=Risk.HOLD),
    _question(_NOT_READY, "not_ready_status", _new(_not_ready), risk=Risk.KEEP),
    _question(_LINK, "link_seconds", _new(_link_seconds), risk=Risk.KEEP),
    _question(
        _EXPIRED, "expired_link_status", _new(_expired_link), risk=Risk.KEEP, takes_long=True
    ),
)
"""All questions, those that change nothing first."""
