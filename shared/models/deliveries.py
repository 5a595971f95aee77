"""Tables of outbound deliveries: each attempt, the state of each receiver, and suppressed addresses."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Identity, Index, LargeBinary, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, EncryptedBytes, RowId, TransactionTime, WorkspaceKey

IS_PENDING = text("state = 'pending'")


class Delivery(Base):
    """A message to one receiver. Its id stays the same however often it is sent.

    While a sender works on it, `sending_since` is set and `due_at` is the end of the lease, so that the rows of a dead
    sender become due by themselves. `attempts` counts the attempts that were started. A sender that was slower than its
    lease sees by it that another sender has the delivery.
    """

    __tablename__ = "deliveries"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    message_id: Mapped[str]  # `msg_…`, the receiver's `webhook-id` and the body's `id`
    kind: Mapped[str]  # webhook, email, sms, slack, notice, conversion
    event: Mapped[str | None]
    lead_id: Mapped[int | None]
    subscription_id: Mapped[int | None]
    integration_id: Mapped[int | None]
    user_id: Mapped[int | None]
    target: Mapped[EncryptedBytes | None]  # JSON: the delivery's own address
    endpoint: Mapped[str]  # key of circuit and concurrency: `subscription:5`, `host:…`, `mail`
    payload: Mapped[bytes] = mapped_column(LargeBinary)  # JSON; every attempt sends the same bytes
    state: Mapped[str] = mapped_column(server_default="pending")  # then sent, failed, cancelled, suppressed
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    attempts_before: Mapped[int] = mapped_column(SmallInteger, server_default="0")  # attempts before the last resend
    due_at: Mapped[TransactionTime]
    sending_since: Mapped[datetime | None]
    sender: Mapped[int | None]  # server process of its connection; if it is gone, the sender is dead
    error: Mapped[str | None]  # the last one
    created_at: Mapped[TransactionTime]
    finished_at: Mapped[datetime | None] = mapped_column(index=True)
    cause_id: Mapped[int | None]  # of a failed one: see `shared/operations/causes.py`

    __table_args__ = (
        Index("ix_deliveries_cause", "workspace_id", "cause_id", "id", postgresql_where=text("state = 'failed'")),
        Index(
            "ix_deliveries_due",
            "workspace_id",
            "endpoint",
            text("(attempts > attempts_before)"),
            "due_at",
            "id",
            postgresql_where=IS_PENDING,
        ),
        Index("ix_deliveries_order", "workspace_id", "endpoint", "lead_id", "id", postgresql_where=IS_PENDING),
        Index("ix_deliveries_sending", "workspace_id", "endpoint", postgresql_where=text("sending_since IS NOT NULL")),
        Index("ix_deliveries_undone", "workspace_id", "state", "id", postgresql_where=text("state <> 'sent'")),
        Index("ix_deliveries_lead", "workspace_id", "lead_id", "id"),
        Index("ix_deliveries_subscription", "workspace_id", "subscription_id", "id"),
        Index(
            "ix_deliveries_conversion",
            "workspace_id",
            "integration_id",
            "id",
            postgresql_where=text("kind = 'conversion'"),
        ),
    )


class DeliveryAttempt(Base):
    """An attempt at a delivery, recorded before it is made, so that attempts of dead senders are on record, too."""

    __tablename__ = "delivery_attempts"

    workspace_id: Mapped[WorkspaceKey]
    delivery_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)  # from 1
    started_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]
    duration_ms: Mapped[int | None]
    request: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # method, url, headers; no secret in any
    status: Mapped[int | None] = mapped_column(SmallInteger)
    headers: Mapped[dict[str, str] | None] = mapped_column(JSONB)  # response headers
    body: Mapped[str | None]  # its first 4 KiB
    error: Mapped[str | None]


class Endpoint(Base):
    """The recent results of a receiver. Without a row nothing is known of it."""

    __tablename__ = "endpoints"

    workspace_id: Mapped[WorkspaceKey]
    endpoint: Mapped[str] = mapped_column(primary_key=True)
    failures: Mapped[int] = mapped_column(server_default="0")  # in a row
    slots: Mapped[int] = mapped_column(SmallInteger)  # allowed concurrent attempts
    open_until: Mapped[datetime | None]  # the circuit is open: no first attempts until then
    succeeded_at: Mapped[datetime | None]


class Suppression(Base):
    """An email address to which leads' mail is no longer sent."""

    __tablename__ = "suppressions"

    id: Mapped[RowId]
    workspace_id: Mapped[int]
    email: Mapped[str]  # normalised, as identities are
    reason: Mapped[str]  # unsubscribed, manual
    note: Mapped[str | None]  # why, in the words of whoever added it
    created_by: Mapped[dict[str, Any] | None] = mapped_column(JSONB)  # kind, id and name; null: the person
    created_at: Mapped[TransactionTime]

    __table_args__ = (
        Index("uq_suppressions_workspace_id_email", "workspace_id", "email", unique=True),
        Index("ix_suppressions_workspace_id_id", "workspace_id", "id"),
    )


class RecipientLimit(Base):
    """When limited mails went to a recipient, or out from a form or a workspace, within the last day."""

    __tablename__ = "recipient_limits"

    subject: Mapped[str] = mapped_column(primary_key=True)  # with a keyed hash, so that no list of addresses arises
    sent_at: Mapped[list[datetime]] = mapped_column(ARRAY(DateTime(timezone=True)), server_default="{}")
    last_sent_at: Mapped[ClockTime] = mapped_column(index=True)
