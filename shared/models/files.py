"""The table of files that came with submissions."""

import uuid

from sqlalchemy import Index, LargeBinary
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, ClockTime, WorkspaceKey


class StoredFile(Base):
    """A file of a submission. Its content lies under its digest, on disk or in S3, once for all rows that have it."""

    __tablename__ = "files"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    submission_id: Mapped[uuid.UUID]
    form_id: Mapped[int]
    field_key: Mapped[str]
    digest: Mapped[bytes] = mapped_column(LargeBinary)  # SHA-256
    name: Mapped[str]  # as the visitor's computer calls it
    size: Mapped[int]  # bytes
    type: Mapped[str]  # media type, judged by its bytes
    storage: Mapped[str] = mapped_column(server_default="disk")  # disk, s3
    created_at: Mapped[ClockTime]

    __table_args__ = (
        Index("ix_files_submission", "workspace_id", "submission_id"),
        Index("ix_files_digest", "digest"),
        Index("ix_files_storage", "storage", "created_at"),
    )
