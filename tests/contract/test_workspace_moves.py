"""A workspace moves by a file, into an installation where all of its ids are taken: its own."""

import asyncio
import secrets
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.form_helpers import path_of
from tests.contract.service import Service, ask, new_email, post_lead
from tests.contract.workspaces import Workspace, new_workspace
from tests.support.waiting import until_async
from tests.support.workspace_moves import PASSPHRASE, rows_of

PDF = b"%PDF-1.7\n" + secrets.token_bytes(2000)


@pytest_asyncio.fixture(scope="module")
async def first(service: Service) -> AsyncIterator[Workspace]:
    async with new_workspace(service) as workspace:
        yield workspace


@pytest.fixture
def passphrase_file(tmp_path: Path) -> Path:
    path = tmp_path / "passphrase"
    path.write_text(f"{PASSPHRASE}\n")
    return path


async def fill(team: Workspace) -> dict[str, Any]:
    """Leads of all kinds, and all that is set up in a workspace."""
    email = new_email()
    lead = await team.lead(email=email, first_name="Ann", tags=["vip", "news"], source="fair")
    gone = await team.lead(first_name="Anna", company="Acme", custom_fields={"budget": 12.5})
    user = await team.make("/users", {"name": "Ada", "email": new_email(), "role": "agent"})
    pipeline = await team.make("/pipelines", {"name": "Partners", "stages": [{"name": "Talk"}, {"name": "Signed"}]})
    stage = pipeline["stages"][1]["id"]
    await team.ask("PATCH", f"/leads/{lead}", {"pipeline_stage_id": stage, "assigned_user_id": user["id"]})
    merged = await team.ask("POST", f"/leads/{lead}/merge", {"lead_id": gone})
    await team.make("/tasks", {"title": "Call", "lead_id": lead, "user_id": user["id"]})
    steps = [{"action": {"type": "assign_user", "user_id": user["id"]}}, {"action": {"type": "add_tag", "tag": "x"}}]
    trigger = {"type": "lead_stage_changed", "to_stage_id": stage}
    await team.make("/automations", {"name": "Signed", "trigger": trigger, "steps": steps})
    await team.make("/webhooks", {"url": "https://hooks.example.com/a", "events": ["lead.created"]})
    await team.make(
        "/lead-scoring-rules", {"field": "pipeline_stage_id", "operator": "equals", "value": stage, "points": 5}
    )
    await team.make("/suppressions", {"email": new_email()})
    await send_form_file(team, stage)
    await import_people(team)
    return {"email": email, "lead": lead, "gone": gone, "merge": merged.body["data"]["merge_id"]}


async def send_form_file(team: Workspace, stage: int) -> None:
    fields = [{"key": "mail", "type": "email", "maps_to": "email"}, {"key": "cv", "type": "file"}]
    form = await team.make("/forms", {"name": "Apply", "fields": fields, "settings": {"pipeline_stage_id": stage}})
    body = aiohttp.FormData(default_to_multipart=True)
    body.add_field("mail", new_email())
    body.add_field("cv", PDF, filename="cv.pdf", content_type="application/pdf")
    assert (await ask(team.client, "POST", path_of(form), data=body)).status == 201


async def import_people(team: Workspace) -> None:
    body = aiohttp.FormData(default_to_multipart=True)
    rows = f"email,first_name\n{new_email()},Ida\n{new_email()},Ivo\nnone,\n".encode()
    body.add_field("file", rows, filename="people.csv", content_type="text/csv")
    answer = await ask(team.client, "POST", "/api/v1/leads/import", data=body)
    path = answer.headers["Location"].removeprefix("/api/v1")

    async def has_ended() -> bool:
        return bool((await team.show(path))["state"] == "done")

    await until_async(has_ended, 60, "the end of the import")


async def records(team: Workspace, path: str) -> list[dict[str, Any]]:
    answer = await team.ask("GET", path)
    assert answer.status == 200, answer.raw
    found: list[dict[str, Any]] = answer.body["data"]
    return found


async def named(team: Workspace, path: str) -> dict[int, str]:
    return {record["id"]: record["name"] for record in await records(team, path)}


async def stages_of(team: Workspace) -> dict[int, str]:
    return {stage["id"]: stage["name"] for board in await records(team, "/pipelines") for stage in board["stages"]}


