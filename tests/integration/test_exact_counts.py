"""Counts that records show: of what is folded and of what is not yet, and of their own workspace and kind alone."""

from pathlib import Path

import pytest

from services.workers.read_models import fold_lead_counts
from shared import workspaces
from shared.accounting import counters
from shared.auth import installation_keys
from shared.platform.db.connections import Connection
from tests.support.ingesting import workspace_id
from tests.support.leads import create
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

KEPT = {"name": "x", "trigger": {"type": "manual"}, "steps": [{"action": {"type": "add_tag", "tag": "vip"}}]}


async def test_a_count_is_exact_before_and_after_a_fold(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    ours, theirs = await workspace_id(database), await workspaces.create_workspace(database, "other", "Other")
    key = await installation_keys.create_key(database, "main", "tests", ["*"])
    async with served(settings_of(database_url, tmp_path)) as (client, _):
        client.headers["Authorization"] = f"Bearer {key.key.secret}"

        async def make(path: str, body: object) -> int:
            async with client.post(f"/api/v1{path}", json=body) as answer:
                return int((await answer.json())["data"]["id"])

        async def shown() -> list[int]:
            found = []
            for path, name in ((tag, "leads_count"), (form, "submissions_count"), (automation, "runs_count")):
                async with client.get(f"/api/v1{path}") as answer:
                    found.append((await answer.json())["data"][name])
            return found

        tag = f"/tags/{await make('/tags', {'name': 'vip'})}"
        form_id, automation_id = await make("/forms", {"name": "x"}), await make("/automations", KEPT)
        form, automation = f"/forms/{form_id}", f"/automations/{automation_id}"
        counted = {
            (ours, "form", form_id): 2,
            (ours, "automation", automation_id): 3,
            (ours, "form", 99): 5,
            (ours, "automation", 99): 5,
            (theirs, "form", form_id): 7,
            (theirs, "automation", automation_id): 7,
        }
        for round_ in range(1, 3):
            await create(database, ours, first_name="A", tags=["vip"])
            await create(database, ours, first_name="B", tags=["other"])
            await create(database, theirs, first_name="C", tags=["vip"])
            await counters.add_counts(database, counted)
            assert await shown() == [round_, 2 * round_, 3 * round_]
            await counters.fold_deltas(database)
            await fold_lead_counts(database)
            assert await shown() == [round_, 2 * round_, 3 * round_]
