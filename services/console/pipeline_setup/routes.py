"""Routes of the feature `pipeline_setup`, each with its handler."""

from services.console.pipeline_setup import pipeline_changes, setup_page, stage_changes
from services.console.web.routing import workspace_get, workspace_post

PIPELINE, STAGE = "settings/pipelines/{id}", "settings/stages/{id}"

ROUTES = [
    workspace_get("settings/pipelines", setup_page.show),
    workspace_post("settings/pipelines", pipeline_changes.create, action="pipeline.created"),
    workspace_post(PIPELINE, pipeline_changes.change, action="pipeline.changed"),
    workspace_post(f"{PIPELINE}/default", pipeline_changes.make_default, action="pipeline.changed"),
    workspace_post(f"{PIPELINE}/delete", pipeline_changes.delete, action="pipeline.deleted"),
    workspace_post(f"{PIPELINE}/stages", stage_changes.create, action="stage.created"),
    workspace_post(STAGE, stage_changes.change, action="stage.changed"),
    workspace_post(f"{STAGE}/move", stage_changes.move, action="stage.changed"),
    workspace_post(f"{STAGE}/delete", stage_changes.remove, action="stage.deleted"),
]
