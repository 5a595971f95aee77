"""The placement settings of forms and integrations: the pipeline, stage and user of new leads."""

from typing import Any

from shared.leads.placement import PLACEMENT_FIELDS, assignee_problem, find_placement
from shared.leads.workspace_settings import load_board, load_workspace_settings
from shared.platform.db.connections import Connection
from shared.platform.errors import FieldErrors

SettingsDict = dict[str, Any]


async def complete_placement(
    connection: Connection, workspace_id: int, stored: SettingsDict, settings: SettingsDict
) -> tuple[SettingsDict, FieldErrors]:
    """Return settings whose pipeline and stage belong together, and errors for ids that are not in the workspace.

    A stage that is sent alone brings its pipeline along. A pipeline removes a stage of another one.
    """
    if not any(name in settings for name in PLACEMENT_FIELDS):
        return settings, {}
    workspace = (await load_workspace_settings(connection, [workspace_id]))[workspace_id]
    places = await load_board(connection, [workspace_id])
    pipeline, stage, user = (settings.get(name) for name in PLACEMENT_FIELDS)
    place, problems = find_placement(workspace, places, pipeline, stage)
    problems |= assignee_problem(workspace, places, user)
    if stage:
        settings = {**settings, "pipeline_id": place.pipeline_id}
    elif "pipeline_id" in settings:
        kept = places.stages.get((workspace_id, stored.get("pipeline_stage_id", 0)))
        settings = settings if kept and kept.pipeline_id == pipeline else {**settings, "pipeline_stage_id": None}
    names = {name: f"settings.{name}" for name in PLACEMENT_FIELDS}
    return settings, {names[name]: [f"The {names[name]} field: {problem}."] for name, problem in problems.items()}
