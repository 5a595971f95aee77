"""Read what rows of an import gave to leads: values, tags, notes and contacts."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import NamedTuple

from services.workers.imports.value_recovery import ImportedValues
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email
from shared.leads.phone_normalization import normalise_phone
from shared.leads.submission import IdentityKey
from shared.leads.workspace_settings import load_workspace_settings
from shared.platform.db.connections import Connection
from shared.platform.ids import numbered_uuid7

IMPORT_SQL = "SELECT accepted_at, options ->> 'phone_country' FROM imports WHERE workspace_id = %s AND id = %s"
IMPORTED_ROWS_SQL = """
SELECT w.n, s.id, s.changes, s.matched_on, body ->> 'email', body ->> 'phone', body ->> 'notes'
FROM unnest(%s::uuid[]) WITH ORDINALITY AS w(id, n)
CROSS JOIN LATERAL (
    SELECT id, changes, matched_on, convert_from(payload, 'UTF8')::jsonb AS body FROM submissions
    WHERE workspace_id = %s AND id = w.id AND received_at = %s AND is_duplicate OFFSET 0) s
"""
# Tags and notes that were added stand on the timeline alone.
ADDITIONS_SQL = """
SELECT data ->> 'submission_id', data -> 'tags_added', data ? 'notes_added' FROM activities
WHERE workspace_id = %s AND lead_id = ANY(%s) AND type = 'lead.duplicate' AND data ?| ARRAY['tags_added', 'notes_added']
  AND data ->> 'submission_id' = ANY(%s)
"""


class UndoneRow(NamedTuple):
    """A row of the report that belongs to a lead. `has_joined` is None of rows of before it was noted.

    `merged_id` is the row's lead where it was merged into `lead_id` since.
    """

    number: int
    state: str
    lead_id: int
    has_joined: bool | None
    merged_id: int | None = None


class RowEffect(NamedTuple):
    """What a row gave to a lead that was there before. `matched_kinds` are those of contacts that the lead had."""

    row: UndoneRow
    values: ImportedValues
    contacts: Sequence[IdentityKey]
    matched_kinds: Collection[str]

    @property
    def new_contacts(self) -> list[IdentityKey]:
        """Return the contacts by which the lead was not known before."""
        return [key for key in self.contacts if key[1] not in self.matched_kinds]


async def read_effects(
    connection: Connection, workspace_id: int, import_id: int, rows: Sequence[UndoneRow]
) -> list[RowEffect]:
    """Return what rows gave to their leads, in the order of the rows. Submissions that are gone are left out."""
    if not rows:
        return []
    imported = await (await connection.execute(IMPORT_SQL, (workspace_id, import_id))).fetchone()
    assert imported is not None  # noqa: S101  # imports live longer than their jobs
    accepted_at, phone_country = imported
    settings = (await load_workspace_settings(connection, [workspace_id]))[workspace_id]
    received_ms, series = round(accepted_at.timestamp() * 1000), f"import\0{workspace_id}\0{import_id}"
    ids = [numbered_uuid7(received_ms, series, row.number) for row in rows]
    imported_rows = await (await connection.execute(IMPORTED_ROWS_SQL, (ids, workspace_id, accepted_at))).fetchall()
    additions = await _read_additions(connection, workspace_id, rows, ids)
    effects = []
    for place, id_, changes, matched, email, phone, notes in sorted(imported_rows, key=lambda each: int(each[0])):
        tags, has_notes = additions.get(str(id_), ((), False))
        values = ImportedValues(changes or {}, tags or (), notes if has_notes else None)
        read = identity_values(email, phone, phone_country or settings.country, fold_gmail=settings.fold_gmail)
        contacts = [(workspace_id, *contact) for contact in read]
        effects.append(RowEffect(rows[place - 1], values, contacts, matched or ()))
    return effects


async def _read_additions(
    connection: Connection, workspace_id: int, rows: Sequence[UndoneRow], ids: Sequence[str]
) -> Mapping[str, tuple[Sequence[str], bool]]:
    """Return the tags that rows added, and whether they added notes, by submission."""
    asked = (workspace_id, list({row.lead_id for row in rows}), list(ids))
    return {row[0]: (row[1], row[2]) for row in await (await connection.execute(ADDITIONS_SQL, asked)).fetchall()}


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
