"""saved_views: saved views of leads, the columns that people chose, and jobs over leads"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "r0017"
down_revision = "r0016"

TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "saved_views",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=True),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("query", postgresql.JSONB(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("created_by", sa.BigInteger(), nullable=True),
        sa.Column("created_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("updated_at", TIME, server_default=sa.func.now(), nullable=False),
        sa.Column("deleted_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_saved_views"),
    )
    op.create_table(
        "lead_list_settings",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("account_id", sa.BigInteger(), nullable=False),
        sa.Column("columns", postgresql.ARRAY(sa.Text()), nullable=True),
        sa.Column("default_view_id", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "account_id", name="pk_lead_list_settings"),
    )
    op.add_column("job_items", sa.Column("lead_id", sa.BigInteger(), nullable=True))
    op.add_column("job_items", sa.Column("effect", postgresql.JSONB(), nullable=True))
    op.create_index(
        "ix_job_items_lead", "job_items", ["workspace_id", "lead_id"], postgresql_where=sa.text("lead_id IS NOT NULL")
    )
