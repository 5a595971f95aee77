"""Forms as visitors meet them: made with the API, filled in without a key."""

import re
import secrets
from dataclasses import dataclass
from typing import Any

import aiohttp

from tests.contract.form_helpers import FORMS
from tests.contract.service import Answer, ask
from tests.support.waiting import until_async

VISITOR_FIELDS: list[dict[str, Any]] = [
    {"key": "name", "label": "Your name", "type": "text", "required": True, "maps_to": "full_name"},
    {"key": "mail", "label": "E-mail", "type": "email", "maps_to": "email"},
    {"key": "message", "label": "Message", "type": "textarea", "maps_to": "notes"},
    {"key": "topics", "label": "Topics", "type": "multiselect", "options": ["news", "sales"], "maps_to": "tags"},
    {"key": "size", "label": "Size", "type": "radio", "options": ["S", "M"]},
    {
        "key": "why",
        "label": "Why so large?",
        "type": "text",
        "required": True,
        "show_if": {"field": "size", "operator": "equals", "value": "M"},
    },
    {"key": "cv", "label": "CV", "type": "file", "accept": [".pdf"], "max_size_mb": 1},
    {"key": "agree", "label": "Terms", "type": "consent", "required": True, "consent_text": "I agree to the terms."},
]
JSON_ACCEPTED = {"Accept": "application/json"}
PAGE_ACCEPTED = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@dataclass(frozen=True)
class VisitedForm:
    """A form, and the sessions of its owner and of a visitor without a key."""

    owner: aiohttp.ClientSession
    visitor: aiohttp.ClientSession
    record: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/f/{self.record['public_id']}"

    async def send(self, *, accept: dict[str, str] = JSON_ACCEPTED, headers: Any = None, **options: Any) -> Answer:
        """Post the form; redirects are not followed."""
        named = {**accept, **(headers or {})}
        return await ask(self.visitor, "POST", self.path, headers=named, allow_redirects=False, **options)

    async def token(self) -> str:
        """A token of the first touch."""
        return str((await ask(self.visitor, "GET", f"{self.path}/token")).body["token"])

    async def trap(self) -> str:
        """The name of the honeypot, as a program finds it in the page."""
        page = (await ask(self.visitor, "GET", self.path, headers=PAGE_ACCEPTED)).raw.decode()
        found = re.search(r'class="lh-more".*?name="(\w+)"', page, re.DOTALL)
        assert found is not None
        return found[1]

    async def settled(self, answer: Answer) -> dict[str, Any]:
        """The submission that an answer names, once it is decided."""
        assert answer.status == 202, answer.raw
        return await self.submission(answer.body["submission_id"])

    async def submission(self, id_: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = []

        async def is_decided() -> bool:
            answer = await ask(self.owner, "GET", f"/api/v1/submissions/{id_}")
            if answer.status == 200 and answer.body["data"]["state"] not in ("accepted", "replayed"):
                found.append(answer.body["data"])
            return bool(found)

        await until_async(is_decided)
        return found[0]

    async def change(self, **members: Any) -> None:
        changed = await ask(self.owner, "PATCH", f"{FORMS}/{self.record['id']}", json=members)
        assert changed.status == 200, changed.raw


async def visited_form(owner: aiohttp.ClientSession, visitor: aiohttp.ClientSession, **members: Any) -> VisitedForm:
    made = await ask(owner, "POST", FORMS, json={"name": "Visit", "fields": VISITOR_FIELDS, **members})
    assert made.status == 201, made.raw
    return VisitedForm(owner, visitor, made.body["data"])


def filled_in(**values: Any) -> dict[str, Any]:
    """Values with which the form is complete. A message of its own each time, so that no two posts are copies."""
    return {"name": "Ada Lovelace", "agree": "on", "message": f"Hello {secrets.token_hex(4)}", **values}
