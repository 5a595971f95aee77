"""Put leads that a provider listed into the journal, but those that are known already."""

from collections.abc import Sequence
from typing import NamedTuple

from shared.intake.journal import JournalItem, Lane, NewJournalRow, append_row, chunk_by_size
from shared.integrations.integration_cache import ReceivingIntegration
from shared.integrations.source_event import SourceEvent
from shared.integrations.source_items import listed_item
from shared.platform.db.connections import Connection

KNOWN_IDS_SQL = """
SELECT w.id::text FROM unnest(%s::uuid[]) AS w(id)
WHERE EXISTS (SELECT FROM submission_keys k WHERE k.workspace_id = %s AND k.id = w.id)
"""


class ListedLead(NamedTuple):
    """A lead of a list, and whether it was new."""

    item: JournalItem
    is_new: bool


async def store_listed(
    connection: Connection, integration: ReceivingIntegration, events: Sequence[SourceEvent], lane: Lane
) -> list[ListedLead]:
    """Store the leads that are not known, in the caller's transaction. Leads without an id of their own are left out.

    One that a webhook announces at the same moment has the same key: ingest drops the later of the two.
    """
    items = {item.id: item for event in events if event.event_id and (item := listed_item(integration, event))}
    if not items:
        return []
    rows = await (await connection.execute(KNOWN_IDS_SQL, (list(items), integration.workspace_id))).fetchall()
    known = {row[0] for row in rows}
    new = [item for item in items.values() if item.id not in known]
    for part in chunk_by_size(new, lambda item: len(item.body)):
        await append_row(connection, NewJournalRow.from_items(lane, part, ""))
    return [ListedLead(item, item.id not in known) for item in items.values()]
