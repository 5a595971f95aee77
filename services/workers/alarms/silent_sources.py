"""The alarm of silent sources: it tells the workspace's admins and subscribers once, until a lead comes again.

Integrations and forms are watched by their `silence_after_minutes`, or by the minutes of their workspace once they
have sent something. The state is a column of theirs, so that several
watchers tell of a silence once.
"""

from collections.abc import Mapping
from typing import Any

from psycopg.rows import dict_row

from shared.outbound.deliveries import (
    NewDelivery,
    enqueue_deliveries,
    notification_to_user,
    webhook_to_subscription,
)
from shared.outbound.event_feed import NewFeedEvent, announce_news, record_events
from shared.outbound.mail_readers import read_alarm_readers
from shared.outbound.mail_setup import can_send_mail
from shared.outbound.staff_texts import staff_texts
from shared.outbound.webhook_events import WebhookEvent
from shared.platform.db.connections import Connection
from shared.platform.observability import logging
from shared.platform.settings import Settings

log = logging.get_logger()

SOURCE_SILENT_EVENT = "source.silent"
WATCH_INTERVAL_SECONDS = 5.0

# Their own minutes, else those of the workspace `w`.
_MINUTES = "coalesce({settings}->>'silence_after_minutes', w.alarms->'source_silent'->>'minutes')::bigint"
_INTEGRATION_MINUTES, _FORM_MINUTES = _MINUTES.format(settings="i.settings"), _MINUTES.format(settings="f.settings")
_IS_WATCHED = """({of}.settings->>'silence_after_minutes' IS NOT NULL
        OR EXISTS (SELECT FROM workspaces w
                   WHERE w.id = {of}.workspace_id AND w.alarms->'source_silent'->>'minutes' IS NOT NULL))"""

# A source speaks again with its next lead. One that is switched off, or watched no longer, is not silent either.
SPEAKS_AGAIN_SQL = f"""
UPDATE integrations i SET silent_since = NULL
WHERE silent_since IS NOT NULL
  AND (last_received_at > silent_since OR NOT is_active OR NOT {_IS_WATCHED.format(of="i")})
"""
FALLS_SILENT_SQL = f"""
UPDATE integrations i SET silent_since = now() FROM workspaces w
WHERE w.id = i.workspace_id AND i.is_active AND i.silent_since IS NULL
  AND (i.last_received_at IS NOT NULL OR i.settings->>'silence_after_minutes' IS NOT NULL)
  AND coalesce(i.last_received_at, i.created_at) < now() - {_INTEGRATION_MINUTES} * interval '1 minute'
RETURNING 'integration' AS kind, i.id, i.workspace_id, i.name, i.type, i.last_received_at, i.silent_since,
          w.name AS workspace, {_INTEGRATION_MINUTES} AS minutes
"""
# When a form was last sent is known from the figures of its channel, a second later.
_FORM_LAST_SQL = """
SELECT max(last_received_at) FROM source_statistics s
WHERE s.workspace_id = f.workspace_id AND s.channel = 'form:' || f.id
"""
FORM_SPEAKS_AGAIN_SQL = f"""
UPDATE forms f SET silent_since = NULL
WHERE silent_since IS NOT NULL
  AND (NOT is_active OR NOT {_IS_WATCHED.format(of="f")} OR ({_FORM_LAST_SQL}) > silent_since)
"""
FORM_FALLS_SILENT_SQL = f"""
UPDATE forms f SET silent_since = now()
FROM workspaces w,
     (SELECT f.id, f.workspace_id, ({_FORM_LAST_SQL}) AS last_received_at FROM forms f
      WHERE f.is_active AND f.silent_since IS NULL AND {_IS_WATCHED.format(of="f")}) last
WHERE f.id = last.id AND w.id = f.workspace_id AND f.workspace_id = last.workspace_id
  AND (last.last_received_at IS NOT NULL OR f.settings->>'silence_after_minutes' IS NOT NULL)
  AND coalesce(last.last_received_at, f.created_at) < now() - {_FORM_MINUTES} * interval '1 minute'
RETURNING 'form' AS kind, f.id, f.workspace_id, f.name, 'form' AS type, last.last_received_at, f.silent_since,
          w.name AS workspace, {_FORM_MINUTES} AS minutes
"""
SUBSCRIPTIONS_SQL = """
SELECT id FROM webhook_subscriptions
WHERE workspace_id = %s AND is_active AND (events @> ARRAY[%s] OR events @> ARRAY['*']) ORDER BY id
"""


async def watch_silences(connection: Connection, settings: Settings) -> int:
    """Look once. Return how many sources have fallen silent."""
    async with connection.transaction():
        await connection.execute(SPEAKS_AGAIN_SQL)
        await connection.execute(FORM_SPEAKS_AGAIN_SQL)
        async with connection.cursor(row_factory=dict_row) as cursor:
            silent = await (await cursor.execute(FALLS_SILENT_SQL)).fetchall()
            silent += await (await cursor.execute(FORM_FALLS_SILENT_SQL)).fetchall()
        for source in silent:
            await enqueue_deliveries(connection, await _messages_of(connection, source, settings))
            log.warning("source.silent", workspace_id=source["workspace_id"], kind=source["kind"], id=source["id"])
        news = await record_events(
            connection, [NewFeedEvent(source["workspace_id"], _silence_event(source)) for source in silent]
        )
    await announce_news(connection, news)
    return len(silent)


async def _messages_of(connection: Connection, source: Mapping[str, Any], settings: Settings) -> list[NewDelivery]:
    workspace_id = source["workspace_id"]
    subscriptions = await connection.execute(SUBSCRIPTIONS_SQL, (workspace_id, SOURCE_SILENT_EVENT))
    event = _silence_event(source)
    messages = [webhook_to_subscription(workspace_id, id_, event) for (id_,) in await subscriptions.fetchall()]
    if await can_send_mail(connection, settings, workspace_id):
        messages += [
            notification_to_user(workspace_id, admin.user_id, *_mail_texts(source, admin.language))
            for admin in await read_alarm_readers(connection, "source_silent", [workspace_id])
        ]
    return messages


def _silence_event(source: Mapping[str, Any]) -> WebhookEvent:
    return WebhookEvent(SOURCE_SILENT_EVENT, source["silent_since"], None, None, _event_data(source))


def _event_data(source: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "integration_id": source["id"] if source["kind"] == "integration" else None,
        "form_id": source["id"] if source["kind"] == "form" else None,
        "name": source["name"],
        "type": source["type"],
        "last_received_at": source["last_received_at"],
        "silence_after_minutes": source["minutes"],
    }


def _mail_texts(source: Mapping[str, Any], language: str | None) -> tuple[str, str]:
    texts, last = staff_texts(language), source["last_received_at"]
    return texts.mail(
        "source_silent",
        **{name: source[name] for name in ("name", "type", "workspace")},
        since=last.isoformat(timespec="seconds") if last else texts.fill("source_silent", "made"),
        minutes=texts.counted("minutes", source["minutes"]),
    )
