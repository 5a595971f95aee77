"""Write a batch with one statement and a few JSON documents, however many leads it has.

`row_encoding.py` describes how the documents are encoded and read.
"""

import secrets
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import orjson
import psycopg

from services.workers.ingest.row_encoding import encode_rows, parse_columns, rows_query
from services.workers.libpq_pipeline import Follower
from shared.accounting import counters
from shared.intake.verdicts import VerdictReply, encode_replies
from shared.leads.apply_batch import WITHOUT_AUTOMATIONS, BatchWrites, JsonRow
from shared.leads.submission import AcceptedSubmission
from shared.platform.db.connections import StatementExecutor, as_json
from shared.platform.db.late_notices import NOTICES_SQL, Notice

SUBMISSION_COLUMNS = parse_columns(
    "w bigint, id uuid, at float8, channel text, source text, key_id bigint, lead_id bigint, is_duplicate boolean, "
    "matched_on text[], first int, size int, changes jsonb, warnings text[], attempts smallint, activity text, "
    "data jsonb"
)
MERGED_LEAD_COLUMNS = parse_columns(
    "workspace_id bigint, id bigint, first_name text, last_name text, email text, email_as_given text, phone text, "
    "company text, job_title text, country text, notes text, custom_fields jsonb, tag_ids bigint[], submitted_at float8"
)
NEW_LEAD_COLUMNS = MERGED_LEAD_COLUMNS | parse_columns(
    "source text, status text, starred boolean, pipeline_id bigint, pipeline_stage_id bigint, assigned_user_id bigint, "
    "created_at float8"
)

# The statement has only the parts that a batch needs: a part without rows would still open all indexes of `leads` and
# fire its triggers, which costs as much as the rest of a small batch.
# Payloads are a separate parameter, one string of bytes, since they are stored without being parsed.
SENT_CTE = f"sent AS MATERIALIZED ({rows_query(SUBMISSION_COLUMNS)})"
CREATED_LEADS_CTE = f"""
created AS (
    INSERT INTO leads (workspace_id, id, first_name, last_name, email, email_as_given, phone, company, job_title,
                       country, source, status, starred, pipeline_id, pipeline_stage_id, assigned_user_id, notes,
                       custom_fields, tag_ids, created_at, updated_at, submitted_at)
    SELECT workspace_id, id, first_name, last_name, email, email_as_given, phone, company, job_title, country, source,
           status, starred, pipeline_id, pipeline_stage_id, assigned_user_id, notes, custom_fields, tag_ids,
           to_timestamp(created_at / 1000), to_timestamp(created_at / 1000), to_timestamp(submitted_at / 1000)
    FROM ({rows_query(NEW_LEAD_COLUMNS)}) AS l
)
"""
UPDATED_LEADS_CTE = f"""
updated AS (
    UPDATE leads l SET
        first_name = u.first_name, last_name = u.last_name, email = u.email, email_as_given = u.email_as_given,
        phone = u.phone, company = u.company, job_title = u.job_title, country = u.country, notes = u.notes,
        custom_fields = u.custom_fields, tag_ids = u.tag_ids, updated_at = now(),
        submitted_at = to_timestamp(u.submitted_at / 1000)
    FROM ({rows_query(MERGED_LEAD_COLUMNS)}) AS u
    WHERE l.workspace_id = u.workspace_id AND l.id = u.id
)
"""
# The other columns stay as they are, so that no index is written to. Without this time an older submission that comes
# late would overwrite what the newest one has confirmed.
RESUBMITTED_LEADS_CTE = """
resubmitted AS (
    UPDATE leads l SET submitted_at = to_timestamp(u.at / 1000)
    FROM json_to_recordset(%s::json) AS u(w bigint, id bigint, at float8)
    WHERE l.workspace_id = u.w AND l.id = u.id
)
"""
_ACTIVITIES_CTE = """
remembered AS (
    INSERT INTO activities (workspace_id, lead_id, type, data)
    SELECT w, lead_id, activity, data FROM sent {returning}
)
"""
ACTIVITIES_CTE = _ACTIVITIES_CTE.format(returning="")
# For workspaces with rules or subscriptions that wait for events.
_EVENTS_CTE = """
told AS (
    INSERT INTO events (workspace_id, type, lead_id, activity_id)
    SELECT workspace_id, type, lead_id, id FROM remembered WHERE workspace_id = ANY(%b::bigint[])
"""
ACTIVITIES_AND_EVENTS_CTE = f"""
{_ACTIVITIES_CTE.format(returning="RETURNING id, workspace_id, lead_id, type")}, {_EVENTS_CTE})
"""
# For batches with submissions that were replayed without automations.
ACTIVITIES_AND_SOME_EVENTS_CTE = f"""
{_ACTIVITIES_CTE.format(returning="RETURNING id, workspace_id, lead_id, type, data")}, {_EVENTS_CTE}
    AND NOT data ? '{WITHOUT_AUTOMATIONS}')
"""
SUBMISSIONS_CTE = """
stored AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, key_id, lead_id,
                             is_duplicate, matched_on, payload, changes, warnings, attempts)
    SELECT w, id, to_timestamp(at / 1000), 'done', channel, source, key_id, lead_id, is_duplicate,
           matched_on, substring(%b::bytea FROM first FOR size), changes, warnings, attempts
    FROM sent ORDER BY w, id
)
"""
# For batches with visitors' submissions that have a score of spam.
SUBMISSIONS_WITH_SPAM_CTE = """
stored AS (
    INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, key_id, lead_id,
                             is_duplicate, matched_on, payload, changes, warnings, attempts, spam)
    SELECT w, id, to_timestamp(at / 1000), 'done', channel, source, key_id, lead_id, is_duplicate,
           matched_on, substring(%b::bytea FROM first FOR size), changes, warnings, attempts, scored.spam
    FROM sent LEFT JOIN json_to_recordset(%s::json) AS scored(w bigint, id uuid, spam jsonb) USING (w, id)
    ORDER BY w, id
)
"""

