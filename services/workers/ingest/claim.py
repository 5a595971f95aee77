"""Who a batch is about: its identities claimed, its existing leads locked, in the order of docs/architecture.md."""

from collections.abc import Sequence

from shared.db import Connection, Contended
from shared.leads import identities
from shared.leads.apply import MERGED
from shared.leads.identities import ROUNDS, State
from shared.leads.resolve import Resolution, corrections, resolve
from shared.leads.submission import Submission


async def claim(
    connection: Connection, submissions: Sequence[Submission], new_ids: Sequence[int]
) -> tuple[Resolution, dict[int, State]]:
    """Resolves the submissions and locks the existing leads among theirs, by id.

    Raises Contended when other transactions kept changing the identities under it.
    """
    fresh = resolve(submissions, {}, new_ids)
    for _ in range(ROUNDS):
        lost = await identities.claim(connection, fresh.owners) if fresh.owners else []
        if not lost:
            return fresh, {}
        states, known = await identities.lock_owners(connection, lost, MERGED)
        # Else a lead was merged or deleted, or a contact replaced, between the claim and the lock.
        if len(known) == len(lost) and {*known.values()} <= {*states, *new_ids}:
            resolution = resolve(submissions, known, new_ids)
            claimed = {key: lead for key, lead in fresh.owners.items() if key not in known}
            if wrong := dict(corrections(claimed, resolution.owners)):
                await identities.correct(connection, wrong)
            return resolution, states
    raise Contended("identities kept changing")
