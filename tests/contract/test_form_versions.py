"""Drafts and versions of forms: what is changed in a draft is seen by nobody until it is published."""

from typing import Any

import aiohttp

from tests.contract.form_helpers import FIELDS, FORMS, make_form
from tests.contract.service import ask

PHONE = {"key": "phone", "label": "Phone", "type": "phone", "maps_to": "phone"}
WITHOUT_OPTIONS = {"key": "plan", "label": "Plan", "type": "select"}


async def test_a_draft_is_saved_published_and_an_older_version_restored(client: aiohttp.ClientSession) -> None:
    form = await make_form(client, fields=FIELDS[:1])
    path = f"{FORMS}/{form['id']}"
    fresh = (await ask(client, "GET", f"{path}/draft")).body["data"]
    assert (fresh["is_changed"], fresh["revision"], fresh["fields"]) == (False, 0, form["fields"])
    saved = await _save(client, path, fields=[*FIELDS[:1], PHONE], settings={"title": "Call me"}, revision=0)
    assert (saved["is_changed"], saved["problems"], saved["published_version"]) == (True, {}, 1)
    assert (await ask(client, "GET", path)).body["data"] == form  # visitors still see the published one

    published = (await ask(client, "POST", f"{path}/publish", json={"revision": saved["revision"]})).body["data"]
    assert (published["version"], len(published["fields"])) == (2, 2)
    assert published["settings"]["title"] == "Call me"
    assert not (await ask(client, "GET", f"{path}/draft")).body["data"]["is_changed"]
    versions = (await ask(client, "GET", f"{path}/versions")).body["data"]
    assert [(one["version"], len(one["fields"])) for one in versions] == [(2, 2), (1, 1)]

    restored = (await ask(client, "POST", f"{path}/versions/1/restore")).body["data"]
    assert (restored["is_changed"], restored["fields"]) == (True, form["fields"])
    assert (await ask(client, "POST", f"{path}/publish")).body["data"]["version"] == 3
    assert (await ask(client, "POST", f"{path}/publish")).status == 409  # nothing is left to publish


async def test_a_draft_may_be_unfinished_and_is_then_not_published(client: aiohttp.ClientSession) -> None:
    form = await make_form(client, fields=FIELDS[:1])
    path = f"{FORMS}/{form['id']}"
    saved = await _save(client, path, fields=[WITHOUT_OPTIONS])
    assert saved["problems"].keys() == {"fields.0.options"}
    refused = await ask(client, "POST", f"{path}/publish")
    assert (refused.status, refused.body["errors"].keys()) == (422, {"fields.0.options"})
    wrong = await ask(client, "PUT", f"{path}/draft", json={"fields": [{"key": "x", "type": "colour"}]})
    assert wrong.status == 422
    assert (await ask(client, "DELETE", f"{path}/draft")).status == 204
    assert not (await ask(client, "GET", f"{path}/draft")).body["data"]["is_changed"]


async def test_two_editors_do_not_overwrite_each_other(client: aiohttp.ClientSession) -> None:
    path = f"{FORMS}/{(await make_form(client))['id']}"
    first = await _save(client, path, settings={"title": "One"}, revision=0)
    late = await ask(client, "PUT", f"{path}/draft", json={"settings": {"title": "Two"}, "revision": 0})
    assert late.status == 409
    second = await _save(client, path, settings={"intro": "Hello"}, revision=first["revision"])
    assert (second["settings"]["title"], second["settings"]["intro"]) == ("One", "Hello")
    assert (await ask(client, "POST", f"{path}/publish", json={"revision": first["revision"]})).status == 409


async def test_switching_a_form_off_makes_no_version(client: aiohttp.ClientSession) -> None:
    path = f"{FORMS}/{(await make_form(client))['id']}"
    assert (await ask(client, "PATCH", path, json={"is_active": False})).body["data"]["version"] == 1
    assert (await ask(client, "PATCH", path, json={"name": "Other"})).body["data"]["version"] == 2


async def test_conditions_name_earlier_fields_only(client: aiohttp.ClientSession) -> None:
    shown = {"field": "plan", "operator": "equals", "value": "pro"}
    plan = {"key": "plan", "type": "radio", "options": ["free", "pro"]}
    seats = {"key": "seats", "type": "number", "show_if": {"all": [shown]}}
    good = await ask(client, "POST", FORMS, json={"name": "Plans", "fields": [plan, seats]})
    assert (good.status, good.body["data"]["fields"][1]["show_if"]) == (201, {"all": [shown]})
    bad = await ask(client, "POST", FORMS, json={"name": "Plans", "fields": [seats, plan]})
    assert (bad.status, bad.body["errors"].keys()) == (422, {"fields.0.show_if"})


async def _save(client: aiohttp.ClientSession, path: str, **changes: Any) -> dict[str, Any]:
    answer = await ask(client, "PUT", f"{path}/draft", json=changes)
    assert answer.status == 200, answer.body
    saved: dict[str, Any] = answer.body["data"]
    return saved
