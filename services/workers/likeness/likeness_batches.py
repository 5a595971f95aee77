"""Compare the leads of the queue, batch by batch. A batch is one transaction, of about ten statements.

It locks no lead, and waits for none: a lead that changes meanwhile comes again. A batch during which a caller comes
is given up, and its leads stay in the queue.
"""

import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from services.workers.likeness.blocking_keys import blocking_keys
from services.workers.likeness.caller_watch import CallerCame, CallerWatch
from services.workers.likeness.candidate_ranking import rank_candidates
from services.workers.likeness.key_rows import KeyTable, look_up_keys, write_keys
from services.workers.likeness.lead_comparison import PairKey, ScoredPair, compare_lead, contacts_hash
from services.workers.likeness.lead_profile import PROFILE_VERSION, LeadProfile, encode_profile, make_profile
from services.workers.likeness.likeness_score import MatchWeights
from services.workers.likeness.likeness_store import (
    ALL_LEADS,
    SETTINGS_SQL,
    NewProfile,
    QueuedLead,
    StoredProfile,
    add_counts,
    delete_profiles,
    read_leads,
    read_never_join,
    read_profiles,
    read_weights,
    write_profiles,
)
from services.workers.likeness.path_pairs import lift_paths
from services.workers.likeness.queue_rows import QueuedLeads, lock_workspace, take_leads
from services.workers.likeness.suggestions import noted_pairs, stored_pairs, write_pairs
from services.workers.likeness.value_frequencies import ValueFrequencies, counted_hashes
from shared.leads.never_join import NOTHING_LISTED
from shared.platform.db.connections import Connection
from shared.platform.db.database_errors import is_unavailable
from shared.platform.observability import logging

log = logging.get_logger()

FULL_BATCH, SMALLEST_BATCH = 100, 2  # leads
BATCH_SECONDS = 0.06  # that a batch should take at most, so that ingest goes on


class BatchCosts(NamedTuple):
    """What a batch did: leads taken, those that were compared, their candidates, and the pairs that were kept."""

    leads: int
    compared: int
    candidates: list[int]
    pairs: int


async def _nothing_waits(_: Connection) -> bool:
    return False


async def _look_nowhere() -> None:
    pass


