"""What a new workspace has done of its first steps, read from its records."""

from dataclasses import dataclass
from datetime import datetime

from shared.platform.db.connections import Connection

# Each question stops at the first row that answers it.
FIRST_STEPS_SQL = """
SELECT (SELECT count(*) FROM (SELECT FROM leads WHERE workspace_id = %(workspace)s LIMIT 2) l),
       EXISTS (SELECT FROM submissions WHERE workspace_id = %(workspace)s AND is_duplicate),
       EXISTS (SELECT FROM forms WHERE workspace_id = %(workspace)s),
       EXISTS (SELECT FROM integrations WHERE workspace_id = %(workspace)s),
       EXISTS (SELECT FROM automations WHERE workspace_id = %(workspace)s),
       (SELECT count(*) FROM (SELECT FROM users WHERE workspace_id = %(workspace)s LIMIT 2) u) > 1
"""
LATEST_LEAD_SQL = """
SELECT l.id, coalesce(nullif(concat_ws(' ', l.first_name, l.last_name), ''), l.email, l.phone, l.company), l.created_at
FROM leads l WHERE l.workspace_id = %s ORDER BY l.created_at DESC, l.id DESC LIMIT 1
"""


@dataclass(frozen=True)
class LatestLead:
    """The lead that came last."""

    id: int
    name: str | None
    created_at: datetime


@dataclass(frozen=True)
class FirstSteps:
    """Which of the first steps are done. `lead_count` is 0, 1, or 2 for more.

    `has_repeat`: a lead came twice and stayed one.
    """

    lead_count: int
    has_repeat: bool
    has_form: bool
    has_source: bool
    has_automation: bool
    has_colleague: bool
    latest_lead: LatestLead | None

    @property
    def open_count(self) -> int:
        """How many steps are left."""
        contacts = (self.lead_count, self.has_repeat, self.has_form, self.has_source)
        return sum(not step for step in (*contacts, self.has_automation, self.has_colleague))


async def read_first_steps(connection: Connection, workspace_id: int) -> FirstSteps:
    """Return what a workspace has done, and the lead that came last."""
    [done] = await (await connection.execute(FIRST_STEPS_SQL, {"workspace": workspace_id})).fetchall()
    row = await (await connection.execute(LATEST_LEAD_SQL, (workspace_id,))).fetchone()
    latest_lead = LatestLead(*row) if row else None
    return FirstSteps(*(*done, latest_lead))


async def count_submissions(connection: Connection, workspace_id: int, most: int) -> int:
    """Return how many submissions a workspace has, at most `most`."""
    query = "SELECT count(*) FROM (SELECT FROM submissions WHERE workspace_id = %s LIMIT %s) s"
    [(count,)] = await (await connection.execute(query, (workspace_id, most))).fetchall()
    return int(count)


async def is_untouched(connection: Connection, workspace_id: int) -> bool:
    """Return whether a workspace has had no lead and no submission yet."""
    query = """
    SELECT NOT EXISTS (SELECT FROM leads WHERE workspace_id = %(workspace)s)
       AND NOT EXISTS (SELECT FROM submissions WHERE workspace_id = %(workspace)s)
    """
    row = await (await connection.execute(query, {"workspace": workspace_id})).fetchone()
    return bool(row and row[0])
