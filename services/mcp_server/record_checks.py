"""Whether what a dry run names exists in the workspace, so that it promises no change that the API refuses."""

from collections.abc import Mapping
from typing import Any

from mcp.server.mcpserver.exceptions import ToolError

from services.mcp_server.leadhub_api import ApiRefused
from services.mcp_server.tool_calls import current_call

LIST_SIZE = 100
KEPT_FIELDS = ("status", "starred", "first_name")
KEPT_FIELD_MESSAGE = "{name} cannot be emptied. Nothing was changed."
NO_USER_MESSAGE = "There is no user {id} in this workspace: see list_users. Nothing was changed."
NO_PIPELINE_MESSAGE = "There is no pipeline {id} in this workspace: see list_pipelines. Nothing was changed."
NO_STAGE_MESSAGE = "There is no stage {id} there: see list_pipelines. Nothing was changed."


def check_emptied(lead: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
    """ToolError if a field is to be emptied that a lead keeps."""
    for name in KEPT_FIELDS:
        if name in fields and lead[name] not in (None, "") and fields[name] in (None, ""):
            raise ToolError(KEPT_FIELD_MESSAGE.format(name=name))


async def check_user(user_id: int | None) -> None:
    """ToolError if there is no such user. A key that may not read users is told by the API when it confirms."""
    call = current_call()
    if user_id is not None and call.profile.has_scopes("read:users"):
        await _read_or_refuse(f"users/{user_id}", NO_USER_MESSAGE.format(id=user_id))


async def check_placement(fields: Mapping[str, Any]) -> None:
    """ToolError if there is no such pipeline, or no such stage in it; otherwise as `check_user`."""
    call = current_call()
    pipeline_id, stage_id = fields.get("pipeline_id"), fields.get("pipeline_stage_id")
    if (pipeline_id is None and stage_id is None) or not call.profile.has_scopes("read:pipelines"):
        return
    if pipeline_id is not None:
        pipelines = [await _read_or_refuse(f"pipelines/{pipeline_id}", NO_PIPELINE_MESSAGE.format(id=pipeline_id))]
    else:
        page = await call.api.get("pipelines", per_page=LIST_SIZE)
        pipelines = page["data"]
        if (page["meta"].get("total") or 0) > len(pipelines):
            return  # the API itself knows better
    stages = {stage["id"] for pipeline in pipelines for stage in pipeline["stages"]}
    has_no_pipeline = "pipeline_id" in fields and pipeline_id is None
    if stage_id is not None and (has_no_pipeline or stage_id not in stages):
        raise ToolError(NO_STAGE_MESSAGE.format(id=stage_id))


async def _read_or_refuse(path: str, message: str) -> dict[str, Any]:
    try:
        return await current_call().api.read(path)
    except ApiRefused as refusal:
        raise ToolError(message) if refusal.status == 404 else refusal from None
