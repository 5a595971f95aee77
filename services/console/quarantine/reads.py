"""Submissions in quarantine: a page of them by time, and their score with its reasons."""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import orjson
from sqlalchemy import literal, literal_column, select, tuple_

from services.console.web.payload_words import SenderWords, read_sender
from shared.intake.submission_filters import UNCONFIRMED_SQL, submission_conditions
from shared.jobs.job_targets import driver_statement
from shared.models import Submission
from shared.platform.db.connections import Connection

# Read from the index of submissions that are not done, which has all of these columns, and from that of those whose
# sender has not confirmed the address: these wait for nobody's decision.
COUNT_HELD_SQL = f"""
SELECT (SELECT count(*) FROM submissions
        WHERE workspace_id = %(workspace)s AND state = 'quarantined' AND rejected_at IS NULL)
     - (SELECT count(*) FROM submissions WHERE workspace_id = %(workspace)s AND {UNCONFIRMED_SQL})
"""
# Of the newest ones, since it is asked with each page: what may be chosen in the filters.
CHOICES_SQL = """
WITH held AS MATERIALIZED (
    SELECT coalesce(source, channel) AS origin, spam FROM submissions
    WHERE workspace_id = %(workspace)s AND state = 'quarantined' ORDER BY received_at DESC LIMIT 5000
)
(SELECT 'source', origin, count(*) FROM held GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 50)
UNION ALL
(SELECT 'reason', reason ->> 'code', count(*) FROM held, jsonb_array_elements(
    CASE WHEN jsonb_typeof(spam -> 'reasons') = 'array' THEN spam -> 'reasons' ELSE '[]' END) AS reason
 WHERE reason ->> 'code' IS NOT NULL AND reason ->> 'code' <> 'unconfirmed' GROUP BY 2 ORDER BY 3 DESC, 2 LIMIT 50)
"""
HELD_PER_PAGE = 50
MAX_REASONS = 12
MAX_REASON_LENGTH = 200  # characters


class HeldReason(NamedTuple):
    """A signal, with the points that it added to the score."""

    points: int
    text: str


@dataclass(frozen=True)
class HeldSubmission:
    """A submission that is held, as the page shows it. `score` is None if nothing was counted."""

    id: uuid.UUID
    received_at: datetime
    channel: str
    source: str | None
    sender: SenderWords
    email: str  # empty if it has none
    score: int | None
    reasons: list[HeldReason]
    rejected_at: datetime | None

    @property
    def form_id(self) -> int | None:
        """The form that it was sent by, for which rules can be made."""
        kind, _, id_ = self.channel.partition(":")
        return int(id_) if kind == "form" and id_.isdigit() else None

    @property
    def email_domain(self) -> str:
        """The domain of its sender's address, empty if it has none."""
        return self.email.rpartition("@")[2]


HeldPlace = tuple[datetime, uuid.UUID]


class HeldChoices(NamedTuple):
    """What may be chosen in the filters: sources, or channels of those without one, and codes of reasons."""

    sources: list[str]
    reasons: list[str]


async def count_held(connection: Connection, workspace_id: int) -> int:
    """Return how many held submissions wait for a decision.

    Those that were marked as spam do not, nor do those whose sender has not confirmed the address yet.
    """
    row = await (await connection.execute(COUNT_HELD_SQL.encode(), {"workspace": workspace_id})).fetchone()
    return int(row[0]) if row else 0


async def read_filter_choices(connection: Connection, workspace_id: int) -> HeldChoices:
    """Return the sources and reasons of what is held, the most frequent first."""
    rows = await (await connection.execute(CHOICES_SQL, {"workspace": workspace_id})).fetchall()
    return HeldChoices(
        [name for kind, name, _ in rows if kind == "source"], [name for kind, name, _ in rows if kind == "reason"]
    )


async def read_held_page(
    connection: Connection, workspace_id: int, filters: Mapping[str, Any], older_than: HeldPlace | None
) -> list[HeldSubmission]:
    """Return held submissions, newest first: a page, and one more if there are older ones."""
    columns = (
        *(Submission.id, Submission.received_at, Submission.channel, Submission.source, Submission.payload),
        *(Submission.spam, Submission.rejected_at),
    )
    where = [
        Submission.workspace_id == workspace_id,
        Submission.state == literal_column("'quarantined'"),  # a constant, so that the index of such rows is used
        *submission_conditions(workspace_id, {**filters, "state": "quarantined"}),
    ]
    if older_than:
        at, id_ = literal(older_than[0]), literal(older_than[1])
        where.append(tuple_(Submission.received_at, Submission.id) < tuple_(at, id_))
    query = select(*columns).where(*where)
    query = query.order_by(Submission.received_at.desc(), Submission.id.desc()).limit(HELD_PER_PAGE + 1)
    statement, values = driver_statement(query)
    rows = await (await connection.execute(statement, values)).fetchall()
    return [_held_of(*row) for row in rows]


def _held_of(
    id_: uuid.UUID,
    received_at: datetime,
    channel: str,
    source: str | None,
    payload: bytes,
    spam: Any,
    rejected_at: datetime | None,
) -> HeldSubmission:
    score = spam.get("score") if isinstance(spam, dict) else None
    reasons = spam.get("reasons") if isinstance(spam, dict) else None
    return HeldSubmission(
        id_,
        received_at,
        channel,
        source,
        read_sender(payload),
        _email_of(payload),
        round(score) if isinstance(score, int | float) else None,
        [_reason_of(one) for one in (reasons if isinstance(reasons, list) else [])[:MAX_REASONS] if _is_reason(one)],
        rejected_at,
    )


def _email_of(payload: bytes) -> str:
    body = orjson.loads(payload) if payload else None
    email = body.get("email") if isinstance(body, dict) else None
    return email if isinstance(email, str) and "@" in email else ""


def _is_reason(reason: Any) -> bool:
    return isinstance(reason, dict) and isinstance(reason.get("points"), int | float)


def _reason_of(reason: Mapping[str, Any]) -> HeldReason:
    text = reason.get("text") or reason.get("code") or ""
    return HeldReason(round(reason["points"]), str(text)[:MAX_REASON_LENGTH])
