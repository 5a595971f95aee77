"""The tables, by subject. Alembic compares the database with the models that are imported here."""

from shared.models.automations import (
    Automation,
    AutomationRun,
    AutomationTurn,
    LeadPoints,
    RuleVersion,
    ScoringRule,
    Silence,
    Task,
)
from shared.models.base import Base
from shared.models.deliveries import Delivery, DeliveryAttempt, Endpoint, Suppression
from shared.models.forms import Form
from shared.models.intake import Event, JournalRow, Ledger, LedgerDelta, Process, Submission, SubmissionKey
from shared.models.integrations import Integration, WebhookSubscription
from shared.models.leads import LEAD_IDS, Activity, Cleanup, Identity, Lead, PossibleDuplicate, Tag
from shared.models.lists import (
    LeadCount,
    LeadCountDelta,
    LeadMarginal,
    LeadText,
    LeadTextQueue,
    LeadTime,
    LeadTimeDelta,
)
from shared.models.pipelines import Pipeline, PipelineStage
from shared.models.tallies import Tally, TallyDelta, folded_count
from shared.models.tenants import ApiKey, User, Workspace

__all__ = [
    "LEAD_IDS",
    "Activity",
    "ApiKey",
    "Automation",
    "AutomationRun",
    "AutomationTurn",
    "Base",
    "Cleanup",
    "Delivery",
    "DeliveryAttempt",
    "Endpoint",
    "Event",
    "Form",
    "Identity",
    "Integration",
    "JournalRow",
    "Lead",
    "LeadCount",
    "LeadCountDelta",
    "LeadMarginal",
    "LeadPoints",
    "LeadText",
    "LeadTextQueue",
    "LeadTime",
    "LeadTimeDelta",
    "Ledger",
    "LedgerDelta",
    "Pipeline",
    "PipelineStage",
    "PossibleDuplicate",
    "Process",
    "RuleVersion",
    "ScoringRule",
    "Silence",
    "Submission",
    "SubmissionKey",
    "Suppression",
    "Tag",
    "Tally",
    "TallyDelta",
    "Task",
    "User",
    "WebhookSubscription",
    "Workspace",
    "folded_count",
]
