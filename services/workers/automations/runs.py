"""The rows of runs: inserted once, taken when due, and updated with their results."""

from collections.abc import Iterable, Sequence
from typing import Any

from services.workers.automations import loop_limit
from services.workers.automations.types import ActiveRun, NewRun, RunResult, StepDefinitions
from services.workers.failure_causes import add_failures, run_cause
from services.workers.outbox.workspace_fairness import (
    LAST_SERVED_SQL,
    WorkspaceCursor,
    due_rows_ctes,
    take_fair_batch,
)
from shared.accounting import counters
from shared.operations.fingerprint import FailureCause, cause_of_exception
from shared.platform.crypto.encryption import DecryptionError
from shared.platform.db.connections import Connection, as_json

RUNS_PER_BATCH = 100
MAX_RUN_ATTEMPTS = 5  # at a run that fails with an error
FIRST_RUN_RETRY_SECONDS = 2.0  # seconds before the second attempt; the pause is four times as long each further time

INSERT_RUNS_SQL = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, chain, state, error, due_at,
                             finished_at)
SELECT workspace_id, automation_id, trigger_key, lead_id, chain,
       CASE WHEN stopped IS NULL THEN 'waiting' ELSE 'stopped' END, stopped,
       CASE WHEN stopped IS NULL THEN now() END, CASE WHEN stopped IS NOT NULL THEN now() END
FROM json_to_recordset(%s::json) AS r(
    nr int, workspace_id bigint, automation_id bigint, trigger_key text, lead_id bigint, chain bigint[], stopped text)
ORDER BY nr
ON CONFLICT DO NOTHING RETURNING id, automation_id, trigger_key
"""
# A run that an engine held while its lead was merged still names that lead: it goes on with the winner.
# `due_at` is checked again under the lock, since another engine may have handled the run meanwhile.
TAKE_DUE_RUNS_SQL = f"""
WITH RECURSIVE {due_rows_ctes("automation_runs", "id")}, mine AS MATERIALIZED (
    SELECT r.*, a.id AS there, a.is_active, a.name, a.secrets, a.steps AS now
    FROM head h JOIN automation_runs r ON r.workspace_id = h.workspace_id AND r.id = h.id
    LEFT JOIN automations a ON a.workspace_id = r.workspace_id AND a.id = r.automation_id
    WHERE r.due_at <= clock_timestamp() ORDER BY h.turn, h.due_at, h.id LIMIT %(most)s FOR UPDATE OF r SKIP LOCKED
)
SELECT s.last, r.id, r.workspace_id, r.automation_id, coalesce(m.winner_id, r.lead_id), r.step,
       coalesce(r.plan, r.now), r.chain, r.attempts,
       r.name, r.secrets, r.steps @> '[{{"outcome": "failed"}}]',
       CASE WHEN r.there IS NULL THEN 'the automation was deleted'
            WHEN NOT r.is_active THEN 'the automation was switched off' END
FROM {LAST_SERVED_SQL} LEFT JOIN mine r ON true
LEFT JOIN lead_redirects m ON m.workspace_id = r.workspace_id AND m.lead_id = r.lead_id
ORDER BY r.due_at, r.id
"""
UPDATE_RUNS_SQL = """
UPDATE automation_runs r SET state = k.state, step = k.at, steps = r.steps || k.outcomes, plan = k.plan,
       due_at = k.due_at, error = coalesce(r.error, k.error), attempts = 0, lead_id = k.lead_id,
       cause_id = coalesce(r.cause_id, k.cause),
       finished_at = CASE WHEN k.due_at IS NULL THEN clock_timestamp() END
FROM json_to_recordset(%s::json) AS k(
    id bigint, workspace_id bigint, lead_id bigint,
    state text, at smallint, outcomes jsonb, plan jsonb, due_at timestamptz, error text,
    cause bigint)
WHERE r.workspace_id = k.workspace_id AND r.id = k.id
"""
POSTPONE_RUN_SQL = """
UPDATE automation_runs SET attempts = attempts + 1,
       due_at = CASE WHEN attempts + 1 < %(most)s THEN now() + %(pause)s * 4 ^ attempts * interval '1 s' END,
       state = CASE WHEN attempts + 1 < %(most)s THEN state ELSE 'failed' END,
       finished_at = CASE WHEN attempts + 1 < %(most)s THEN NULL ELSE now() END,
       error = CASE WHEN attempts + 1 < %(most)s THEN error ELSE %(error)s END,
       cause_id = CASE WHEN attempts + 1 < %(most)s THEN cause_id ELSE %(cause)s END
WHERE workspace_id = %(w)s AND id = %(id)s RETURNING state
"""
EXPIRE_RUNS_SQL = """
DELETE FROM automation_runs WHERE id IN (
    SELECT id FROM automation_runs WHERE finished_at < now() - %s * interval '1 day' ORDER BY finished_at LIMIT 5000)
