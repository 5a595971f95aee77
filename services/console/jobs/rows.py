"""The rows of a job as the console reads them: each with what became of it."""

import asyncio
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple, get_args

import orjson

from services.console.jobs.records import person_of
from shared.jobs.job_control import JobRow
from shared.jobs.job_outcomes import RETURNING_KINDS
from shared.platform.db.connections import Connection

RowOutcome = Literal["died_again", "held", "failed", "waiting", "skipped", "done", "to_go"]
OutcomeFilter = Literal[RowOutcome, "all"]

ITEMS_PAGE_SIZE = 50
OUTCOMES_PAGE_SIZE = 1000  # rows that are read at once for a file
ROW_OUTCOMES: tuple[RowOutcome, ...] = get_args(RowOutcome)
KEPT_OUTCOMES: dict[str | None, RowOutcome] = {"failed": "failed", "skipped": "skipped", None: "to_go"}
# How a row stands whose submission was handed back, or whose delivery was to go once more.
OUTCOMES_BY_STATE: dict[str | None, RowOutcome] = {"dead": "died_again", "quarantined": "held", None: "waiting"}
OUTCOMES_BY_DELIVERY: dict[str | None, RowOutcome] = {
    "failed": "failed",
    "pending": "waiting",
    "cancelled": "skipped",
    "suppressed": "skipped",
}

# Those that died again or are held are found by the index of such submissions, those that wait in the journal.
_UNDONE_ROWS = """
i.outcome = 'done' AND i.id IN (
    SELECT r.id FROM submissions u
    JOIN job_items r ON r.workspace_id = u.workspace_id AND r.submission_id = u.id AND r.job_id = %(job)s
    WHERE u.workspace_id = %(workspace)s AND u.state <> 'done' AND u.state = '{state}')
"""
CONDITIONS: dict[OutcomeFilter, str] = {
    "died_again": _UNDONE_ROWS.format(state="dead"),
    "held": _UNDONE_ROWS.format(state="quarantined"),
    "failed": "(i.outcome = 'failed' OR i.outcome = 'done' AND d.state = 'failed')",
    "skipped": "(i.outcome = 'skipped' OR i.outcome = 'done' AND d.state IN ('cancelled', 'suppressed'))",
    "done": "i.outcome = 'done' AND (NOT %(returns)s OR s.state = 'done') AND coalesce(d.state, 'sent') = 'sent'",
    "waiting": """i.outcome = 'done' AND (d.state = 'pending' OR %(returns)s AND i.submission_id IN (
        SELECT unnest(ids) FROM journal UNION ALL SELECT id FROM source_fetches WHERE workspace_id = %(workspace)s))""",
    "to_go": "i.outcome IS NULL",
    "all": "true",
}
HANDLED_OUTCOMES: frozenset[OutcomeFilter] = frozenset(("died_again", "held", "failed", "waiting", "skipped", "done"))
_RECORDS_JOIN = """
LEFT JOIN submissions s ON s.workspace_id = i.workspace_id AND s.id = i.submission_id
    AND s.received_at = i.received_at
LEFT JOIN deliveries d ON d.workspace_id = i.workspace_id AND d.id = i.delivery_id
"""
# Why a delivery is not sent, once its job has handed it over.
_ERROR = "coalesce(i.error, CASE WHEN d.state <> 'sent' THEN d.error END)"
_ITEMS_SQL = f"""
SELECT i.id, i.submission_id, i.delivery_id, i.outcome, {_ERROR}, i.handled_at, s.payload, s.state, d.kind, d.event,
       d.state, i.lead_id, json_build_object('first_name', l.first_name, 'last_name', l.last_name, 'email', l.email,
                                             'phone', l.phone),
       c.title, s.spam, s.attempts
FROM job_items i {_RECORDS_JOIN}
LEFT JOIN causes c ON c.workspace_id = s.workspace_id AND c.id = s.cause_id AND s.state = 'dead'
LEFT JOIN leads l ON l.workspace_id = i.workspace_id AND l.id = i.lead_id
WHERE i.workspace_id = %(workspace)s AND i.job_id = %(job)s
"""
# Those that are handled are listed from the newest, and not looked for among those to come.
_HANDLED_PLACE = """
AND i.id <= %(position)s AND (%(after)s = 0 OR i.id < %(after)s) ORDER BY i.id DESC LIMIT %(limit)s
"""
_NEXT_PLACE = "AND i.id > %(after)s ORDER BY i.id LIMIT %(limit)s"
LIST_SQL = {
    name: f"{_ITEMS_SQL} AND {condition} {_HANDLED_PLACE if name in HANDLED_OUTCOMES else _NEXT_PLACE}"
    for name, condition in CONDITIONS.items()
}
OUTCOMES_SQL = {
    name: f"""
SELECT i.id, coalesce(i.submission_id::text, i.delivery_id::text, i.lead_id::text), i.outcome,
       coalesce(s.state, d.state), {_ERROR}, i.handled_at
FROM job_items i {_RECORDS_JOIN}
WHERE i.workspace_id = %(workspace)s AND i.job_id = %(job)s AND {condition} {_NEXT_PLACE}
"""
    for name, condition in CONDITIONS.items()
}


