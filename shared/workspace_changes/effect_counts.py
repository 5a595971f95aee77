"""Count what changes of a workspace's settings would do: each count reads a bounded number of rows, in bounded time."""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

from shared.leads.contact_text import InvalidContact
from shared.leads.phone_normalization import normalise_phone
from shared.platform.db.connections import Connection
from shared.platform.db.database_errors import TIME_LIMIT_ERRORS

STATEMENT_MILLISECONDS = 1_500
READ_SUBMISSIONS = 2_000  # the newest ones, whose phones are read again
JUDGED_SUBMISSIONS = 10_000  # the newest ones, of which duplicates are counted
LARGE_PAYLOAD = 16 << 10  # bytes; larger ones are left out
READ_IDENTITIES = 200_000
MOST_COUNTED = 100_000  # "100,000 or more" is enough to be warned
PHONE_SECONDS = 0.7  # for reading phones; a phone may take a tenth of a second

LIMIT_SQL = f"SELECT set_config('statement_timeout', '{STATEMENT_MILLISECONDS}', true)"
NEWEST_PAYLOADS_SQL = f"""
SELECT payload FROM submissions WHERE workspace_id = %(w)s AND octet_length(payload) < {LARGE_PAYLOAD}
ORDER BY received_at DESC LIMIT {READ_SUBMISSIONS}
"""
DUPLICATES_SQL = f"""
SELECT count(*), count(*) FILTER (WHERE is_duplicate), count(*) FILTER (WHERE is_duplicate AND changes <> '{{}}')
FROM (SELECT is_duplicate, changes FROM submissions WHERE workspace_id = %(w)s
      ORDER BY received_at DESC LIMIT {JUDGED_SUBMISSIONS}) newest
"""
WAITING_AUTOMATIONS_SQL = """
SELECT count(*) FROM automations
WHERE workspace_id = %(w)s AND is_active AND jsonb_path_exists(steps::jsonb, '$.**.business_hours ? (@ == true)')
"""
GMAIL_SQL = f"""
SELECT coalesce(sum(leads - 1), 0) FROM (
    SELECT count(DISTINCT lead_id) AS leads FROM (
        SELECT value, lead_id FROM identities WHERE workspace_id = %(w)s AND kind = 'email' LIMIT {READ_IDENTITIES}
    ) i, split_part(value, '@', 1) local
    WHERE split_part(value, '@', 2) IN ('gmail.com', 'googlemail.com')
    GROUP BY replace(split_part(local, '+', 1), '.', '') HAVING count(DISTINCT lead_id) > 1
) shared
"""
# By the sort key, which has an index: a space, then the address in lower case.
EMAIL_LEADS_SQL = f"""
SELECT count(*) FROM (SELECT FROM leads WHERE workspace_id = %(w)s AND email_key >= %(from)s AND email_key < %(to)s
                      LIMIT {MOST_COUNTED}) found
"""
PHONE_LEADS_SQL = """
SELECT count(*) FROM (SELECT phone FROM leads WHERE workspace_id = %(w)s ORDER BY id DESC LIMIT 20000) newest
WHERE split_part(phone, ';', 1) = %(phone)s
"""
JUDGED_DAYS = 30
# As the verdict is made where a form is read: a rule decides alone, and so do points of the trap.
JUDGED_FORMS_SQL = f"""
WITH judged AS (
    SELECT coalesce((spam->>'score')::int, 0) AS score,
           coalesce(spam @? '$.reasons[*] ? (@.points >= 100)', false) AS is_trapped,
           coalesce(spam @? '$.reasons[*].code ? (@ starts with "held_")', false) AS is_ruled,
           coalesce(spam @? '$.reasons[*].code ? (@ starts with "allowed_")', false) AS is_allowed
    FROM submissions
    WHERE workspace_id = %(w)s AND received_at > now() - interval '{JUDGED_DAYS} days'
      AND channel IN (SELECT 'form:' || id FROM forms
                      WHERE workspace_id = %(w)s AND settings->'spam'->>'threshold' IS NULL)
    ORDER BY received_at DESC LIMIT {JUDGED_SUBMISSIONS}
), verdicts AS (
    SELECT %(was)s > 0 AND (is_trapped OR score >= %(was)s) AS was,
           %(now)s > 0 AND (is_trapped OR score >= %(now)s) AS now
    FROM judged WHERE NOT is_ruled AND NOT is_allowed
)
SELECT (SELECT count(*) FROM judged), count(*) FILTER (WHERE now AND NOT was), count(*) FILTER (WHERE was AND NOT now)
FROM verdicts
"""
WAITING_MAILS_SQL = f"""
SELECT count(*) FROM (SELECT FROM deliveries WHERE workspace_id = %(w)s AND endpoint = 'mail' AND state = 'pending'
                      LIMIT {MOST_COUNTED}) waiting
"""
_OLD_SUBMISSIONS_SQL = f"""
SELECT count(*) FROM (SELECT FROM submissions WHERE workspace_id = %(w)s AND {{which}}
                      AND received_at < now() - make_interval(days => %(days)s) LIMIT {MOST_COUNTED}) old
"""
OLD_ROWS_SQL = {
    "submissions_days": _OLD_SUBMISSIONS_SQL.format(which="state <> 'quarantined'"),
    "held_days": _OLD_SUBMISSIONS_SQL.format(which="state = 'quarantined' AND state <> 'done'"),
    "activities_days": f"""
SELECT count(*) FROM (SELECT FROM activities WHERE workspace_id = %(w)s
                      AND created_at < now() - make_interval(days => %(days)s) LIMIT {MOST_COUNTED}) old
""",
    "attempts_days": f"""
SELECT count(*) FROM (SELECT FROM deliveries WHERE workspace_id = %(w)s
                      AND finished_at < now() - make_interval(days => %(days)s) LIMIT {MOST_COUNTED}) old
""",
}


