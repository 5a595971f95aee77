"""The filters of submissions, the same for a list and for what is done to all that match it."""

import uuid
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Text, Uuid, and_, cast, func, literal, literal_column, select

from shared.models import Activity, JobItem, Submission

SubmissionConditions = list[ColumnElement[bool]]

# Whoever has not followed the link of a double opt-in is held as likely spam is, and is none. With the condition of
# an index of their own.
UNCONFIRMED_SQL = (
    "submissions.state = 'quarantined' AND submissions.rejected_at IS NULL"
    """ AND submissions.spam @> '{"reasons": [{"code": "unconfirmed"}]}'::jsonb"""
)
MAX_SEARCH_WORDS = 8  # words that are looked for apart; the last of them may contain spaces
# Filters by equality.
EQUAL_COLUMNS = ("state", "channel", "source", "is_duplicate")


def submission_conditions(workspace_id: int, filters: Mapping[str, Any]) -> SubmissionConditions:
    """Return the conditions for `state, channel, source, is_duplicate, lead_id, cause, job, received_after,
    received_before, ids, rejected, unconfirmed, spam_reason` and `search`. Those of a `job` are what it took. The
    `unconfirmed` ones wait for their sender to confirm the address.

    Held submissions that were rejected are left out where `state` is `quarantined` and `rejected` is not said.
    """
    where: SubmissionConditions = [
        getattr(Submission, name) == filters[name] for name in EQUAL_COLUMNS if filters.get(name) is not None
    ]
    if (filters.get("channel") or "inbound") != "inbound":
        where.append(Submission.channel != literal_column("'inbound'"))  # the condition of the channels' index
    rejected = filters.get("rejected")
    if rejected is None and filters.get("state") == "quarantined":
        rejected = False
    if rejected is not None:
        where.append(Submission.rejected_at.is_not(None) if rejected else Submission.rejected_at.is_(None))
    for name, make in CONDITION_MAKERS.items():
        if filters.get(name) is not None:
            where.append(make(workspace_id, filters[name]))
    return where


def search_condition(search: str) -> ColumnElement[bool]:
    """Return the condition that the id is the text, or the payload contains its words, in any case of ASCII letters.

    It reads every payload, so a caller bounds it. Escaped bytes are compared, since a payload may be no text.
    """
    payload = func.lower(func.encode(Submission.payload, "escape"))
    condition = and_(*[func.strpos(payload, _escaped(word)) > 0 for word in _search_words(search)])
    if (id_ := _as_uuid(search)) is not None:
        return (Submission.id == id_) | condition
    return condition


def matches_search(search: str, id_: str, payload: bytes) -> bool:
    """Return the same for a submission that is not in the table yet."""
    lowered = payload.lower()
    return all(word.lower().encode() in lowered for word in _search_words(search)) or str(_as_uuid(search)) == id_


def _search_words(search: str) -> list[str]:
    return search.split(maxsplit=MAX_SEARCH_WORDS - 1) or [search]


def _escaped(word: str) -> ColumnElement[str]:
    return func.lower(func.encode(func.convert_to(word, "UTF8"), "escape"))


def _as_uuid(text: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(text.strip())
    except ValueError:
        return None


def _lead_condition(workspace_id: int, lead_id: int) -> ColumnElement[bool]:
    of_lead = (Activity.workspace_id == workspace_id, Activity.lead_id == lead_id)
    return Submission.id.in_(select(cast(Activity.data["submission_id"].astext, Uuid)).where(*of_lead))


def _cause_condition(_: int, cause_id: int) -> ColumnElement[bool]:
    # With the condition of the causes' index.
    return and_(Submission.state == literal_column("'dead'"), Submission.cause_id == cause_id)


def _job_condition(workspace_id: int, job_id: int) -> ColumnElement[bool]:
    of_job = (JobItem.workspace_id == workspace_id, JobItem.job_id == job_id, JobItem.outcome == "done")
    return Submission.id.in_(select(JobItem.submission_id).where(*of_job))


def _unconfirmed_condition(_: int, wanted: bool) -> ColumnElement[bool]:
    waits = f"({UNCONFIRMED_SQL})" if wanted else f"NOT coalesce({UNCONFIRMED_SQL}, false)"
    return literal_column(waits, Boolean)


def _spam_reason_condition(_: int, code: str) -> ColumnElement[bool]:
    reason = func.jsonb_build_array(func.jsonb_build_object("code", literal(code, Text)))
    return Submission.spam.op("@>")(func.jsonb_build_object("reasons", reason))


CONDITION_MAKERS: dict[str, Callable[[int, Any], ColumnElement[bool]]] = {
    "lead_id": _lead_condition,
    "cause": _cause_condition,
    "job": _job_condition,
    "received_after": lambda _, value: Submission.received_at > value,
    "received_before": lambda _, value: Submission.received_at < value,
    "ids": lambda _, value: Submission.id.in_(value),
    "unconfirmed": _unconfirmed_condition,
    "spam_reason": _spam_reason_condition,
    "search": lambda _, value: search_condition(value),
}
