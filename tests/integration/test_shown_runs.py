"""Runs as the API lists them: with what became of their deliveries, and of their delays."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from shared.auth import installation_keys
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from tests.support.automating import SETTINGS, action, leads, run, save, user
from tests.support.receivers import Receiver
from tests.support.sending import Outbox
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

DELAY = {"delay": {"hours": 1}}
OVER = """
UPDATE automation_runs SET steps = jsonb_set(steps, '{0,data,until}', to_jsonb(now() - interval '1 s'))
"""
MAKE_DUE = "UPDATE automation_runs SET due_at = now()"


@pytest_asyncio.fixture
async def client(outbox: Outbox, tmp_path: Path) -> AsyncIterator[aiohttp.ClientSession]:
    outbox.cipher = TransactionCipher.from_settings(SETTINGS)
    key = await installation_keys.create_key(outbox.connection, "main", "tests", ["*"])
    async with served(settings_of(outbox.url, tmp_path)) as (found, _):
        found.headers["Authorization"] = f"Bearer {key.key.secret}"
        yield found


async def _begin(outbox: Outbox, *steps: dict[str, Any]) -> int:
    """An automation of these steps, run for one lead as far as it goes."""
    id_ = await save(outbox.connection, {"type": "lead_created"}, *steps)
    await leads(outbox.url, outbox.connection, {"email": "ada@example.com"})
    await run(outbox.url)
    return id_


async def _shown(client: aiohttp.ClientSession, id_: int) -> dict[str, Any]:
    async with client.get(f"/api/v1/automations/{id_}/runs") as answer:
        assert answer.status == 200, await answer.text()
        (found,) = (await answer.json())["data"]
        return dict(found)


async def test_a_run_whose_delivery_failed_says_so_until_it_is_sent_again(
    outbox: Outbox, client: aiohttp.ClientSession, receiver: Receiver
) -> None:
    receiver.status(410)
    id_ = await _begin(outbox, action("add_tag", tag="x"), action("send_webhook", url=receiver.url))
    waits = await _shown(client, id_)
    (delivery,) = await outbox.deliveries()
    assert (waits["state"], waits["error"]) == ("done", None)
    assert waits["steps"][0]["deliveries"] == []
    told = {"id": delivery["id"], "state": "pending", "error": None}
    assert waits["steps"][1]["deliveries"] == [told]
    assert (waits["steps"][1]["outcome"], waits["steps"][1]["data"]) == ("done", {})

    await outbox.send()
    failed, error = await _shown(client, id_), "The receiver answered 410."
    reason = f"delivery {delivery['id']} failed: {error}"
    assert (failed["state"], failed["error"]) == ("failed", reason)
    assert [step["outcome"] for step in failed["steps"]] == ["done", "failed"]
    assert failed["steps"][1]["reason"] == reason
    assert failed["steps"][1]["deliveries"] == [{**told, "state": "failed", "error": error}]

    receiver.status(200)
    async with client.post(f"/api/v1/deliveries/{delivery['id']}/resend") as answer:
        assert answer.status == 200
    await outbox.send()
    again = await _shown(client, id_)
    assert (again["state"], again["error"]) == ("done", None)
    assert again["steps"][1]["deliveries"] == [{**told, "state": "sent"}]


async def test_run_steps_list_their_own_deliveries(outbox: Outbox, client: aiohttp.ClientSession) -> None:
    people = [await user(outbox.connection, f"u{number}@example.com") for number in range(2)]
    notify = action("notify_users", to=people, text="Call")
    task = action("create_task", title="Call", due_in_hours=None)
    mail, sms = action("send_email", to="lead", subject="A", body="B"), action("send_sms", integration_id=1, body="B")
    id_ = await _begin(outbox, notify, task, sms, mail)
    made = await outbox.deliveries()
    found = await _shown(client, id_)
    named = [[one["id"] for one in step["deliveries"]] for step in found["steps"]]
    assert named == [[made[0]["id"], made[1]["id"]], [], [], [made[2]["id"]]]
    assert [one["kind"] for one in made] == ["notice", "notice", "email"]
    assert found["state"] == "failed"  # the lead has no phone


async def test_a_run_names_its_deliveries_on_both_sides_of_a_delay(
    outbox: Outbox, client: aiohttp.ClientSession
) -> None:
    mail = action("send_email", to="lead", subject="A", body="B")
    id_ = await _begin(outbox, mail, DELAY, mail)
    await outbox.connection.execute(MAKE_DUE)
    await run(outbox.url)
    found, made = await _shown(client, id_), await outbox.deliveries()
    named = [[one["id"] for one in step["deliveries"]] for step in found["steps"]]
    assert named == [[made[0]["id"]], [], [made[1]["id"]]]


async def test_a_delay_that_is_over_no_longer_waits(
    outbox: Outbox, client: aiohttp.ClientSession, database: Connection
) -> None:
    id_ = await _begin(outbox, DELAY, action("add_tag", tag="x"), DELAY)
    assert [step["outcome"] for step in (await _shown(client, id_))["steps"]] == ["waiting"]
    await database.execute(MAKE_DUE)
    await run(outbox.url)
    found = await _shown(client, id_)
    assert [step["outcome"] for step in found["steps"]] == ["passed", "done", "waiting"]
    assert found["state"] == "waiting"
    await database.execute(MAKE_DUE)
    await run(outbox.url)
    found = await _shown(client, id_)
    assert [step["outcome"] for step in found["steps"]] == ["passed", "done", "passed"]
    assert found["state"] == "done"


@pytest.mark.parametrize("change", ["UPDATE automations SET is_active = false", None])
async def test_nor_does_one_of_a_run_that_has_stopped_or_is_about_to_go_on(
    outbox: Outbox, client: aiohttp.ClientSession, database: Connection, change: str | None
) -> None:
    id_ = await _begin(outbox, DELAY, action("add_tag", tag="x"))
    if change:
        await database.execute(change)
        await database.execute(MAKE_DUE)
        await run(outbox.url)
    else:
        await database.execute(OVER)
    found = await _shown(client, id_)
    assert found["state"] == ("stopped" if change else "waiting")
    assert [step["outcome"] for step in found["steps"]] == ["passed"]
