"""The records that belong to a lead, for its page: submissions, identities, consents, files, deliveries."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import orjson
from psycopg.rows import dict_row

from services.console.submissions.contact_origins import LeadIntake
from shared.platform.db.connections import Connection
from shared.platform.ids import received_time

RowDict = dict[str, Any]

MAX_COUNTED_INTAKES = 10_000  # submissions of one lead that are counted
MAX_READ_PAYLOADS = 30  # of its first and of its last submissions whose payloads are read
MAX_PAYLOAD_BYTES = 262_144  # larger payloads are not looked at
MAX_LISTED = 20  # files and identities that are shown
MAX_SEEN_DELIVERIES = 200  # of the last, among which those are found that wait or failed

# Submissions have no index on their lead: its timeline names them.
INTAKES = """
FROM activities WHERE workspace_id = %(workspace)s AND lead_id = %(lead)s
    AND type IN ('lead.created', 'lead.duplicate') AND data ? 'submission_id'
"""
INTAKE_COUNT_SQL = f"""
SELECT count(*), greatest(count(DISTINCT source), least(count(*), 1))
FROM (SELECT data->>'source' AS source {INTAKES} LIMIT {MAX_COUNTED_INTAKES + 1}) intakes
"""
INTAKES_SQL = f"""
SELECT id, created_at, data->>'submission_id' AS submission_id, data->>'channel' AS channel, data->>'source' AS source
FROM ((SELECT * {INTAKES} ORDER BY id LIMIT {MAX_READ_PAYLOADS})
      UNION (SELECT * {INTAKES} ORDER BY id DESC LIMIT {MAX_READ_PAYLOADS})) both_ends
ORDER BY id
"""
PAYLOADS_SQL = f"""
SELECT s.id, s.payload FROM unnest(%(ids)s::uuid[], %(times)s::timestamptz[]) AS k (id, at)
JOIN submissions s ON s.workspace_id = %(workspace)s AND s.id = k.id AND s.received_at = coalesce(
    k.at, (SELECT t.received_at FROM submission_keys t WHERE t.workspace_id = %(workspace)s AND t.id = k.id))
WHERE octet_length(s.payload) <= {MAX_PAYLOAD_BYTES}
"""
IDENTITIES_SQL = f"""
SELECT kind, value FROM identities WHERE workspace_id = %(workspace)s AND lead_id = %(lead)s
ORDER BY kind, value LIMIT {MAX_LISTED}
"""
# Contacts that somebody typed, or that another lead brought along.
CONTACT_CHANGES_SQL = """
SELECT type, created_at, data FROM activities
WHERE workspace_id = %(workspace)s AND lead_id = %(lead)s
  AND (type = 'lead.merged' OR type = 'lead.updated' AND (data->'changes' ? 'email' OR data->'changes' ? 'phone'))
ORDER BY id LIMIT 100
"""
DELIVERIES_SQL = f"""
SELECT d.id, d.kind, d.event, d.state, d.attempts, d.created_at, d.finished_at, d.due_at, d.error, d.cause_id,
       d.user_id, u.name AS user_name, s.description, s.url, i.name AS integration
FROM deliveries d
LEFT JOIN webhook_subscriptions s ON s.workspace_id = d.workspace_id AND s.id = d.subscription_id
LEFT JOIN integrations i ON i.workspace_id = d.workspace_id AND i.id = d.integration_id
LEFT JOIN users u ON u.workspace_id = d.workspace_id AND u.id = d.user_id
WHERE d.workspace_id = %(workspace)s AND d.lead_id = %(lead)s ORDER BY d.id DESC LIMIT {MAX_SEEN_DELIVERIES}
"""
FILES_SQL = f"""
SELECT id, name, size, type, submission_id FROM files
WHERE workspace_id = %(workspace)s AND submission_id = ANY(%(ids)s::uuid[]) ORDER BY created_at DESC, id
LIMIT {MAX_LISTED + 1}
"""
STAGES_SQL = """
SELECT s.id, s.name, s.color, s.position, s.is_won, s.is_lost, s.pipeline_id, p.name AS pipeline
FROM pipeline_stages s JOIN pipelines p ON p.workspace_id = s.workspace_id AND p.id = s.pipeline_id
WHERE s.workspace_id = %(workspace)s ORDER BY p.is_default DESC, p.id, s.position, s.id LIMIT 1000
"""
CONTACT_SETTINGS_SQL = "SELECT country, fold_gmail FROM workspaces WHERE id = %(workspace)s"
USERS_SQL = """
SELECT id, name FROM users WHERE workspace_id = %(workspace)s AND (is_active OR id = %(owner)s)
ORDER BY lower(name), id LIMIT 500
"""


@dataclass(frozen=True)
class LeadChoices:
    """The stages and people among which a lead's stage and owner are chosen."""

    stages: list[RowDict]
    users: list[RowDict]


