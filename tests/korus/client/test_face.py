"""What `eguma_async.korus` offers: names, docstrings, and the same arguments everywhere."""

from __future__ import annotations

import inspect
import io
import typing
from decimal import Decimal

import attrs
import pytest

import eguma_async
from eguma_async import HttpResponse, Timeouts, korus
from eguma_async.core.operation import Operation
from eguma_async.korus import Beneficiary, Customer, OfferItem, TicketChoice
from eguma_async.testing import json_reply
from tests.korus.client.conftest import wire

RESOURCES = {
    "catalogs": korus.Catalogs,
    "product_bases": korus.ProductBases,
    "products": korus.Products,
    "offers": korus.Offers,
    "reservations": korus.Reservations,
    "orders": korus.Orders,
    "documents": korus.Documents,
    "beneficiaries": korus.Beneficiaries,
}
METHODS = {
    f"{name}.{method}": function
    for name, kind in RESOURCES.items()
    for method, function in vars(kind).items()
    if inspect.isfunction(function) and not method.startswith("_")
}


def test_all_is_sorted_and_can_be_imported():
    names = list(korus.__all__)
    assert names == sorted(set(names), key=lambda name: (not name.isupper(), name))
    for name in names:
        assert getattr(korus, name) is not None


def test_a_session_has_every_resource():
    session = korus.KorusSession(token="t" * 20)
    assert {name: type(getattr(session, name)) for name in RESOURCES} == RESOURCES


@pytest.mark.parametrize("name", korus.__all__)
def test_every_name_is_documented(name):
    value = getattr(korus, name)
    if not (inspect.isclass(value) or inspect.isroutine(value)):
        return
    own = vars(value).get("__doc__") if inspect.isclass(value) else value.__doc__
    assert own, "no docstring of its own"
    assert own.strip().splitlines()[0].endswith((".", ":")), own


# A recovery goes by the session's limits; an entry is read from the journal.
OF_THE_JOURNAL = {"orders.recover", "orders.entry"}


@pytest.mark.parametrize("name", METHODS)
def test_every_method_is_documented_typed_and_takes_its_own_time_limits(name):
    method = METHODS[name]
    signature = inspect.signature(method)
    given = list(signature.parameters.values())[1:]
    assert method.__doc__
    assert signature.return_annotation is not inspect.Signature.empty
    assert all(p.annotation is not inspect.Parameter.empty for p in given)
    if name not in OF_THE_JOURNAL:
        assert signature.parameters["timeouts"].kind is inspect.Parameter.KEYWORD_ONLY
        assert signature.parameters["timeouts"].default is None


def test_every_type_in_a_signature_has_a_public_name():
    public = {id(getattr(korus, name)) for name in korus.__all__}
    public |= {id(getattr(eguma_async, name)) for name in vars(eguma_async)["__all__"]}
    missing = set()
    for method in (*METHODS.values(), korus.Hold.order, korus.KorusSession.__init__):
        hints = typing.get_type_hints(method)
        hints.pop("options", None)  # those that every session takes, spelled out for `help`
        for kind in hints.values():
            missing |= {each.__qualname__ for each in classes_in(kind) if id(each) not in public}
    for name in korus.__all__:
        value = getattr(korus, name)
        if inspect.isclass(value) and attrs.has(value):
            attrs.resolve_types(value)
            for field in attrs.fields(value):
                missing |= {c.__qualname__ for c in classes_in(field.type) if id(c) not in public}
            properties = [each.fget for each in vars(value).values() if isinstance(each, property)]
            for kind in (typing.get_type_hints(f).get("return") for f in properties):
                missing |= {c.__qualname__ for c in classes_in(kind) if id(c) not in public}
    assert missing == set()


def classes_in(kind):
    """Yield the classes of this package in a type."""
    for each in (kind, typing.get_origin(kind)):
        if inspect.isclass(each) and each.__module__.startswith("eguma_async"):
            yield each
    for part in typing.get_args(kind):
        if part is not Ellipsis:
            yield from classes_in(part)


def test_operations_name_their_source():
    operations = [
        value
        for value in (getattr(korus, name) for name in korus.__all__)
        if inspect.isclass(value) and issubclass(value, Operation)
    ]
    assert len(operations) >= 22
    for operation in operations:
        assert "Source: ``" in (operation.__doc__ or ""), operation
        plan = operation.plan()
        assert plan.name == operation.__name__


CATALOG = "/v1/ticketing/catalogs/1"
OFFER = f"{CATALOG}/offers/1"
TICKET = f"{OFFER}/tickets/1"
ORDER, ONE = "/v1/booking/orders/1", "/v1/booking/reservations/1"
DOCUMENT, USED = f"{ORDER}/documents/1", f"{ORDER}/items/1/tickets/1"
JOHN = Customer("a", "b", "c")
LINKED = json_reply({"@id": DOCUMENT, "temporaryUrl": "https://storage.googleapis.com/x?s=1"})
FILE = HttpResponse(status=200, body=b"%PDF-1.7\n%%EOF")
EMPTY = json_reply({"member": []})


def answer(name, iri):
    return json_reply({**wire(name), "@id": iri})


