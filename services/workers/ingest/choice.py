"""What waits in the journal: the heads of its lanes, read unlocked and by sizes alone."""

import time
from dataclasses import dataclass

from shared.db import UNHURRIED, Connection
from shared.journal import Lane
from shared.pipelined import ask

LOOK_BACK = 2.0  # seconds; then the journal is read from its beginning again
SEEN, ROWS, BYTES = 500, 256, 4 << 20  # how far a choice looks into a lane: leads, journal rows, bytes of these

# What another worker has in hand is passed over. The first lane's rows are noted in `processes` at once, so that a row
# that takes its worker down can be recognised by the next; another choice is noted by a statement of its own.
CHOOSE = f"""
WITH waiting AS (
    SELECT l.lane, j.*, sum(n) OVER up_to - n AS before, sum(size) OVER up_to - size AS bytes_before
    FROM (VALUES (0), (1), (2)) l(lane), LATERAL (
        SELECT id, n, attempts, octet_length(payload) AS size FROM journal
        WHERE lane = l.lane AND id > %(low)s AND due_at <= clock_timestamp() AND lane >= %(lowest)s
          AND stored_at <= clock_timestamp() - %(age)s * interval '1 ms'
          AND NOT id = ANY (ARRAY(SELECT unnest(in_hand) FROM processes
                                  WHERE name <> %(name)s AND seen_at > now() - interval '10 s'))
        ORDER BY id LIMIT {ROWS}) j WINDOW up_to AS (PARTITION BY l.lane ORDER BY id)
), head AS (
    SELECT * FROM waiting WHERE before < {SEEN} AND bytes_before < {BYTES}
), quick AS (
    SELECT {UNHURRIED}
), noted AS (
    UPDATE processes SET seen_at = now(), in_hand = first.ids
    FROM quick, (SELECT array_agg(id ORDER BY id) AS ids FROM head WHERE lane = (SELECT min(lane) FROM head)) first
    WHERE name = %(name)s AND first.ids IS NOT NULL
)
SELECT lane, array_agg(id ORDER BY id), array_agg(n ORDER BY id), max(attempts), sum(size)::bigint FROM head
GROUP BY lane ORDER BY lane
"""  # noqa: S608  # constants only

PEEK = "SELECT 1 FROM journal WHERE lane = 0 AND id > %s LIMIT 1"


@dataclass(slots=True)
class Waiting:
    """The head of a lane."""

    lane: Lane
    row_ids: list[int]
    sizes: list[int]
    attempts: int
    bytes: int

    @property
    def is_whole(self) -> bool:
        """Whether these are all rows of the lane: the choice ends at so many leads, rows or bytes."""
        return sum(self.sizes) < SEEN and len(self.row_ids) < ROWS and self.bytes < BYTES

    @property
    def is_unhurried(self) -> bool:
        return self.lane is not Lane.WAITED_FOR

    def fitting(self, most: int) -> list[int]:
        """The first rows that together hold about `most` leads, at least one."""
        chosen: list[int] = []
        size = 0
        for row_id, n in zip(self.row_ids, self.sizes, strict=True):
            if chosen and size + n > most:
                break
            chosen.append(row_id)
            size += n
        return chosen


class Choice:
    """A process's eyes on the journal. `name` is that of its row in `processes`."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._looked_back = 0.0
        self._low = 0  # all up to it is gone, as far as the last look knows
        self._lowest = Lane.WAITED_FOR  # lane of the last look
        self.after = 0  # the same for lane 0 alone, as far as those who take from it know
        self.noted: list[int] = []  # the rows that the last look noted as in hand

    async def look(self, connection: Connection, older_than_ms: int, lowest: Lane) -> list[Waiting]:
        """What waits that is at least that old, in lanes from `lowest` on."""
        self.look_back()
        if lowest is not self._lowest:
            self._low, self._lowest = 0, lowest
        arguments = {"low": self._low, "lowest": int(lowest), "age": older_than_ms, "name": self._name}
        rows = await (await connection.execute(CHOOSE, arguments)).fetchall()
        waiting = [Waiting(Lane(row[0]), *row[1:]) for row in rows]
        self.noted = waiting[0].row_ids if waiting else []
        self._low = min([lane.row_ids[0] for lane in waiting], default=self._low + 1) - 1
        return waiting

    async def peek(self, connection: Connection) -> bool:
        """Whether anything waits in lane 0."""
        return bool(await ask(connection, PEEK, (self.after,)))

    def look_back(self) -> None:
        """Dead rows below the lowest live one are passed over until it is time to look for late ones among them: ids do
        not commit in order."""
        now = time.monotonic()
        if now - self._looked_back > LOOK_BACK:
            self._low, self.after, self._looked_back = 0, 0, now
