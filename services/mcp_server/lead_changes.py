"""Tools that change leads, one at a time.

They leave emails and phones alone: by these people are known, and mails go there.
"""

from typing import Annotated, Any

from mcp.server.mcpserver.exceptions import ToolError
from pydantic import BaseModel, ConfigDict, Field

from services.mcp_server.lead_tools import LEAD_LINE_FIELDS, LeadStatusName, RecordNumber, TimeText
from services.mcp_server.lead_undos import change_lead, undo_text
from services.mcp_server.record_checks import check_emptied, check_placement, check_user
from services.mcp_server.shown_values import lead_label, refuse_hidden
from services.mcp_server.told_records import told_record, told_request
from services.mcp_server.tool_calls import current_call
from services.mcp_server.two_step_writes import AskedPerson, ConfirmToken, WritePlan, carry_out

NameText = Annotated[str, Field(max_length=255)]
TagNames = Annotated[list[NameText], Field(max_length=20)]

NO_CHANGE_MESSAGE = "Say what to change: changes, add_tags or remove_tags."
SAME_LEAD_MESSAGE = "A lead cannot be merged into itself."
TASK_UNDO = "Call undo with kind task and the id of the task: it is closed, not deleted."
MERGE_UNDO = "Call undo with kind merge, the lead_id that stays, and merge_id as id."


class LeadChanges(BaseModel):
    """Fields to change. What is not named stays; null empties a field."""

    model_config = ConfigDict(extra="forbid")

    status: LeadStatusName | None = None
    pipeline_id: RecordNumber | None = None
    pipeline_stage_id: RecordNumber | None = None
    assigned_user_id: RecordNumber | None = None
    starred: bool | None = None
    first_name: NameText | None = None
    last_name: NameText | None = None
    company: NameText | None = None
    job_title: NameText | None = None
    country: Annotated[str, Field(max_length=2)] | None = None
    notes: Annotated[str, Field(max_length=5_000)] | None = None


async def update_lead(
    approval: AskedPerson,
    lead_id: RecordNumber,
    changes: LeadChanges | None = None,
    add_tags: TagNames | None = None,
    remove_tags: TagNames | None = None,
    confirm_token: ConfirmToken = None,
) -> dict[str, Any]:
    """Change fields or tags of one lead, in two steps. Emails, phones and custom fields cannot be changed.

    Automations run on it as on any change.
    """
    api = current_call().api
    lead = await api.read(f"leads/{lead_id}")
    fields = _changed_fields(lead, changes, add_tags or [], remove_tags or [])
    if not fields:
        raise ToolError(NO_CHANGE_MESSAGE)
    check_emptied(lead, fields)
    await check_user(fields.get("assigned_user_id"))
    await check_placement(fields)
    before = {name: lead[name] for name in fields}
    own = changes.model_dump(exclude_unset=True) if changes is not None else {}
    tags = {name: names for name, names in (("add_tags", add_tags), ("remove_tags", remove_tags)) if names}
    for name, value in {**own, **tags}.items():
        refuse_hidden(name, value)

    async def send() -> dict[str, Any]:
        return await change_lead(lead, fields)

    values = {"lead_id": lead["id"], "lead": lead_label(lead), **own, **tags}
    shown = {"lead_id": lead["id"], "before": told_record(before), "after": told_request(fields, own)}
    return await carry_out(WritePlan(1, shown, [before, fields], undo_text(lead, fields), values, send), approval)


async def create_task(
    approval: AskedPerson,
    title: NameText,
    lead_id: RecordNumber | None = None,
    user_id: RecordNumber | None = None,
    due_at: TimeText | None = None,
    confirm_token: ConfirmToken = None,
) -> dict[str, Any]:
    """Create a task, about a lead and for a user if you name them, in two steps."""
    api = current_call().api
    fields = {"title": title, "lead_id": lead_id, "user_id": user_id, "due_at": due_at}
    about = await api.read(f"leads/{lead_id}") if lead_id is not None else {}
    await check_user(user_id)
    refuse_hidden("title", title)
    body = {name: value for name, value in fields.items() if value is not None}

    async def send() -> dict[str, Any]:
        return {"task": told_record(await api.post("tasks", body))}

    shown = {"task": told_request(fields, fields), "lead": told_record(about, LEAD_LINE_FIELDS)}
    values = {**body, "lead": lead_label(about)} if about else body
    return await carry_out(WritePlan(1, shown, fields, TASK_UNDO, values, send), approval)


async def merge_leads(
    approval: AskedPerson,
    lead_id: Annotated[RecordNumber, Field(description="The lead that stays.")],
    merged_lead_id: Annotated[RecordNumber, Field(description="The lead that goes into it.")],
    confirm_token: ConfirmToken = None,
) -> dict[str, Any]:
    """Merge a lead into another that is the same person, in two steps.

    The one that stays keeps what it has and takes what it lacks. See lead_duplicates for the reasons first.
    """
    api = current_call().api
    stays, goes = await api.read(f"leads/{lead_id}"), await api.read(f"leads/{merged_lead_id}")
    if stays["id"] == goes["id"]:
        raise ToolError(SAME_LEAD_MESSAGE)

    async def send() -> dict[str, Any]:
        merged = await api.post(f"leads/{stays['id']}/merge", {"lead_id": goes["id"]})
        return {"merge_id": merged["merge_id"], "lead": told_record(merged, LEAD_LINE_FIELDS)}

    shown = {"stays": told_record(stays, LEAD_LINE_FIELDS), "goes": told_record(goes, LEAD_LINE_FIELDS)}
    values = {
        **{"lead_that_stays": stays["id"], "its_name": lead_label(stays)},
        **{"lead_that_goes": goes["id"], "name_of_that": lead_label(goes)},
    }
    return await carry_out(WritePlan(2, shown, shown, MERGE_UNDO, values, send), approval)


def _changed_fields(
    lead: dict[str, Any], changes: LeadChanges | None, add_tags: list[str], remove_tags: list[str]
) -> dict[str, Any]:
    fields = changes.model_dump(exclude_unset=True) if changes is not None else {}
    if add_tags or remove_tags:
        removed = {name.casefold() for name in remove_tags}
        kept = [name for name in lead["tags"] if name.casefold() not in removed]
        known = {name.casefold() for name in kept}
        fields["tags"] = kept + [name for name in add_tags if name.casefold() not in known]
    return fields
