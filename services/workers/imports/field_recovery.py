"""Take the values that rows filled back from leads that were there before."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.workers.imports.value_recovery import ImportedValues, recovered_fields
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
    given: Sequence[tuple[int, ImportedValues]],
    free: Collection[IdentityKey],
    cause: ChangeCause,
) -> set[int]:
    """Take values back where they still stand: `given` to leads, the last one first. Return the leads that changed.

    An email or phone by which its lead is known stays, unless it is among `free`.
    """
    by_lead: dict[int, list[ImportedValues]] = {}
    for lead_id, values in given:
        by_lead.setdefault(lead_id, []).append(values)
    states = await identities.read_unlocked(connection, [(workspace_id, id_) for id_ in by_lead], STATE_COLUMNS)
    names = await tag_names(connection, [workspace_id], [tag for state in states.values() for tag in state["tag_ids"]])
    kept = await _kept_contacts(connection, workspace_id, given, free)
    changes = []
    for (_, lead_id), state in states.items():
        tags = [names[id_] for id_ in state["tag_ids"] if id_ in names]
        fields, lost_tags = recovered_fields({**state, "tags": tags}, by_lead[lead_id], kept.get(lead_id, ()))
        if fields or lost_tags:
            change = LeadChange(
                *(workspace_id, lead_id),
                cause=cause,
                set_fields=fields,
                remove_tags=lost_tags,
                keeps_identities=True,
            )
            changes.append(change)
    refused = await writes.change_leads(connection, changes) if changes else []
    return {change.lead_id for change in changes} - {refusal.change.lead_id for refusal in refused}


async def _kept_contacts(
    connection: Connection,
    workspace_id: int,
    given: Sequence[tuple[int, ImportedValues]],
    free: Collection[IdentityKey],
) -> Mapping[int, set[tuple[str, Any]]]:
    """Return the emails and phones that were put into fields and stay there, by lead."""
    shown: dict[IdentityKey, set[tuple[int, str, str]]] = {}
    for lead_id, values in given:
        for name in CONTACT_FIELDS:
            if value := values.changes.get(name, {}).get("to"):
                for key in identity_keys_of(workspace_id, name, value):
                    shown.setdefault(key, set()).add((lead_id, name, value))
    owners = await identities.find_owners(connection, shown) if shown else {}
    kept: dict[int, set[tuple[str, Any]]] = {}
    for key in shown.keys() - set(free):
        for lead_id, name, value in shown[key]:
            if owners.get(key) == lead_id:
                kept.setdefault(lead_id, set()).add((name, value))
    return kept
