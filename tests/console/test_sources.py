"""Sources: connecting one, what comes and what is refused, its mapping, its address, and who sees which of it."""

import base64
import hashlib
import hmac
import html
import re
from typing import Any

import aiohttp
import orjson
from playwright.async_api import Browser
from yarl import URL

from services.console.sources.document_paths import document_lines
from services.console.sources.setup_steps import SETUP_STEPS
from services.console.sources.words import GALLERY_GROUPS, TYPE_MARKS
from shared.integrations.catalogue import PROVIDERS_BY_TYPE
from shared.integrations.json_paths import find_values
from tests.support.console import ConsoleClient, Reader, Shown, console_client, needs_chromium, watched_page
from tests.support.console_routes import make_integration
from tests.support.provider_signing import CREDENTIALS
from tests.support.stack import Stack
from tests.support.waiting import until_async

SECRET = "the-secret-of-the-quiz"
ADDRESS = re.compile(r'data-copy="([^"]*/api/inbound/webhooks/[^"]+)"')


def typeform_body(number: int, email: str) -> bytes:
    answers = [{"type": "email", "email": email, "field": {"id": "f1", "ref": "email", "type": "email"}}]
    fields = [{"id": "f1", "title": "Your email", "type": "email", "ref": "email"}]
    response: dict[str, Any] = {"form_id": "quiz", "token": f"token{number}", "submitted_at": "2026-03-28T09:30:00Z"}
    response |= {"hidden": {"team": "Rigel"}, "definition": {"fields": fields}, "answers": answers}
    return orjson.dumps({"event_id": f"event{number}", "event_type": "form_response", "form_response": response})


async def send(stack: Stack, address: str, body: bytes, secret: str = SECRET) -> int:
    """What Typeform is answered."""
    signature = base64.b64encode(hmac.new(secret.encode(), body, hashlib.sha256).digest()).decode()
    headers = {"Typeform-Signature": f"sha256={signature}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(stack.base + URL(address).path, data=body) as answer,
    ):
        return answer.status


