"""Decide what becomes of submissions: one sequence for ingest and for dry runs.

Nothing here knows the database. Each caller brings its own lookups, and only these differ.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.leads.apply import Written, apply
from shared.leads.places import Places, Workspace, names_a_place, place
from shared.leads.resolve import Resolution
from shared.leads.submission import State, Submission, TagName, Tags, prepare


class FoundLeads(NamedTuple):
    """The leads that submissions belong to, and the settings of their workspaces by the time they are found.

    `states` are the existing leads, by id. The contact settings of `workspaces` equal those of the first lookup.
    """

    workspaces: Mapping[int, Workspace]
    resolution: Resolution
    states: dict[int, State]


class DecisionLookups(Protocol):
    """Reads what the decisions depend on. Each method is called once, in this order."""

    async def load_norms(self, workspace_ids: Collection[int]) -> Mapping[int, Workspace]:
        """Return the workspaces by id, with the settings by which contacts are normalised."""

    async def find_leads(self, submissions: Sequence[Submission], names: Mapping[int, Collection[str]]) -> FoundLeads:
        """Find the leads of submissions. `names` are the tags that these name, by workspace."""

    async def load_places(self, workspace_ids: Collection[int]) -> Places:
        """Return the pipelines, stages and users of those workspaces."""

    async def tag_ids(self, names: set[TagName]) -> Tags:
        """Return the ids of all those tags, including tags that do not exist yet."""


class BatchDecision(NamedTuple):
    """The rows to write, with the leads and tags that were found."""

    written: Written
    found: FoundLeads
    tags: Tags


async def decide_submissions(submissions: Sequence[Submission], lookups: DecisionLookups) -> BatchDecision:
    """Decide what becomes of submissions, in order. Changes them and the states of their leads in place."""
    names: dict[int, set[str]] = {one.workspace_id: set() for one in submissions}
    norms = await lookups.load_norms(names)
    for one in submissions:
        _prepare(one, norms[one.workspace_id])
        names[one.workspace_id].update(one.tags)
    found = await lookups.find_leads(submissions, names)
    board = await lookups.load_places([one.workspace_id for one in submissions if names_a_place(one.body)])
    for one in submissions:
        place(one, found.workspaces[one.workspace_id], board)
    tags = await lookups.tag_ids({(id_, name) for id_, sent in names.items() for name in sent})
    written = apply(submissions, found.resolution, found.states, found.workspaces, tags)
    return BatchDecision(written, found, tags)


def _prepare(submission: Submission, workspace: Workspace) -> None:
    # Start from nothing: a batch that runs again must not add to the results of its first run.
    submission.fields, submission.tags, submission.keys, submission.warnings = {}, [], [], []
    prepare(submission, country=workspace.country, fold_gmail=workspace.fold_gmail)
