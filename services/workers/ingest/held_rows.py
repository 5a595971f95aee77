"""Submissions of visitors that are held: likely spam, and those whose sender has not confirmed the address yet.

They make no lead, and nothing acts on them until they are released.
"""

from collections.abc import Callable, Sequence
from typing import Any

import orjson

from services.workers.ingest.double_opt_in_mails import (
    count_confirmations,
    take_confirmation_mail,
    unconfirmed_reasons,
)
from services.workers.mail_limits.mail_allowance import MailRefusal
from shared.leads.apply_batch import JsonRow, submission_row
from shared.leads.submission import HOLD_KEYS, AcceptedSubmission
from shared.outbound.deliveries import enqueue_deliveries
from shared.platform.db.connections import StatementExecutor, as_json

# The insert fails for a submission that was ingested before, as that of a batch does.
HOLD_SQL = """
WITH held AS (
    SELECT * FROM json_to_recordset(%s::json) AS s(
        w bigint, id uuid, at bigint, channel text, source text, key_id bigint, payload text, warnings text[],
        attempts smallint, spam jsonb)
), counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n) SELECT w, 'quarantined', count(*) FROM held GROUP BY w
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, key_id, payload, warnings, attempts,
                         spam)
SELECT w, id, to_timestamp(at / 1000.0), 'quarantined', channel, source, key_id, convert_to(payload, 'UTF8'), warnings,
       attempts, spam
FROM held ORDER BY w, id
"""


def split_held(
    submissions: Sequence[AcceptedSubmission],
) -> tuple[list[AcceptedSubmission], list[AcceptedSubmission]]:
    """Return the submissions that go on, and those that are held."""
    held = [one for one in submissions if (form := one.form) and any(form.get(key) for key in HOLD_KEYS)]
    if not held:
        return list(submissions), held
    away = {id(one) for one in held}
    return [one for one in submissions if id(one) not in away], held


async def settle_held(
    connection: StatementExecutor, held: Sequence[AcceptedSubmission], read_key: Callable[[], str]
) -> None:
    """Store held submissions as quarantined, with their scores and reasons. Ask the senders who have to confirm.

    It counts mails, and so takes the last locks of the transaction.
    """
    mails = {one.id: mail for one in held if (mail := take_confirmation_mail(one))}
    refusals = await count_confirmations(connection, [one for one in held if one.id in mails], read_key)
    await connection.execute(HOLD_SQL, (as_json([_held_row(one, refusals.get(one.id)) for one in held]),))
    if wanted := [mail for id_, mail in mails.items() if id_ not in refusals]:
        await enqueue_deliveries(connection, wanted)


def _held_row(submission: AcceptedSubmission, refusal: MailRefusal | None) -> JsonRow:
    record = submission_row(submission)
    form: dict[str, Any] = submission.form or {}
    spam = form.get("spam") or {"score": 0, "reasons": []}
    if form.get("is_unconfirmed"):
        spam = {**spam, "reasons": [*unconfirmed_reasons(refusal), *spam["reasons"]]}
    return {**record, "payload": orjson.dumps(record["payload"]).decode(), "spam": spam}