@dataclass(frozen=True)
class ItemRow:
    """A row of a job. `state` is how its submission or delivery stands now, `cause` of what it died again."""

    id: int
    submission_id: uuid.UUID | None
    delivery_id: int | None
    outcome: RowOutcome
    error: str | None
    handled_at: datetime | None
    person: str
    contact: str
    state: str | None
    lead_id: int | None = None
    cause: str | None = None
    spam_reasons: Sequence[str] = ()
    attempts: int | None = None


@dataclass(frozen=True)
class ItemsPage:
    """Rows of a job, and whether there are more behind them."""

    items: Sequence[ItemRow] = ()
    has_more: bool = False


class OutcomeRow(NamedTuple):
    """What became of a row of a job, for a file. `object_id` is that of its submission or delivery."""

    id: int
    object_id: str | None
    outcome: RowOutcome
    message: str | None
    handled_at: datetime | None


async def list_items(
    connection: Connection, workspace_id: int, job: JobRow, outcome: OutcomeFilter, after: int
) -> ItemsPage:
    """Return a page of a job's rows behind a row's number, 0 for the first page.

    Those with an outcome are listed from the newest, others in the order in which they are handled.
    """
    values = {**_values(workspace_id, job, after), "position": job["position"], "limit": ITEMS_PAGE_SIZE + 1}
    rows = await (await connection.execute(LIST_SQL[outcome].encode(), values)).fetchall()
    items = await asyncio.to_thread(lambda: [_item_row(row, job["kind"]) for row in rows[:ITEMS_PAGE_SIZE]])
    return ItemsPage(items, len(rows) > ITEMS_PAGE_SIZE)


async def read_outcomes(
    connection: Connection, workspace_id: int, job: JobRow, outcome: OutcomeFilter, after: int
) -> list[OutcomeRow]:
    """Return the outcomes of rows behind a row's number, in their order, `OUTCOMES_PAGE_SIZE` at most."""
    values = {**_values(workspace_id, job, after), "limit": OUTCOMES_PAGE_SIZE}
    rows = await (await connection.execute(OUTCOMES_SQL[outcome].encode(), values)).fetchall()
    return [
        OutcomeRow(id_, object_id, row_outcome(handled, state, job["kind"]), error, at)
        for id_, object_id, handled, state, error, at in rows
    ]


def row_outcome(handled: str | None, state: str | None, kind: str) -> RowOutcome:
    """Return what became of a row of a kind of job. A record that was handed over is as it stands now: its `state`."""
    if handled in KEPT_OUTCOMES:
        return KEPT_OUTCOMES[handled]
    if kind in RETURNING_KINDS:
        return OUTCOMES_BY_STATE.get(state, "done")
    return OUTCOMES_BY_DELIVERY.get(state, "done") if kind == "deliveries" else "done"


def _values(workspace_id: int, job: JobRow, after: int) -> dict[str, Any]:
    return {"workspace": workspace_id, "job": job["id"], "returns": job["kind"] in RETURNING_KINDS, "after": after}


def _item_row(row: Sequence[Any], job_kind: str) -> ItemRow:
    id_, submission_id, delivery_id, outcome, error, at, payload, submission_state, kind, event, *rest = row
    delivery_state, lead_id, lead, cause, spam, attempts = rest
    person, contact = (kind or "", event or "") if delivery_id else person_of(lead if lead_id else _parsed(payload))
    final = row_outcome(outcome, submission_state or delivery_state, job_kind)
    return ItemRow(
        *(id_, submission_id, delivery_id, final, error, at, person, contact),
        submission_state or delivery_state,
        lead_id,
        cause if final == "died_again" else None,
        _spam_texts(spam) if final == "held" else (),
        attempts,
    )


def _spam_texts(spam: Any) -> list[str]:
    reasons = spam.get("reasons") if isinstance(spam, Mapping) else None
    texts = [one.get("text") for one in reasons or () if isinstance(one, Mapping)]
    return [text for text in texts if isinstance(text, str)]


def _parsed(payload: bytes | None) -> Any:
    try:
        return orjson.loads(payload) if payload else None
    except ValueError:
        return None
