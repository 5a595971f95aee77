"""Workers and broker die under load while automations act on every lead: each acts exactly once."""

import asyncio
import json

import pytest

from tests.faults.conftest import Settle
from tests.faults.test_processes import rounds
from tests.support.load import loaded
from tests.support.stack import Stack
from tests.support.waiting import background, until_async

pytestmark = pytest.mark.faults

SAVE = """
INSERT INTO automations (workspace_id, name, trigger, trigger_type, steps)
SELECT id, 'everyone', '{"type": "lead_created"}', 'lead_created', %s FROM workspaces WHERE slug = 'main'
RETURNING id, created_at
"""
STEPS = [{"action": {"type": "adjust_score", "points": 1}}, {"action": {"type": "create_task", "title": "Call"}}]
LEFT = "SELECT EXISTS (SELECT FROM events) OR EXISTS (SELECT FROM automation_runs WHERE due_at <= now())"
# What must not be, of leads that came once the automation was there.
WRONG = """
SELECT count(*) FROM leads l WHERE created_at > %(since)s AND (
    lead_score <> 1 OR 1 <> (SELECT count(*) FROM tasks t WHERE t.lead_id = l.id)
    OR 1 <> (SELECT count(*) FROM automation_runs r
             WHERE r.lead_id = l.id AND r.automation_id = %(id)s AND state = 'done')
    OR 1 <> (SELECT count(*) FROM activities a WHERE a.lead_id = l.id AND a.data->'by'->>'kind' = 'automation'))
"""


@rounds(3, 30)
async def test_automations_act_once_whoever_dies(stack: Stack, settle: Settle, rounds: int) -> None:
    with stack.database() as database:
        id_, since = database.execute(SAVE, (json.dumps(STEPS),)).fetchone() or (0, None)
        try:
            async with loaded(stack) as told:
                for number in range(rounds):
                    await told.more(40)
                    if number % 3 == 2:
                        async with background(stack.away("broker")):
                            await told.more(20)
                    await asyncio.to_thread(stack.kill, "worker")
                await told.more(40)
            await settle("automations, worker and broker SIGKILL", rounds, told)

            def is_quiet() -> bool:
                return database.execute(LEFT).fetchone() == (False,)

            await until_async(is_quiet, 60, "the end of what automations wait for")
            assert database.execute(WRONG, {"since": since, "id": id_}).fetchone() == (0,)
            ran = database.execute("SELECT count(*) FROM automation_runs WHERE automation_id = %s", (id_,)).fetchone()
            assert ran is not None
            assert ran[0] > 40
        finally:
            database.execute("DELETE FROM automations WHERE id = %s", (id_,))
