"""Two automations of the tests' own that do nothing, one for new leads and one for duplicates.

An event is gone from the outbox once it was acted on. What stays is their runs: an entry of a timeline without exactly
one of them was never told, or twice.
"""

import json

from tests.support.stack import Database, Stack
from tests.support.waiting import until

# By trigger, with the entry that sets it off.
TRIGGERS = {"lead_created": "lead.created", "duplicate_received": "lead.duplicate"}
NAME = "witness"

SAVE = f"""
INSERT INTO automations (workspace_id, name, description, trigger, trigger_type)
SELECT w.id, '{NAME}', t.value, json_build_object('type', t.key), t.key
FROM workspaces w, json_each_text(%s) t WHERE w.slug = 'main'
"""
REMOVE = f"DELETE FROM automations WHERE name = '{NAME}'"
# What came before it was saved is told to nobody, or it is told and not counted: there must be nothing on its way.
QUIET = "SELECT NOT EXISTS (SELECT FROM events) AND NOT EXISTS (SELECT FROM journal)"

# For each of a lead's entries since then one run, ended (stopped: the lead is gone).
TOLD = f"""
WITH witnesses AS (SELECT * FROM automations WHERE name = '{NAME}'
), entries AS (
    SELECT w.id, a.lead_id, count(*) AS n FROM witnesses w JOIN activities a
    ON a.workspace_id = w.workspace_id AND a.type = w.description AND a.created_at > w.created_at GROUP BY 1, 2
), runs AS (
    SELECT w.id, r.lead_id, count(*) AS n FROM witnesses w JOIN automation_runs r
    ON r.workspace_id = w.workspace_id AND r.automation_id = w.id AND r.state IN ('done', 'stopped') GROUP BY 1, 2
)
SELECT count(*) FROM entries FULL JOIN runs USING (id, lead_id) WHERE entries.n IS DISTINCT FROM runs.n
"""


def save(stack: Stack) -> None:
    """From here on every new lead and every duplicate of the workspace `main` is witnessed."""
    with stack.database() as database:
        until(lambda: _is_quiet(database), what="an empty outbox")
        database.execute(SAVE, (json.dumps(TRIGGERS),))


def remove(stack: Stack) -> None:
    """The stack is as it was found."""
    with stack.database() as database:
        database.execute(REMOVE)


def _is_quiet(database: Database) -> bool:
    return database.execute(QUIET).fetchone() == (True,)
