"""Lock leads together with those that a phone may be handed over to, in the order of locks."""

from collections.abc import Collection, Sequence

from shared.leads import identities, phone_handover
from shared.leads.submission import LeadKey, LeadState
from shared.platform.db.connections import Connection
from shared.platform.db.database_errors import ContentionError


async def lock_with_duplicates(
    connection: Connection, leads: Collection[LeadKey], duplicates_of: Collection[LeadKey], columns: Sequence[str]
) -> dict[LeadKey, LeadState]:
    """Lock the leads and the possible duplicates of some of them, and read them. A lead that is gone is missing.

    Raises a contention error if a possible duplicate was noted while this transaction waited for the locks.
    """
    duplicates = await phone_handover.possible_duplicates_of(connection, duplicates_of)
    states = await identities.lock_leads(connection, {*leads, *duplicates}, columns)
    if not await phone_handover.possible_duplicates_of(connection, duplicates_of) <= duplicates:
        raise ContentionError("possible duplicates kept changing")
    return states
