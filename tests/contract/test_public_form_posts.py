"""Visitors' posts to `/f/{public_id}`."""

import json
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.form_helpers import FORMS
from tests.contract.public_forms import (
    JSON_ACCEPTED,
    PAGE_ACCEPTED,
    VisitedForm,
    filled_in,
    visited_form,
)
from tests.contract.service import Service, ask, new_email


@pytest_asyncio.fixture(scope="module")
async def form(client: aiohttp.ClientSession, nobody: aiohttp.ClientSession) -> VisitedForm:
    return await visited_form(client, nobody)


def multipart(values: dict[str, Any], *files: tuple[str, bytes, str]) -> aiohttp.FormData:
    body = aiohttp.FormData(quote_fields=False, default_to_multipart=True)  # as browsers write names
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            body.add_field(name, one)
    for name, content, title in files:
        body.add_field(name, content, filename=title, content_type="application/octet-stream")
    return body


async def test_each_media_type_makes_the_lead(form: VisitedForm) -> None:
    for encode in ("json", "urlencoded", "multipart"):
        mail = new_email()
        values = filled_in(mail=mail, topics=["news", "sales"])
        bodies: dict[str, dict[str, Any]] = {
            "json": {"json": {**values, "agree": True}},
            "urlencoded": {"data": [(key, one) for key, value in values.items() for one in _each(value)]},
            "multipart": {"data": multipart(values)},
        }
        answer = await form.send(**bodies[encode])
        assert answer.body.keys() == {
            *("status", "submission_id", "lead_id", "is_duplicate", "message", "redirect_url"),
        }
        assert (answer.body["status"], answer.body["lead_id"]) == ("accepted", None)
        submission = await form.settled(answer)
        assert (submission["state"], submission["channel"]) == ("done", f"form:{form.record['id']}")
        lead = (await ask(form.owner, "GET", f"/api/v1/leads/{submission['lead_id']}")).body["data"]
        assert (lead["first_name"], lead["email"], lead["tags"]) == ("Ada", mail, ["news", "sales"]), encode


def _each(value: Any) -> list[str]:
    return value if isinstance(value, list) else [value]


async def test_a_browser_gets_a_page_of_thanks(form: VisitedForm) -> None:
    answer = await form.send(accept=PAGE_ACCEPTED, data=filled_in(mail=new_email()))
    assert (answer.status, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert b"<h1" in answer.raw
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]


async def test_a_redirect_carries_the_submission(form: VisitedForm) -> None:
    await form.change(settings={"redirect_url": "https://shop.example/thanks?lang=ar&submission_id=x#top"})
    try:
        browser = await form.send(accept=PAGE_ACCEPTED, data=filled_in(mail=new_email()))
        script = await form.send(data=filled_in(mail=new_email()))
    finally:
        await form.change(settings={"redirect_url": None})
    assert browser.status == 303
    start, _, id_ = browser.headers["Location"].removesuffix("#top").rpartition("submission_id=")
    assert start == "https://shop.example/thanks?lang=ar&"
    assert (await form.submission(id_))["state"] == "done"
    assert script.body["redirect_url"].removesuffix("#top").endswith(script.body["submission_id"])


async def test_a_path_is_one_of_the_site_where_the_form_stands(form: VisitedForm) -> None:
    await form.change(settings={"redirect_url": "/thanks?a=1"})
    try:
        responses = [
            await form.send(accept=PAGE_ACCEPTED, headers=headers, data=filled_in(mail=new_email()))
            for headers in ({"Origin": "https://shop.example"}, {"Referer": "https://shop.example/ask"}, {})
        ]
        places = [response.headers["Location"] for response in responses]
    finally:
        await form.change(settings={"redirect_url": None})
    starts = [place.partition("&submission_id=")[0] for place in places]
    assert starts == ["https://shop.example/thanks?a=1"] * 2 + ["/thanks?a=1"]


