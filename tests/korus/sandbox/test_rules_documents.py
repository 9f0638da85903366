"""Rules 39 to 49: documents and beneficiaries."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from eguma_async.core.messages import HttpRequest

BLANK = "c1051bb4-d103-4f74-8988-acbcafc7fdc3"
CHOICE = "8e179f1b-97aa-4560-a02f-2a8b42e49df7"
ADA = {"firstname": "Ada", "lastname": "Lovelace", "dateOfBirth": "1815-12-10"}


async def document_of(api, name="plain"):
    [order] = await api.buy(name)
    return order, order["documents"][0]


async def link_to(api, document, **headers):
    response = await api.patch(document, {}, **headers)
    assert response.status == 200, response.json()
    return response.json()["temporaryUrl"]


async def download(api, link):
    return await api.get(link, authorization=None, accept=None)


async def test_rule_39_a_patch_gives_link_and_language(api):
    order, document = await document_of(api)
    answer = (await api.patch(document, {})).json()
    assert answer["@context"] == "/contexts/BookingOrderDocument"
    assert answer["@type"] == "BookingOrderDocument"
    assert (answer["@id"], answer["id"]) == (document, document.rsplit("/", 1)[1])
    assert answer["cachedLanguage"] == "fr"
    assert answer["temporaryUrl"].startswith("https://api.demo.korusticket.com/_documents/")
    file = await download(api, answer["temporaryUrl"])
    assert (file.status, file.headers["content-type"]) == (200, "application/pdf")
    assert file.body.startswith(b"%PDF-")
    assert order["reference"].encode() in file.body


async def test_rule_40_links_are_of_their_own_expire_and_need_no_token(api):
    _, document = await document_of(api)
    first, second = await link_to(api, document), await link_to(api, document)
    assert first != second
    expires = int(parse_qs(urlsplit(first).query)["Expires"][0])
    assert expires == int(datetime(2026, 3, 2, 9, 15, tzinfo=UTC).timestamp())
    api.sandbox.clock.advance(minutes=14, seconds=59)
    assert (await download(api, first)).status == 200
    api.sandbox.clock.advance(seconds=1)
    assert (await download(api, first)).status == 403
    assert (await download(api, await link_to(api, document))).status == 200


async def test_rule_40_a_changed_link_is_refused_and_so_is_the_api_token(api):
    _, document = await document_of(api)
    link = await link_to(api, document)
    longer = re.sub(r"Expires=\d+", "Expires=9999999999", link)
    for wrong in (longer, link.replace("tickets-fr", "tickets-en"), link[:-4] + "é"):
        assert (await download(api, wrong)).status == 403
    assert (await download(api, link.partition("?")[0])).status == 403
    assert (await api.get(link, authorization="Bearer stray")).status == 400


async def test_rule_40_a_link_is_for_reading_and_for_files_that_exist(api):
    order, document = await document_of(api)
    link = await link_to(api, document)
    assert (await api.raw("PUT", urlsplit(link).path, authorization=None)).status == 405
    missing = link.replace(order["id"], "01940000-0000-7000-8000-000000000000")
    assert (await download(api, missing)).status == 404
    assert (await download(api, "/_documents/")).status == 404


@pytest.mark.parametrize("status", [400, 403, 404, 410])
async def test_rule_40_the_answer_to_an_old_link_can_be_chosen(make, status):
    api = await make(expired_link_status=status, link_seconds=60)
    _, document = await document_of(api)
    link = await link_to(api, document)
    api.sandbox.clock.advance(seconds=60)
    assert (await download(api, link)).status == status


@pytest.mark.parametrize(
    ("wanted", "given", "word"),
    [
        (None, "fr", b"Billets"),
        ("en", "en", b"Tickets"),
        ("de", "fr", b"Billets"),
        ("de, en;q=0.5", "en", b"Tickets"),
    ],
)
async def test_rule_41_the_file_has_the_wanted_language_or_the_default(api, wanted, given, word):
    _, document = await document_of(api)
    answer = (await api.patch(document, {}, accept_language=wanted)).json()
    assert answer["cachedLanguage"] == given
    assert word in (await download(api, answer["temporaryUrl"])).body


async def test_rule_41_each_catalog_has_its_own_languages(other):
    _, document = await document_of(other, "foreign")
    answer = (await other.patch(document, {}, accept_language="de")).json()
    assert answer["cachedLanguage"] == "de"
    assert b"Eintrittskarten" in (await download(other, answer["temporaryUrl"])).body


@pytest.mark.parametrize("content_type", ["application/json", "application/ld+json", None])
async def test_rule_42_a_patch_must_be_a_merge_patch(make, content_type):
    api = await make(strict_content_type=False)
    _, document = await document_of(api)
    response = await api.patch(document, {}, content_type=content_type)
    assert response.status == 415
    assert "application/merge-patch+json" in response.json()["detail"]


async def test_a_document_patch_must_be_a_json_object(api):
    _, document = await document_of(api)
    bodies: tuple[Any, ...] = ([], None, "x")
    for body in bodies:
        assert (await api.patch(document, body)).status == 400


async def test_rule_43_a_document_is_found_below_its_order_alone(api, other):
    order, document = await document_of(api)
    stranger, _ = await document_of(api)
    misplaced = document.replace(order["id"], stranger["id"])
    unknown = f"{order['@id']}/documents/01940000-0000-7000-8000-000000000000"
    for iri in (misplaced, unknown):
        for response in (await api.get(iri), await api.patch(iri, {})):
            assert response.status == 404
            assert response.json()["@type"] == "Error"
    assert (await other.patch(document, {})).status == 403


async def test_rule_44_there_is_no_link_before_its_time(api):
    _, document = await document_of(api, "late_documents")
    shown = (await api.get(document)).json()
    assert shown["downloadableAt"] == "2026-03-02T11:00:00+00:00"
    refused = await api.patch(document, {})
    assert refused.status == 422
    assert "temporaryUrl" not in refused.json()
    api.sandbox.clock.advance(hours=2)
    await api.log_in()
    assert (await api.patch(document, {})).status == 200


@pytest.mark.parametrize("status", [404, 409, 422, 425])
async def test_rule_44_there_is_no_link_while_a_ticket_waits(make, status):
    api = await make(not_ready_status=status)
    order, document = await document_of(api, "named")
    assert (await api.get(document)).json()["downloadableAt"] is None
    assert (await api.patch(document, {})).status == status
    assert (await api.patch(ticket_of(order)["@id"], {"beneficiary": ADA})).status == 200
    assert (await api.get(document)).json()["downloadableAt"] == "2026-03-02T09:00:00+00:00"
    assert (await api.patch(document, {})).status == 200


@pytest.mark.parametrize(
    "origin",
    ["http://127.0.0.1", "http://localhost:8080", "https://api.korusticket.com", "http://[::1]:9"],
)
async def test_a_link_leads_to_where_the_request_was_sent(api, origin):
    [order] = await api.buy("plain")
    headers = {
        "authorization": f"Bearer {api.token}", "content-type": "application/merge-patch+json",
    }  # fmt: skip
    transport = api.sandbox.transport()
    url = f"{origin}{order['documents'][0]}"
    request = HttpRequest(method="PATCH", url=url, headers=headers, body=b"{}")
    link = json.loads((await transport.send(request)).body)["temporaryUrl"]
    assert link.startswith(f"{origin}/_documents/")
    fetched = await transport.send(HttpRequest(method="GET", url=link))
    assert (fetched.status, fetched.body[:5]) == (200, b"%PDF-")


async def test_the_documents_of_an_order_are_listed_on_one_page(api):
    order, document = await document_of(api)
    listed = (await api.get(f"{order['@id']}/documents")).json()
    assert [member["@id"] for member in listed["member"]] == [document]
    assert "view" not in listed


async def test_the_table_of_a_pdf_points_at_its_objects(api):
    _, document = await document_of(api, api.item("example", 40))
    pdf = (await download(api, await link_to(api, document))).body
    start = int(pdf.rsplit(b"startxref\n", 1)[1].split(b"\n")[0])
    assert pdf[start:].startswith(b"xref\n")
    offsets = [int(line[:10]) for line in pdf[start:].split(b"\n") if line.endswith(b" n ")]
    assert len(offsets) == 3 + 2 * 3  # 82 lines take three pages
    for number, offset in enumerate(offsets, 1):
        assert pdf[offset:].startswith(b"%d 0 obj\n" % number)
    for length, text in re.findall(rb"/Length (\d+) >>\nstream\n(.*?)\nendstream", pdf, re.DOTALL):
        assert len(text) == int(length)


def ticket_of(order, index=0):
    return order["items"][0]["tickets"][index]


async def test_rule_45_tickets_can_wait_for_beneficiaries(api):
    [order] = await api.buy("named")
    ticket = ticket_of(order)
    assert ticket["status"] == "waiting_beneficiary_data"
    assert ticket["requiredBeneficiaryFields"] == ["firstname", "lastname", "dateOfBirth"]
    assert ticket["beneficiary"] is None
    assert ticket["beneficiaryDesignationDeadline"] == "2026-03-20T18:30:00+01:00"


async def test_rule_46_all_demanded_fields_validate_a_ticket(api):
    [order] = await api.buy("named")
    iri = ticket_of(order)["@id"]
    response = await api.patch(iri, {"beneficiary": {**ADA, "title": "mrs"}})
    assert response.status == 200
    answer = response.json()
    assert answer["@context"] == "/contexts/BookingOrderItemTicket"
    assert answer["status"] == "validated"
    assert answer["beneficiary"] == {**ADA, "title": "mrs"}
    assert answer["requiredBeneficiaryFields"] == []
    assert (await api.get(iri)).json()["beneficiary"] == answer["beneficiary"]


@pytest.mark.parametrize("missing", ["firstname", "lastname", "dateOfBirth"])
@pytest.mark.parametrize("value", [None, " ", ...])
async def test_rule_47_a_missing_demanded_field_is_refused(api, broken, missing, value):
    [order] = await api.buy("named")
    iri = ticket_of(order)["@id"]
    given = {name: text for name, text in {**ADA, missing: value}.items() if text is not ...}
    refused = await api.patch(iri, {"beneficiary": given})
    assert (f"beneficiary.{missing}", BLANK) in broken(refused)
    assert (await api.get(iri)).json()["status"] == "waiting_beneficiary_data"


async def test_rule_48_a_title_is_one_of_three(api, broken):
    [order] = await api.buy("named")
    iri = ticket_of(order)["@id"]
    refused = await api.patch(iri, {"beneficiary": {**ADA, "title": "dr"}})
    assert broken(refused) == [("beneficiary.title", CHOICE)]
    for title in ("mr", "mrs", "mx", None):
        assert (await api.patch(iri, {"beneficiary": {**ADA, "title": title}})).status == 200


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("nationality", "ZZ"),
        ("dateOfBirth", "2000-02-30"),
        ("dateOfBirth", "1.2.2000"),
        ("email", "x"),
    ],
)
async def test_malformed_beneficiary_fields_are_refused(api, broken, field, value):
    [order] = await api.buy("named")
    refused = await api.patch(ticket_of(order)["@id"], {"beneficiary": {**ADA, field: value}})
    assert [path for path, _ in broken(refused)] == [f"beneficiary.{field}"]


async def test_rule_49_after_the_deadline_no_name_is_taken(api, broken):
    [order] = await api.buy("named")
    iri = ticket_of(order)["@id"]
    api.sandbox.clock.set(datetime(2026, 3, 20, 17, 30, 1, tzinfo=UTC))
    await api.log_in()
    refused = await api.patch(iri, {"beneficiary": ADA})
    assert [path for path, _ in broken(refused)] == ["beneficiaryDesignationDeadline"]
    api.sandbox.clock.set(datetime(2026, 3, 20, 17, 30, tzinfo=UTC))
    assert (await api.patch(iri, {"beneficiary": ADA})).status == 200


async def test_rule_49_a_name_is_changed_only_where_it_is_amendable(api, broken):
    [fixed] = await api.buy("named_once")
    iri = ticket_of(fixed)["@id"]
    assert (await api.patch(iri, {"beneficiary": ADA})).status == 200
    refused = await api.patch(iri, {"beneficiary": {**ADA, "firstname": "Augusta"}})
    assert [path for path, _ in broken(refused)] == ["beneficiaryAmendable"]
    assert (await api.get(iri)).json()["beneficiary"]["firstname"] == "Ada"

    [free] = await api.buy("named")
    iri = ticket_of(free)["@id"]
    assert (await api.patch(iri, {"beneficiary": ADA})).status == 200
    changed = await api.patch(iri, {"beneficiary": {"firstname": "Augusta"}})
    assert changed.json()["beneficiary"] == {**ADA, "firstname": "Augusta"}


@pytest.mark.parametrize(
    ("body", "status"),
    [({}, 422), ({"beneficiary": None}, 422), ({"beneficiary": []}, 400), ([], 400)],
)
async def test_a_beneficiary_must_be_an_object(api, body, status):
    [order] = await api.buy("named")
    assert (await api.patch(ticket_of(order)["@id"], body)).status == status


async def test_tickets_of_others_cannot_be_named(api, other):
    [order] = await api.buy("named")
    assert (await other.patch(ticket_of(order)["@id"], {"beneficiary": ADA})).status == 403
