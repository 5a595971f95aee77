"""What a batch goes by before it has read its workspaces: how contacts are normalised there, as it was last time.

Nearly always it still is, and a round trip is saved. Whoever goes by it compares with what is read later, under the
lock.
"""

from collections.abc import Collection, Mapping

from shared.db import Contended, Statements
from shared.leads.places import Workspace
from shared.leads.workspaces import load_workspaces


class Norms:
    """The workspaces that a worker has met, as they were."""

    def __init__(self) -> None:
        self._known: dict[int, Workspace] = {}

    async def of(self, connection: Statements, ids: Collection[int]) -> Mapping[int, Workspace]:
        """Those workspaces; what is not known is read."""
        if missing := [id_ for id_ in ids if id_ not in self._known]:
            self._known |= await load_workspaces(connection, missing)
        return self._known

    def verify(self, read: Mapping[int, Workspace]) -> None:
        """Learns how they are. Raises Contended where contacts are normalised in another way than was assumed."""
        assumed, self._known = self._known, {**self._known, **read}
        for id_, now in read.items():
            then = assumed.get(id_, now)
            if (then.country, then.fold_gmail) != (now.country, now.fold_gmail):
                raise Contended("a workspace's settings changed")
