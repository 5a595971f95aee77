"""Tell the admins of a workspace once a week what forms hold as spam, so that nothing honest is forgotten there.

The first digest comes a day after the first submission was held. A week without new ones has none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg.rows import dict_row

from shared.outbound.deliveries import NewDelivery, enqueue_deliveries, notification_to_user
from shared.outbound.mail_readers import read_alarm_readers
from shared.outbound.staff_texts import StaffTexts, staff_texts
from shared.platform.db.connections import Connection
from shared.platform.settings import Settings
from shared.spam.stored_sentences import split_sentence

DIGEST_CHECK_SECONDS = 600.0
MAX_DIGESTS_AT_ONCE = 100  # workspaces
MAX_NAMED_REASONS = 5

# Those that wait for a confirmation are nobody's business, unless no mail asked for it. A constant state in the
# condition, so that the index of submissions that are not done is used.
_HELD_SQL = """state = 'quarantined' AND rejected_at IS NULL AND channel LIKE 'form:%%'
      AND (NOT coalesce(spam @> '{"reasons": [{"code": "unconfirmed"}]}', false)
           OR spam @> '{"reasons": [{"code": "confirmation_unsent"}]}')"""
DUE_WORKSPACES_SQL = f"""
WITH held AS (
    SELECT workspace_id, min(received_at) AS first, max(received_at) AS last FROM submissions
    WHERE {_HELD_SQL} GROUP BY 1
)
UPDATE workspaces w SET spam_digest_at = now()
FROM (SELECT w.id, w.spam_digest_at AS told FROM workspaces w JOIN held h ON h.workspace_id = w.id
      WHERE CASE WHEN w.spam_digest_at IS NULL THEN h.first < now() - interval '1 day'
                 ELSE w.spam_digest_at < now() - interval '7 days' AND h.last > w.spam_digest_at END
      LIMIT {MAX_DIGESTS_AT_ONCE} FOR UPDATE OF w SKIP LOCKED) due
WHERE w.id = due.id RETURNING w.id, w.name, w.slug, due.told
"""
HELD_FIGURES_SQL = f"""
SELECT count(*)::int AS held, count(*) FILTER (WHERE received_at > coalesce(%s::timestamptz, '-infinity'))::int AS new
FROM submissions
WHERE workspace_id = %s AND {_HELD_SQL}
"""
HELD_REASONS_SQL = f"""
SELECT reason->>'code' AS code, min(reason->>'text') AS text, count(*)::int AS n
FROM submissions s, jsonb_array_elements(s.spam->'reasons') AS reason
WHERE workspace_id = %s AND {_HELD_SQL}
GROUP BY 1 ORDER BY 3 DESC, 1 LIMIT {MAX_NAMED_REASONS}
"""


@dataclass(frozen=True, slots=True)
class HeldDigest:
    """What a digest tells. `figures`: `held` and `new`; each of `reasons` has its stored `text` and number `n`."""

    workspace: str
    link: str
    figures: Mapping[str, int]
    reasons: Sequence[Mapping[str, Any]]

    def written_for(self, language: str | None) -> tuple[str, str]:
        """Return the subject and the body."""
        texts = staff_texts(language)
        return texts.mail(
            "held_digest",
            held=texts.counted("submissions", self.figures.get("held", 0)),
            new=self.figures.get("new", 0),
            workspace=self.workspace,
            reasons="\n".join(f"- {texts.counted('times', one['n'])}: {_reason(texts, one)}" for one in self.reasons),
            link=self.link,
        )


async def send_digests(connection: Connection, settings: Settings) -> int:
    """Write the digests that are due. Return how many workspaces got one."""
    async with connection.transaction(), connection.cursor(row_factory=dict_row) as cursor:
        due = await (await cursor.execute(DUE_WORKSPACES_SQL)).fetchall()
        for workspace in due:
            await enqueue_deliveries(connection, await _digests_of(connection, workspace, settings))
    return len(due)


async def _digests_of(connection: Connection, workspace: Mapping[str, Any], settings: Settings) -> list[NewDelivery]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        figures = await (await cursor.execute(HELD_FIGURES_SQL, (workspace["told"], workspace["id"]))).fetchone()
        reasons = await (await cursor.execute(HELD_REASONS_SQL, (workspace["id"],))).fetchall()
    base = settings.configured_base_url
    digest = HeldDigest(workspace["name"], f"{base}/console/{workspace['slug']}/quarantine", figures or {}, reasons)
    return [
        notification_to_user(workspace["id"], admin.user_id, *digest.written_for(admin.language))
        for admin in await read_alarm_readers(connection, "held_digest", [workspace["id"]])
    ]


def _reason(texts: StaffTexts, reason: Mapping[str, Any]) -> str:
    template, values = split_sentence(reason["text"])
    return texts.sentence(template, **values)
