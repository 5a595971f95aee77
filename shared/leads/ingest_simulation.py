"""Dry runs: what ingest would decide on a submission now. Nothing is stored.

Two callers ask: the gateway for a lead that is sent, and the console for a submission that is to be replayed.
"""

from collections.abc import Collection, Mapping, Sequence

from shared.leads import identities
from shared.leads.apply_batch import MERGED_LEAD_FIELDS, BatchWrites
from shared.leads.decide import FoundLeads, decide_submissions
from shared.leads.deduplication import LeadResolution, resolve_submissions
from shared.leads.duplicate_policy import describe_changes
from shared.leads.lead_records import LeadJson, read_leads
from shared.leads.placement import Board, WorkspaceSettings
from shared.leads.submission import AcceptedSubmission, TagIds, TagKey
from shared.leads.tags import find_tags, tag_names
from shared.leads.trial_write import find_write_problem
from shared.leads.workspace_settings import load_board, load_workspace_settings
from shared.platform.db.connections import Connection

NEW_LEAD_ID = 0  # the id of a lead that would be created
BLANK_LEAD: LeadJson = {"starred": False, "tags": []}
HIDDEN_FIELDS = {"workspace_id", "id", "tag_ids", "created_at", "submitted_at"}

# One snapshot of the database, so that a lead found by its email still exists when it is read.
SNAPSHOT_SQL = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"


class WriteRefused(ValueError):
    """The database would refuse the lead of a submission."""


async def simulate_ingest(connection: Connection, submission: AcceptedSubmission) -> LeadJson:
    """Return what would become of a submission. The connection is in autocommit mode, outside of a transaction.

    The changes reveal what the lead holds: a caller shows them only to somebody who may read leads.
    """
    outcome, _ = await _simulate(connection, submission)
    return outcome


async def simulate_replay(connection: Connection, submission: AcceptedSubmission) -> LeadJson:
    """Return the same for a submission that died, whose lead is written on trial, too. Raises WriteRefused."""
    outcome, written = await _simulate(connection, submission)
    if problem := await find_write_problem(connection, written):
        raise WriteRefused(problem)
    return outcome


async def _simulate(connection: Connection, submission: AcceptedSubmission) -> tuple[LeadJson, BatchWrites]:
    async with connection.transaction():
        await connection.execute(SNAPSHOT_SQL)
        written, found_leads, tags = await decide_submissions([submission], DryRunLookups(connection))
        lead = (submission.workspace_id, found_leads.resolution.lead_ids[0])
        before = (await read_leads(connection, [lead])).get(lead)
        after = written.created.get(NEW_LEAD_ID) or found_leads.states[lead[1]]
        names = await tag_names(connection, [submission.workspace_id], after["tag_ids"])
        names |= {id_: name for (_, name), id_ in tags.items() if id_ < 0}
    outcome = {
        "status": "dry_run",
        "lead_id": before and before["id"],
        "is_duplicate": before is not None,
        "matched_on": found_leads.resolution.matched_kinds[0],
        "warnings": submission.warnings,
        "changes": describe_changes(
            before or BLANK_LEAD, _as_shown_by_api(after, names) | _possible_duplicate(found_leads.resolution, before)
        ),
    }
    return outcome, written


class DryRunLookups:
    """The lookups of a dry run of one submission (see `DecisionLookups`). They only read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._workspaces: dict[int, WorkspaceSettings] = {}

    async def load_contact_settings(self, workspace_ids: Collection[int]) -> Mapping[int, WorkspaceSettings]:
        self._workspaces = await load_workspace_settings(self._connection, workspace_ids)
        return self._workspaces

    async def find_leads(
        self, submissions: Sequence[AcceptedSubmission], names: Mapping[int, Collection[str]]
    ) -> FoundLeads:
        keys = [key for one in submissions for key in one.keys]
        resolution = resolve_submissions(
            submissions, await identities.find_owners(self._connection, keys), [NEW_LEAD_ID]
        )
        named = {*resolution.lead_ids, *(other for _, other in resolution.pairs)}
        leads = [(workspace_id, lead_id) for workspace_id in names for lead_id in named]
        found = await identities.read_unlocked(self._connection, leads, MERGED_LEAD_FIELDS)
        return FoundLeads(self._workspaces, resolution, {lead_id: state for (_, lead_id), state in found.items()})

    async def load_board(self, workspace_ids: Collection[int]) -> Board:
        return await load_board(self._connection, workspace_ids)

    async def tag_ids(self, names: Collection[TagKey]) -> TagIds:
        """Return the ids of tags. A tag that does not exist gets a number below zero."""
        missing = {name: -number for number, name in enumerate(names, 1)}
        return missing | await find_tags(self._connection, names)


def _as_shown_by_api(state: LeadJson, names: dict[int, str]) -> LeadJson:
    """Return a lead's row as the API would show it."""
    tags = [names[id_] for id_ in state["tag_ids"] if id_ in names]
    return {name: value for name, value in state.items() if name not in HIDDEN_FIELDS} | {"tags": tags}


def _possible_duplicate(resolution: LeadResolution, before: LeadJson | None) -> LeadJson:
    """Return the lead that it would be marked a possible duplicate of, unless it already is one of another lead."""
    others = [other for _, other in resolution.pairs]
    return {"possible_duplicate_of": others[0]} if others and not (before and before["possible_duplicate_of"]) else {}