POSSIBLE_DUPLICATES_SQL = """
INSERT INTO possible_duplicates (workspace_id, lead_id, other_id, reason, score)
SELECT w, lead_id, other, reason, 100
FROM json_to_recordset(%s::json) AS p(w bigint, lead_id bigint, other bigint, reason text)
ORDER BY 1, 2, 3 ON CONFLICT DO NOTHING
"""

# The leads are locked by then. Several submissions of one lead are one row. Those of one millisecond count in
# their order, as they would in batches of their own.
ATTRIBUTIONS_SQL = """
INSERT INTO lead_attributions AS a (workspace_id, lead_id, first_at, first, last_at, last)
SELECT w, lead_id, to_timestamp(min(at) / 1000.0), (array_agg(coalesce(first, attribution) ORDER BY at, n))[1],
       to_timestamp(max(at) / 1000.0), (array_agg(attribution ORDER BY at DESC, n DESC))[1]
FROM ROWS FROM (json_to_recordset(%s::json) AS (w bigint, lead_id bigint, at bigint, attribution jsonb, first jsonb))
     WITH ORDINALITY AS s(w, lead_id, at, attribution, first, n)
GROUP BY w, lead_id ORDER BY w, lead_id
ON CONFLICT (workspace_id, lead_id) DO UPDATE SET
    first = CASE WHEN excluded.first_at < a.first_at THEN excluded.first ELSE a.first END,
    first_at = least(a.first_at, excluded.first_at),
    last = CASE WHEN excluded.last_at >= a.last_at THEN excluded.last ELSE a.last END,
    last_at = greatest(a.last_at, excluded.last_at)
"""

LEDGER_DELTAS_CTE = """
counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT (d->>0)::bigint, d->>1, (d->>2)::bigint FROM json_array_elements(%s::json) d
)
"""
# A setting of the session that keeps its value only if the batch commits. The verdicts are sent behind the commit,
# before its result is known, and go out only if the setting has the value of their batch.
MARK_BATCH_SQL = "SELECT set_config('leadhub.committed_batch', %s, false)"
NOTIFY_GATEWAYS_SQL = f"{NOTICES_SQL} WHERE current_setting('leadhub.committed_batch', true) = %s"

StatementPart = tuple[str, Sequence[Any]]  # part of a statement: its text and its parameters
StatementParts = list[StatementPart]


def is_redelivery(error: Exception) -> bool:
    """Return whether the error says that some submissions were ingested before. The batch must run again without them.

    The insert raises this error. `ON CONFLICT DO NOTHING` would look up each row first, and reading a count before the
    commit would cost a round trip, both for a case that is very rare.
    """
    if not isinstance(error, psycopg.errors.UniqueViolation):
        return False
    return (error.diag.table_name or "").startswith("submissions")


