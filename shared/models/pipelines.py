"""Tables of pipelines and their stages."""

from sqlalchemy import ForeignKey, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from shared.models.base import Base, RowId, TransactionTime


class Pipeline(Base):
    """A sales process. One pipeline of a workspace is the default."""

    __tablename__ = "pipelines"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"), index=True)
    name: Mapped[str]
    description: Mapped[str | None]
    is_default: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]

    __table_args__ = (Index("uq_pipelines_default", "workspace_id", unique=True, postgresql_where=text("is_default")),)


class PipelineStage(Base):
    """A stage of a pipeline. `position` counts from 1."""

    __tablename__ = "pipeline_stages"

    id: Mapped[RowId]
    workspace_id: Mapped[int] = mapped_column(ForeignKey("workspaces.id"))
    pipeline_id: Mapped[int] = mapped_column(ForeignKey("pipelines.id", ondelete="CASCADE"))
    name: Mapped[str]
    color: Mapped[str | None]
    position: Mapped[int]
    is_won: Mapped[bool] = mapped_column(server_default=text("false"))
    is_lost: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[TransactionTime]
    updated_at: Mapped[TransactionTime]

    __table_args__ = (Index(None, "workspace_id", "pipeline_id", "position"),)
