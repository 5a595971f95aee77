"""Two workspaces that know the same people: neither changes what the other holds, nor holds it up."""

from typing import Any

import pytest
import pytest_asyncio

from services.workers.deliveries.claim import claim_due
from shared.outbound import unsubscribe_links
from shared.outbound.deliveries import enqueue_deliveries, mail_to_lead
from shared.outbound.unsubscribe_links import UnsubscribeTarget
from shared.outbound.workspace_tokens import workspace_mail_keys
from shared.platform.db.connections import Connection
from shared.workspaces import change_workspace, create_workspace
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import create, rows
from tests.support.receivers import MailServer
from tests.support.sending import Outbox

pytestmark = pytest.mark.integration

PHONE = "+14155550100"
IDENTITIES = "SELECT workspace_id, kind, value, lead_id FROM identities ORDER BY 1, 2, 3"


@pytest_asyncio.fixture
async def ours(database: Connection) -> int:
    return await workspace_id(database)


@pytest_asyncio.fixture
async def theirs(database: Connection) -> int:
    return await create_workspace(database, "other", "Other")


async def test_the_same_person_is_a_lead_of_each(
    database_url: str, database: Connection, ours: int, theirs: int
) -> None:
    came: list[tuple[int, dict[str, Any]]] = [
        (ours, {"email": "e@example.com", "tags": ["Hot"]}),
        (theirs, {"phone": PHONE, "tags": ["hot"], "email": "first@example.com"}),
        (theirs, {"email": "e@example.com", "phone": PHONE}),
        (ours, {"email": "e@example.com", "tags": ["hot"]}),
        (theirs, {"email": "e@example.com"}),
    ]
    for workspace, body in came:
        await accept(database, [item(workspace, body)])
        await drain(database_url)
    assert await rows(database, "SELECT workspace_id, count(*) FROM leads GROUP BY 1 ORDER BY 1") == [
        (ours, 1),
        (theirs, 1),
    ]
    held = "SELECT count(*) FROM identities i JOIN leads l ON l.workspace_id = i.workspace_id AND l.id = i.lead_id"
    assert await rows(database, held) == await rows(database, "SELECT count(*) FROM identities") == [(4,)]
    borne = "SELECT t.workspace_id = l.workspace_id FROM leads l, unnest(tag_ids) AS tag JOIN tags t ON t.id = tag"
    assert await rows(database, borne) == [(True,), (True,)]


async def test_folding_of_gmail_is_each_workspaces_own(database: Connection, ours: int, theirs: int) -> None:
    await create(database, theirs, email="a.nn@gmail.com")
    before = await rows(database, IDENTITIES)
    await change_workspace(database, "main", fold_gmail=True)
    assert await rows(database, IDENTITIES) == before


async def test_suppression_applies_to_one_workspace_only(outbox: Outbox, theirs: int) -> None:
    unsubscribed = "INSERT INTO suppressions (workspace_id, email, reason) VALUES (%s, 'ada@example.com', 'manual')"
    with MailServer() as server:
        await outbox.integrate("smtp", host="127.0.0.1", port=str(server.port), **{"from": "crm@example.com"})
        await outbox.connection.execute(unsubscribed, (theirs,))
        lead = await outbox.lead("ada@example.com")
        await enqueue_deliveries(outbox.connection, [mail_to_lead(outbox.workspace_id, lead, "A", "B")])
        await outbox.send()
    assert [one["state"] for one in await outbox.deliveries()] == ["sent"]


async def test_unsubscribe_link_affects_its_own_workspace(outbox: Outbox, theirs: int) -> None:
    ours = outbox.workspace_id
    keys = await workspace_mail_keys(outbox.connection, outbox.cipher, [ours, theirs])
    for sender, stranger in ((ours, theirs), (theirs, ours)):
        who = UnsubscribeTarget(sender, "ada@example.com")
        link = unsubscribe_links.unsubscribe_link(outbox.settings, keys[sender], who)
        token = link.rpartition(unsubscribe_links.UNSUBSCRIBE_PATH)[2]
        assert await unsubscribe_links.read_token(outbox.connection, outbox.cipher, token) == who
        forged = f"{stranger}.{token.partition('.')[2]}"
        assert await unsubscribe_links.read_token(outbox.connection, outbox.cipher, forged) is None


async def test_mails_of_one_workspace_do_not_block_another(outbox: Outbox, theirs: int) -> None:
    leads = [await outbox.lead(f"{n}@example.com") for n in range(20)]
    await enqueue_deliveries(outbox.connection, [mail_to_lead(outbox.workspace_id, lead, "A", "B") for lead in leads])
    assert await claim_due(outbox.connection, 100)
    (lead,) = [await create(outbox.connection, theirs, email="z@example.com")]
    await enqueue_deliveries(outbox.connection, [mail_to_lead(theirs, lead, "A", "B")])
    assert len(await claim_due(outbox.connection, 1)) == 1
