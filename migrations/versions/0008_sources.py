"""sources: leads to be fetched, where leads came from, and what integrations received"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID

revision = "r0008"
down_revision = "r0007"

TIME = sa.DateTime(timezone=True)
NOW = sa.text("clock_timestamp()")


def upgrade() -> None:
    """Make the tables. None of them is on the path of an ordinary lead."""
    op.create_table(
        "source_fetches",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("id", UUID(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("object_id", sa.Text(), nullable=False),
        sa.Column("item", JSONB(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("created_at", TIME, server_default=NOW, nullable=False),
        sa.Column("due_at", TIME, server_default=NOW, nullable=False),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("fetcher", sa.Integer(), nullable=True),
        sa.PrimaryKeyConstraint("workspace_id", "id", name="pk_source_fetches"),
    )
    op.create_index("ix_source_fetches_due_at", "source_fetches", ["due_at"])
    op.create_index("ix_source_fetches_integration", "source_fetches", ["workspace_id", "integration_id", "due_at"])
    op.create_index(
        "ix_source_fetches_fetcher", "source_fetches", ["fetcher"], postgresql_where=sa.text("fetcher IS NOT NULL")
    )
    op.create_table(
        "source_polls",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=True),
        sa.Column("cursor", JSONB(), nullable=True),
        sa.Column("due_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "integration_id", name="pk_source_polls"),
    )
    op.add_column("jobs", sa.Column("cursor", JSONB(), nullable=True))
    op.create_table(
        "lead_attributions",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("lead_id", sa.BigInteger(), nullable=False),
        sa.Column("first_at", TIME, nullable=False),
        sa.Column("first", JSONB(), nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.Column("last", JSONB(), nullable=False),
        _campaign_column("utm_source"),
        _campaign_column("utm_campaign"),
        sa.PrimaryKeyConstraint("workspace_id", "lead_id", name="pk_lead_attributions"),
    )
    for name in ("utm_source", "utm_campaign"):
        op.create_index(
            f"ix_lead_attributions_{name}",
            "lead_attributions",
            ["workspace_id", name, "lead_id"],
            postgresql_where=sa.text(f"{name} IS NOT NULL"),
        )
    op.create_table(
        "source_accounts",
        sa.Column("type", sa.Text(), nullable=False),
        sa.Column("secret_digest", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", sa.Text(), nullable=False),
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("granted_at", TIME, nullable=True),
        sa.PrimaryKeyConstraint("type", "secret_digest", "account_id", name="pk_source_accounts"),
    )
    op.create_index("ix_source_accounts_integration", "source_accounts", ["workspace_id", "integration_id"])
    op.create_table(
        "integration_counts",
        sa.Column("workspace_id", sa.BigInteger(), nullable=False),
        sa.Column("integration_id", sa.BigInteger(), nullable=False),
        sa.Column("hour", TIME, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("last_at", TIME, nullable=False),
        sa.PrimaryKeyConstraint("workspace_id", "integration_id", "hour", "outcome", name="pk_integration_counts"),
    )
    op.create_index("ix_integration_counts_hour", "integration_counts", ["hour"])
    op.add_column("integrations", sa.Column("silent_since", TIME, nullable=True))
    for name in ("key_id", "duplicates"):
        op.add_column(
            "source_statistics", sa.Column(name, sa.BigInteger(), server_default=sa.text("0"), nullable=False)
        )
    op.drop_constraint("pk_source_statistics", "source_statistics")
    keys = ["workspace_id", "channel", "source", "key_id", "step", "at"]
    op.create_primary_key("pk_source_statistics", "source_statistics", keys)


def _campaign_column(name: str) -> sa.Column[str]:
    text = f"coalesce(last->>'{name}', first->>'{name}')"
    return sa.Column(name, sa.Text(), sa.Computed(text, persisted=True), nullable=True)
