// The groups of methods of a client. Generated from docs/openapi.json by integrations/codegen; do not edit.

import type { Query } from "./query.js";
import type {
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
  Delivery,
  DeliveryWithAttempts,
  DraftSent,
  DuplicatePair,
  EraseFields,
  Erasure,
  EventType,
  Explanation,
  Form,
  FormDraft,
  FormFields,
  FormNumbers,
  FormVersion,
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
  LoggedActivity,
  MailTrial,
  MailTrialFields,
  Merge,
  MergeFields,
  MergedLead,
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
  UnmergeFields,
  UnmergedLead,
  User,
  UserFields,
  Webhook,
  WebhookFields,
  WebhookWithSecret,
  WorkspaceFields,
  WorkspaceSettings,
} from "./schema.js";
import { type Pages, Resource, type Transport } from "./transport.js";

export class ApiKeysGroup extends Resource {
  /** List the API keys, newest first, including revoked ones. */
  list(query: Query<"list_api_keys"> = {}): Pages<ApiKey> {
    return this.pages("/api/v1/api-keys", query);
  }

  /** Create an API key. */
  create(fields: NewApiKeyFields): Promise<ApiKeyWithSecret> {
    return this.data("POST", "/api/v1/api-keys", {}, fields);
  }

  /** Show an API key, without its secret. */
  get(id: number): Promise<ApiKey> {
    return this.data("GET", `/api/v1/api-keys/${id}`);
  }

  /** Change an API key's name, scopes, limit or expiry. */
  update(id: number, fields?: ApiKeyFields): Promise<ApiKey> {
    return this.data("PATCH", `/api/v1/api-keys/${id}`, {}, fields);
  }

  /** Revoke an API key. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/api-keys/${id}`);
  }
}

export class AuditLogGroup extends Resource {
  /** List the workspace's audit log, newest first. */
  list(query: Query<"list_audit_entries"> = {}): Pages<Audit> {
    return this.pages("/api/v1/audit-log", query);
  }
}

export class AutomationsGroup extends Resource {
  /** List the automations, newest first. */
  list(query: Query<"list_automations"> = {}): Pages<Automation> {
    return this.pages("/api/v1/automations", query);
  }

  /** Create an automation. */
  create(fields: NewAutomationFields): Promise<Automation> {
    return this.data("POST", "/api/v1/automations", {}, fields);
  }

  /** Show an automation. */
  get(id: number): Promise<Automation> {
    return this.data("GET", `/api/v1/automations/${id}`);
  }

  /** Change an automation. */
  update(id: number, fields?: AutomationFields): Promise<Automation> {
    return this.data("PATCH", `/api/v1/automations/${id}`, {}, fields);
  }

  /** Delete an automation. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/automations/${id}`);
  }

  /** List an automation's runs, newest first, with the outcome of every step. */
  listRuns(id: number, query: Query<"list_automation_runs"> = {}): Pages<AutomationRun> {
    return this.pages(`/api/v1/automations/${id}/runs`, query);
  }

  /** Run an automation for one lead, whatever its trigger. */
  run(id: number, fields: AutomationRunFields): Promise<AutomationRun> {
    return this.data("POST", `/api/v1/automations/${id}/run`, {}, fields);
  }

  /** Say why an automation ran for a lead, or why it did not. */
  explain(id: number, query: Query<"explain_automation">): Promise<Explanation> {
    return this.data("GET", `/api/v1/automations/${id}/explain`, query);
  }

  /** Try an automation: on one lead (`lead_id`), or on up to 50 of the last events (`last`). */
  tryOut(id: number, fields?: TrialFields): Promise<Trial> {
    return this.data("POST", `/api/v1/automations/${id}/try`, {}, fields);
  }
}

export class DeliveriesGroup extends Resource {
  /** List the deliveries, newest first. */
  list(query: Query<"list_deliveries"> = {}): Pages<Delivery> {
    return this.pages("/api/v1/deliveries", query);
  }

  /** Count the deliveries that match, and with `confirm` and `as_of` send them again as a job. */
  resendMany(fields: BulkResendFields): Promise<BulkCount | Job> {
    return this.data("POST", "/api/v1/deliveries/resend", {}, fields);
  }

  /** Show a delivery with all its attempts, oldest first. */
  get(id: number): Promise<DeliveryWithAttempts> {
    return this.data("GET", `/api/v1/deliveries/${id}`);
  }

