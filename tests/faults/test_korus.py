"""K · what only Korus Ticket does."""

from __future__ import annotations

import json
from datetime import timedelta
from decimal import Decimal
from io import BytesIO
from typing import Any

import attrs
import pytest

from eguma_async import (
    AccessDeniedError,
    DecodingError,
    EgumaError,
    InvalidRequestError,
    OutcomeUnknownError,
    SessionStateError,
)
from eguma_async.korus import (
    InconsistentAnswerError,
    PartialFailureError,
    ViolationsError,
)
from eguma_async.sandbox import CutBody, DropAfter, DropBefore, KorusOptions, Reply

from .matrix import Row, check, id_of, row, rows_of
from .shops import Rewrite, edited
from .stage import Stage

RESERVE = "/v1/booking/reservations/_bulk"
ORDER = "/v1/booking/orders/_bulk"
ORDERS = "/v1/booking/orders"


@row(
    "K1",
    "a success of which a part failed: a reservation, an order",
    "what was done and what was not stand side by side; an error of it only if asked for",
)
async def partial(stage: Stage) -> None:
    shop = await stage.korus()
    items = [shop.item("example"), shop.item("fails_reserving")]
    held = await shop.session.reservations.create(items)
    assert (len(held.reservations), len(held.failed), held.unaccounted) == (1, 1, ())
    assert held.failed[0].offer == items[1].offer
    with pytest.raises(PartialFailureError) as caught:
        held.raise_for_failures()
    stage.errors.append(caught.value)
    iris = await shop.reserve("example", "fails_ordering")
    done = await shop.order(iris)
    assert [order.reservation for order in done.orders] == [iris[0]]
    assert [failure.reservation for failure in done.failed] == [iris[1]]
    assert len(shop.sandbox.orders()) == 1
    with pytest.raises(PartialFailureError) as caught:
        done.raise_for_failures()
    stage.errors.append(caught.value)
    stage.proves("parts that failed", lambda: len(held.failed) + len(done.failed), 2)


@row(
    "K2",
    "a success in which all failed, in which nothing is told, in which one is on both sides",
    "all: told as failures; nothing: unaccounted; both: InconsistentAnswerError, outcome unknown",
)
async def odd_parts(stage: Stage) -> None:
    shop = await stage.korus()
    held = await shop.session.reservations.create([shop.item("fails_reserving")])
    assert (held.reservations, len(held.failed)) == ((), 1)

    def nothing(content: Any) -> None:
        content["reservations"], content["failedReservations"] = [], None

    shop.inject(Rewrite(edited(nothing), path=RESERVE))
    item = shop.item()
    held = await shop.session.reservations.create([item])
    assert held.unaccounted == (item.offer,)

    def both(content: Any) -> None:
        content["failedReservations"] = [{"offer": item.offer, "message": "no"}]

    shop.inject(Rewrite(edited(both), path=RESERVE))
    error = await stage.fails(InconsistentAnswerError, shop.session.reservations.create([item]))
    assert error.outcome_unknown
    assert len(error.result.reservations) == 1
    (iri,) = await shop.reserve("example")

    def failed_too(content: Any) -> None:
        content["failedOrders"] = [{"reservation": iri}]

    shop.inject(Rewrite(edited(failed_too), path=ORDER))
    error = await stage.fails(InconsistentAnswerError, shop.order([iri]))
    assert len(error.result.orders) == 1


@row(
    "K3",
    "a reservation that has expired among others, told in words of any language",
    "ViolationsError that names it, by the code and the place alone; nothing is ordered",
)
async def expired(stage: Stage) -> None:
    def in_other_words(response: Any) -> Any:
        content = response.json()
        for violation in content["violations"]:
            violation["message"] = "words nobody knows"
        content["detail"] = "other words"
        return attrs.evolve(response, body=json.dumps(content).encode())

    shop = await stage.korus()
    for change in (lambda response: response, in_other_words):
        iris = await shop.reserve("example", "short_hold")
        shop.sandbox.clock.advance(minutes=6)
        shop.inject(Rewrite(change, path=ORDER))
        error = await stage.fails(ViolationsError, shop.order(iris))
        assert error.expired_reservations == (iris[1],)
        assert (error.attempts, error.outcome_unknown) == (1, False)
        assert "words" not in f"{error} {error!r}"
    assert shop.sandbox.orders() == ()


