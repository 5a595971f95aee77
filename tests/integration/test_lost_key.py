"""What is stored under a key that the service has no more."""

from pathlib import Path
from typing import Any

import pytest

from services.workers.automations.runs import MAX_RUN_ATTEMPTS
from shared.auth import installation_keys
from shared.outbound import unsubscribe_links
from shared.outbound.unsubscribe_links import UnsubscribeTarget
from shared.outbound.workspace_tokens import workspace_mail_keys
from shared.platform.crypto.encryption import TransactionCipher
from shared.platform.db.connections import Connection
from tests.support.automating import leads, run, runs, save
from tests.support.sending import Outbox
from tests.support.serving import served, settings_of

pytestmark = pytest.mark.integration

HOOK = {"type": "send_webhook", "url": "https://crm.example.com/hook"}


def steps(**more: Any) -> list[dict[str, Any]]:
    return [{"action": {**HOOK, **more}}]


async def test_an_automation_under_a_lost_key_is_changed_and_its_secrets_are_entered_again(
    database_url: str, database: Connection, tmp_path: Path
) -> None:
    key = await installation_keys.create_key(database, "main", "tests", ["*"])
    lost = TransactionCipher(lambda: "a-key-that-nobody-has").encrypt("{}")
    async with served(settings_of(database_url, tmp_path)) as (client, _):
        client.headers["Authorization"] = f"Bearer {key.key.secret}"
        body = {"name": "Tell", "trigger": {"type": "manual"}, "steps": steps(secret="a secret of ours")}
        async with client.post("/api/v1/automations", json=body) as answer:
            made = (await answer.json())["data"]
        await database.execute("UPDATE automations SET secrets = %s", (lost,))

        async def change(body: dict[str, Any]) -> tuple[int, Any]:
            async with client.patch(f"/api/v1/automations/{made['id']}", json=body) as answer:
                return answer.status, (await answer.json()).get("errors")

        assert await change({"is_active": False}) == (200, None)
        assert await change({"steps": [*steps(), {"action": {"type": "add_tag", "tag": "told"}}]}) == (200, None)
        status, errors = await change({"steps": made["steps"]})
        assert (status, list(errors)) == (422, ["steps.0.action.secret"])
        row = await (await database.execute("SELECT secrets FROM automations")).fetchone()
        assert row == (lost,)  # of use again once the key is back
        assert await change({"steps": steps(secret="the same secret")}) == (200, None)
        assert await change({"steps": made["steps"]}) == (200, None)


async def test_a_run_whose_secret_is_under_a_lost_key_says_so_when_it_has_failed(
    database_url: str, database: Connection
) -> None:
    await save(database, {"type": "lead_created"}, *steps())
    lost = TransactionCipher(lambda: "a-key-that-nobody-has").encrypt("{}")
    await database.execute("UPDATE automations SET secrets = %s", (lost,))
    await leads(database_url, database, {"email": "a@example.com"})
    for _ in range(MAX_RUN_ATTEMPTS):
        await run(database_url)
        await database.execute("UPDATE automation_runs SET due_at = now() WHERE due_at IS NOT NULL")
    (found,) = await runs(database)
    assert found["state"] == "failed"
    assert found["error"] == "stored credentials cannot be decrypted: not with the keys of this service, 5 times"


async def test_a_link_to_unsubscribe_under_a_lost_key_is_not_valid_until_the_key_is_back(outbox: Outbox) -> None:
    keys = await workspace_mail_keys(outbox.connection, outbox.cipher, [outbox.workspace_id])
    who = UnsubscribeTarget(outbox.workspace_id, "ada@example.com")
    link = unsubscribe_links.unsubscribe_link(outbox.settings, keys[who.workspace_id], who)
    token = link.rpartition(unsubscribe_links.UNSUBSCRIBE_PATH)[2]
    without = TransactionCipher(lambda: "a-key-that-nobody-has")
    assert await unsubscribe_links.read_token(outbox.connection, without, token) is None
    assert await workspace_mail_keys(outbox.connection, without, [outbox.workspace_id]) == {}
    assert await unsubscribe_links.read_token(outbox.connection, outbox.cipher, token) == who