  /** Send a delivery again, under the same id, whatever its state. */
  resend(id: number): Promise<Delivery> {
    return this.data("POST", `/api/v1/deliveries/${id}/resend`);
  }
}

export class DuplicatesGroup extends Resource {
  /** List pairs of leads that are probably one person, the likeliest first. */
  list(query: Query<"list_duplicates"> = {}): Pages<DuplicatePair> {
    return this.pages("/api/v1/duplicates", query);
  }

  /** Say that two leads are not one person. */
  dismiss(id: number): Promise<DuplicatePair> {
    return this.data("POST", `/api/v1/duplicates/${id}/dismiss`);
  }

  /** Take a dismissal back. */
  reopen(id: number): Promise<DuplicatePair> {
    return this.data("POST", `/api/v1/duplicates/${id}/reopen`);
  }
}

export class FilesGroup extends Resource {
  /** Download a file that came with a form, by the `id` in the submission's payload. */
  download(id: string): Promise<Uint8Array> {
    return this.bytes("GET", `/api/v1/files/${encodeURIComponent(id)}`);
  }
}

export class FormsGroup extends Resource {
  /** List the forms, newest first. */
  list(query: Query<"list_forms"> = {}): Pages<Form> {
    return this.pages("/api/v1/forms", query);
  }

  /** Create a form. */
  create(fields: NewFormFields): Promise<Form> {
    return this.data("POST", "/api/v1/forms", {}, fields);
  }

  /** Show a form, as it is published. */
  get(id: number): Promise<Form> {
    return this.data("GET", `/api/v1/forms/${id}`);
  }

  /** Change a form; the change is published at once. */
  update(id: number, fields?: FormFields): Promise<Form> {
    return this.data("PATCH", `/api/v1/forms/${id}`, {}, fields);
  }

  /** Delete a form. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/forms/${id}`);
  }

  /** List a form's submissions, newest first, including pending ones (`accepted`). */
  listSubmissions(id: number, query: Query<"list_form_submissions"> = {}): Pages<Submission> {
    return this.pages(`/api/v1/forms/${id}/submissions`, query);
  }

  /** Show the draft of a form. */
  getDraft(id: number): Promise<FormDraft> {
    return this.data("GET", `/api/v1/forms/${id}/draft`);
  }

  /** Save changes to the draft of a form. */
  saveDraft(id: number, fields?: DraftSent): Promise<FormDraft> {
    return this.data("PUT", `/api/v1/forms/${id}/draft`, {}, fields);
  }

