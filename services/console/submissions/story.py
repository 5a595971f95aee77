"""What happened to a submission and because of it: the data of its timeline, read with bounds."""

import uuid
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from psycopg.rows import dict_row

from shared.intake.submission_lookup import KEY_ID_FIELD, FoundSubmission
from shared.intake.submission_versions import list_versions
from shared.operations.causes import find_cause
from shared.platform.db.connections import Connection

MAX_FOLLOWING = 20  # runs, and deliveries, that are shown

NAMES_SQL = """
SELECT (SELECT name FROM api_keys WHERE workspace_id = %(workspace)s AND id = %(key)s) AS key_name,
       CASE %(kind)s WHEN 'form' THEN (SELECT name FROM forms WHERE workspace_id = %(workspace)s AND id = %(origin)s)
                     WHEN 'integration' THEN (SELECT name FROM integrations
                                              WHERE workspace_id = %(workspace)s AND id = %(origin)s) END AS origin_name
"""
# The entry that the submission made on the timeline of its lead, and the time of the lead's next submission.
ENTRY_SQL = """
WITH own AS (
    SELECT id, type, data, created_at FROM activities
    WHERE workspace_id = %(workspace)s AND lead_id = %(lead)s AND data->>'submission_id' = %(id)s ORDER BY id LIMIT 1
)
SELECT own.type, own.data, own.created_at, (
    SELECT min(a.created_at) FROM activities a
    WHERE a.workspace_id = %(workspace)s AND a.lead_id = %(lead)s AND a.id > own.id
      AND a.type IN ('lead.created', 'lead.duplicate')) AS until
FROM own
"""
# What a run says of itself: why it failed, or why a step of it was skipped.
RUN_REMARK_SQL = """
coalesce(r.error, jsonb_path_query_first(r.steps, '$[*] ? (@.outcome == "skipped").reason') #>> ARRAY[]::text[])
"""
RUNS_SQL = f"""
SELECT r.id, a.name, r.state, r.created_at, r.finished_at, jsonb_array_length(r.steps) AS steps,
       {RUN_REMARK_SQL} AS error
FROM automation_runs r LEFT JOIN automations a ON a.workspace_id = r.workspace_id AND a.id = r.automation_id
WHERE r.workspace_id = %(workspace)s AND r.lead_id = %(lead)s AND r.created_at >= %(since)s
  AND (%(until)s::timestamptz IS NULL OR r.created_at < %(until)s)
ORDER BY r.id LIMIT {MAX_FOLLOWING + 1}
"""
DELIVERIES_SQL = f"""
SELECT d.id, d.kind, d.event, d.state, d.attempts, d.created_at, d.finished_at, d.error, d.user_id,
       u.name AS user_name, s.description, s.url, i.name AS integration
FROM deliveries d
LEFT JOIN webhook_subscriptions s ON s.workspace_id = d.workspace_id AND s.id = d.subscription_id
LEFT JOIN integrations i ON i.workspace_id = d.workspace_id AND i.id = d.integration_id
LEFT JOIN users u ON u.workspace_id = d.workspace_id AND u.id = d.user_id
WHERE d.workspace_id = %(workspace)s AND d.lead_id = %(lead)s AND d.created_at >= %(since)s
  AND (%(until)s::timestamptz IS NULL OR d.created_at < %(until)s)
ORDER BY d.id LIMIT {MAX_FOLLOWING + 1}
"""

StoryDict = dict[str, Any]


@dataclass
class SubmissionStory:
    """What stands around a submission. `runs` and `deliveries` are those of its lead until the lead's next submission.

    `has_more` says that there are more of them than are shown.
    """

    key_name: str | None = None
    origin_name: str | None = None
    cause: StoryDict | None = None
    entry: StoryDict | None = None
    versions: list[StoryDict] = field(default_factory=list)
    runs: list[StoryDict] = field(default_factory=list)
    deliveries: list[StoryDict] = field(default_factory=list)
    has_more: bool = False

    @property
    def end(self) -> datetime | None:
        """When the last of what is shown ended."""
        ends = [each["finished_at"] or each["created_at"] for each in (*self.runs, *self.deliveries)]
        return max(ends, default=None)


async def read_story(connection: Connection, workspace_id: int, submission: FoundSubmission) -> SubmissionStory:
    """Return the story of a submission."""
    record = submission.record
    kind, _, origin = record["channel"].partition(":")
    values = {
        "workspace": workspace_id,
        "key": record[KEY_ID_FIELD],
        "kind": kind,
        "origin": int(origin) if origin.isdigit() else None,
        "id": str(record["id"]),
        "lead": record["lead_id"],
    }
    names = await _rows(connection, NAMES_SQL, values)
    story = SubmissionStory(**names[0])
    story.versions = await list_versions(connection, workspace_id, uuid.UUID(str(record["id"])))
    if submission.cause_id is not None:
        story.cause = await find_cause(connection, workspace_id, submission.cause_id)
    if record["lead_id"] is not None:
        await _read_following(connection, story, values)
    return story


async def _read_following(connection: Connection, story: SubmissionStory, values: StoryDict) -> None:
    entries = await _rows(connection, ENTRY_SQL, values)
    if not entries:
        return
    story.entry = entries[0]
    span = {**values, "since": story.entry["created_at"], "until": story.entry["until"]}
    runs, deliveries = await _rows(connection, RUNS_SQL, span), await _rows(connection, DELIVERIES_SQL, span)
    story.has_more = max(len(runs), len(deliveries)) > MAX_FOLLOWING
    story.runs, story.deliveries = runs[:MAX_FOLLOWING], deliveries[:MAX_FOLLOWING]


async def _rows(connection: Connection, statement: str, values: StoryDict) -> list[StoryDict]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, values)).fetchall()
