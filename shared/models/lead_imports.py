"""Tables of imports: what was sent, the file until it is read, and what became of each row."""

from datetime import datetime
from typing import Any

from sqlalchemy import Index, LargeBinary, Text, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, TransactionTime, WorkspaceKey

ZERO_TEXT = "0"


class LeadImport(Base):
    """A file of leads. Its id is that of its job, which has the state.

    Rows are read in order, up to the byte `read_offset`. `rows_settled` of them have their verdict, also in order.
    """

    __tablename__ = "imports"

    workspace_id: Mapped[WorkspaceKey]
    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    is_dry_run: Mapped[bool]
    file_name: Mapped[str]
    file_size: Mapped[int]  # bytes
    encoding: Mapped[str]
    delimiter: Mapped[str]
    columns: Mapped[list[str]] = mapped_column(ARRAY(Text))
    mapping: Mapped[dict[str, Any]] = mapped_column(JSONB)  # column to target, null: not used
    options: Mapped[dict[str, Any]] = mapped_column(JSONB)  # merge_policy, source, tags, run_automations
    key_id: Mapped[int | None]  # the API key that posted it
    data_offset: Mapped[int]  # bytes before the first row
    read_offset: Mapped[int]
    rows_read: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    rows_settled: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    created: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    merged: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    unchanged: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    invalid: Mapped[int] = mapped_column(server_default=ZERO_TEXT)
    is_settled: Mapped[bool] = mapped_column(server_default=text("false"))  # nothing is left to read or to wait for
    has_file: Mapped[bool] = mapped_column(server_default=text("true"))
    run_id: Mapped[int | None]  # of a dry run: the import that it became
    undo_job_id: Mapped[int | None]
    undone_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime] = mapped_column(server_default=func.date_trunc("milliseconds", func.now()))
    due_at: Mapped[TransactionTime]

    __table_args__ = (
        Index("ix_imports_unsettled", "due_at", postgresql_where=text("NOT is_settled")),
        Index("ix_imports_accepted_at", "accepted_at"),
    )


class ImportChunk(Base):
    """A part of an import's file. All but the last have the same size. A part goes when its rows were read."""

    __tablename__ = "import_chunks"

    workspace_id: Mapped[WorkspaceKey]
    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    n: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    data: Mapped[bytes] = mapped_column(LargeBinary)


class ImportRow(Base):
    """A row with its verdict. `cells` are kept of invalid rows, and of the first rows of a dry run.

    `has_joined`: the lead was there before, and is known by an email or phone of the row as well from then on.
    """

    __tablename__ = "import_rows"

    workspace_id: Mapped[WorkspaceKey]
    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    row: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[str]  # created, merged, unchanged, invalid
    lead_id: Mapped[int | None]
    reasons: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    cells: Mapped[list[str] | None] = mapped_column(ARRAY(Text))
    has_joined: Mapped[bool | None]

    __table_args__ = (
        Index(
            "ix_import_rows_cells",
            "workspace_id",
            "import_id",
            "state",
            "row",
            postgresql_where=text("cells IS NOT NULL"),
        ),
        Index("ix_import_rows_lead", "workspace_id", "lead_id"),  # for the report on a person, and an erasure
    )


class ImportPreviewKey(Base):
    """An identity that a dry run would have claimed by now. `lead_id` is below zero for a lead that would be new."""

    __tablename__ = "import_preview_keys"

    workspace_id: Mapped[WorkspaceKey]
    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kind: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    lead_id: Mapped[int]


class ImportPreviewLead(Base):
    """A lead as a dry run would have left it by now."""

    __tablename__ = "import_preview_leads"

    workspace_id: Mapped[WorkspaceKey]
    import_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    lead_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    state: Mapped[dict[str, Any]] = mapped_column(JSONB)
