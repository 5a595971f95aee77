"""Tables of accounts, their sessions and links. An account is one person's for the whole installation."""

from datetime import datetime
from typing import Any

from sqlalchemy import ARRAY, ForeignKey, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, EncryptedBytes, RowId, TransactionTime


class Account(Base):
    """A person who can sign in. Users are its memberships in workspaces."""

    __tablename__ = "accounts"

    id: Mapped[RowId]
    email: Mapped[str]
    name: Mapped[str]
    password_hash: Mapped[str | None]  # null until a link was used
    totp_secret: Mapped[EncryptedBytes | None]  # null: no second factor
    totp_pending_secret: Mapped[EncryptedBytes | None]  # until one code of it is confirmed
    totp_last_counter: Mapped[int | None]  # time step of the last code, since a code works once
    recovery_digests: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default=text("'{}'"))
    is_operator: Mapped[bool] = mapped_column(server_default=text("false"))  # sees all workspaces
    proven_at: Mapped[datetime | None]  # when a mailed link showed that the mailbox is the person's
    preferences: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    created_at: Mapped[TransactionTime]
    password_changed_at: Mapped[datetime | None]
    last_signed_in_at: Mapped[datetime | None]

    __table_args__ = (Index("uq_accounts_email", text("lower(email)"), unique=True),)


class Session(Base):
    """The digest of a session's token, never the token itself."""

    __tablename__ = "sessions"

    id: Mapped[RowId]
    account_id: Mapped[int] = mapped_column(ForeignKey("accounts.id"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    is_kept: Mapped[bool]  # "keep me signed in": it does not end by idling
    address: Mapped[str]
    agent: Mapped[str]
    created_at: Mapped[TransactionTime]
    seen_at: Mapped[TransactionTime]  # precise to the minute
    confirmed_at: Mapped[TransactionTime]  # when the password was last entered
    expires_at: Mapped[datetime]  # moves on with each use
    ends_at: Mapped[datetime]  # never moves
    needs_renewal: Mapped[bool] = mapped_column(server_default=text("false"))  # a role changed: a new token is due
    revoked_at: Mapped[datetime | None]


class AccountLink(Base):
    """A link that sets a password or joins a workspace, once. Only the digest of its token is stored."""

    __tablename__ = "account_links"

    id: Mapped[RowId]
    account_id: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)  # null: the first admin's
    purpose: Mapped[str]
    channel: Mapped[str] = mapped_column(server_default=text("'workspace'"))  # who could read it on its way
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    created_at: Mapped[TransactionTime]
    expires_at: Mapped[datetime]
    used_at: Mapped[datetime | None]


class SignInFailure(Base):
    """Failures in a row of an account, an address or a device, and when the next attempt may be made."""

    __tablename__ = "sign_in_failures"

    subject: Mapped[str] = mapped_column(primary_key=True)  # a hash, so that no list of addresses arises
    failures: Mapped[int]
    last_failed_at: Mapped[datetime] = mapped_column(index=True)
    retry_at: Mapped[datetime]
