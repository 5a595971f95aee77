"""Tools that read how a workspace is set up, and what its automations did."""

from typing import Any

from services.mcp_server.lead_tools import RecordNumber
from services.mcp_server.told_records import told_record, told_records
from services.mcp_server.tool_calls import current_call

LIST_SIZE = 100
SOURCE_FIELDS = (
    *("kind", "id", "name", "type", "is_active", "last_received_at", "received", "duplicates_24h", "held_24h"),
    *("rejected_24h", "is_silent"),
)
AUTOMATION_FIELDS = ("id", "name", "description", "is_active", "trigger", "runs_count", "last_run_at")
EXPLANATION_FIELDS = (
    *("automation_id", "version", "lead_id", "ran", "reason", "why", "run_id", "false_step", "trigger"),
    *("conditions", "limits", "event"),
)


async def whoami() -> dict[str, Any]:
    """Show the workspace, what the key may do, whether this server lets agents write, and what is left to write."""
    call = current_call()
    profile = call.profile
    return {
        "workspace_id": profile.workspace_id,
        "scopes": sorted(profile.scopes),
        "writes": call.desk.policy,
        "write_budget_left": call.desk.budget.left(profile.workspace_id) if call.desk.policy != "off" else 0,
        "asks_person_before_writing": call.asks_person,
        **told_record({"key_name": profile.document["name"], "workspace_name": profile.document["workspace"]["name"]}),
    }


async def list_pipelines() -> dict[str, Any]:
    """List pipelines with their stages, whose ids leads have as `pipeline_id` and `pipeline_stage_id`."""
    return await _list("pipelines")


async def list_tags() -> dict[str, Any]:
    """List tags, with how many leads have each."""
    return await _list("tags")


async def list_users() -> dict[str, Any]:
    """List the people of the workspace, whose ids leads have as `assigned_user_id` and tasks as `user_id`."""
    return await _list("users", ("id", "name", "role", "is_active"))


async def list_sources() -> dict[str, Any]:
    """List what leads come from (integrations, forms, API keys), with what came, what was refused, who is silent."""
    sources = (await current_call().api.get("sources"))["data"]
    return {"total": len(sources), "sources": told_records(sources[:LIST_SIZE], SOURCE_FIELDS)}


async def list_automations() -> dict[str, Any]:
    """List automations, with what starts each. `explain_automation` says why one ran for a lead, or why not."""
    return await _list("automations", AUTOMATION_FIELDS)


async def explain_automation(automation_id: RecordNumber, lead_id: RecordNumber) -> dict[str, Any]:
    """Say why an automation ran for a lead, or why it did not: the trigger, each condition, each limit."""
    path = f"automations/{automation_id}/explain"
    explained = (await current_call().api.get(path, lead_id=lead_id))["data"]
    return {"explanation": told_record(explained, EXPLANATION_FIELDS)}


async def _list(path: str, fields: tuple[str, ...] | None = None) -> dict[str, Any]:
    page = await current_call().api.get(path, per_page=LIST_SIZE)
    return {"total": page["meta"].get("total"), path: told_records(page["data"], fields)}
