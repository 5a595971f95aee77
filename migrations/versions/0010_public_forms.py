"""forms on websites: versions and drafts, what visitors did, files, and rules about spam"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import INET, JSONB, UUID

revision = "r0010"
down_revision = "r0009"

TIME = sa.DateTime(timezone=True)
TRANSACTION_TIME = sa.text("now()")
CLOCK_TIME = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Make the tables. None of them is on the path of an ordinary lead."""
    op.add_column("forms", sa.Column("version", sa.BigInteger(), server_default="1", nullable=False))
    op.add_column("forms", sa.Column("silent_since", TIME, nullable=True))
    op.add_column("workspaces", sa.Column("spam_digest_at", TIME, nullable=True))
    _create_versions_and_drafts()
    _create_visitor_tables()
    op.create_table(
        "files",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", UUID(), nullable=False),
        sa.Column("submission_id", UUID(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("field_key", sa.Text(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("storage", sa.Text(), server_default="disk", nullable=False),
        sa.Column("created_at", TIME, server_default=CLOCK_TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_files"),
    )
    op.create_index("ix_files_submission", "files", ["workspace_id", "submission_id"])
    op.create_index("ix_files_digest", "files", ["digest"])
    op.create_index("ix_files_storage", "files", ["storage", "created_at"])


def _create_versions_and_drafts() -> None:
    op.create_table(
        "form_versions",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fields", JSONB(), nullable=False),
        sa.Column("settings", JSONB(), nullable=False),
        sa.Column("published_at", TIME, server_default=TRANSACTION_TIME, nullable=False),
        sa.Column("published_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["form_id"], ["forms.id"], ondelete="CASCADE", name="fk_form_versions_form_id"),
        sa.PrimaryKeyConstraint("workspace_id", "form_id", "version", name="pk_form_versions"),
    )
    op.execute(
        "INSERT INTO form_versions (workspace_id, form_id, version, name, fields, settings, published_at) "
        "SELECT workspace_id, id, version, name, fields, settings, updated_at FROM forms"
    )
    op.create_table(
        "form_drafts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("fields", JSONB(), nullable=False),
        sa.Column("settings", JSONB(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", TIME, server_default=TRANSACTION_TIME, nullable=False),
        sa.Column("updated_by", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["form_id"], ["forms.id"], ondelete="CASCADE", name="fk_form_drafts_form_id"),
        sa.PrimaryKeyConstraint("workspace_id", "form_id", name="pk_form_drafts"),
    )


def _create_visitor_tables() -> None:
    op.create_table(
        "form_counts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=False),
        sa.Column("hour", TIME, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "form_id", "hour", "outcome", "source", name="pk_form_counts"),
    )
    op.create_index("ix_form_counts_hour", "form_counts", ["hour"])
    op.create_table(
        "spam_rules",
        sa.Column("id", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("form_id", sa.BigInteger(), nullable=True),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, server_default=TRANSACTION_TIME, nullable=False),
        sa.Column("hits", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("last_hit_at", TIME, nullable=True),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"], name="fk_spam_rules_workspace_id"),
        sa.ForeignKeyConstraint(["form_id"], ["forms.id"], ondelete="CASCADE", name="fk_spam_rules_form_id"),
        sa.PrimaryKeyConstraint("id", name="pk_spam_rules"),
    )
    op.create_index("ix_spam_rules_form_id", "spam_rules", ["form_id"])
    unique = ["workspace_id", sa.text("coalesce(form_id, 0)"), "kind", "value"]
    op.create_index("uq_spam_rules_value", "spam_rules", unique, unique=True)
    op.create_table(
        "submission_visitors",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("submission_id", UUID(), nullable=False),
        sa.Column("address", INET(), nullable=False),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("created_at", TIME, server_default=CLOCK_TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "submission_id", name="pk_submission_visitors"),
    )
    op.create_index("ix_submission_visitors_created_at", "submission_visitors", ["created_at"])
