"""A shop on WordPress whose entries go to a workspace, and what its operator does in a browser."""

import copy
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import aiohttp

from leadhub_client import LeadHub
from shared.platform.installation import PROJECT_ROOT
from tests.support.stack import Stack
from tests.support.waiting import until
from tests.support.wordpress import WordPress

RECORDINGS: dict[str, dict[str, Any]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in sorted((PROJECT_ROOT / "tests" / "corpora" / "wordpress").glob("*.json"))
}


@dataclass(frozen=True)
class Shop:
    """A WordPress with the plugin, and the workspace to which its leads go."""

    wordpress: WordPress
    stack: Stack
    slug: str
    key: str  # may submit leads, and nothing else
    reading_key: str

    def leads(self, **filters: Any) -> list[dict[str, Any]]:
        """The leads of the workspace."""
        with LeadHub(self.stack.base, self.reading_key) as client:
            return list(client.request("GET", "/api/v1/leads", query=filters).data["data"])

    def await_lead(self, email: str) -> dict[str, Any]:
        """The one lead of that address."""
        (lead,) = until(lambda: self.leads(email=email), what=f"the lead {email}")
        return dict(lead)

    def make_form(self, fields: list[dict[str, Any]]) -> int:
        """Make a form of LeadHub for the source `callbacks`, and return its number."""
        with LeadHub(self.stack.base, self.reading_key) as client:
            body = {"name": "Callbacks", "fields": fields, "settings": {"source": "callbacks"}}
            return int(client.request("POST", "/api/v1/forms", body=body).data["data"]["id"])

    def submissions(self) -> int:
        """How many submissions the workspace got."""
        with LeadHub(self.stack.base, self.reading_key) as client:
            return len(client.request("GET", "/api/v1/submissions", query={"per_page": 100}).data["data"])

    def fire(self, *recordings: dict[str, Any]) -> dict[str, Any]:
        """Fire recorded actions in one request. The counts of the queue before its end."""
        return self.wordpress.run("fire", recordings=list(recordings))

    def connect(self, url: str = "") -> None:
        """Save address and key, as the page of settings does."""
        self.wordpress.run("connect", leadhub=url or self.stack.base, key=self.key)


def gravity_recording(email: str, number: int) -> dict[str, Any]:
    """The recorded action of Gravity Forms of another person, and with another number of the entry."""
    recording = copy.deepcopy(RECORDINGS["gravity_forms"])
    recording["arguments"][0] |= {"id": str(number), "2": email, "3": f"(415) 555-0{number}"}
    return recording


def assert_like(lead: dict[str, Any], expected: dict[str, Any]) -> None:
    """The lead has what is expected, and perhaps more custom fields."""
    custom = expected.get("custom_fields", {})
    plain = {name: value for name, value in expected.items() if name != "custom_fields"}
    assert {name: lead[name] for name in plain} == plain
    assert {name: lead["custom_fields"].get(name) for name in custom} == custom


def settings_url(wordpress: WordPress) -> str:
    return f"{wordpress.url}/wp-admin/options-general.php?page=leadhub"


@asynccontextmanager
async def operator_session(wordpress: WordPress) -> AsyncIterator[aiohttp.ClientSession]:
    """The session of the signed-in operator."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        await wordpress.sign_in(session)
        yield session


async def press(session: aiohttp.ClientSession, wordpress: WordPress, tab: str, action: str, **fields: str) -> str:
    """Send the form of a tab of the settings, and return the page that follows."""
    async with session.get(f"{settings_url(wordpress)}&tab={tab}") as answer:
        page = await answer.text()
        assert answer.status == 200, page
    (nonce,) = re.findall(r'name="_wpnonce" value="(\w+)"', page)
    form = {"action": action, "_wpnonce": nonce, **fields}
    async with session.post(f"{wordpress.url}/wp-admin/admin-post.php", data=form) as answer:
        assert answer.status == 200
        return await answer.text()


async def save_connection(session: aiohttp.ClientSession, wordpress: WordPress, **fields: str) -> str:
    """Press "Save and test", and return the page that follows."""
    action = "leadhub_save_connection"
    return await press(session, wordpress, "connection", action, test="1", forward_new_forms="1", **fields)
