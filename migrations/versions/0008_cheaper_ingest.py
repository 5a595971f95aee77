"""cheaper ingest"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'

# What no plan depends on, or only as a key that is looked up whole: reading a sample of it cost a twentieth of all CPU
# while leads came fast.
UNASKED = {
    'leads': ['first_name', 'last_name', 'email', 'phone', 'company', 'job_title', 'country', 'notes', 'custom_fields', 'submitted_at'],
    'identities': ['kind', 'value'],
    'activities': ['type', 'data', 'created_at'],
}
ROUGH = {'identities': ['workspace_id', 'lead_id'], 'activities': ['workspace_id', 'lead_id', 'id']}
# What a statement changed in `leads`, appended by one statement instead of four (migration 0003): half of what the triggers
# cost a small batch was to start and end these.
CELL = (
    "workspace_id, tag_ids, coalesce(source, ''), status, coalesce(pipeline_id, 0), coalesce(pipeline_stage_id, 0), "
    "coalesce(assigned_user_id, 0), starred"
)
CHANGED = {
    "insert": "SELECT *, 1 AS n FROM new_leads",
    "delete": "SELECT *, -1 AS n FROM old_leads",
    "update": "SELECT *, 1 AS n FROM new_leads UNION ALL SELECT *, -1 AS n FROM old_leads",
}
RENAMED = {
    "insert": "SELECT workspace_id, id FROM new_leads",
    "delete": "SELECT workspace_id, id FROM old_leads",
    "update": (
        "SELECT workspace_id, id FROM new_leads n JOIN old_leads o USING (workspace_id, id) "
        "WHERE (n.first_name, n.last_name, n.email, n.phone) IS DISTINCT FROM (o.first_name, o.last_name, o.email, o.phone)"
    ),
}
COUNT = '''
INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id,
                               assigned_user_id, starred, n)
SELECT {cell}, sum(n) FROM ({changed}) c GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0
'''
TIME = '''
INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
SELECT workspace_id, kind, date_bin('5 minutes', t.at, 'epoch'), sum(n)
FROM ({changed}) c, LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at)
GROUP BY 1, 2, 3 HAVING sum(n) <> 0
'''
QUEUE = '''
INSERT INTO lead_search_queue (workspace_id, lead_ids)
SELECT workspace_id, array_agg(id) FROM (SELECT *, row_number() OVER () / 500 AS part FROM ({renamed}) r) p
GROUP BY workspace_id, part
'''
TOGETHER = "WITH counted AS ({count}), timed AS ({time}) {queue};"
APART = "IF NOT EXISTS (SELECT 1 FROM {one}) THEN RETURN NULL; END IF; {count}; {time}; {queue};"
TRIGGER = "CREATE OR REPLACE FUNCTION leads_{name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} RETURN NULL; END $$"

GROWING = ('leads', 'identities', 'activities', 'lead_search')


def upgrade() -> None:
    replace_triggers(TOGETHER)
    op.add_column('processes', sa.Column('died_at', sa.DateTime(timezone=True)))
    sample(UNASKED, 0)
    sample(ROUGH, 10)
    for table in GROWING:
        op.execute(f"ALTER TABLE {table} SET (autovacuum_analyze_scale_factor = 0.5)")


def downgrade() -> None:
    replace_triggers(APART)
    op.drop_column('processes', 'died_at')
    sample(UNASKED, -1)
    sample(ROUGH, -1)
    for table in GROWING:
        op.execute(f"ALTER TABLE {table} RESET (autovacuum_analyze_scale_factor)")


def sample(columns: dict[str, list[str]], target: int) -> None:
    for table, names in columns.items():
        changes = ', '.join(f"ALTER {name} SET STATISTICS {target}" for name in names)
        op.execute(f"ALTER TABLE {table} {changes}")


def replace_triggers(body: str) -> None:
    for name, changed in CHANGED.items():
        count, time = COUNT.format(cell=CELL, changed=changed), TIME.format(changed=changed)
        queue, one = QUEUE.format(renamed=RENAMED[name]), changed.split()[-1]
        op.execute(TRIGGER.format(name=name, body=body.format(count=count, time=time, queue=queue, one=one)))