  /** Throw the draft of a form away. */
  discardDraft(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/forms/${id}/draft`);
  }

  /** Publish the draft of a form: visitors see it from now on, as a new version. */
  publish(id: number, fields?: PublishFields): Promise<Form> {
    return this.data("POST", `/api/v1/forms/${id}/publish`, {}, fields);
  }

  /** List the published versions of a form, newest first, up to 200. */
  listVersions(id: number): Promise<FormVersion[]> {
    return this.data("GET", `/api/v1/forms/${id}/versions`);
  }

  /** Show a form's numbers in the last `days`, 7 unless said: in all, by day (UTC), and by source. */
  getNumbers(id: number, query: Query<"get_form_numbers"> = {}): Promise<FormNumbers> {
    return this.data("GET", `/api/v1/forms/${id}/numbers`, query);
  }

  /** Make a published version the draft of its form, in place of the present draft. */
  restoreVersion(id: number, version: number): Promise<FormDraft> {
    return this.data("POST", `/api/v1/forms/${id}/versions/${version}/restore`);
  }
}

export class IdentitiesGroup extends Resource {
  /** List emails and phones that more than ten unlike names came with, the most crowded first, at most 50. */
  listCrowdedContacts(): Promise<CrowdedContact[]> {
    return this.data("GET", "/api/v1/identities/crowded");
  }
}

export class ImportsGroup extends Resource {
  /** List the imports, newest first, with those that were undone and dry runs. */
  list(query: Query<"list_imports"> = {}): Pages<Import> {
    return this.pages("/api/v1/imports", query);
  }

  /** Show an import. */
  get(id: number): Promise<Import> {
    return this.data("GET", `/api/v1/imports/${id}`);
  }

  /** List the rows of an import that have their verdict, in the order of the file. */
  listRows(id: number, query: Query<"list_import_rows"> = {}): Pages<ImportRow> {
    return this.pages(`/api/v1/imports/${id}/rows`, query);
  }

  /** Import what a dry run showed, without sending the file again. */
  run(id: number, fields?: ImportRunFields): Promise<Import> {
    return this.data("POST", `/api/v1/imports/${id}/run`, {}, fields);
  }

  /** Read no more rows of an import. */
  cancel(id: number): Promise<Import> {
    return this.data("POST", `/api/v1/imports/${id}/cancel`);
  }

  /** Undo an import, as a job: leads that it made and nobody touched go, and values that it filled are taken back. */
  undo(id: number): Promise<Import> {
    return this.data("POST", `/api/v1/imports/${id}/undo`);
  }

  /** Download the rows of an import as CSV: the cells as they were sent, with the row's number, state and reasons. */
  downloadRows(id: number, query: Query<"download_import_rows"> = {}): Promise<Uint8Array> {
    return this.bytes("GET", `/api/v1/imports/${id}/rows.csv`, query);
  }
}

export class IntegrationsGroup extends Resource {
  /** List all types of integrations, with the credentials that each needs. */
  listTypes(): Promise<IntegrationType[]> {
    return this.data("GET", "/api/v1/integrations/types");
  }

  /** List the integrations, newest first. */
  list(query: Query<"list_integrations"> = {}): Pages<Integration> {
    return this.pages("/api/v1/integrations", query);
  }

  /** Create an integration. */
  create(fields: NewIntegrationFields): Promise<Integration> {
    return this.data("POST", "/api/v1/integrations", {}, fields);
  }

  /** Show an integration. */
  get(id: number): Promise<Integration> {
    return this.data("GET", `/api/v1/integrations/${id}`);
  }

  /** Change an integration. */
  update(id: number, fields?: IntegrationFields): Promise<Integration> {
    return this.data("PATCH", `/api/v1/integrations/${id}`, {}, fields);
  }

  /** Delete an integration. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/integrations/${id}`);
  }

  /** Give an integration another `webhook_url`. */
  rotateUrl(id: number): Promise<Integration> {
    return this.data("POST", `/api/v1/integrations/${id}/rotate-url`);
  }

  /** Ask the provider for the leads since a time, as a job. */
  backfill(id: number, fields: BackfillFields): Promise<Job> {
    return this.data("POST", `/api/v1/integrations/${id}/backfill`, {}, fields);
  }

  /** Send a test event of a made-up lead, for types that send conversions. */
  sendConversionTest(id: number, fields?: TrialEventFields): Promise<Delivery> {
    return this.data("POST", `/api/v1/integrations/${id}/test-event`, {}, fields);
  }

  /** Check an integration step by step: what was seen, and what to do where a step is not in order. */
  check(id: number): Promise<IntegrationCheck> {
    return this.data("GET", `/api/v1/integrations/${id}/check`);
  }

  /** Show which leads a body would make. */
  tryOut(id: number, fields?: TryFields): Promise<TriedBody> {
    return this.data("POST", `/api/v1/integrations/${id}/try`, {}, fields);
  }
}

export class JobsGroup extends Resource {
  /** List the jobs, newest first. */
  list(query: Query<"list_jobs"> = {}): Pages<JobOutcome> {
    return this.pages("/api/v1/jobs", query);
  }

  /** Show a job. */
  get(id: number): Promise<JobWithAfterwards> {
    return this.data("GET", `/api/v1/jobs/${id}`);
  }

  /** Change the rate of a job. */
  update(id: number, fields?: JobChangeFields): Promise<JobOutcome> {
    return this.data("PATCH", `/api/v1/jobs/${id}`, {}, fields);
  }

  /** List the rows of a job in the order in which they are handled. */
  listItems(id: number, query: Query<"list_job_items"> = {}): Pages<JobItem> {
    return this.pages(`/api/v1/jobs/${id}/items`, query);
  }

  /** Pause a job. */
  pause(id: number): Promise<JobOutcome> {
    return this.data("POST", `/api/v1/jobs/${id}/pause`);
  }

  /** Let a paused job go on. */
  resume(id: number): Promise<JobOutcome> {
    return this.data("POST", `/api/v1/jobs/${id}/resume`);
  }

