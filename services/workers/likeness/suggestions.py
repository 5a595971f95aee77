"""Store pairs of leads that are alike, and drop those that are no more."""

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from services.workers.likeness.evidence import encode_evidence
from services.workers.likeness.lead_comparison import MIN_OPEN_BITS, PairKey, ScoredPair
from services.workers.likeness.lead_profile import PROFILE_VERSION
from services.workers.likeness.reasons import describe_reasons
from services.workers.likeness.sql_arrays import bigint_array
from shared.platform.db.connections import Connection, as_json

REOPEN_BITS = 6.0  # that the evidence must gain before a dismissed pair comes back

PAIRS_OF_SQL = """
SELECT p.lead_a, p.lead_b, p.state FROM unnest(%(leads)s::bigint[]) AS k(id)
JOIN duplicate_pairs p ON p.workspace_id = %(w)s AND p.lead_a = k.id
UNION
SELECT p.lead_a, p.lead_b, p.state FROM unnest(%(leads)s::bigint[]) AS k(id)
JOIN duplicate_pairs p ON p.workspace_id = %(w)s AND p.lead_b = k.id
"""
NOTED_SQL = """
SELECT n.lead_id, n.other_id FROM unnest(%s::bigint[]) AS k(id)
JOIN possible_duplicates n ON n.workspace_id = %s AND n.lead_id = k.id
"""
# A dismissed pair comes back only if its contacts changed and it is clearly likelier. One that came of a merge notes
# now what it is about. A merged pair stays as it is.
WRITE_PAIRS_SQL = f"""
INSERT INTO duplicate_pairs AS p (workspace_id, lead_a, lead_b, state, bits, probability, evidence, reasons,
                                  contacts_hash, engine_version)
SELECT %s, a, b, state, bits, probability, evidence, reasons, hash, {PROFILE_VERSION}
FROM json_to_recordset(%s::json) AS s(a bigint, b bigint, state text, bits float8, probability float8, evidence jsonb,
                                      reasons jsonb, hash bigint)
ORDER BY a, b
ON CONFLICT (workspace_id, lead_a, lead_b) DO UPDATE SET
    bits = excluded.bits, probability = excluded.probability, evidence = excluded.evidence,
    reasons = excluded.reasons, engine_version = excluded.engine_version, updated_at = clock_timestamp(),
    state = CASE WHEN p.state <> 'dismissed' OR (p.contacts_hash NOT IN (0, excluded.contacts_hash)
                      AND excluded.bits >= p.dismissed_bits + {REOPEN_BITS}) THEN excluded.state ELSE p.state END,
    contacts_hash = CASE WHEN p.state = 'dismissed' AND p.contacts_hash <> 0
                              AND NOT (p.contacts_hash <> excluded.contacts_hash
                                       AND excluded.bits >= p.dismissed_bits + {REOPEN_BITS})
                         THEN p.contacts_hash ELSE excluded.contacts_hash END,
    dismissed_bits = CASE WHEN p.state = 'dismissed' AND p.contacts_hash = 0 THEN excluded.bits
                          ELSE p.dismissed_bits END
WHERE p.state <> 'merged'
"""
DROP_PAIRS_SQL = """
DELETE FROM duplicate_pairs p USING unnest(%s::bigint[], %s::bigint[]) AS d(a, b)
WHERE p.workspace_id = %s AND p.lead_a = d.a AND p.lead_b = d.b AND p.state = ANY (ARRAY['open', 'weak'])
"""


async def stored_pairs(connection: Connection, workspace_id: int, lead_ids: Collection[int]) -> dict[PairKey, str]:
    """Return the pairs that the leads have, with their states."""
    if not lead_ids:
        return {}
    cursor = await connection.execute(PAIRS_OF_SQL, {"w": workspace_id, "leads": bigint_array(lead_ids)})
    return {(row[0], row[1]): row[2] for row in await cursor.fetchall()}


async def noted_pairs(connection: Connection, workspace_id: int, lead_ids: Collection[int]) -> list[PairKey]:
    """Return each lead with each lead that ingest noted as its possible duplicate."""
    cursor = await connection.execute(NOTED_SQL, (bigint_array(lead_ids), workspace_id))
    return [(row[0], row[1]) for row in await cursor.fetchall()]


async def write_pairs(
    connection: Connection, workspace_id: int, pairs: Sequence[tuple[ScoredPair, int]], gone: Iterable[PairKey]
) -> None:
    """Write pairs, each with the hash of its contacts, and delete those in `gone` that nobody decided on."""
    if pairs:
        await connection.execute(WRITE_PAIRS_SQL, (workspace_id, as_json([_pair_row(*pair) for pair in pairs])))
    gone = sorted(gone)
    if gone:
        values = bigint_array(a for a, _ in gone), bigint_array(b for _, b in gone), workspace_id
        await connection.execute(DROP_PAIRS_SQL, values)


def _pair_row(pair: ScoredPair, hash_: int) -> dict[str, Any]:
    weighed = pair.weighed
    return {
        "a": pair.key[0],
        "b": pair.key[1],
        "state": state_of(weighed.bits),
        "bits": weighed.bits,
        "probability": weighed.probability,
        "evidence": encode_evidence(pair.evidence),
        "reasons": describe_reasons(pair.evidence, weighed.points),
        "hash": hash_,
    }


def state_of(bits: float) -> str:
    return "open" if bits >= MIN_OPEN_BITS else "weak"
