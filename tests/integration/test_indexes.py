"""What is indexed, and what must not be."""

import pytest

from shared.platform.db.connections import Connection

pytestmark = pytest.mark.integration

# What every submission of a known lead changes.
CHANGING = {"updated_at", "submitted_at", "notes", "custom_fields"}
INDEXED = """
SELECT DISTINCT a.attname FROM pg_index i JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY(i.indkey)
WHERE i.indrelid = 'leads'::regclass
"""


async def test_columns_changed_by_each_submission_are_not_indexed(database: Connection) -> None:
    """Or each would write to all of them (docs/decisions/0013)."""
    indexed = {name for (name,) in await (await database.execute(INDEXED)).fetchall()}
    assert "tag_ids" in indexed
    assert not indexed & CHANGING
