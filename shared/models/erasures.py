"""Tables of erased people, and of how long a workspace keeps what."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, LargeBinary, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, EncryptedBytes, TransactionTime, WorkspaceKey

EMPTY_ARRAY = text("'{}'")


class Erasure(Base):
    """What remains of an erased person: ids that mean nothing any more, keyed hashes of the identities, and counts.

    A restored backup is compared with it. `identities` are the identities themselves until the erasure is finished:
    submissions that were on their way are looked for by them.
    """

    __tablename__ = "erasures"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    lead_id: Mapped[int]  # whose erasure was asked for
    lead_ids: Mapped[list[int]] = mapped_column(ARRAY(BigInteger), server_default=EMPTY_ARRAY)
    # When each was created; after a restore an id may be given again, with another time.
    lead_times: Mapped[list[datetime | None]] = mapped_column(
        ARRAY(DateTime(timezone=True)), server_default=EMPTY_ARRAY
    )
    submission_ids: Mapped[list[uuid.UUID]] = mapped_column(ARRAY(UUID), server_default=EMPTY_ARRAY)
    identity_hashes: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary), server_default=EMPTY_ARRAY)
    hash_key: Mapped[EncryptedBytes]  # of the hashes; the same for all erasures of a workspace
    identities: Mapped[EncryptedBytes | None]  # JSON
    reason: Mapped[str | None]
    requested_by: Mapped[dict[str, Any]] = mapped_column(JSONB)  # kind and id
    removed: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=EMPTY_ARRAY)  # counts by kind
    erased_at: Mapped[datetime]
    finished_at: Mapped[datetime | None]

    __table_args__ = (
        Index("ix_erasures_lead_ids", "lead_ids", postgresql_using="gin"),
        Index("ix_erasures_identity_hashes", "identity_hashes", postgresql_using="gin"),
        Index("ix_erasures_unfinished", "erased_at", postgresql_where=text("finished_at IS NULL")),
    )


class RetentionSetting(Base):
    """For how many days a workspace keeps what. Null: as long as the installation does."""

    __tablename__ = "retention_settings"

    workspace_id: Mapped[WorkspaceKey]
    submissions_days: Mapped[int | None]
    held_days: Mapped[int | None]
    activities_days: Mapped[int | None]
    attempts_days: Mapped[int | None]
    updated_at: Mapped[TransactionTime]
