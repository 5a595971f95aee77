"""A form with `silence_after_minutes` that nobody fills in is told of once, until somebody does."""

import json
from typing import Any

from tests.contract.service import new_email
from tests.contract.workspaces import Workspace
from tests.support.waiting import until_async


async def test_a_silent_form_is_told_of_until_it_is_filled_in(ours: Workspace) -> None:
    await ours.make("/webhooks", {"url": "https://receiver.example.com/hooks", "events": ["source.silent"]})
    fields = [{"key": "email", "type": "email", "maps_to": "email"}]
    settings = {"silence_after_minutes": 5}
    form = await ours.make("/forms", {"name": "Contact", "fields": fields, "settings": settings})
    with ours.service.stack.database() as database:
        database.execute("UPDATE forms SET created_at = now() - interval '6 min' WHERE id = %s", (form["id"],))
    messages: list[dict[str, Any]] = []

    async def is_told() -> bool:
        with ours.service.stack.database() as database:
            query = "SELECT payload FROM deliveries WHERE event = 'source.silent' AND workspace_id = %s"
            workspace = database.execute("SELECT workspace_id FROM forms WHERE id = %s", (form["id"],)).fetchone()
            rows = database.execute(query, workspace).fetchall()
        messages[:] = [json.loads(bytes(row[0])) for row in rows]
        return len(messages) == 1

    async def is_silent() -> bool:
        sources = (await ours.ask("GET", "/sources")).body["data"]
        return bool(next(one for one in sources if one["kind"] == "form" and one["id"] == form["id"])["is_silent"])

    await until_async(is_told, what="the message")
    data = messages[0]["data"]
    assert (data["form_id"], data["integration_id"], data["type"], data["name"]) == (
        form["id"],
        None,
        "form",
        "Contact",
    )
    assert await is_silent()
    filled = await ours.ask("POST", f"/forms/{form['id']}/submissions", {"email": new_email()})
    assert filled.status == 201

    async def speaks() -> bool:
        return not await is_silent()

    await until_async(speaks, what="the end of the silence")
