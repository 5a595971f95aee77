"""Causes over HTTP: listed, filtered, changed; and what failed of one in its list."""

import uuid
from collections.abc import Iterator

import aiohttp
import pytest

from shared.operations.fingerprint import cause_of_text
from tests.contract.service import Service, ask
from tests.support.waiting import until_async

CAUSES = "/api/v1/operations/causes"
# As a worker marks submissions as dead.
FAIL = """
WITH dead AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, payload, attempts, error, cause_id)
    SELECT w.id, gen_random_uuid(), now(), 'dead', 'inbound', '{}', 5, 'ValueError: no', %(cause)s
    FROM workspaces w, generate_series(1, 3) WHERE slug = 'main' RETURNING workspace_id
), counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT workspace_id, unnest(ARRAY['accepted', 'dead']), 1 FROM dead
)
INSERT INTO cause_deltas (workspace_id, cause_id, kind, fingerprint, error_type, place, title, n)
SELECT workspace_id, %(cause)s, 'submission', %(fingerprint)s, 'ValueError', %(place)s, 'no', count(*)
FROM dead GROUP BY 1
"""
CLEAR = """
WITH gone AS (DELETE FROM submissions WHERE cause_id = %s RETURNING workspace_id)
INSERT INTO ledger_deltas (workspace_id, state, n) SELECT workspace_id, unnest(ARRAY['accepted', 'dead']), -1 FROM gone
"""


@pytest.fixture
def cause(service: Service) -> Iterator[int]:
    """Of three dead submissions."""
    made = cause_of_text("submission", "ValueError: no", place=uuid.uuid4().hex)
    values = {"cause": made.id, "fingerprint": made.fingerprint, "place": made.place}
    with service.stack.database() as database:
        database.execute(FAIL, values)
        yield made.id
        database.execute(CLEAR, (made.id,))


async def test_a_cause_is_listed_with_its_counts_and_changed(client: aiohttp.ClientSession, cause: int) -> None:
    path = f"{CAUSES}/{cause}"

    async def is_folded() -> bool:
        return (await ask(client, "GET", path)).status == 200

    await until_async(is_folded, what="the fold")
    found = (await ask(client, "GET", f"{CAUSES}?state=open&kind=submission&per_page=100")).body["data"]
    listed = next(one for one in found if one["id"] == cause)
    assert (listed["count"], listed["last_hour"], listed["hours"]) == (3, 3, [0] * 23 + [3])
    assert (listed["error_type"], listed["title"], listed["sources"]) == ("ValueError", "no", ["inbound"])
    dead = (await ask(client, "GET", f"/api/v1/submissions?cause={cause}")).body
    assert (dead["meta"]["total"], {one["state"] for one in dead["data"]}) == (3, {"dead"})
    body = {"state": "ignored", "ignored_until": "2099-01-01", "note": "until the new version"}
    changed = (await ask(client, "PATCH", path, json=body)).body["data"]
    assert changed["ignored_until"] == "2099-01-01T00:00:00+00:00"
    assert changed["changed_by"].startswith("key:")
    changed = (await ask(client, "PATCH", path, json={"state": "fixed"})).body["data"]
    assert (changed["state"], changed["ignored_until"], changed["note"]) == ("fixed", None, "until the new version")
    refused = await ask(client, "PATCH", path, json={"state": "open", "ignored_until": "2099-01-01"})
    assert (refused.status, [*refused.body["errors"]]) == (422, ["ignored_until"])


async def test_since_leaves_out_what_was_not_seen_again(client: aiohttp.ClientSession) -> None:
    assert (await ask(client, "GET", f"{CAUSES}?since=2099-01-01")).body["meta"]["total"] == 0
