"""Forms, as their owner defines them."""

from typing import Any

import aiohttp

from shared.forms.field_definition import complete_fields
from tests.contract.form_helpers import FIELDS, FORMS, make_form
from tests.contract.service import ask

RECORD = {
    *("id", "name", "public_id", "is_active", "fields", "settings", "version", "submissions_count"),
    *("created_at", "updated_at"),
}
NO_SETTINGS: dict[str, Any] = {
    **dict.fromkeys(("redirect_url", "success_message", "source", "merge_policy", "language")),
    **dict.fromkeys(("pipeline_id", "pipeline_stage_id", "assigned_user_id")),
    **dict.fromkeys(("title", "intro", "submit_label", "auto_reply", "silence_after_minutes")),
    **{"tags": [], "allowed_origins": [], "notify_emails": [], "step_titles": []},
    **{"theme": {"accent": None, "logo_url": None, "mode": "auto"}, "double_opt_in": False, "max_upload_mb": 25},
    "spam": {"threshold": None, "proof_of_work": "auto"},
}


async def test_a_form_is_made_shown_listed_changed_and_deleted(client: aiohttp.ClientSession) -> None:
    made = await ask(client, "POST", FORMS, json={"name": "Newsletter"})
    form = made.body["data"]
    path = f"{FORMS}/{form['id']}"
    assert (made.status, made.headers["Location"]) == (201, path)
    assert form.keys() == RECORD
    assert (form["is_active"], form["fields"], form["submissions_count"]) == (True, [], 0)
    assert form["settings"] == NO_SETTINGS
    assert len(form["public_id"]) >= 16
    assert (await ask(client, "GET", path)).body == {"data": form}
    assert (await ask(client, "GET", FORMS)).body["data"][0] == form
    changed = await ask(client, "PATCH", path, json={"name": "News", "is_active": False, "fields": FIELDS[:1], "id": 1})
    assert (changed.status, changed.body["data"]["name"], changed.body["data"]["id"]) == (200, "News", form["id"])
    [full] = complete_fields(FIELDS[:1])
    assert changed.body["data"]["fields"] == [full]
    assert (await ask(client, "PUT", path, json={"fields": None})).body["data"]["fields"] == []
    assert (await ask(client, "DELETE", path)).status == 204
    for method in ("GET", "PUT", "DELETE"):
        assert (await ask(client, method, path, json={})).status == 404


async def test_form_settings_change_key_by_key(client: aiohttp.ClientSession) -> None:
    form = await make_form(client, settings={"source": "landing", "tags": ["a"], "language": "ar"})
    path = f"{FORMS}/{form['id']}"

    async def after(**settings: Any) -> dict[str, Any]:
        changed = (await ask(client, "PATCH", path, json={"settings": settings})).body["data"]["settings"]
        return {name: value for name, value in changed.items() if value != NO_SETTINGS[name]}

    assert await after(language=None) == {"source": "landing", "tags": ["a"]}
    assert await after(tags=["b"], redirect_url="/thanks") == {
        **{"source": "landing", "tags": ["b"], "redirect_url": "/thanks"},
    }
    assert await after(tags=None) == {"source": "landing", "redirect_url": "/thanks"}
    cleared = await ask(client, "PATCH", path, json={"settings": None})
    assert cleared.body["data"]["settings"] == NO_SETTINGS


async def test_a_place_on_the_board_is_in_the_workspace(client: aiohttp.ClientSession) -> None:
    stages = [{"name": "One"}, {"name": "Two"}]
    one, other = [
        (await ask(client, "POST", "/api/v1/pipelines", json={"name": name, "stages": stages})).body["data"]
        for name in ("A", "B")
    ]
    path = f"{FORMS}/{(await make_form(client))['id']}"

    async def placed(**settings: Any) -> tuple[int, Any, Any]:
        answer = await ask(client, "PATCH", path, json={"settings": settings})
        assert answer.status == 200, answer.raw
        now = answer.body["data"]["settings"]
        return now["pipeline_id"], now["pipeline_stage_id"], now["assigned_user_id"]

    second = one["stages"][1]["id"]
    assert await placed(pipeline_stage_id=second) == (one["id"], second, None)
    assert await placed(pipeline_id=one["id"]) == (one["id"], second, None)
    assert await placed(pipeline_id=other["id"]) == (other["id"], None, None)
    bad = {"pipeline_id": one["id"], "pipeline_stage_id": other["stages"][0]["id"], "assigned_user_id": 2**50}
    answer = await ask(client, "PATCH", path, json={"name": "", "settings": bad})
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert answer.body["errors"].keys() == {"name", "settings.pipeline_stage_id", "settings.assigned_user_id"}
    answer = await ask(client, "POST", FORMS, json={"name": "F", "settings": {"pipeline_id": 2**50}})
    assert answer.body["errors"].keys() == {"settings.pipeline_id"}


async def test_a_bad_definition_is_refused_by_field_all_at_once(client: aiohttp.ClientSession) -> None:
    fields = [{"key": "a", "type": "text"}, {"key": "a", "type": "?"}, {"key": "b", "type": "select", "maps_to": "x"}]
    body = {"fields": fields, "settings": {"redirect_url": "javascript:alert(1)", "pipeline_id": 2**50}}
    answer = await ask(client, "POST", FORMS, json=body)
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    assert answer.body["errors"].keys() == {
        *("name", "fields.1.key", "fields.1.type", "fields.2.options", "fields.2.maps_to"),
        *("settings.redirect_url", "settings.pipeline_id"),
    }
    assert all(messages and all(messages) for messages in answer.body["errors"].values())
