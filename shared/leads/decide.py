"""The one sequence of decisions on submissions, which a worker's batch and a dry run both take.

Nothing here knows the database. Each caller brings its own lookups, and only these make it a batch or a dry run.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import NamedTuple, Protocol

from shared.leads.apply import Written, apply
from shared.leads.places import Places, Workspace, names_a_place, place
from shared.leads.resolve import Resolution
from shared.leads.submission import State, Submission, TagName, Tags, prepare


class FoundLeads(NamedTuple):
    """The leads that submissions belong to, and the settings of their workspaces by the time they are found.

    `states` are the leads that were there before, by id. The norms of `workspaces` are those of `load_norms`.
    """

    workspaces: Mapping[int, Workspace]
    resolution: Resolution
    states: dict[int, State]


class DecisionLookups(Protocol):
    """Reads what the decisions depend on. Each method is called once, in this order."""

    async def load_norms(self, workspace_ids: Collection[int]) -> Mapping[int, Workspace]:
        """The workspaces by id: contacts are normalised by their norms."""

    async def find_leads(self, submissions: Sequence[Submission], names: Mapping[int, Collection[str]]) -> FoundLeads:
        """Finds the leads of submissions. `names` are the tags that these name, by workspace."""

    async def load_places(self, workspace_ids: Collection[int]) -> Places:
        """The pipelines, stages and users of those workspaces."""

    async def tag_ids(self, names: set[TagName]) -> Tags:
        """The ids of all those tags, also of tags that are yet to be made."""


class BatchDecision(NamedTuple):
    """The rows to be written, and what was found on the way."""

    written: Written
    found: FoundLeads
    tags: Tags


async def decide_submissions(submissions: Sequence[Submission], lookups: DecisionLookups) -> BatchDecision:
    """Decides what becomes of submissions, in order. Changes them and the states of their leads in place."""
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
    # From nothing each time: a batch that runs again must not add to what its first run left.
    submission.fields, submission.tags, submission.keys, submission.warnings = {}, [], [], []
    prepare(submission, country=workspace.country, fold_gmail=workspace.fold_gmail)