  /** End a job. */
  cancel(id: number): Promise<JobOutcome> {
    return this.data("POST", `/api/v1/jobs/${id}/cancel`);
  }
}

export class LeadsGroup extends Resource {
  /** List the leads that fit all filters, newest first unless asked otherwise. */
  list(query: Query<"list_leads"> = {}): Pages<Lead> {
    return this.pages("/api/v1/leads", query);
  }

  /** Create a lead. */
  create(fields: NewLeadFields): Promise<Lead> {
    return this.data("POST", "/api/v1/leads", {}, fields);
  }

  /** Show a lead. */
  get(id: number): Promise<Lead> {
    return this.data("GET", `/api/v1/leads/${id}`);
  }

  /** Change a lead. */
  update(id: number, fields?: LeadFields): Promise<Lead> {
    return this.data("PATCH", `/api/v1/leads/${id}`, {}, fields);
  }

  /** Delete a lead. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/leads/${id}`);
  }

  /** Tag a lead. */
  addTag(id: number, fields: LeadTag): Promise<Lead> {
    return this.data("POST", `/api/v1/leads/${id}/tags`, {}, fields);
  }

  /** Remove a tag from a lead. */
  removeTag(id: number, tag: string): Promise<Lead> {
    return this.data("DELETE", `/api/v1/leads/${id}/tags/${encodeURIComponent(tag)}`);
  }

  /** List what happened to a lead, newest first. */
  listActivities(id: number, query: Query<"list_lead_activities"> = {}): Pages<Activity> {
    return this.pages(`/api/v1/leads/${id}/activities`, query);
  }

  /** Log a call, a note, a mail or a meeting on the timeline of a lead. */
  logActivity(id: number, fields: LoggedActivity): Promise<Activity> {
    return this.data("POST", `/api/v1/leads/${id}/activities`, {}, fields);
  }

  /** List the pairs of a lead, the likeliest first. */
  listDuplicates(id: number, query: Query<"list_lead_duplicates"> = {}): Pages<DuplicatePair> {
    return this.pages(`/api/v1/leads/${id}/duplicates`, query);
  }

  /** Show everything that is held on the person behind a lead, as one document. */
  getPersonReport(id: number): Promise<PersonReport> {
    return this.data("GET", `/api/v1/leads/${id}/person`);
  }

  /** Erase the person behind a lead everywhere: leads, submissions, files, timeline, messages, imports. */
  erase(id: number, fields?: EraseFields): Promise<Erasure> {
    return this.data("POST", `/api/v1/leads/${id}/erase`, {}, fields);
  }

  /** Merge another lead into this one. */
  merge(id: number, fields: MergeFields): Promise<MergedLead> {
    return this.data("POST", `/api/v1/leads/${id}/merge`, {}, fields);
  }

  /** Undo a merge: both leads are as they were, and what came since stays with the lead that had stayed. */
  unmerge(id: number, fields: UnmergeFields): Promise<UnmergedLead> {
    return this.data("POST", `/api/v1/leads/${id}/unmerge`, {}, fields);
  }

  /** List the merges of a lead and of those that merged into it, newest first, undone ones too. */
  listMerges(id: number, query: Query<"list_lead_merges"> = {}): Pages<Merge> {
    return this.pages(`/api/v1/leads/${id}/merges`, query);
  }

  /** Export all leads that match, as CSV or as NDJSON with one lead a line, in the order of their ids. */
  export(query: Query<"export_leads"> = {}): Promise<Uint8Array> {
    return this.bytes("GET", "/api/v1/leads/export", query);
  }
}

export class OperationsGroup extends Resource {
  /** Show queues, lanes, processes and dead letters. */
  get(): Promise<Operations> {
    return this.data("GET", "/api/v1/operations");
  }

  /** List the causes of failures, the last seen first. */
  listCauses(query: Query<"list_causes"> = {}): Pages<Cause> {
    return this.pages("/api/v1/operations/causes", query);
  }

  /** Show a cause. */
  getCause(id: number): Promise<Cause> {
    return this.data("GET", `/api/v1/operations/causes/${id}`);
  }

  /** Mark a cause as fixed, ignore it, or open it again. */
  updateCause(id: number, fields?: CauseFields): Promise<Cause> {
    return this.data("PATCH", `/api/v1/operations/causes/${id}`, {}, fields);
  }

