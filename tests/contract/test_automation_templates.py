"""The automations of docs/webhooks.md can be saved, and each of their steps can be done."""

import json
import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio

from shared.platform.installation import PROJECT_ROOT
from tests.contract.service import Service, new_email
from tests.contract.workspaces import Workspace, new_workspace

GUIDE = (PROJECT_ROOT / "docs" / "webhooks.md").read_text(encoding="utf-8")
BLOCKS = [json.loads(block) for block in re.findall(r"^```json\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)]
TEMPLATES: list[dict[str, Any]] = [block for block in BLOCKS if "trigger" in block]
EXAMPLE_USERS = (1, 2)  # as the page prints them


@pytest_asyncio.fixture(scope="module")
async def workspace(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as found:
        yield found


def test_the_guide_has_templates() -> None:
    assert len(TEMPLATES) >= 4


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template["name"])
async def test_a_template_of_the_guide_is_saved_and_runs(workspace: Workspace, template: dict[str, Any]) -> None:
    users = [await workspace.make("/users", {"name": "Ann", "email": new_email()}) for _ in EXAMPLE_USERS]
    text = json.dumps(template).replace(json.dumps(EXAMPLE_USERS), json.dumps([user["id"] for user in users]))
    made = await workspace.make("/automations", json.loads(text))
    lead_id = await workspace.lead(first_name="Grace", last_name="Hopper")
    await workspace.ask("PATCH", f"/leads/{lead_id}", {"assigned_user_id": users[0]["id"]})
    shown = await workspace.ask("POST", f"/automations/{made['id']}/run", {"lead_id": lead_id, "dry_run": True})
    assert shown.status == 200, shown.raw
    steps = shown.body["data"]["steps"]
    assert len(steps) == len(template["steps"])
    assert {step["outcome"] for step in steps} <= {"passed", "waiting", "done"}, steps
