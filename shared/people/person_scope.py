"""Find what belongs to the person behind a lead: leads, identities, submissions and deliveries, each by an index."""

import re
import uuid
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import quote, quote_plus

import orjson

from shared.leads import lead_redirects
from shared.leads.never_join import NeverJoin
from shared.people.identity_hashes import PersonIdentity
from shared.people.waiting_people import decoded_payload, find_undecided, raw_holder
from shared.platform.db.connections import Connection

# Texts in place of an email that are about one person: others may have "unknown", too.
_match_address = re.compile(r"@|\bat\b|\w\.\w", re.IGNORECASE).search
MIN_NEEDLE_LENGTH = 5  # characters of a text that a quotation is found by: a shorter one would be found everywhere

LEADS_SQL = """
SELECT id, created_at, first_name, last_name, email, phone, email_as_given FROM leads
WHERE workspace_id = %s AND id = ANY(%s)
"""
# The last record of a deleted lead, and the rows of those that were merged.
FORMER_LEADS_SQL = """
SELECT (data->'lead'->>'id')::bigint, (data->'lead'->>'created_at')::timestamptz, data->'lead'->>'first_name',
       data->'lead'->>'last_name', data->'lead'->>'email', data->'lead'->>'phone', data->'lead'->>'email_as_given'
FROM activities WHERE workspace_id = %(w)s AND lead_id = ANY(%(leads)s) AND type = 'lead.deleted' AND data ? 'lead'
UNION ALL
SELECT loser_id, (loser->'lead'->>'created_at')::timestamptz, loser->'lead'->>'first_name', loser->'lead'->>'last_name',
       loser->'lead'->>'email', loser->'lead'->>'phone', loser->'lead'->>'email_as_given'
FROM lead_merges WHERE workspace_id = %(w)s AND loser_id = ANY(%(leads)s) AND undone_at IS NULL
"""
HAS_TIMELINE_SQL = """
SELECT EXISTS (SELECT FROM activities WHERE workspace_id = %s AND lead_id = %s AND NOT data ? 'erased')
"""
IDENTITIES_SQL = "SELECT kind, value FROM identities WHERE workspace_id = %s AND lead_id = ANY(%s) ORDER BY 1, 2"
NEVER_JOIN_SQL = "SELECT never_join, fold_gmail FROM workspaces WHERE id = %s"
OTHERS_SQL = """
SELECT i.kind, i.value FROM unnest(%s::text[], %s::text[]) AS k(kind, value)
JOIN identities i ON i.workspace_id = %s AND i.kind = k.kind AND i.value = k.value WHERE NOT i.lead_id = ANY(%s)
"""
# Leads of the person that were deleted before: the last entry of each holds its record.
DELETED_LEADS_SQL = """
SELECT lead_id, (data->'lead'->>'created_at')::timestamptz, data->'lead'->>'first_name', data->'lead'->>'last_name',
       NULL, NULL, data->'lead'->>'email_as_given'
FROM activities
WHERE workspace_id = %(w)s AND type = 'lead.deleted' AND NOT data ? 'erased' AND NOT lead_id = ANY(%(leads)s)
  AND (data->'lead'->>'email' = ANY(%(emails)s)
       OR data->'lead'->>'email' IS NULL AND data->'lead'->>'phone' = ANY(%(phones)s))
ORDER BY id
"""
# A submission stands on the timeline of the lead that it made or met. Each is looked up by the start of its key.
SUBMISSIONS_SQL = """
SELECT s.id, s.received_at, s.state, s.payload FROM (
    SELECT DISTINCT (data->>'submission_id')::uuid AS id FROM activities
    WHERE workspace_id = %(w)s AND lead_id = ANY(%(leads)s) AND data ? 'submission_id') named
JOIN submissions s ON s.workspace_id = %(w)s AND s.id = named.id
WHERE s.lead_id IS NULL OR s.lead_id = ANY(%(leads)s)
ORDER BY s.received_at, s.id
"""
# Messages that tell of an erasure have the number of a lead that has nothing else, not even a time. They stay.
TELLS_ERASURE_CONDITION = """
CASE WHEN event = 'lead.deleted' THEN convert_from(payload, 'UTF8')::jsonb #>> '{lead,created_at}' IS NULL
     ELSE false END
"""
DELIVERIES_SQL = f"""
SELECT id FROM deliveries WHERE workspace_id = %s AND lead_id = ANY(%s) AND NOT {TELLS_ERASURE_CONDITION} ORDER BY id
"""
# Mails about a submission that made no lead, such as the one that asks for a confirmation.
LEADLESS_DELIVERIES_SQL = """
SELECT id FROM deliveries d WHERE workspace_id = %s AND lead_id IS NULL AND EXISTS (
    SELECT FROM unnest(%s::text[]) AS quoted(text) WHERE position(convert_to(quoted.text, 'UTF8') IN d.payload) > 0)
ORDER BY id
"""


