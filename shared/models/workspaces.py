"""Tables of workspaces, their API keys and their users."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, EncryptedBytes, RowId, TransactionTime


class Workspace(Base):
    """A customer. Its data is not visible from other workspaces."""

    __tablename__ = "workspaces"

    id: Mapped[RowId]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    country: Mapped[str | None]
    merge_policy: Mapped[str] = mapped_column(server_default="fill_empty")
    fold_gmail: Mapped[bool] = mapped_column(server_default=text("false"))
    # Emails, local parts and phones by which nobody is recognised.
    never_join: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    timezone: Mapped[str] = mapped_column(server_default="UTC")  # an IANA name, for business hours
    mail_key: Mapped[EncryptedBytes | None]  # signs its unsubscribe links
    spam_threshold: Mapped[int] = mapped_column(server_default="50")  # points from which its forms hold a submission
    # Who is told of its alarms, and from when on they ring, where that is not the default.
    alarms: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    spam_digest_at: Mapped[datetime | None]  # when its admins were last told what is held
    # Raised by triggers when data that ingest caches changes. Changes of rules have their own version (`RuleVersion`).
    version: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[TransactionTime]


class ApiKey(Base):
    """The digest of an API key, never the key itself. Keys are looked up by digest alone, and name their workspace."""

    __tablename__ = "api_keys"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    rate_limit: Mapped[int | None]  # requests an hour; null: unlimited
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[TransactionTime]


class User(Base):
    """A user to whom leads can be assigned: an account's membership in a workspace, once it is invited."""

    __tablename__ = "users"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)  # null: cannot sign in
    name: Mapped[str]
    email: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="agent")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]

    __table_args__ = (
        Index("uq_users_workspace_id_email", "workspace_id", text("lower(email)"), unique=True),
        Index("uq_users_workspace_id_account_id", "workspace_id", "account_id", unique=True),
    )
