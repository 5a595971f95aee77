"""Changes of a lead that remember what undoes them, exactly. No value of it passes through the agent."""

from collections.abc import Mapping
from typing import Any

from services.mcp_server.confirmation_tokens import digest_value
from services.mcp_server.lead_tools import LEAD_LINE_FIELDS
from services.mcp_server.told_records import told_record
from services.mcp_server.tool_calls import current_call
from services.mcp_server.value_memory import LeadUndo

# A change of one may change another, such as a stage the status.
UNDO_FIELDS = (
    *("status", "pipeline_id", "pipeline_stage_id", "assigned_user_id", "starred", "first_name", "last_name"),
    *("company", "job_title", "country", "notes", "tags"),
)
PLACE_FIELDS = ("status", "pipeline_id", "pipeline_stage_id")
CHANGE_UNDO = (
    "Call undo with kind change and the change_id of this answer as id: it puts back the exact values of before, as "
    "long as this server runs and for the newest hundred changes of a key. What automations did stays done."
)

NAME_UNDO = " A lead that has a first name keeps one: that it had none is not put back."


def undo_text(lead: Mapping[str, Any], fields: Mapping[str, Any]) -> str:
    """Return what undoes a change of these fields, and what is not undone by that."""
    return CHANGE_UNDO + (NAME_UNDO if _names_lead(lead, fields) else "")


async def change_lead(before: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """Change a lead, and return what the agent is told: the lead, and the number by which the change is undone.

    `not_stored` names the fields that came out as another value than was sent.
    """
    call = current_call()
    after = await call.api.patch(f"leads/{before['id']}", fields)
    names = {name for name in UNDO_FIELDS if before[name] != after[name]}
    if names.intersection(PLACE_FIELDS):
        names.update(PLACE_FIELDS)  # a stage that is put back would bring a status of its own
    if _names_lead(before, after):
        names.discard("first_name")
    old, left = {name: before[name] for name in names}, {name: digest_value(after[name]) for name in names}
    number = call.desk.undos.keep_numbered(call.api.caller, LeadUndo(before["id"], old, left))
    other = [name for name, value in fields.items() if not _are_same(after[name], value)]
    return {"change_id": number, "lead": told_record(after, LEAD_LINE_FIELDS), "not_stored": other}


def _are_same(value: Any, other: Any) -> bool:
    return sorted(value) == sorted(other) if isinstance(value, list) and isinstance(other, list) else value == other


def _names_lead(lead: Mapping[str, Any], fields: Mapping[str, Any]) -> bool:
    return not lead["first_name"] and bool(fields.get("first_name"))
