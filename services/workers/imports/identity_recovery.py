"""Take back the emails and phones by which an import made leads known that were there before.

A row may have a lead's phone and another email: the lead keeps its own email, and is known by the other one as well.
"""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import unquote_plus

from shared.leads import identities, phone_handover
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.leads.lead_locks import lock_with_duplicates
from shared.leads.phone_normalization import normalise_phone
from shared.leads.submission import IdentityKey
from shared.leads.workspace_settings import load_workspace_settings
from shared.platform.db.connections import Connection

MAX_READ_USES = 2_000  # later submissions that are looked through; with more of them nothing is taken back
PHONE_END = 6  # digits of a phone that every spelling of it ends with

# What an email or phone identified before is in `matched_on`.
JOINED_CONTACTS_SQL = """
SELECT a.lead_id, a.id, a.data -> 'matched_on', body ->> 'email', body ->> 'phone'
FROM activities a JOIN imports i ON i.workspace_id = a.workspace_id AND 'import:' || i.id = a.data ->> 'channel'
CROSS JOIN LATERAL (
    SELECT convert_from(payload, 'UTF8')::jsonb AS body FROM submissions
    WHERE workspace_id = a.workspace_id AND id = (a.data ->> 'submission_id')::uuid AND received_at = i.accepted_at
    OFFSET 0) s
WHERE a.workspace_id = %(workspace)s AND a.lead_id = ANY(%(leads)s) AND a.type = 'lead.duplicate'
  AND a.data ->> 'channel' = ANY(%(channels)s)
ORDER BY a.id
"""
LATER_USES_SQL = f"""
SELECT a.lead_id, a.id, a.data -> 'matched_on', s.payload
FROM activities a LEFT JOIN LATERAL (
    SELECT payload FROM submissions
    WHERE workspace_id = a.workspace_id AND id = (a.data ->> 'submission_id')::uuid OFFSET 0) s ON true
WHERE a.workspace_id = %(workspace)s AND a.lead_id = ANY(%(leads)s) AND a.type = 'lead.duplicate'
  AND NOT coalesce(a.data ->> 'channel', '') = ANY(%(channels)s) AND a.id > %(after)s
LIMIT {MAX_READ_USES}
"""
SHOWN_CONTACTS_SQL = "SELECT id, email, phone FROM leads WHERE workspace_id = %s AND id = ANY(%s)"


class JoinedIdentity(NamedTuple):
    """A lead that an import made known by a contact, and the entry of the timeline that says so."""

    lead_id: int
    entry_id: int


async def release_joined_identities(
    connection: Connection, workspace_id: int, lead_ids: Collection[int], channels: Sequence[str]
) -> set[int]:
    """Free the contacts that undone imports joined to locked leads, unless somebody used them since. Return the leads.

    `channels` are those of undone imports.
    """
    values = {"workspace": workspace_id, "leads": list(lead_ids), "channels": list(channels)}
    joined = await _joined_identities(connection, workspace_id, values) if lead_ids else {}
    owners = await identities.find_owners(connection, joined) if joined else {}
    joined = {key: identity for key, identity in joined.items() if owners.get(key) == identity.lead_id}
    if not joined:
        return set()
    unused = {key: identity.lead_id for key, identity in joined.items()}
    for key in await _used_keys(connection, joined, values):
        del unused[key]
    if any(kind == "phone" for _, kind, _ in unused):
        owning = {(workspace_id, lead_id) for lead_id in unused.values()}
        await lock_with_duplicates(connection, owning, owning, ["workspace_id", "id"])
        await phone_handover.hand_over_phones(connection, unused)
    await identities.release(connection, unused)
    return set(unused.values())


async def _joined_identities(
    connection: Connection, workspace_id: int, values: Mapping[str, Any]
) -> dict[IdentityKey, JoinedIdentity]:
    """Return the contacts that were new to their leads, except those that the leads show."""
    settings = (await load_workspace_settings(connection, [workspace_id]))[workspace_id]
    country, fold_gmail, *_ = settings.contact_settings
    joined: dict[IdentityKey, JoinedIdentity] = {}
    entries = await (await connection.execute(JOINED_CONTACTS_SQL, values)).fetchall()
    for lead_id, entry_id, matched, email, phone in entries:
        for kind, value in identity_values(email, phone, country, fold_gmail=fold_gmail):
            if kind not in (matched or ()):
                joined.setdefault((workspace_id, kind, value), JoinedIdentity(lead_id, entry_id))
    shown = await (await connection.execute(SHOWN_CONTACTS_SQL, (workspace_id, values["leads"]))).fetchall()
    for _, email, phone in shown:
        for kind, value in identity_values(email, phone, country, fold_gmail=fold_gmail):
            joined.pop((workspace_id, kind, value), None)
    return joined


async def _used_keys(
    connection: Connection, joined: Mapping[IdentityKey, JoinedIdentity], values: Mapping[str, Any]
) -> set[IdentityKey]:
    """Return the contacts by which later submissions may have found their leads."""
    after = min(identity.entry_id for identity in joined.values())
    uses = await (await connection.execute(LATER_USES_SQL, {**values, "after": after})).fetchall()
    if len(uses) == MAX_READ_USES:
        return {*joined}
    return {
        key
        for key, identity in joined.items()
        for lead_id, entry_id, matched, payload in uses
        if lead_id == identity.lead_id
        and entry_id > identity.entry_id
        and key[1] in (matched or ())
        and may_mention(payload, key[1], key[2])
    }


def identity_values(
    email: str | None, phone: str | None, country: str | None, *, fold_gmail: bool
) -> Iterable[tuple[str, str]]:
    """Yield the kind and the value of each identity of a row or a lead."""
    for kind, text in (("email", email), ("phone", phone)):
        try:
            if text and kind == "email":
                yield kind, normalise_email(text, fold_gmail=fold_gmail)
            elif text:
                yield kind, normalise_phone(text, country).identity
        except InvalidContact:
            continue


def may_mention(payload: bytes | None, kind: str, value: str) -> bool:
    """Return whether a body may have a contact, in any spelling and encoding. One that is not there any more may."""
    if payload is None:
        return True
    if kind == "phone":
        digits = re.sub(rb"\D", b"", payload)
        return re.sub(r"\D", "", value)[-PHONE_END:].encode() in digits
    local = value.partition("@")[0].lower()
    return not local.isascii() or _plain(local) in _plain(unquote_plus(payload.decode("latin-1")).lower())


def _plain(text: str) -> str:
    """Return letters and digits alone: points may be left out of an address, and other signs are encoded."""
    return re.sub(r"[^a-z0-9]", "", text)