  /** Show the last `minutes` (60 unless given): submissions, the time until they were decided, and the lanes' work. */
  getHistory(query: Query<"get_operations_history"> = {}): Promise<History> {
    return this.data("GET", "/api/v1/operations/history", query);
  }

  /** Pause a lane of the workspace: `automations` or `deliveries`. */
  pauseLane(lane: string, fields: PauseFields): Promise<Lane> {
    return this.data("POST", `/api/v1/operations/lanes/${encodeURIComponent(lane)}/pause`, {}, fields);
  }

  /** Resume a paused lane of the workspace: its work goes on within a second. */
  resumeLane(lane: string): Promise<Lane> {
    return this.data("POST", `/api/v1/operations/lanes/${encodeURIComponent(lane)}/resume`);
  }
}

export class PipelinesGroup extends Resource {
  /** List the pipelines with their stages, newest first. */
  list(query: Query<"list_pipelines"> = {}): Pages<Pipeline> {
    return this.pages("/api/v1/pipelines", query);
  }

  /** Create a pipeline, with stages if they are sent. */
  create(fields: NewPipelineFields): Promise<Pipeline> {
    return this.data("POST", "/api/v1/pipelines", {}, fields);
  }

  /** Show a pipeline with its stages. */
  get(id: number): Promise<Pipeline> {
    return this.data("GET", `/api/v1/pipelines/${id}`);
  }

  /** Change a pipeline. */
  update(id: number, fields?: PipelineFields): Promise<Pipeline> {
    return this.data("PATCH", `/api/v1/pipelines/${id}`, {}, fields);
  }

  /** Delete a pipeline and its stages. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/pipelines/${id}`);
  }

  /** List a pipeline's stages by position. */
  listStages(pipelineId: number, query: Query<"list_stages"> = {}): Pages<Stage> {
    return this.pages(`/api/v1/pipelines/${pipelineId}/stages`, query);
  }

  /** Create a stage, at its position or at the end. */
  createStage(pipelineId: number, fields: NewStageFields): Promise<Stage> {
    return this.data("POST", `/api/v1/pipelines/${pipelineId}/stages`, {}, fields);
  }

  /** Show a stage. */
  getStage(pipelineId: number, stageId: number): Promise<Stage> {
    return this.data("GET", `/api/v1/pipelines/${pipelineId}/stages/${stageId}`);
  }

  /** Change a stage. */
  updateStage(pipelineId: number, stageId: number, fields?: StageFields): Promise<Stage> {
    return this.data("PATCH", `/api/v1/pipelines/${pipelineId}/stages/${stageId}`, {}, fields);
  }

  /** Delete a stage. */
  deleteStage(pipelineId: number, stageId: number, query: Query<"delete_stage"> = {}): Promise<Job | null> {
    return this.data("DELETE", `/api/v1/pipelines/${pipelineId}/stages/${stageId}`, query);
  }
}

export class RetentionGroup extends Resource {
  /** Show for how many days submissions, held ones, timelines and attempts are kept. */
  get(): Promise<Retention> {
    return this.data("GET", "/api/v1/retention");
  }

  /** Change for how many days what is kept. */
  update(fields?: RetentionFields): Promise<Retention> {
    return this.data("PATCH", "/api/v1/retention", {}, fields);
  }
}

export class ScoringRulesGroup extends Resource {
  /** Tell how many leads would gain and lose if these were all scoring rules. */
  preview(fields: ScorePreviewFields): Promise<ScorePreview> {
    return this.data("POST", "/api/v1/lead-scoring-rules/preview", {}, fields);
  }

  /** Count the scores of all leads again, as a job. */
  recalculateScores(fields?: RecalculationFields): Promise<Job> {
    return this.data("POST", "/api/v1/lead-scoring-rules/recalculate", {}, fields);
  }

  /** List the scoring rules, newest first. */
  list(query: Query<"list_scoring_rules"> = {}): Pages<ScoringRule> {
    return this.pages("/api/v1/lead-scoring-rules", query);
  }

  /** Create a scoring rule: a condition, and the points of leads that match it. */
  create(fields: NewScoringRuleFields): Promise<ScoringRule> {
    return this.data("POST", "/api/v1/lead-scoring-rules", {}, fields);
  }

  /** Show a scoring rule. */
  get(id: number): Promise<ScoringRule> {
    return this.data("GET", `/api/v1/lead-scoring-rules/${id}`);
  }

