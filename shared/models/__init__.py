"""The tables, by subject. Alembic compares the database with the models that are imported here."""

from shared.models.accounts import Account, AccountLink, Session, SignInFailure
from shared.models.alarms import Alarm, WorkspaceAlarm
from shared.models.audit_log import AuditRow
from shared.models.automations import (
    Automation,
    AutomationDraft,
    AutomationRun,
    AutomationVersion,
    InactivityTimer,
    LeadPoints,
    RoundRobinCounter,
    RuleVersion,
    ScoringRule,
    Task,
)
from shared.models.base import Base
from shared.models.causes import Cause, CauseCount, CauseDelta
from shared.models.conversions import Conversion
from shared.models.counters import Counter, CounterDelta, folded_count
from shared.models.deliveries import Delivery, DeliveryAttempt, Endpoint, RecipientLimit, Suppression
from shared.models.erasures import Erasure, RetentionSetting
from shared.models.event_feeds import EventFeed, FeedEvent
from shared.models.files import StoredFile
from shared.models.forms import Form, FormCount, FormDraft, FormVersion, SpamRuleRow, SubmissionVisitor
from shared.models.intake import Event, JournalRow, Ledger, LedgerDelta, Process, Submission, SubmissionKey
from shared.models.integrations import Integration, SubscriptionState, WebhookSubscription
from shared.models.jobs import Job, JobFollower, JobItem, SubmissionVersion
from shared.models.lead_imports import ImportChunk, ImportPreviewKey, ImportPreviewLead, ImportRow, LeadImport
from shared.models.leads import LEAD_IDS, Activity, BackgroundCleanup, Identity, Lead, PossibleDuplicate, Tag
from shared.models.likeness import (
    DuplicatePair,
    LikenessCount,
    LikenessKey,
    LikenessProfile,
    LikenessQueueRow,
    LikenessWeights,
)
from shared.models.merges import LeadMerge, LeadRedirect
from shared.models.operations import LanePause, LaneStatistic, LedgerSample, MinuteStatistic, SourceStatistic
from shared.models.pipelines import Pipeline, PipelineStage
from shared.models.read_models import (
    LeadCount,
    LeadCountByField,
    LeadCountByTime,
    LeadCountDelta,
    LeadSearch,
    LeadSearchQueue,
    LeadTimeDelta,
)
from shared.models.saved_views import LeadListSettings, SavedView
from shared.models.sources import IntegrationCount, LeadAttribution, SourceAccount, SourceFetch, SourcePoll
from shared.models.workspaces import ApiKey, User, Workspace

__all__ = [
    "LEAD_IDS",
    "Account",
    "AccountLink",
    "Activity",
    "Alarm",
    "ApiKey",
    "AuditRow",
    "Automation",
    "AutomationDraft",
    "AutomationRun",
    "AutomationVersion",
    "BackgroundCleanup",
    "Base",
    "Cause",
    "CauseCount",
    "CauseDelta",
    "Conversion",
    "Counter",
    "CounterDelta",
    "Delivery",
    "DeliveryAttempt",
    "DuplicatePair",
    "Endpoint",
    "Erasure",
    "Event",
    "EventFeed",
    "FeedEvent",
    "Form",
    "FormCount",
    "FormDraft",
    "FormVersion",
    "Identity",
    "ImportChunk",
    "ImportPreviewKey",
    "ImportPreviewLead",
    "ImportRow",
    "InactivityTimer",
    "Integration",
    "IntegrationCount",
    "Job",
    "JobFollower",
    "JobItem",
    "JournalRow",
    "LanePause",
    "LaneStatistic",
    "Lead",
    "LeadAttribution",
    "LeadCount",
    "LeadCountByField",
    "LeadCountByTime",
    "LeadCountDelta",
    "LeadImport",
    "LeadListSettings",
    "LeadMerge",
    "LeadPoints",
    "LeadRedirect",
    "LeadSearch",
    "LeadSearchQueue",
    "LeadTimeDelta",
    "Ledger",
    "LedgerDelta",
    "LedgerSample",
    "LikenessCount",
    "LikenessKey",
    "LikenessProfile",
    "LikenessQueueRow",
    "LikenessWeights",
    "MinuteStatistic",
    "Pipeline",
    "PipelineStage",
    "PossibleDuplicate",
    "Process",
    "RecipientLimit",
    "RetentionSetting",
    "RoundRobinCounter",
    "RuleVersion",
    "SavedView",
    "ScoringRule",
    "Session",
    "SignInFailure",
    "SourceAccount",
    "SourceFetch",
    "SourcePoll",
    "SourceStatistic",
    "SpamRuleRow",
    "StoredFile",
    "Submission",
    "SubmissionKey",
    "SubmissionVersion",
    "SubmissionVisitor",
    "SubscriptionState",
    "Suppression",
    "Tag",
    "Task",
    "User",
    "WebhookSubscription",
    "Workspace",
    "WorkspaceAlarm",
    "folded_count",
]