async def described(team: Workspace) -> dict[str, Any]:
    """What the API lists, with names in the place of ids that may be others."""
    stages, users = await stages_of(team), await named(team, "/users")
    leads = [
        {
            **lead,
            "pipeline_id": None,
            "pipeline_stage_id": stages.get(lead["pipeline_stage_id"]),
            "assigned_user_id": users.get(lead["assigned_user_id"]),
        }
        for lead in await records(team, "/leads?sort=created_at")
    ]
    automations = [
        (
            automation["name"],
            stages[automation["trigger"]["to_stage_id"]],
            users[automation["steps"][0]["action"]["user_id"]],
        )
        for automation in await records(team, "/automations")
    ]
    return {
        "leads": leads,
        "automations": automations,
        "tags": sorted((await named(team, "/tags")).values()),
        "forms": [stages[form["settings"]["pipeline_stage_id"]] for form in await records(team, "/forms")],
        "webhooks": [hook["url"] for hook in await records(team, "/webhooks")],
        "rules": [stages[rule["value"]] for rule in await records(team, "/lead-scoring-rules")],
        "tasks": [(task["title"], users[task["user_id"]], task["lead_id"]) for task in await records(team, "/tasks")],
        "submissions": [(one["id"], one["lead_id"]) for one in await records(team, "/submissions")],
        "imports": [(one["file_name"], one["created"], one["invalid"]) for one in await records(team, "/imports")],
        "suppressions": [one["email"] for one in await records(team, "/suppressions")],
    }


async def test_a_workspace_moves_with_all_that_it_has(
    service: Service, first: Workspace, tmp_path: Path, passphrase_file: Path
) -> None:
    made, run = await fill(first), service.stack.run
    file, again, slug = tmp_path / "first.tar", tmp_path / "again.tar", f"{first.slug}-moved"
    sealed = ("--passphrase-file", str(passphrase_file))
    await asyncio.to_thread(run, "workspace", "export", first.slug, "--out", str(file), *sealed)
    dry = await asyncio.to_thread(run, "workspace", "import", str(file), "--slug", slug, *sealed, "--dry-run")
    assert "taken back" in dry.stderr
    done = await asyncio.to_thread(run, "workspace", "import", str(file), "--slug", slug, *sealed)
    assert "the API key 'test' is left out" in done.stderr
    assert "the form 'Apply' has a new public id" in done.stderr
    assert dry.stdout == done.stdout

    async with service.client(service.make_key("*", workspace=slug)) as client:
        second = Workspace(service, slug, client)
        await until_async(lambda: counted_alike(first, second), 30, "the counts of the new workspace's lists")
        assert await described(second) == await described(first)
        assert not await stages_of(first) & (await stages_of(second)).keys()
        merged = await second.show(f"/leads/{made['gone']}")
        assert merged["id"] == made["lead"]
        file_id = rows_of(file, "files")[0]["id"].decode()
        assert (await ask(client, "GET", f"/api/v1/files/{file_id}")).raw == PDF
        await check_second_export(service, slug, file, again, sealed)
        await check_life_goes_on(first, second, made)


async def counted_alike(first: Workspace, second: Workspace) -> bool:
    totals = [(await team.ask("GET", "/leads")).body["meta"]["total"] for team in (first, second)]
    return bool(totals[0] == totals[1] > 0)


async def check_second_export(service: Service, slug: str, file: Path, again: Path, sealed: tuple[str, ...]) -> None:
    """The export of the import is the same, but for ids that changed."""
    await asyncio.to_thread(service.stack.run, "workspace", "export", slug, "--out", str(again), *sealed)
    for table in ("identities", "lead_redirects", "lead_attributions", "lead_points"):
        assert rows_of(again, table) == rows_of(file, table), table
    ids = [[row["id"] for row in rows_of(each, "activities")] for each in (file, again)]
    assert ids[0] == ids[1]


async def check_life_goes_on(first: Workspace, second: Workspace, made: dict[str, Any]) -> None:
    """Whoever comes again is known, a merge can be undone, and the other workspace stays as it was."""
    before = len(await records(first, f"/leads/{made['lead']}/activities"))
    answer = await post_lead(second.client, {"email": made["email"]}, f"/api/inbound/leads?tenant={second.slug}")
    assert (answer.body["lead_id"], answer.body["is_duplicate"]) == (made["lead"], True)
    known = {lead["id"] for lead in await records(second, "/leads")}
    assert await second.lead() not in known
    assert (await second.ask("POST", f"/leads/{made['gone']}/unmerge", {"merge_id": made["merge"]})).status == 200
    assert (await second.show(f"/leads/{made['gone']}"))["custom_fields"] == {"budget": 12.5}
    assert len(await records(first, f"/leads/{made['lead']}/activities")) == before
    assert (await first.show(f"/leads/{made['gone']}"))["id"] == made["lead"]
