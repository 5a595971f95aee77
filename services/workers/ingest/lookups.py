"""The lookups of ingest: settings come from the cache, identities are claimed, leads locked, missing tags created."""

from collections.abc import Collection, Mapping, Sequence

from services.workers.ingest.identity_claims import claim_identities
from services.workers.ingest.lead_ids import LeadIdPool
from services.workers.ingest.workspace_cache import WorkspaceCache
from shared.leads.decide import FoundLeads
from shared.leads.placement import Board, WorkspaceSettings
from shared.leads.submission import AcceptedSubmission, TagIds, TagKey
from shared.leads.tags import make_missing_tags
from shared.leads.workspace_settings import WorkspaceSnapshot, load_board
from shared.platform.db.connections import StatementExecutor
from shared.platform.db.database_errors import ContentionError


class BatchLookups:
    """The lookups of one batch, in its transaction. Implements `DecisionLookups`."""

    def __init__(self, connection: StatementExecutor, cache: WorkspaceCache, ids: LeadIdPool) -> None:
        self._connection = connection
        self._cache = cache
        self._ids = ids
        self._locked_workspaces: set[int] = set()
        self._assumed_snapshots: Mapping[int, WorkspaceSnapshot] = {}
        self._snapshots: Mapping[int, WorkspaceSnapshot] = {}
        self.new_ids: Sequence[int] = ()

    async def load_contact_settings(self, workspace_ids: Collection[int]) -> Mapping[int, WorkspaceSettings]:
        self._assumed_snapshots = await self._cache.load_workspaces(
            self._connection, dict.fromkeys(workspace_ids, ()), self._locked_workspaces
        )
        return _settings_by_id(self._assumed_snapshots)

    async def find_leads(
        self, submissions: Sequence[AcceptedSubmission], names: Mapping[int, Collection[str]]
    ) -> FoundLeads:
        self.new_ids = await self._ids.draw_ids(self._connection, len(submissions))
        self._snapshots = await self._cache.load_workspaces(self._connection, names, self._locked_workspaces)
        if any(
            one.settings.contact_settings != self._snapshots[id_].settings.contact_settings
            for id_, one in self._assumed_snapshots.items()
        ):
            raise ContentionError("a workspace's settings changed")
        hold = {id_: one.version for id_, one in self._assumed_snapshots.items() if id_ not in self._locked_workspaces}
        resolution, states = await claim_identities(self._connection, submissions, self.new_ids, hold)
        aliases = {(id_, alias): name for id_, one in self._snapshots.items() for alias, name in one.aliases.items()}
        return FoundLeads(_settings_by_id(self._snapshots), resolution, states, aliases)

    async def load_board(self, workspace_ids: Collection[int]) -> Board:
        return await load_board(self._connection, workspace_ids)

    async def tag_ids(self, names: Collection[TagKey]) -> TagIds:
        known = {
            (id_, name): self._snapshots[id_].tags[name] for id_, name in names if name in self._snapshots[id_].tags
        }
        return await make_missing_tags(self._connection, names, known)

    def watched_workspaces(self) -> list[int]:
        """Return the workspaces where something consumes events."""
        return [id_ for id_, one in self._snapshots.items() if one.is_watched]


def _settings_by_id(known: Mapping[int, WorkspaceSnapshot]) -> dict[int, WorkspaceSettings]:
    return {id_: one.settings for id_, one in known.items()}
