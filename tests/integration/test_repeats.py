"""Repeats of idempotency keys, sorted out of a batch."""

import orjson
import pytest

from services.workers.ingest.repeats import sort_out
from shared.db import Connection
from shared.leads.submission import Submission, read
from tests.support.ingesting import Lead, accept, drain, item, workspace_id

pytestmark = pytest.mark.integration

FIRST: Lead = {"email": "first@example.com"}
OTHER: Lead = {"email": "other@example.com"}


def submission(workspace: int, lead: Lead) -> Submission:
    return read(orjson.loads(orjson.dumps(item(workspace, lead, "key").encoded())), "nobody", 0)


async def test_repeats_of_one_batch_are_judged_by_the_first_not_by_each_other(
    database: Connection, database_url: str
) -> None:
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, FIRST, "key")])
    await drain(database_url)
    batch = [submission(workspace, lead) for lead in (OTHER, FIRST, OTHER)]
    async with database.transaction():
        found = await sort_out(database, batch, known=False)
    assert (found.fresh, found.twins) == ([], [])
    verdicts = {id(one): verdict for one, verdict in zip(found.dropped, found.verdicts, strict=True)}
    told = [verdict and (verdict.state, verdict.replayed) for verdict in (verdicts[id(one)] for one in batch)]
    assert told == [("conflict", False), ("done", True), ("conflict", False)]
