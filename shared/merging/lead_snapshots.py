"""Note a lead that is about to merge as it is, delete its rows, and make them again when the merge is undone."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.platform.db.connections import Connection, as_json

LeadSnapshot = dict[str, Any]

# The snapshot stays in the database: a number of any precision comes back as it was.
SNAPSHOT_SQL = """
INSERT INTO lead_merges (workspace_id, winner_id, loser_id, cause, changes, loser)
SELECT l.workspace_id, %(winner)s, l.id, %(cause)s::jsonb, '{}', jsonb_build_object(
    'lead', to_jsonb(l) - '{few_tags,first_name_key,last_name_key,email_key}'::text[],
    'points', (SELECT points FROM lead_points p WHERE p.workspace_id = l.workspace_id AND p.lead_id = l.id),
    'attribution', (SELECT to_jsonb(a) FROM lead_attributions a
                    WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id),
    'winner_attribution', (SELECT to_jsonb(a) FROM lead_attributions a
                           WHERE a.workspace_id = l.workspace_id AND a.lead_id = %(winner)s),
    'identities', (SELECT coalesce(jsonb_agg(jsonb_build_array(kind, value)), '[]') FROM identities i
                   WHERE i.workspace_id = l.workspace_id AND i.lead_id = l.id),
    'notes_of_likeness', (SELECT coalesce(jsonb_agg(to_jsonb(p)), '[]') FROM possible_duplicates p
                          WHERE p.workspace_id = l.workspace_id AND p.lead_id = l.id),
    'winner_alike', (SELECT coalesce(jsonb_agg(p.other_id), '[]') FROM possible_duplicates p
                     WHERE p.workspace_id = l.workspace_id AND p.lead_id = %(winner)s))
FROM leads l WHERE l.workspace_id = %(w)s AND l.id = %(loser)s
RETURNING id, loser
"""
# `possible_duplicates` notes each pair on both leads.
HAND_ON_SQL = (
    "UPDATE identities SET lead_id = %(winner)s WHERE workspace_id = %(w)s AND lead_id = %(loser)s",
    """INSERT INTO lead_attributions AS a (workspace_id, lead_id, first_at, first, last_at, last)
       SELECT workspace_id, %(winner)s, first_at, first, last_at, last FROM lead_attributions
       WHERE workspace_id = %(w)s AND lead_id = %(loser)s
       ON CONFLICT (workspace_id, lead_id) DO UPDATE SET
           first = CASE WHEN excluded.first_at < a.first_at THEN excluded.first ELSE a.first END,
           first_at = least(excluded.first_at, a.first_at),
           last = CASE WHEN excluded.last_at > a.last_at THEN excluded.last ELSE a.last END,
           last_at = greatest(excluded.last_at, a.last_at)""",
    """INSERT INTO possible_duplicates (workspace_id, lead_id, other_id, reason, score, created_at)
       SELECT workspace_id, pair.lead, pair.other, reason, score, created_at FROM possible_duplicates p,
              LATERAL (VALUES (%(winner)s, other_id), (other_id, %(winner)s)) AS pair (lead, other)
       WHERE workspace_id = %(w)s AND lead_id = %(loser)s AND other_id <> %(winner)s
       ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING""",
    """DELETE FROM possible_duplicates WHERE workspace_id = %(w)s AND other_id = %(loser)s AND lead_id IN (
           SELECT other_id FROM possible_duplicates WHERE workspace_id = %(w)s AND lead_id = %(loser)s)""",
    "DELETE FROM possible_duplicates WHERE workspace_id = %(w)s AND lead_id = %(loser)s",
    "DELETE FROM lead_attributions WHERE workspace_id = %(w)s AND lead_id = %(loser)s",
    "DELETE FROM lead_points WHERE workspace_id = %(w)s AND lead_id = %(loser)s",
    "DELETE FROM leads WHERE workspace_id = %(w)s AND id = %(loser)s",
)

# What was deleted meanwhile is left out, as its delete would have taken it from the lead.
RESTORE_LEAD_SQL = """
INSERT INTO leads (workspace_id, id, first_name, last_name, email, email_as_given, phone, company, job_title, country,
                   source, status, lead_score, starred, pipeline_id, pipeline_stage_id, assigned_user_id, notes,
                   custom_fields, tag_ids, created_at, updated_at, submitted_at)
SELECT l.workspace_id, l.id, first_name, last_name, email, email_as_given, phone, company, job_title, country, source,
       status, lead_score, starred,
       (SELECT p.id FROM pipelines p WHERE p.workspace_id = l.workspace_id AND p.id = l.pipeline_id),
       (SELECT s.id FROM pipeline_stages s WHERE s.workspace_id = l.workspace_id AND s.id = l.pipeline_stage_id),
       (SELECT u.id FROM users u WHERE u.workspace_id = l.workspace_id AND u.id = l.assigned_user_id),
       notes, custom_fields,
       ARRAY(SELECT coalesce(t.alias_of, t.id) FROM unnest(l.tag_ids) WITH ORDINALITY AS borne(id, nr)
             JOIN tags t ON t.workspace_id = l.workspace_id AND t.id = borne.id
             GROUP BY coalesce(t.alias_of, t.id) ORDER BY min(nr)),
       created_at, clock_timestamp(), submitted_at
