"""Tables of sources: leads to be fetched, where leads came from, and what integrations received."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import Computed, Index, Integer, LargeBinary, SmallInteger, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, WorkspaceKey


class SourceFetch(Base):
    """An accepted submission of which only the provider's id arrived. A worker fetches the lead.

    The submission is `accepted` and counts as pending until it goes back to the journal, with the lead, or is dead.
    """

    __tablename__ = "source_fetches"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)  # the submission's
    integration_id: Mapped[int]
    object_id: Mapped[str]  # the provider's id of the lead
    item: Mapped[dict[str, Any]] = mapped_column(JSONB)  # the submission as a journal item
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    created_at: Mapped[ClockTime]
    due_at: Mapped[ClockTime]
    last_error: Mapped[str | None]
    # The process of PostgreSQL behind the worker that fetches it, until `due_at` at the longest.
    fetcher: Mapped[int | None] = mapped_column(Integer)

    __table_args__ = (
        Index("ix_source_fetches_due_at", "due_at"),
        Index("ix_source_fetches_fetcher", "fetcher", postgresql_where=text("fetcher IS NOT NULL")),
        Index("ix_source_fetches_integration", "workspace_id", "integration_id", "due_at"),
    )


class SourcePoll(Base):
    """How far an integration's provider was asked for leads that its webhooks did not announce.

    While a poll is under way, `until` is the end of its time, and `cursor` where its list goes on.
    """

    __tablename__ = "source_polls"

    workspace_id: Mapped[WorkspaceKey]
    integration_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    since: Mapped[datetime]
    until: Mapped[datetime | None]
    cursor: Mapped[dict[str, Any] | None] = mapped_column(JSONB)
    due_at: Mapped[datetime]


class LeadAttribution(Base):
    """Where a lead came from, at first and last: see `shared/integrations/attribution.py`."""

    __tablename__ = "lead_attributions"

    workspace_id: Mapped[WorkspaceKey]
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    first_at: Mapped[datetime]
    first: Mapped[dict[str, Any]] = mapped_column(JSONB)
    last_at: Mapped[datetime]
    last: Mapped[dict[str, Any]] = mapped_column(JSONB)
    utm_source: Mapped[str | None] = mapped_column(
        Text, Computed("coalesce(last->>'utm_source', first->>'utm_source')", persisted=True)
    )
    utm_campaign: Mapped[str | None] = mapped_column(
        Text, Computed("coalesce(last->>'utm_campaign', first->>'utm_campaign')", persisted=True)
    )

    __table_args__ = (
        Index(
            "ix_lead_attributions_utm_source",
            "workspace_id",
            "utm_source",
            "lead_id",
            postgresql_where=text("utm_source IS NOT NULL"),
        ),
        Index(
            "ix_lead_attributions_utm_campaign",
            "workspace_id",
            "utm_campaign",
            "lead_id",
            postgresql_where=text("utm_campaign IS NOT NULL"),
        ),
    )


class SourceAccount(Base):
    """An account at a provider (a page, a portal …) that an integration is for. One app's webhooks bring many accounts.

    An account is claimed once for a type and an app, which its secret stands for. A claim from another workspace than
    that of the integration that receives the webhooks counts once an operator has granted it.
    """

    __tablename__ = "source_accounts"

    type: Mapped[str] = mapped_column(primary_key=True)
    secret_digest: Mapped[bytes] = mapped_column(LargeBinary, primary_key=True)
    account_id: Mapped[str] = mapped_column(primary_key=True)
    workspace_id: Mapped[int]
    integration_id: Mapped[int]
    granted_at: Mapped[datetime | None]

    __table_args__ = (Index("ix_source_accounts_integration", "workspace_id", "integration_id"),)


class IntegrationCount(Base):
    """What the webhook URL of an integration received in one hour, by outcome.

    Outcomes: `received`, `ignored`, `unreadable`, `switched_off`, `handshake`, `rejected:<reason>`. The
    reason of a refused handshake is `handshake`.
    """

    __tablename__ = "integration_counts"

    workspace_id: Mapped[WorkspaceKey]
    integration_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hour: Mapped[datetime] = mapped_column(primary_key=True)
    outcome: Mapped[str] = mapped_column(primary_key=True)
    n: Mapped[int]
    last_at: Mapped[datetime]

    __table_args__ = (Index("ix_integration_counts_hour", "hour"),)
