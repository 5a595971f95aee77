"""The tables, by subject. Alembic compares the database with what is imported here."""

from shared.models.base import Base
from shared.models.intake import Event, JournalRow, Ledger, LedgerDelta, Process, Submission, SubmissionKey
from shared.models.leads import LEAD_IDS, Activity, Identity, Lead, PossibleDuplicate, Tag
from shared.models.pipelines import Pipeline, PipelineStage
from shared.models.tenants import ApiKey, User, Workspace

__all__ = [
    "LEAD_IDS",
    "Activity",
    "ApiKey",
    "Base",
    "Event",
    "Identity",
    "JournalRow",
    "Lead",
    "Ledger",
    "LedgerDelta",
    "Pipeline",
    "PipelineStage",
    "PossibleDuplicate",
    "Process",
    "Submission",
    "SubmissionKey",
    "Tag",
    "User",
    "Workspace",
]
