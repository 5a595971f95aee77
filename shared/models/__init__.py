"""The tables, by subject. Alembic compares the database with what is imported here."""

from shared.models.automations import Automation, AutomationRun, ScoringRule, Task
from shared.models.base import Base
from shared.models.forms import Form
from shared.models.intake import Event, JournalRow, Ledger, LedgerDelta, Process, Submission, SubmissionKey
from shared.models.integrations import Integration, WebhookSubscription
from shared.models.leads import LEAD_IDS, Activity, Identity, Lead, PossibleDuplicate, Tag
from shared.models.pipelines import Pipeline, PipelineStage
from shared.models.tallies import Tally, TallyDelta
from shared.models.tenants import ApiKey, User, Workspace

__all__ = [
    "LEAD_IDS",
    "Activity",
    "ApiKey",
    "Automation",
    "AutomationRun",
    "Base",
    "Event",
    "Form",
    "Identity",
    "Integration",
    "JournalRow",
    "Lead",
    "Ledger",
    "LedgerDelta",
    "Pipeline",
    "PipelineStage",
    "PossibleDuplicate",
    "Process",
    "ScoringRule",
    "Submission",
    "SubmissionKey",
    "Tag",
    "Tally",
    "TallyDelta",
    "Task",
    "User",
    "WebhookSubscription",
    "Workspace",
]
