"""Tools that read leads."""

from typing import Annotated, Any, Literal

from pydantic import Field

from services.mcp_server.told_records import told_record, told_records
from services.mcp_server.tool_calls import current_call

RecordNumber = Annotated[int, Field(ge=1, le=2**53 - 1)]
RowLimit = Annotated[int, Field(ge=1, le=50, description="How many at most.")]
SearchText = Annotated[str, Field(max_length=200)]
TimeText = Annotated[str, Field(max_length=40, description="An ISO time or day, such as 2026-03-28.")]
LeadStatusName = Literal["new", "contacted", "qualified", "converted", "lost"]

LEAD_LINE_FIELDS = (
    *("id", "first_name", "last_name", "email", "phone", "company", "status", "lead_score", "source", "tags"),
    *("pipeline_id", "pipeline_stage_id", "assigned_user_id", "possible_duplicate_of", "created_at", "updated_at"),
)


async def find_leads(
    search: Annotated[SearchText | None, Field(description="Part of a name, company, email or phone.")] = None,
    email: SearchText | None = None,
    phone: SearchText | None = None,
    status: LeadStatusName | None = None,
    tag: SearchText | None = None,
    source: SearchText | None = None,
    stage_id: RecordNumber | None = None,
    assigned_user_id: RecordNumber | None = None,
    created_after: TimeText | None = None,
    created_before: TimeText | None = None,
    updated_after: TimeText | None = None,
    sort: Literal["created_at", "updated_at", "lead_score"] = "created_at",
    limit: RowLimit = 20,
) -> dict[str, Any]:
    """Find leads that fit all filters, and count them. Without filters: the newest ones."""
    query = {
        **{"search": search, "email": email, "phone": phone, "status": status, "tag": tag, "source": source},
        **{"stage_id": stage_id, "assigned_user_id": assigned_user_id, "updated_after": updated_after},
        **{"created_after": created_after, "created_before": created_before, "sort": sort, "per_page": limit},
    }
    page = await current_call().api.get("leads", **query)
    return {"total": page["meta"].get("total"), "leads": told_records(page["data"], LEAD_LINE_FIELDS)}


async def get_lead(lead_id: RecordNumber) -> dict[str, Any]:
    """Show everything that is stored in a lead: fields, notes, custom fields, tags, where it came from."""
    return {"lead": told_record(await current_call().api.read(f"leads/{lead_id}"))}


async def lead_timeline(lead_id: RecordNumber, limit: RowLimit = 20) -> dict[str, Any]:
    """Show what happened to a lead, newest first: submissions, changes and who made them, automations, messages."""
    page = await current_call().api.get(f"leads/{lead_id}/activities", per_page=limit)
    return {"total": page["meta"].get("total"), "activities": told_records(page["data"])}


async def lead_duplicates(
    lead_id: Annotated[RecordNumber | None, Field(description="Without it: the likeliest pairs of all leads.")] = None,
    limit: RowLimit = 10,
) -> dict[str, Any]:
    """List pairs of leads that are probably one person, the likeliest first, with the reasons for and against.

    `merge_leads` merges a pair.
    """
    path = "duplicates" if lead_id is None else f"leads/{lead_id}/duplicates"
    page = await current_call().api.get(path, per_page=limit)
    return {"total": page["meta"].get("total"), "pairs": told_records(page["data"])}