async def write_batch(connection: StatementExecutor, written: BatchWrites) -> None:
    """Write the rows of a batch. Raises UniqueViolation (see `is_redelivery`) if a submission's row exists already."""
    await _write_separately(connection, written)
    await _execute_parts(connection, [*_row_parts(written), _ledger_part(written)], ("SELECT 1", ()))


async def finish_batch(
    connection: StatementExecutor,
    dropped: Sequence[AcceptedSubmission],
    replies: dict[str, list[VerdictReply]],
    written: BatchWrites | None = None,
) -> list[Follower]:
    """Correct the ledger for repeats. Return what brings the verdicts to waiting callers after the commit.

    The commit waits for the disk even if no caller waits: its results are visible at once, and a crash must not lead to
    a second decision under other ids. The rows of `written` are written by the same statement.
    """
    notices: list[Notice] = [(channel, text) for channel, told in replies.items() for text in encode_replies(told)]
    mark = secrets.token_hex(8)
    parts: StatementParts = [_ledger_part(written, dropped)]
    if written:
        await _write_separately(connection, written)
        parts = [*_row_parts(written), *parts]
    await _execute_parts(connection, parts, (MARK_BATCH_SQL, (mark,)))
    return [(NOTIFY_GATEWAYS_SQL, (as_json(notices), mark))] if notices else []


async def _write_separately(connection: StatementExecutor, written: BatchWrites) -> None:
    if written.possible_duplicates:
        await connection.execute(POSSIBLE_DUPLICATES_SQL, (as_json(written.possible_duplicates),))
    if written.attributions:
        await connection.execute(ATTRIBUTIONS_SQL, (as_json(written.attributions),))
    await counters.add_counts(connection, written.counter_deltas)


def _row_parts(written: BatchWrites) -> StatementParts:
    payloads = b"".join(_pop_payloads(written.submissions))
    parts: StatementParts = [(SENT_CTE, (encode_rows(written.submissions, SUBMISSION_COLUMNS),))]
    if written.created:
        parts.append((CREATED_LEADS_CTE, (encode_rows(written.created.values(), NEW_LEAD_COLUMNS),)))
    if written.updated:
        parts.append((UPDATED_LEADS_CTE, (encode_rows(written.updated.values(), MERGED_LEAD_COLUMNS),)))
    if written.resubmitted:
        times = [
            {"w": lead["workspace_id"], "id": id_, "at": lead["submitted_at"]}
            for id_, lead in written.resubmitted.items()
        ]
        parts.append((RESUBMITTED_LEADS_CTE, (as_json(times),)))
    events = ACTIVITIES_AND_SOME_EVENTS_CTE if written.has_quiet else ACTIVITIES_AND_EVENTS_CTE
    parts.append((events, (written.watched_workspaces,)) if written.watched_workspaces else (ACTIVITIES_CTE, ()))
    if written.spam:
        return [*parts, (SUBMISSIONS_WITH_SPAM_CTE, (payloads, as_json(written.spam)))]
    return [*parts, (SUBMISSIONS_CTE, (payloads,))]


def _ledger_part(written: BatchWrites | None, dropped: Sequence[AcceptedSubmission] = ()) -> StatementPart:
    """Return the ledger's changes. A dropped repeat was counted as accepted once too often, so that is subtracted."""
    counts = Counter([(record["w"], "done") for record in written.submissions] if written else [])
    counts.subtract([(submission.workspace_id, "accepted") for submission in dropped])
    return LEDGER_DELTAS_CTE, (as_json([[*key, n] for key, n in counts.items()]),)


def _pop_payloads(submissions: Sequence[JsonRow]) -> Iterator[bytes]:
    """Remove and yield the payloads. Note each one's position among all of them, from 1 as in SQL, in its record."""
    first = 1
    for record in submissions:
        payload = orjson.dumps(record.pop("payload"))
        record["first"], record["size"] = first, len(payload)
        first += len(payload)
        yield payload


async def _execute_parts(connection: StatementExecutor, parts: StatementParts, last: tuple[str, Sequence[Any]]) -> None:
    statement = "WITH " + ", ".join([text for text, _ in parts]) + last[0]
    await connection.execute(statement, [value for _, values in (*parts, last) for value in values])