ORDER_ROW = {**wire("order", "release"), "@id": ORDER}
PLAIN = json_reply({"@id": CATALOG, "name": "x", "createdAt": "2025-01-28T07:42:04Z"})
CALLS = {
    "catalogs.list": (lambda s, **t: s.catalogs.list(**t).first(), [EMPTY]),
    "catalogs.get": (lambda s, **t: s.catalogs.get(CATALOG, **t), [PLAIN]),
    "product_bases.list": (lambda s, **t: s.product_bases.list(CATALOG, **t).first(), [EMPTY]),
    "product_bases.get": (lambda s, **t: s.product_bases.get(CATALOG, **t), [PLAIN]),
    "product_bases.options": (
        lambda s, **t: s.product_bases.options(CATALOG, **t).first(),
        [EMPTY],
    ),
    "product_bases.option_values": (
        lambda s, **t: s.product_bases.option_values(CATALOG, "zone", **t).first(),
        [EMPTY],
    ),
    "products.list": (lambda s, **t: s.products.list(CATALOG, **t).first(), [EMPTY]),
    "products.get": (lambda s, **t: s.products.get(CATALOG, **t), [PLAIN]),
    "offers.list": (lambda s, **t: s.offers.list(CATALOG, **t).first(), [EMPTY]),
    "offers.get": (
        lambda s, **t: s.offers.get(OFFER, **t),
        [json_reply({"@id": OFFER, "product": CATALOG})],
    ),
    "offers.price": (
        lambda s, **t: s.offers.price(OFFER, **t),
        [json_reply({"amountInclTax": "1.00"})],
    ),
    "offers.availability": (lambda s, **t: s.offers.availability(OFFER, **t), [json_reply({})]),
    "offers.tickets": (lambda s, **t: s.offers.tickets(OFFER, **t).first(), [EMPTY]),
    "offers.ticket": (lambda s, **t: s.offers.ticket(TICKET, **t), [json_reply({"@id": TICKET})]),
    "offers.sessions": (lambda s, **t: s.offers.sessions(TICKET, **t).first(), [EMPTY]),
    "offers.session": (lambda s, **t: s.offers.session(TICKET, **t), [json_reply({"@id": TICKET})]),
    "reservations.create": (
        lambda s, **t: s.reservations.create([OfferItem(OFFER, [TicketChoice(TICKET)])], **t),
        [json_reply({"reservations": []})],
    ),
    "reservations.get": (lambda s, **t: s.reservations.get(ONE, **t), [answer("reservation", ONE)]),
    "reservations.list": (lambda s, **t: s.reservations.list(**t).first(), [EMPTY]),
    "reservations.hold": (
        lambda s, **t: s.reservations.hold(
            [OfferItem(OFFER, [TicketChoice(TICKET)])],
            allow_partial=True,
            expected_total=Decimal(1000),
            **t,
        ).__aenter__(),
        [json_reply({"reservations": [{**wire("reservation"), "items": []}]})],
    ),
    "orders.create": (
        lambda s, **t: s.orders.create([ONE], JOHN, "A-1", **t),
        [json_reply({"orders": [{**ORDER_ROW, "reservation": ONE}]})],
    ),
    "orders.reconcile": (
        lambda s, **t: s.orders.reconcile("A-1", [ONE], **t),
        [
            EMPTY,
            json_reply({"@id": ONE, "order": ORDER}),
            json_reply({**ORDER_ROW, "reservation": ONE}),
        ],
    ),
    "orders.get": (lambda s, **t: s.orders.get(ORDER, **t), [json_reply(ORDER_ROW)]),
    "orders.list": (
        lambda s, **t: collect(s.orders.list(**t)),
        [json_reply({"member": [], "view": {"next": "/v1/booking/orders?page=2"}}), EMPTY],
    ),
    "documents.list": (lambda s, **t: s.documents.list(ORDER, **t).first(), [EMPTY]),
    "documents.get": (
        lambda s, **t: s.documents.get(DOCUMENT, **t),
        [json_reply({"@id": DOCUMENT})],
    ),
    "documents.link": (lambda s, **t: s.documents.link(DOCUMENT, **t), [LINKED]),
    "documents.download": (
        lambda s, **t: s.documents.download(DOCUMENT, to=io.BytesIO(), **t),
        [LINKED, HttpResponse(status=403), LINKED, FILE],
    ),
    "beneficiaries.get": (
        lambda s, **t: s.beneficiaries.get(USED, **t),
        [json_reply({"@id": USED})],
    ),
    "beneficiaries.update": (
        lambda s, **t: s.beneficiaries.update(USED, Beneficiary(firstname="a", lastname="b"), **t),
        [json_reply({"@id": USED})],
    ),
}


async def collect(listed):
    return [element async for element in listed]


def test_every_method_is_called_here():
    assert set(CALLS) | {"orders.settle"} | OF_THE_JOURNAL == set(METHODS) | {"orders.settle"}


@pytest.mark.parametrize(("call", "steps"), CALLS.values(), ids=CALLS)
async def test_time_limits_of_one_call_reach_each_of_its_requests(scripted, call, steps):
    mine, usual = Timeouts(total=7.0), Timeouts(total=9.0)
    async with scripted(*steps, *steps, timeouts=usual) as (session, transport):
        await call(session, timeouts=mine)
        await call(session)
    expected = [mine] * len(steps) + [usual] * len(steps)
    assert [request.timeouts for request in transport.requests] == expected