class RereadPhones(NamedTuple):
    """Phones that were read again: all, those that would be another number, and those that would be none."""

    all_phones: int
    other_numbers: int
    unreadable: int


async def count_row(connection: Connection, statement: str, values: dict[str, Any]) -> Sequence[int] | None:
    """Return the counts of a statement, or None if it took too long. The connection is in autocommit mode."""
    try:
        async with connection.transaction():
            await connection.execute(LIMIT_SQL)
            return await (await connection.execute(statement, values)).fetchone()
    except TIME_LIMIT_ERRORS:
        return None


async def count_one(connection: Connection, statement: str, values: dict[str, Any]) -> int | None:
    """Return one count, or None if it took too long."""
    row = await count_row(connection, statement, values)
    return int(row[0]) if row else None


async def count_leads_with(connection: Connection, workspace_id: int, entry: str) -> int | None:
    """Return how many leads have a contact of an entry; of a phone among the newest 20,000."""
    if "@" not in entry:
        return await count_one(connection, PHONE_LEADS_SQL, {"w": workspace_id, "phone": entry.partition(";")[0]})
    start = f" {entry}"
    end = f"{start[:-1]}A" if entry.endswith("@") else f"{start}!"  # what follows the at sign, and the address alone
    return await count_one(connection, EMAIL_LEADS_SQL, {"w": workspace_id, "from": start, "to": end})


async def reread_phones(
    connection: Connection, workspace_id: int, before: str | None, after: str
) -> RereadPhones | None:
    """Read the newest submissions' phones as dialled in another country. None if reading them took too long."""
    try:
        async with connection.transaction():
            await connection.execute(LIMIT_SQL)
            rows = await (await connection.execute(NEWEST_PAYLOADS_SQL, {"w": workspace_id})).fetchall()
    except TIME_LIMIT_ERRORS:
        return None
    return await asyncio.to_thread(_compare_phones, [bytes(row[0]) for row in rows], before, after)


def _compare_phones(payloads: Sequence[bytes], before: str | None, after: str) -> RereadPhones:
    end, phones, others, unreadable = time.monotonic() + PHONE_SECONDS, 0, 0, 0
    for payload in payloads:
        if time.monotonic() > end:
            break
        text = _phone_of(payload)
        if not text:
            continue
        phones += 1
        then, now = _identity(text, after), _identity(text, before)
        if then is None and now is not None:
            unreadable += 1
        elif then != now:
            others += 1
    return RereadPhones(phones, others, unreadable)


def _phone_of(payload: bytes) -> str | None:
    try:
        body = orjson.loads(payload)
    except orjson.JSONDecodeError:
        return None
    phone = body.get("phone") if isinstance(body, dict) else None
    return phone if isinstance(phone, str) else None


def _identity(text: str, country: str | None) -> str | None:
    try:
        return normalise_phone(text, country).identity
    except InvalidContact:
        return None
