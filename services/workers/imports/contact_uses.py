"""Whether somebody else used a contact that an import made a lead known by: a later submission, or a standing import.

What a person's edit confirms is no import's contact any more (`shared/leads/writes.py`), and is never asked for.
"""

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import unquote_plus

from shared.leads import identities
from shared.leads.submission import IdentityKey
from shared.platform.db.connections import Connection

MAX_READ_USES = 2_000  # later submissions that are looked through; with more of them every contact counts as used
PHONE_END = 6  # digits of a phone that every spelling of it ends with

# What an email or phone identified before is in `matched_on`.
LATER_USES_SQL = f"""
SELECT a.lead_id, a.data -> 'matched_on', a.data ->> 'channel', s.payload
FROM activities a LEFT JOIN LATERAL (
    SELECT payload FROM submissions
    WHERE workspace_id = a.workspace_id AND id = (a.data ->> 'submission_id')::uuid OFFSET 0) s ON true
WHERE a.workspace_id = %(workspace)s AND a.lead_id = ANY(%(leads)s) AND a.type = 'lead.duplicate'
  AND NOT coalesce(a.data ->> 'channel', '') = ANY(%(channels)s)
  AND a.created_at >= (SELECT min(accepted_at) FROM imports
                       WHERE workspace_id = %(workspace)s AND id = ANY(%(imports)s))
LIMIT {MAX_READ_USES}
"""


class UndoneImports(NamedTuple):
    """The imports of a workspace that are undone by now: first the one whose undo runs."""

    workspace_id: int
    ids: Sequence[int]

    @property
    def channels(self) -> list[str]:
        """Return the channels of their submissions."""
        return [f"import:{id_}" for id_ in self.ids]


class JoinedContact(NamedTuple):
    """The lead that an import made known by a contact."""

    lead_id: int
    import_id: int


class ReadBody:
    """The body of a submission, read once for all contacts that it may have. None: it is not kept any more."""

    def __init__(self, payload: bytes | None) -> None:
        self._is_kept = payload is not None
        self._digits = re.sub(rb"\D", b"", payload or b"").decode()
        self._text = _plain(unquote_plus((payload or b"").decode("latin-1")).lower())

    def may_mention(self, kind: str, value: str) -> bool:
        """Return whether the body may have a contact, in any spelling and encoding. One that is not kept may."""
        if not self._is_kept:
            return True
        if kind == "phone":
            return re.sub(r"\D", "", value)[-PHONE_END:] in self._digits
        local = value.partition("@")[0].lower()
        return not local.isascii() or _plain(local) in self._text


class LaterUse(NamedTuple):
    """A submission that found a lead, by contacts of which kinds, and whether an import brought it."""

    matched: Sequence[str]
    is_imported: bool
    body: ReadBody


async def find_used_contacts(
    connection: Connection, undone: UndoneImports, contacts: Mapping[IdentityKey, JoinedContact]
) -> set[IdentityKey]:
    """Return those contacts that somebody used since an undone import brought them.

    One that something else than an import used is noted as nobody's: no later undo asks again.
    """
    if not contacts:
        return set()
    uses = await _later_uses(connection, undone, contacts)
    if uses is None:
        return {*contacts}
    used, final = set[IdentityKey](), dict[IdentityKey, int]()
    for key, contact in contacts.items():
        later = [
            use for use in uses.get(contact.lead_id, ()) if key[1] in use.matched and use.body.may_mention(*key[1:])
        ]
        if later:
            used.add(key)
        if not all(use.is_imported for use in later):
            final[key] = contact.lead_id
    if final:
        await identities.confirm(connection, final)
    return used


async def _later_uses(
    connection: Connection, undone: UndoneImports, contacts: Mapping[IdentityKey, JoinedContact]
) -> dict[int, list[LaterUse]] | None:
    """Return the uses of the contacts' leads by other submissions, by lead; None if they are too many to read."""
    values = {
        "workspace": undone.workspace_id,
        "leads": list({contact.lead_id for contact in contacts.values()}),
        "channels": undone.channels,
        "imports": list({contact.import_id for contact in contacts.values()}),
    }
    rows = await (await connection.execute(LATER_USES_SQL, values)).fetchall()
    if len(rows) == MAX_READ_USES:
        return None
    uses: dict[int, list[LaterUse]] = {}
    for lead_id, matched, channel, payload in rows:
        use = LaterUse(matched or (), (channel or "").startswith("import:"), ReadBody(payload))
        uses.setdefault(lead_id, []).append(use)
    return uses


def _plain(text: str) -> str:
    """Return letters and digits alone: points may be left out of an address, and other signs are encoded."""
    return re.sub(r"[^a-z0-9]", "", text)
