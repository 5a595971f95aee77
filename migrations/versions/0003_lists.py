"""lists"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'

# What a list filters by, as the totals hold it: 0 and the empty text stand for none.
CELL = (
    "workspace_id, tag_ids, coalesce(source, ''), status, coalesce(pipeline_id, 0), coalesce(pipeline_stage_id, 0), "
    "coalesce(assigned_user_id, 0), starred"
)
FILTERED = ['source', 'status', 'pipeline_id', 'pipeline_stage_id', 'assigned_user_id', 'starred', 'tag_ids']
FILTERS = {
    'ix_leads_source': (['source'], None),
    'ix_leads_status': (['status'], None),
    'ix_leads_pipeline': (['pipeline_id'], None),
    'ix_leads_stage': (['pipeline_stage_id'], None),
    'ix_leads_assigned': (['assigned_user_id'], sa.text('assigned_user_id IS NOT NULL')),
    'ix_leads_starred': ([], sa.text('starred')),
}

# The rows that a statement changed, and whether they came (1) or went (-1). What a change leaves alike cancels out.
CHANGED = {
    "INSERT": "SELECT *, 1 AS n FROM new_leads",
    "DELETE": "SELECT *, -1 AS n FROM old_leads",
    "UPDATE": "SELECT *, 1 AS n FROM new_leads UNION ALL SELECT *, -1 AS n FROM old_leads",
}
TABLES = {
    "INSERT": "NEW TABLE AS new_leads",
    "DELETE": "OLD TABLE AS old_leads",
    "UPDATE": "OLD TABLE AS old_leads NEW TABLE AS new_leads",
}
RENAMED = {
    "INSERT": "SELECT workspace_id, id FROM new_leads",
    "DELETE": "SELECT workspace_id, id FROM old_leads",
    "UPDATE": (
        "SELECT workspace_id, id FROM new_leads n JOIN old_leads o USING (workspace_id, id) "
        "WHERE (n.first_name, n.last_name, n.email, n.phone) IS DISTINCT FROM (o.first_name, o.last_name, o.email, o.phone)"
    ),
}

TRIGGER = """
CREATE FUNCTION leads_{name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT 1 FROM {one}) THEN
        RETURN NULL;
    END IF;
    INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id,
                                   assigned_user_id, starred, n)
    SELECT {cell}, sum(n) FROM ({changed}) c GROUP BY 1, 2, 3, 4, 5, 6, 7, 8 HAVING sum(n) <> 0;
    INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
    SELECT workspace_id, kind, date_bin('5 minutes', t.at, 'epoch'), sum(n)
    FROM ({changed}) c, LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at)
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
    INSERT INTO lead_search_queue (workspace_id, lead_ids)
    SELECT workspace_id, array_agg(id) FROM (SELECT *, row_number() OVER () / 500 AS part FROM ({renamed}) r) p
    GROUP BY workspace_id, part;
    RETURN NULL;
END $$;
CREATE TRIGGER leads_{name} AFTER {event} ON leads REFERENCING {tables} FOR EACH STATEMENT EXECUTE FUNCTION leads_{name}()
"""

# Rows of these live for a second or two.
SHORT_LIVED = """
ALTER TABLE {} SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_cost_delay = 0)
"""


def key(name: str) -> sa.Column:
    """Text as a list sorts it: without case, by code point, empties last. A column, since PostgreSQL reads no index on an
    expression alone."""
    computed = sa.Computed(f"coalesce(' ' || lower(nullif({name}, '')), '!')", persisted=True)
    return sa.Column(f"{name}_key", sa.Text(collation="C"), computed, nullable=False)


DELTAS = """
INSERT INTO lead_count_deltas (workspace_id, tag_ids, source, status, pipeline_id, pipeline_stage_id, assigned_user_id,
                               starred, n)
