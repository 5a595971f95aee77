"""What a change of a workspace's alarm would do: who is told, and when it would have rung."""

from typing import Any

from shared.operations.alarm_thresholds import LEAST_DEAD_LETTERS
from shared.operations.workspace_alarms import ALARM_MEASURES
from shared.platform.db.connections import Connection
from shared.workspace_changes.alarm_readers import count_readers
from shared.workspace_changes.effect_counts import count_one
from shared.workspace_changes.setting_effect import SettingEffect

# Of half hours, which the history keeps for two days.
DEAD_HALF_HOURS_SQL = f"""
SELECT count(*) FROM (
    SELECT FROM minute_statistics
    WHERE workspace_id = %(w)s AND step IN (60, 1800) AND at > clock_timestamp() - interval '2 days'
    GROUP BY date_bin('30 minutes', at, 'epoch')
    HAVING sum(dead) >= {LEAST_DEAD_LETTERS} AND 100 * sum(dead) >= %(limit)s * sum(done + dead + quarantined)
) bad
"""
WAITING_HALF_HOURS_SQL = """
SELECT count(DISTINCT date_bin('30 minutes', at, 'epoch')) FROM lane_statistics
WHERE workspace_id = %(w)s AND step IN (60, 1800) AND at > clock_timestamp() - interval '2 days'
  AND lane IN ('automations', 'deliveries') AND oldest_s >= 60 * %(limit)s
"""
SILENT_NOW_SQL = """
SELECT (SELECT count(*) FROM integrations WHERE workspace_id = %(w)s AND is_active
            AND settings->>'silence_after_minutes' IS NULL
            AND last_received_at < now() - make_interval(mins => %(limit)s))
     + (SELECT count(*) FROM forms f WHERE workspace_id = %(w)s AND is_active
            AND settings->>'silence_after_minutes' IS NULL
            AND (SELECT max(last_received_at) FROM source_statistics s
                 WHERE s.workspace_id = f.workspace_id AND s.channel = 'form:' || f.id)
                < now() - make_interval(mins => %(limit)s))
"""
RINGING_COUNTS = {
    "dead_letters": ("alarm_rang", DEAD_HALF_HOURS_SQL),
    "waiting": ("alarm_rang", WAITING_HALF_HOURS_SQL),
    "source_silent": ("alarm_silent", SILENT_NOW_SQL),
}


async def alarm_effects(
    connection: Connection, workspace_id: int, code: str, was: dict[str, Any], now: dict[str, Any]
) -> list[SettingEffect]:
    """Return the effects. The connection is in autocommit mode."""
    field, effects = f"alarms.{code}", []
    if was["user_ids"] != now["user_ids"]:
        number = await count_readers(connection, workspace_id, now["user_ids"])
        effects.append(SettingEffect(field, "alarm_told", number) if number else SettingEffect(field, "alarm_untold"))
    measure = ALARM_MEASURES.get(code)
    if not measure or was[measure] == now[measure]:
        return effects
    if now[measure] is None:
        return [*effects, SettingEffect(field, "alarm_own_numbers")]
    effect, statement = RINGING_COUNTS[code]
    count = await count_one(connection, statement, {"w": workspace_id, "limit": now[measure]})
    return [*effects, SettingEffect(field, effect, count)]
