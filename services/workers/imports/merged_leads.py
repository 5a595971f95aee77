"""Take values back that rows gave to leads which were merged into others since.

The lead that stays gives up what it got by the merge, and what the merge noted of the other one is corrected, so that
it comes back without them. Tags, notes and custom fields stay, and so does all where one merge followed another.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from services.workers.imports.field_recovery import find_kept_contacts
from services.workers.imports.row_effects import RowEffect, UndoneRow
from services.workers.imports.snapshot_corrections import StandingMerge, find_standing_merges, set_snapshot_fields
from services.workers.imports.value_recovery import ImportedValues, recovered_values
from shared.leads import lead_redirects
from shared.leads.duplicate_policy import PERSON_FIELDS
from shared.leads.submission import IdentityKey
from shared.platform.db.connections import Connection

Merges = Mapping[int, StandingMerge]


async def follow_merges(connection: Connection, workspace_id: int, rows: Iterable[UndoneRow]) -> list[UndoneRow]:
    """Return the rows with the leads that answer for theirs."""
    rows = list(rows)
    winners = await lead_redirects.find_winners(connection, {(workspace_id, row.lead_id) for row in rows})
    return [
        row._replace(lead_id=winner, merged_id=row.lead_id)
        if (winner := winners.get((workspace_id, row.lead_id)))
        else row
        for row in rows
    ]


async def find_merges(connection: Connection, workspace_id: int, rows: Iterable[UndoneRow]) -> Merges:
    """Return the merges of rows' leads into those that answer for them, by the merged lead, but no longer ways."""
    ways = {row.merged_id: row.lead_id for row in rows if row.merged_id}
    merges = await find_standing_merges(connection, workspace_id, ways)
    return {loser: merge for loser, merge in merges.items() if merge.winner_id == ways[loser]}


def values_of_winner(effect: RowEffect, merges: Merges) -> ImportedValues:
    """Return what a row gave to the lead that answers for it: of a merged lead, what the merge took over from it."""
    if effect.row.merged_id is None:
        return effect.values
    merge_changes = merges[effect.row.merged_id].changes
    changes = {
        name: {
            "from": change["from"] if change["from"] is not None else merge_changes[name].get("from"),
            "to": change["to"],
        }
        for name, change in effect.values.changes.items()
        if name in PERSON_FIELDS and name in merge_changes and merge_changes[name].get("to") == change["to"]
    }
    return ImportedValues(changes, (), None)


async def correct_merged_leads(
    connection: Connection,
    workspace_id: int,
    effects: Sequence[RowEffect],
    merges: Merges,
    free: Collection[IdentityKey],
) -> set[int]:
    """Take values back from what merges noted of rows' leads. Return the places of rows that lost some.

    Contacts that the leads are known by stay, unless they are among `free`.
    """
    of_lead: dict[int, list[int]] = {}
    for place, effect in enumerate(effects):
        if effect.row.merged_id is not None:
            of_lead.setdefault(effect.row.merged_id, []).append(place)
    if not of_lead:
        return set()
    fillings = [(effects[place].row.lead_id, effects[place].values) for places in of_lead.values() for place in places]
    kept_contacts = await find_kept_contacts(connection, workspace_id, fillings, free)
    fields, lost_places = dict[int, Mapping[str, Any]](), set[int]()
    for merged_id, places in of_lead.items():
        merge = merges[merged_id]
        values = [_plain_values(effects[place].values) for place in places]
        state = {**merge.loser, "custom_fields": {}, "tags": ()}
        recovered = recovered_values(state, values, kept_contacts.get(merge.winner_id, ()))
        if recovered.fields:
            fields[merge.id] = recovered.fields
        lost_places |= {places[place] for place in recovered.places}
    await set_snapshot_fields(connection, workspace_id, fields)
    return lost_places


def _plain_values(values: ImportedValues) -> ImportedValues:
    return ImportedValues({name: change for name, change in values.changes.items() if name in PERSON_FIELDS}, (), None)
