"""Learn the weights of workspaces that have grown, and weigh their stored pairs."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

from services.workers.likeness.candidate_ranking import rank_candidates
from services.workers.likeness.chance_levels import compare_random_pairs, learn_chances
from services.workers.likeness.comparison_levels import compare_profiles
from services.workers.likeness.em_weights import learning_rounds
from services.workers.likeness.evidence import Evidence, decode_evidence
from services.workers.likeness.key_rows import look_up_keys
from services.workers.likeness.lead_profile import LeadProfile, decode_profile
from services.workers.likeness.likeness_score import MatchWeights
from services.workers.likeness.likeness_store import (
    ALL_LEADS,
    SETTINGS_SQL,
    NewProfile,
    read_counts,
    read_profiles,
    write_weights,
)
from services.workers.likeness.reasons import describe_reasons
from services.workers.likeness.sql_arrays import bigint_array
from services.workers.likeness.suggestions import state_of
from services.workers.likeness.value_frequencies import ValueFrequencies
from shared.platform.db.advisory_locks import LIKENESS_LOCK_CLASS
from shared.platform.db.connections import Connection, as_json
from shared.platform.observability import logging

log = logging.get_logger()
Result = TypeVar("Result")
Pause = Callable[[], Awaitable[None]]

MIN_LEADS = 100  # leads of a workspace from which anything is learnt
SAMPLE_STRETCHES, STRETCH_LEADS = 24, 50  # parts of a large workspace that are looked at, and leads in each
SAMPLE_GROUP = 25  # leads whose candidates are read at a time
RANDOM_GROUPS, RANDOM_PAIRS = 10, 500  # groups of random pairs, and pairs in each
RESCORED_PAIRS = 250  # pairs in one transaction
REST_SECONDS, MAX_REST_SECONDS = 0.02, 0.5  # after a transaction, and at most after any slice
# Up to so many leads a workspace is compared again as a whole: what was compared while it was small, with weights of no
# one, is put right.
MAX_RECOMPARED_LEADS = 30_000
REQUEST_PATIENCE_SECONDS = 4  # that a request waits for the queue, at most

# A workspace is due when it has grown by half, or when somebody asks; best when nothing waits to be compared.
DUE_SQL = f"""
SELECT s.id, c.n FROM workspaces s
JOIN likeness_counts c ON c.workspace_id = s.id AND c.value_hash = {ALL_LEADS}
LEFT JOIN likeness_weights w ON w.workspace_id = s.id
WHERE c.n >= {MIN_LEADS}
  AND (w.requested_at IS NOT NULL OR c.n >= 1.5 * coalesce(w.leads, 0))
  AND (w.requested_at < clock_timestamp() - interval '{REQUEST_PATIENCE_SECONDS} s'
       OR c.n >= 4 * coalesce(w.leads, {MIN_LEADS})
       OR NOT EXISTS (SELECT FROM likeness_queue q WHERE q.workspace_id = s.id))
ORDER BY w.requested_at NULLS LAST, s.id LIMIT 1
"""
SPAN_SQL = "SELECT min(lead_id), max(lead_id) FROM likeness_profiles WHERE workspace_id = %s"
SAMPLE_SQL = """
SELECT DISTINCT ON (p.lead_id) p.lead_id, p.profile, p.keys, p.counted FROM unnest(%s::bigint[]) AS s(start), LATERAL (
    SELECT * FROM likeness_profiles WHERE workspace_id = %s AND lead_id >= s.start ORDER BY lead_id LIMIT %s) p
"""
LOCK_SQL = f"SELECT pg_advisory_xact_lock({LIKENESS_LOCK_CLASS}, %s::int)"
READ_PAIRS_SQL = """
SELECT id, evidence FROM duplicate_pairs WHERE workspace_id = %s AND id > %s AND state <> 'merged' ORDER BY id LIMIT %s
"""
RESCORE_SQL = """
UPDATE duplicate_pairs p SET bits = s.bits, probability = s.probability, reasons = s.reasons,
    dismissed_bits = p.dismissed_bits + s.bits - p.bits,
    state = CASE WHEN p.state = 'dismissed' THEN p.state ELSE s.state END
FROM json_to_recordset(%s::json) AS s(id bigint, bits float8, probability float8, reasons jsonb, state text)
WHERE p.workspace_id = %s AND p.id = s.id
"""
QUEUE_ALL_SQL = """
INSERT INTO likeness_queue (workspace_id, lead_ids, is_rescored)
SELECT %s, array_agg(lead_id ORDER BY lead_id), true
FROM (SELECT lead_id, row_number() OVER (ORDER BY lead_id) / 100 AS part FROM likeness_profiles
      WHERE workspace_id = %s) parts
