"""deliveries"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0004'
down_revision = '0003'

PENDING = sa.text("state = 'pending'")


def upgrade() -> None:
    op.add_column('workspaces', sa.Column('mail_key', sa.LargeBinary(), nullable=True))
    op.create_table('deliveries',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('message_id', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('event', sa.Text(), nullable=True),
    sa.Column('lead_id', sa.BigInteger(), nullable=True),
    sa.Column('subscription_id', sa.BigInteger(), nullable=True),
    sa.Column('integration_id', sa.BigInteger(), nullable=True),
    sa.Column('user_id', sa.BigInteger(), nullable=True),
    sa.Column('target', sa.LargeBinary(), nullable=True),
    sa.Column('endpoint', sa.Text(), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('state', sa.Text(), server_default='pending', nullable=False),
    sa.Column('attempts', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('attempts_before', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('sending_since', sa.DateTime(timezone=True), nullable=True),
    sa.Column('sender', sa.BigInteger(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_deliveries'))
    )
    op.create_index('ix_deliveries_due', 'deliveries', ['workspace_id', 'endpoint', sa.literal_column('(attempts > attempts_before)'), 'due_at', 'id'], unique=False, postgresql_where=PENDING)
    op.create_index('ix_deliveries_order', 'deliveries', ['lead_id', 'id'], unique=False, postgresql_where=PENDING)
    op.create_index('ix_deliveries_sending', 'deliveries', ['workspace_id', 'endpoint'], unique=False, postgresql_where=sa.text('sending_since IS NOT NULL'))
    op.create_index('ix_deliveries_undone', 'deliveries', ['workspace_id', 'state', 'id'], unique=False, postgresql_where=sa.text("state <> 'sent'"))
    op.create_index('ix_deliveries_lead', 'deliveries', ['workspace_id', 'lead_id', 'id'], unique=False)
    op.create_index('ix_deliveries_subscription', 'deliveries', ['workspace_id', 'subscription_id', 'id'], unique=False)
    op.create_index(op.f('ix_deliveries_finished_at'), 'deliveries', ['finished_at'], unique=False)
    op.create_table('delivery_attempts',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('delivery_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('number', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('duration_ms', sa.BigInteger(), nullable=True),
    sa.Column('request', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('status', sa.SmallInteger(), nullable=True),
    sa.Column('headers', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('body', sa.Text(), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('workspace_id', 'delivery_id', 'number', name=op.f('pk_delivery_attempts'))
    )
    op.create_table('endpoints',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('endpoint', sa.Text(), nullable=False),
    sa.Column('failures', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('slots', sa.SmallInteger(), nullable=False),
    sa.Column('open_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('succeeded_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('workspace_id', 'endpoint', name=op.f('pk_endpoints'))
    )
    op.create_table('suppressions',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_suppressions'))
    )
    op.create_index('uq_suppressions_workspace_id_email', 'suppressions', ['workspace_id', 'email'], unique=True)


def downgrade() -> None:
    op.drop_column('workspaces', 'mail_key')
    for table in ('suppressions', 'endpoints', 'delivery_attempts', 'deliveries'):
        op.drop_table(table)