async def test_errors_keep_everything_that_was_typed(form: VisitedForm) -> None:
    typed = {"mail": "nobody", "message": '<script>alert("x")</script>', "topics": ["news"], "size": "M", "_key": "k1"}
    page = await form.send(accept=PAGE_ACCEPTED, data=[(k, one) for k, v in typed.items() for one in _each(v)])
    html = page.raw.decode()
    assert page.status == 422
    assert "<script>alert" not in html
    assert all(f'id="lh-{key}-error">' in html for key in ("name", "mail", "why", "agree"))
    assert 'value="nobody"' in html
    assert "&lt;script&gt;" in html
    assert 'value="k1"' in html
    script = await form.send(data={"mail": "nobody", "size": "M"})
    assert (script.status, script.code) == (422, "VALIDATION_FAILED")
    assert script.body["errors"].keys() == {"name", "mail", "why", "agree"}


async def test_errors_are_in_the_language_of_the_form(form: VisitedForm) -> None:
    # The form has no language of its own, and its questions are written from left to right.
    english = await form.send(data={}, headers={"Accept-Language": "ar"})
    german = await form.send(data={}, headers={"Accept-Language": "de-AT,en;q=0.5"})
    assert english.body["errors"]["name"] != german.body["errors"]["name"]
    assert english.body["errors"]["name"][0].isascii()


async def test_values_of_hidden_fields_are_ignored(form: VisitedForm) -> None:
    submission = await form.settled(await form.send(data=filled_in(mail=new_email(), size="S", why="ignored")))
    assert "why" not in submission["payload"]
    submission = await form.settled(await form.send(data=filled_in(mail=new_email(), size="M", why="big")))
    assert submission["payload"]["why"] == "big"


async def test_a_repeat_under_one_key_is_one_submission(form: VisitedForm) -> None:
    values = filled_in(mail=new_email(), _key=f"key-{new_email()}")
    first = await form.send(data=values)
    await form.settled(first)
    again = await form.send(data=values)
    assert again.headers["Idempotent-Replayed"] == "true"
    assert again.body == first.body
    other = await form.send(data={**values, "message": "another"})
    assert (other.status, other.code) == (409, "CONFLICT")
    page = await form.send(accept=PAGE_ACCEPTED, data={**values, "message": "another"})
    assert (page.status, b"another" in page.raw) == (409, True)
    assert values["_key"].encode() not in page.raw  # sent again, the page is another submission
    header = await form.send(data={**values, "_key": ""}, headers={"Idempotency-Key": values["_key"]})
    assert header.body["submission_id"] == first.body["submission_id"]


async def test_consents_are_kept_with_wording_and_version(form: VisitedForm) -> None:
    answer = await form.send(data=filled_in(mail=new_email()))
    submission = await form.settled(answer)
    raw = await ask(form.owner, "GET", f"/api/v1/submissions/{submission['id']}/raw")
    part = raw.body["_form"]
    [consent] = part["consents"]
    known = {"key": "agree", "text": "I agree to the terms.", "accepted": True, "version": part["version"]}
    assert {**consent, "at": None} == {**known, "at": None}
    assert consent["at"].endswith("+00:00")
    assert "visitor" not in raw.body["_form"]


async def test_the_visitors_address_is_kept_apart(form: VisitedForm, service: Service) -> None:
    spoofed = {"X-Forwarded-For": "203.0.113.9", "User-Agent": "Test/1"}  # by a client that is no trusted proxy
    submission = await form.settled(await form.send(data=filled_in(mail=new_email()), headers=spoofed))
    with service.stack.database() as database:
        found = database.execute(
            "SELECT host(address), user_agent FROM submission_visitors WHERE submission_id = %s", (submission["id"],)
        ).fetchall()
    assert found == [("127.0.0.1", "Test/1")]


async def test_attribution_of_forms_is_that_of_webhooks(form: VisitedForm) -> None:
    mail, campaign = new_email(), f"spring-{new_email()}"
    touch = {"utm_source": "news", "utm_campaign": campaign, "click_ids": {"gclid": "g1", "bad": 7}, "at": "2026-11-01"}
    sent = {
        "first": {"utm_source": "first-news", "landing_page": "https://shop.example/a", "at": "no time"},
        "last": {**touch, "referrer": "javascript:alert(1)"},
        "page_url": "https://shop.example/form",
        "consent": {"ad_user_data": False, "x": "yes"},
        "browser_ids": {"_fbp": "fb.1\0"},
    }
    submission = await form.settled(await form.send(data=filled_in(mail=mail, _attribution=json.dumps(sent))))
    assert submission["attribution"] == {
        **{"utm_source": "news", "utm_campaign": campaign, "click_ids": {"gclid": "g1"}},
        **{"page_url": "https://shop.example/form", "at": "2026-11-01T00:00:00", "browser_ids": {"_fbp": "fb.1\ufffd"}},
        "consent": {"ad_user_data": False, "agree": True},
    }
    found = await ask(form.owner, "GET", "/api/v1/leads", params={"utm_campaign": campaign})
    [lead] = found.body["data"]
    assert lead["email"] == mail
    assert lead["attribution"]["first"]["utm_source"] == "first-news"
    assert lead["attribution"]["last"]["utm_campaign"] == campaign


