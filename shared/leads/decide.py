"""Decide what becomes of submissions: one sequence for ingest and for dry runs.

Nothing here knows the database. Each caller brings its own lookups, and only these differ.
"""

from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, Protocol

from shared.leads.apply_batch import BatchWrites, build_batch_writes
from shared.leads.deduplication import LeadResolution
from shared.leads.placement import Board, WorkspaceSettings, needs_board, place_on_board
from shared.leads.submission import AcceptedSubmission, LeadState, TagIds, TagKey, normalise_submission


class FoundLeads(NamedTuple):
    """The leads that submissions belong to, and the settings of their workspaces by the time they are found.

    `states` are the existing leads, by id. The contact settings of `workspaces` equal those of the first lookup.
    `tag_aliases` are other names of tags, with the tag's own.
    """

    workspaces: Mapping[int, WorkspaceSettings]
    resolution: LeadResolution
    states: dict[int, LeadState]
    tag_aliases: Mapping[TagKey, str] = MappingProxyType({})


class DecisionLookups(Protocol):
    """Reads what the decisions depend on. Each method is called once, in this order."""

    async def load_contact_settings(self, workspace_ids: Collection[int]) -> Mapping[int, WorkspaceSettings]:
        """Return the workspaces by id, with the settings by which contacts are normalised."""

    async def find_leads(
        self, submissions: Sequence[AcceptedSubmission], names: Mapping[int, Collection[str]]
    ) -> FoundLeads:
        """Find the leads of submissions. `names` are the tags that these name, by workspace."""

    async def load_board(self, workspace_ids: Collection[int]) -> Board:
        """Return the pipelines, stages and users of those workspaces."""

    async def tag_ids(self, names: Collection[TagKey]) -> TagIds:
        """Return the ids of all those tags, including tags that do not exist yet, which are in the order sent."""


class BatchDecision(NamedTuple):
    """The rows to write, with the leads and tags that were found."""

    written: BatchWrites
    found: FoundLeads
    tags: TagIds


async def decide_submissions(submissions: Sequence[AcceptedSubmission], lookups: DecisionLookups) -> BatchDecision:
    """Decide what becomes of submissions, in order. Changes them and the states of their leads in place."""
    # Dictionaries keep the order: a new tag is spelt as its first submission spells it, wherever a batch ends.
    names: dict[int, dict[str, None]] = {one.workspace_id: {} for one in submissions}
    norms = await lookups.load_contact_settings(names)
    for submission in submissions:
        _reset_and_normalise(submission, norms[submission.workspace_id])
        names[submission.workspace_id].update(dict.fromkeys(submission.tags))
    found_leads = await lookups.find_leads(submissions, names)
    board = await lookups.load_board([one.workspace_id for one in submissions if needs_board(one.body)])
    for submission in submissions:
        place_on_board(submission, found_leads.workspaces[submission.workspace_id], board)
    tags = await lookups.tag_ids([(id_, name) for id_, sent in names.items() for name in sent])
    written = build_batch_writes(
        submissions,
        found_leads.resolution,
        found_leads.states,
        found_leads.workspaces,
        tags,
        found_leads.tag_aliases,
    )
    return BatchDecision(written, found_leads, tags)


def _reset_and_normalise(submission: AcceptedSubmission, workspace: WorkspaceSettings) -> None:
    # Start from nothing: a batch that runs again must not add to the results of its first run.
    submission.fields, submission.tags, submission.keys, submission.warnings = {}, [], [], []
    normalise_submission(
        submission,
        country=workspace.country,
        fold_gmail=workspace.fold_gmail,
        never_join=workspace.never_join,
    )
