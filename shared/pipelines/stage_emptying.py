"""The leads of a stage that is removed get another stage, quietly, and the last of them take the stage along."""

from collections.abc import Sequence
from typing import Any

from shared.forms.placement_references import clear_placement, replace_placement
from shared.intake.change_author import ChangeAuthor
from shared.leads import reference_locks
from shared.leads.edit import ChangeCause, LeadChange
from shared.leads.writes import change_leads
from shared.pipelines.pipeline_management import close_gaps
from shared.pipelines.pipeline_reads import count_leads_in_stages, find_stage
from shared.platform.db.connections import Connection
from shared.platform.errors import Conflict, NotFound

MAX_MOVED_AT_ONCE = 1000  # leads that a removal moves without a job
TARGET_GONE_MESSAGE = "The stage that the leads go to is not there any more."

LEADS_IN_STAGE_SQL = """
SELECT id FROM leads WHERE workspace_id = %s AND pipeline_stage_id = %s ORDER BY id LIMIT %s
"""
DELETE_STAGE_SQL = "DELETE FROM pipeline_stages WHERE workspace_id = %s AND id = %s RETURNING pipeline_id"


class StageHoldsLeads(Conflict):
    """The stage has leads, and nothing says where they go. The response names their number."""

    def __init__(self, count: int) -> None:
        super().__init__(f"The stage has {count} leads: say with `to` which stage they go to.")
        self.count = count

    def response_body(self) -> dict[str, Any]:
        """Return the error envelope with the `count`."""
        return {**super().response_body(), "count": self.count}


async def move_leads(
    connection: Connection, workspace_id: int, lead_ids: Sequence[int], *, from_stage: int, to: int, cause: ChangeCause
) -> set[int]:
    """Move those leads that are still in a stage to another, quietly. Return the ids of those that stayed."""
    wanted, expected = {"pipeline_stage_id": to}, {"pipeline_stage_id": from_stage}
    changes = [
        LeadChange(workspace_id, id_, cause=cause, set_fields=wanted, expected=expected, is_quiet=True)
        for id_ in lead_ids
    ]
    return {refused.change.lead_id for refused in await change_leads(connection, changes)}


async def finish_removal(
    connection: Connection, workspace_id: int, id_: int, to: int | None, cause: ChangeCause
) -> None:
    """Move the last leads of a stage, and delete it. The caller holds the exclusive reference lock.

    Raises NotFound, StageHoldsLeads, and Conflict if the other stage is gone, or if more leads than one transaction
    moves have come in.
    """
    values = (workspace_id, id_, MAX_MOVED_AT_ONCE + 1)
    lead_ids = [row[0] for row in await (await connection.execute(LEADS_IN_STAGE_SQL, values)).fetchall()]
    if lead_ids and to is None:
        counted = await count_leads_in_stages(connection, workspace_id, [id_])
        raise StageHoldsLeads(max(counted.get(id_, 0), len(lead_ids)))
    if len(lead_ids) > MAX_MOVED_AT_ONCE:
        raise Conflict("Too many leads came into the stage meanwhile: remove it again.")
    if to is None:
        await _delete_stage(connection, workspace_id, id_)
        await clear_placement(connection, workspace_id, "pipeline_stage_id", id_)
        return
    await _expect_stage(connection, workspace_id, to)
    await move_leads(connection, workspace_id, lead_ids, from_stage=id_, to=to, cause=cause)
    await _delete_stage(connection, workspace_id, id_)
    await replace_placement(connection, workspace_id, "pipeline_stage_id", id_, to)


def cause_of(author: ChangeAuthor) -> ChangeCause:
    """Return an author as the timeline names them."""
    return ChangeCause("user" if author.kind == "user" else "api", author.id)


async def _delete_stage(connection: Connection, workspace_id: int, id_: int) -> None:
    row = await (await connection.execute(DELETE_STAGE_SQL, (workspace_id, id_))).fetchone()
    if row is None:
        raise NotFound
    await close_gaps(connection, workspace_id, row[0])
    await reference_locks.clear_reference(connection, workspace_id, "stage", id_)


async def _expect_stage(connection: Connection, workspace_id: int, id_: int) -> None:
    try:
        await find_stage(connection, workspace_id, None, id_)
    except NotFound:
        raise Conflict(TARGET_GONE_MESSAGE) from None
