"""The rules that an engine remembers."""

import pytest

from services.workers.automations import rules_cache as remembered
from services.workers.automations.rules_cache import RulesCache
from shared.platform.db.connections import Connection
from tests.support.automating import rows
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

OTHERS = """
WITH made AS (INSERT INTO workspaces (slug, name) SELECT 'w' || n, 'W' FROM generate_series(1, 3) n RETURNING id)
INSERT INTO rule_versions SELECT id, 1, true FROM made RETURNING workspace_id
"""


async def test_evicted_rules_are_read_again(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MAX_CACHED_RULE_SETS", 1)
    first, second, third = [row["workspace_id"] for row in await rows(database, OTHERS)]
    book = RulesCache()
    await book.get_rules(database, [first, second])
    assert (await book.get_rules(database, [first, third])).keys() == {first, third}


async def test_workspace_without_rules_has_an_empty_cache_entry(database: Connection) -> None:
    await database.execute("DELETE FROM rule_versions")
    workspace = await workspace_id(database)
    found = await RulesCache().get_rules(database, [workspace])
    assert not found[workspace].automations
