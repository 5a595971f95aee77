"""A worker's cache of workspaces: their settings and tags.

A workspace has a version, which triggers raise when its settings or tags change. A batch uses the cached values and
names their version when it claims its identities (`shared/leads/identities.py`). If the version is outdated, the claim
fails and the batch runs again. Workspaces that are not cached are locked before they are read, as every writer of leads
does, so a batch fails this way at most once, however often the workspace changes.
"""

from collections.abc import Collection, Mapping

from shared.db import Statements
from shared.leads import references
from shared.leads.workspaces import Known, load_with_tags

MOST = 10_000  # workspaces and tags in the cache; above that it is cleared


class Facts:
    """Workspaces as they were when the worker read them."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._size = 0

    def __len__(self) -> int:
        """Return how many workspaces and tags were read since the cache was cleared."""
        return self._size

    async def of(
        self, connection: Statements, named: Mapping[int, Collection[str]], held: set[int]
    ) -> dict[int, Known]:
        """Return the workspaces, each with those of its named tags that exist.

        Workspaces that are not cached are read. Their reference locks are taken before, and their ids added to `held`.
        """
        if len(self) > MOST:
            self.forget()
        missing = {id_: names for id_, names in named.items() if not self._knows(id_, names)}
        if missing:
            await references.hold(connection, missing)
            held.update(missing)
            self._learn(await load_with_tags(connection, missing))
        return {id_: self._known[id_] for id_ in named}

    def forget(self) -> None:
        """Clear the cache."""
        self._known, self._size = {}, 0

    def _knows(self, id_: int, names: Collection[str]) -> bool:
        known = self._known.get(id_)
        return known is not None and all(name in known.tags for name in names)

    def _learn(self, read: Mapping[int, Known]) -> None:
        for id_, known in read.items():
            old = self._known.get(id_)
            tags = {**old.tags, **known.tags} if old and old.version == known.version else known.tags
            self._known[id_] = known._replace(tags=tags)
            self._size += 1 + len(known.tags)
