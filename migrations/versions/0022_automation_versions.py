"""automation_versions: automations have drafts, and versions that were published"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "r0022"
down_revision = "r0021"

TIME, TRANSACTION_TIME = sa.DateTime(timezone=True), sa.text("now()")
# What runs now is the first version that is known.
FIRST_VERSIONS_SQL = """
INSERT INTO automation_versions (workspace_id, automation_id, version, name, description, trigger, steps, published_at)
SELECT workspace_id, id, 1, name, description, trigger, steps, updated_at FROM automations
"""


def upgrade() -> None:
    """Make the column and the tables, and note the present state of each automation."""
    op.add_column("automations", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.create_table(
        "automation_versions",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("automation_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("trigger", JSONB(), nullable=False),
        sa.Column("steps", JSONB(), nullable=False),
        sa.Column("published_at", TIME, server_default=TRANSACTION_TIME, nullable=False),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["automations.id"], ondelete="CASCADE", name="fk_automation_versions_automation_id"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "automation_id", "version", name="pk_automation_versions"),
    )
    op.create_table(
        "automation_drafts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("automation_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("trigger", JSONB(), nullable=False),
        sa.Column("steps", JSONB(), nullable=False),
        sa.Column("undo_steps", JSONB(), nullable=True),
        sa.Column("secrets", sa.LargeBinary(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", TIME, server_default=TRANSACTION_TIME, nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["automation_id"], ["automations.id"], ondelete="CASCADE", name="fk_automation_drafts_automation_id"
        ),
        sa.PrimaryKeyConstraint("workspace_id", "automation_id", name="pk_automation_drafts"),
    )
    op.execute(FIRST_VERSIONS_SQL)
