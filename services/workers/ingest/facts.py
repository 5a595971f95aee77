"""What a worker remembers of the workspaces that its leads came to: their settings and tags, for as long as they stay.

A workspace has a version, which triggers raise with each change of these. A batch goes by what is remembered and says
by which version as it claims its identities (`shared/leads/identities.py`): there it is refused if that has passed.
What is read anew is held from before, as every writer of leads does: a batch that was refused is not refused again,
however often the workspace changes.
"""

from collections.abc import Collection, Mapping

from shared.db import Statements
from shared.leads import references
from shared.leads.workspaces import Known, load_with_tags

MOST = 10_000  # workspaces and tags that are remembered; then all are forgotten


class Facts:
    """The workspaces that a worker has met, as they were."""

    def __init__(self) -> None:
        self._known: dict[int, Known] = {}
        self._size = 0

    def __len__(self) -> int:
        """How many workspaces and tags were read since all was forgotten."""
        return self._size

    async def of(
        self, connection: Statements, named: Mapping[int, Collection[str]], held: set[int]
    ) -> dict[int, Known]:
        """Those workspaces, with those of the tags named in each that there are. What is not known is read, and what
        leads may refer to there is `held` from before that."""
        if len(self) > MOST:
            self.forget()
        missing = {id_: names for id_, names in named.items() if not self._knows(id_, names)}
        if missing:
            await references.hold(connection, missing)
            held.update(missing)
            self._learn(await load_with_tags(connection, missing))
        return {id_: self._known[id_] for id_ in named}

    def forget(self) -> None:
        """Whatever is known may be another by now."""
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
