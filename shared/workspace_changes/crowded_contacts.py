"""Contacts that people with many unlike names came with: addresses of a firm, not of a person.

Only what came last is looked at, so that a large workspace costs no more than a small one.
"""

import asyncio
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import orjson

from shared.leads.never_join import NeverJoin
from shared.leads.placement import WorkspaceSettings
from shared.leads.submission import AcceptedSubmission, normalise_submission
from shared.platform.db.connections import Connection
from shared.platform.db.database_errors import TIME_LIMIT_ERRORS
from shared.workspace_changes.effect_counts import LARGE_PAYLOAD

MIN_UNLIKE_NAMES = 11
MAX_CROWDED = 50  # contacts that are told
KEPT_NAMES = 100  # names of one contact that are told apart
NEWEST_ROWS = 20_000
READ_LEADS, READ_PAYLOADS = 20, 2_000  # leads that much came for, and their submissions

TIME_LIMIT_SQL = "SELECT set_config('statement_timeout', '700', true)"  # milliseconds: a page waits for it
SETTINGS_SQL = "SELECT country, fold_gmail, never_join FROM workspaces WHERE id = %s"
# Many leads that show one contact: it is listed already, or belongs to one of them.
SHARED_SQL = f"""
WITH newest AS MATERIALIZED (
    SELECT email, phone, trim(concat_ws(' ', first_name, last_name)) AS name FROM leads
    WHERE workspace_id = %(w)s ORDER BY id DESC LIMIT {NEWEST_ROWS}
), contacts AS MATERIALIZED (
    SELECT 'email' AS kind, email AS value, name FROM newest WHERE email IS NOT NULL
    UNION ALL SELECT 'phone', phone, name FROM newest WHERE phone IS NOT NULL
), busy AS MATERIALIZED (
    SELECT kind, value FROM contacts GROUP BY kind, value HAVING count(*) >= {MIN_UNLIKE_NAMES}
    ORDER BY count(*) DESC LIMIT {MAX_CROWDED}
)
SELECT kind, value, (array_agg(DISTINCT name))[:{KEPT_NAMES}] FROM contacts JOIN busy USING (kind, value)
GROUP BY kind, value HAVING count(DISTINCT name) >= {MIN_UNLIKE_NAMES}
"""
# One lead that came with many names: its contact recognised them all.
CROWDED_LEADS_SQL = f"""
WITH newest AS MATERIALIZED (
    SELECT lead_id, received_at, id FROM submissions WHERE workspace_id = %(w)s
    ORDER BY received_at DESC LIMIT {NEWEST_ROWS}
), busy AS (
    SELECT lead_id FROM newest WHERE lead_id IS NOT NULL GROUP BY lead_id HAVING count(*) >= {MIN_UNLIKE_NAMES}
    ORDER BY count(*) DESC LIMIT {READ_LEADS}
)
SELECT s.payload FROM newest n JOIN busy USING (lead_id)
JOIN submissions s ON s.workspace_id = %(w)s AND s.id = n.id AND s.received_at = n.received_at
WHERE octet_length(s.payload) < {LARGE_PAYLOAD}
ORDER BY n.received_at DESC LIMIT {READ_PAYLOADS}
"""

ContactNames = dict[tuple[str, str], set[str]]  # names by kind and value


class CrowdedContact(NamedTuple):
    """A contact with how many unlike names came with it, and some of them."""

    kind: str
    value: str
    names: int
    examples: list[str]


async def find_crowded(connection: Connection, workspace_id: int) -> list[CrowdedContact]:
    """Return contacts that more than ten unlike names came with, the most crowded first, without listed ones.

    The connection is in autocommit mode. What takes too long to look at is left out.
    """
    row = await (await connection.execute(SETTINGS_SQL, (workspace_id,))).fetchone()
    country, fold_gmail, entries = row or (None, False, [])
    never_join = NeverJoin.from_entries(entries, fold_gmail=fold_gmail)
    settings = WorkspaceSettings(workspace_id, country, fold_gmail, "fill_empty", None, None, never_join)
    names: ContactNames = defaultdict(set)
    for kind, value, found in await _read(connection, SHARED_SQL, workspace_id):
        if not never_join.lists(kind, value):
            names[kind, value] |= set(found)
    payloads = [bytes(found[0]) for found in await _read(connection, CROWDED_LEADS_SQL, workspace_id)]
    return await asyncio.to_thread(_judge, names, payloads, settings)


async def _read(connection: Connection, statement: str, workspace_id: int) -> Sequence[Any]:
    try:
        async with connection.transaction():
            await connection.execute(TIME_LIMIT_SQL)
            return await (await connection.execute(statement, {"w": workspace_id})).fetchall()
    except TIME_LIMIT_ERRORS:
        return []


def _judge(names: ContactNames, payloads: Iterable[bytes], settings: WorkspaceSettings) -> list[CrowdedContact]:
    for payload in payloads:
        for kind, value, name in _contacts_of(payload, settings):
            if len(names[kind, value]) < KEPT_NAMES:
                names[kind, value].add(name)
    crowded = []
    for (kind, value), found in names.items():
        unlike = unlike_names(sorted(found))
        if len(unlike) >= MIN_UNLIKE_NAMES:
            crowded.append(CrowdedContact(kind, value, len(unlike), unlike[:3]))
    return sorted(crowded, key=lambda one: (-one.names, one.value))[:MAX_CROWDED]


def _contacts_of(payload: bytes, settings: WorkspaceSettings) -> list[tuple[str, str, str]]:
    """Return the contacts by which a submission's person is recognised, each with the person's name."""
    try:
        body = orjson.loads(payload)
        submission = AcceptedSubmission("", 0, settings.id, "", None, None, body, None, "", 0, 0)
        normalise_submission(
            submission, country=settings.country, fold_gmail=settings.fold_gmail, never_join=settings.never_join
        )
        name = _name_of(submission.fields)
    except (TypeError, ValueError, AttributeError):
        return []
    return [(kind, value, name) for _, kind, value in submission.keys if name and kind in ("email", "phone")]


def _name_of(fields: Mapping[str, Any]) -> str:
    return " ".join(str(fields[part]) for part in ("first_name", "last_name") if fields.get(part))[:200]


def unlike_names(names: Iterable[str]) -> list[str]:
    """Return names of which no two have a word in common, without case and marks. Pure."""
    seen: set[str] = set()
    unlike = []
    for name in names:
        words = set(_plain(name).split())
        if words and not words & seen:
            unlike.append(name)
        seen |= words
    return unlike


def _plain(text: str) -> str:
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return "".join(sign for sign in decomposed if not unicodedata.combining(sign))
