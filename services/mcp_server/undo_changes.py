"""The tool that takes back a change, a merge, an import, the rest of a job, or a task."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import Field

from services.mcp_server.confirmation_tokens import digest_value
from services.mcp_server.failure_tools import JOB_FIELDS
from services.mcp_server.lead_tools import LEAD_LINE_FIELDS, RecordNumber
from services.mcp_server.lead_undos import change_lead, undo_text
from services.mcp_server.leadhub_api import KeyedApi
from services.mcp_server.shown_values import LABEL_LENGTH, lead_label, shown_value
from services.mcp_server.told_records import told_record
from services.mcp_server.tool_calls import current_call
from services.mcp_server.two_step_writes import AskedPerson, ConfirmToken, WritePlan, carry_out
from services.mcp_server.untrusted_text import clean_text

UndoneKind = Literal["change", "merge", "import", "job", "task"]
UNDO_SCOPES: dict[UndoneKind, tuple[str, ...]] = {
    "change": ("read:leads", "write:leads"),
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
LONG_VALUE = 150  # characters: twelve fields of it fit a question
NO_LEAD_MESSAGE = "To undo a merge, name the lead_id that stays, too."
NO_MERGE_MESSAGE = "Lead {lead_id} has no merge {id} among its newest hundred."
NO_CHANGE_MESSAGE = (
    "This server knows no change {id} of this key, or not any more: it forgets them when it stops, and keeps the "
    "newest hundred of a key. Nothing was changed."
)
GONE_LEAD_MESSAGE = "Lead {id} was merged into another since. Nothing was changed."
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
    id: Annotated[RecordNumber, Field(description="The change_id; or of the merge, import, job or task.")],
    lead_id: Annotated[RecordNumber | None, Field(description="Of a merge: the lead that stays.")] = None,
    confirm_token: ConfirmToken = None,
) -> dict[str, Any]:
    """Take back a change of a lead, a merge or an import, stop the rest of a job, or close a task, in two steps.

    An import that is undone takes away the leads that it made and nobody touched, and the values that it filled.
    """
    call = current_call()
    scopes = UNDO_SCOPES[kind]
    if not call.profile.has_scopes(*scopes):
        raise ToolError(NO_SCOPE_MESSAGE.format(scopes=", ".join(scopes)))
    if kind == "change":
        plan = await _plan_change(call.api, id)
    elif kind == "merge":
        plan = await _plan_unmerge(call.api, lead_id, id)
    elif kind == "import":
        plan = await _plan_import(call.api, id)
    elif kind == "job":
        plan = await _plan_job(call.api, id)
    else:
        plan = await _plan_task(call.api, id)
    return await carry_out(plan, approval)


async def _plan_change(api: KeyedApi, change_id: int) -> WritePlan:
    call = current_call()
    undo = call.desk.undos.find(api.caller, change_id)
    if undo is None:
        raise ToolError(NO_CHANGE_MESSAGE.format(id=change_id))
    lead = await api.read(f"leads/{undo.lead_id}")
    if lead["id"] != undo.lead_id:
        raise ToolError(GONE_LEAD_MESSAGE.format(id=undo.lead_id))
    now = {name: lead[name] for name in undo.before}
    moved = [name for name, value in now.items() if digest_value(value) != undo.left[name]]

    async def send() -> dict[str, Any]:
        return await change_lead(lead, undo.before)

    shown = {
        **{"lead_id": lead["id"], "before": told_record(now), "after": told_record(undo.before)},
        "changed_since": moved,
    }
    values = {
        **{"change_id": change_id, "lead_id": lead["id"], "lead": lead_label(lead), **_brief_values(undo.before)},
        "changed_since": moved,
    }
    return WritePlan(min(len(now), 1), shown, [now, undo.before], undo_text(lead, undo.before), values, send)


def _brief_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values as they are, but of long ones only how long they are: they were there, and no agent chose them."""
    return {name: _brief_value(value) for name, value in values.items()}


def _brief_value(value: Any) -> Any:
    if len(shown_value(value)) <= LONG_VALUE:
        return value
    return f"(as before: {len(value)} {'characters' if isinstance(value, str) else 'items'})"


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
    values = {"merge": merge_id, "lead_that_stays": lead_id, "lead_that_comes_back": merge["merged_lead_id"]}
    return WritePlan(2, shown, shown, REMERGE, values, send)


async def _plan_import(api: KeyedApi, import_id: int) -> WritePlan:
    record = await api.read(f"imports/{import_id}")

    async def send() -> dict[str, Any]:
        return {"import": told_record(await api.post(f"imports/{import_id}/undo"), IMPORT_FIELDS)}

    count = record["created"] + record["merged"]
    bound = [import_id, record["state"], record["undo"] is None]
    shown = {"import": told_record(record, IMPORT_FIELDS)}
    values = {"import": import_id, "file": clean_text(record["file_name"] or "", LABEL_LENGTH)}
    return WritePlan(count, shown, bound, NO_WAY_BACK["import"], values, send)


async def _plan_job(api: KeyedApi, job_id: int) -> WritePlan:
    job = await api.read(f"jobs/{job_id}")
    waiting = 0 if job["finished_at"] else job["total"] - job["done"] - job["failed"] - job["skipped"]

    async def send() -> dict[str, Any]:
        return {"job": told_record(await api.post(f"jobs/{job_id}/cancel"), JOB_FIELDS)}

    # A running job has fewer rows left at each look: the token is bound to the job alone, and one call is one record.
    shown = {"job": told_record(job, JOB_FIELDS), "rows_left": waiting}
    return WritePlan(min(waiting, 1), shown, job_id, NO_WAY_BACK["job"], {"job": job_id}, send)


async def _plan_task(api: KeyedApi, task_id: int) -> WritePlan:
    task = await api.read(f"tasks/{task_id}")

    async def send() -> dict[str, Any]:
        return {"task": told_record(await api.patch(f"tasks/{task_id}", {"done_at": _now()}))}

    shown, values = {"task": told_record(task)}, {"task": task_id, "title": clean_text(task["title"], LABEL_LENGTH)}
    return WritePlan(0 if task["done_at"] else 1, shown, task, REOPEN, values, send)


def _now() -> str:
    return datetime.now(UTC).isoformat()
