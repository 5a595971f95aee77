"""the spine"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from datetime import UTC, datetime

from shared import partitions

revision = '0001'
down_revision = None


# The journal is a queue: nearly empty, rewritten all the time. Left to the defaults its dead rows pile up.
JOURNAL = """
ALTER TABLE journal SET (
    autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_cost_delay = 0,
    toast.autovacuum_vacuum_scale_factor = 0, toast.autovacuum_vacuum_threshold = 500,
    toast.autovacuum_vacuum_cost_delay = 0)
"""

# A journal row lives for milliseconds: compressing it (pglz where the server was built without lz4) costs a lead 10 µs.
PLAIN = "ALTER TABLE journal ALTER COLUMN payload SET STORAGE EXTERNAL"

# lz4 costs a tenth of pglz; a server built without it keeps its default.
LZ4 = """
DO $$ BEGIN
    ALTER TABLE submissions ALTER COLUMN payload SET COMPRESSION lz4;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN NULL;
END $$
"""


def upgrade() -> None:
    op.execute("CREATE SEQUENCE lead_ids")
    op.create_table('activities',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('lead_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('data', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'lead_id', 'id', name=op.f('pk_activities'))
    )
    op.create_table('events',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('lead_id', sa.BigInteger(), nullable=False),
    sa.Column('activity_id', sa.BigInteger(), nullable=False),
    sa.Column('occurred_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_events'))
    )
    op.create_table('identities',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('value', sa.Text(collation='C'), nullable=False),
    sa.Column('lead_id', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'kind', 'value', name=op.f('pk_identities'))
    )
    op.create_index(op.f('ix_identities_workspace_id_lead_id'), 'identities', ['workspace_id', 'lead_id'], unique=False)
    op.create_table('journal',
    sa.Column('lane', sa.SmallInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.Column('ids', sa.ARRAY(sa.UUID()), nullable=False),
    sa.Column('attempts', sa.SmallInteger(), server_default='0', nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('stored_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('lane', 'id', name=op.f('pk_journal'))
    )
    op.create_table('leads',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('first_name', sa.Text(), nullable=True),
    sa.Column('last_name', sa.Text(), nullable=True),
    sa.Column('email', sa.Text(), nullable=True),
    sa.Column('phone', sa.Text(), nullable=True),
    sa.Column('company', sa.Text(), nullable=True),
    sa.Column('job_title', sa.Text(), nullable=True),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('source', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), server_default='new', nullable=False),
    sa.Column('lead_score', sa.BigInteger(), server_default='0', nullable=False),
    sa.Column('starred', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=True),
    sa.Column('pipeline_stage_id', sa.BigInteger(), nullable=True),
    sa.Column('assigned_user_id', sa.BigInteger(), nullable=True),
    sa.Column('notes', sa.Text(), nullable=True),
    sa.Column('custom_fields', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('tag_ids', sa.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('submitted_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_leads'))
    )
    op.create_index('ix_leads_created_at', 'leads', ['workspace_id', sa.literal_column('created_at DESC'), sa.literal_column('id DESC')], unique=False)
    op.create_table('ledger',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'state', name=op.f('pk_ledger'))
    )
    op.create_table('ledger_deltas',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('n', sa.BigInteger(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_ledger_deltas'))
    )
    op.create_table('possible_duplicates',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('lead_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('other_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('reason', sa.Text(), nullable=False),
    sa.Column('score', sa.BigInteger(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'lead_id', 'other_id', name=op.f('pk_possible_duplicates'))
    )
    op.create_table('processes',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('kind', sa.Text(), nullable=False),
    sa.Column('host', sa.Text(), nullable=False),
    sa.Column('pid', sa.BigInteger(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('in_hand', sa.ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('pk_processes'))
    )
    op.create_table('submission_keys',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('body_hash', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'id', name=op.f('pk_submission_keys'))
    )
    op.create_index(op.f('ix_submission_keys_received_at'), 'submission_keys', ['received_at'], unique=False)
    op.create_table('submissions',
    sa.Column('workspace_id', sa.BigInteger(), autoincrement=False, nullable=False),
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('channel', sa.Text(), nullable=False),
    sa.Column('source', sa.Text(), nullable=True),
    sa.Column('key_id', sa.BigInteger(), nullable=True),
    sa.Column('lead_id', sa.BigInteger(), nullable=True),
    sa.Column('is_duplicate', sa.Boolean(), nullable=True),
    sa.Column('matched_on', sa.ARRAY(sa.Text()), nullable=True),
    sa.Column('payload', sa.LargeBinary(), nullable=False),
    sa.Column('changes', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('warnings', sa.ARRAY(sa.Text()), nullable=True),
    sa.Column('error', sa.Text(), nullable=True),
    sa.Column('attempts', sa.SmallInteger(), nullable=False),
    sa.Column('processed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('workspace_id', 'id', 'received_at', name=op.f('pk_submissions')),
    postgresql_partition_by='RANGE (received_at)'
    )
    op.create_index('ix_submissions_undone', 'submissions', ['workspace_id', 'state', 'received_at'], unique=False, postgresql_where=sa.text("state <> 'done'"))
    op.create_table('tags',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('color', sa.Text(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_tags'))
    )
    op.create_index('uq_tags_workspace_id_name', 'tags', ['workspace_id', sa.literal_column('lower(name)')], unique=True)
    op.create_table('workspaces',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('slug', sa.Text(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('country', sa.Text(), nullable=True),
    sa.Column('merge_policy', sa.Text(), server_default='fill_empty', nullable=False),
    sa.Column('fold_gmail', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_workspaces')),
    sa.UniqueConstraint('slug', name=op.f('uq_workspaces_slug'))
    )
    op.create_table('api_keys',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('prefix', sa.Text(), nullable=False),
    sa.Column('digest', sa.LargeBinary(), nullable=False),
    sa.Column('scopes', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('rate_limit', sa.BigInteger(), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_api_keys_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_api_keys')),
    sa.UniqueConstraint('digest', name=op.f('uq_api_keys_digest'))
    )
    op.create_index(op.f('ix_api_keys_workspace_id'), 'api_keys', ['workspace_id'], unique=False)
    op.create_table('pipelines',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('description', sa.Text(), nullable=True),
    sa.Column('is_default', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_pipelines_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pipelines'))
    )
    op.create_index(op.f('ix_pipelines_workspace_id'), 'pipelines', ['workspace_id'], unique=False)
    op.create_index('uq_pipelines_default', 'pipelines', ['workspace_id'], unique=True, postgresql_where=sa.text('is_default'))
    op.create_table('users',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('email', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), server_default='agent', nullable=False),
    sa.Column('is_active', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_users_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_users'))
    )
    op.create_index('uq_users_workspace_id_email', 'users', ['workspace_id', sa.literal_column('lower(email)')], unique=True)
    op.create_table('pipeline_stages',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=False), nullable=False),
    sa.Column('workspace_id', sa.BigInteger(), nullable=False),
    sa.Column('pipeline_id', sa.BigInteger(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('color', sa.Text(), nullable=True),
    sa.Column('position', sa.BigInteger(), nullable=False),
    sa.Column('is_won', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('is_lost', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['pipeline_id'], ['pipelines.id'], name=op.f('fk_pipeline_stages_pipeline_id'), ondelete='CASCADE'),
    sa.ForeignKeyConstraint(['workspace_id'], ['workspaces.id'], name=op.f('fk_pipeline_stages_workspace_id')),
    sa.PrimaryKeyConstraint('id', name=op.f('pk_pipeline_stages'))
    )
    op.create_index(op.f('ix_pipeline_stages_workspace_id_pipeline_id_position'), 'pipeline_stages', ['workspace_id', 'pipeline_id', 'position'], unique=False)
    op.execute("CREATE TABLE submissions_default PARTITION OF submissions DEFAULT")
    for statement in partitions.ahead(datetime.now(UTC)):
        op.execute(statement)
    op.execute(JOURNAL)
    op.execute(PLAIN)
    op.execute(LZ4)
    op.execute("ALTER TABLE processes SET (fillfactor = 50)")
    op.execute("ALTER TABLE leads SET (fillfactor = 90)")


def downgrade() -> None:
    op.drop_index(op.f('ix_pipeline_stages_workspace_id_pipeline_id_position'), table_name='pipeline_stages')
    op.drop_table('pipeline_stages')
    op.drop_index('uq_users_workspace_id_email', table_name='users')
    op.drop_table('users')
    op.drop_index('uq_pipelines_default', table_name='pipelines', postgresql_where=sa.text('is_default'))
    op.drop_index(op.f('ix_pipelines_workspace_id'), table_name='pipelines')
    op.drop_table('pipelines')
    op.drop_index(op.f('ix_api_keys_workspace_id'), table_name='api_keys')
    op.drop_table('api_keys')
    op.drop_table('workspaces')
    op.drop_index('uq_tags_workspace_id_name', table_name='tags')
    op.drop_table('tags')
    op.drop_index('ix_submissions_undone', table_name='submissions', postgresql_where=sa.text("state <> 'done'"))
    op.drop_table('submissions')
    op.drop_index(op.f('ix_submission_keys_received_at'), table_name='submission_keys')
    op.drop_table('submission_keys')
    op.drop_table('processes')
    op.drop_table('possible_duplicates')
    op.drop_table('ledger_deltas')
    op.drop_table('ledger')
    op.drop_index('ix_leads_created_at', table_name='leads')
    op.drop_table('leads')
    op.drop_table('journal')
    op.drop_index(op.f('ix_identities_workspace_id_lead_id'), table_name='identities')
    op.drop_table('identities')
    op.drop_table('events')
    op.drop_table('activities')
    op.execute("DROP SEQUENCE lead_ids")