SELECT {cell}, count(*) FROM leads GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
"""
TIME_DELTAS = """
INSERT INTO lead_time_deltas (workspace_id, kind, at, n)
SELECT workspace_id, kind, date_bin('5 minutes', t.at, 'epoch'), count(*)
FROM leads, LATERAL (VALUES ('created_at', created_at), ('updated_at', updated_at)) t (kind, at) GROUP BY 1, 2, 3
"""
QUEUE = """
INSERT INTO lead_search_queue (workspace_id, lead_ids)
SELECT workspace_id, array_agg(id) FROM leads GROUP BY workspace_id, id / 500
"""


def upgrade() -> None:
    op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
    op.execute("CREATE EXTENSION IF NOT EXISTS btree_gin")
    op.create_table('lead_counts',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('tag_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('source', sa.Text(collation='C'), nullable=False),
    sa.Column('status', sa.Text(collation='C'), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('pipeline_stage_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('assigned_user_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('starred', sa.Boolean(), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'tag_id', 'source', 'status', 'pipeline_id', 'pipeline_stage_id', 'assigned_user_id', 'starred', name=op.f('pk_lead_counts'))
    )
    op.create_table('lead_count_deltas',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('tag_ids', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.Column('source', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=False),
    sa.Column('pipeline_stage_id', sa.BigInteger(), nullable=False),
    sa.Column('assigned_user_id', sa.BigInteger(), nullable=False),
    sa.Column('starred', sa.Boolean(), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lead_count_deltas'))
    )
    op.create_table('lead_marginals',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('field', sa.Text(collation='C'), nullable=False),
    sa.Column('value', sa.Text(collation='C'), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'field', 'value', name=op.f('pk_lead_marginals'))
    )
    op.create_table('lead_times',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('kind', sa.Text(collation='C'), nullable=False),
    sa.Column('grain', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'kind', 'grain', 'at', name=op.f('pk_lead_times'))
    )
    op.create_table('lead_time_deltas',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lead_time_deltas'))
    )
    op.create_table('lead_search',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('lead_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('text', sa.Text(collation='C'), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'lead_id', name=op.f('pk_lead_search'))
    )
    op.create_table('lead_search_queue',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('lead_ids', postgresql.ARRAY(sa.BigInteger()), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_lead_search_queue'))
    )
    for name in ('first_name', 'last_name', 'email'):
        op.add_column('leads', key(name))
    op.drop_index('ix_leads_created_at', table_name='leads')
    for name in ('created_at', 'updated_at', 'lead_score', 'first_name_key', 'last_name_key', 'email_key'):
        columns = ['workspace_id', name, 'id']
        op.create_index(f"ix_leads_{name.removesuffix('_key')}", 'leads', columns, unique=False, postgresql_include=FILTERED)
    for name, (columns, where) in FILTERS.items():
        op.create_index(name, 'leads', ['workspace_id', *columns, 'created_at', 'id'], unique=False, postgresql_where=where)
    op.create_index('ix_leads_tag_ids', 'leads', ['workspace_id', 'tag_ids'], unique=False, postgresql_using='gin')
    op.create_index('ix_lead_search_text', 'lead_search', ['workspace_id', 'text'], unique=False, postgresql_using='gin', postgresql_ops={'text': 'gin_trgm_ops'}, postgresql_with={'gin_pending_list_limit': '4096'})
    op.execute("ALTER TABLE lead_search SET (autovacuum_vacuum_insert_threshold = -1)")  # nothing reads it by its index alone
    for table in ('lead_count_deltas', 'lead_time_deltas', 'lead_search_queue'):
        op.execute(SHORT_LIVED.format(table))
    for statement in (DELTAS.format(cell=CELL), TIME_DELTAS, QUEUE):
        op.execute(statement)
    for event, changed in CHANGED.items():
        one = changed.split()[-1]
        name, tables, renamed = event.lower(), TABLES[event], RENAMED[event]
        op.execute(TRIGGER.format(event=event, name=name, one=one, cell=CELL, changed=changed, tables=tables, renamed=renamed))


def downgrade() -> None:
    for event in CHANGED:
        op.execute(f"DROP TRIGGER leads_{event.lower()} ON leads")
        op.execute(f"DROP FUNCTION leads_{event.lower()}()")
    op.drop_index('ix_leads_tag_ids', table_name='leads')
    for name in FILTERS:
        op.drop_index(name, table_name='leads')
    for name in ('first_name', 'last_name', 'email'):
        op.drop_column('leads', f'{name}_key')
    op.drop_index('ix_leads_lead_score', table_name='leads')
    op.drop_index('ix_leads_updated_at', table_name='leads')
    op.drop_index('ix_leads_created_at', table_name='leads')
    op.create_index('ix_leads_created_at', 'leads', ['workspace_id', sa.literal_column('created_at DESC'), sa.literal_column('id DESC')], unique=False)
    for table in ('lead_search_queue', 'lead_search', 'lead_time_deltas', 'lead_times', 'lead_marginals', 'lead_count_deltas', 'lead_counts'):
        op.drop_table(table)
