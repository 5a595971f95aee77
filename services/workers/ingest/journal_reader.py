"""Read the heads of the journal's lanes: ids and sizes of waiting rows, without locks or payloads."""

import time
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from services.workers.libpq_pipeline import query_once
from services.workers.processes.heartbeat import SUSPECT_ATTEMPTS, TRIALS_ELSEWHERE_SQL
from shared.intake.journal import Lane
from shared.platform.db.connections import ASYNC_COMMIT, Connection

RESCAN_INTERVAL_SECONDS = 2.0  # seconds between two reads of the journal from its beginning
# Limits of one read per lane: leads, journal rows, bytes.
MAX_LEADS_READ, MAX_ROWS_READ, MAX_BYTES_READ = 500, 256, 4 << 20

# Rows that another worker holds are skipped. The rows of the first lane are noted in `processes` by the same statement,
# so that the next worker recognises a row that killed this one. If another lane is chosen, a second statement notes it.
# Suspects are left out while another process tries one, and `note_trial` notes them, so one is in hand at a time.
READ_HEADS_SQL = f"""
WITH waiting AS (
    SELECT l.lane, j.*, sum(n) OVER up_to - n AS before, sum(size) OVER up_to - size AS bytes_before
    FROM (VALUES (0), (1), (2)) l(lane), LATERAL (
        SELECT id, n, attempts, octet_length(payload) AS size FROM journal
        WHERE lane = l.lane AND id > %(low)s AND due_at <= clock_timestamp() AND lane >= %(lowest)s
          AND NOT lane = ANY (%(paused)s::int[])
          AND stored_at <= clock_timestamp() - %(age)s * interval '1 ms'
          AND NOT id = ANY (ARRAY(SELECT abs(unnest(in_hand)) FROM processes
                                  WHERE name <> %(name)s AND seen_at > now() - interval '10 s'))
          AND (attempts < {SUSPECT_ATTEMPTS} OR NOT EXISTS ({TRIALS_ELSEWHERE_SQL}))
        ORDER BY id LIMIT {MAX_ROWS_READ}) j WINDOW up_to AS (PARTITION BY l.lane ORDER BY id)
), head AS (
    SELECT * FROM waiting WHERE before < {MAX_LEADS_READ} AND bytes_before < {MAX_BYTES_READ}
), quick AS (
    SELECT {ASYNC_COMMIT}
), noted AS (
    UPDATE processes SET seen_at = now(), in_hand = first.ids
    FROM quick, (SELECT array_agg(id ORDER BY id) AS ids FROM head
                 WHERE lane = (SELECT min(lane) FROM head) AND attempts < {SUSPECT_ATTEMPTS}) first
    WHERE name = %(name)s AND first.ids IS NOT NULL
)
SELECT lane, array_agg(id ORDER BY id), array_agg(n ORDER BY id), array_agg(attempts ORDER BY id), sum(size)::bigint
FROM head GROUP BY lane ORDER BY lane
"""

HAS_URGENT_SQL = "SELECT 1 FROM journal WHERE lane = 0 AND id > %s LIMIT 1"


@dataclass(slots=True)
class LaneHead:
    """The first rows of a lane."""

    lane: Lane
    row_ids: list[int]
    sizes: list[int]
    attempts: list[int]
    bytes: int

    @property
    def is_whole_lane(self) -> bool:
        """Return whether these are all rows of the lane, so no limit of the read was reached."""
        return sum(self.sizes) < MAX_LEADS_READ and len(self.row_ids) < MAX_ROWS_READ and self.bytes < MAX_BYTES_READ

    @property
    def is_unhurried(self) -> bool:
        return self.lane is not Lane.WAITED_FOR

    @property
    def begins_with_suspect(self) -> bool:
        """Return whether the first row is suspected of killing its worker."""
        return self.attempts[0] >= SUSPECT_ATTEMPTS

    def unsuspected_row_ids(self) -> list[int]:
        """Return the ids of the rows that are not suspected."""
        return [row_id for row_id, n in zip(self.row_ids, self.attempts, strict=True) if n < SUSPECT_ATTEMPTS]

    def rows_within(self, max_leads: int) -> list[int]:
        """Return the ids of the first rows that together hold at most `max_leads` leads, but at least one row.

        A suspect is alone: if it kills its worker, no other row is affected.
        """
        chosen: list[int] = []
        size = 0
        for row_id, n, attempts in zip(self.row_ids, self.sizes, self.attempts, strict=True):
            if chosen and (size + n > max_leads or self.begins_with_suspect or attempts >= SUSPECT_ATTEMPTS):
                break
            chosen.append(row_id)
            size += n
        return chosen


class JournalReader:
    """A process's reader of the journal. `name` is the name of the process's row in `processes`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._rescanned_at = 0.0
        self._low_id = 0  # all rows up to this id are gone, as of the last read
        self._lowest_lane = Lane.WAITED_FOR  # lowest lane of the last read
        self._paused_lanes: AbstractSet[Lane] = frozenset()  # lanes left out of the last read
        self.urgent_after_id = 0  # all rows of lane 0 up to this id are gone; set by who takes from lane 0
        self.noted_row_ids: list[int] = []  # rows that the last read noted as taken by this process

    async def read_heads(
        self, connection: Connection, older_than_ms: int, lowest: Lane, paused: AbstractSet[Lane] = frozenset()
    ) -> list[LaneHead]:
        """Return the heads of the lanes from `lowest` on that are not paused, with rows of at least that age."""
        self.rescan_if_due()
        if lowest is not self._lowest_lane or paused != self._paused_lanes:
            self._low_id, self._lowest_lane, self._paused_lanes = 0, lowest, paused
        arguments = {
            "low": self._low_id,
            "lowest": int(lowest),
            "age": older_than_ms,
            "name": self._name,
            "paused": [int(lane) for lane in paused],
        }
        rows = await (await connection.execute(READ_HEADS_SQL, arguments)).fetchall()
        waiting = [LaneHead(Lane(row[0]), *row[1:]) for row in rows]
        self.noted_row_ids = waiting[0].unsuspected_row_ids() if waiting else []
        self._low_id = min([lane.row_ids[0] for lane in waiting], default=self._low_id + 1) - 1
        return waiting

    async def has_urgent(self, connection: Connection) -> bool:
        """Return whether a row waits in lane 0."""
        return bool(await query_once(connection, HAS_URGENT_SQL, (self.urgent_after_id,)))

    def rescan_if_due(self) -> None:
        """Read from the beginning again if the interval has passed.

        In between, ids below the lowest live row are skipped, since their index entries are dead. Rows do not commit in
        the order of their ids, so some may appear there late.
        """
        now = time.monotonic()
        if now - self._rescanned_at > RESCAN_INTERVAL_SECONDS:
            self._low_id, self.urgent_after_id, self._rescanned_at = 0, 0, now