class PersonSubmission(NamedTuple):
    """A decided submission of the person."""

    id: uuid.UUID
    received_at: datetime
    state: str
    raw_in: uuid.UUID | None  # the submission that has the bytes of the request it came in


@dataclass
class PersonScope:
    """The person behind a lead. `lead_ids` begins with the lead that answers for it.

    `lead_times` says when each lead was created, as far as it is known.
    """

    workspace_id: int
    lead_ids: list[int]
    exists: bool  # the lead is there; else it was deleted, and its timeline remains
    lead_times: dict[int, datetime] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    given_emails: list[str] = field(default_factory=list)  # texts in place of emails, which identify nobody
    identities: list[PersonIdentity] = field(default_factory=list)
    submissions: list[PersonSubmission] = field(default_factory=list)
    deliveries: list[int] = field(default_factory=list)

    @property
    def emails(self) -> list[str]:
        """The emails that identify the person."""
        return [value for kind, value in self.identities if kind == "email"]

    @property
    def needles(self) -> list[str]:
        """The texts by which a quotation of the person is found, the longest first."""
        texts = {value for _, value in self.identities} | {name for name in self.names if " " in name}
        texts |= {text for text in self.given_emails if _match_address(text)}
        return sorted((text for text in texts if len(text) >= MIN_NEEDLE_LENGTH), key=lambda text: (-len(text), text))

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of the conditions of `personal_tables.py`."""
        return {
            "w": self.workspace_id,
            "lead": self.lead_ids,
            "submission": [one.id for one in self.submissions],
            "delivery": self.deliveries,
            "email": self.emails,
        }


async def find_lead_ids(connection: Connection, workspace_id: int, lead_id: int) -> list[int]:
    """Return the id of the lead that answers for a lead, and those of all that have merged into it."""
    winner = await lead_redirects.find_winner(connection, workspace_id, lead_id) or lead_id
    return [winner, *await lead_redirects.merged_ids(connection, workspace_id, winner)]


async def find_person(connection: Connection, workspace_id: int, lead_id: int) -> PersonScope | None:
    """Return the person behind a lead, also behind a merged or deleted one. None if there never was such a lead.

    Whoever changes what is found holds the lock of the lead before.
    """
    lead_ids = await find_lead_ids(connection, workspace_id, lead_id)
    lead_rows = await (await connection.execute(LEADS_SQL, (workspace_id, lead_ids))).fetchall()
    if not lead_rows:
        row = await (await connection.execute(HAS_TIMELINE_SQL, (workspace_id, lead_ids[0]))).fetchone()
        if not (row and row[0]):
            return None
    person = PersonScope(workspace_id, lead_ids, bool(lead_rows))
    named = {"w": workspace_id, "leads": lead_ids}
    former = await (await connection.execute(FORMER_LEADS_SQL, named)).fetchall()
    _note_leads(person, [*lead_rows, *former])
    rows = await (await connection.execute(IDENTITIES_SQL, (workspace_id, lead_ids))).fetchall()
    person.identities = sorted({*person.identities, *((row[0], row[1]) for row in rows)})
    await _leave_unrecognised(connection, person)
    await _leave_to_others(connection, person)
    await _add_deleted_leads(connection, person)
    await _find_submissions(connection, person, None)
    await _find_deliveries(connection, person, person.emails)
    return person


async def find_rest(
    connection: Connection,
    workspace_id: int,
    lead_ids: Sequence[int],
    identities: Iterable[PersonIdentity],
    until: datetime,
) -> PersonScope:
    """Return what is left of erased leads: rows of them, and held or dead submissions that came until then.

    Nothing else is found by the identities: they may be those of a new lead.
    """
    rest = PersonScope(workspace_id, list(lead_ids), exists=False, identities=list(identities))
    await _find_submissions(connection, rest, until)
    await _find_deliveries(connection, rest, ())
    rest.identities = []
    return rest


def _note_leads(person: PersonScope, rows: Iterable[Sequence[Any]]) -> None:
    """Note times, names and contacts. The contact of a deleted lead identifies nobody any more, but it did."""
    for lead_id, created_at, first_name, last_name, email, phone, given_email in rows:
        if lead_id is not None and created_at is not None:
            person.lead_times[lead_id] = created_at
        person.given_emails += [given_email] if given_email else []
        person.names.append(" ".join(filter(None, (first_name, last_name))))
        person.identities += [(kind, value) for kind, value in (("email", email), ("phone", phone)) if value]
    person.names = [*dict.fromkeys(filter(None, person.names))]


async def _add_deleted_leads(connection: Connection, person: PersonScope) -> None:
    phones = [value for kind, value in person.identities if kind == "phone"]
    asked = {"w": person.workspace_id, "leads": person.lead_ids, "emails": person.emails, "phones": phones}
    rows = await (await connection.execute(DELETED_LEADS_SQL, asked)).fetchall()
    person.lead_ids += dict.fromkeys(row[0] for row in rows)
    _note_leads(person, rows)


async def _leave_unrecognised(connection: Connection, person: PersonScope) -> None:
    """Leave out the contacts by which nobody is recognised: other people came with them, too."""
    row = await (await connection.execute(NEVER_JOIN_SQL, (person.workspace_id,))).fetchone()
    never_join = NeverJoin.from_entries(row[0] if row else (), fold_gmail=bool(row and row[1]))
    person.identities = [one for one in person.identities if not never_join.lists(*one)]


async def _leave_to_others(connection: Connection, person: PersonScope) -> None:
    """Leave out what identifies another lead: a lead may show the phone of somebody else."""
    kinds, values = [kind for kind, _ in person.identities], [value for _, value in person.identities]
    asked = (kinds, values, person.workspace_id, person.lead_ids)
    rows = await (await connection.execute(OTHERS_SQL, asked)).fetchall()
    others = {(row[0], row[1]) for row in rows}
    person.identities = [one for one in person.identities if one not in others]


async def _find_submissions(connection: Connection, person: PersonScope, until: datetime | None) -> None:
    named = {"w": person.workspace_id, "leads": person.lead_ids}
    rows = await (await connection.execute(SUBMISSIONS_SQL, named)).fetchall()
    rows += await find_undecided(connection, person.workspace_id, person.identities, until)
    person.submissions = [
        PersonSubmission(row[0], row[1], row[2], raw_holder(decoded_payload(bytes(row[3])))) for row in rows
    ]


async def _find_deliveries(connection: Connection, person: PersonScope, emails: Sequence[str]) -> None:
    rows = await (await connection.execute(DELIVERIES_SQL, (person.workspace_id, person.lead_ids))).fetchall()
    quoted = [*(str(one.id) for one in person.submissions), *emails]
    if quoted:
        rows += await (await connection.execute(LEADLESS_DELIVERIES_SQL, (person.workspace_id, quoted))).fetchall()
    person.deliveries = sorted({row[0] for row in rows})


def needle_pattern(needles: Collection[str]) -> str:
    """Return a regular expression of PostgreSQL that finds the texts, also as JSON and URLs spell them."""
    spelt = {
        form for text in needles for form in (text, orjson.dumps(text).decode()[1:-1], quote(text), quote_plus(text))
    }
    return "|".join(re.sub(r"([^\w\s])", r"\\\1", form) for form in sorted(spelt, key=len, reverse=True))