@row(
    "K4",
    "violations of places nobody knows, of positions that were not sent, of odd shapes",
    "ViolationsError with all of them; none is taken for an expired reservation",
)
async def unknown_violations(stage: Stage) -> None:
    shop = await stage.korus()
    iris = await shop.reserve("example")
    code = "d53a91b0-def3-426a-83d7-269da7ab4200"
    violations = [
        {"propertyPath": "moon.phase", "message": "full", "code": "x"},
        {"propertyPath": "reservations[7].expired", "message": "no", "code": code},
        {"propertyPath": "reservations[-1].expired", "message": "no", "code": code},
        {"propertyPath": "reservations[0].expired", "message": "no", "code": "another"},
        {"message": "without a place"},
        {"propertyPath": 5, "code": {}},
    ]
    for listed, kind in (
        (violations, ViolationsError),
        ({"0": violations[0]}, ViolationsError),
        ("?", InvalidRequestError),
    ):
        content = {"@type": "ConstraintViolationList", "status": 422, "violations": listed}
        text = json.dumps(content)
        shop.inject(Reply(422, body=text, content_type="application/ld+json", path=ORDER))
        error = await stage.fails(kind, shop.order(iris))
        assert getattr(error, "expired_reservations", ()) == ()
        assert not error.outcome_unknown
    assert len(stage.errors[0].violations) == 6  # type: ignore[attr-defined]
    assert stage.errors[0].violations[0].path == "moon.phase"  # type: ignore[attr-defined]
    assert (await shop.order(iris)).failed == ()


@row(
    "K5",
    "the answer to an order is lost, cut, garbled, replaced by a gateway's; or nothing was done",
    "never sent again before it was looked for, after 2, 5 and 15 s; then one order, the same",
)
async def lost_order(stage: Stage) -> None:
    made = (
        DropAfter(path=ORDER),
        CutBody(path=ORDER),
        Reply(502, path=ORDER, after_commit=True),
        Reply(200, body="{", path=ORDER, after_commit=True),
    )
    for fault in made:
        shop = await stage.korus()
        iris = await shop.reserve("example")
        shop.inject(fault)
        done = await shop.order(iris, reconcile_unknown=True)
        assert (len(done.orders), shop.sent(ORDER)) == (1, 1)
        assert shop.clock.sleeps == [2]
    shop = await stage.korus()
    iris = await shop.reserve("example")
    shop.inject(DropBefore(path=ORDER))
    await shop.order(iris, reconcile_unknown=True)
    assert (len(shop.sandbox.orders()), shop.sent(ORDER), shop.sent(ORDERS)) == (1, 2, 3)
    assert shop.clock.sleeps == [2, 5, 15]
    shop = await stage.korus()
    iris = await shop.reserve("example")
    shop.inject(DropAfter(path=ORDER))
    error = await stage.fails(OutcomeUnknownError, shop.order(iris))
    assert (error.attempts, shop.sent(ORDER)) == (1, 1)
    found = await shop.session.orders.reconcile("A-1", iris)
    assert [order.iri for order in found.orders] == [shop.sandbox.orders()[0].iri]


@row(
    "K6",
    "the reference is shared by older orders, and by more than one page of others",
    "all pages are read; only the order of the reservation that was sent is taken",
)
async def shared_reference(stage: Stage) -> None:
    shop = await stage.korus()
    (older,) = await shop.reserve("plain")
    await shop.order([older], "shared")
    shop.sandbox.clock.advance(hours=3)
    for _ in range(52):
        (other,) = await shop.reserve("plain")
        await shop.order([other], "shared")
    (iri,) = await shop.reserve("example")
    shop.inject(DropAfter(path=ORDER))
    done = await shop.order([iri], "shared", reconcile_unknown=True)
    assert [order.reservation for order in done.orders] == [iri]
    looked = [dict(each.query) for each in shop.sandbox.requests if each.path == ORDERS]
    assert [query.get("page", "1") for query in looked] == ["1", "2"]
    assert {query["createdAt[after]"] for query in looked} == {"2026-03-02T10:00:00+00:00"}
    assert len(shop.sandbox.orders()) == 54


@row(
    "K7",
    "the answer to a reservation is lost",
    "outcome unknown after one request; the list shows what is held; it ends after 15 minutes",
)
async def lost_reservation(stage: Stage) -> None:
    shop = await stage.korus()
    left = shop.sandbox.availability("plain")
    shop.inject(DropAfter(path=RESERVE))
    error = await stage.fails(OutcomeUnknownError, shop.reserve("plain"))
    assert (error.attempts, shop.sent(RESERVE)) == (1, 1)
    (orphan,) = shop.sandbox.holds()
    assert [held.iri async for held in shop.session.reservations.list()] == [orphan.iri]
    shop.sandbox.clock.advance(minutes=15)
    assert shop.sandbox.holds() == ()
    assert shop.sandbox.availability("plain") == left