class LikenessEngine:
    """Compares leads in one process. `batch_seconds`: a batch is made smaller until it takes no longer.

    `gives_way` is asked at the end of each batch, in its transaction, whether other work waits. `callers` looks in the
    middle of a batch: whoever waits for a verdict does not wait for the batch's end.
    """

    def __init__(
        self,
        stopping: Callable[[], bool] = lambda: False,
        batch_seconds: float | None = BATCH_SECONDS,
        gives_way: Callable[[Connection], Awaitable[bool]] = _nothing_waits,
        callers: CallerWatch | None = None,
    ) -> None:
        self._stopping = stopping
        self._batch_seconds = batch_seconds
        self._gives_way = gives_way
        self._callers = callers
        self._others_wait = False
        self._limit = FULL_BATCH if batch_seconds is None else FULL_BATCH // 4
        self._last_workspace = 0

    async def run(self, connection: Connection, *, seconds: float) -> bool:
        """Compare batches for about this long, one at least, and until other work waits.

        Return whether no lead waited any more.
        """
        end = time.monotonic() + seconds
        if self._callers:
            await self._callers.begin_turn(connection)
        while not self._stopping():
            if await self.run_batch(connection, seconds) is None:
                return True
            if self._others_wait or time.monotonic() >= end:
                break
        return False

    async def run_batch(self, connection: Connection, seconds: float = BATCH_SECONDS) -> BatchCosts | None:
        """Compare one batch. Return None if nothing waited. The next one is smaller if it took over `seconds`."""
        began, self._others_wait = time.monotonic(), False
        try:
            costs = await self._run_batch(connection, self._limit)
        except CallerCame:
            self._others_wait = True
            self._limit = max(self._limit * 2 // 3, SMALLEST_BATCH)
            return BatchCosts(0, 0, [], 0)
        except Exception as error:
            if is_unavailable(error) or self._limit == 1:
                self._limit = SMALLEST_BATCH
                raise
            log.warning("likeness.bisected", error=type(error).__name__, leads=self._limit)
            self._limit = 1  # the next batch finds out which lead it is
            return BatchCosts(0, 0, [], 0)
        if costs:
            self._adapt(time.monotonic() - began, seconds)
        return costs

    def _adapt(self, taken_seconds: float, wanted_seconds: float) -> None:
        if self._batch_seconds is None:
            self._limit = FULL_BATCH
            return
        most = min(self._batch_seconds, wanted_seconds)
        if taken_seconds > most:
            self._limit = max(self._limit * 2 // 3, SMALLEST_BATCH)
        elif taken_seconds < most / 2:
            self._limit = min(self._limit * 3 // 2 + 1, FULL_BATCH)

    async def _run_batch(self, connection: Connection, limit: int) -> BatchCosts | None:
        async with connection.transaction():
            await connection.execute(SETTINGS_SQL)
            workspace_id = await lock_workspace(connection, self._last_workspace)
            if workspace_id is None:
                return None
            self._last_workspace = workspace_id
            queued = await take_leads(connection, workspace_id, limit)
            costs = await _Batch(connection, queued, self._look(connection, limit)).compare()
            self._others_wait = await self._gives_way(connection)  # here, where every table is read by its index
            return costs

    def _look(self, connection: Connection, limit: int) -> Callable[[], Awaitable[None]]:
        """Return what a batch calls between its steps. The smallest ones end in any case, so that the queue moves."""
        callers = self._callers
        if callers is None or limit <= SMALLEST_BATCH:
            return _look_nowhere
        return lambda: callers.look(connection)


class _Batch:
    """One batch on its way through the statements."""

    def __init__(self, connection: Connection, queued: QueuedLeads, look: Callable[[], Awaitable[None]]) -> None:
        self._connection = connection
        self._workspace_id = queued.workspace_id
        self._queued = queued
        self._look = look
        self._stored: dict[int, StoredProfile] = {}
        self._gone: list[int] = []
        self._new: dict[int, NewProfile] = {}
        self._changed: set[int] = set()
        self._never_join = NOTHING_LISTED

    async def compare(self) -> BatchCosts:
        """Compare the leads, in the caller's transaction, which holds the workspace's lock. Raises CallerCame."""
        connection, workspace_id = self._connection, self._workspace_id
        self._never_join = await read_never_join(connection, workspace_id)
        await self._make_profiles(await read_leads(connection, workspace_id, self._queued.lead_ids))
        noted = await noted_pairs(connection, workspace_id, list(self._new))
        compared = {id_: new for id_, new in self._new.items() if id_ in self._changed or any(id_ in p for p in noted)}
        counts = await self._count(compared)
        await self._look()
        table = await look_up_keys(connection, workspace_id, {id_: new.keys for id_, new in compared.items()})
        known = await stored_pairs(connection, workspace_id, [*self._stored.keys() & {*compared, *self._gone}])
        await self._look()
        candidates = self._candidates(compared, table, known, noted, counts.get(ALL_LEADS, 0))
        profiles = await self._profiles(candidates)
        weights = await read_weights(connection, workspace_id)
        scored_pairs = await self._compare(compared, candidates, profiles, noted, counts, weights)
        leads = counts.get(ALL_LEADS, 0)
        undecided = {key: pair for key, pair in scored_pairs.items() if known.get(key) not in ("dismissed", "merged")}
        scored_pairs |= await lift_paths(connection, workspace_id, undecided, compared.keys(), profiles, leads, weights)
        await self._write(compared, table, scored_pairs, profiles, known)
        sizes = [len(others) for others in candidates.values()]
        return BatchCosts(len(self._new) + len(self._gone), len(compared), sizes, len(scored_pairs))

    async def _make_profiles(self, leads: Sequence[QueuedLead]) -> None:
        self._stored = {lead.id: lead.stored for lead in leads if lead.stored}
        self._gone = [lead.id for lead in leads if lead.record is None]
        for lead in leads:
            await self._look()
            if lead.record is not None:
                self._add_lead(lead, lead.id in self._queued.rescored)

    def _add_lead(self, lead: QueuedLead, is_rescored: bool) -> None:
        profile, stored = make_profile(self._never_join.without_listed(lead.record or {})), lead.stored
        is_same = stored and stored.version == PROFILE_VERSION and stored.text == encode_profile(profile)
        if is_same and stored:
            self._new[lead.id] = NewProfile(profile, stored.keys, stored.counted)
        else:
            self._new[lead.id] = NewProfile(profile, blocking_keys(profile), counted_hashes(profile))
            self._changed.add(lead.id)
        if is_rescored:
            self._changed.add(lead.id)

    async def _count(self, compared: Mapping[int, NewProfile]) -> dict[int, int]:
        added: list[int] = []
        dropped: list[int] = []
        for lead_id, new in compared.items():
            old = self._stored.get(lead_id)
            added += {*new.counted} - {*(old.counted if old else ())}
            dropped += {*(old.counted if old else ())} - {*new.counted}
            if old is None:
                added.append(ALL_LEADS)
        for lead_id in self._gone:
            if old := self._stored.get(lead_id):
                dropped += [*old.counted, ALL_LEADS]
        read = (hash_ for new in compared.values() for hash_ in new.counted)
        return await add_counts(self._connection, self._workspace_id, added, dropped, read)

    def _candidates(
        self,
        compared: Mapping[int, NewProfile],
        table: KeyTable,
        known: Iterable[PairKey],
        noted: Iterable[PairKey],
        leads: int,
    ) -> dict[int, list[int]]:
        """Return whom each lead is compared with: the best of those that share keys, and those it is paired with."""
        partners: dict[int, set[int]] = defaultdict(set)
        for a, b in (*known, *noted):
            partners[a].add(b)
            partners[b].add(a)
        gone = set(self._gone)
        return {
            lead_id: [
                *dict.fromkeys(
                    other
                    for other in (
                        *rank_candidates(table.open_sharers(new.keys), lead_id, leads),
                        *sorted(partners[lead_id]),
                    )
                    if other != lead_id and other not in gone
                )
            ]
            for lead_id, new in compared.items()
        }

    async def _profiles(self, candidates: Mapping[int, Sequence[int]]) -> dict[int, LeadProfile]:
        profiles = {id_: new.profile for id_, new in self._new.items()}
        missing = sorted({other for others in candidates.values() for other in others} - profiles.keys())
        if missing:
            profiles |= await read_profiles(self._connection, self._workspace_id, missing)
        return profiles

    async def _compare(
        self,
        compared: Mapping[int, NewProfile],
        candidates: Mapping[int, Sequence[int]],
        profiles: Mapping[int, LeadProfile],
        noted: Iterable[PairKey],
        counts: Mapping[int, int],
        weights: MatchWeights,
    ) -> dict[PairKey, ScoredPair]:
        notes: dict[int, set[int]] = defaultdict(set)
        for lead_id, other in noted:
            notes[lead_id].add(other)
            notes[other].add(lead_id)
        pairs: dict[PairKey, ScoredPair] = {}
        frequencies = ValueFrequencies(counts.get(ALL_LEADS, 0), counts)
        for lead_id, new in compared.items():
            await self._look()
            others = {other: profiles[other] for other in candidates[lead_id] if other in profiles}
            for pair in compare_lead(lead_id, new.profile, others, notes[lead_id], frequencies, weights):
                if pair.key not in pairs or pairs[pair.key].weighed.bits < pair.weighed.bits:
                    pairs[pair.key] = pair
        return pairs

    async def _write(
        self,
        compared: Mapping[int, NewProfile],
        table: KeyTable,
        pairs_by_key: Mapping[PairKey, ScoredPair],
        profiles: Mapping[int, LeadProfile],
        known: Iterable[PairKey],
    ) -> None:
        connection, workspace_id = self._connection, self._workspace_id
        before = {id_: {*stored.keys} for id_, stored in self._stored.items()}
        new_keys = {id_: [key for key in new.keys if key not in before.get(id_, ())] for id_, new in compared.items()}
        old_keys = {id_: [*before[id_] - {*new.keys}] for id_, new in compared.items() if id_ in before}
        old_keys |= {id_: [*before[id_]] for id_ in self._gone if id_ in before}
        await self._look()
        await write_keys(connection, workspace_id, table, new_keys, old_keys)
        await self._look()
        changed = {id_: new for id_, new in compared.items() if id_ in self._changed}
        await write_profiles(connection, workspace_id, changed)
        await delete_profiles(connection, workspace_id, [id_ for id_ in self._gone if id_ in self._stored])
        await self._look()
        pairs = [(pair, contacts_hash(profiles[pair.key[0]], profiles[pair.key[1]])) for pair in pairs_by_key.values()]
        await write_pairs(connection, workspace_id, pairs, [key for key in known if key not in pairs_by_key])
