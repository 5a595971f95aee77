"""The rules that an engine remembers."""

import pytest

from services.workers.automations import rules as remembered
from services.workers.automations.rules import RulesCache
from shared.db import Connection
from tests.support.automating import rows
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

OTHERS = """
WITH made AS (INSERT INTO workspaces (slug, name) SELECT 'w' || n, 'W' FROM generate_series(1, 3) n RETURNING id)
INSERT INTO rule_versions SELECT id, 1, true FROM made RETURNING workspace_id
"""


async def test_what_is_forgotten_for_room_is_read_anew(database: Connection, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MAX_CACHED_RULE_SETS", 1)
    first, second, third = [row["workspace_id"] for row in await rows(database, OTHERS)]
    book = RulesCache()
    await book.get_rules(database, [first, second])
    assert (await book.get_rules(database, [first, third])).keys() == {first, third}


async def test_a_workspace_that_never_had_a_rule_has_none(database: Connection) -> None:
    await database.execute("DELETE FROM rule_versions")
    workspace = await workspace_id(database)
    found = await RulesCache().get_rules(database, [workspace])
    assert not found[workspace].automations
