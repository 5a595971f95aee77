"""The groups of methods of a client. Generated from docs/openapi.json; do not edit."""

from __future__ import annotations

import builtins
from typing import Unpack, cast

from ._models import (
    Activity,
    AlarmTrial,
    AlarmTrialFields,
    ApiKey,
    ApiKeyFields,
    ApiKeyWithSecret,
    Audit,
    Automation,
    AutomationFields,
    AutomationRun,
    AutomationRunFields,
    BackfillFields,
    BulkCount,
    BulkFields,
    BulkReleaseFields,
    BulkReplayFields,
    BulkResendFields,
    Cause,
    CauseFields,
    CrowdedContact,
    DeleteStageQuery,
    Delivery,
    DeliveryWithAttempts,
    DownloadImportRowsQuery,
    DraftSent,
    DuplicatePair,
    EraseFields,
    Erasure,
    EventType,
    ExplainAutomationQuery,
    Explanation,
    ExportLeadsQuery,
    Form,
    FormDraft,
    FormFields,
    FormNumbers,
    FormVersion,
    GetFormNumbersQuery,
    GetOperationsHistoryQuery,
    History,
    Import,
    ImportRow,
    ImportRunFields,
    Integration,
    IntegrationCheck,
    IntegrationFields,
    IntegrationType,
    Job,
    JobChangeFields,
    JobItem,
    JobOutcome,
    JobWithAfterwards,
    Lane,
    Lead,
    LeadFields,
    LeadTag,
    ListApiKeysQuery,
    ListAuditEntriesQuery,
    ListAutomationRunsQuery,
    ListAutomationsQuery,
    ListCausesQuery,
    ListDeliveriesQuery,
    ListDuplicatesQuery,
    ListFormsQuery,
    ListFormSubmissionsQuery,
    ListImportRowsQuery,
    ListImportsQuery,
    ListIntegrationsQuery,
    ListJobItemsQuery,
    ListJobsQuery,
    ListLeadActivitiesQuery,
    ListLeadDuplicatesQuery,
    ListLeadMergesQuery,
    ListLeadsQuery,
    ListPipelinesQuery,
    ListScoringRulesQuery,
    ListSpamRulesQuery,
    ListStagesQuery,
    ListSubmissionsQuery,
    ListSuppressionsQuery,
    ListTagsQuery,
    ListTasksQuery,
    ListUsersQuery,
    ListWebhookDeliveriesQuery,
    ListWebhooksQuery,
    LoggedActivity,
    MailTrial,
    MailTrialFields,
    Merge,
    MergedLead,
    MergeFields,
    NewApiKeyFields,
    NewAutomationFields,
    NewFormFields,
    NewIntegrationFields,
    NewLeadFields,
    NewPipelineFields,
    NewScoringRuleFields,
    NewStageFields,
    NewTagFields,
    NewTaskFields,
    NewUserFields,
    NewWebhookFields,
    Operations,
    PauseFields,
    PersonReport,
    Pipeline,
    PipelineFields,
    Preview,
    PreviewFields,
    PublishFields,
    RecalculationFields,
    RejectFields,
    ReleaseFields,
    ReplayFields,
    ResendFields,
    ResendResult,
    Retention,
    RetentionFields,
    RotationFields,
    SampleEventFields,
    ScorePreview,
    ScorePreviewFields,
    ScoringRule,
    ScoringRuleFields,
    Source,
    SpamRule,
    SpamRuleFields,
    Stage,
    StageFields,
    Submission,
    SubmissionVersion,
    Suppression,
    SuppressionFields,
    Tag,
    TagFields,
    TagMergeFields,
    Task,
    TaskFields,
    Trial,
    TrialEventFields,
    TrialFields,
    TriedBody,
    TryFields,
    UnmergedLead,
    UnmergeFields,
    UpdateWorkspaceQuery,
    User,
    UserFields,
    Webhook,
    WebhookFields,
    WebhookWithSecret,
    WorkspaceFields,
    WorkspaceSettings,
)
from ._sync_transport import Pages, Resource, quoted


