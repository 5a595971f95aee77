"""A form with a field of every kind, and what it is filled in with."""

from typing import Any

import aiohttp

from tests.contract.service import Answer, ask

FORMS = "/api/v1/forms"
FIELDS: list[dict[str, Any]] = [
    {"key": "name", "label": "Your name", "type": "text", "required": True, "maps_to": "full_name"},
    {"key": "mail", "label": "E-mail", "type": "email", "maps_to": "email"},
    {"key": "tel", "label": "Phone", "type": "phone", "maps_to": "phone"},
    {"key": "company", "type": "text", "maps_to": "company"},
    {"key": "size", "type": "select", "options": ["S", "M"], "maps_to": "custom_fields.size"},
    {"key": "topics", "type": "multiselect", "options": ["news", "sales"], "maps_to": "tags"},
    {"key": "cv", "type": "file"},
    {"key": "agree", "type": "consent", "required": True},
]


async def make_form(client: aiohttp.ClientSession, **members: Any) -> dict[str, Any]:
    answer = await ask(client, "POST", FORMS, json={"name": "Contact", "fields": FIELDS, **members})
    assert answer.status == 201, answer.raw
    made: dict[str, Any] = answer.body["data"]
    return made


def path_of(form: dict[str, Any]) -> str:
    return f"{FORMS}/{form['id']}/submissions"


def filled(**values: Any) -> dict[str, Any]:
    return {"name": "Ada Lovelace", "agree": True, **values}


async def lead_of(client: aiohttp.ClientSession, answer: Answer) -> dict[str, Any]:
    assert answer.status == 201, answer.raw
    lead: dict[str, Any] = (await ask(client, "GET", f"/api/v1/leads/{answer.body['lead_id']}")).body["data"]
    return lead
