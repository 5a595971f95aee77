"""Tables of integrations and webhook subscriptions. Their secrets are encrypted."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, EncryptedBytes, RowId, TransactionTime, WorkspaceKey


class Integration(Base):
    """A connection to a third party. The token of its webhook URL is looked up by its digest."""

    __tablename__ = "integrations"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    type: Mapped[str]
    name: Mapped[str]
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    credentials: Mapped[EncryptedBytes]  # JSON
    token: Mapped[EncryptedBytes]
    token_digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    last_received_at: Mapped[datetime | None]
    last_error: Mapped[str | None]
    silent_since: Mapped[datetime | None]  # when its silence was told; see `services/workers/alarms/silent_sources.py`
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]


class WebhookSubscription(Base):
    """A subscription of a URL to events."""

    __tablename__ = "webhook_subscriptions"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    url: Mapped[str]
    events: Mapped[list[str]] = mapped_column(ARRAY(Text))
    description: Mapped[str | None]
    filters: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    filter_expression: Mapped[str | None]  # in the language of `shared/expressions/`, as is the next one
    body_expression: Mapped[str | None]  # what it is sent; null: the standard body
    max_per_minute: Mapped[int | None] = mapped_column(Integer)  # attempts; null: as many as it takes
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    secret: Mapped[EncryptedBytes]  # `whsec_…`
    old_secret: Mapped[EncryptedBytes | None]  # also signs, until `old_secret_until`
    old_secret_until: Mapped[datetime | None]
    disabled_reason: Mapped[str | None]
    disabled_at: Mapped[datetime | None]
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]


class SubscriptionState(Base):
    """What workers note of a subscription. Without a row there is nothing to note."""

    __tablename__ = "subscription_states"

    workspace_id: Mapped[WorkspaceKey]
    subscription_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    next_send_at: Mapped[datetime | None]  # where the rate is bounded: when an attempt is due at its even pace
    filter_failures: Mapped[int] = mapped_column(server_default="0")  # since the expression was written
    filter_error: Mapped[str | None]  # of the last event for which the expression gave nothing
    filter_failed_at: Mapped[datetime | None]
