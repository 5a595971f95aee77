"""A worker's cache of workspaces: their settings and tags.

A workspace has a version, which triggers raise when its settings or tags change. A batch uses the cached values and
names their version when it claims its identities (`shared/leads/identities.py`). If the version is outdated, the claim
fails and the batch runs again. Workspaces that are not cached are locked before they are read, as every writer of leads
does, so a batch fails this way at most once, however often the workspace changes.
"""

from collections.abc import Collection, Mapping

from shared.leads import reference_locks
from shared.leads.workspace_settings import WorkspaceSnapshot, load_snapshots
from shared.platform.db.connections import StatementExecutor

MAX_CACHED_ENTRIES = 10_000  # workspaces and tags in the cache; above that it is cleared


class WorkspaceCache:
    """Workspaces as they were when the worker read them."""

    def __init__(self) -> None:
        self._snapshots: dict[int, WorkspaceSnapshot] = {}
        self._entry_count = 0

    def __len__(self) -> int:
        """Return how many workspaces and tags were read since the cache was cleared."""
        return self._entry_count

    async def load_workspaces(
        self, connection: StatementExecutor, named: Mapping[int, Collection[str]], held: set[int]
    ) -> dict[int, WorkspaceSnapshot]:
        """Return the workspaces, each with those of its named tags that exist.

        Workspaces that are not cached are read. Their reference locks are taken before, and their ids added to `held`.
        """
        if len(self) > MAX_CACHED_ENTRIES:
            self.clear()
        missing = {id_: names for id_, names in named.items() if not self._has_cached(id_, names)}
        if missing:
            await reference_locks.lock_shared(connection, missing)
            held.update(missing)
            self._add_read(await load_snapshots(connection, missing))
        return {id_: self._snapshots[id_] for id_ in named}

    def clear(self) -> None:
        """Clear the cache."""
        self._snapshots, self._entry_count = {}, 0

    def _has_cached(self, id_: int, names: Collection[str]) -> bool:
        known = self._snapshots.get(id_)
        return known is not None and all(name in known.tags for name in names)

    def _add_read(self, snapshots: Mapping[int, WorkspaceSnapshot]) -> None:
        for id_, known in snapshots.items():
            old = self._snapshots.get(id_)
            if old and old.version == known.version:
                known = known._replace(tags={**old.tags, **known.tags}, aliases={**old.aliases, **known.aliases})
            self._snapshots[id_] = known
            self._entry_count += 1 + len(snapshots[id_].tags)