class ApiKeysGroup(Resource):
    def list(self, **query: Unpack[ListApiKeysQuery]) -> Pages[ApiKey]:
        """List the API keys, newest first, including revoked ones."""
        return self._pages("/api/v1/api-keys", dict(query))

    def create(self, fields: NewApiKeyFields) -> ApiKeyWithSecret:
        """Create an API key."""
        return cast("ApiKeyWithSecret", self._data("POST", "/api/v1/api-keys", None, fields))

    def get(self, id_: int) -> ApiKey:
        """Show an API key, without its secret."""
        return cast("ApiKey", self._data("GET", f"/api/v1/api-keys/{id_}"))

    def update(self, id_: int, fields: ApiKeyFields | None = None) -> ApiKey:
        """Change an API key's name, scopes, limit or expiry."""
        return cast("ApiKey", self._data("PATCH", f"/api/v1/api-keys/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Revoke an API key."""
        self._nothing("DELETE", f"/api/v1/api-keys/{id_}")


class AuditLogGroup(Resource):
    def list(self, **query: Unpack[ListAuditEntriesQuery]) -> Pages[Audit]:
        """List the workspace's audit log, newest first."""
        return self._pages("/api/v1/audit-log", dict(query))


class AutomationsGroup(Resource):
    def list(self, **query: Unpack[ListAutomationsQuery]) -> Pages[Automation]:
        """List the automations, newest first."""
        return self._pages("/api/v1/automations", dict(query))

    def create(self, fields: NewAutomationFields) -> Automation:
        """Create an automation."""
        return cast("Automation", self._data("POST", "/api/v1/automations", None, fields))

    def get(self, id_: int) -> Automation:
        """Show an automation."""
        return cast("Automation", self._data("GET", f"/api/v1/automations/{id_}"))

    def update(self, id_: int, fields: AutomationFields | None = None) -> Automation:
        """Change an automation."""
        return cast("Automation", self._data("PATCH", f"/api/v1/automations/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete an automation."""
        self._nothing("DELETE", f"/api/v1/automations/{id_}")

    def list_runs(self, id_: int, **query: Unpack[ListAutomationRunsQuery]) -> Pages[AutomationRun]:
        """List an automation's runs, newest first, with the outcome of every step."""
        return self._pages(f"/api/v1/automations/{id_}/runs", dict(query))

    def run(self, id_: int, fields: AutomationRunFields) -> AutomationRun:
        """Run an automation for one lead, whatever its trigger."""
        return cast("AutomationRun", self._data("POST", f"/api/v1/automations/{id_}/run", None, fields))

    def explain(self, id_: int, **query: Unpack[ExplainAutomationQuery]) -> Explanation:
        """Say why an automation ran for a lead, or why it did not."""
        return cast("Explanation", self._data("GET", f"/api/v1/automations/{id_}/explain", dict(query)))

    def try_out(self, id_: int, fields: TrialFields | None = None) -> Trial:
        """Try an automation: on one lead (`lead_id`), or on up to 50 of the last events (`last`)."""
        return cast("Trial", self._data("POST", f"/api/v1/automations/{id_}/try", None, fields))


class DeliveriesGroup(Resource):
    def list(self, **query: Unpack[ListDeliveriesQuery]) -> Pages[Delivery]:
        """List the deliveries, newest first."""
        return self._pages("/api/v1/deliveries", dict(query))

    def resend_many(self, fields: BulkResendFields) -> BulkCount | Job:
        """Count the deliveries that match, and with `confirm` and `as_of` send them again as a job."""
        return cast("BulkCount | Job", self._data("POST", "/api/v1/deliveries/resend", None, fields))

    def get(self, id_: int) -> DeliveryWithAttempts:
        """Show a delivery with all its attempts, oldest first."""
        return cast("DeliveryWithAttempts", self._data("GET", f"/api/v1/deliveries/{id_}"))

    def resend(self, id_: int) -> Delivery:
        """Send a delivery again, under the same id, whatever its state."""
        return cast("Delivery", self._data("POST", f"/api/v1/deliveries/{id_}/resend"))


class DuplicatesGroup(Resource):
    def list(self, **query: Unpack[ListDuplicatesQuery]) -> Pages[DuplicatePair]:
        """List pairs of leads that are probably one person, the likeliest first."""
        return self._pages("/api/v1/duplicates", dict(query))

    def dismiss(self, id_: int) -> DuplicatePair:
        """Say that two leads are not one person."""
        return cast("DuplicatePair", self._data("POST", f"/api/v1/duplicates/{id_}/dismiss"))

    def reopen(self, id_: int) -> DuplicatePair:
        """Take a dismissal back."""
        return cast("DuplicatePair", self._data("POST", f"/api/v1/duplicates/{id_}/reopen"))


class FilesGroup(Resource):
    def download(self, id_: str) -> bytes:
        """Download a file that came with a form, by the `id` in the submission's payload."""
        return self._bytes("GET", f"/api/v1/files/{quoted(id_)}")


class FormsGroup(Resource):
    def list(self, **query: Unpack[ListFormsQuery]) -> Pages[Form]:
        """List the forms, newest first."""
        return self._pages("/api/v1/forms", dict(query))

    def create(self, fields: NewFormFields) -> Form:
        """Create a form."""
        return cast("Form", self._data("POST", "/api/v1/forms", None, fields))

    def get(self, id_: int) -> Form:
        """Show a form, as it is published."""
        return cast("Form", self._data("GET", f"/api/v1/forms/{id_}"))

    def update(self, id_: int, fields: FormFields | None = None) -> Form:
        """Change a form; the change is published at once."""
        return cast("Form", self._data("PATCH", f"/api/v1/forms/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a form."""
        self._nothing("DELETE", f"/api/v1/forms/{id_}")

    def list_submissions(self, id_: int, **query: Unpack[ListFormSubmissionsQuery]) -> Pages[Submission]:
        """List a form's submissions, newest first, including pending ones (`accepted`)."""
        return self._pages(f"/api/v1/forms/{id_}/submissions", dict(query))

    def get_draft(self, id_: int) -> FormDraft:
        """Show the draft of a form."""
        return cast("FormDraft", self._data("GET", f"/api/v1/forms/{id_}/draft"))

    def save_draft(self, id_: int, fields: DraftSent | None = None) -> FormDraft:
        """Save changes to the draft of a form."""
        return cast("FormDraft", self._data("PUT", f"/api/v1/forms/{id_}/draft", None, fields))

    def discard_draft(self, id_: int) -> None:
        """Throw the draft of a form away."""
        self._nothing("DELETE", f"/api/v1/forms/{id_}/draft")

    def publish(self, id_: int, fields: PublishFields | None = None) -> Form:
        """Publish the draft of a form: visitors see it from now on, as a new version."""
        return cast("Form", self._data("POST", f"/api/v1/forms/{id_}/publish", None, fields))

    def list_versions(self, id_: int) -> builtins.list[FormVersion]:
        """List the published versions of a form, newest first, up to 200."""
        return cast("builtins.list[FormVersion]", self._data("GET", f"/api/v1/forms/{id_}/versions"))

    def get_numbers(self, id_: int, **query: Unpack[GetFormNumbersQuery]) -> FormNumbers:
        """Show a form's numbers in the last `days`, 7 unless said: in all, by day (UTC), and by source."""
        return cast("FormNumbers", self._data("GET", f"/api/v1/forms/{id_}/numbers", dict(query)))

    def restore_version(self, id_: int, version: int) -> FormDraft:
        """Make a published version the draft of its form, in place of the present draft."""
        return cast("FormDraft", self._data("POST", f"/api/v1/forms/{id_}/versions/{version}/restore"))


class IdentitiesGroup(Resource):
    def list_crowded_contacts(self) -> builtins.list[CrowdedContact]:
        """List emails and phones that more than ten unlike names came with, the most crowded first, at most 50."""
        return cast("builtins.list[CrowdedContact]", self._data("GET", "/api/v1/identities/crowded"))


class ImportsGroup(Resource):
    def list(self, **query: Unpack[ListImportsQuery]) -> Pages[Import]:
        """List the imports, newest first, with those that were undone and dry runs."""
        return self._pages("/api/v1/imports", dict(query))

    def get(self, id_: int) -> Import:
        """Show an import."""
        return cast("Import", self._data("GET", f"/api/v1/imports/{id_}"))

    def list_rows(self, id_: int, **query: Unpack[ListImportRowsQuery]) -> Pages[ImportRow]:
        """List the rows of an import that have their verdict, in the order of the file."""
        return self._pages(f"/api/v1/imports/{id_}/rows", dict(query))

    def run(self, id_: int, fields: ImportRunFields | None = None) -> Import:
        """Import what a dry run showed, without sending the file again."""
        return cast("Import", self._data("POST", f"/api/v1/imports/{id_}/run", None, fields))

    def cancel(self, id_: int) -> Import:
        """Read no more rows of an import."""
        return cast("Import", self._data("POST", f"/api/v1/imports/{id_}/cancel"))

    def undo(self, id_: int) -> Import:
        """Undo an import, as a job: leads that it made and nobody touched go, and values that it filled are taken back."""
        return cast("Import", self._data("POST", f"/api/v1/imports/{id_}/undo"))

    def download_rows(self, id_: int, **query: Unpack[DownloadImportRowsQuery]) -> bytes:
        """Download the rows of an import as CSV: the cells as they were sent, with the row's number, state and reasons."""
        return self._bytes("GET", f"/api/v1/imports/{id_}/rows.csv", dict(query))


class IntegrationsGroup(Resource):
    def list_types(self) -> builtins.list[IntegrationType]:
        """List all types of integrations, with the credentials that each needs."""
        return cast("builtins.list[IntegrationType]", self._data("GET", "/api/v1/integrations/types"))

    def list(self, **query: Unpack[ListIntegrationsQuery]) -> Pages[Integration]:
        """List the integrations, newest first."""
        return self._pages("/api/v1/integrations", dict(query))

    def create(self, fields: NewIntegrationFields) -> Integration:
        """Create an integration."""
        return cast("Integration", self._data("POST", "/api/v1/integrations", None, fields))

    def get(self, id_: int) -> Integration:
        """Show an integration."""
        return cast("Integration", self._data("GET", f"/api/v1/integrations/{id_}"))

    def update(self, id_: int, fields: IntegrationFields | None = None) -> Integration:
        """Change an integration."""
        return cast("Integration", self._data("PATCH", f"/api/v1/integrations/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete an integration."""
        self._nothing("DELETE", f"/api/v1/integrations/{id_}")

    def rotate_url(self, id_: int) -> Integration:
        """Give an integration another `webhook_url`."""
        return cast("Integration", self._data("POST", f"/api/v1/integrations/{id_}/rotate-url"))

    def backfill(self, id_: int, fields: BackfillFields) -> Job:
        """Ask the provider for the leads since a time, as a job."""
        return cast("Job", self._data("POST", f"/api/v1/integrations/{id_}/backfill", None, fields))

    def send_conversion_test(self, id_: int, fields: TrialEventFields | None = None) -> Delivery:
        """Send a test event of a made-up lead, for types that send conversions."""
        return cast("Delivery", self._data("POST", f"/api/v1/integrations/{id_}/test-event", None, fields))

    def check(self, id_: int) -> IntegrationCheck:
        """Check an integration step by step: what was seen, and what to do where a step is not in order."""
        return cast("IntegrationCheck", self._data("GET", f"/api/v1/integrations/{id_}/check"))

    def try_out(self, id_: int, fields: TryFields | None = None) -> TriedBody:
        """Show which leads a body would make."""
        return cast("TriedBody", self._data("POST", f"/api/v1/integrations/{id_}/try", None, fields))


class JobsGroup(Resource):
    def list(self, **query: Unpack[ListJobsQuery]) -> Pages[JobOutcome]:
        """List the jobs, newest first."""
        return self._pages("/api/v1/jobs", dict(query))

    def get(self, id_: int) -> JobWithAfterwards:
        """Show a job."""
        return cast("JobWithAfterwards", self._data("GET", f"/api/v1/jobs/{id_}"))

    def update(self, id_: int, fields: JobChangeFields | None = None) -> JobOutcome:
        """Change the rate of a job."""
        return cast("JobOutcome", self._data("PATCH", f"/api/v1/jobs/{id_}", None, fields))

    def list_items(self, id_: int, **query: Unpack[ListJobItemsQuery]) -> Pages[JobItem]:
        """List the rows of a job in the order in which they are handled."""
        return self._pages(f"/api/v1/jobs/{id_}/items", dict(query))

    def pause(self, id_: int) -> JobOutcome:
        """Pause a job."""
        return cast("JobOutcome", self._data("POST", f"/api/v1/jobs/{id_}/pause"))

    def resume(self, id_: int) -> JobOutcome:
        """Let a paused job go on."""
        return cast("JobOutcome", self._data("POST", f"/api/v1/jobs/{id_}/resume"))

    def cancel(self, id_: int) -> JobOutcome:
        """End a job."""
        return cast("JobOutcome", self._data("POST", f"/api/v1/jobs/{id_}/cancel"))


class LeadsGroup(Resource):
    def list(self, **query: Unpack[ListLeadsQuery]) -> Pages[Lead]:
        """List the leads that fit all filters, newest first unless asked otherwise."""
        return self._pages("/api/v1/leads", dict(query))

    def create(self, fields: NewLeadFields) -> Lead:
        """Create a lead."""
        return cast("Lead", self._data("POST", "/api/v1/leads", None, fields))

    def get(self, id_: int) -> Lead:
        """Show a lead."""
        return cast("Lead", self._data("GET", f"/api/v1/leads/{id_}"))

    def update(self, id_: int, fields: LeadFields | None = None) -> Lead:
        """Change a lead."""
        return cast("Lead", self._data("PATCH", f"/api/v1/leads/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a lead."""
        self._nothing("DELETE", f"/api/v1/leads/{id_}")

    def add_tag(self, id_: int, fields: LeadTag) -> Lead:
        """Tag a lead."""
        return cast("Lead", self._data("POST", f"/api/v1/leads/{id_}/tags", None, fields))

    def remove_tag(self, id_: int, tag: str) -> Lead:
        """Remove a tag from a lead."""
        return cast("Lead", self._data("DELETE", f"/api/v1/leads/{id_}/tags/{quoted(tag)}"))

    def list_activities(self, id_: int, **query: Unpack[ListLeadActivitiesQuery]) -> Pages[Activity]:
        """List what happened to a lead, newest first."""
        return self._pages(f"/api/v1/leads/{id_}/activities", dict(query))

    def log_activity(self, id_: int, fields: LoggedActivity) -> Activity:
        """Log a call, a note, a mail or a meeting on the timeline of a lead."""
        return cast("Activity", self._data("POST", f"/api/v1/leads/{id_}/activities", None, fields))

    def list_duplicates(self, id_: int, **query: Unpack[ListLeadDuplicatesQuery]) -> Pages[DuplicatePair]:
        """List the pairs of a lead, the likeliest first."""
        return self._pages(f"/api/v1/leads/{id_}/duplicates", dict(query))

    def get_person_report(self, id_: int) -> PersonReport:
        """Show everything that is held on the person behind a lead, as one document."""
        return cast("PersonReport", self._data("GET", f"/api/v1/leads/{id_}/person"))

    def erase(self, id_: int, fields: EraseFields | None = None) -> Erasure:
        """Erase the person behind a lead everywhere: leads, submissions, files, timeline, messages, imports."""
        return cast("Erasure", self._data("POST", f"/api/v1/leads/{id_}/erase", None, fields))

    def merge(self, id_: int, fields: MergeFields) -> MergedLead:
        """Merge another lead into this one."""
        return cast("MergedLead", self._data("POST", f"/api/v1/leads/{id_}/merge", None, fields))

    def unmerge(self, id_: int, fields: UnmergeFields) -> UnmergedLead:
        """Undo a merge: both leads are as they were, and what came since stays with the lead that had stayed."""
        return cast("UnmergedLead", self._data("POST", f"/api/v1/leads/{id_}/unmerge", None, fields))

    def list_merges(self, id_: int, **query: Unpack[ListLeadMergesQuery]) -> Pages[Merge]:
        """List the merges of a lead and of those that merged into it, newest first, undone ones too."""
        return self._pages(f"/api/v1/leads/{id_}/merges", dict(query))

    def export(self, **query: Unpack[ExportLeadsQuery]) -> bytes:
        """Export all leads that match, as CSV or as NDJSON with one lead a line, in the order of their ids."""
        return self._bytes("GET", "/api/v1/leads/export", dict(query))


class OperationsGroup(Resource):
    def get(self) -> Operations:
        """Show queues, lanes, processes and dead letters."""
        return cast("Operations", self._data("GET", "/api/v1/operations"))

    def list_causes(self, **query: Unpack[ListCausesQuery]) -> Pages[Cause]:
        """List the causes of failures, the last seen first."""
        return self._pages("/api/v1/operations/causes", dict(query))

    def get_cause(self, id_: int) -> Cause:
        """Show a cause."""
        return cast("Cause", self._data("GET", f"/api/v1/operations/causes/{id_}"))

    def update_cause(self, id_: int, fields: CauseFields | None = None) -> Cause:
        """Mark a cause as fixed, ignore it, or open it again."""
        return cast("Cause", self._data("PATCH", f"/api/v1/operations/causes/{id_}", None, fields))

    def get_history(self, **query: Unpack[GetOperationsHistoryQuery]) -> History:
        """Show the last `minutes` (60 unless given): submissions, the time until they were decided, and the lanes' work."""
        return cast("History", self._data("GET", "/api/v1/operations/history", dict(query)))

    def pause_lane(self, lane: str, fields: PauseFields) -> Lane:
        """Pause a lane of the workspace: `automations` or `deliveries`."""
        return cast("Lane", self._data("POST", f"/api/v1/operations/lanes/{quoted(lane)}/pause", None, fields))

    def resume_lane(self, lane: str) -> Lane:
        """Resume a paused lane of the workspace: its work goes on within a second."""
        return cast("Lane", self._data("POST", f"/api/v1/operations/lanes/{quoted(lane)}/resume"))


class PipelinesGroup(Resource):
    def list(self, **query: Unpack[ListPipelinesQuery]) -> Pages[Pipeline]:
        """List the pipelines with their stages, newest first."""
        return self._pages("/api/v1/pipelines", dict(query))

    def create(self, fields: NewPipelineFields) -> Pipeline:
        """Create a pipeline, with stages if they are sent."""
        return cast("Pipeline", self._data("POST", "/api/v1/pipelines", None, fields))

    def get(self, id_: int) -> Pipeline:
        """Show a pipeline with its stages."""
        return cast("Pipeline", self._data("GET", f"/api/v1/pipelines/{id_}"))

    def update(self, id_: int, fields: PipelineFields | None = None) -> Pipeline:
        """Change a pipeline."""
        return cast("Pipeline", self._data("PATCH", f"/api/v1/pipelines/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a pipeline and its stages."""
        self._nothing("DELETE", f"/api/v1/pipelines/{id_}")

    def list_stages(self, pipeline_id: int, **query: Unpack[ListStagesQuery]) -> Pages[Stage]:
        """List a pipeline's stages by position."""
        return self._pages(f"/api/v1/pipelines/{pipeline_id}/stages", dict(query))

    def create_stage(self, pipeline_id: int, fields: NewStageFields) -> Stage:
        """Create a stage, at its position or at the end."""
        return cast("Stage", self._data("POST", f"/api/v1/pipelines/{pipeline_id}/stages", None, fields))

    def get_stage(self, pipeline_id: int, stage_id: int) -> Stage:
        """Show a stage."""
        return cast("Stage", self._data("GET", f"/api/v1/pipelines/{pipeline_id}/stages/{stage_id}"))

    def update_stage(self, pipeline_id: int, stage_id: int, fields: StageFields | None = None) -> Stage:
        """Change a stage."""
        return cast("Stage", self._data("PATCH", f"/api/v1/pipelines/{pipeline_id}/stages/{stage_id}", None, fields))

    def delete_stage(self, pipeline_id: int, stage_id: int, **query: Unpack[DeleteStageQuery]) -> Job | None:
        """Delete a stage."""
        return cast(
            "Job | None", self._data("DELETE", f"/api/v1/pipelines/{pipeline_id}/stages/{stage_id}", dict(query))
        )


class RetentionGroup(Resource):
    def get(self) -> Retention:
        """Show for how many days submissions, held ones, timelines and attempts are kept."""
        return cast("Retention", self._data("GET", "/api/v1/retention"))

    def update(self, fields: RetentionFields | None = None) -> Retention:
        """Change for how many days what is kept."""
        return cast("Retention", self._data("PATCH", "/api/v1/retention", None, fields))


class ScoringRulesGroup(Resource):
    def preview(self, fields: ScorePreviewFields) -> ScorePreview:
        """Tell how many leads would gain and lose if these were all scoring rules."""
        return cast("ScorePreview", self._data("POST", "/api/v1/lead-scoring-rules/preview", None, fields))

    def recalculate_scores(self, fields: RecalculationFields | None = None) -> Job:
        """Count the scores of all leads again, as a job."""
        return cast("Job", self._data("POST", "/api/v1/lead-scoring-rules/recalculate", None, fields))

    def list(self, **query: Unpack[ListScoringRulesQuery]) -> Pages[ScoringRule]:
        """List the scoring rules, newest first."""
        return self._pages("/api/v1/lead-scoring-rules", dict(query))

    def create(self, fields: NewScoringRuleFields) -> ScoringRule:
        """Create a scoring rule: a condition, and the points of leads that match it."""
        return cast("ScoringRule", self._data("POST", "/api/v1/lead-scoring-rules", None, fields))

    def get(self, id_: int) -> ScoringRule:
        """Show a scoring rule."""
        return cast("ScoringRule", self._data("GET", f"/api/v1/lead-scoring-rules/{id_}"))

    def update(self, id_: int, fields: ScoringRuleFields | None = None) -> ScoringRule:
        """Change a scoring rule."""
        return cast("ScoringRule", self._data("PATCH", f"/api/v1/lead-scoring-rules/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a scoring rule."""
        self._nothing("DELETE", f"/api/v1/lead-scoring-rules/{id_}")


class SourcesGroup(Resource):
    def list(self) -> builtins.list[Source]:
        """List every integration, form and API key that leads come from, with what came and what was refused."""
        return cast("builtins.list[Source]", self._data("GET", "/api/v1/sources"))


class SpamRulesGroup(Resource):
    def list(self, **query: Unpack[ListSpamRulesQuery]) -> Pages[SpamRule]:
        """List the spam rules, newest first."""
        return self._pages("/api/v1/spam-rules", dict(query))

    def create(self, fields: SpamRuleFields) -> SpamRule:
        """Make a rule about visitors' submissions."""
        return cast("SpamRule", self._data("POST", "/api/v1/spam-rules", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a rule."""
        self._nothing("DELETE", f"/api/v1/spam-rules/{id_}")


class SubmissionsGroup(Resource):
    def list(self, **query: Unpack[ListSubmissionsQuery]) -> Pages[Submission]:
        """List the submissions, newest first, including pending ones (`accepted`)."""
        return self._pages("/api/v1/submissions", dict(query))

    def replay_many(self, fields: BulkReplayFields) -> BulkCount | Job:
        """Count the dead submissions that match, and with `confirm` and `as_of` process them again as a job."""
        return cast("BulkCount | Job", self._data("POST", "/api/v1/submissions/replay", None, fields))

    def release_many(self, fields: BulkReleaseFields) -> BulkCount | Job:
        """Count the quarantined submissions that match, and with `confirm` and `as_of` release them as a job."""
        return cast("BulkCount | Job", self._data("POST", "/api/v1/submissions/release", None, fields))

    def reject_many(self, fields: BulkFields) -> BulkCount | Job:
        """Count the quarantined submissions that match, and with `confirm` and `as_of` reject them as a job."""
        return cast("BulkCount | Job", self._data("POST", "/api/v1/submissions/reject", None, fields))

    def get(self, id_: str) -> Submission:
        """Show a submission, from the moment it was accepted."""
        return cast("Submission", self._data("GET", f"/api/v1/submissions/{quoted(id_)}"))

    def download_body(self, id_: str) -> bytes:
        """Download the payload of a submission as it came, also after it was changed for a replay."""
        return self._bytes("GET", f"/api/v1/submissions/{quoted(id_)}/raw")

    def list_versions(self, id_: str) -> builtins.list[SubmissionVersion]:
        """List the payloads of a submission, newest first: as it came, and as it was replayed."""
        return cast(
            "builtins.list[SubmissionVersion]", self._data("GET", f"/api/v1/submissions/{quoted(id_)}/versions")
        )

    def replay(self, id_: str, fields: ReplayFields | None = None) -> Submission:
        """Process a dead submission again, as it is or with another payload."""
        return cast("Submission", self._data("POST", f"/api/v1/submissions/{quoted(id_)}/replay", None, fields))

    def release(self, id_: str, fields: ReleaseFields | None = None) -> Submission:
        """Let a quarantined submission go on as if it had come now, also one that was rejected."""
        return cast("Submission", self._data("POST", f"/api/v1/submissions/{quoted(id_)}/release", None, fields))

    def reject(self, id_: str, fields: RejectFields | None = None) -> Submission:
        """Confirm that a quarantined submission is spam."""
        return cast("Submission", self._data("POST", f"/api/v1/submissions/{quoted(id_)}/reject", None, fields))


class SuppressionsGroup(Resource):
    def list(self, **query: Unpack[ListSuppressionsQuery]) -> Pages[Suppression]:
        """List the addresses that get no mail, newest first."""
        return self._pages("/api/v1/suppressions", dict(query))

    def create(self, fields: SuppressionFields) -> Suppression:
        """Suppress an address: it gets no more mail, whichever lead it belongs to."""
        return cast("Suppression", self._data("POST", "/api/v1/suppressions", None, fields))

    def delete(self, id_: int) -> None:
        """Remove an address from the list: it gets mail again."""
        self._nothing("DELETE", f"/api/v1/suppressions/{id_}")


class TagsGroup(Resource):
    def list(self, **query: Unpack[ListTagsQuery]) -> Pages[Tag]:
        """List the tags, newest first."""
        return self._pages("/api/v1/tags", dict(query))

    def create(self, fields: NewTagFields) -> Tag:
        """Create a tag."""
        return cast("Tag", self._data("POST", "/api/v1/tags", None, fields))

    def get(self, id_: int) -> Tag:
        """Show a tag."""
        return cast("Tag", self._data("GET", f"/api/v1/tags/{id_}"))

    def update(self, id_: int, fields: TagFields | None = None) -> Tag:
        """Change a tag."""
        return cast("Tag", self._data("PATCH", f"/api/v1/tags/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a tag."""
        self._nothing("DELETE", f"/api/v1/tags/{id_}")

    def merge(self, id_: int, fields: TagMergeFields) -> Tag:
        """Give all leads of a tag another one, once, and return that."""
        return cast("Tag", self._data("POST", f"/api/v1/tags/{id_}/merge", None, fields))

    def delete_alias(self, id_: int, alias: str) -> None:
        """Forget another name of a tag: what arrives by it makes a new tag."""
        self._nothing("DELETE", f"/api/v1/tags/{id_}/aliases/{quoted(alias)}")


class TasksGroup(Resource):
    def list(self, **query: Unpack[ListTasksQuery]) -> Pages[Task]:
        """List the tasks, newest first."""
        return self._pages("/api/v1/tasks", dict(query))

    def create(self, fields: NewTaskFields) -> Task:
        """Create a task, optionally about a lead and for a user."""
        return cast("Task", self._data("POST", "/api/v1/tasks", None, fields))

    def get(self, id_: int) -> Task:
        """Show a task."""
        return cast("Task", self._data("GET", f"/api/v1/tasks/{id_}"))

    def update(self, id_: int, fields: TaskFields | None = None) -> Task:
        """Change a task."""
        return cast("Task", self._data("PATCH", f"/api/v1/tasks/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a task."""
        self._nothing("DELETE", f"/api/v1/tasks/{id_}")


class UsersGroup(Resource):
    def list(self, **query: Unpack[ListUsersQuery]) -> Pages[User]:
        """List the users, newest first."""
        return self._pages("/api/v1/users", dict(query))

    def create(self, fields: NewUserFields) -> User:
        """Create a user."""
        return cast("User", self._data("POST", "/api/v1/users", None, fields))

    def get(self, id_: int) -> User:
        """Show a user."""
        return cast("User", self._data("GET", f"/api/v1/users/{id_}"))

    def update(self, id_: int, fields: UserFields | None = None) -> User:
        """Change a user."""
        return cast("User", self._data("PATCH", f"/api/v1/users/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a user."""
        self._nothing("DELETE", f"/api/v1/users/{id_}")


class WebhooksGroup(Resource):
    def list_event_types(self) -> builtins.list[EventType]:
        """List the events, each with a sentence, the JSON Schema of its message, and a message of a made-up lead."""
        return cast("builtins.list[EventType]", self._data("GET", "/api/v1/webhooks/events"))

    def preview(self, fields: PreviewFields | None = None) -> Preview:
        """Show which of the last 100 events a subscription would send, and the first three bodies."""
        return cast("Preview", self._data("POST", "/api/v1/webhooks/preview", None, fields))

    def list(self, **query: Unpack[ListWebhooksQuery]) -> Pages[Webhook]:
        """List the webhook subscriptions, newest first."""
        return self._pages("/api/v1/webhooks", dict(query))

    def create(self, fields: NewWebhookFields) -> WebhookWithSecret:
        """Subscribe an address to events."""
        return cast("WebhookWithSecret", self._data("POST", "/api/v1/webhooks", None, fields))

    def get(self, id_: int) -> Webhook:
        """Show a webhook subscription, without its secret."""
        return cast("Webhook", self._data("GET", f"/api/v1/webhooks/{id_}"))

    def update(self, id_: int, fields: WebhookFields | None = None) -> Webhook:
        """Change a webhook subscription."""
        return cast("Webhook", self._data("PATCH", f"/api/v1/webhooks/{id_}", None, fields))

    def delete(self, id_: int) -> None:
        """Delete a webhook subscription."""
        self._nothing("DELETE", f"/api/v1/webhooks/{id_}")

    def rotate_secret(self, id_: int, fields: RotationFields | None = None) -> WebhookWithSecret:
        """Rotate the secret of a webhook subscription."""
        return cast("WebhookWithSecret", self._data("POST", f"/api/v1/webhooks/{id_}/rotate-secret", None, fields))

    def test(self, id_: int, fields: SampleEventFields | None = None) -> Delivery:
        """Send a subscription an event of a made-up lead, with `"test": true` in it."""
        return cast("Delivery", self._data("POST", f"/api/v1/webhooks/{id_}/test", None, fields))

    def list_deliveries(self, id_: int, **query: Unpack[ListWebhookDeliveriesQuery]) -> Pages[Delivery]:
        """List a webhook subscription's deliveries, newest first."""
        return self._pages(f"/api/v1/webhooks/{id_}/deliveries", dict(query))

    def resend_failed_deliveries(self, id_: int, fields: ResendFields) -> ResendResult:
        """Send the failed and cancelled deliveries of a webhook subscription again, from a given time on."""
        return cast("ResendResult", self._data("POST", f"/api/v1/webhooks/{id_}/resend", None, fields))


class WorkspaceGroup(Resource):
    def get(self) -> WorkspaceSettings:
        """Show the settings of the workspace."""
        return cast("WorkspaceSettings", self._data("GET", "/api/v1/workspace"))

    def update(self, fields: WorkspaceFields | None = None, **query: Unpack[UpdateWorkspaceQuery]) -> WorkspaceSettings:
        """Change settings of the workspace."""
        return cast("WorkspaceSettings", self._data("PATCH", "/api/v1/workspace", dict(query), fields))

    def get_mail_test(self) -> MailTrial:
        """Show the newest test mail of the workspace, with the mail server's own answer."""
        return cast("MailTrial", self._data("GET", "/api/v1/workspace/mail-test"))

    def send_mail_test(self, fields: MailTrialFields) -> MailTrial:
        """Send a test mail to a user of the workspace, by the server that sends its mails."""
        return cast("MailTrial", self._data("POST", "/api/v1/workspace/mail-test", None, fields))

    def send_alarm_test(self, fields: AlarmTrialFields) -> AlarmTrial:
        """Send an alarm as a test to whoever is told of it."""
        return cast("AlarmTrial", self._data("POST", "/api/v1/workspace/alarm-test", None, fields))
