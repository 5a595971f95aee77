"""Read leads, profiles, counts and weights, and write profiles and counts."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from services.workers.likeness.lead_profile import PROFILE_VERSION, LeadProfile, decode_profile, encode_profile
from services.workers.likeness.likeness_score import DEFAULT_DUPLICATES, MatchWeights
from services.workers.likeness.sql_arrays import bigint_array
from shared.leads.never_join import NOTHING_LISTED, NeverJoin
from shared.platform.db.connections import Connection, as_json

ALL_LEADS = 0  # the hash that counts all leads with a profile

# Every table is read by its key. A plan that was made while a table was small, and kept, must not read all of it.
SETTINGS_SQL = """
SELECT set_config('enable_seqscan', 'off', true), set_config('enable_hashjoin', 'off', true),
       set_config('enable_mergejoin', 'off', true), set_config('synchronous_commit', 'off', true)
"""
READ_LEADS_SQL = """
SELECT k.id, l.id IS NOT NULL, l.first_name, l.last_name, coalesce(l.email, l.email_as_given), l.phone, l.company,
       l.custom_fields,
       p.profile, p.keys, p.counted, p.version
FROM unnest(%(leads)s::bigint[]) AS k(id)
LEFT JOIN leads l ON l.workspace_id = %(w)s AND l.id = k.id
LEFT JOIN likeness_profiles p ON p.workspace_id = %(w)s AND p.lead_id = k.id
"""
READ_PROFILES_SQL = """
SELECT p.lead_id, p.profile FROM unnest(%s::bigint[]) AS k(id)
JOIN likeness_profiles p ON p.workspace_id = %s AND p.lead_id = k.id
"""
# Sorted, so that no two writers of counts deadlock. A change of 0 reads.
ADD_COUNTS_SQL = """
INSERT INTO likeness_counts AS c (workspace_id, value_hash, n)
SELECT %s, hash, greatest(n, 0) FROM unnest(%s::bigint[], %s::bigint[]) AS d(hash, n) ORDER BY hash
ON CONFLICT (workspace_id, value_hash) DO UPDATE SET n = greatest(c.n + excluded.n, 0)
RETURNING value_hash, n
"""
LESSEN_COUNTS_SQL = """
UPDATE likeness_counts c SET n = greatest(c.n - d.n, 0)
FROM unnest(%s::bigint[], %s::bigint[]) AS d(hash, n) WHERE c.workspace_id = %s AND c.value_hash = d.hash
"""
READ_COUNTS_SQL = """
SELECT c.value_hash, c.n FROM unnest(%s::bigint[]) AS k(hash)
JOIN likeness_counts c ON c.workspace_id = %s AND c.value_hash = k.hash
"""
WRITE_PROFILES_SQL = """
INSERT INTO likeness_profiles (workspace_id, lead_id, profile, keys, counted, version)
SELECT %s, lead_id, profile, keys::bigint[], counted::bigint[], %s
FROM json_to_recordset(%s::json) AS p(lead_id bigint, profile text, keys text, counted text) ORDER BY lead_id
ON CONFLICT (workspace_id, lead_id) DO UPDATE SET
    profile = excluded.profile, keys = excluded.keys, counted = excluded.counted, version = excluded.version
"""
DELETE_PROFILES_SQL = "DELETE FROM likeness_profiles WHERE workspace_id = %s AND lead_id = ANY(%s::bigint[])"
NEVER_JOIN_SQL = "SELECT never_join, fold_gmail FROM workspaces WHERE id = %s"
READ_WEIGHTS_SQL = "SELECT weights FROM likeness_weights WHERE workspace_id = %s"
WRITE_WEIGHTS_SQL = """
INSERT INTO likeness_weights (workspace_id, weights, leads, computed_at) VALUES (%s, %s::jsonb, %s, clock_timestamp())
ON CONFLICT (workspace_id) DO UPDATE SET weights = excluded.weights, leads = excluded.leads,
    computed_at = excluded.computed_at, requested_at = NULL
"""


class StoredProfile(NamedTuple):
    """What is stored of a lead: the profile's JSON, its keys and its counted values."""

    text: str
    keys: list[int]
    counted: list[int]
    version: int


class QueuedLead(NamedTuple):
    """A lead as it is now, or None if it is gone, with what is stored of it."""

    id: int
    record: dict[str, Any] | None
    stored: StoredProfile | None