  /** Change a scoring rule. */
  update(id: number, fields?: ScoringRuleFields): Promise<ScoringRule> {
    return this.data("PATCH", `/api/v1/lead-scoring-rules/${id}`, {}, fields);
  }

  /** Delete a scoring rule. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/lead-scoring-rules/${id}`);
  }
}

export class SourcesGroup extends Resource {
  /** List every integration, form and API key that leads come from, with what came and what was refused. */
  list(): Promise<Source[]> {
    return this.data("GET", "/api/v1/sources");
  }
}

export class SpamRulesGroup extends Resource {
  /** List the spam rules, newest first. */
  list(query: Query<"list_spam_rules"> = {}): Pages<SpamRule> {
    return this.pages("/api/v1/spam-rules", query);
  }

  /** Make a rule about visitors' submissions. */
  create(fields: SpamRuleFields): Promise<SpamRule> {
    return this.data("POST", "/api/v1/spam-rules", {}, fields);
  }

  /** Delete a rule. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/spam-rules/${id}`);
  }
}

export class SubmissionsGroup extends Resource {
  /** List the submissions, newest first, including pending ones (`accepted`). */
  list(query: Query<"list_submissions"> = {}): Pages<Submission> {
    return this.pages("/api/v1/submissions", query);
  }

  /** Count the dead submissions that match, and with `confirm` and `as_of` process them again as a job. */
  replayMany(fields: BulkReplayFields): Promise<BulkCount | Job> {
    return this.data("POST", "/api/v1/submissions/replay", {}, fields);
  }

  /** Count the quarantined submissions that match, and with `confirm` and `as_of` release them as a job. */
  releaseMany(fields: BulkReleaseFields): Promise<BulkCount | Job> {
    return this.data("POST", "/api/v1/submissions/release", {}, fields);
  }

  /** Count the quarantined submissions that match, and with `confirm` and `as_of` reject them as a job. */
  rejectMany(fields: BulkFields): Promise<BulkCount | Job> {
    return this.data("POST", "/api/v1/submissions/reject", {}, fields);
  }

  /** Show a submission, from the moment it was accepted. */
  get(id: string): Promise<Submission> {
    return this.data("GET", `/api/v1/submissions/${encodeURIComponent(id)}`);
  }

  /** Download the payload of a submission as it came, also after it was changed for a replay. */
  downloadBody(id: string): Promise<Uint8Array> {
    return this.bytes("GET", `/api/v1/submissions/${encodeURIComponent(id)}/raw`);
  }

  /** List the payloads of a submission, newest first: as it came, and as it was replayed. */
  listVersions(id: string): Promise<SubmissionVersion[]> {
    return this.data("GET", `/api/v1/submissions/${encodeURIComponent(id)}/versions`);
  }

  /** Process a dead submission again, as it is or with another payload. */
  replay(id: string, fields?: ReplayFields): Promise<Submission> {
    return this.data("POST", `/api/v1/submissions/${encodeURIComponent(id)}/replay`, {}, fields);
  }

  /** Let a quarantined submission go on as if it had come now, also one that was rejected. */
  release(id: string, fields?: ReleaseFields): Promise<Submission> {
    return this.data("POST", `/api/v1/submissions/${encodeURIComponent(id)}/release`, {}, fields);
  }

  /** Confirm that a quarantined submission is spam. */
  reject(id: string, fields?: RejectFields): Promise<Submission> {
    return this.data("POST", `/api/v1/submissions/${encodeURIComponent(id)}/reject`, {}, fields);
  }
}

export class SuppressionsGroup extends Resource {
  /** List the addresses that get no mail, newest first. */
  list(query: Query<"list_suppressions"> = {}): Pages<Suppression> {
    return this.pages("/api/v1/suppressions", query);
  }

  /** Suppress an address: it gets no more mail, whichever lead it belongs to. */
  create(fields: SuppressionFields): Promise<Suppression> {
    return this.data("POST", "/api/v1/suppressions", {}, fields);
  }

  /** Remove an address from the list: it gets mail again. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/suppressions/${id}`);
  }
}

export class TagsGroup extends Resource {
  /** List the tags, newest first. */
  list(query: Query<"list_tags"> = {}): Pages<Tag> {
    return this.pages("/api/v1/tags", query);
  }

