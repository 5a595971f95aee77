"""What the pages of automations read beside the automations: their figures, and the names of what steps refer to."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.platform.db.connections import Connection

FAILURE_DAYS = 7  # days whose failures the list counts
MAX_LISTED = 500
MAX_COUNTED_FAILURES = 10_000  # runs, and deliveries

# BETWEEN keeps the order by two columns, and so the index of both: for an automation that never ran PostgreSQL would
# otherwise look through the runs of all others.
LIST_SQL = """
SELECT a.id, a.name, a.is_active, a.trigger, a.steps, a.version,
       EXISTS (SELECT FROM automation_drafts d
               WHERE d.workspace_id = a.workspace_id AND d.automation_id = a.id) AS has_draft,
       (SELECT coalesce(sum(n), 0)::bigint FROM (
            SELECT c.n FROM counters c
            WHERE c.workspace_id = a.workspace_id AND c.kind = 'automation' AND c.ref_id = a.id
            UNION ALL
            SELECT d.n FROM counter_deltas d
            WHERE d.workspace_id = a.workspace_id AND d.kind = 'automation' AND d.ref_id = a.id) counted) AS runs_count,
       (SELECT r.created_at FROM automation_runs r
        WHERE r.workspace_id = a.workspace_id AND r.automation_id BETWEEN a.id AND a.id
        ORDER BY r.automation_id DESC, r.id DESC LIMIT 1) AS last_run_at
FROM automations a WHERE a.workspace_id = %s ORDER BY lower(a.name), a.id LIMIT %s
"""
# Runs that failed, and those that ended well but for a delivery that failed later. A delivery has the lead of its run:
# the newest that failed give the leads whose runs are read. LIMIT keeps that from becoming a scan of all runs.
FAILURES_SQL = """
WITH newest AS (
    SELECT id, lead_id, subscription_id FROM deliveries
    WHERE workspace_id = %(w)s AND state = 'failed' ORDER BY id DESC LIMIT %(most)s),
unsent AS MATERIALIZED (
    SELECT id, lead_id FROM newest WHERE lead_id IS NOT NULL AND subscription_id IS NULL),
ended AS MATERIALIZED (
    SELECT r.* FROM (SELECT DISTINCT lead_id FROM unsent) u CROSS JOIN LATERAL (
        SELECT id, automation_id, steps FROM automation_runs
        WHERE workspace_id = %(w)s AND lead_id = u.lead_id AND state = 'done'
          AND created_at > now() - %(days)s * interval '1 day' LIMIT %(most)s) r LIMIT %(most)s)
SELECT automation_id, count(*) FROM (
    (SELECT id, automation_id FROM automation_runs
     WHERE workspace_id = %(w)s AND state = 'failed' AND created_at > now() - %(days)s * interval '1 day'
     LIMIT %(most)s)
    UNION
    SELECT e.id, e.automation_id
    FROM ended e CROSS JOIN jsonb_path_query(e.steps, '$[*].data.delivery_ids[*]') AS sent (id)
    JOIN unsent u ON u.id = sent.id::bigint) failed
GROUP BY 1
"""
STAGES_SQL = """
SELECT s.id, s.name, p.id, p.name FROM pipeline_stages s
JOIN pipelines p ON p.workspace_id = s.workspace_id AND p.id = s.pipeline_id
WHERE s.workspace_id = %s ORDER BY p.id, s.position, s.id LIMIT 1000
"""
USERS_SQL = "SELECT id, name, is_active FROM users WHERE workspace_id = %s ORDER BY lower(name), id LIMIT 1000"
FORMS_SQL = "SELECT id, name FROM forms WHERE workspace_id = %s ORDER BY lower(name), id LIMIT 1000"
INTEGRATIONS_SQL = """
SELECT id, name, type, is_active FROM integrations WHERE workspace_id = %s ORDER BY lower(name), id LIMIT 1000
"""


@dataclass(frozen=True)
class StageLabel:
    """A stage, and the pipeline that it belongs to."""

    name: str
    pipeline_id: int
    pipeline: str


@dataclass(frozen=True)
class IntegrationName:
    """An integration that messages may go through."""

    name: str
    kind: str
    is_active: bool


@dataclass(frozen=True)
class DefinitionNames:
    """What the ids of a definition stand for, each in the order of a menu."""

    stages: Mapping[int, StageLabel] = field(default_factory=dict)
    users: Mapping[int, str] = field(default_factory=dict)
    inactive_users: frozenset[int] = frozenset()
    forms: Mapping[int, str] = field(default_factory=dict)
    integrations: Mapping[int, IntegrationName] = field(default_factory=dict)

    @property
    def pipelines(self) -> dict[int, str]:
        """The pipelines that have stages, by id."""
        return {stage.pipeline_id: stage.pipeline for stage in self.stages.values()}

    def integrations_of(self, kinds: frozenset[str]) -> list[tuple[int, str]]:
        """Return the active integrations of some types, each with its name."""
        return [(id_, one.name) for id_, one in self.integrations.items() if one.kind in kinds and one.is_active]


@dataclass(frozen=True)
class ListedAutomation:
    """An automation in the list. `failures` are those of the last days."""

    id: int
    name: str
    is_active: bool
    trigger: Mapping[str, Any]
    steps: list[Mapping[str, Any]]
    version: int
    has_draft: bool
    runs_count: int
    last_run_at: datetime | None
    failures: int


async def list_automations(connection: Connection, workspace_id: int) -> list[ListedAutomation]:
    """Return the automations of a workspace by name."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(LIST_SQL, (workspace_id, MAX_LISTED))).fetchall()
    values = {"w": workspace_id, "days": FAILURE_DAYS, "most": MAX_COUNTED_FAILURES}
    found = await connection.execute(FAILURES_SQL, values)
    failures: dict[int, int] = dict(await found.fetchall())
    return [ListedAutomation(**row, failures=failures.get(row["id"], 0)) for row in rows]


async def read_definition_names(connection: Connection, workspace_id: int) -> DefinitionNames:
    """Return the names of all that a definition may refer to."""

    async def rows_of(statement: str) -> list[Any]:
        return await (await connection.execute(statement, (workspace_id,))).fetchall()

    users = await rows_of(USERS_SQL)
    return DefinitionNames(
        {
            id_: StageLabel(name, pipeline_id, pipeline)
            for id_, name, pipeline_id, pipeline in await rows_of(STAGES_SQL)
        },
        {id_: name for id_, name, _ in users},
        frozenset(id_ for id_, _, is_active in users if not is_active),
        dict(await rows_of(FORMS_SQL)),
        {id_: IntegrationName(*rest) for id_, *rest in await rows_of(INTEGRATIONS_SQL)},
    )
