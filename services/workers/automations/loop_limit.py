"""A limit on runs that automations trigger in one another: chains are short, but each run may trigger many others."""

from collections.abc import Sequence

from services.workers.automations.types import NewRun
from shared.automations.run_limits import LOOP_LIMIT_REASON, MAX_CHAINED_RUNS_PER_MINUTE
from shared.leads.submission import LeadKey
from shared.platform.db.connections import Connection, as_json

# The latest runs of each lead, from a partial index of chained runs that is read backwards: old runs cost nothing.
RECENT_CHAINED_RUNS_SQL = f"""
SELECT k.w, k.lead, count(*), coalesce(bool_or(last.error = %s), false)
FROM json_to_recordset(%s::json) AS k(w bigint, lead bigint), LATERAL (
    SELECT r.created_at, r.error FROM automation_runs r
    WHERE r.workspace_id = k.w AND r.lead_id = k.lead AND r.chain <> '{{}}'
    ORDER BY r.id DESC LIMIT {MAX_CHAINED_RUNS_PER_MINUTE + 1}) last
WHERE last.created_at > now() - interval '1 min' GROUP BY 1, 2
"""


async def limit_chained_runs(connection: Connection, new: Sequence[NewRun]) -> list[NewRun]:
    """Return the runs that may be written.

    The first run over the limit of its lead is written as stopped, with the reason. Further ones are dropped. No other
    engine processes events of the same lead at the same time.
    """
    if not (leads := {_lead_key(one) for one in new if one.chain}):
        return list(new)
    asked = as_json([{"w": w, "lead": lead} for w, lead in sorted(leads)])
    rows = await (
        await connection.execute(RECENT_CHAINED_RUNS_SQL, (LOOP_LIMIT_REASON, asked), prepare=False)
    ).fetchall()
    begun = {(row[0], row[1]): row[2] for row in rows}
    stopped_leads = {(row[0], row[1]) for row in rows if row[3]}
    runs: list[NewRun] = []
    for run in new:
        if run.chain and begun.get(_lead_key(run), 0) >= MAX_CHAINED_RUNS_PER_MINUTE:
            if _lead_key(run) not in stopped_leads:
                stopped_leads.add(_lead_key(run))
                runs.append(run._replace(stopped=LOOP_LIMIT_REASON))
            continue
        if run.chain:
            begun[_lead_key(run)] = begun.get(_lead_key(run), 0) + 1
        runs.append(run)
    return runs


def _lead_key(run: NewRun) -> LeadKey:
    return run.automation.workspace_id, run.lead_id
