"""The dry run of an import: each row is decided as ingest would decide it after the rows before it. No lead changes.

Two tables keep what the rows so far would have made of leads. So a dry run of any size takes little memory, and another
process can continue it.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from services.workers.imports.import_claims import ClaimedImport, kinds_of_warnings
from services.workers.imports.row_reading import ReadRow, add_rows, read_rows, refused_record
from shared.leads import identities
from shared.leads.apply_batch import MERGED_LEAD_FIELDS, BatchWrites, JsonRow
from shared.leads.decide import FoundLeads, decide_submissions
from shared.leads.deduplication import LeadResolution, resolve_submissions
from shared.leads.placement import Board, WorkspaceSettings
from shared.leads.submission import AcceptedSubmission, IdentityKey, LeadState, TagIds, TagKey
from shared.leads.tags import find_tags
from shared.leads.workspace_settings import load_board, load_workspace_settings
from shared.platform.db.connections import Connection, as_json

ROWS_PER_DRY_CHUNK = 200
ROWS_BESIDE_CALLERS = 50  # while callers may come: they wait for the end of a chunk, which takes 7 ms and not 16
SHOWN_ROWS = 20  # of each state, and of those with warnings, whose cells are kept

KNOWN_KEYS_SQL = """
SELECT k.kind, k.value, k.lead_id FROM json_to_recordset(%s::json) AS w(kind text, value text)
JOIN import_preview_keys k ON k.workspace_id = %s AND k.import_id = %s AND k.kind = w.kind AND k.value = w.value
"""
ADD_KEYS_SQL = """
INSERT INTO import_preview_keys (workspace_id, import_id, kind, value, lead_id)
SELECT %s, %s, kind, value, lead_id FROM json_to_recordset(%s::json) AS k(kind text, value text, lead_id bigint)
ON CONFLICT DO NOTHING
"""
KNOWN_LEADS_SQL = """
SELECT lead_id, state FROM import_preview_leads WHERE workspace_id = %s AND import_id = %s AND lead_id = ANY(%s)
"""
ADD_LEADS_SQL = """
INSERT INTO import_preview_leads (workspace_id, import_id, lead_id, state)
SELECT %s, %s, lead_id, state FROM json_to_recordset(%s::json) AS l(lead_id bigint, state jsonb)
ON CONFLICT (workspace_id, import_id, lead_id) DO UPDATE SET state = excluded.state
"""
FORGET_SQL = (
    "DELETE FROM import_preview_keys WHERE workspace_id = %s AND import_id = %s",
    "DELETE FROM import_preview_leads WHERE workspace_id = %s AND import_id = %s",
)


async def preview_chunk(connection: Connection, claim: ClaimedImport, *, beside_callers: bool = False) -> None:
    """Decide the next rows and add them to the report, in the caller's transaction."""
    rows = await read_rows(connection, claim, ROWS_BESIDE_CALLERS if beside_callers else ROWS_PER_DRY_CHUNK)
    rows_with_lead = [row for row in rows if row.lead is not None]
    records = [refused_record(row) for row in rows if row.lead is None]
    if rows_with_lead:
        records += await _decide(connection, claim, rows_with_lead)
    _keep_first_cells(claim, records, {row.number: row.cells for row in rows})
    await add_rows(connection, claim, records)
    claim.count(records)
    claim.rows_settled = claim.rows_read


async def forget_preview(connection: Connection, claim: ClaimedImport) -> None:
    """Delete what a dry run remembered."""
    for statement in FORGET_SQL:
        await connection.execute(statement, claim.key)


async def _decide(connection: Connection, one: ClaimedImport, rows: Sequence[ReadRow]) -> list[dict[str, Any]]:
    submissions = [_as_submission(one, row) for row in rows]
    lookups = PreviewLookups(connection, one, [-row.number for row in rows])
    written = (await decide_submissions(submissions, lookups)).written
    await lookups.remember(written)
    return [_record_of(row, record) for row, record in zip(rows, written.submissions, strict=True)]


def _as_submission(claim: ClaimedImport, row: ReadRow) -> AcceptedSubmission:
    lead = dict(row.lead or {})
    policy, country = claim.options.get("merge_policy"), claim.options.get("phone_country")
    at = (claim.received_ms, claim.workspace_id)
    submission = AcceptedSubmission("", *at, f"import:{claim.id}", None, None, lead, None, "", 0, 0, policy=policy)
    submission.phone_country = country
    return submission


