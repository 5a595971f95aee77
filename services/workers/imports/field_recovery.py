"""Take the values that rows filled back from leads that were there before."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.workers.imports.value_recovery import ImportedValues, recovered_values
from shared.leads import identities, writes
from shared.leads.edit import CONTACT_FIELDS, ChangeCause, LeadChange, identity_keys_of
from shared.leads.submission import IdentityKey
from shared.leads.tags import tag_names
from shared.platform.db.connections import Connection

STATE_COLUMNS = (
    *("workspace_id", "id", "first_name", "last_name", "email", "phone", "company", "job_title", "country"),
    *("email_as_given", "notes", "custom_fields", "tag_ids"),
)


async def take_values_back(
    connection: Connection,
    workspace_id: int,
    fillings: Sequence[tuple[int, ImportedValues]],
    free: Collection[IdentityKey],
    cause: ChangeCause,
) -> set[int]:
    """Take values back where they still stand. Return the places of those that were.

    `fillings` are leads with what they got, the last one first. An email or phone by which its lead is known stays,
    unless it is among `free`.
    """
    by_lead: dict[int, list[int]] = {}
    for place, (lead_id, _) in enumerate(fillings):
        by_lead.setdefault(lead_id, []).append(place)
    states = await identities.read_unlocked(connection, [(workspace_id, id_) for id_ in by_lead], STATE_COLUMNS)
    names = await tag_names(connection, [workspace_id], [tag for state in states.values() for tag in state["tag_ids"]])
    kept_contacts = await find_kept_contacts(connection, workspace_id, fillings, free)
    changes, lost_places = [], dict[int, set[int]]()
    for (_, lead_id), state in states.items():
        tags = [names[id_] for id_ in state["tag_ids"] if id_ in names]
        values = [fillings[place][1] for place in by_lead[lead_id]]
        recovered = recovered_values({**state, "tags": tags}, values, kept_contacts.get(lead_id, ()))
        if recovered.places:
            lost_places[lead_id] = {by_lead[lead_id][place] for place in recovered.places}
            change = LeadChange(
                *(workspace_id, lead_id),
                cause=cause,
                set_fields=recovered.fields,
                remove_tags=recovered.tags,
                keeps_identities=True,
            )
            changes.append(change)
    refused = await writes.change_leads(connection, changes) if changes else []
    for refusal in refused:
        lost_places.pop(refusal.change.lead_id, None)
    return {place for places in lost_places.values() for place in places}


async def find_kept_contacts(
    connection: Connection,
    workspace_id: int,
    fillings: Sequence[tuple[int, ImportedValues]],
    free: Collection[IdentityKey],
) -> Mapping[int, set[tuple[str, Any]]]:
    """Return the emails and phones that were put into fields and stay there, by lead."""
    shown: dict[IdentityKey, set[tuple[int, str, str]]] = {}
    for lead_id, values in fillings:
        for name in CONTACT_FIELDS:
            if value := values.changes.get(name, {}).get("to"):
                for key in identity_keys_of(workspace_id, name, value):
                    shown.setdefault(key, set()).add((lead_id, name, value))
    owners = await identities.find_owners(connection, shown) if shown else {}
    kept_contacts: dict[int, set[tuple[str, Any]]] = {}
    for key in shown.keys() - set(free):
        for lead_id, name, value in shown[key]:
            if owners.get(key) == lead_id:
                kept_contacts.setdefault(lead_id, set()).add((name, value))
    return kept_contacts