"""


async def begin_runs(connection: Connection, new: Sequence[NewRun]) -> list[ActiveRun]:
    """Write new runs, due at once, and count them. Return those that did not exist before and are not stopped."""
    new = await loop_limit.limit_chained_runs(connection, new)
    if not new:
        return []
    rows = await (
        await connection.execute(INSERT_RUNS_SQL, (as_json([_insert_row(nr, one) for nr, one in enumerate(new)]),))
    ).fetchall()
    ids: dict[tuple[int, str], int] = {(row[1], row[2]): row[0] for row in rows}
    begun = [one for one in new if (one.automation.id, one.trigger_key) in ids]
    counts: dict[tuple[int, str, int], int] = {}
    for one in begun:
        key = (one.automation.workspace_id, "automation", one.automation.id)
        counts[key] = counts.get(key, 0) + 1
    await counters.add_counts(connection, counts)
    return [_begun_run(ids[one.automation.id, one.trigger_key], one) for one in begun if one.stopped is None]


async def take_due_runs(
    connection: Connection, most: int = RUNS_PER_BATCH, round_: WorkspaceCursor | None = None
) -> list[ActiveRun]:
    """Lock and return due runs, fairly distributed between workspaces."""
    return [
        _run_from_row(*row)
        for row in await take_fair_batch(connection, TAKE_DUE_RUNS_SQL, most, round_ or WorkspaceCursor())
    ]


async def save_results(connection: Connection, results: Iterable[RunResult]) -> None:
    """Write the results of runs. A waiting run stores its steps: later changes of the automation do not affect it."""
    results = list(results)
    failed = [(result, cause) for result in results if (cause := _cause_of(result))]
    rows = [_update_row(result) for result in results]
    if rows:
        await connection.execute(UPDATE_RUNS_SQL, (as_json(rows),))
        await add_failures(connection, [(result.run.workspace_id, cause) for result, cause in failed])


async def postpone_run(connection: Connection, run: ActiveRun, error: Exception) -> None:
    """Schedule another attempt at a run, or mark it as failed after the last attempt.

    The stored reason names only the type of the error, since its message may quote personal data. A decryption error
    has a message of our own, which is stored.
    """
    cause = cause_of_exception("automation_run", error)
    reason = f"{error if isinstance(error, DecryptionError) else type(error).__name__}, {MAX_RUN_ATTEMPTS} times"
    row = await connection.execute(
        POSTPONE_RUN_SQL,
        {
            "w": run.workspace_id,
            "id": run.id,
            "most": MAX_RUN_ATTEMPTS,
            "pause": FIRST_RUN_RETRY_SECONDS,
            "error": reason,
            "cause": cause.id,
        },
    )
    if await row.fetchone() == ("failed",):
        await add_failures(connection, [(run.workspace_id, cause)])


async def expire_runs(connection: Connection, keep_days: int) -> None:
    """Delete runs that finished more than `keep_days` days ago, in chunks."""
    while (await connection.execute(EXPIRE_RUNS_SQL, (keep_days,))).rowcount:
        pass


def _run_from_row(
    id_: int,
    workspace_id: int,
    automation_id: int,
    lead_id: int,
    at: int,
    steps: StepDefinitions | None,
    chain: list[int],
    *others: Any,
) -> ActiveRun:
    return ActiveRun(id_, workspace_id, automation_id, lead_id, at, steps or (), tuple(chain), *others)


def _insert_row(nr: int, new: NewRun) -> dict[str, Any]:
    return {
        "nr": nr,
        "workspace_id": new.automation.workspace_id,
        "automation_id": new.automation.id,
        "trigger_key": new.trigger_key,
        "lead_id": new.lead_id,
        "chain": new.chain,
        "stopped": new.stopped,
    }


def _begun_run(id_: int, new: NewRun) -> ActiveRun:
    one = new.automation
    return ActiveRun(id_, one.workspace_id, one.id, new.lead_id, 0, one.steps, new.chain, 0, one.name, one.secrets)


def _cause_of(result: RunResult) -> FailureCause | None:
    """Return the cause of a step that failed just now, or of a run that failed by itself."""
    step = next((outcome for outcome in result.outcomes if outcome["outcome"] == "failed"), None)
    if step:
        return run_cause(step["reason"] or "", place=step["type"])
    if result.state == "failed" and not result.run.has_failed_step:
        return run_cause(result.error or "", error_type="ChangeRefused")
    return None


def _update_row(result: RunResult) -> dict[str, Any]:
    cause = _cause_of(result)
    return {
        "id": result.run.id,
        "workspace_id": result.run.workspace_id,
        "lead_id": result.run.lead_id,
        "state": result.state,
        "at": result.step_index,
        "outcomes": result.outcomes,
        "plan": result.run.steps if result.due_at else None,
        "due_at": result.due_at,
        "error": result.error,
        "cause": cause and cause.id,
    }