def words(shown: Shown) -> str:
    """The text that is seen, without its tags."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", shown.text)).split())


def address_on(shown: Shown) -> str:
    found = ADDRESS.search(shown.text)
    assert found, words(shown)
    return html.unescape(found[1])


async def until_words(client: ConsoleClient, path: str, text: str) -> Shown:
    """The page, once it says so."""
    seen: list[Shown] = []

    async def says() -> bool:
        seen.append(await client.get(path))
        return text in words(seen[-1])

    await until_async(says, what=f"{text!r} on {path}")
    return seen[-1]


async def connect_quiz(client: ConsoleClient, name: str) -> str:
    """The address of the page of a new Typeform source."""
    form = {"type": "typeform", "name": name, "credential_secret": SECRET}
    made = await client.post("/console/main/sources", form)
    assert made.status == 303, words(made)
    return made.location


async def test_source_from_its_form_to_its_end(client: ConsoleClient, shared_stack: Stack) -> None:
    page = await connect_quiz(client, "Quiz of the fair")
    shown = await client.get(page)
    address = address_on(shown)
    assert SECRET not in shown.text
    assert "Nothing has come yet" in words(shown)
    assert await send(shared_stack, address, typeform_body(1, "quiz1@example.com")) == 200
    shown = await until_words(client, page, "1 in the last hour")
    assert await send(shared_stack, address, typeform_body(2, "x@example.com"), "forged") == 401
    shown = await until_words(client, page, "wrong signature")
    assert "refuses what comes" not in words(shown)  # one may be anybody's
    for _ in range(2):
        assert await send(shared_stack, address, typeform_body(2, "x@example.com"), "forged") == 401
    shown = await until_words(client, page, "refuses what comes")
    assert "Copy it again from there." in words(shown)
    listed = await client.get("/console/main/sources")
    assert "1 refusing" in words(listed)
    off = await client.post(f"{page}/switch", {"on": ""})
    assert off.status == 303
    assert "It is switched off" in words(await client.get(page))
    renewed = await client.post(f"{page}/renew")
    assert renewed.status == 303
    assert address_on(await client.get(page)) != address

    async def has_stopped() -> bool:
        return await send(shared_stack, address, typeform_body(3, "quiz3@example.com")) == 404

    await until_async(has_stopped, what="the end of the old address")
    assert (await client.post(f"{page}/delete")).location == "/console/main/sources"
    assert (await client.get(page)).status == 404


async def test_missed_leads_are_fetched_since_a_time_that_has_passed(
    client: ConsoleClient, shared_stack: Stack
) -> None:
    quiz = await connect_quiz(client, "Quiz that nobody asks")
    assert "Fetch what was missed" not in (await client.get(quiz)).text
    assert (await client.post(f"{quiz}/backfill", {"since": "2026-03-01"})).status == 422
    ads = make_integration(shared_stack, "hubspot", "Hub of the fair", **CREDENTIALS["hubspot"])
    page = f"/console/main/sources/{ads['id']}"
    assert "Fetch what was missed" in (await client.get(page)).text
    for since in ("", "soon", "1960-01-01", "2999-01-01 10:00", "9" * 400, "0001-01-01T00:00+23:00"):
        refused = await client.post(f"{page}/backfill", {"since": since})
        assert (refused.status, "Write a time that has passed." in words(refused)) == (422, True), since
    started = await client.post(f"{page}/backfill", {"since": "2026-03-01 08:00"})
    assert (started.status, started.location.startswith("/console/main/jobs/")) == (303, True)
    assert "Hub of the fair" in words(await client.get(started.location))
    assert (await client.post("/console/main/sources/999999999999/backfill", {"since": "2026-03-01"})).status == 404
    await client.post(f"{started.location}/cancel")
    await client.post(f"{page}/delete")


async def test_wrong_handshake_alone_refuses_nothing(client: ConsoleClient, shared_stack: Stack) -> None:
    secrets = {"app_secret": "a" * 32, "verify_token": "verify-me", "page_access_token": "EAA" + "b" * 20}
    made = make_integration(shared_stack, "meta_lead_ads", "Page that was opened", **secrets)
    address = shared_stack.base + URL(made["webhook_url"]).path
    async with aiohttp.ClientSession() as session, session.get(address) as answer:  # such as by a browser
        assert answer.status == 403
    shown = await until_words(client, f"/console/main/sources/{made['id']}", "last handshake was refused")
    assert "a handshake with a wrong token" in words(shown)
    assert "No delivery was refused within a week." in words(shown)
    assert "refuses what comes" not in words(shown).partition("Doctor")[0].rpartition("Page that was opened")[2]
    async with aiohttp.ClientSession() as session:
        for _ in range(3):
            async with session.post(address, data=b"{}") as answer:
                assert answer.status == 401
    shown = await until_words(client, f"/console/main/sources/{made['id']}", "refuses what comes")
    assert "no signature" in words(shown)
    assert "refuses what comes" in words(shown).partition("Doctor")[0].rpartition("Page that was opened")[2]


async def test_mapping_is_tried_and_then_holds_for_the_next_lead(client: ConsoleClient, shared_stack: Stack) -> None:
    page = await connect_quiz(client, "Quiz with a mapping")
    address = address_on(await client.get(page))
    sampled = await client.get(f"{page}/mapping")
    assert "the sample of this provider" in words(sampled)
    await send(shared_stack, address, typeform_body(11, "quiz11@example.com"))
    await until_words(client, f"{page}/mapping", "Rigel")
    form = {"target": "custom", "key": "team", "path": "$.form_response.hidden.team"}
    tried = await client.post(f"{page}/mapping/preview", form)
    assert "team Rigel" in words(tried).partition("Would be")[2]
    part = await client.post(f"{page}/mapping/preview", form, **{"HX-Request": "true"})
    assert part.text.lstrip().startswith("<dl")
    wrong = await client.post(f"{page}/mapping", {**form, "path": "$..team"})
    assert (wrong.status, "This is no JSON path" in words(wrong)) == (422, True)
    assert (await client.post(f"{page}/mapping", form)).status == 303
    await send(shared_stack, address, typeform_body(12, "quiz12@example.com"))
    with shared_stack.database() as database:
        shared_stack.until_settled()
        row = database.execute("SELECT custom_fields FROM leads WHERE email = 'quiz12@example.com'").fetchone()
    assert row is not None
    assert row[0]["team"] == "Rigel"


async def test_settings_are_kept_or_refused_with_a_sentence(client: ConsoleClient) -> None:
    page = await connect_quiz(client, "Quiz with settings")
    form = {"name": "Quiz, renamed", "tags": "fair, autumn", "source": "fair", "rate_limit": "1,000"}
    form |= {"merge_policy": "overwrite", "has_alarm": "1", "silence_after_minutes": "90"}
    assert (await client.post(f"{page}/settings", form)).status == 303
    shown = await client.get(page)
    for text in ('value="Quiz, renamed"', 'value="fair, autumn"', 'value="1000"', 'value="90"'):
        assert text in shown.text
    refused = await client.post(f"{page}/settings", {**form, "rate_limit": "many", "event_id": "id", "name": ""})
    assert refused.status == 422
    for sentence in ("a whole number of 1 or more", "must be a JSON path", "Give it a name"):
        assert sentence in words(refused)


async def test_secret_that_is_made_is_shown_once(client: ConsoleClient) -> None:
    form = {"type": "google_ads", "name": "Search ads", "generate_google_key": "1"}
    made = await client.post("/console/main/sources", form)
    found = re.search(r'id="made-google_key"><span class="syntax-value">([^<]+)<', made.text)
    assert found, words(made)
    assert address_on(made)
    listed = await client.get("/console/main/sources?q=Search+ads")
    page = re.search(r'href="(/console/main/sources/\d+)"', listed.text)
    assert page
    assert found[1] not in (await client.get(page[1])).text
    unchanged = await client.post(f"{page[1]}/credentials", {"credential_google_key": f"********{found[1][-4:]}"})
    assert unchanged.status == 303
    missing = await client.post("/console/main/sources", {"type": "google_ads", "name": "Without a key"})
    assert (missing.status, "Webhook key is needed." in words(missing)) == (422, True)


async def test_who_sees_which_of_a_source(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    page = await connect_quiz(client, "Quiz of others")
    address = address_on(await client.get(page))
    await send(shared_stack, address, typeform_body(21, "private@example.com"))
    await until_words(client, page, "1 in the last hour")
    token = address.rpartition("/")[2]
    for kind in ("read_only", "agent"):
        async with console_client(shared_stack.base, readers[kind].email) as reader:
            for path in (page, "/console/main/sources", f"{page}/mapping"):
                shown = await reader.get(path)
                assert shown.status == 200
                assert token not in shown.text
                assert kind != "read_only" or "private@example.com" not in shown.text
            assert (await reader.post(f"{page}/renew")).status == 403
    assert address_on(await client.get(page)) == address


async def test_source_in_use_says_by_what(client: ConsoleClient, shared_stack: Stack) -> None:
    made = make_integration(shared_stack, "twilio", "Texts", account_sid="AC" + "1" * 32, auth_token="t" * 32)
    action = {"type": "send_sms", "integration_id": made["id"], "body": "Hello"}
    steps = [{"action": action}]
    body: dict[str, Any] = {"name": "Greets <b>", "trigger": {"type": "lead_created"}, "steps": steps}
    async with (
        aiohttp.ClientSession(shared_stack.base, headers=shared_stack.headers) as session,
        session.post("/api/v1/automations", json=body) as answer,
    ):
        assert answer.status == 201, await answer.text()
    refused = await client.post(f"/console/main/sources/{made['id']}/delete")
    assert refused.status == 409
    assert "Greets <b>" in words(refused)


async def test_submission_shows_the_request_of_its_provider(
    client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    page = await connect_quiz(client, "Quiz to look into")
    address = address_on(await client.get(page))
    await send(shared_stack, address, typeform_body(31, "look@example.com"))
    shown = await until_words(client, page, "1 in the last hour")
    found = re.search(r'href="(/console/main/submissions/[0-9a-f-]{36})', shown.text)
    assert found
    submission = await client.get(found[1])
    assert "As it came POST" in words(submission)
    assert "application/json" in words(submission)
    assert "_source" not in submission.text
    assert "Rigel" in words(submission)
    async with console_client(shared_stack.base, readers["read_only"].email) as reader:
        assert "look@example.com" not in (await reader.get(found[1])).text


async def test_test_lead_says_that_it_is_one(client: ConsoleClient, shared_stack: Stack) -> None:
    made = make_integration(shared_stack, "google_ads", "Ads with a test", google_key="the-key-of-google")
    body = orjson.loads(PROVIDERS_BY_TYPE["google_ads"].sample.body) | {"google_key": "the-key-of-google"}
    body |= {"is_test": True, "lead_id": "test-1"}
    address = shared_stack.base + URL(made["webhook_url"]).path
    async with aiohttp.ClientSession() as session, session.post(address, json=body) as answer:
        assert answer.status == 200, await answer.text()
    page = f"/console/main/sources/{made['id']}"
    shown = await until_words(client, page, "a test: it makes no lead")
    found = re.search(r'href="(/console/main/submissions/[0-9a-f-]{36})', shown.text)
    assert found
    assert "It is a test: it is kept" in words(await client.get(found[1]))


async def test_gallery_finds_every_type(client: ConsoleClient) -> None:
    offered = {type_ for group in GALLERY_GROUPS for type_ in group.types}
    assert offered == set(PROVIDERS_BY_TYPE) == set(SETUP_STEPS) == set(TYPE_MARKS)
    gallery = await client.get("/console/main/sources/connect")
    assert all(f"type={type_}" in gallery.text for type_ in offered)
    found = await client.get("/console/main/sources/connect?q=quiz")
    assert "Nothing has this name." in words(found)
    microsoft = await client.get("/console/main/sources/connect?q=microsoft")
    assert "no webhook there" in words(microsoft)
    assert "type=typeform" not in microsoft.text
    for type_ in offered:
        assert (await client.get(f"/console/main/sources/new?type={type_}")).status == 200
    assert (await client.get("/console/main/sources/new?type=smtp")).status == 404


def test_every_value_of_a_sample_is_found_by_its_path() -> None:
    for provider in PROVIDERS_BY_TYPE.values():
        if not provider.sample.media_type.endswith("json"):
            continue
        document = orjson.loads(provider.sample.body)
        lines, is_cut = document_lines(document, hides_values=False)
        tokens = [token for line in lines for token in line if token.path]
        assert tokens
        assert not is_cut
        for token in tokens:
            values = find_values(token.path, document)
            assert len(values) == 1, token.path
            if "********" not in token.text:
                assert orjson.loads(token.text) == values[0]


@needs_chromium
async def test_click_on_a_value_fills_its_path_and_shows_the_lead(
    browser: Browser, client: ConsoleClient, shared_stack: Stack, readers: dict[str, Reader]
) -> None:
    path = await connect_quiz(client, "Quiz to click on")
    await send(shared_stack, address_on(await client.get(path)), typeform_body(41, "click@example.com"))
    await until_words(client, path, "1 in the last hour")
    async with watched_page(browser, shared_stack.base, readers["admin"].email) as watched:
        page = watched.page
        await watched.open(f"{path}/mapping")
        row = page.locator(".map-row").first
        await row.locator("select").select_option("company")
        await row.locator("[name=path]").focus()
        await page.locator('[data-fill-path="$.form_response.hidden.team"]').click()
        await page.locator("#outcome dd", has_text="Rigel").wait_for()
        await row.locator("[name=path]").fill("$..team")
        await page.locator("#row-0", has_text="no JSON path").wait_for()
        assert watched.faults == []
