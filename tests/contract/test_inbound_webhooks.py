"""Providers post to an integration's address, each in its own format (`docs/sources.md`)."""

import asyncio
import base64
import hashlib
import hmac
import json
import secrets
import time
from typing import Any

import aiohttp

from tests.contract.service import Service, ask, new_email, new_phone
from tests.contract.webhook_posts import post, submissions_of
from tests.contract.workspaces import Workspace
from tests.support.waiting import until_async

SECRET = "typeform-secret-123456"


def typeform_body(token: str, **person: str) -> bytes:
    fields = [{"id": name, "title": name.replace("_", " "), "type": "short_text"} for name in person]
    answers = [{"type": "text", "text": text, "field": {"id": name}} for name, text in person.items()]
    response = {"form_id": "f1", "token": token, "definition": {"fields": fields}, "answers": answers}
    response["hidden"] = {"utm_source": "news", "utm_campaign": "spring", "gclid": "G-1"}
    return json.dumps({"event_type": "form_response", "form_response": response}).encode()


def typeform_headers(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = base64.b64encode(hmac.digest(secret.encode(), body, "sha256")).decode()
    return {"Typeform-Signature": f"sha256={digest}", "Content-Type": "application/json"}


async def make_typeform(ours: Workspace, **settings: Any) -> dict[str, Any]:
    body = {"type": "typeform", "name": "Our quiz", "credentials": {"secret": SECRET}, "settings": settings}
    return await ours.make("/integrations", body)


async def test_signed_response_becomes_a_lead_once(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    integration = await make_typeform(ours, tags=["quiz"])
    mail = new_email()
    body = typeform_body(secrets.token_hex(8), first_name="Ada", last_name="Byron", email=mail, budget="10")
    for _ in range(3):  # redelivered
        answer = await post(provider, integration, body, **typeform_headers(body))
        assert (answer.status, answer.raw) == (200, b"")
    [submission] = await submissions_of(ours, integration, 1)
    assert submission["attribution"]["utm_campaign"] == "spring"
    assert submission["payload"]["form_response"]["form_id"] == "f1"
    assert submission["is_test"] is False
    lead = await ours.show(f"/leads/{submission['lead_id']}")
    shown = {name: lead[name] for name in ("first_name", "last_name", "email", "source", "tags", "custom_fields")}
    assert shown == {
        **{"first_name": "Ada", "last_name": "Byron", "email": mail, "source": "typeform"},
        **{"tags": ["quiz"], "custom_fields": {"budget": "10"}},
    }
    assert lead["attribution"]["first"]["click_ids"] == {"gclid": "G-1"}
    listed = await ours.ask("GET", "/leads?utm_source=news&utm_campaign=spring")
    assert lead["id"] in [one["id"] for one in listed.body["data"]]
    assert (await ours.ask("GET", "/leads?utm_source=nobody")).body["data"] == []
    raw = await ours.ask("GET", f"/submissions/{submission['id']}/raw")
    assert raw.raw == body


async def test_unsigned_and_forged_requests_are_refused_and_counted(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    integration = await make_typeform(ours)
    body = typeform_body("t", email=new_email())
    assert (await post(provider, integration, body)).status == 401
    assert (await post(provider, integration, body, **typeform_headers(body, "another-secret"))).status == 401

    async def is_counted() -> bool:
        sources = (await ours.ask("GET", "/sources")).body["data"]
        [source] = [one for one in sources if (one["kind"], one["id"]) == ("integration", integration["id"])]
        return bool(source["rejected_24h"] == {"missing_signature": 1, "bad_signature": 1})

    await until_async(is_counted, what="the count of rejections")
    assert await submissions_of(ours, integration, 0) == []
    check = await ours.show(f"/integrations/{integration['id']}/check")
    step = next(one for one in check["steps"] if one["step"] == "last_rejection")
    assert (check["ok"], step["ok"]) == (False, False)
    assert "secret" in step["advice"]


async def test_unknown_address_is_404_and_a_renewed_one_works_alone(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    assert (await ask(provider, "POST", f"/api/inbound/webhooks/{secrets.token_urlsafe(32)}")).status == 404
    old = await make_typeform(ours)
    new = (await ours.ask("POST", f"/integrations/{old['id']}/rotate-url")).body["data"]
    assert new["webhook_url"] != old["webhook_url"]
    body = typeform_body(secrets.token_hex(8), email=new_email())

    async def is_gone() -> bool:
        return (await post(provider, old, body, **typeform_headers(body))).status == 404

    await until_async(is_gone, what="the end of the old address")
    assert (await post(provider, new, body, **typeform_headers(body))).status == 200


async def test_integration_that_is_off_acknowledges_and_stores_nothing(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    integration = await make_typeform(ours)
    assert (await ours.ask("PATCH", f"/integrations/{integration['id']}", {"is_active": False})).status == 200
    body = typeform_body(secrets.token_hex(8), email=new_email())

    async def is_off() -> bool:
        return (await post(provider, integration, body)).status == 200  # not even verified

    await until_async(is_off, what="the change to be seen")
    assert await submissions_of(ours, integration, 0) == []


async def test_signed_body_that_cannot_be_read_is_kept_as_dead(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    integration = await make_typeform(ours)
    body = b'{"event_type": "form_response", "form_response": "\xff'
    assert (await post(provider, integration, body, **typeform_headers(body))).status == 200
    [submission] = await submissions_of(ours, integration, 1)
    assert (submission["state"], submission["lead_id"]) == ("dead", None)
    assert submission["error"].startswith("UnreadableBody")
    assert (await ours.ask("GET", f"/submissions/{submission['id']}/raw")).raw == body
    email = new_email()
    fixed = await ours.ask(
        "POST", f"/submissions/{submission['id']}/replay", {"payload": {"email": email}, "reason": "typed by hand"}
    )
    assert fixed.status in (200, 202), fixed.raw
    [again] = await submissions_of(ours, integration, 1, state="done")
    assert (await ours.show(f"/leads/{again['lead_id']}"))["email"] == email


async def test_meta_handshake_echoes_the_challenge(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    credentials = {"app_secret": "a" * 32, "verify_token": "verify-me-please", "page_access_token": "EAA" + "b" * 20}
    made = await ours.make("/integrations", {"type": "meta_lead_ads", "name": "Page", "credentials": credentials})
    path = "/api/" + made["webhook_url"].partition("/api/")[2]
    asked = f"{path}?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    answer = await ask(provider, "GET", f"{asked}verify-me-please")
    assert (answer.status, answer.raw) == (200, b"1158201444")
    assert answer.headers["Content-Type"].startswith("text/plain")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert (await ask(provider, "GET", f"{asked}nope")).status == 403
    steps: dict[str, dict[str, Any]] = {}

    async def is_told() -> bool:
        check = await ours.show(f"/integrations/{made['id']}/check")
        steps.update({one["step"]: one for one in check["steps"]})
        return "refused" in steps.get("handshake", {"seen": ""})["seen"]

    await until_async(is_told, what="the refusal of the handshake")
    assert steps["handshake"]["ok"] is None
    assert "verify token" in steps["handshake"]["advice"]
    assert steps["last_rejection"]["ok"] is True
    assert (await ask(provider, "GET", f"{asked}verify-me-please")).status == 200

    async def is_over() -> bool:
        check = await ours.show(f"/integrations/{made['id']}/check")
        return any((one["step"], one["ok"]) == ("handshake", True) for one in check["steps"])

    await until_async(is_over, what="the answer to the next one")


async def test_bot_user_without_email_and_phone_is_known_again(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    credentials = {"secret_token": "bot-secret-token"}
    bot = await ours.make("/integrations", {"type": "telegram", "name": "Bot", "credentials": credentials})
    user = {"id": secrets.randbelow(10**9), "is_bot": False, "first_name": "Nour", "username": "nour"}
    for number in (1, 2):
        message = {"message_id": number, "date": int(time.time()), "chat": {"id": user["id"], "type": "private"}}
        update = {"update_id": number, "message": {**message, "from": user, "text": f"hello {number}"}}
        headers = {"X-Telegram-Bot-Api-Secret-Token": "bot-secret-token", "Content-Type": "application/json"}
        assert (await post(provider, bot, json.dumps(update).encode(), **headers)).status == 200
        await submissions_of(ours, bot, number)
    second, first = await submissions_of(ours, bot, 2)
    assert first["lead_id"] == second["lead_id"] is not None
    assert second["matched_on"] == ["external"]
    lead = await ours.show(f"/leads/{first['lead_id']}")
    assert (lead["first_name"], lead["email"], lead["phone"]) == ("Nour", None, None)


async def test_test_lead_makes_none(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    credentials = {"google_key": "google-key-0123456789"}
    ads = await ours.make("/integrations", {"type": "google_ads", "name": "Ads", "credentials": credentials})
    columns = [{"column_id": "EMAIL", "string_value": new_email()}]
    body = {"lead_id": "test-1", "google_key": "google-key-0123456789", "is_test": True, "user_column_data": columns}
    assert (await post(provider, ads, json.dumps(body).encode(), **{"Content-Type": "application/json"})).status == 200
    [submission] = await submissions_of(ours, ads, 1)
    assert (submission["state"], submission["is_test"], submission["lead_id"]) == ("done", True, None)


async def test_repeat_without_event_id_is_one_lead_for_ten_minutes(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    zap = await ours.make("/integrations", {"type": "zapier", "name": "Zap"})
    body = json.dumps({"First Name": "Zoe", "Email": new_email(), "Phone": new_phone()}).encode()
    posts = [post(provider, zap, body, **{"Content-Type": "application/json"}) for _ in range(5)]
    assert {answer.status for answer in await asyncio.gather(*posts)} == {200}
    [submission] = await submissions_of(ours, zap, 1)
    assert submission["is_duplicate"] is False


async def test_several_leads_in_one_post_are_several_submissions(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    zap = await ours.make("/integrations", {"type": "zapier", "name": "Batch"})
    people = [{"email": new_email(), "name": f"Person {n}"} for n in range(3)]
    answer = await post(provider, zap, json.dumps(people).encode(), **{"Content-Type": "application/json"})
    assert answer.status == 200
    found = await submissions_of(ours, zap, 3)
    assert {one["payload"]["email"] for one in found} == {one["email"] for one in people}
    assert len({one["lead_id"] for one in found}) == 3


async def test_own_mapping_wins_and_try_shows_it_before(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    mapping = {"email": "$.data.mail", "company": "$.data.shop.title", "custom_fields.size": "$.data.size"}
    settings = {"mapping": mapping, "event_id": "$.id", "source": "shop"}
    hook = await ours.make("/integrations", {"type": "webhook", "name": "Shop", "settings": settings})
    mail = new_email()
    body = {"id": 7, "data": {"mail": mail, "shop": {"title": "Acme"}, "size": 40}}
    tried = await ours.ask("POST", f"/integrations/{hook['id']}/try", {"body": body})
    [item] = tried.body["data"]["items"]
    assert (item["event_id"], item["lead"]["email"], item["lead"]["company"]) == ("7", mail, "Acme")
    assert await submissions_of(ours, hook, 0) == []
    for _ in range(2):
        answer = await post(provider, hook, json.dumps(body).encode(), **{"Content-Type": "application/json"})
        assert answer.status == 200
    [submission] = await submissions_of(ours, hook, 1)
    lead = await ours.show(f"/leads/{submission['lead_id']}")
    assert (lead["email"], lead["company"], lead["source"]) == (mail, "Acme", "shop")
    assert lead["custom_fields"]["size"] == 40


async def test_every_type_shows_its_own_sample(ours: Workspace, service: Service) -> None:
    types = (await ours.ask("GET", "/integrations/types")).body["data"]
    for kind in types:
        if kind["direction"] == "outbound":
            continue
        credentials = {field["key"]: _made_up(field["key"]) for field in kind["fields"] if field["required"]}
        made = await ours.make("/integrations", {"type": kind["type"], "name": "x", "credentials": credentials})
        answer = await ours.ask("POST", f"/integrations/{made['id']}/try", {})
        assert answer.status == 200, (kind["type"], answer.raw)
        assert answer.body["data"]["problem"] is None, kind["type"]
        assert answer.body["data"]["items"], kind["type"]


def _made_up(key: str) -> str:
    if key == "secret":
        return "whsec_" + base64.b64encode(hashlib.sha256(key.encode()).digest()).decode()
    return f"made-up-{key}-0123456789"


async def test_rate_of_a_source_is_limited_by_its_setting(ours: Workspace, provider: aiohttp.ClientSession) -> None:
    zap = await ours.make("/integrations", {"type": "zapier", "name": "Slow", "settings": {"rate_limit": 2}})
    answers = [
        await post(provider, zap, json.dumps({"email": new_email()}).encode(), **{"Content-Type": "application/json"})
        for _ in range(4)
    ]
    assert 429 in {answer.status for answer in answers}
    refused = next(answer for answer in answers if answer.status == 429)
    assert int(refused.headers["Retry-After"]) > 0
    assert (refused.code, "API key" in refused.body["message"]) == ("RATE_LIMITED", False)
    assert "rate_limit" in refused.body["message"]


async def test_silent_source_is_told_once_until_it_speaks_again(
    ours: Workspace, provider: aiohttp.ClientSession
) -> None:
    subscription = {"url": "https://receiver.example.com/hooks", "events": ["source.silent"]}
    webhook = await ours.make("/webhooks", subscription)
    zap = await ours.make("/integrations", {"type": "zapier", "name": "Zap", "settings": {"silence_after_minutes": 5}})

    async def messages() -> list[dict[str, Any]]:
        with ours.service.stack.database() as database:
            rows = database.execute(
                "SELECT payload FROM deliveries WHERE event = 'source.silent' AND subscription_id = %s ORDER BY id",
                (webhook["id"],),
            ).fetchall()
        found = [json.loads(bytes(row[0])) for row in rows]
        return [one for one in found if one["data"]["integration_id"] == zap["id"]]

    async def fall_silent(n: int) -> None:
        with ours.service.stack.database() as database:
            database.execute(
                "UPDATE integrations SET created_at = created_at - interval '6 min',"
                " last_received_at = last_received_at - interval '6 min' WHERE id = %s",
                (zap["id"],),
            )

        async def is_told() -> bool:
            return len(await messages()) == n

        await until_async(is_told, what="the message")

    assert await messages() == []
    await fall_silent(1)
    body = json.dumps({"email": new_email()}).encode()
    assert (await post(provider, zap, body, **{"Content-Type": "application/json"})).status == 200

    async def speaks() -> bool:
        sources = (await ours.ask("GET", "/sources")).body["data"]
        return not next(one for one in sources if one["kind"] == "integration" and one["id"] == zap["id"])["is_silent"]

    await until_async(speaks, what="the end of the silence")
    with ours.service.stack.database() as database:
        spoke = "SELECT silent_since IS NULL FROM integrations WHERE id = %s"
        await until_async(lambda: database.execute(spoke, (zap["id"],)).fetchone() == (True,))
    await fall_silent(2)
    told = (await messages())[0]
    assert (told["event"], told["lead"], told["data"]["name"]) == ("source.silent", None, "Zap")