@dataclass(frozen=True)
class RelatedRecords:
    """What stands around a lead. `times` says how often it came in, from `sources` sources.

    By `country` and `fold_gmail` the workspace compares contacts.
    """

    times: int
    sources: int
    intakes: list[LeadIntake]
    identities: list[tuple[str, str]]
    contact_changes: list[RowDict]
    deliveries: list[RowDict]
    files: list[RowDict]
    stages: list[RowDict]
    users: list[RowDict]
    country: str | None
    fold_gmail: bool


async def read_lead_choices(connection: Connection, workspace_id: int) -> LeadChoices:
    """Return what a new lead can be given."""
    values = {"workspace": workspace_id, "owner": None}
    stages = await read_rows(connection, STAGES_SQL, values)
    return LeadChoices(stages, await read_rows(connection, USERS_SQL, values))


async def read_related_records(
    connection: Connection, workspace_id: int, lead_id: int, owner_id: int | None
) -> RelatedRecords:
    """Return the records that belong to a lead, each list with a bound."""
    values = {"workspace": workspace_id, "lead": lead_id, "owner": owner_id}
    times, sources = (await (await connection.execute(INTAKE_COUNT_SQL, values)).fetchall())[0]
    intakes = await _read_intakes(connection, values)
    ids = [intake.submission_id for intake in intakes]
    identities = await (await connection.execute(IDENTITIES_SQL, values)).fetchall()
    return RelatedRecords(
        times,
        sources,
        intakes,
        [(row[0], row[1]) for row in identities],
        await read_rows(connection, CONTACT_CHANGES_SQL, values),
        await read_rows(connection, DELIVERIES_SQL, values),
        await read_rows(connection, FILES_SQL, {**values, "ids": ids}) if ids else [],
        await read_rows(connection, STAGES_SQL, values),
        await read_rows(connection, USERS_SQL, values),
        **(await read_rows(connection, CONTACT_SETTINGS_SQL, values))[0],
    )


async def read_rows(connection: Connection, statement: str, values: RowDict) -> list[RowDict]:
    """Return the rows of a statement by the names of their columns."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        return await (await cursor.execute(statement, values)).fetchall()


async def _read_intakes(connection: Connection, values: RowDict) -> list[LeadIntake]:
    rows = await read_rows(connection, INTAKES_SQL, values)
    ids = [uuid.UUID(row["submission_id"]) for row in rows]
    bodies = await _read_bodies(connection, values["workspace"], ids)
    return [
        LeadIntake(row["submission_id"], row["created_at"], row["channel"] or "", row["source"], bodies.get(id_, {}))
        for row, id_ in zip(rows, ids, strict=True)
    ]


async def _read_bodies(connection: Connection, workspace_id: int, ids: Sequence[uuid.UUID]) -> dict[uuid.UUID, RowDict]:
    if not ids:
        return {}
    asked = {"workspace": workspace_id, "ids": list(ids), "times": [received_time(str(id_)) for id_ in ids]}
    rows = await (await connection.execute(PAYLOADS_SQL, asked)).fetchall()
    return {row[0]: body for row in rows if isinstance(body := _loaded(bytes(row[1])), dict)}


def _loaded(stored: bytes) -> Any:
    try:
        return orjson.loads(stored)
    except orjson.JSONDecodeError:
        return None