@pytest.mark.parametrize("sent", ["{", "[]", '{"last": 7, "first": []}', '{"consent": "x"}', "\0", "x" * 30_000])
async def test_a_broken_attribution_harms_nothing(form: VisitedForm, sent: str) -> None:
    page = "https://shop.example/?utm_source=plain"
    values = filled_in(mail=new_email(), _attribution=sent, _page=page)
    submission = await form.settled(await form.send(data=values))
    assert submission["attribution"]["utm_source"] == "plain"


@pytest.mark.parametrize(
    ("data", "headers", "status"),
    [
        (b"{", {"Content-Type": "application/json"}, 400),
        (b"[]", {"Content-Type": "application/json"}, 400),
        (b"<a/>", {"Content-Type": "application/xml"}, 415),
        (b"name=%ff", {"Content-Type": "application/x-www-form-urlencoded"}, 400),
        (b"no parts", {"Content-Type": "multipart/form-data; boundary=x"}, 400),
        (b"name=" + b"x" * 300_000, {"Content-Type": "application/x-www-form-urlencoded"}, 413),
        (b"", {"Content-Type": "application/x-www-form-urlencoded", "Idempotency-Key": "x" * 300}, 422),
    ],
)
async def test_unreadable_posts_are_refused(
    form: VisitedForm, data: bytes, headers: dict[str, str], status: int
) -> None:
    script = await form.send(data=data, headers=headers)
    assert (script.status, script.body["status"]) == (status, "error")
    page = await form.send(accept=PAGE_ACCEPTED, data=data, headers=headers)
    assert (page.status, page.headers["Content-Type"]) == (status, "text/html; charset=utf-8")


async def test_hostile_values_and_names_of_files(form: VisitedForm) -> None:
    for value in ("a\0b", "\ud800"):
        answer = await form.send(json={**filled_in(), "agree": True, "message": value})
        assert answer.status in (400, 422)
    values = filled_in(mail=new_email(), name="Robert'); DROP TABLE leads;--")
    pdf = ("cv", b"%PDF-1.7 x", '../../etc/<img src=x onerror=1>".pdf')
    submission = await form.settled(await form.send(data=multipart(values, pdf)))
    name = submission["payload"]["cv"]["name"]
    assert submission["payload"]["cv"]["type"] == "application/pdf"
    assert "/" not in name
    assert "DROP TABLE" in submission["payload"]["name"]


async def test_files_that_the_field_does_not_take(form: VisitedForm) -> None:
    for content in (b"MZ executable", b"%PDF-" + b"x" * (1 << 20)):
        answer = await form.send(data=multipart(filled_in(), ("cv", content, "cv.pdf")))
        assert (answer.status, list(answer.body["errors"])) == (422, ["cv"])


async def test_unknown_and_inactive_forms_are_closed(
    client: aiohttp.ClientSession, nobody: aiohttp.ClientSession
) -> None:
    closed = await visited_form(client, nobody, is_active=False)
    for path in (closed.path, "/f/unknown", "/f/" + "x" * 500):
        for method in ("GET", "POST"):
            page = await ask(nobody, method, path, headers=PAGE_ACCEPTED)
            assert (page.status, page.headers["Content-Type"]) == (404, "text/html; charset=utf-8")
        script = await ask(nobody, "POST", path, headers=JSON_ACCEPTED, data={})
        assert (script.status, script.code) == (404, "NOT_FOUND")
    assert (await ask(client, "GET", f"{FORMS}/{closed.record['id']}/submissions")).body["data"] == []