GROUP BY part ORDER BY part
"""


class _SampledLead(NamedTuple):
    new: NewProfile
    others: Mapping[int, LeadProfile]


async def _go_on() -> None:
    """Take no pause."""


async def train_due(connection: Connection, pause: Pause = _go_on) -> bool:
    """Learn the weights of one workspace that is due. Return whether there was one.

    `pause` is awaited between two slices of the work, outside of transactions.
    """
    row = await (await connection.execute(DUE_SQL)).fetchone()
    if row is None:
        return False
    workspace_id, leads = row
    began = time.monotonic()
    weights = await learn_workspace(connection, workspace_id, leads, pause)
    await write_weights(connection, workspace_id, weights, leads)
    pairs = await rescore_pairs(connection, workspace_id, leads, weights, pause)
    if leads <= MAX_RECOMPARED_LEADS:
        await connection.execute(QUEUE_ALL_SQL, (workspace_id, workspace_id))
    seconds = round(time.monotonic() - began, 2)
    log.info("likeness.learnt", workspace_id=workspace_id, leads=leads, pairs=pairs, seconds=seconds)
    return True


async def learn_workspace(connection: Connection, workspace_id: int, leads: int, pause: Pause) -> MatchWeights:
    """Return weights learnt from a sample of the workspace's leads with their candidates."""
    sample = await _read_sample(connection, workspace_id, leads)
    evidence: list[list[Evidence]] = []
    for first in range(0, len(sample), SAMPLE_GROUP):
        group = dict(list(sample.items())[first : first + SAMPLE_GROUP])
        async with connection.transaction():
            await connection.execute(SETTINGS_SQL)
            sampled, counts = await _read_candidates(connection, workspace_id, group, leads)
        evidence += await _with_rest(pause, _compare_sample, sampled, ValueFrequencies(leads, counts))
    chances = learn_chances(await _compare_at_random([new.profile for new in sample.values()], pause), leads)
    rounds, weights = learning_rounds(evidence, leads, max(len(sample), 1), chances), MatchWeights(chances=chances)
    while (better := await _with_rest(pause, next, rounds, None)) is not None:
        weights = better
    return weights


async def _compare_at_random(profiles: Sequence[LeadProfile], pause: Pause) -> list[list[Evidence]]:
    pairs: list[list[Evidence]] = []
    for seed in range(RANDOM_GROUPS):
        pairs += await _with_rest(pause, compare_random_pairs, profiles, RANDOM_PAIRS, seed)
    return pairs


async def _with_rest(pause: Pause, function: Callable[..., Result], *arguments: Any) -> Result:
    """Call the function in a thread, then rest as long as it took: the event loop has other duties, and one GIL."""
    began = time.monotonic()
    result = await asyncio.to_thread(function, *arguments)
    await asyncio.sleep(min(time.monotonic() - began, MAX_REST_SECONDS))
    await pause()
    return result


async def _read_sample(connection: Connection, workspace_id: int, leads: int) -> dict[int, NewProfile]:
    span = await (await connection.execute(SPAN_SQL, (workspace_id,))).fetchone()
    if span is None or span[0] is None:
        return {}
    whole = leads <= SAMPLE_STRETCHES * STRETCH_LEADS
    chance = random.Random(leads)  # noqa: S311  # which leads are looked at is no secret
    starts = [span[0]] if whole else [chance.randint(span[0], span[1]) for _ in range(SAMPLE_STRETCHES)]
    limit = leads if whole else STRETCH_LEADS
    cursor = await connection.execute(SAMPLE_SQL, (bigint_array(starts), workspace_id, limit))
    return {row[0]: NewProfile(decode_profile(row[1]), row[2], row[3]) for row in await cursor.fetchall()}


async def _read_candidates(
    connection: Connection, workspace_id: int, group: Mapping[int, NewProfile], leads: int
) -> tuple[list[_SampledLead], dict[int, int]]:
    table = await look_up_keys(connection, workspace_id, {id_: new.keys for id_, new in group.items()})
    ranked = {id_: rank_candidates(table.open_sharers(new.keys), id_, leads) for id_, new in group.items()}
    profiles = await read_profiles(connection, workspace_id, {other for others in ranked.values() for other in others})
    counts = await read_counts(connection, workspace_id, {hash_ for new in group.values() for hash_ in new.counted})
    sampled = [
        _SampledLead(new, {other: profiles[other] for other in ranked[id_] if other in profiles})
        for id_, new in group.items()
    ]
    return sampled, counts


def _compare_sample(sampled: Sequence[_SampledLead], frequencies: ValueFrequencies) -> list[list[Evidence]]:
    return [
        compare_profiles(lead.new.profile, other, frequencies) for lead in sampled for other in lead.others.values()
    ]


async def rescore_pairs(
    connection: Connection, workspace_id: int, leads: int, weights: MatchWeights, pause: Pause
) -> int:
    """Weigh the stored pairs by their evidence. Return how many there are."""
    count, after = 0, 0
    while True:
        async with connection.transaction():
            await connection.execute(LOCK_SQL, (workspace_id,))
            cursor = await connection.execute(READ_PAIRS_SQL, (workspace_id, after, RESCORED_PAIRS))
            rows = await cursor.fetchall()
            if not rows:
                return count
            weighed = await asyncio.to_thread(_weigh_rows, rows, weights, leads)
            await connection.execute(RESCORE_SQL, (as_json(weighed), workspace_id))
        await asyncio.sleep(REST_SECONDS)
        await pause()
        count, after = count + len(rows), rows[-1][0]


def _weigh_rows(rows: Sequence[Any], weights: MatchWeights, leads: int) -> list[dict[str, Any]]:
    weighed = []
    for id_, stored in rows:
        evidence = decode_evidence(stored)
        if not evidence:
            continue  # a dismissal that came of a merge, not compared yet
        pair = weights.weigh(evidence, leads)
        weighed.append(
            {
                "id": id_,
                "bits": pair.bits,
                "probability": pair.probability,
                "reasons": describe_reasons(evidence, pair.points),
                "state": state_of(pair.bits),
            }
        )
    return weighed
