"""Erasures: the use case, and what remains of each.

The person is gone from the tables when the transaction commits. Workers then finish the erasure: they look for what was
on its way meanwhile, remove the contents of files, and replace quotations (`services/workers/erasures/`).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import orjson
from psycopg.rows import dict_row

from shared.leads.edit import ChangeCause
from shared.people.erase_person import lock_person, note_erasure, remove_person
from shared.people.erasure_preview import preview_erasure
from shared.people.identity_hashes import hash_identities, new_hash_key
from shared.people.person_scope import PersonScope
from shared.platform import ids
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection, as_json
from shared.platform.errors import NotFound

ERASED_TEXT = "[erased]"  # in place of a quotation

ADD_ERASURE_SQL = """
INSERT INTO erasures (workspace_id, id, lead_id, lead_ids, lead_times, submission_ids, identity_hashes, hash_key,
                      identities, reason, requested_by, removed, erased_at)
VALUES (%(w)s, %(id)s, %(lead)s, %(leads)s, %(times)s, %(submissions)s, %(hashes)s, %(key)s, %(identities)s, %(reason)s,
        %(by)s, %(removed)s, clock_timestamp())
"""
NEWEST_KEY_SQL = "SELECT hash_key FROM erasures WHERE workspace_id = %s ORDER BY erased_at DESC LIMIT 1"
_SHOWN_COLUMNS = "id, lead_id, lead_ids, reason, requested_by, removed, erased_at, finished_at"
FIND_ERASURE_SQL = f"""
SELECT {_SHOWN_COLUMNS} FROM erasures WHERE workspace_id = %s AND lead_ids @> ARRAY[%s::bigint]
ORDER BY erased_at DESC LIMIT 1
"""


class ErasedPerson(NamedTuple):
    """What workers still need to know of an erased person, encrypted until the erasure is finished.

    `needles` are texts by which quotations are found, `contents` the digests of files.
    """

    identities: list[tuple[str, str]]
    needles: list[str]
    contents: list[str]

    def to_json(self) -> str:
        """Return it as JSON."""
        return orjson.dumps(self._asdict()).decode()

    @classmethod
    def from_json(cls, text: str) -> "ErasedPerson":
        """Read it from JSON."""
        found = orjson.loads(text)
        return cls([(kind, value) for kind, value in found["identities"]], found["needles"], found["contents"])


@dataclass(frozen=True, slots=True)
class ErasureRequest:
    """Who asks for an erasure, and why. The reason is kept; what quotes the person in it is replaced.

    `tells_receivers`: subscriptions to `lead.deleted` get the number of the lead.
    """

    cause: ChangeCause
    reason: str | None = None
    tells_receivers: bool = True


async def erase_lead(
    connection: Connection, cipher: Cipher, workspace_id: int, lead_id: int, request: ErasureRequest
) -> dict[str, Any]:
    """Erase the person behind a lead, in the caller's transaction. Return the erasure's record.

    A person who was erased before is not erased again. Raises NotFound, and contention errors: run it again then.
    """
    person = await lock_person(connection, workspace_id, lead_id)
    if person is None:
        if erasure := await find_erasure(connection, workspace_id, lead_id):
            return erasure
        raise NotFound
    removed: dict[str, int] = {
        group.kind: group.goes for group in await preview_erasure(connection, person) if group.goes
    }
    contents = await remove_person(connection, person)
    await note_erasure(connection, person, request.cause, tells_receivers=request.tells_receivers)
    await _add_erasure(connection, cipher, lead_id, person, request, removed, contents)
    erasure = await find_erasure(connection, workspace_id, lead_id)
    assert erasure is not None  # noqa: S101  # it was just written
    return erasure


async def find_erasure(connection: Connection, workspace_id: int, lead_id: int) -> dict[str, Any] | None:
    """Return the record of the erasure of a lead: None if it was not erased."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(FIND_ERASURE_SQL, (workspace_id, lead_id))
        row = await cursor.fetchone()
    return row and erasure_record(row)


def erasure_record(row: dict[str, Any]) -> dict[str, Any]:
    """Return an erasure as it is shown: with its state, and all counts together."""
    state = "done" if row["finished_at"] else "finishing"
    return {**row, "state": state, "total": sum(row["removed"].values())}


async def workspace_hash_key(connection: Connection, cipher: Cipher, workspace_id: int) -> str:
    """Return the key of the workspace's hashes: that of its newest erasure, else a new one."""
    row = await (await connection.execute(NEWEST_KEY_SQL, (workspace_id,))).fetchone()
    return cipher.decrypt(bytes(row[0])) if row else new_hash_key()


def without_quotations(text: str | None, needles: Sequence[str]) -> str | None:
    """Return a text in which what names the person is replaced, in any case of letters."""
    if not text or not needles:
        return text
    return re.sub("|".join(map(re.escape, needles)), ERASED_TEXT, text, flags=re.IGNORECASE)


async def _add_erasure(
    connection: Connection,
    cipher: Cipher,
    lead_id: int,
    person: PersonScope,
    request: ErasureRequest,
    removed: Mapping[str, int],
    contents: list[str],
) -> None:
    key = await workspace_hash_key(connection, cipher, person.workspace_id)
    sealing = await cipher.in_transaction(connection)
    rest = ErasedPerson(person.identities, person.needles, contents)
    values = {
        "w": person.workspace_id,
        "id": ids.uuid7(ids.now_ms()),
        "lead": lead_id,
        "leads": person.lead_ids,
        "times": [person.lead_times.get(one) for one in person.lead_ids],
        "submissions": [one.id for one in person.submissions],
        "hashes": hash_identities(key, person.identities),
        "key": sealing.encrypt(key),
        "identities": sealing.encrypt(rest.to_json()),
        "reason": without_quotations(request.reason, person.needles),
        "by": as_json(request.cause.to_dict()),
        "removed": as_json(dict(removed)),
    }
    await connection.execute(ADD_ERASURE_SQL, values)
