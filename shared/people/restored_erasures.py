"""Apply erasures to a database that does not know them: it was restored from a backup that was made before.

People are known by the ids of their leads, with the times at which these were created, since an id may be given again
after a restore. An email or an id at a provider whose hash is the erased person's finds leads that had other ids. A
phone does not: it may have belonged to somebody else before.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from shared.leads.edit import ChangeCause
from shared.people.erase_person import blank_submissions, lock_person, note_erasure, remove_person
from shared.people.erasure_log import LoggedErasure
from shared.people.erasures import ErasedPerson
from shared.people.identity_hashes import hash_identity
from shared.people.person_scope import PersonScope, PersonSubmission
from shared.platform.crypto.encryption import Cipher, TransactionCipher
from shared.platform.db.connections import Connection, as_json

PERSONAL_KINDS = ("email", "external")
SCANNED_IDENTITIES = 10_000

MISSING_SQL = """
SELECT n FROM unnest(%s::bigint[], %s::uuid[]) WITH ORDINALITY AS e(workspace_id, id, n)
WHERE EXISTS (SELECT FROM workspaces w WHERE w.id = e.workspace_id)
  AND NOT EXISTS (SELECT FROM erasures k WHERE k.workspace_id = e.workspace_id AND k.id = e.id)
"""
ADD_ERASURE_SQL = """
INSERT INTO erasures (workspace_id, id, lead_id, lead_ids, lead_times, submission_ids, identity_hashes, hash_key,
                      identities, reason, requested_by, removed, erased_at)
VALUES (%(workspace_id)s, %(id)s, %(lead_id)s, %(lead_ids)s, %(lead_times)s, %(submission_ids)s, %(identity_hashes)s,
        %(hash_key)s, %(identities)s, %(reason)s, %(requested_by)s, %(removed)s, %(erased_at)s)
"""
NEXT_IDENTITIES_SQL = """
SELECT kind, value, lead_id FROM identities
WHERE workspace_id = %s AND (kind, value) > (%s, %s) ORDER BY kind, value LIMIT %s
"""
SUBMISSIONS_SQL = """
SELECT s.id, s.received_at, s.state FROM submissions s WHERE s.workspace_id = %s AND s.id = ANY(%s::uuid[])
"""

HashOwners = dict[bytes, list[int]]  # leads by the hash of an identity


async def apply_erasures(connection: Connection, cipher: Cipher, erasures: Iterable[LoggedErasure]) -> int:
    """Apply the erasures that the database does not know, each in a transaction. Return how many.

    Workers finish them: they look at the journal and the spool as well. Raises contention errors, and DecryptionError
    if none of the keys is that of the hashes.
    """
    missing = await _select_missing(connection, list(erasures))
    by_workspace: dict[int, list[LoggedErasure]] = defaultdict(list)
    for each in missing:
        by_workspace[each.workspace_id].append(each)
    for workspace_id, some in by_workspace.items():
        owners = await _find_owners(connection, cipher, workspace_id, some)
        for each in some:
            async with connection.transaction():
                await _apply(connection, cipher, each, owners)
    return len(missing)


async def find_hash_owners(
    connection: Connection, workspace_id: int, key: str, hashes: frozenset[bytes], kinds: Sequence[str]
) -> HashOwners:
    """Return the leads that own identities with one of the hashes. Reads all identities of the workspace."""
    owners: HashOwners = defaultdict(list)
    after = ("", "")
    while True:
        values = (workspace_id, *after, SCANNED_IDENTITIES)
        rows = await (await connection.execute(NEXT_IDENTITIES_SQL, values)).fetchall()
        for kind, value, lead_id in rows:
            if kind in kinds and (digest := hash_identity(key, kind, value)) in hashes:
                owners[digest].append(lead_id)
        if len(rows) < SCANNED_IDENTITIES:
            return owners
        after = (rows[-1][0], rows[-1][1])


async def _select_missing(connection: Connection, erasures: list[LoggedErasure]) -> list[LoggedErasure]:
    if not erasures:
        return []
    keys = ([each.workspace_id for each in erasures], [each.id for each in erasures])
    rows = await (await connection.execute(MISSING_SQL, keys)).fetchall()
    return [erasures[row[0] - 1] for row in rows]


async def _find_owners(
    connection: Connection, cipher: Cipher, workspace_id: int, erasures: Sequence[LoggedErasure]
) -> HashOwners:
    wanted: dict[str, set[bytes]] = defaultdict(set)
    for each in erasures:
        wanted[cipher.decrypt(each.hash_key)].update(each.identity_hashes)
    owners: HashOwners = {}
    for key, hashes in wanted.items():
        owners |= await find_hash_owners(connection, workspace_id, key, frozenset(hashes), PERSONAL_KINDS)
    return owners


async def _apply(connection: Connection, cipher: Cipher, erasure: LoggedErasure, owners: HashOwners) -> None:
    """Erase what the database has of the person, and note the erasure as unfinished."""
    rest = ErasedPerson([], [], [])
    times = dict(zip(erasure.lead_ids, erasure.lead_times, strict=True))
    hashed = [lead for digest in erasure.identity_hashes for lead in owners.get(digest, ())]
    for lead_id in dict.fromkeys([*erasure.lead_ids, *hashed]):
        person = await lock_person(connection, erasure.workspace_id, lead_id)
        if person is None or not (lead_id in hashed or _is_same(person, lead_id, times)):
            continue
        contents = await remove_person(connection, person)
        cause = ChangeCause(str(erasure.requested_by.get("kind")), erasure.requested_by.get("id"))
        await note_erasure(connection, person, cause)
        rest = ErasedPerson(
            [*rest.identities, *person.identities], [*rest.needles, *person.needles], [*rest.contents, *contents]
        )
    values = (erasure.workspace_id, erasure.submission_ids)
    found = await (await connection.execute(SUBMISSIONS_SQL, values)).fetchall()
    await blank_submissions(
        connection, erasure.workspace_id, [PersonSubmission(row[0], row[1], row[2], None) for row in found]
    )
    await connection.execute(ADD_ERASURE_SQL, _row_of(erasure, await cipher.in_transaction(connection), rest))


def _is_same(person: PersonScope, lead_id: int, times: dict[int, Any]) -> bool:
    """Return whether a lead is the one that was erased: ids are given again after a restore, times are not."""
    found, expected = person.lead_times.get(lead_id), times.get(lead_id)
    return found is None or expected is None or found == expected


def _row_of(erasure: LoggedErasure, cipher: TransactionCipher, rest: ErasedPerson) -> dict[str, Any]:
    row = erasure._asdict()
    row |= {name: as_json(row[name]) for name in ("requested_by", "removed")}
    row["hash_key"] = cipher.encrypt(cipher.decrypt(erasure.hash_key))
    row["identities"] = cipher.encrypt(rest.to_json()) if rest.identities else None
    return row
