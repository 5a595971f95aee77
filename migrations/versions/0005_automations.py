"""automations"""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'

# Two statements: the second sees what the writers before it committed, for whose lock on the row the first waited.
CHANGED = """
CREATE FUNCTION rules_changed() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    workspace bigint := coalesce(NEW.workspace_id, OLD.workspace_id);
BEGIN
    INSERT INTO rule_versions (workspace_id, version) VALUES (workspace, 1)
    ON CONFLICT (workspace_id) DO UPDATE SET version = rule_versions.version + 1;
    UPDATE rule_versions SET is_watched =
        EXISTS (SELECT 1 FROM automations WHERE workspace_id = workspace AND is_active)
        OR EXISTS (SELECT 1 FROM scoring_rules WHERE workspace_id = workspace AND is_active)
        OR EXISTS (SELECT 1 FROM webhook_subscriptions WHERE workspace_id = workspace AND is_active)
    WHERE workspace_id = workspace;
    RETURN NULL;
END $$
"""
TRIGGER = """
CREATE TRIGGER rules_changed AFTER INSERT OR DELETE OR UPDATE OF {columns} ON {table}
FOR EACH ROW EXECUTE FUNCTION rules_changed()
"""
WATCHED = {
    'automations': 'is_active, trigger, steps, secrets',
    'scoring_rules': 'is_active, field, operator, value, points',
    'webhook_subscriptions': 'is_active, events',
}


def upgrade() -> None:
    op.add_column('workspaces', sa.Column('timezone', sa.Text(), server_default='UTC', nullable=False))
    op.create_table('automation_turns',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('automation_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('step', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('n', sa.BigInteger(), server_default='0', nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'automation_id', 'step', name=op.f('pk_automation_turns'))
    )
    op.create_table('silences',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('automation_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('lead_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('activity_id', sa.BigInteger(), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'automation_id', 'lead_id', name=op.f('pk_silences'))
    )
    op.create_index(op.f('ix_silences_due_at'), 'silences', ['due_at'], unique=False)
    op.create_table('lead_points',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('lead_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('points', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'lead_id', name=op.f('pk_lead_points'))
    )
    op.create_table('rule_versions',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('version', sa.BigInteger(), nullable=False),
    sa.Column('is_watched', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', name=op.f('pk_rule_versions'))
    )
    op.execute(CHANGED)
    for table, columns in WATCHED.items():
        op.execute(TRIGGER.format(table=table, columns=columns))


def downgrade() -> None:
    for table in WATCHED:
        op.execute(f'DROP TRIGGER rules_changed ON {table}')
    op.execute('DROP FUNCTION rules_changed()')
    for table in ('rule_versions', 'lead_points', 'silences', 'automation_turns'):
        op.drop_table(table)
    op.drop_column('workspaces', 'timezone')
