"""Rows whose workers died with them in hand."""

import pytest

from services.workers.ingest.dead_letters import MAX_INGEST_ATTEMPTS
from services.workers.ingest.row_splitting import split_suspects
from shared.intake.journal import Lane
from shared.platform.db.connections import Connection
from tests.support.ingesting import accept, item, workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

TRIED = "UPDATE journal SET attempts = %s, stored_at = now() - interval '1 min' RETURNING id"
WAITING = """
SELECT lane, n, attempts, ids::text[], stored_at < now() - interval '50 s', payload IS NOT NULL FROM journal ORDER BY id
"""


async def suspect(connection: Connection, attempts: int, leads: int) -> tuple[list[int], list[str]]:
    """A journal row with so many leads that took so many workers down; its id, and those of its submissions."""
    workspace = await workspace_id(connection)
    items = [item(workspace, {"email": f"{n}@example.com"}) for n in range(leads)]
    await accept(connection, items, Lane.BULK)
    return [row[0] for row in await rows(connection, TRIED, attempts)], [str(one.id) for one in items]


async def test_a_suspect_of_many_becomes_rows_of_one_as_suspect_and_as_old(database: Connection) -> None:
    row_ids, ids = await suspect(database, 2, 3)
    assert await split_suspects(database, Lane.BULK, row_ids)
    assert await rows(database, WAITING) == [(Lane.BULK, 1, 2, [id_], True, True) for id_ in ids]


async def test_row_below_the_suspect_limit_is_not_split(database: Connection) -> None:
    row_ids, ids = await suspect(database, 1, 3)
    assert not await split_suspects(database, Lane.BULK, row_ids)
    assert await rows(database, WAITING) == [(Lane.BULK, 3, 1, ids, True, True)]


@pytest.mark.parametrize("attempts", [MAX_INGEST_ATTEMPTS - 1, MAX_INGEST_ATTEMPTS])
async def test_a_lead_alone_is_dead_after_its_last_attempt(database: Connection, attempts: int) -> None:
    row_ids, ids = await suspect(database, attempts, 1)
    is_past = attempts == MAX_INGEST_ATTEMPTS
    assert await split_suspects(database, Lane.BULK, row_ids) is is_past
    dead = [(ids[0], "dead", f"WorkerLost: {attempts} workers died with it in hand")] if is_past else []
    assert await rows(database, "SELECT id::text, state, error FROM submissions") == dead
    assert len(await rows(database, WAITING)) == (not is_past)
