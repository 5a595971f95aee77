"""The checker: every acknowledged submission must be in the database once, with the lead that its answer named."""

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import psycopg

from bench.load import LoadOutcome

ANSWERS_PER_QUERY = 10_000

STORED_SUBMISSIONS_SQL = """
WITH told AS (SELECT * FROM unnest(%(ids)s::uuid[], %(leads)s::bigint[]) AS t (id, lead_id)),
found AS (
    SELECT told.id, count(submissions.id) AS submissions, count(leads.id) AS leads
    FROM told
    LEFT JOIN submissions ON submissions.workspace_id = %(workspace)s AND submissions.id = told.id
    LEFT JOIN leads ON leads.workspace_id = %(workspace)s AND leads.id = submissions.lead_id
        AND leads.id = coalesce(told.lead_id, leads.id)
    GROUP BY told.id
)
SELECT count(*) FILTER (WHERE leads = 0), count(*) FILTER (WHERE submissions > 1) FROM found
"""
DUPLICATE_EMAILS_SQL = "SELECT count(*) - count(DISTINCT email) FROM leads WHERE workspace_id = %s"


class LoadLedger:
    """Acknowledged submissions compared with stored ones, over all loads so far.

    `refused` counts requests that got no 2xx. `twins` counts leads with an email that another lead has.
    """

    def __init__(self, database: psycopg.Connection, workspace: str, answers: Path) -> None:
        self.answers_path = answers
        self.refused = self.acknowledged = self.lost = self.doubled = self.twins = 0
        self._database = database
        self._workspace = self._fetch_one("SELECT id FROM workspaces WHERE slug = %s", (workspace,))[0]

    @property
    def is_exact(self) -> bool:
        return not (self.lost or self.doubled or self.twins)

    def fault_totals(self) -> dict[str, int]:
        return {name: getattr(self, name) for name in ("acknowledged", "refused", "lost", "doubled", "twins")}

    def check_load(self, outcome: LoadOutcome) -> None:
        """Check a load. Its acknowledged answers are in the file `answers`, one JSON object a line."""
        self.refused += outcome.failed_requests
        for chunk in read_chunks(self.answers_path):
            self._compare_chunk([answer["submission_id"] for answer in chunk], [answer["lead_id"] for answer in chunk])
        (self.twins,) = self._fetch_one(DUPLICATE_EMAILS_SQL, (self._workspace,))

    def _compare_chunk(self, ids: list[str], leads: list[int | None]) -> None:
        lost, doubled = self._fetch_one(
            STORED_SUBMISSIONS_SQL, {"workspace": self._workspace, "ids": ids, "leads": leads}
        )
        self.acknowledged += len(ids)
        self.lost += lost + len(ids) - len(set(ids))  # an id told to two callers stands for one submission
        self.doubled += doubled

    def _fetch_one(self, statement: str, parameters: Any) -> tuple[Any, ...]:
        row = self._database.execute(statement, parameters).fetchone()
        if row is None:
            raise RuntimeError("the database knows no such workspace")
        return row


def read_chunks(answers: Path) -> Iterator[list[dict[str, Any]]]:
    with answers.open("rb") as lines:
        while chunk := [orjson.loads(line) for line in itertools.islice(lines, ANSWERS_PER_QUERY)]:
            yield chunk
