"""What the steps of an automation would do for a lead as it is now. Nothing is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.automations.action_handlers import StepRun, WorkspaceContext, next_turn
from shared.automations.automation_editing import find_automation
from shared.automations.manual_runs import LEAD_NOT_FOUND_ERRORS
from shared.automations.step_runner import run_steps
from shared.automations.workspace_context import load_contexts
from shared.leads.lead_records import read_leads
from shared.leads.lead_redirects import find_answering_lead
from shared.platform.db.connections import Connection
from shared.platform.errors import ValidationFailed

ROUND_ROBIN_SQL = "SELECT step, n FROM round_robin_counters WHERE workspace_id = %s AND automation_id = %s"


@dataclass(frozen=True)
class StepRehearsal:
    """A dry run that is ready to be taken: in a thread, since it renders templates."""

    steps: Sequence[Mapping[str, Any]]
    lead: Mapping[str, Any]
    context: WorkspaceContext
    turns: Mapping[int, int]  # of the steps that assign users in turn

    def take(self) -> StepRun:
        """Return what each step would do, over all delays."""

        def next_user(step: int, present: Sequence[bool]) -> int:
            return next_turn(self.turns.get(step, 0), present)

        return run_steps(self.steps, 0, dict(self.lead), self.context, next_user, over_delays=True)


async def prepare_dry_run(
    connection: Connection,
    workspace_id: int,
    id_: int,
    lead_id: int,
    steps: Sequence[Mapping[str, Any]] | None = None,
) -> StepRehearsal:
    """Read what a dry run needs: of other `steps` than those of the automation, such as a draft's, if they are given.

    Raises NotFound and ValidationFailed.
    """
    automation = await find_automation(connection, workspace_id, id_)
    lead_id = await find_answering_lead(connection, workspace_id, lead_id) or lead_id
    leads = await read_leads(connection, [(workspace_id, lead_id)])
    if not leads:
        raise ValidationFailed(LEAD_NOT_FOUND_ERRORS)
    lead, steps = leads[workspace_id, lead_id], automation["steps"] if steps is None else steps
    contexts = await load_contexts(connection, [(workspace_id, steps, lead)])
    rows = await (await connection.execute(ROUND_ROBIN_SQL, (workspace_id, id_))).fetchall()
    return StepRehearsal(steps, lead, contexts[workspace_id], dict(rows))