@row(
    "K8",
    "two orders of one reservation are told; a hold is ordered twice",
    "InconsistentAnswerError, nothing more is sent; SessionStateError before anything is sent",
)
async def two_orders(stage: Stage) -> None:
    def twice(content: Any) -> None:
        (order,) = content["orders"]
        other = order["@id"][:-1] + ("0" if order["@id"][-1] != "0" else "1")
        content["orders"] = [order, {**order, "@id": other, "id": other.rpartition("/")[2]}]

    shop = await stage.korus()
    iris = await shop.reserve("example")
    shop.inject(Rewrite(edited(twice), path=ORDER))
    error = await stage.fails(InconsistentAnswerError, shop.order(iris, reconcile_unknown=True))
    assert error.outcome_unknown
    assert shop.sent(ORDER) == 1
    async with shop.session.reservations.hold([shop.item()]) as hold:
        buyer = shop.customer()
        done = await hold.order(buyer, external_reference="B-2")
        stage.reported(shop, done.orders[0])
        await stage.fails(SessionStateError, hold.order(buyer, external_reference="B-2"))
    assert len(shop.sandbox.orders()) == 2
    again = await stage.korus()
    iris = await again.reserve("example")
    await again.order(iris)
    refused = await stage.fails(ViolationsError, again.order(iris, "C-3"))
    assert refused.attempts == 1
    assert len(again.sandbox.orders()) == 1


@row(
    "K9",
    "the link to a document is too old when it is used, and so is the fresh one",
    "one fresh link is asked for; then an error that shows no link, and nothing is kept",
)
async def old_link(stage: Stage) -> None:
    class Late:
        """Lets an hour pass before each download."""

        def __init__(self, inner: Any) -> None:
            self.inner = inner
            self.times = 0
            self.late = 0

        async def send(self, request: Any, /) -> Any:
            if request.operation == "DownloadDocument" and self.late < self.times:
                self.late += 1
                clock.advance(timedelta(hours=1))
            return await self.inner.send(request)

        async def aclose(self) -> None:
            pass

    late = 0
    stage.limit = 4000.0  # the hour passes within the call
    for status in (400, 403, 404, 410):
        shop = await stage.korus(wrap=Late, options=KorusOptions(expired_link_status=status))
        clock = shop.sandbox.clock
        done = await shop.order(await shop.reserve("example"))
        (document,) = done.orders[0].documents
        link = await shop.session.documents.link(document)
        stage.hide(link.temporary_url.reveal())
        stage.show(link, link.temporary_url)
        shop.transport.times = 1
        kept = BytesIO()
        told = await shop.session.documents.download(document, to=kept)
        assert kept.getvalue().startswith(b"%PDF")
        assert told.size == len(kept.getvalue())
        assert shop.sent(document) == 3
        shop.transport.times = 9
        kept = BytesIO()
        try:
            await shop.session.documents.download(document, to=kept)
        except EgumaError as error:
            stage.errors.append(error)
        assert kept.getvalue() == b""
        assert shop.sent(document) == 5
        late += shop.transport.late
    assert [getattr(error, "status", None) for error in stage.errors] == [400, 403, 404, 410]
    assert type(stage.errors[1]) is AccessDeniedError
    stage.proves("links that were too old", lambda: late, 12)


AMOUNTS: dict[Any, Decimal | None] = {
    "80.00": Decimal("80.00"),
    "80": Decimal(80),
    "0.5": Decimal("0.5"),
    80: Decimal(80),
    "-80.00": Decimal("-80.00"),
    "8e1": None,
    "NaN": None,
    "Infinity": None,
    "1_000": None,
    "٨٠": None,
    "0x50": None,
    " 80": None,
    "80,00": None,
    "": None,
    "9" * 400: None,
    True: None,
}


@row(
    "K10",
    "amounts as 80.00, 80, 8e1, NaN, Infinity, with separators and in other digits",
    "plain decimals exactly, without rounding; anything else is unreadable, and told as that",
)
async def amounts(stage: Stage) -> None:
    shop = await stage.korus()
    (iri,) = await shop.reserve("example")
    for text, value in AMOUNTS.items():

        def edit(content: Any, text: Any = text) -> None:
            content["totalAmountInclTax"] = text

        shop.inject(Rewrite(edited(edit), path=iri))
        if value is None:
            error = await stage.fails(DecodingError, shop.session.reservations.get(iri))
            assert error.problems[0].endswith("@ $.totalAmountInclTax"), text
        else:
            told = (await shop.session.reservations.get(iri)).total_amount_incl_tax
            assert (told, type(told)) == (value, Decimal), text


@pytest.mark.parametrize("row", rows_of(__name__), ids=id_of)
def test_row(row: Row) -> None:
    check(row)
