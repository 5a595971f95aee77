"""A cache of the rules of workspaces, validated by their versions."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from services.workers.automations.match import Rules, ScoringRule, Subscription
from services.workers.automations.values import Automation
from shared.db import Connection

MOST = 10_000  # workspaces in memory

VERSIONS = "SELECT workspace_id, version FROM rule_versions WHERE workspace_id = ANY(%s)"
AUTOMATIONS = """
SELECT workspace_id, id, name, trigger, steps, secrets FROM automations
WHERE workspace_id = ANY(%s) AND is_active ORDER BY id
"""
SCORING = """
SELECT workspace_id, field, operator, value, points FROM scoring_rules WHERE workspace_id = ANY(%s) AND is_active
"""
SUBSCRIPTIONS = """
SELECT workspace_id, id, events FROM webhook_subscriptions WHERE workspace_id = ANY(%s) AND is_active ORDER BY id
"""
FORMS = """
SELECT workspace_id, id FROM forms WHERE workspace_id = ANY(%s) AND settings->'notify_emails' <> '[]'
"""
POINTS = """
SELECT id FROM unnest(%s::bigint[]) id
WHERE EXISTS (SELECT 1 FROM lead_points WHERE workspace_id = id AND points <> 0)
"""


class Book:
    """Caches the rules of workspaces in a process."""

    def __init__(self) -> None:
        self._rules: dict[int, tuple[int, Rules]] = {}

    async def of(self, connection: Connection, workspace_ids: Iterable[int]) -> dict[int, Rules]:
        """Return the current rules. One short row for each workspace tells whether its cached rules are still valid."""
        if len(self._rules) > MOST:
            self._rules.clear()
        wanted = list(set(workspace_ids))
        rows = await (await connection.execute(VERSIONS, (wanted,))).fetchall()
        versions: dict[int, int] = {row[0]: row[1] for row in rows}
        stale = [id_ for id_ in wanted if self._rules.get(id_, (None,))[0] != versions.get(id_, 0)]
        if stale:
            await self._load(connection, stale, versions)
        return {id_: self._rules[id_][1] for id_ in wanted}

    async def _load(self, connection: Connection, workspace_ids: list[int], versions: dict[int, int]) -> None:
        """Load rules into the cache.

        The versions were read before. A change in between has a higher version, which causes one more load.
        """
        automations: dict[int, list[Automation]] = defaultdict(list)
        for row in await _rows(connection, AUTOMATIONS, workspace_ids):
            automations[row[0]].append(Automation(row[1], row[0], *row[2:]))
        scoring: dict[int, list[ScoringRule]] = defaultdict(list)
        for row in await _rows(connection, SCORING, workspace_ids):
            scoring[row[0]].append(ScoringRule({"field": row[1], "operator": row[2], "value": row[3]}, row[4]))
        subscriptions: dict[int, list[Subscription]] = defaultdict(list)
        for row in await _rows(connection, SUBSCRIPTIONS, workspace_ids):
            subscriptions[row[0]].append(Subscription(row[1], frozenset(row[2])))
        forms: dict[int, list[int]] = defaultdict(list)
        for row in await _rows(connection, FORMS, workspace_ids):
            forms[row[0]].append(row[1])
        holding = {row[0] for row in await _rows(connection, POINTS, workspace_ids)}
        for id_ in workspace_ids:
            points = id_ in holding
            filed = Rules.of(automations[id_], scoring[id_], subscriptions[id_], holds_points=points, forms=forms[id_])
            self._rules[id_] = versions.get(id_, 0), filed


async def _rows(connection: Connection, statement: str, workspace_ids: list[int]) -> list[tuple[Any, ...]]:
    return await (await connection.execute(statement, (workspace_ids,))).fetchall()
