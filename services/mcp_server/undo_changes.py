"""The tool that takes back a merge, an import, the rest of a job, or a task."""

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from services.mcp_server.failure_tools import JOB_FIELDS
from services.mcp_server.lead_tools import LEAD_LINE_FIELDS, RecordNumber
from services.mcp_server.leadhub_api import KeyedApi
from services.mcp_server.told_records import told_record
from services.mcp_server.tool_calls import current_call
from services.mcp_server.two_step_writes import AskedPerson, ConfirmToken, WritePlan, carry_out

UndoneKind = Literal["merge", "import", "job", "task"]
UNDO_SCOPES: dict[UndoneKind, tuple[str, ...]] = {
    "merge": ("read:leads", "write:leads"),
    "import": ("read:leads", "write:leads"),
    "task": ("read:leads", "write:leads"),
    "job": ("read:operations", "write:operations"),
}
IMPORT_FIELDS = (
    *("id", "state", "dry_run", "file_name", "rows", "created", "merged", "unchanged", "undo", "created_at"),
    "finished_at",
)
MERGE_FIELDS = (
    "id",
    "winner_id",
    "merged_lead_id",
    "merged_at",
    "undone_at",
    "submissions",
    "activities",
    "blocked_by",
)
NO_LEAD_MESSAGE = "To undo a merge, name the lead_id that stays, too."
NO_MERGE_MESSAGE = "Lead {lead_id} has no merge {id} among its newest hundred."
NO_SCOPE_MESSAGE = "This key lacks the scopes for that: {scopes}."
REMERGE = "Call merge_leads with the same two leads."
REOPEN = "A person reopens the task in the console."
NO_WAY_BACK = {
    "import": "Nothing but importing the file again.",
    "job": "Nothing; start a job for the rest again by replay_or_release.",
}


async def undo(
    approval: AskedPerson,
    kind: UndoneKind,
    id: Annotated[RecordNumber, Field(description="Of the merge, the import, the job or the task.")],
    lead_id: Annotated[RecordNumber | None, Field(description="Of a merge: the lead that stays.")] = None,
    confirm_token: ConfirmToken = None,
) -> dict[str, Any]:
    """Take back a merge or an import, stop the rest of a job, or close a task, in two steps.

    An import that is undone takes away the leads that it made and nobody touched, and the values that it filled.
    """
    call = current_call()
    scopes = UNDO_SCOPES[kind]
    if not call.profile.has_scopes(*scopes):
        raise ToolError(NO_SCOPE_MESSAGE.format(scopes=", ".join(scopes)))
    if kind == "merge":
        plan = await _plan_unmerge(call.api, lead_id, id)
    elif kind == "import":
        plan = await _plan_import(call.api, id)
    elif kind == "job":
        plan = await _plan_job(call.api, id)
    else:
        plan = await _plan_task(call.api, id)
    return await carry_out(plan, approval)


async def _plan_unmerge(api: KeyedApi, lead_id: int | None, merge_id: int) -> WritePlan:
    if lead_id is None:
        raise ToolError(NO_LEAD_MESSAGE)
    merges = (await api.get(f"leads/{lead_id}/merges", per_page=100))["data"]
    merge = next((one for one in merges if one["id"] == merge_id), None)
    if merge is None:
        raise ToolError(NO_MERGE_MESSAGE.format(lead_id=lead_id, id=merge_id))

    async def send() -> dict[str, Any]:
        lead = await api.post(f"leads/{lead_id}/unmerge", {"merge_id": merge_id})
        return {
            "lead": told_record(lead, LEAD_LINE_FIELDS),
            "restored": told_record(lead["restored"], LEAD_LINE_FIELDS),
        }

    shown = {"merge": told_record(merge, MERGE_FIELDS)}
    return WritePlan(2, shown, shown, REMERGE, send)


async def _plan_import(api: KeyedApi, import_id: int) -> WritePlan:
    record = await api.read(f"imports/{import_id}")

    async def send() -> dict[str, Any]:
        return {"import": told_record(await api.post(f"imports/{import_id}/undo"), IMPORT_FIELDS)}

    count = record["created"] + record["merged"]
    bound = [import_id, record["state"], record["undo"] is None]
    return WritePlan(count, {"import": told_record(record, IMPORT_FIELDS)}, bound, NO_WAY_BACK["import"], send)


async def _plan_job(api: KeyedApi, job_id: int) -> WritePlan:
    job = await api.read(f"jobs/{job_id}")
    waiting = 0 if job["finished_at"] else job["total"] - job["done"] - job["failed"] - job["skipped"]

    async def send() -> dict[str, Any]:
        return {"job": told_record(await api.post(f"jobs/{job_id}/cancel"), JOB_FIELDS)}

    # A running job has fewer rows left at each look: the token is bound to the job alone, and one call is one record.
    return WritePlan(
        min(waiting, 1), {"job": told_record(job, JOB_FIELDS), "rows_left": waiting}, job_id, NO_WAY_BACK["job"], send
    )


async def _plan_task(api: KeyedApi, task_id: int) -> WritePlan:
    task = await api.read(f"tasks/{task_id}")

    async def send() -> dict[str, Any]:
        return {"task": told_record(await api.patch(f"tasks/{task_id}", {"done_at": _now()}))}

    return WritePlan(0 if task["done_at"] else 1, {"task": told_record(task)}, task, REOPEN, send)


def _now() -> str:
    return datetime.now(UTC).isoformat()