  /** Create a tag. */
  create(fields: NewTagFields): Promise<Tag> {
    return this.data("POST", "/api/v1/tags", {}, fields);
  }

  /** Show a tag. */
  get(id: number): Promise<Tag> {
    return this.data("GET", `/api/v1/tags/${id}`);
  }

  /** Change a tag. */
  update(id: number, fields?: TagFields): Promise<Tag> {
    return this.data("PATCH", `/api/v1/tags/${id}`, {}, fields);
  }

  /** Delete a tag. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/tags/${id}`);
  }

  /** Give all leads of a tag another one, once, and return that. */
  merge(id: number, fields: TagMergeFields): Promise<Tag> {
    return this.data("POST", `/api/v1/tags/${id}/merge`, {}, fields);
  }

  /** Forget another name of a tag: what arrives by it makes a new tag. */
  deleteAlias(id: number, alias: string): Promise<void> {
    return this.nothing("DELETE", `/api/v1/tags/${id}/aliases/${encodeURIComponent(alias)}`);
  }
}

export class TasksGroup extends Resource {
  /** List the tasks, newest first. */
  list(query: Query<"list_tasks"> = {}): Pages<Task> {
    return this.pages("/api/v1/tasks", query);
  }

  /** Create a task, optionally about a lead and for a user. */
  create(fields: NewTaskFields): Promise<Task> {
    return this.data("POST", "/api/v1/tasks", {}, fields);
  }

  /** Show a task. */
  get(id: number): Promise<Task> {
    return this.data("GET", `/api/v1/tasks/${id}`);
  }

  /** Change a task. */
  update(id: number, fields?: TaskFields): Promise<Task> {
    return this.data("PATCH", `/api/v1/tasks/${id}`, {}, fields);
  }

  /** Delete a task. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/tasks/${id}`);
  }
}

export class UsersGroup extends Resource {
  /** List the users, newest first. */
  list(query: Query<"list_users"> = {}): Pages<User> {
    return this.pages("/api/v1/users", query);
  }

  /** Create a user. */
  create(fields: NewUserFields): Promise<User> {
    return this.data("POST", "/api/v1/users", {}, fields);
  }

  /** Show a user. */
  get(id: number): Promise<User> {
    return this.data("GET", `/api/v1/users/${id}`);
  }

  /** Change a user. */
  update(id: number, fields?: UserFields): Promise<User> {
    return this.data("PATCH", `/api/v1/users/${id}`, {}, fields);
  }

  /** Delete a user. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/users/${id}`);
  }
}

export class WebhooksGroup extends Resource {
  /** List the events, each with a sentence, the JSON Schema of its message, and a message of a made-up lead. */
  listEventTypes(): Promise<EventType[]> {
    return this.data("GET", "/api/v1/webhooks/events");
  }

  /** Show which of the last 100 events a subscription would send, and the first three bodies. */
  preview(fields?: PreviewFields): Promise<Preview> {
    return this.data("POST", "/api/v1/webhooks/preview", {}, fields);
  }

  /** List the webhook subscriptions, newest first. */
  list(query: Query<"list_webhooks"> = {}): Pages<Webhook> {
    return this.pages("/api/v1/webhooks", query);
  }

  /** Subscribe an address to events. */
  create(fields: NewWebhookFields): Promise<WebhookWithSecret> {
    return this.data("POST", "/api/v1/webhooks", {}, fields);
  }

  /** Show a webhook subscription, without its secret. */
  get(id: number): Promise<Webhook> {
    return this.data("GET", `/api/v1/webhooks/${id}`);
  }

  /** Change a webhook subscription. */
  update(id: number, fields?: WebhookFields): Promise<Webhook> {
    return this.data("PATCH", `/api/v1/webhooks/${id}`, {}, fields);
  }

  /** Delete a webhook subscription. */
  delete(id: number): Promise<void> {
    return this.nothing("DELETE", `/api/v1/webhooks/${id}`);
  }

  /** Rotate the secret of a webhook subscription. */
  rotateSecret(id: number, fields?: RotationFields): Promise<WebhookWithSecret> {
    return this.data("POST", `/api/v1/webhooks/${id}/rotate-secret`, {}, fields);
  }

