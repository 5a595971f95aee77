"""What the page of a workspace reads beside its settings."""

import time
from collections.abc import Sequence
from typing import NamedTuple

from shared.platform.db.connections import Connection
from shared.workspace_changes.effect_counts import count_leads_with

COUNTING_SECONDS = 0.7  # for all entries of a list; those behind have no number
MAX_COUNTED_ENTRIES = 50

FORMS_SQL = """
SELECT count(*), count(*) FILTER (WHERE settings->'spam'->>'threshold' IS NOT NULL)
FROM forms WHERE workspace_id = %s AND is_active
"""


class FormThresholds(NamedTuple):
    """How many forms are open, and how many of these have a threshold of their own."""

    open: int
    own: int


async def count_forms(connection: Connection, workspace_id: int) -> FormThresholds:
    """Return how many forms are open."""
    row = await (await connection.execute(FORMS_SQL, (workspace_id,))).fetchone()
    return FormThresholds(*row) if row else FormThresholds(0, 0)


async def count_listed(connection: Connection, workspace_id: int, entries: Sequence[str]) -> dict[str, int]:
    """Return how many leads have a contact of each entry, as far as there is time."""
    end, counts = time.monotonic() + COUNTING_SECONDS, dict[str, int]()
    for entry in entries[:MAX_COUNTED_ENTRIES]:
        count = await count_leads_with(connection, workspace_id, entry)
        if count is not None:
            counts[entry] = count
        if time.monotonic() > end:
            break
    return counts
