"""What people set up beside submissions: an automation with runs, a webhook with deliveries, and scoring rules.

All of it is switched off, so that leads that are sent meanwhile cost what they cost without it.
"""

import sys
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from bench.seed_submissions import SeededSubmissions

RUN_SHARE = 10  # one in so many leads has a run, and one in twenty of these failed
RULE_COUNT, AUTOMATION_COUNT, WEBHOOK_COUNT = 50, 30, 20
HOOKS_ENDPOINT = "host:hooks0.example.com"  # of a quarter of the seeded deliveries
TRIGGER = {"type": "lead_created", "sources": ["facebook"]}
STEPS: list[dict[str, Any]] = [
    {"condition": {"field": "country", "operator": "equals", "value": "DE"}},
    {"action": {"type": "add_tag", "tag": "newsletter"}},
    {"action": {"type": "create_task", "title": "Call {{ first_name }}", "due_in_hours": 4}},
]

AUTOMATIONS_SQL = """
WITH made AS (
    INSERT INTO automations (workspace_id, name, is_active, trigger, trigger_type, steps)
    SELECT %(workspace)s, 'Automation ' || n, false, %(trigger)s, 'lead_created', %(steps)s
    FROM generate_series(1, %(n)s) n RETURNING workspace_id, id, version, name, trigger, steps
)
INSERT INTO automation_versions (workspace_id, automation_id, version, name, trigger, steps)
SELECT workspace_id, id, version, name, trigger, steps FROM made RETURNING automation_id
"""
RUNS_SQL = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, step, steps, error, created_at,
                             finished_at)
SELECT workspace_id, %(automation)s, 'entry:' || id, id, CASE WHEN fails THEN 'failed' ELSE 'done' END, 3,
       jsonb_build_array(
           '{"step": 0, "type": "condition", "outcome": "passed", "reason": null, "data": {}}'::jsonb,
           '{"step": 1, "type": "add_tag", "reason": null, "data": {}}'::jsonb
           || jsonb_build_object('outcome', CASE WHEN fails THEN 'failed' ELSE 'done' END)),
       CASE WHEN fails THEN 'ValueError: no' END, created_at, created_at + interval '1 s'
FROM leads, LATERAL (SELECT id / %(share)s %% 20 = 0 AS fails) judged
WHERE workspace_id = %(workspace)s AND id %% %(share)s = 0
ORDER BY id
"""
RAN_LEAD_SQL = """
SELECT lead_id FROM automation_runs WHERE workspace_id = %(workspace)s AND automation_id = %(automation)s
ORDER BY id DESC LIMIT 1
"""
WEBHOOKS_SQL = """
INSERT INTO webhook_subscriptions (workspace_id, url, events, is_active, secret)
SELECT %(workspace)s, 'https://hooks' || n || '.example.com/leads', ARRAY['lead.created'], false, ''
FROM generate_series(0, %(n)s - 1) n RETURNING id
"""
LINK_DELIVERIES_SQL = """
UPDATE deliveries SET subscription_id = %(webhook)s WHERE workspace_id = %(workspace)s AND endpoint = %(endpoint)s
"""
RULES_SQL = """
INSERT INTO scoring_rules (workspace_id, field, operator, value, points, is_active, position)
SELECT %(workspace)s, (ARRAY['country', 'company', 'source', 'job_title'])[1 + n %% 4], 'equals',
       to_jsonb('value ' || n), 1 + n %% 20, false, n
FROM generate_series(1, %(n)s) n RETURNING id
"""
FILLED_TABLES = ("automations", "automation_runs", "webhook_subscriptions", "deliveries", "scoring_rules")


@dataclass(frozen=True)
class SetupRecords:
    """The ids of an automation, of a lead for which it ran, of a webhook, and of a scoring rule."""

    automation: int
    ran_lead: int
    webhook: int
    rule: int


def fill_setup(database: psycopg.Connection, seeded: SeededSubmissions) -> SetupRecords:
    """Add automations, webhooks and rules to a workspace of submissions with deliveries, and vacuum."""
    print("automations, webhooks and rules", file=sys.stderr)

    def first_id(statement: str, **values: object) -> int:
        row = database.execute(statement.encode(), {"workspace": seeded.workspace_id, **values}).fetchone()
        assert row is not None  # the statement returns what it inserts
        return int(row[0])

    automation = first_id(AUTOMATIONS_SQL, n=AUTOMATION_COUNT, trigger=Jsonb(TRIGGER), steps=Jsonb(STEPS))
    of_runs = {"workspace": seeded.workspace_id, "automation": automation, "share": RUN_SHARE}
    database.execute(RUNS_SQL, of_runs)
    webhook = first_id(WEBHOOKS_SQL, n=WEBHOOK_COUNT)
    of_webhook = {"workspace": seeded.workspace_id, "webhook": webhook, "endpoint": HOOKS_ENDPOINT}
    database.execute(LINK_DELIVERIES_SQL, of_webhook)
    rule = first_id(RULES_SQL, n=RULE_COUNT)
    for table in FILLED_TABLES:
        database.execute(f"VACUUM (ANALYZE) {table}".encode())
    return SetupRecords(automation, first_id(RAN_LEAD_SQL, automation=automation), webhook, rule)
