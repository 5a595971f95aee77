"""What became of the rows that jobs took: of a submission that was replayed or released, how it stands now.

So it is with a delivery that was to be sent again. A job hands such a row over, and its verdict comes later.
One function counts for pages, lists, toasts and the API.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from shared.platform.db.connections import Connection

RETURNING_KINDS = ("replay", "release")  # kinds of jobs that hand submissions back to the journal
MAX_CAUSES = 3  # causes that are named

# One statement, so that no row is counted twice while it moves on. Rows that died again or are held are found by the
# index of such submissions, those that wait by the journal and the leads to be fetched, and deliveries that were not
# sent by the index of these: all of these are few.
OUTCOMES_SQL = """
WITH chosen AS MATERIALIZED (
    SELECT id, kind, total, position, done, failed, skipped, finished_at IS NOT NULL AS has_ended FROM jobs
    WHERE workspace_id = %(workspace)s AND id = ANY(%(jobs)s)
), returning_jobs AS (
    SELECT id FROM chosen WHERE kind = ANY(%(kinds)s) AND done > 0
), taken AS (
    SELECT i.job_id, s.state FROM submissions s
    JOIN job_items i ON i.workspace_id = s.workspace_id AND i.submission_id = s.id AND i.outcome = 'done'
    WHERE s.workspace_id = %(workspace)s AND s.state <> 'done' AND s.state IN ('dead', 'quarantined')
      AND i.job_id IN (SELECT id FROM returning_jobs)
), waiting AS (
    SELECT DISTINCT i.job_id, i.id FROM (
        SELECT unnest(ids) FROM journal WHERE EXISTS (SELECT FROM returning_jobs)
        UNION ALL SELECT id FROM source_fetches WHERE workspace_id = %(workspace)s) AS held(id)
    JOIN job_items i ON i.workspace_id = %(workspace)s AND i.submission_id = held.id AND i.outcome = 'done'
    WHERE i.job_id IN (SELECT id FROM returning_jobs)
)
SELECT id, total, position, done, failed, skipped, has_ended,
       (SELECT json_object_agg(u.state, u.n) FROM (
            SELECT d.state, count(*) AS n FROM job_items i
            JOIN deliveries d ON d.workspace_id = i.workspace_id AND d.id = i.delivery_id AND d.state <> 'sent'
            WHERE c.kind = 'deliveries' AND i.workspace_id = %(workspace)s AND i.job_id = c.id AND i.outcome = 'done'
            GROUP BY 1) u),
       (SELECT count(*) FROM taken t WHERE t.job_id = c.id AND t.state = 'dead'),
       (SELECT count(*) FROM taken t WHERE t.job_id = c.id AND t.state = 'quarantined'),
       (SELECT count(*) FROM waiting w WHERE w.job_id = c.id)
FROM chosen c
"""
# A new cause stands among the changes until these are folded.
CAUSES_SQL = """
SELECT d.cause_id, coalesce(
           (SELECT c.title FROM causes c WHERE c.workspace_id = %(workspace)s AND c.id = d.cause_id),
           (SELECT min(n.title) FROM cause_deltas n WHERE n.workspace_id = %(workspace)s AND n.cause_id = d.cause_id)
       ), d.n
FROM (SELECT s.cause_id, count(*) AS n FROM submissions s
      JOIN job_items i ON i.workspace_id = s.workspace_id AND i.submission_id = s.id AND i.outcome = 'done'
      WHERE s.workspace_id = %(workspace)s AND s.state <> 'done' AND s.state = 'dead' AND i.job_id = %(job)s
      GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT %(limit)s) d
ORDER BY d.n DESC, d.cause_id
"""


@dataclass(frozen=True)
class JobOutcomes:
    """The rows of a job by what became of them; together they are all of them.

    `done` ended well. `waiting` were taken and have no verdict yet, or are not sent yet. `left` were not taken: they
    are still to go, or stay as they are once the job `has_ended`.
    """

    total: int
    done: int
    failed: int
    skipped: int
    has_ended: bool
    died_again: int = 0
    held: int = 0
    waiting: int = 0
    left: int = 0

    @property
    def is_settled(self) -> bool:
        """Return whether nothing of this changes by itself any more."""
        return self.has_ended and not self.waiting

    @property
    def is_good(self) -> bool:
        """Return whether every row ended well."""
        return self.is_settled and self.done == self.total


class DeathCause(NamedTuple):
    """A cause of which so many rows died again. Without an id it is not known."""

    id: int | None
    title: str | None
    died: int


async def read_outcomes_of(connection: Connection, workspace_id: int, job_ids: Sequence[int]) -> dict[int, JobOutcomes]:
    """Return the outcomes of jobs by id."""
    if not job_ids:
        return {}
    values = {"workspace": workspace_id, "jobs": list(job_ids), "kinds": list(RETURNING_KINDS)}
    rows = await (await connection.execute(OUTCOMES_SQL, values)).fetchall()
    return {row[0]: _outcomes_of(*row[1:]) for row in rows}


async def read_death_causes(connection: Connection, workspace_id: int, job_id: int) -> list[DeathCause]:
    """Return of what the rows of a replay died again, the most frequent cause first."""
    values = {"workspace": workspace_id, "job": job_id, "limit": MAX_CAUSES}
    rows = await (await connection.execute(CAUSES_SQL, values)).fetchall()
    return [DeathCause(*row) for row in rows]


def _outcomes_of(
    total: int,
    position: int,
    taken_count: int,
    failed: int,
    skipped: int,
    has_ended: bool,
    unsent: Mapping[str, int] | None,
    dead: int,
    held: int,
    waiting: int,
) -> JobOutcomes:
    unsent = unsent or {}
    failed_again, unsent_waiting = unsent.get("failed", 0), unsent.get("pending", 0)
    withheld = sum(unsent.values()) - failed_again - unsent_waiting  # cancelled, or to an address that gets no mail
    waiting += unsent_waiting
    return JobOutcomes(
        total,
        max(taken_count - dead - held - waiting - failed_again - withheld, 0),
        failed + failed_again,
        skipped + withheld,
        has_ended,
        dead,
        held,
        waiting,
        max(total - position, 0),
    )