  /** Send a subscription an event of a made-up lead, with `"test": true` in it. */
  test(id: number, fields?: SampleEventFields): Promise<Delivery> {
    return this.data("POST", `/api/v1/webhooks/${id}/test`, {}, fields);
  }

  /** List a webhook subscription's deliveries, newest first. */
  listDeliveries(id: number, query: Query<"list_webhook_deliveries"> = {}): Pages<Delivery> {
    return this.pages(`/api/v1/webhooks/${id}/deliveries`, query);
  }

  /** Send the failed and cancelled deliveries of a webhook subscription again, from a given time on. */
  resendFailedDeliveries(id: number, fields: ResendFields): Promise<ResendResult> {
    return this.data("POST", `/api/v1/webhooks/${id}/resend`, {}, fields);
  }
}

export class WorkspaceGroup extends Resource {
  /** Show the settings of the workspace. */
  get(): Promise<WorkspaceSettings> {
    return this.data("GET", "/api/v1/workspace");
  }

  /** Change settings of the workspace. */
  update(fields?: WorkspaceFields, query: Query<"update_workspace"> = {}): Promise<WorkspaceSettings> {
    return this.data("PATCH", "/api/v1/workspace", query, fields);
  }

  /** Show the newest test mail of the workspace, with the mail server's own answer. */
  getMailTest(): Promise<MailTrial> {
    return this.data("GET", "/api/v1/workspace/mail-test");
  }

  /** Send a test mail to a user of the workspace, by the server that sends its mails. */
  sendMailTest(fields: MailTrialFields): Promise<MailTrial> {
    return this.data("POST", "/api/v1/workspace/mail-test", {}, fields);
  }

  /** Send an alarm as a test to whoever is told of it. */
  sendAlarmTest(fields: AlarmTrialFields): Promise<AlarmTrial> {
    return this.data("POST", "/api/v1/workspace/alarm-test", {}, fields);
  }
}

/** All groups of methods of a client. */
export class Groups {
  readonly apiKeys: ApiKeysGroup;
  readonly auditLog: AuditLogGroup;
  readonly automations: AutomationsGroup;
  readonly deliveries: DeliveriesGroup;
  readonly duplicates: DuplicatesGroup;
  readonly files: FilesGroup;
  readonly forms: FormsGroup;
  readonly identities: IdentitiesGroup;
  readonly imports: ImportsGroup;
  readonly integrations: IntegrationsGroup;
  readonly jobs: JobsGroup;
  readonly leads: LeadsGroup;
  readonly operations: OperationsGroup;
  readonly pipelines: PipelinesGroup;
  readonly retention: RetentionGroup;
  readonly scoringRules: ScoringRulesGroup;
  readonly sources: SourcesGroup;
  readonly spamRules: SpamRulesGroup;
  readonly submissions: SubmissionsGroup;
  readonly suppressions: SuppressionsGroup;
  readonly tags: TagsGroup;
  readonly tasks: TasksGroup;
  readonly users: UsersGroup;
  readonly webhooks: WebhooksGroup;
  readonly workspace: WorkspaceGroup;

  constructor(protected readonly transport: Transport) {
    this.apiKeys = new ApiKeysGroup(transport);
    this.auditLog = new AuditLogGroup(transport);
    this.automations = new AutomationsGroup(transport);
    this.deliveries = new DeliveriesGroup(transport);
    this.duplicates = new DuplicatesGroup(transport);
    this.files = new FilesGroup(transport);
    this.forms = new FormsGroup(transport);
    this.identities = new IdentitiesGroup(transport);
    this.imports = new ImportsGroup(transport);
    this.integrations = new IntegrationsGroup(transport);
    this.jobs = new JobsGroup(transport);
    this.leads = new LeadsGroup(transport);
    this.operations = new OperationsGroup(transport);
    this.pipelines = new PipelinesGroup(transport);
    this.retention = new RetentionGroup(transport);
    this.scoringRules = new ScoringRulesGroup(transport);
    this.sources = new SourcesGroup(transport);
    this.spamRules = new SpamRulesGroup(transport);
    this.submissions = new SubmissionsGroup(transport);
    this.suppressions = new SuppressionsGroup(transport);
    this.tags = new TagsGroup(transport);
    this.tasks = new TasksGroup(transport);
    this.users = new UsersGroup(transport);
    this.webhooks = new WebhooksGroup(transport);
    this.workspace = new WorkspaceGroup(transport);
  }
}