FROM lead_merges m, jsonb_populate_record(NULL::leads, m.loser->'lead') l
WHERE m.workspace_id = %(w)s AND m.id = %(merge)s
"""
RESTORE_OTHERS_SQL = (
    """INSERT INTO lead_points (workspace_id, lead_id, points)
       SELECT workspace_id, loser_id, (loser->>'points')::bigint FROM lead_merges
       WHERE workspace_id = %(w)s AND id = %(merge)s AND loser->>'points' IS NOT NULL""",
    """INSERT INTO lead_attributions (workspace_id, lead_id, first_at, first, last_at, last)
       SELECT a.workspace_id, lead_id, first_at, first, last_at, last
       FROM lead_merges m, jsonb_populate_record(NULL::lead_attributions, nullif(m.loser->'attribution', 'null')) a
       WHERE m.workspace_id = %(w)s AND m.id = %(merge)s AND lead_id IS NOT NULL""",
    """UPDATE identities SET lead_id = %(loser)s FROM jsonb_array_elements(%(identities)s::jsonb) k
       WHERE workspace_id = %(w)s AND kind = k->>0 AND identities.value = k->>1
         AND lead_id IN (%(winner)s, %(loser)s)""",
    # A pair that came with the merge goes with it, unless one of the two shows a phone that the other holds.
    """DELETE FROM possible_duplicates p WHERE workspace_id = %(w)s
       AND ((lead_id = %(winner)s AND other_id = ANY(%(gained)s))
            OR (other_id = %(winner)s AND lead_id = ANY(%(gained)s)))
       AND NOT EXISTS (SELECT FROM leads l JOIN identities i ON i.workspace_id = l.workspace_id AND i.kind = 'phone'
                       AND i.value = l.phone WHERE l.workspace_id = %(w)s
                       AND (l.id, i.lead_id) IN ((p.lead_id, p.other_id), (p.other_id, p.lead_id)))""",
    """INSERT INTO possible_duplicates (workspace_id, lead_id, other_id, reason, score, created_at)
       SELECT p.workspace_id, pair.lead, pair.other, reason, score, p.created_at
       FROM jsonb_populate_recordset(NULL::possible_duplicates, %(alike)s::jsonb) p
       JOIN leads l ON l.workspace_id = p.workspace_id AND l.id = p.other_id,
            LATERAL (VALUES (lead_id, other_id), (other_id, lead_id)) AS pair (lead, other)
       ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING""",
)
SET_ATTRIBUTION_SQL = """
UPDATE lead_attributions SET first_at = %(first_at)s::timestamptz, first = %(first)s::jsonb,
       last_at = %(last_at)s::timestamptz, last = %(last)s::jsonb
WHERE workspace_id = %(w)s AND lead_id = %(lead)s
"""
READ_ATTRIBUTION_SQL = "SELECT to_jsonb(a) FROM lead_attributions a WHERE workspace_id = %s AND lead_id = %s"


async def take_snapshot(
    connection: Connection, workspace_id: int, winner: int, loser: int, cause: Mapping[str, Any]
) -> tuple[int, LeadSnapshot]:
    """Begin a merge: note the loser, its rows that move or go, and what the winner has of them. Lock both first.

    Returns the merge's id with the snapshot.
    """
    values = {"w": workspace_id, "winner": winner, "loser": loser, "cause": as_json(cause)}
    row = (await (await connection.execute(SNAPSHOT_SQL, values)).fetchall())[0]
    return row[0], row[1]


async def hand_on(connection: Connection, workspace_id: int, winner: int, loser: int) -> None:
    """Give the winner the loser's identities, attribution and possible duplicates, and delete the loser."""
    for statement in HAND_ON_SQL:
        await connection.execute(statement, {"w": workspace_id, "winner": winner, "loser": loser})


async def restore_lead(
    connection: Connection, workspace_id: int, merge_id: int, winner: int, snapshot: LeadSnapshot
) -> None:
    """Make the loser again as it was, with its identities, which the winner or nobody has by now.

    Its time of update is now. A pipeline, stage, user or tag that was deleted meanwhile is left out.
    """
    loser = snapshot["lead"]["id"]
    others = [pair["other_id"] for pair in snapshot["notes_of_likeness"]]
    values = {
        "w": workspace_id,
        "merge": merge_id,
        "winner": winner,
        "loser": loser,
        "identities": as_json(snapshot["identities"]),
        "alike": as_json(snapshot["notes_of_likeness"]),
        "gained": [other for other in others if other not in snapshot["winner_alike"]],
    }
    await connection.execute(RESTORE_LEAD_SQL, values)
    for statement in RESTORE_OTHERS_SQL:
        await connection.execute(statement, values)
    await _restore_attribution(connection, workspace_id, winner, snapshot)


async def _restore_attribution(connection: Connection, workspace_id: int, winner: int, snapshot: LeadSnapshot) -> None:
    rows = await (await connection.execute(READ_ATTRIBUTION_SQL, (workspace_id, winner))).fetchall()
    if not rows or not snapshot["attribution"]:
        return
    attribution = attribution_without(rows[0][0], snapshot["attribution"], snapshot["winner_attribution"])
    if attribution is None:
        await connection.execute(
            "DELETE FROM lead_attributions WHERE workspace_id = %s AND lead_id = %s", (workspace_id, winner)
        )
    else:
        values = {name: as_json(attribution[name]) for name in ("first", "last")}
        times = {name: datetime.fromisoformat(attribution[name]) for name in ("first_at", "last_at")}
        await connection.execute(SET_ATTRIBUTION_SQL, {"w": workspace_id, "lead": winner, **values, **times})


def attribution_without(
    now: Mapping[str, Any], lost: Mapping[str, Any], before: Mapping[str, Any] | None
) -> Mapping[str, Any] | None:
    """Return from where the winner came without what a merge gave it, or None if nothing is left. Pure."""
    parts = dict(now)
    if now["last_at"] == lost["last_at"]:
        if before is None:
            return None
        parts |= {"last_at": before["last_at"], "last": before["last"]}
    if now["first_at"] == lost["first_at"]:
        first = ("first_at", "first") if before else ("last_at", "last")
        source = before or parts
        parts |= {"first_at": source[first[0]], "first": source[first[1]]}
    return parts
