"""The page of pipelines: their stages in order, with their leads, and the dialogues that change them."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from services.console.pipeline_setup.stage_mentions import find_stage_mentions
from services.console.pipeline_setup.words import MENTION_WORDS, STAGE_OUTCOMES, removal_note
from services.console.web.access import workspace_page
from services.console.web.colors import nearest_hue
from services.console.web.hue_choices import hue_choices
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.pipelines.pipeline_reads import (
    PipelineRow,
    StageRow,
    count_leads_in_pipelines,
    count_leads_in_stages,
    read_pipelines,
)
from shared.pipelines.stage_removal import read_running_removals
from shared.platform.errors import NotFound

PIPELINES_PAGE = "settings/pipelines"
ID_PATTERN = re.compile(r"[0-9]{1,18}", re.ASCII)  # ids are of 64 bits
# The dialogues by the parameter that opens each, whose value is the id of a pipeline or a stage.
PIPELINE_DIALOGS, STAGE_DIALOGS = ("rename", "delete", "add"), ("stage", "remove")


@dataclass(frozen=True)
class OpenDialog:
    """A dialogue over the page: what it asks about, and what was typed and is wrong with it."""

    name: str = ""
    id: int = 0
    form: Mapping[str, str] = field(default_factory=dict)
    problems: Mapping[str, str] = field(default_factory=dict)


@workspace_page(Permission.SEE_RECORDS)
async def show(view: PageView) -> web.StreamResponse:
    """Show the pipelines. With `new`, or another dialogue's name and an id, that dialogue is open."""
    query = view.request.query
    dialog = OpenDialog("new") if "new" in query else OpenDialog()
    for name in (*PIPELINE_DIALOGS, *STAGE_DIALOGS):
        if ID_PATTERN.fullmatch(query.get(name, "")):
            dialog = OpenDialog(name, int(query[name]))
    return await render_page(view, dialog if view.permits(Permission.SET_UP) else OpenDialog())


async def render_page(view: PageView, dialog: OpenDialog) -> web.Response:
    """Show the pipelines with a dialogue over them. Raises NotFound if it is about something that is not there."""
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        pipelines = await read_pipelines(connection, workspace_id)
        stages = [stage for pipeline in pipelines for stage in pipeline["stages"]]
        counts = await count_leads_in_stages(connection, workspace_id, [stage["id"] for stage in stages])
        totals = await count_leads_in_pipelines(connection, workspace_id, [one["id"] for one in pipelines])
        removals = await read_running_removals(connection, workspace_id)
        is_removal = dialog.name == "remove"
        mentions = await find_stage_mentions(connection, workspace_id, dialog.id) if is_removal else []
    pipeline, stage = _asked_about(dialog, pipelines, stages)
    values: dict[str, Any] = {
        "pipelines": pipelines,
        "stage_counts": counts,
        "totals": totals,
        "removals": removals,
        "dialog": dialog,
        "asked_pipeline": pipeline,
        "asked_stage": stage,
        "form": {**_form_of(dialog, pipeline, stage), **dialog.form},
        "problems": dialog.problems,
        "mentions": [(view.translate(MENTION_WORDS[kind]), name) for kind, name in mentions],
        "removal_note": removal_note(view, counts.get(stage["id"], 0)) if stage else "",
        "outcomes": [(value, view.translate(word)) for value, word in STAGE_OUTCOMES],
        "hues": hue_choices(view.translate),
        "hue_of": lambda each: nearest_hue(each["color"], each["position"]),
        "moved": view.request.query.get("moved", ""),
        "pipelines_page": PIPELINES_PAGE,
    }
    return await view.render("pipeline_setup/pipelines.html", 422 if dialog.problems else 200, **values)


def _asked_about(
    dialog: OpenDialog, pipelines: list[PipelineRow], stages: list[StageRow]
) -> tuple[PipelineRow | None, StageRow | None]:
    """Return the pipeline and the stage that a dialogue is about. Raises NotFound."""
    if dialog.name in ("", "new"):
        return None, None
    if dialog.name in PIPELINE_DIALOGS:
        pipeline = next((one for one in pipelines if one["id"] == dialog.id), None)
        stage = None
    else:
        stage = next((one for one in stages if one["id"] == dialog.id), None)
        pipeline = next((one for one in pipelines if stage and one["id"] == stage["pipeline_id"]), None)
    if pipeline is None:
        raise NotFound
    return pipeline, stage


def _form_of(dialog: OpenDialog, pipeline: PipelineRow | None, stage: StageRow | None) -> dict[str, str]:
    if stage is not None:
        outcome = "won" if stage["is_won"] else "lost" if stage["is_lost"] else ""
        hue = str(nearest_hue(stage["color"], stage["position"])) if stage["color"] else ""
        return {"name": stage["name"], "hue": hue, "outcome": outcome, "to": ""}
    if pipeline is not None and dialog.name == "rename":
        return {"name": pipeline["name"], "description": pipeline["description"] or ""}
    return {"name": "", "description": "", "hue": "", "outcome": "", "stages": "usual"}