def _record_of(row: ReadRow, record: JsonRow) -> dict[str, Any]:
    lead_id = record["lead_id"]
    has_effect = record["is_duplicate"] and (record["changes"] or record["data"].keys() & {"tags_added", "notes_added"})
    state = "merged" if has_effect else "unchanged" if record["is_duplicate"] else "created"
    return {
        "row": row.number,
        "state": state,
        "lead_id": lead_id if lead_id > 0 else None,
        "reasons": record.get("warnings"),
    }


def _keep_first_cells(one: ClaimedImport, records: Sequence[dict[str, Any]], cells: Mapping[int, list[str]]) -> None:
    shown = Counter(created=one.created, merged=one.merged, unchanged=one.unchanged)
    shown.update(warned=one.warned, kept=one.kept)
    for record in records:
        if record["state"] == "invalid":
            continue
        kinds = [record["state"], *kinds_of_warnings(record)]
        if any(shown[kind] < SHOWN_ROWS for kind in kinds):
            record["cells"] = cells[record["row"]]
        shown.update(kinds)


class PreviewLookups:
    """The lookups of one chunk of a dry run (see `DecisionLookups`): leads as the rows so far would have left them.

    A new lead has an id below zero. `new_ids` are those of the chunk's rows.
    """

    def __init__(self, connection: Connection, one: ClaimedImport, new_ids: Sequence[int]) -> None:
        self._connection = connection
        self._import = one
        self._new_ids = new_ids
        self._workspaces: dict[int, WorkspaceSettings] = {}
        self._known: dict[IdentityKey, int] = {}
        self._owners: dict[IdentityKey, int] = {}

    async def load_contact_settings(self, workspace_ids: Collection[int]) -> Mapping[int, WorkspaceSettings]:
        self._workspaces = await load_workspace_settings(self._connection, workspace_ids)
        return self._workspaces

    async def find_leads(
        self, submissions: Sequence[AcceptedSubmission], names: Mapping[int, Collection[str]]
    ) -> FoundLeads:
        keys = list(dict.fromkeys(key for one in submissions for key in one.keys))
        self._known = await self._preview_owners(keys) | await identities.find_owners(self._connection, keys)
        resolution = resolve_submissions(submissions, self._known, self._new_ids)
        self._owners = resolution.owners
        return FoundLeads(self._workspaces, resolution, await self._read_states(resolution))

    async def load_board(self, workspace_ids: Collection[int]) -> Board:
        return await load_board(self._connection, workspace_ids)

    async def tag_ids(self, names: Collection[TagKey]) -> TagIds:
        """Return the ids of tags. A tag that does not exist has always the same number below zero."""
        missing = {name: -int.from_bytes(hashlib.sha256(name[1].lower().encode()).digest()[:7]) for name in names}
        return missing | await find_tags(self._connection, names)

    async def _preview_owners(self, keys: Sequence[IdentityKey]) -> dict[IdentityKey, int]:
        wanted = as_json([{"kind": kind, "value": value} for _, kind, value in keys])
        rows = await (await self._connection.execute(KNOWN_KEYS_SQL, (wanted, *self._import.key))).fetchall()
        return {(self._import.workspace_id, row[0], row[1]): row[2] for row in rows}

    async def _read_states(self, resolution: LeadResolution) -> dict[int, LeadState]:
        named = {*resolution.lead_ids, *(other for _, other in resolution.pairs)} - set(self._new_ids)
        if not named:
            return {}
        real = [(self._import.workspace_id, lead) for lead in named if lead > 0]
        found = await identities.read_unlocked(self._connection, real, MERGED_LEAD_FIELDS) if real else {}
        states = {lead_id: state for (_, lead_id), state in found.items()}
        kept = (*self._import.key, list(named))
        rows = await (await self._connection.execute(KNOWN_LEADS_SQL, kept)).fetchall()
        return states | {row[0]: row[1] for row in rows}

    async def remember(self, written: BatchWrites) -> None:
        """Keep the leads that the chunk would have made and changed, for the rows that follow."""
        owned = {lead for key, lead in self._owners.items()}
        created = {id_: state for id_, state in written.created.items() if id_ in owned}
        leads = written.resubmitted | written.updated | created
        if leads:
            kept = [{"lead_id": id_, "state": _kept_state(state)} for id_, state in leads.items()]
            await self._connection.execute(ADD_LEADS_SQL, (*self._import.key, as_json(kept)))
        new = [
            {"kind": key[1], "value": key[2], "lead_id": lead}
            for key, lead in self._owners.items()
            if key not in self._known
        ]
        if new:
            await self._connection.execute(ADD_KEYS_SQL, (*self._import.key, as_json(new)))


def _kept_state(state: LeadState) -> LeadState:
    return {name: state.get(name) for name in (*MERGED_LEAD_FIELDS, "submitted_at")}
