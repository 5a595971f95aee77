"""Finish one erasure: what was on its way when the person was erased is erased as well.

A submission that was received before may have waited in a gateway, the spool, the journal or the hands of a worker. It
is taken out of the journal, or the lead that it made is erased. What is received afterwards is a new lead.
"""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from shared.people.erase_person import drop_raw_requests, lock_person, remove_person
from shared.people.erasures import ErasedPerson
from shared.people.identity_hashes import PersonMatcher
from shared.people.person_scope import PersonScope, find_rest
from shared.people.restored_erasures import find_hash_owners
from shared.people.waiting_people import take_out_waiting
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection

ALL_KINDS = ("email", "phone", "external")

# Made from a submission that was received before, and written after the erasure.
REBORN_SQL = """
SELECT l.id FROM leads l
WHERE l.workspace_id = %(w)s AND l.id = ANY(%(leads)s) AND greatest(l.created_at, l.submitted_at) <= %(until)s
  AND (SELECT a.created_at FROM activities a WHERE a.workspace_id = l.workspace_id AND a.lead_id = l.id
       ORDER BY a.id LIMIT 1) > %(until)s
"""
OWNERS_SQL = """
SELECT DISTINCT i.lead_id FROM unnest(%s::text[], %s::text[]) AS k(kind, value)
JOIN identities i ON i.workspace_id = %s AND i.kind = k.kind AND i.value = k.value
"""
NOTE_PROGRESS_SQL = """
UPDATE erasures SET lead_ids = lead_ids || %(leads)s::bigint[], lead_times = lead_times || %(times)s::timestamptz[],
    submission_ids = submission_ids || %(submissions)s::uuid[], identities = coalesce(%(identities)s, identities)
WHERE workspace_id = %(w)s AND id = %(id)s
"""


class OpenErasure(NamedTuple):
    """An erasure that is not finished."""

    workspace_id: int
    id: uuid.UUID
    lead_ids: list[int]
    identity_hashes: list[bytes]
    hash_key: bytes
    identities: bytes | None
    erased_at: datetime


async def erase_late_arrivals(connection: Connection, cipher: Cipher, erasure: OpenErasure) -> bool:
    """Erase what came up since. Return whether nothing did, and everything could be looked at.

    Each step commits by itself. Raises contention errors.
    """
    key = cipher.decrypt(erasure.hash_key)
    rest = ErasedPerson.from_json(cipher.decrypt(erasure.identities)) if erasure.identities else None
    matcher = PersonMatcher(key, frozenset(erasure.identity_hashes))
    taken_items, is_complete = await take_out_waiting(connection, erasure.workspace_id, matcher, erasure.erased_at)
    contents = [digest for item in taken_items for digest in item.digests]
    if taken_items:
        await drop_raw_requests(connection, erasure.workspace_id, [item.raw_in for item in taken_items if item.raw_in])
        async with connection.transaction():
            await _note_progress(connection, cipher, erasure, [], [item.id for item in taken_items], contents, rest)
    reborn = await _erase_reborn(connection, cipher, erasure, key, rest)
    await _remove_rest(connection, cipher, erasure, rest)
    return is_complete and not taken_items and not reborn


async def _erase_reborn(
    connection: Connection, cipher: Cipher, erasure: OpenErasure, key: str, rest: ErasedPerson | None
) -> list[int]:
    owners = await _owners_of(connection, erasure, key, rest)
    asked = {"w": erasure.workspace_id, "leads": owners, "until": erasure.erased_at}
    reborn = [row[0] for row in await (await connection.execute(REBORN_SQL, asked)).fetchall()] if owners else []
    for lead_id in reborn:
        async with connection.transaction():
            person = await lock_person(connection, erasure.workspace_id, lead_id)
            if person is None:
                continue
            contents = await remove_person(connection, person)
            submissions = [one.id for one in person.submissions]
            await _note_progress(connection, cipher, erasure, [(lead_id, person)], submissions, contents, rest)
    return reborn


async def _owners_of(connection: Connection, erasure: OpenErasure, key: str, rest: ErasedPerson | None) -> list[int]:
    """Return the leads that have the person's identities now. After a restore only the hashes may be known."""
    if rest is None:
        hashes = frozenset(erasure.identity_hashes)
        found = await find_hash_owners(connection, erasure.workspace_id, key, hashes, ALL_KINDS)
        return sorted({lead for leads in found.values() for lead in leads})
    kinds, values = zip(*rest.identities, strict=True) if rest.identities else ((), ())
    asked = (list(kinds), list(values), erasure.workspace_id)
    return [row[0] for row in await (await connection.execute(OWNERS_SQL, asked)).fetchall()]


async def _remove_rest(connection: Connection, cipher: Cipher, erasure: OpenErasure, rest: ErasedPerson | None) -> None:
    """Remove what others wrote about the erased leads while these were being erased, and held or dead submissions."""
    identities = rest.identities if rest else ()
    async with connection.transaction():
        scope = await find_rest(connection, erasure.workspace_id, erasure.lead_ids, identities, erasure.erased_at)
        contents = await remove_person(connection, scope)
        if scope.submissions:
            found = [one.id for one in scope.submissions]
            await _note_progress(connection, cipher, erasure, [], found, contents, rest)


async def _note_progress(
    connection: Connection,
    cipher: Cipher,
    erasure: OpenErasure,
    leads: Collection[tuple[int, PersonScope]],
    submissions: list[uuid.UUID],
    contents: list[str],
    rest: ErasedPerson | None,
) -> None:
    """Note the further ids. `rest` gets the contents that have to go too."""
    if rest:
        rest.contents.extend(contents)
    sealing = await cipher.in_transaction(connection)
    values = {
        "w": erasure.workspace_id,
        "id": erasure.id,
        "leads": [lead_id for lead_id, _ in leads],
        "times": [person.lead_times.get(lead_id) for lead_id, person in leads],
        "submissions": submissions,
        "identities": sealing.encrypt(rest.to_json()) if rest and contents else None,
    }
    await connection.execute(NOTE_PROGRESS_SQL, values)
