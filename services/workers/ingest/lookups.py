"""The lookups of ingest: settings come from the cache, identities are claimed, leads locked, missing tags created."""

from collections.abc import Collection, Mapping, Sequence

from services.workers.ingest.claim import claim
from services.workers.ingest.facts import Facts
from services.workers.ingest.lead_ids import LeadIds
from shared.db import Contended, Statements
from shared.leads.decide import FoundLeads
from shared.leads.places import Places, Workspace
from shared.leads.submission import Submission, TagName, Tags
from shared.leads.tags import make_tags
from shared.leads.workspaces import Known, load_places


class BatchLookups:
    """The lookups of one batch, in its transaction. Implements `DecisionLookups`."""

    def __init__(self, connection: Statements, facts: Facts, ids: LeadIds) -> None:
        self._connection = connection
        self._facts = facts
        self._ids = ids
        self._held: set[int] = set()
        self._assumed: Mapping[int, Known] = {}
        self._known: Mapping[int, Known] = {}
        self.new_ids: Sequence[int] = ()

    async def load_norms(self, workspace_ids: Collection[int]) -> Mapping[int, Workspace]:
        self._assumed = await self._facts.of(self._connection, dict.fromkeys(workspace_ids, ()), self._held)
        return _workspaces(self._assumed)

    async def find_leads(self, submissions: Sequence[Submission], names: Mapping[int, Collection[str]]) -> FoundLeads:
        self.new_ids = await self._ids.draw(self._connection, len(submissions))
        self._known = await self._facts.of(self._connection, names, self._held)
        if any(one.workspace.norms != self._known[id_].workspace.norms for id_, one in self._assumed.items()):
            raise Contended("a workspace's settings changed")
        hold = {id_: one.version for id_, one in self._assumed.items() if id_ not in self._held}
        resolution, states = await claim(self._connection, submissions, self.new_ids, hold)
        return FoundLeads(_workspaces(self._known), resolution, states)

    async def load_places(self, workspace_ids: Collection[int]) -> Places:
        return await load_places(self._connection, workspace_ids)

    async def tag_ids(self, names: set[TagName]) -> Tags:
        known = {(id_, name): self._known[id_].tags[name] for id_, name in names if name in self._known[id_].tags}
        return await make_tags(self._connection, names, known)

    def watched(self) -> list[int]:
        """Return the workspaces where something consumes events."""
        return [id_ for id_, one in self._known.items() if one.is_watched]


def _workspaces(known: Mapping[int, Known]) -> dict[int, Workspace]:
    return {id_: one.workspace for id_, one in known.items()}
