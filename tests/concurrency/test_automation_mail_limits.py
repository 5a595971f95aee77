"""Automations that write to the addresses of leads: whatever starts them, an address gets few mails."""

import json
from collections import Counter
from typing import Any

import pytest
from psycopg.types.json import Jsonb

from services.workers.automations.lead_messages import ENOUGH_MAILS_REASON
from shared.intake.journal import JournalItem
from shared.platform.db.connections import Connection
from shared.platform.ids import now_ms, uuid7
from tests.support.automating import action, run, runs, save
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

WORKERS = 3
MAIL = action("send_email", to="lead", subject="Thank you, {{ first_name }}", body="We call you.")
MARK = action("add_tag", tag="welcomed")
SPELLINGS = ("victim@example.com", "Victim+1@Example.com", "victim+two@example.com")
OF_THE_HOUR, OF_THE_DAY = (
    f"not sent: this address got {n} in the last {span}" for n, span in (("5 mails", "hour"), ("10 mails", "day"))
)
AGE = """
UPDATE recipient_limits SET last_sent_at = last_sent_at - interval '61 minutes',
    sent_at = array(SELECT at - interval '61 minutes' FROM unnest(sent_at) AS at)
"""
MAKE_AUTOMATION = """
INSERT INTO automations (workspace_id, name, trigger, trigger_type, steps) VALUES (%s, 'Thanks', %s, 'lead_created', %s)
"""


def visit(workspace: int, address: str, form: int = 7, **body: Any) -> JournalItem:
    """A visitor's submission to a form, as the gateway makes it."""
    sent = json.dumps({"email": address, **body, "_form": {"id": form, "values": {}, "policy": None}}).encode()
    return JournalItem(uuid7(at := now_ms()), at, workspace, f"form:{form}", "form", sent)


async def take_all(url: str, connection: Connection, items: list[JournalItem]) -> None:
    """Ingest each in a row of its own, and run what it sets off, in several workers."""
    for one in items:
        await accept(connection, [one])
    await drain(url, WORKERS)
    await run(url, WORKERS)


async def mails(connection: Connection) -> int:
    [(found,)] = await rows(connection, "SELECT count(*) FROM deliveries WHERE kind = 'email'")
    return int(found)


async def reasons(connection: Connection) -> Counter[str | None]:
    """How many mail steps had which reason."""
    steps = [step for one in await runs(connection) for step in one["steps"] if step["type"] == "send_email"]
    assert {step["outcome"] for step in steps if step["reason"]} <= {"skipped"}
    return Counter(step["reason"] for step in steps)


@pytest.mark.parametrize("trigger", ["form_submitted", "duplicate_received"])
async def test_posts_of_a_form_set_off_few_mails_and_each_run_goes_on(
    database_url: str, database: Connection, trigger: str
) -> None:
    workspace = await workspace_id(database)
    await save(database, {"type": trigger}, MAIL, MARK)
    await accept(database, [item(workspace, {"email": address}) for address in SPELLINGS])
    await drain(database_url)
    for sent, unsent in ((5, {OF_THE_HOUR: 25}), (10, {OF_THE_HOUR: 25, OF_THE_DAY: 25})):
        await take_all(database_url, database, [visit(workspace, SPELLINGS[n % 3]) for n in range(30)])
        assert await mails(database) == sent
        assert await reasons(database) == Counter({None: sent} | unsent)
        await database.execute(AGE)
    found = await runs(database)
    assert {(one["state"], one["error"], one["steps"][-1]["outcome"]) for one in found} == {("done", None, "done")}
    assert all(one["steps"][0]["data"] == {} for one in found if one["steps"][0]["reason"])


async def test_chains_and_leads_of_many_names_share_one_limit(database_url: str, database: Connection) -> None:
    """One lead each, since the spellings differ, and a second automation that the first one's tag sets off."""
    workspace = await workspace_id(database)
    await save(database, {"type": "lead_created"}, MAIL, MARK)
    await save(database, {"type": "tag_added", "tag": "welcomed"}, MAIL)
    await take_all(database_url, database, [visit(workspace, f"victim+{n}@example.com") for n in range(9)])
    assert await mails(database) == 5
    assert await reasons(database) == {None: 5, OF_THE_HOUR: 13}


async def test_replies_and_automations_count_together(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    reply = Jsonb({"auto_reply": {"subject": "Thank you", "body": "We call you."}})
    make = "INSERT INTO forms (workspace_id, name, public_id, settings) VALUES (%s, 'Form', 'f', %s) RETURNING id"
    [(form,)] = await rows(database, make, workspace, reply)
    await save(database, {"type": "form_submitted"}, MAIL)
    await take_all(database_url, database, [visit(workspace, "victim@example.com", form) for _ in range(8)])
    [(replies,)] = await rows(database, "SELECT count(*) FROM deliveries WHERE kind = 'notice'")
    assert replies == 1
    assert await mails(database) == 4


async def test_another_workspaces_mails_are_not_told(database_url: str, database: Connection) -> None:
    make = "INSERT INTO workspaces (name, slug) SELECT n::text, 'w' || n FROM generate_series(1, 3) n RETURNING id"
    for (workspace,) in await rows(database, make):
        await database.execute(MAKE_AUTOMATION, (workspace, Jsonb({"type": "lead_created"}), Jsonb([MAIL])))
        items = [visit(workspace, f"victim+{n}@example.com") for n in range(5)]
        await take_all(database_url, database, items)
    assert await mails(database) == 10
    assert await reasons(database) == {None: 10, ENOUGH_MAILS_REASON: 5}


async def test_who_has_unsubscribed_is_not_counted(database_url: str, database: Connection) -> None:
    workspace = await workspace_id(database)
    await database.execute(
        "INSERT INTO suppressions (workspace_id, email, reason) VALUES (%s, 'ada@example.com', 'manual')", (workspace,)
    )
    await save(database, {"type": "form_submitted"}, MAIL)
    await take_all(database_url, database, [visit(workspace, "Ada@example.com") for _ in range(7)])
    assert await reasons(database) == {None: 7}
    assert await rows(database, "SELECT count(*) FROM recipient_limits") == [(0,)]
