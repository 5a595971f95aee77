"""Dry runs: what the workers would decide on a lead now. Nothing is stored."""

from collections.abc import Collection, Mapping, Sequence

from shared import ids
from shared.db import UNAVAILABLE, Connection, Pool, within
from shared.errors import ServiceUnavailable
from shared.keys import Key
from shared.leads import identities
from shared.leads.apply import MERGED
from shared.leads.decide import FoundLeads, decide_submissions
from shared.leads.merge import changes
from shared.leads.places import Places, Workspace
from shared.leads.records import Record, read_leads
from shared.leads.resolve import Resolution, resolve
from shared.leads.submission import Submission, TagName, Tags
from shared.leads.tags import find_tags, tag_names
from shared.leads.workspaces import load_places, load_workspaces

ANSWER_IN = 5.0  # seconds
NEW = 0  # the id of a lead that would be created
BLANK: Record = {"starred": False, "tags": []}
UNSHOWN = {"workspace_id", "id", "tag_ids", "created_at", "submitted_at"}

# One snapshot of the database, so that a lead found by its email still exists when it is read.
BEGIN = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


async def rehearse(pool: Pool, key: Key, lead: Record) -> Record:
    """Return the body of the answer to a dry run. Raises ServiceUnavailable if the database is away.

    The changes reveal what the lead holds, so only a key that may read leads gets them.
    """
    try:
        told = await within(ANSWER_IN, _rehearse(pool, _submission(key, lead)))
    except UNAVAILABLE as error:
        raise ServiceUnavailable("What would happen cannot be told just now. Send it again.") from error
    return told if key.may("read:leads") else {**told, "changes": None}


def _submission(key: Key, lead: Record) -> Submission:
    return Submission("", ids.now_ms(), key.workspace_id, "", lead.get("source"), key.id, lead, None, "", 0, 0)


async def _rehearse(pool: Pool, submission: Submission) -> Record:
    async with pool.connection() as connection, connection.transaction():
        await connection.execute(BEGIN)
        written, found, tags = await decide_submissions([submission], DryRunLookups(connection))
        lead = (submission.workspace_id, found.resolution.leads[0])
        before = (await read_leads(connection, [lead])).get(lead)
        after = written.created.get(NEW) or found.states[lead[1]]
        names = await tag_names(connection, [submission.workspace_id], after["tag_ids"])
        names |= {id_: name for (_, name), id_ in tags.items() if id_ < 0}
    return {
        "status": "dry_run",
        "lead_id": before and before["id"],
        "is_duplicate": before is not None,
        "matched_on": found.resolution.matched[0],
        "warnings": submission.warnings,
        "changes": changes(before or BLANK, _shown(after, names) | _pair(found.resolution, before)),
    }


class DryRunLookups:
    """The lookups of a dry run of one submission (see `DecisionLookups`). They only read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._workspaces: dict[int, Workspace] = {}

    async def load_norms(self, workspace_ids: Collection[int]) -> Mapping[int, Workspace]:
        self._workspaces = await load_workspaces(self._connection, workspace_ids)
        return self._workspaces

    async def find_leads(self, submissions: Sequence[Submission], names: Mapping[int, Collection[str]]) -> FoundLeads:
        keys = [key for one in submissions for key in one.keys]
        resolution = resolve(submissions, await identities.owners(self._connection, keys), [NEW])
        named = {*resolution.leads, *(other for _, other in resolution.pairs)}
        leads = [(workspace_id, lead_id) for workspace_id in names for lead_id in named]
        found = await identities.look(self._connection, leads, MERGED)
        return FoundLeads(self._workspaces, resolution, {lead_id: state for (_, lead_id), state in found.items()})

    async def load_places(self, workspace_ids: Collection[int]) -> Places:
        return await load_places(self._connection, workspace_ids)

    async def tag_ids(self, names: set[TagName]) -> Tags:
        """Return the ids of tags. A tag that does not exist gets a number below zero."""
        missing = {name: -number for number, name in enumerate(names, 1)}
        return missing | await find_tags(self._connection, names)


def _shown(state: Record, names: dict[int, str]) -> Record:
    """Return a lead's row as the API would show it."""
    tags = [names[id_] for id_ in state["tag_ids"] if id_ in names]
    return {name: value for name, value in state.items() if name not in UNSHOWN} | {"tags": tags}


def _pair(resolution: Resolution, before: Record | None) -> Record:
    """Return the lead that it would be marked a possible duplicate of, unless it already is one of another lead."""
    others = [other for _, other in resolution.pairs]
    return {"possible_duplicate_of": others[0]} if others and not (before and before["possible_duplicate_of"]) else {}
