"""A cache of the rules of workspaces, validated by their versions."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from services.workers.automations.event_subscribers import WorkspaceRules
from services.workers.automations.types import ActiveAutomation
from services.workers.conversions.conversion_triggers import ConversionRules
from services.workers.outbox.webhook_subscriptions import ActiveSubscription
from shared.platform.db.connections import Connection
from shared.scoring.score_points import ActiveScoringRule

MAX_CACHED_RULE_SETS = 10_000  # workspaces in memory

RULE_VERSIONS_SQL = "SELECT workspace_id, version FROM rule_versions WHERE workspace_id = ANY(%s)"
ACTIVE_AUTOMATIONS_SQL = """
SELECT workspace_id, id, name, trigger, steps, secrets FROM automations
WHERE workspace_id = ANY(%s) AND is_active ORDER BY id
"""
SCORING_RULES_SQL = """
SELECT workspace_id, field, operator, value, points FROM scoring_rules WHERE workspace_id = ANY(%s) AND is_active
"""
ACTIVE_SUBSCRIPTIONS_SQL = """
SELECT workspace_id, id, events, filters, filter_expression FROM webhook_subscriptions
WHERE workspace_id = ANY(%s) AND is_active ORDER BY id
"""
NOTIFYING_FORMS_SQL = """
SELECT workspace_id, id FROM forms
WHERE workspace_id = ANY(%s) AND (settings->'notify_emails' <> '[]' OR settings ? 'auto_reply')
"""
CONVERSION_RULES_SQL = """
SELECT workspace_id, id, settings->'conversions'->'events' FROM integrations
WHERE workspace_id = ANY(%s) AND is_active AND type IN ('meta_conversions', 'google_data_manager')
  AND settings->'conversions'->'events' <> '[]' ORDER BY id
"""
RECORDING_FEEDS_SQL = "SELECT workspace_id FROM event_feeds WHERE workspace_id = ANY(%s) AND is_recording"
WORKSPACES_WITH_POINTS_SQL = """
SELECT id FROM unnest(%s::bigint[]) id
WHERE EXISTS (SELECT 1 FROM lead_points WHERE workspace_id = id AND points <> 0)
"""


class RulesCache:
    """Caches the rules of workspaces in a process."""

    def __init__(self) -> None:
        self._rules: dict[int, tuple[int, WorkspaceRules]] = {}

    async def get_rules(self, connection: Connection, workspace_ids: Iterable[int]) -> dict[int, WorkspaceRules]:
        """Return the current rules. One short row for each workspace tells whether its cached rules are still valid."""
        if len(self._rules) > MAX_CACHED_RULE_SETS:
            self._rules.clear()
        wanted = list(set(workspace_ids))
        rows = await (await connection.execute(RULE_VERSIONS_SQL, (wanted,))).fetchall()
        versions: dict[int, int] = {row[0]: row[1] for row in rows}
        stale = [id_ for id_ in wanted if self._rules.get(id_, (None,))[0] != versions.get(id_, 0)]
        if stale:
            await self._load_rules(connection, stale, versions)
        return {id_: self._rules[id_][1] for id_ in wanted}

    async def _load_rules(self, connection: Connection, workspace_ids: list[int], versions: dict[int, int]) -> None:
        """Load rules into the cache.

        The versions were read before. A change in between has a higher version, which causes one more load.
        """
        automations: dict[int, list[ActiveAutomation]] = defaultdict(list)
        for row in await _fetch_rows(connection, ACTIVE_AUTOMATIONS_SQL, workspace_ids):
            automations[row[0]].append(ActiveAutomation(row[1], row[0], *row[2:]))
        scoring: dict[int, list[ActiveScoringRule]] = defaultdict(list)
        for row in await _fetch_rows(connection, SCORING_RULES_SQL, workspace_ids):
            scoring[row[0]].append(ActiveScoringRule({"field": row[1], "operator": row[2], "value": row[3]}, row[4]))
        subscriptions: dict[int, list[ActiveSubscription]] = defaultdict(list)
        for row in await _fetch_rows(connection, ACTIVE_SUBSCRIPTIONS_SQL, workspace_ids):
            subscriptions[row[0]].append(ActiveSubscription(row[1], frozenset(row[2]), *row[3:]))
        forms: dict[int, list[int]] = defaultdict(list)
        for row in await _fetch_rows(connection, NOTIFYING_FORMS_SQL, workspace_ids):
            forms[row[0]].append(row[1])
        conversions: dict[int, list[ConversionRules]] = defaultdict(list)
        for row in await _fetch_rows(connection, CONVERSION_RULES_SQL, workspace_ids):
            conversions[row[0]].append(ConversionRules(row[1], row[2]))
        holding = {row[0] for row in await _fetch_rows(connection, WORKSPACES_WITH_POINTS_SQL, workspace_ids)}
        recording = {row[0] for row in await _fetch_rows(connection, RECORDING_FEEDS_SQL, workspace_ids)}
        for id_ in workspace_ids:
            points = id_ in holding
            filed = WorkspaceRules.from_active(
                automations[id_],
                scoring[id_],
                subscriptions[id_],
                holds_points=points,
                forms=forms[id_],
                conversions=conversions[id_],
                has_feed=id_ in recording,
            )
            self._rules[id_] = versions.get(id_, 0), filed


async def _fetch_rows(connection: Connection, statement: str, workspace_ids: list[int]) -> list[tuple[Any, ...]]:
    return await (await connection.execute(statement, (workspace_ids,))).fetchall()
