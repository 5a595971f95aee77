"""What a change of a workspace's settings would do, told before it is saved."""

from typing import Any

from shared.platform.db.connections import Connection
from shared.workspace_changes import effect_counts
from shared.workspace_changes.alarm_effects import alarm_effects
from shared.workspace_changes.mail_effects import mail_effects
from shared.workspace_changes.setting_effect import SettingEffect
from shared.workspace_changes.workspace_fields import changed_settings
from shared.workspace_changes.workspace_record import WorkspaceJson

MAX_COUNTED_ENTRIES = 20  # entries of `never_join` whose leads are counted


async def preview_effects(
    connection: Connection, before: WorkspaceJson, after: WorkspaceJson, installation_days: int
) -> list[SettingEffect]:
    """Return the effects of a change, by setting. The connection is in autocommit mode."""
    effects: list[SettingEffect] = []
    for field, (was, now) in changed_settings(before, after).items():
        if field == "mail":
            effects += await mail_effects(connection, before["id"], before["mail"], after["mail"])
            continue
        if field.startswith("alarms."):
            effects += await alarm_effects(connection, before["id"], field.removeprefix("alarms."), was, now)
            continue
        effects += await _effects_of(connection, before["id"], field, was, now, installation_days)
    return effects


async def _effects_of(
    connection: Connection, workspace_id: int, field: str, was: Any, now: Any, installation_days: int
) -> list[SettingEffect]:
    named = {"w": workspace_id}
    if field == "name":
        return [SettingEffect(field, "renamed")]
    if field == "country":
        return await _country_effects(connection, workspace_id, was, now)
    if field == "timezone":
        count = await effect_counts.count_one(connection, effect_counts.WAITING_AUTOMATIONS_SQL, named)
        return [SettingEffect(field, "zone_of_automations", count)]
    if field == "merge_policy":
        row = await effect_counts.count_row(connection, effect_counts.DUPLICATES_SQL, named)
        return [SettingEffect(field, "duplicates_changed", row[2] if row else None, row[0] if row else None)]
    if field == "fold_gmail":
        if not now:
            return [SettingEffect(field, "gmail_apart")]
        count = await effect_counts.count_one(connection, effect_counts.GMAIL_SQL, named)
        return [SettingEffect(field, "gmail_joins", count)]
    if field == "never_join":
        return await _list_effects(connection, workspace_id, was, now)
    if field == "spam_threshold":
        return await _spam_effects(connection, workspace_id, was, now)
    return [await _retention_effect(connection, workspace_id, field, (was, now), installation_days)]


async def _country_effects(connection: Connection, workspace_id: int, was: str | None, now: str) -> list[SettingEffect]:
    phones = await effect_counts.reread_phones(connection, workspace_id, was, now)
    stay = SettingEffect("country", "phones_stay")
    if phones is None:
        return [SettingEffect("country", "phones_read_otherwise"), stay]
    effects = [SettingEffect("country", "phones_read_otherwise", phones.other_numbers, phones.all_phones)]
    if phones.unreadable:
        effects.append(SettingEffect("country", "phones_unreadable", phones.unreadable, phones.all_phones))
    return [*effects, stay]


async def _list_effects(
    connection: Connection, workspace_id: int, was: list[str], now: list[str]
) -> list[SettingEffect]:
    effects = []
    for entry in [entry for entry in now if entry not in was][:MAX_COUNTED_ENTRIES]:
        count = await effect_counts.count_leads_with(connection, workspace_id, entry)
        effects.append(SettingEffect("never_join", "entry_added", count, entry=entry))
    gone = [entry for entry in was if entry not in now][:MAX_COUNTED_ENTRIES]
    return effects + [SettingEffect("never_join", "entry_removed", entry=entry) for entry in gone]


async def _spam_effects(connection: Connection, workspace_id: int, was: int, now: int) -> list[SettingEffect]:
    values = {"w": workspace_id, "was": was, "now": now}
    row = await effect_counts.count_row(connection, effect_counts.JUDGED_FORMS_SQL, values)
    of, held, let_through = row or (None, None, None)
    is_stricter = now > 0 and (was == 0 or now < was)
    effects = [
        SettingEffect("spam_threshold", "spam_held", held, of)
        if is_stricter
        else SettingEffect("spam_threshold", "spam_let_through", let_through, of)
    ]
    return effects if now > 0 else [*effects, SettingEffect("spam_threshold", "spam_rules_only")]


async def _retention_effect(
    connection: Connection, workspace_id: int, field: str, pair: tuple[int | None, int | None], installation_days: int
) -> SettingEffect:
    kind = field.removeprefix("retention.")
    forever = None if kind == "activities_days" else installation_days
    was, now = (days if days is not None else forever for days in pair)
    if now is None or (was is not None and now >= was):
        return SettingEffect(field, "rows_kept")
    values = {"w": workspace_id, "days": now}
    count = await effect_counts.count_one(connection, effect_counts.OLD_ROWS_SQL[kind], values)
    return SettingEffect(field, "rows_deleted", count, is_final=count != 0)
