"""The placement settings of forms and integrations: the pipeline, stage and user of new leads."""

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from services.api.records import Record
from services.api.state import raw
from shared.errors import Fields
from shared.forms import book
from shared.leads.places import PLACES, find_place, user_problem
from shared.leads.workspaces import load_places, load_workspaces

NAMING = ("forms", "integrations")
CLEAR = "UPDATE {table} SET settings = settings - %s::text[] WHERE workspace_id = %s AND settings @> %s::jsonb"


async def placed(connection: AsyncConnection, workspace_id: int, stored: Record, sent: Record) -> tuple[Record, Fields]:
    """Return settings whose pipeline and stage belong together, and errors for ids that are not in the workspace.

    A stage that is sent alone brings its pipeline along. A pipeline removes a stage of another one.
    """
    if not any(name in sent for name in PLACES):
        return sent, {}
    database = await raw(connection)
    workspace = (await load_workspaces(database, [workspace_id]))[workspace_id]
    places = await load_places(database, [workspace_id])
    pipeline, stage, user = (sent.get(name) for name in PLACES)
    place, problems = find_place(workspace, places, pipeline, stage)
    problems |= user_problem(workspace, places, user)
    if stage:
        sent = {**sent, "pipeline_id": place.pipeline_id}
    elif "pipeline_id" in sent:
        kept = places.stages.get((workspace_id, stored.get("pipeline_stage_id", 0)))
        sent = sent if kept and kept.pipeline_id == pipeline else {**sent, "pipeline_stage_id": None}
    names = {name: f"settings.{name}" for name in PLACES}
    return sent, {names[name]: [f"The {names[name]} field: {problem}."] for name, problem in problems.items()}


async def clear(connection: AsyncConnection, workspace_id: int, name: str, id_: int) -> None:
    """Remove a record that this transaction deletes from the settings that refer to it.

    The caller holds the exclusive reference lock. A deleted pipeline takes its stage along. Writers of settings lock
    the referenced records before the settings, so that they cannot deadlock with a delete.
    """
    gone = ["pipeline_id", "pipeline_stage_id"] if name == "pipeline_id" else [name]
    database = await raw(connection)
    for table in NAMING:
        await database.execute(CLEAR.format(table=table), (gone, workspace_id, orjson.dumps({name: id_}).decode()))
    await book.tell(database)
