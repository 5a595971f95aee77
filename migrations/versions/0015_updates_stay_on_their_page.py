"""updates stay on their page"""

import sqlalchemy as sa
from alembic import op

revision = '0015'
down_revision = '0014'

FILTERED = ['source', 'status', 'pipeline_id', 'pipeline_stage_id', 'assigned_user_id', 'starred', 'tag_ids']

# With a changing column in an index, each update of a lead wrote to all fourteen anew. Without one it writes beside the old
# row, where the page has room, and to no index; the times of updates lie in a table that is nothing but their order.
FOLLOW = """
CREATE FUNCTION lead_updates_{name}() RETURNS trigger LANGUAGE plpgsql {settings} AS $$
BEGIN
    {statement};
    RETURN NULL;
END $$;
CREATE TRIGGER lead_updates_{name} AFTER {name} ON leads REFERENCING {tables} FOR EACH STATEMENT
EXECUTE FUNCTION lead_updates_{name}()
"""
INSERTED = "INSERT INTO lead_updates (workspace_id, updated_at, id) SELECT workspace_id, updated_at, id FROM new_leads"
UPDATED = """
UPDATE lead_updates u SET updated_at = n.updated_at
FROM old_leads o JOIN new_leads n ON n.workspace_id = o.workspace_id AND n.id = o.id AND n.updated_at <> o.updated_at
WHERE u.workspace_id = o.workspace_id AND u.updated_at = o.updated_at AND u.id = o.id
"""
DELETED = """
DELETE FROM lead_updates u USING old_leads o
WHERE u.workspace_id = o.workspace_id AND u.updated_at = o.updated_at AND u.id = o.id
"""
NEW, OLD = "NEW TABLE AS new_leads", "OLD TABLE AS old_leads"
# A plan made while the table was empty, and kept, would read all of it each time.
LOOKED_UP = "SET enable_seqscan = off"
FOLLOWED = (
    ('insert', INSERTED, NEW, ""),
    ('update', UPDATED, f"{OLD} {NEW}", LOOKED_UP),
    ('delete', DELETED, OLD, LOOKED_UP),
)
YOUNG = """
ALTER TABLE lead_updates SET (autovacuum_analyze_scale_factor = 1, autovacuum_vacuum_threshold = 20000,
                              autovacuum_vacuum_insert_threshold = 20000)
"""


def upgrade() -> None:
    op.create_table('lead_updates',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False),
    )
    op.execute(f"{INSERTED.replace('new_leads', 'leads')} ORDER BY 1, 2, 3")
    op.create_primary_key(op.f('pk_lead_updates'), 'lead_updates', ['workspace_id', 'updated_at', 'id'])
    op.execute(YOUNG)
    for name, statement, tables, settings in FOLLOWED:
        op.execute(FOLLOW.format(name=name, statement=statement, tables=tables, settings=settings))
    op.drop_index('ix_leads_updated_at', table_name='leads')
    op.execute("ALTER TABLE leads SET (fillfactor = 85)")


def downgrade() -> None:
    op.execute("ALTER TABLE leads RESET (fillfactor)")
    op.create_index('ix_leads_updated_at', 'leads', ['workspace_id', 'updated_at', 'id'], unique=False, postgresql_include=FILTERED)
    for name, *_ in FOLLOWED:
        op.execute(f"DROP TRIGGER lead_updates_{name} ON leads")
        op.execute(f"DROP FUNCTION lead_updates_{name}()")
    op.drop_table('lead_updates')
