"""Settings that say where leads go on the board: of forms and of integrations."""

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
    """Settings whose pipeline and stage belong together, and what of them is not in the workspace.

    A stage that is sent alone brings its pipeline along; a pipeline drops a stage of another one.
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
    """Takes what is deleted in this transaction, under `references.seize`, out of the settings that name it.

    With a pipeline its stage goes. Who changes settings holds what they may name before locking them, so as not to wait
    for a delete with what it waits for.
    """
    gone = ["pipeline_id", "pipeline_stage_id"] if name == "pipeline_id" else [name]
    database = await raw(connection)
    for table in NAMING:
        await database.execute(CLEAR.format(table=table), (gone, workspace_id, orjson.dumps({name: id_}).decode()))
    await book.tell(database)