class NewProfile(NamedTuple):
    """A profile with its keys and counted values, to be stored."""

    profile: LeadProfile
    keys: list[int]
    counted: list[int]


async def read_never_join(connection: Connection, workspace_id: int) -> NeverJoin:
    """Return the contacts that say nothing about who a lead is."""
    row = await (await connection.execute(NEVER_JOIN_SQL, (workspace_id,))).fetchone()
    return NeverJoin.from_entries(row[0], fold_gmail=row[1]) if row else NOTHING_LISTED


async def read_leads(connection: Connection, workspace_id: int, lead_ids: Iterable[int]) -> list[QueuedLead]:
    """Return the leads and what is stored of them."""
    cursor = await connection.execute(READ_LEADS_SQL, {"w": workspace_id, "leads": bigint_array(lead_ids)})
    return [_queued_lead(row) for row in await cursor.fetchall()]


def _queued_lead(row: Sequence[Any]) -> QueuedLead:
    names = ("first_name", "last_name", "email", "phone", "company", "custom_fields")
    record = dict(zip(names, row[2:8], strict=True)) if row[1] else None
    return QueuedLead(row[0], record, StoredProfile(*row[8:12]) if row[8] is not None else None)


async def read_profiles(connection: Connection, workspace_id: int, lead_ids: Iterable[int]) -> dict[int, LeadProfile]:
    cursor = await connection.execute(READ_PROFILES_SQL, (bigint_array(lead_ids), workspace_id))
    return {lead_id: decode_profile(text) for lead_id, text in await cursor.fetchall()}


async def add_counts(
    connection: Connection, workspace_id: int, added: Iterable[int], dropped: Iterable[int], read_ids: Iterable[int]
) -> dict[int, int]:
    """Count values that came and went. Return the counts of those that came, and of those in `read_ids`."""
    more, less = Counter(added), Counter(dropped)
    counts: dict[int, int] = {}
    if less:
        values = bigint_array(less), bigint_array(less.values()), workspace_id
        await connection.execute(LESSEN_COUNTS_SQL, values)
    if more:
        hashes = sorted(more)
        numbers = bigint_array(more[hash_] for hash_ in hashes)
        cursor = await connection.execute(ADD_COUNTS_SQL, (workspace_id, bigint_array(hashes), numbers))
        counts = dict(await cursor.fetchall())
    others = [*{*read_ids, ALL_LEADS} - counts.keys()]
    if others:
        counts |= await read_counts(connection, workspace_id, others)
    return counts


async def read_counts(connection: Connection, workspace_id: int, hashes: Iterable[int]) -> dict[int, int]:
    cursor = await connection.execute(READ_COUNTS_SQL, (bigint_array(sorted(hashes)), workspace_id))
    return dict(await cursor.fetchall())


async def write_profiles(connection: Connection, workspace_id: int, profiles: Mapping[int, NewProfile]) -> None:
    rows = [
        {
            "lead_id": lead_id,
            "profile": encode_profile(new.profile),
            "keys": bigint_array(new.keys),
            "counted": bigint_array(new.counted),
        }
        for lead_id, new in profiles.items()
    ]
    if rows:
        await connection.execute(WRITE_PROFILES_SQL, (workspace_id, PROFILE_VERSION, as_json(rows)))


async def delete_profiles(connection: Connection, workspace_id: int, lead_ids: Sequence[int]) -> None:
    if lead_ids:
        await connection.execute(DELETE_PROFILES_SQL, (workspace_id, bigint_array(lead_ids)))


async def read_weights(connection: Connection, workspace_id: int) -> MatchWeights:
    """Return the workspace's weights: those of the table until some are learnt."""
    row = await (await connection.execute(READ_WEIGHTS_SQL, (workspace_id,))).fetchone()
    learnt = row[0] if row else {}
    chances = {(field, kind, level): chance for field, kind, level, chance in learnt.get("chances", ())}
    return MatchWeights(learnt.get("levels"), learnt.get("duplicates", DEFAULT_DUPLICATES), chances)


async def write_weights(connection: Connection, workspace_id: int, weights: MatchWeights, leads: int) -> None:
    """Store weights that were learnt from a workspace of so many leads."""
    chances = [[*key, chance] for key, chance in weights.chances.items()]
    learnt = {"levels": weights.levels, "duplicates": weights.duplicates, "chances": chances}
    await connection.execute(WRITE_WEIGHTS_SQL, (workspace_id, as_json(learnt), leads))
