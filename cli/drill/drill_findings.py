"""Compare a drill's ledger with the copy's database: what was lost, doubled, or left without an answer."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

import redis.asyncio as redis

from cli.drill.drill_ledger import DrillLedger
from shared.accounting import ledger
from shared.intake.spool import Spool
from shared.platform.db.connections import Connection, connect
from shared.platform.db.database_errors import UNAVAILABLE_ERRORS

DRAIN_TIMEOUT_SECONDS = 300.0
DRAIN_PAUSE_SECONDS = 0.2
AWAY_ERRORS: tuple[type[Exception], ...] = (*UNAVAILABLE_ERRORS, redis.RedisError)

# `has_lead` is false for one that is done and whose lead is not there.
STORED_SQL = """
SELECT s.id::text, count(*), bool_and(s.state = 'done'), bool_and(s.state <> 'done' OR l.id IS NOT NULL),
       max(extract(epoch FROM s.processed_at - s.received_at))::float8
FROM submissions s LEFT JOIN leads l ON l.workspace_id = s.workspace_id AND l.id = s.lead_id
WHERE s.workspace_id = %s GROUP BY s.id
"""
TWIN_LEADS_SQL = "SELECT count(*) - count(DISTINCT email) FROM leads WHERE workspace_id = %s"


class StoredSubmission(NamedTuple):
    """The rows of one submission. `ingest_seconds` is the time from received to ingested."""

    rows: int
    is_done: bool
    has_lead: bool
    ingest_seconds: float


@dataclass(frozen=True)
class CopyContent:
    """What the copy holds after the drill.

    `twin_leads` counts leads with the email of another one. `waiting` counts submissions that were not ingested in
    time, `unaccounted` those of which the copy's own ledger does not say what became of them.
    """

    stored: Mapping[str, StoredSubmission]
    twin_leads: int
    waiting: int
    unaccounted: int


@dataclass(frozen=True)
class DrillFindings:
    """The counts of a drill. `given_up` are posts whose senders were never told yes; `held` are not done yet."""

    acknowledged: int
    lost: int
    doubled: int
    given_up: int
    held: int
    waiting: int
    unaccounted: int

    @property
    def is_exact(self) -> bool:
        """Whether nothing was lost or doubled, and all of it was ingested."""
        return not (self.lost or self.doubled or self.waiting or self.unaccounted)


def count_findings(posts: DrillLedger, content: CopyContent) -> DrillFindings:
    """Compare the ledger with what the copy holds.

    Lost: acknowledged, and without a row or without its lead. Doubled: a key with two rows or two ids, a row that no
    post explains, and a lead with the email of another one.
    """
    stored = content.stored
    acknowledged = [record for record in posts.records if record.acknowledged_at is not None]
    rows = [stored.get(record.submission_id) for record in acknowledged]
    strangers = stored.keys() - {record.submission_id for record in posts.records}
    return DrillFindings(
        acknowledged=len(acknowledged),
        lost=sum(1 for row in rows if row is None or not row.has_lead),
        doubled=sum(row.rows - 1 for row in stored.values())
        + sum(len(record.other_ids) for record in posts.records)
        + len(strangers)
        + content.twin_leads,
        given_up=len(posts.records) - len(acknowledged),
        held=sum(1 for row in rows if row is not None and not row.is_done),
        waiting=content.waiting,
        unaccounted=content.unaccounted,
    )


async def read_content(database_url: str, spool_url: str, workspace_id: int) -> CopyContent:
    """Wait until the copy has ingested all that it accepted, at most five minutes, and return what it holds."""
    books = await _wait_until_drained(database_url, spool_url)
    async with connect(database_url, "leadhub-cli") as connection:
        rows = await (await connection.execute(STORED_SQL, (workspace_id,))).fetchall()
        [(twins,)] = await (await connection.execute(TWIN_LEADS_SQL, (workspace_id,))).fetchall()
    stored = {each[0]: StoredSubmission(*each[1:]) for each in rows}
    unaccounted = books["accepted"] - sum(books[state] for state in ledger.LEDGER_STATES if state != "accepted")
    return CopyContent(stored, twins, books["pending"] + books["spooled"], abs(unaccounted))


async def _wait_until_drained(database_url: str, spool_url: str) -> dict[str, int]:
    deadline = time.monotonic() + DRAIN_TIMEOUT_SECONDS
    async with redis.Redis.from_url(spool_url, socket_timeout=5) as client:
        while True:
            try:
                async with connect(database_url, "leadhub-cli") as connection:
                    books = await _read_books(connection, Spool(client))
            except AWAY_ERRORS:  # it may be coming back just now
                if time.monotonic() > deadline:
                    raise
            else:
                if not (books["pending"] or books["spooled"]) or time.monotonic() > deadline:
                    return books
            await asyncio.sleep(DRAIN_PAUSE_SECONDS)


async def _read_books(connection: Connection, spool: Spool) -> dict[str, int]:
    state = await ledger.read_ledger(connection, spool)
    return {name: int(state[name]) for name in ledger.LEDGER_STATES}
