"""Workspaces, the keys that open them, and the people who work in them."""

from datetime import datetime

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, Ciphertext, Id, Now


class Workspace(Base):
    """One customer. Nothing of it is visible from another."""

    __tablename__ = "workspaces"

    id: Mapped[Id]
    slug: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    country: Mapped[str | None]
    merge_policy: Mapped[str] = mapped_column(server_default="fill_empty")
    fold_gmail: Mapped[bool] = mapped_column(server_default=text("false"))
    timezone: Mapped[str] = mapped_column(server_default="UTC")  # an IANA name: whose business hours count
    mail_key: Mapped[Ciphertext | None]  # of its links to unsubscribe
    # Raised by triggers with each change of what a batch of leads must know of it, but of rules: see migration 0012.
    version: Mapped[int] = mapped_column(server_default="0")
    created_at: Mapped[Now]


class ApiKey(Base):
    """The digest of a key, never the key. Found by digest alone: the key names its workspace, not the other way."""

    __tablename__ = "api_keys"

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    name: Mapped[str]
    prefix: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    scopes: Mapped[list[str]] = mapped_column(ARRAY(Text))
    rate_limit: Mapped[int | None]  # requests an hour; null: unlimited
    expires_at: Mapped[datetime | None]
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]
    created_at: Mapped[Now]


class User(Base):
    """Somebody a lead can be assigned to."""

    __tablename__ = "users"

    id: Mapped[Id]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    name: Mapped[str]
    email: Mapped[str]
    role: Mapped[str] = mapped_column(server_default="agent")
    is_active: Mapped[bool] = mapped_column(server_default=text("true"))
    created_at: Mapped[Now]
    updated_at: Mapped[Now]

    __table_args__ = (Index("uq_users_workspace_id_email", "workspace_id", text("lower(email)"), unique=True),)
