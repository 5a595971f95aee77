"""Automations as the console's pages show and change them, for tests."""

import re
import secrets
from typing import Any

from tests.support.console import ConsoleClient
from tests.support.console_leads import call_api
from tests.support.stack import Stack

AUTOMATIONS_PAGE = "/console/main/automations"


def new_automation(stack: Stack, **members: Any) -> dict[str, Any]:
    """An automation that the API made."""
    steps = [{"action": {"type": "add_tag", "tag": f"tag {number}"}} for number in (1, 2, 3)]
    definition = {"name": f"Made {secrets.token_hex(4)}", "trigger": {"type": "manual"}, "steps": steps, **members}
    made: dict[str, Any] = call_api(stack, "POST", "/api/v1/automations", definition)
    return made


def stored_automation(stack: Stack, id_: int | str) -> dict[str, Any]:
    """An automation as the API shows it."""
    found: dict[str, Any] = call_api(stack, "GET", f"/api/v1/automations/{id_}")
    return found


async def draft_revision(client: ConsoleClient, path: str) -> str:
    """The revision of the draft that a page shows."""
    found = re.search(r'name="revision" value="(\d+)"', (await client.get(path)).text)
    assert found
    return found[1]


async def press_button(client: ConsoleClient, id_: int, do: str, **form: str) -> Any:
    """What a button of the builder comes to."""
    path = f"{AUTOMATIONS_PAGE}/{id_}"
    return await client.post(f"{path}/draft", {"revision": await draft_revision(client, path), "do": do, **form})


async def publish_draft(client: ConsoleClient, id_: int) -> Any:
    """What the button that publishes comes to."""
    return await client.post(
        f"{AUTOMATIONS_PAGE}/{id_}/publish", {"revision": await draft_revision(client, f"{AUTOMATIONS_PAGE}/{id_}")}
    )
