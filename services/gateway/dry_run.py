"""What would become of a lead: the workers' own decisions on what is there now, and nothing stored."""

from shared import ids
from shared.db import UNAVAILABLE, Connection, Pool, within
from shared.errors import ServiceUnavailable
from shared.keys import Key
from shared.leads import identities
from shared.leads.apply import MERGED, apply
from shared.leads.merge import changes
from shared.leads.places import Workspace, names_a_place, place
from shared.leads.records import Record, read_leads
from shared.leads.resolve import Resolution, resolve
from shared.leads.submission import Submission, Tags, prepare
from shared.leads.tags import find_tags, tag_names
from shared.leads.workspaces import load_places, load_workspaces

ANSWER_IN = 5.0  # seconds
NEW = 0  # the id of a lead that there is not
BLANK: Record = {"starred": False, "tags": []}
UNSHOWN = {"workspace_id", "id", "tag_ids", "created_at", "submitted_at"}

# One view of the database, so that a lead found by its email is there when it is read.
BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


async def rehearse(pool: Pool, key: Key, lead: Record) -> Record:
    """The answer to a dry run. Raises ServiceUnavailable where the database is away.

    What would change tells what the lead holds: only a key that may read leads is told.
    """
    try:
        told = await within(ANSWER_IN, _rehearse(pool, _submission(key, lead)))
    except UNAVAILABLE as error:
        raise ServiceUnavailable("What would happen cannot be told just now. Send it again.") from error
    return told if key.may("read:leads") else {**told, "changes": None}


def _submission(key: Key, lead: Record) -> Submission:
    return Submission("", ids.now_ms(), key.workspace_id, "", lead.get("source"), key.id, lead, None, "", 0, 0)


async def _rehearse(pool: Pool, one: Submission) -> Record:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(BEGIN)
        workspace = (await load_workspaces(connection, [one.workspace_id]))[one.workspace_id]
        prepare(one, country=workspace.country, fold_gmail=workspace.fold_gmail)
        place(one, workspace, await load_places(connection, [workspace.id] if names_a_place(one.body) else []))
        return await _decided(connection, one, workspace)


async def _decided(connection: Connection, one: Submission, workspace: Workspace) -> Record:
    resolution = resolve([one], await identities.owners(connection, one.keys), [NEW])
    named = {*resolution.leads, *(other for _, other in resolution.pairs)}
    found = await identities.look(connection, [(workspace.id, lead_id) for lead_id in named], MERGED)
    states = {lead_id: state for (_, lead_id), state in found.items()}
    lead = (workspace.id, resolution.leads[0])
    before = (await read_leads(connection, [lead])).get(lead)
    tags = await _tags(connection, one)
    written = apply([one], resolution, states, {workspace.id: workspace}, tags)
    after = written.created.get(NEW) or states[lead[1]]
    names = await tag_names(connection, [workspace.id], after["tag_ids"])
    names |= {id_: name for (_, name), id_ in tags.items() if id_ < 0}
    return {
        "status": "dry_run",
        "lead_id": before and before["id"],
        "is_duplicate": before is not None,
        "matched_on": resolution.matched[0],
        "warnings": one.warnings,
        "changes": changes(before or BLANK, _shown(after, names) | _pair(resolution, before)),
    }


async def _tags(connection: Connection, one: Submission) -> Tags:
    """The ids of the tags that it names; of one that would be made, a number below zero."""
    names = [(one.workspace_id, name) for name in one.tags]
    missing = {name: -number for number, name in enumerate(names, 1)}
    return missing | await find_tags(connection, names)


def _shown(state: Record, names: dict[int, str]) -> Record:
    """A lead's row as the API would show it."""
    tags = [names[id_] for id_ in state["tag_ids"] if id_ in names]
    return {name: value for name, value in state.items() if name not in UNSHOWN} | {"tags": tags}


def _pair(resolution: Resolution, before: Record | None) -> Record:
    """The lead that it would be noted with as possibly one person, unless another was before."""
    others = [other for _, other in resolution.pairs]
    return {"possible_duplicate_of": others[0]} if others and not (before and before["possible_duplicate_of"]) else {}
