"""erasure: erased people and retention by workspace"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

revision = "r0016"
down_revision = "r0015"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables, and find the last entries of deleted leads. Nothing of it is on the path of a lead."""
    op.create_table(
        "erasures",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", UUID(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_ids", ARRAY(sa.BigInteger()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("lead_times", ARRAY(TIME), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("submission_ids", ARRAY(UUID()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("identity_hashes", ARRAY(sa.LargeBinary()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("hash_key", sa.LargeBinary(), nullable=False),
        sa.Column("identities", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("requested_by", JSONB(), nullable=False),
        sa.Column("removed", JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("erased_at", TIME, nullable=False),
        sa.Column("finished_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_erasures"),
    )
    op.create_index("ix_erasures_lead_ids", "erasures", ["lead_ids"], postgresql_using="gin")
    op.create_index("ix_erasures_identity_hashes", "erasures", ["identity_hashes"], postgresql_using="gin")
    op.create_index(
        "ix_erasures_unfinished", "erasures", ["erased_at"], postgresql_where=sa.text("finished_at IS NULL")
    )
    op.create_table(
        "retention_settings",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("submissions_days", sa.BigInteger(), nullable=True),
        sa.Column("held_days", sa.BigInteger(), nullable=True),
        sa.Column("activities_days", sa.BigInteger(), nullable=True),
        sa.Column("attempts_days", sa.BigInteger(), nullable=True),
        sa.Column("updated_at", TIME, server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", name="pk_retention_settings"),
    )
    op.create_index(
        "ix_activities_deleted",
        "activities",
        ["workspace_id", "id"],
        postgresql_where=sa.text("type = 'lead.deleted'"),
    )
