"""The records and requests of LeadHub's API. Generated from docs/openapi.json; do not edit."""

from __future__ import annotations

from typing import Any, Literal, NotRequired, TypeAlias, TypedDict


class ActionStep(TypedDict):
    action: (
        AddTag
        | RemoveTag
        | SetField
        | SetStatus
        | MoveStage
        | AssignUser
        | AdjustScore
        | SendWebhook
        | SendEmail
        | SendSms
        | NotifySlack
        | NotifyUsers
        | CreateTask
    )


class Activity(TypedDict):
    """An event in the past tense, such as `lead.created`. `data` has details: `changes`, `tags_added`, `by`."""

    id: int
    lead_id: int
    type: str
    data: dict[str, Any]
    created_at: str


class ActivityPage(TypedDict):
    data: list[Activity]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class ActivityResponse(TypedDict):
    data: Activity
    meta: NotRequired[RecordMeta]


class AddTag(TypedDict):
    type: Literal["add_tag"]
    tag: str


class AdjustScore(TypedDict):
    type: Literal["adjust_score"]
    points: int


class Afterwards(TypedDict):
    """How the submissions that a job took stand now."""

    waiting: int
    done: int
    dead: int
    quarantined: int


class AlarmTrial(TypedDict):
    """An alarm that was sent as a test, and to how many."""

    alarm: str
    readers: int


class AlarmTrialFields(TypedDict):
    """Which alarm is sent as a test."""

    alarm: Literal["source_silent", "dead_letters", "waiting", "held_digest", "webhook_disabled"]


class AlarmTrialResponse(TypedDict):
    data: AlarmTrial
    meta: NotRequired[RecordMeta]


class AllConditions(TypedDict):
    all: list[Comparison | AllConditions | AnyCondition | NotCondition]


class AnyCondition(TypedDict):
    any: list[Comparison | AllConditions | AnyCondition | NotCondition]


class ApiKey(TypedDict):
    id: int
    name: str
    prefix: str
    scopes: list[str]
    rate_limit: int | None
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    created_at: str


class ApiKeyFields(TypedDict):
    name: NotRequired[str]
    scopes: NotRequired[
        list[
            Literal[
                "*",
                "delete:automations",
                "delete:forms",
                "delete:leads",
                "delete:users",
                "read:automations",
                "read:forms",
                "read:integrations",
                "read:leads",
                "read:operations",
                "read:pipelines",
                "read:tags",
                "read:users",
                "submit:leads",
                "write:automations",
                "write:forms",
                "write:integrations",
                "write:leads",
                "write:operations",
                "write:pipelines",
                "write:tags",
                "write:users",
            ]
        ]
    ]
    rate_limit: NotRequired[int | None]
    expires_at: NotRequired[str | None]


class ApiKeyPage(TypedDict):
    data: list[ApiKey]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class ApiKeyResponse(TypedDict):
    data: ApiKey
    meta: NotRequired[RecordMeta]


class ApiKeyWithSecret(TypedDict):
    id: int
    name: str
    prefix: str
    scopes: list[str]
    rate_limit: int | None
    expires_at: str | None
    last_used_at: str | None
    revoked_at: str | None
    created_at: str
    key: str


class ApiKeyWithSecretResponse(TypedDict):
    data: ApiKeyWithSecret
    meta: NotRequired[RecordMeta]


class AssignUser(TypedDict):
    """Assigns one user, or in turn one of several who are active."""

    type: Literal["assign_user"]
    user_id: NotRequired[int | None]
    round_robin: NotRequired[list[int] | None]


class Attribution(TypedDict):
    """Where a lead came from, as far as it is known. Members that are not known are missing.

    `at` is in ISO 8601: when the person showed interest, by the provider's clock. `consent` holds the answers to
    consent questions by their wording or key, each true or false, `browser_ids` those that ad scripts of the page
    gave the browser, such as `_fbp`.
    """

    at: NotRequired[str]
    platform: NotRequired[str]
    provider_lead_id: NotRequired[str]
    form_id: NotRequired[str]
    ad_id: NotRequired[str]
    adset_id: NotRequired[str]
    campaign_id: NotRequired[str]
    campaign_name: NotRequired[str]
    page_url: NotRequired[str]
    landing_page: NotRequired[str]
    referrer: NotRequired[str]
    utm_source: NotRequired[str]
    utm_medium: NotRequired[str]
    utm_campaign: NotRequired[str]
    utm_term: NotRequired[str]
    utm_content: NotRequired[str]
    click_ids: NotRequired[dict[str, str]]
    consent: NotRequired[dict[str, bool]]
    browser_ids: NotRequired[dict[str, str]]


class Audit(TypedDict):
    """A request or command that steers. Without an actor nobody was known.

    `before` and `after` hold settings in clear, and of secrets and personal data the names of the fields alone.
    `filter` and `count` tell of work in bulk. Without `status` it was a command.
    """

    id: int
    at: str
    actor_kind: Literal["user", "key", "cli", "system"] | None
    actor_id: int | None
    actor_name: str | None
    action: str
    route: str | None
    object_kind: str | None
    object_id: str | None
    status: int | None
    outcome: Literal["done", "refused", "failed"]
    reason: str | None
    filter: dict[str, Any] | None
    count: int | None
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    address: str | None
    request_id: str | None


class AuditPage(TypedDict):
    data: list[Audit]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class AutoReply(TypedDict):
    """A mail to the visitor. Templates with lead fields, as in automations."""

    subject: str
    body: str


class Automation(TypedDict):
    id: int
    name: str
    description: str | None
    is_active: bool
    trigger: (
        LeadCreated
        | LeadUpdated
        | LeadStageChanged
        | LeadAssigned
        | TagAdded
        | LeadScoreCrossed
        | NoActivity
        | FormSubmitted
        | DuplicateReceived
        | ManualTrigger
    )
    steps: list[ConditionStep | ActionStep | DelayStep]
    runs_count: int
    last_run_at: str | None
    created_at: str
    updated_at: str


class AutomationFields(TypedDict):
    name: NotRequired[str]
    description: NotRequired[str | None]
    is_active: NotRequired[bool]
    trigger: NotRequired[
        LeadCreated
        | LeadUpdated
        | LeadStageChanged
        | LeadAssigned
        | TagAdded
        | LeadScoreCrossed
        | NoActivity
        | FormSubmitted
        | DuplicateReceived
        | ManualTrigger
    ]
    steps: NotRequired[list[ConditionStep | ActionStep | DelayStep]]


class AutomationPage(TypedDict):
    data: list[Automation]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class AutomationRanData(TypedDict):
    automation_id: int
    run_id: int


class AutomationRanEvent(TypedDict):
    """An automation reached a step that sends a webhook. It goes to the address of that step."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["automation.ran"]
    data: AutomationRanData


class AutomationResponse(TypedDict):
    data: Automation
    meta: NotRequired[RecordMeta]


class AutomationRun(TypedDict):
    """A run. It is `failed` if a step failed, even if later steps succeeded. The `id` of a dry run is null."""

    id: int | None
    automation_id: int
    lead_id: int
    state: Literal["waiting", "done", "failed", "stopped"]
    steps: list[StepOutcome]
    due_at: str | None
    error: str | None
    created_at: str | None
    finished_at: str | None


class AutomationRunFields(TypedDict):
    lead_id: int
    dry_run: NotRequired[bool | None]


class AutomationRunPage(TypedDict):
    data: list[AutomationRun]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class AutomationRunResponse(TypedDict):
    data: AutomationRun
    meta: NotRequired[RecordMeta]


class BackfillFields(TypedDict):
    """The leads that were sent since then are asked for."""

    since: str


class BatchResult(TypedDict):
    """The outcome for one lead of a batch, with `errors` if it is invalid."""

    index: int
    status: Literal["created", "accepted", "invalid"]
    submission_id: str | None
    lead_id: int | None
    is_duplicate: bool | None
    matched_on: NotRequired[list[str]]
    warnings: NotRequired[list[str]]
    errors: NotRequired[dict[str, list[str]]]


class BatchResultList(TypedDict):
    data: list[BatchResult]


class BulkCount(TypedDict):
    """How many match, and as of when. Nothing is changed until these are sent as `confirm` and `as_of`."""

    count: int
    as_of: str
    examples: NotRequired[list[ReplayExample]]


class BulkCountResponse(TypedDict):
    data: BulkCount
    meta: NotRequired[RecordMeta]


class BulkFields(TypedDict):
    """`confirm` and `as_of` are the count that was answered and its time: the job takes what matched then and
    matches still. Without `as_of` a count that moved is a conflict (409). `rate` is in items a second; null is as
    fast as it can be.
    """

    filter: SubmissionFilterFields
    confirm: NotRequired[int | None]
    as_of: NotRequired[str | None]
    rate: NotRequired[int | None]
    reason: NotRequired[str | None]


class BulkReleaseFields(TypedDict):
    """Without automations nothing but the timeline tells of the released submissions."""

    filter: SubmissionFilterFields
    confirm: NotRequired[int | None]
    as_of: NotRequired[str | None]
    rate: NotRequired[int | None]
    reason: NotRequired[str | None]
    with_automations: NotRequired[bool]


class BulkReplayFields(TypedDict):
    """`changes` are made to every payload. `preview` asks for so many examples of what would become of them."""

    filter: SubmissionFilterFields
    confirm: NotRequired[int | None]
    as_of: NotRequired[str | None]
    rate: NotRequired[int | None]
    reason: NotRequired[str | None]
    with_automations: NotRequired[bool]
    changes: NotRequired[list[PayloadChangeFields] | None]
    preview: NotRequired[int | None]


class BulkResendFields(TypedDict):
    """As for submissions, with the filters of deliveries."""

    filter: DeliveryFilterFields
    confirm: NotRequired[int | None]
    as_of: NotRequired[str | None]
    rate: NotRequired[int | None]
    reason: NotRequired[str | None]


class Cause(TypedDict):
    """Failures with the same cause. Nothing in it is taken from a lead.

    `count` is how many are failed now. The other counts are of failures, whatever became of them since; `hours`
    are the last 24 hours, the present one last. `sources` are the most frequent ones. `reopened_at` tells that
    the cause came back by itself after it was fixed or ignored.
    """

    id: int
    kind: Literal["submission", "delivery", "automation_run"]
    error_type: str
    title: str
    place: str
    count: int
    last_hour: int
    last_day: int
    last_week: int
    hours: list[int]
    first_seen_at: str
    last_seen_at: str
    sources: list[str]
    state: Literal["open", "ignored", "fixed"]
    ignored_until: str | None
    reopened_at: str | None
    note: str | None
    changed_by: str | None
    changed_at: str | None


class CauseFields(TypedDict):
    """Without `ignored_until` an ignored cause stays so for good."""

    state: NotRequired[Literal["open", "ignored", "fixed"]]
    ignored_until: NotRequired[str | None]
    note: NotRequired[str | None]


class CausePage(TypedDict):
    data: list[Cause]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class CauseResponse(TypedDict):
    data: Cause
    meta: NotRequired[RecordMeta]


class CheckStep(TypedDict):
    """A step of the doctor. `ok` is null where nothing is known yet, such as after a refused handshake."""

    step: str
    ok: bool | None
    seen: str
    advice: str | None


class Comparison(TypedDict):
    field: str
    operator: Literal[
        "equals",
        "not_equals",
        "contains",
        "not_contains",
        "is_empty",
        "is_not_empty",
        "greater_than",
        "less_than",
        "in",
    ]
    value: NotRequired[str | int | float | bool | list[str | int | float | bool] | None]


class Condition(TypedDict):
    """A comparison and the value that it met. `path` says where it stands in the condition of its `step`, from 0.

    `found_then`: the value is the one of that time. Otherwise it is the one of now, since the timeline does not
    tell.
    """

    step: int
    path: str
    field: str
    operator: str
    expected: Any
    found: Any
    found_then: bool
    held: bool


class ConditionStep(TypedDict):
    """Ends the run if it does not match."""

    condition: Comparison | AllConditions | AnyCondition | NotCondition


class ConversionEvent(TypedDict):
    """An event, and when it is sent: when a lead is created, or gets a status, or comes to a stage.

    `event` is the name at the platform. `conversion_action` replaces the integration's own one, for Google.
    """

    created: NotRequired[bool]
    status: NotRequired[Literal["new", "contacted", "qualified", "converted", "lost"]]
    stage_id: NotRequired[int]
    event: NotRequired[str]
    value: NotRequired[float | None]
    currency: NotRequired[str | None]
    conversion_action: NotRequired[str | None]


class ConversionSettings(TypedDict):
    """As they are shown: all of them."""

    events: list[ConversionEvent]
    without_consent: Literal["skip", "send"]
    consent_keys: list[str]
    lead_event_source: str
    test_event_code: str | None


class ConversionSettingsFields(TypedDict):
    """As they are sent, all together: a change replaces them.

    `without_consent`: whether events of leads are sent of whom no consent is known. `consent_keys`: the consents,
    by key or wording, that allow sending; a refusal of any of them forbids it. `lead_event_source`: the name that
    Meta shows for this system. `test_event_code`: Meta's, for test events.
    """

    events: NotRequired[list[ConversionEvent]]
    without_consent: NotRequired[Literal["skip", "send"]]
    consent_keys: NotRequired[list[str]]
    lead_event_source: NotRequired[str | None]
    test_event_code: NotRequired[str | None]


class CreateTask(TypedDict):
    """A task about the lead. Without a user it is for the user whom the lead is assigned to."""

    type: Literal["create_task"]
    title: str
    due_in_hours: NotRequired[int | None]
    user_id: NotRequired[int | None]


class CredentialField(TypedDict):
    key: str
    label: str
    required: bool
    secret: bool


class CrowdedContact(TypedDict):
    """A contact that people with many unlike names came with, and three of these."""

    kind: Literal["email", "phone"]
    value: str
    names: int
    examples: list[str]


class CrowdedContactList(TypedDict):
    data: list[CrowdedContact]


class CursorLinks(TypedDict):
    first: None
    last: None
    prev: None
    next: str | None
    self: str


class CursorMeta(TypedDict):
    """The position of a page by cursor. `next_cursor` is null at the end."""

    per_page: int
    next_cursor: str | None
    search_is_behind: NotRequired[Literal[True]]
    searched_until: NotRequired[str | None]


class DayFigures(TypedDict):
    views: int
    starts: int
    submissions: int
    held: int
    date: str


class DeadLetters(TypedDict):
    """What failed for good or is held back, until somebody processes it again."""

    submissions: int
    quarantined: int
    deliveries: int


class DeadLettersAlarm(TypedDict):
    user_ids: list[int] | None
    percent: int


class DeadLettersFields(TypedDict):
    """Submissions fail. `percent`: of those decided within an hour."""

    user_ids: NotRequired[list[int] | None]
    percent: NotRequired[int | None]


class DelayDuration(TypedDict):
    """The time to wait. With `business_hours` it ends Monday to Friday between 9 and 18 in the workspace's time
    zone: a delay that would end at another time ends at the next opening.
    """

    minutes: NotRequired[int | None]
    hours: NotRequired[int | None]
    days: NotRequired[int | None]
    business_hours: NotRequired[bool | None]


class DelayStep(TypedDict):
    delay: DelayDuration


class Delivery(TypedDict):
    """One message to one receiver. `message_id` is its `webhook-id`, the same in every attempt.

    A notice without `user_id` goes to an address that a form names.
    """

    id: int
    message_id: str
    kind: Literal["webhook", "email", "sms", "slack", "notice", "conversion"]
    event: str | None
    lead_id: int | None
    subscription_id: int | None
    integration_id: int | None
    user_id: int | None
    state: Literal["pending", "sent", "failed", "cancelled", "suppressed"]
    attempts: int
    error: str | None
    next_attempt_at: str | None
    created_at: str
    finished_at: str | None


class DeliveryAttempt(TypedDict):
    """The `request` without secrets, and the beginning of the response. Without `finished_at` it is under way.

    Of an address that an automation or a Slack integration names, scheme and host are shown; the rest is masked.
    """

    number: int
    started_at: str
    finished_at: str | None
    duration_ms: int | None
    request: dict[str, Any] | None
    status: int | None
    headers: dict[str, str] | None
    body: str | None
    error: str | None


class DeliveryFilterFields(TypedDict):
    """The filters of the list of deliveries, and `ids`. Without `state` the failed and cancelled ones."""

    state: NotRequired[Literal["pending", "sent", "failed", "cancelled", "suppressed"] | None]
    kind: NotRequired[Literal["webhook", "email", "sms", "slack", "notice", "conversion"] | None]
    lead_id: NotRequired[int | None]
    subscription_id: NotRequired[int | None]
    integration_id: NotRequired[int | None]
    created_after: NotRequired[str | None]
    created_before: NotRequired[str | None]
    ids: NotRequired[list[int] | None]


class DeliveryPage(TypedDict):
    data: list[Delivery]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class DeliveryResponse(TypedDict):
    data: Delivery
    meta: NotRequired[RecordMeta]


class DeliveryWithAttempts(TypedDict):
    id: int
    message_id: str
    kind: Literal["webhook", "email", "sms", "slack", "notice", "conversion"]
    event: str | None
    lead_id: int | None
    subscription_id: int | None
    integration_id: int | None
    user_id: int | None
    state: Literal["pending", "sent", "failed", "cancelled", "suppressed"]
    attempts: int
    error: str | None
    next_attempt_at: str | None
    created_at: str
    finished_at: str | None
    history: list[DeliveryAttempt]


class DeliveryWithAttemptsResponse(TypedDict):
    data: DeliveryWithAttempts


class DraftSent(TypedDict):
    """Changes to a draft. `revision`: that of the draft that they are based on; a newer one is a conflict."""

    name: NotRequired[str]
    fields: NotRequired[list[NewFormField] | None]
    settings: NotRequired[FormSettingsFields | None]
    revision: NotRequired[int]


class DryRunResult(TypedDict):
    """The outcome that a lead would have. `lead_id` is that of the lead it would be merged into, null for a new one.

    `changes` are null for a key without `read:leads`.
    """

    status: Literal["dry_run"]
    lead_id: int | None
    is_duplicate: bool
    matched_on: list[str]
    warnings: list[str]
    changes: dict[str, FieldChange] | None


class DuplicatePair(TypedDict):
    """Two leads that are probably one person. `score` is the probability, from 0 to 1.

    `group` has the further leads that an open pair with a score of 0.9 or more names together with either of the
    two, likeliest first: up to 18, none of them dismissed with either. It is empty for a plain pair, and unless
    it is open.
    """

    id: int
    lead_ids: list[int]
    leads: list[PairedLead]
    group: list[PairedLead]
    score: float
    reasons: list[PairReason]
    state: Literal["open", "dismissed", "merged"]
    dismissed_by: str | None
    dismissed_at: str | None
    merge_id: int | None
    created_at: str


class DuplicatePairPage(TypedDict):
    data: list[DuplicatePair]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class DuplicatePairResponse(TypedDict):
    data: DuplicatePair


class DuplicateReceived(TypedDict):
    type: Literal["duplicate_received"]


class EraseFields(TypedDict):
    """`confirm` true erases. Without it the answer says what would go.

    `tell_receivers` false: subscriptions get no `lead.deleted`.
    """

    confirm: NotRequired[bool | None]
    reason: NotRequired[str | None]
    tell_receivers: NotRequired[bool | None]


class ErasedLead(TypedDict):
    """All that is left of a lead whose person was erased: its id, and fields that are empty."""

    id: int
    first_name: None
    last_name: None
    email: None
    email_as_given: None
    phone: None
    company: None
    job_title: None
    country: None
    source: None
    status: None
    pipeline_id: None
    pipeline_stage_id: None
    assigned_user_id: None
    notes: None
    custom_fields: dict[str, Any]
    tags: list[str]
    possible_duplicate_of: None
    attribution: None
    created_at: None
    updated_at: None


class Erasure(TypedDict):
    """An erasure. `removed` has counts by kind.

    In the state `preview` nothing was erased, and `groups` says what would go. In the state `finishing` the
    person is gone, and workers look for what was on its way.
    """

    id: str | None
    state: Literal["preview", "finishing", "done"]
    lead_id: int
    lead_ids: list[int]
    reason: str | None
    requested_by: dict[str, Any] | None
    removed: dict[str, int]
    total: int
    erased_at: str | None
    finished_at: str | None
    groups: NotRequired[list[HeldGroup]]


class ErasureResponse(TypedDict):
    data: Erasure
    meta: NotRequired[RecordMeta]


class Error(TypedDict):
    """The form of every error. `errors` has all messages by field; nested fields are dotted."""

    status: Literal["error"]
    message: str
    code: Literal[
        "BAD_REQUEST",
        "UNAUTHORIZED",
        "FORBIDDEN",
        "NOT_FOUND",
        "METHOD_NOT_ALLOWED",
        "REQUEST_TIMEOUT",
        "CONFLICT",
        "GONE",
        "PAYLOAD_TOO_LARGE",
        "UNSUPPORTED_MEDIA_TYPE",
        "VALIDATION_FAILED",
        "RATE_LIMITED",
        "SERVER_ERROR",
        "SERVICE_UNAVAILABLE",
    ]
    errors: NotRequired[dict[str, list[str]]]
    count: NotRequired[int]
    oldest_cursor: NotRequired[str]
    request_id: NotRequired[str]


class Event(TypedDict):
    """An entry of a lead's timeline, and the events that automations make of it."""

    id: int
    type: str
    at: str
    events: list[str]


class EventFeedMeta(TypedDict):
    """`next_cursor` is never null: with it, the next request goes on behind these events."""

    next_cursor: str


class EventFeedPage(TypedDict):
    """Events, oldest first, each with the body that a webhook has."""

    data: list[
        LeadCreatedEvent
        | LeadUpdatedEvent
        | LeadDeletedEvent
        | LeadMergedEvent
        | LeadUnmergedEvent
        | LeadDuplicateEvent
        | LeadStageChangedEvent
        | LeadAssignedEvent
        | TagAddedEvent
        | FormSubmittedEvent
        | SourceSilentEvent
    ]
    meta: EventFeedMeta


class EventSamples(TypedDict):
    """Events, newest first. One with `"test": true` is made up."""

    data: list[
        LeadCreatedEvent
        | LeadUpdatedEvent
        | LeadDeletedEvent
        | LeadMergedEvent
        | LeadUnmergedEvent
        | LeadDuplicateEvent
        | LeadStageChangedEvent
        | LeadAssignedEvent
        | TagAddedEvent
        | FormSubmittedEvent
        | SourceSilentEvent
    ]


class EventType(TypedDict):
    """An event: its name, when it is sent, the JSON Schema (2020-12) of its message, and a message.

    `is_subscribable` is false for what goes to the address of an automation's step, and needs no subscription.
    """

    name: str
    description: str
    is_subscribable: bool
    schema: dict[str, Any]
    sample: dict[str, Any]


class EventTypeList(TypedDict):
    data: list[EventType]


class Explanation(TypedDict):
    """Why an automation ran for a lead because of an event, or did not.

    `version` is the one that ran then. `ran` is false as well where a condition ended the run before any other
    step. `run_id` is the run that the event started, `false_step` the step whose condition was false. `runs` are
    the last runs for this lead, newest first, and `events` the last events that could be asked for.
    """

    automation_id: int
    version: int
    lead_id: int
    event: Event | None
    ran: bool
    reason: str
    why: str
    run_id: int | None
    false_step: int | None
    trigger: Trigger
    conditions: list[Condition]
    limits: list[Limit]
    runs: list[AutomationRun]
    events: list[Event]


class ExplanationResponse(TypedDict):
    data: Explanation


class FalseComparison(TypedDict):
    field: str
    operator: str
    expected: Any
    found: Any


FieldChange = TypedDict(
    "FieldChange",
    {
        "from": "Any",
        "to": "Any",
    },
)


class Forecast(TypedDict):
    """The future of a backlog: `clears` in so many `seconds`, or `growing` by `rate` a second and not draining."""

    state: Literal["empty", "clears", "stalled", "growing", "unknown"]
    seconds: float | None
    rate: float | None


class Form(TypedDict):
    """`version` counts what was published."""

    id: int
    name: str
    public_id: str
    is_active: bool
    fields: list[FormField]
    settings: FormSettings
    version: int
    submissions_count: int
    created_at: str
    updated_at: str


class FormDraft(TypedDict):
    """`is_changed`: whether there is a draft; if not, this is the published form, with the revision 0.

    `problems`: errors by field that publishing would answer with.
    """

    form_id: int
    name: str
    fields: list[FormField]
    settings: FormSettings
    revision: int
    is_changed: bool
    published_version: int
    problems: dict[str, list[str]]
    updated_at: str
    updated_by: str | None


class FormDraftResponse(TypedDict):
    data: FormDraft
    meta: NotRequired[RecordMeta]


class FormField(TypedDict):
    """One field of a form, as it is kept and shown."""

    key: str
    label: str
    type: Literal[
        "text",
        "textarea",
        "email",
        "phone",
        "number",
        "date",
        "url",
        "select",
        "multiselect",
        "radio",
        "checkbox",
        "file",
        "hidden",
        "consent",
    ]
    required: bool
    options: list[str]
    maps_to: str | None
    placeholder: str | None
    help: str | None
    step: int
    show_if: dict[str, Any] | None
    prefill: bool
    consent_text: str | None
    accept: list[str]
    max_size_mb: int


class FormFields(TypedDict):
    name: NotRequired[str]
    is_active: NotRequired[bool]
    fields: NotRequired[list[NewFormField] | None]
    settings: NotRequired[FormSettingsFields | None]


class FormFigures(TypedDict):
    """`views`: how often the form was shown. `starts`: how often somebody touched it. `held` ones count as sent too."""

    views: int
    starts: int
    submissions: int
    held: int


class FormNumbers(TypedDict):
    days: int
    total: FormFigures
    by_day: list[DayFigures]
    by_source: list[SourceFigures]


class FormNumbersResponse(TypedDict):
    data: FormNumbers


class FormPage(TypedDict):
    data: list[Form]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class FormResponse(TypedDict):
    data: Form
    meta: NotRequired[RecordMeta]


class FormSettings(TypedDict):
    """All settings of a form. A source of null is `form`, no origins: any.

    A merge policy and a threshold of null are the workspace's.
    """

    title: str | None
    intro: str | None
    submit_label: str | None
    step_titles: list[str]
    theme: FormTheme
    redirect_url: str | None
    success_message: str | None
    source: str | None
    tags: list[str]
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    allowed_origins: list[str]
    notify_emails: list[str]
    merge_policy: Literal["fill_empty", "overwrite", "keep"] | None
    language: str | None
    spam: SpamSettings
    double_opt_in: bool
    auto_reply: AutoReply | None
    silence_after_minutes: int | None
    max_upload_mb: int


class FormSettingsFields(TypedDict):
    """How a form looks, and what becomes of a submission, as it is sent. Null sets a member back to its default.

    `notify_emails`: who gets a mail of what was filled in, for each submission, once it was ingested.
    `double_opt_in`: a submission waits until the link in a mail to its address is followed.
    `silence_after_minutes`: after so long without a submission the form counts as silent. `max_upload_mb`: of all
    files of a submission.
    """

    title: NotRequired[str | None]
    intro: NotRequired[str | None]
    submit_label: NotRequired[str | None]
    step_titles: NotRequired[list[str] | None]
    theme: NotRequired[FormThemeFields | None]
    redirect_url: NotRequired[str | None]
    success_message: NotRequired[str | None]
    source: NotRequired[str | None]
    tags: NotRequired[list[str] | None]
    pipeline_id: NotRequired[int | None]
    pipeline_stage_id: NotRequired[int | None]
    assigned_user_id: NotRequired[int | None]
    allowed_origins: NotRequired[list[str] | None]
    notify_emails: NotRequired[list[str] | None]
    merge_policy: NotRequired[Literal["fill_empty", "overwrite", "keep"] | None]
    language: NotRequired[str | None]
    spam: NotRequired[SpamSettingsFields | None]
    double_opt_in: NotRequired[bool | None]
    auto_reply: NotRequired[AutoReply | None]
    silence_after_minutes: NotRequired[int | None]
    max_upload_mb: NotRequired[int | None]


class FormSubmitted(TypedDict):
    type: Literal["form_submitted"]
    form_id: NotRequired[int | None]


class FormSubmittedData(TypedDict):
    form_id: int


class FormSubmittedEvent(TypedDict):
    """A form was filled in."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["form.submitted"]
    data: FormSubmittedData


class FormTheme(TypedDict):
    accent: str | None
    logo_url: str | None
    mode: Literal["auto", "light", "dark"]


class FormThemeFields(TypedDict):
    """How the page looks. `accent`: a colour such as `#0b6e99`. `mode`: `auto` follows the visitor's system."""

    accent: NotRequired[str | None]
    logo_url: NotRequired[str | None]
    mode: NotRequired[Literal["auto", "light", "dark"] | None]


FormValues: TypeAlias = "dict[str, Any]"

FormValuesForm: TypeAlias = "FormValues"

FormValuesMultipart: TypeAlias = "FormValues"


class FormVersion(TypedDict):
    version: int
    name: str
    fields: list[FormField]
    settings: FormSettings
    published_at: str
    published_by: str | None


class FormVersionList(TypedDict):
    data: list[FormVersion]


class Health(TypedDict):
    """200 as long as leads can be taken durably."""

    status: Literal["ok"]
    version: str
    timestamp: str


class HeldGroup(TypedDict):
    """How much is held of one kind, how much of it goes, and what stays."""

    kind: Literal[
        "leads",
        "identities",
        "submissions",
        "files",
        "timeline",
        "runs",
        "deliveries",
        "likeness",
        "imports",
        "suppressions",
        "audit_log",
    ]
    held: int
    goes: int
    stays: str | None


class History(TypedDict):
    """Points of `step_s` seconds each, the present one last."""

    step_s: int
    points: list[HistoryPoint]


class HistoryPoint(TypedDict):
    """Submissions of one step, and the time from received to decided."""

    at: str
    accepted: int
    done: int
    dead: int
    quarantined: int
    duplicates: int
    verdict_ms: Percentiles
    lanes: list[LaneHistory]


class HistoryResponse(TypedDict):
    data: History


class Import(TypedDict):
    """An import. `rows` were read so far, and the four counts say what became of them; `progress` is from 0 to 1.

    `warned` rows became leads without something that was sent: their `reasons` say what was left out. `kept` rows
    have an email or phone that cannot be read, which their leads keep as it was given, unless `invalid_contacts`
    is `reject`. A workbook is imported as CSV: `file_size` and `encoding` are those of the CSV, and `sheet` is
    where it stood. `run_id` is the import that a dry run became. `undo` is null unless somebody asked for it.
    """

    id: int
    state: Literal["queued", "running", "paused", "done", "failed", "cancelled", "undone"]
    dry_run: bool
    file_name: str
    file_size: int
    encoding: Literal["utf-8", "utf-16-le", "utf-16-be", "cp1252", "cp1250", "cp1251", "cp1256", "shift_jis", "gbk"]
    delimiter: str
    sheet: str | None
    columns: list[str]
    mapping: dict[str, str | None]
    merge_policy: Literal["fill_empty", "overwrite", "keep"] | None
    source: str | None
    tags: list[str]
    run_automations: bool
    invalid_contacts: Literal["keep", "reject"]
    phone_country: str | None
    rows: int
    created: int
    merged: int
    unchanged: int
    invalid: int
    warned: int
    kept: int
    progress: float
    error: str | None
    run_id: int | None
    undo: ImportUndo | None
    created_by: VersionAuthor
    created_at: str
    started_at: str | None
    finished_at: str | None


class ImportFields(TypedDict):
    """A form with a file."""

    file: str
    options: NotRequired[str]


class ImportPage(TypedDict):
    data: list[Import]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class ImportResponse(TypedDict):
    data: Import
    meta: NotRequired[RecordMeta]


class ImportRow(TypedDict):
    """A row, counted from 1 below the header. `reasons` say why it is invalid, or what of it was left out or kept as
    it was given. `lead_id` of an invalid row is the lead that somebody made of it by hand. `values` are its cells
    by column: of invalid rows, of the first rows of each state in a dry run, and of those that became leads as
    far as their submission is kept.
    """

    row: int
    state: Literal["created", "merged", "unchanged", "invalid"]
    lead_id: int | None
    submission_id: str | None
    reasons: list[str]
    values: dict[str, Any] | None


class ImportRowPage(TypedDict):
    data: list[ImportRow]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class ImportRunFields(TypedDict):
    """Without automations nothing but the timeline tells of the leads."""

    run_automations: NotRequired[bool | None]


class ImportUndo(TypedDict):
    """The job that undoes an import: of `total` rows that had an effect it took back `done` and left `skipped`.

    A row has an effect if it made a lead, changed one, or made one known by another email or phone. It is `done`
    if anything of it was taken back.
    """

    job_id: int
    state: str
    total: int
    done: int
    skipped: int


class InboundLead(TypedDict):
    """One lead as a source sends it. Null and blank mean "not sent"; unknown fields stay on the submission alone."""

    email: str
    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    phone: NotRequired[str | None]
    company: NotRequired[str | None]
    job_title: NotRequired[str | None]
    country: NotRequired[str | None]
    source: NotRequired[str | None]
    status: NotRequired[str | None]
    notes: NotRequired[str | None]
    tags: NotRequired[list[str] | None]
    custom_fields: NotRequired[dict[str, Any] | None]
    pipeline_id: NotRequired[int | None]
    pipeline_stage_id: NotRequired[int | None]
    assigned_user_id: NotRequired[int | None]
    starred: NotRequired[bool | None]


InboundLeadForm: TypeAlias = "InboundLead"


class InboundResult(TypedDict):
    """The outcome for a lead. `lead_id` and `is_duplicate` are null while it is only accepted (202)."""

    status: Literal["created", "accepted"]
    lead_id: int | None
    is_duplicate: bool | None
    submission_id: str
    matched_on: NotRequired[list[str]]
    warnings: NotRequired[list[str]]


class Integration(TypedDict):
    """Secret credentials are masked, null where not set. Types that only receive have no `webhook_url`."""

    id: int
    type: str
    name: str
    is_active: bool
    settings: IntegrationSettings
    credentials: dict[str, str | None]
    webhook_url: str | None
    last_received_at: str | None
    last_error: str | None
    created_at: str
    updated_at: str


class IntegrationCheck(TypedDict):
    ok: bool
    steps: list[CheckStep]


class IntegrationCheckResponse(TypedDict):
    data: IntegrationCheck


class IntegrationFields(TypedDict):
    type: NotRequired[
        Literal[
            "meta_lead_ads",
            "google_ads",
            "linkedin",
            "tiktok",
            "snapchat",
            "pinterest",
            "microsoft_ads",
            "whatsapp",
            "telegram",
            "viber",
            "mailgun",
            "sendgrid",
            "twilio",
            "typeform",
            "jotform",
            "calendly",
            "tally",
            "webflow",
            "gravity_forms",
            "wpforms",
            "elementor",
            "unbounce",
            "netlify",
            "hubspot",
            "intercom",
            "shopify",
            "zapier",
            "make",
            "n8n",
            "webhook",
            "standard_webhooks",
            "smtp",
            "slack",
            "meta_conversions",
            "google_data_manager",
        ]
    ]
    name: NotRequired[str]
    is_active: NotRequired[bool]
    settings: NotRequired[IntegrationSettingsFields | None]
    credentials: NotRequired[dict[str, str | int | None] | None]


class IntegrationPage(TypedDict):
    data: list[Integration]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class IntegrationResponse(TypedDict):
    data: Integration
    meta: NotRequired[RecordMeta]


class IntegrationSettings(TypedDict):
    """As they are shown: all of them. A source of null is the type's name, a policy of null the workspace's.

    `conversions` is null where none are set.
    """

    source: str | None
    tags: list[str]
    merge_policy: Literal["fill_empty", "overwrite", "keep"] | None
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    mapping: dict[str, str]
    event_id: str | None
    rate_limit: int | None
    silence_after_minutes: int | None
    accounts: list[str]
    conversions: ConversionSettings | None


class IntegrationSettingsFields(TypedDict):
    """As they are sent. Null sets a member back to its default.

    `mapping`: lead fields, `full_name` or `custom_fields.<key>`, each with the path of its value in the request's
    JSON, in place of what the type would read. `event_id`: the path of the sender's own id of a request, by which
    a repeat is known, for senders that have no place of their own for it. `rate_limit`: requests that are taken
    in an hour. `silence_after_minutes`: after so long without a lead the source counts as silent. `accounts`: the
    pages, phone numbers, portals, workspaces, owners or advertisers that the integration is for, where one
    callback serves many. `conversions`: the events of leads that an ad platform is told.
    """

    source: NotRequired[str | None]
    tags: NotRequired[list[str] | None]
    merge_policy: NotRequired[Literal["fill_empty", "overwrite", "keep"] | None]
    pipeline_id: NotRequired[int | None]
    pipeline_stage_id: NotRequired[int | None]
    assigned_user_id: NotRequired[int | None]
    mapping: NotRequired[dict[str, str] | None]
    event_id: NotRequired[str | None]
    rate_limit: NotRequired[int | None]
    silence_after_minutes: NotRequired[int | None]
    accounts: NotRequired[list[str] | None]
    conversions: NotRequired[ConversionSettingsFields | None]


class IntegrationType(TypedDict):
    type: str
    name: str
    direction: Literal["inbound", "outbound", "both"]
    fields: list[CredentialField]
    verification: str
    docs: str


class IntegrationTypeList(TypedDict):
    data: list[IntegrationType]


class Job(TypedDict):
    """`total` rows were confirmed; `done`, `failed` and `skipped` count what became of them so far.

    A row is skipped if its state moved on meanwhile. `error` says why the last try of a chunk failed. Of a
    `backfill`, `total` grows as the provider's list is read, and leads that are known already are skipped.
    """

    id: int
    kind: Literal[
        "replay", "release", "reject", "deliveries", "backfill", "edit", "delete", "stage_removal", "rescore", "import"
    ]
    state: Literal["queued", "running", "paused", "done", "cancelled", "failed"]
    filter: dict[str, Any]
    changes: list[dict[str, Any]] | None
    with_automations: bool
    total: int
    done: int
    failed: int
    skipped: int
    rate: int | None
    reason: str | None
    error: str | None
    created_by: VersionAuthor
    created_at: str
    started_at: str | None
    finished_at: str | None


class JobChangeFields(TypedDict):
    """Items a second; null is as fast as it can be."""

    rate: NotRequired[int | None]


class JobItem(TypedDict):
    """A row of a job, by its number within the job. `outcome` is null until it is handled.

    `done` says that the job did its part. A submission that was replayed may have died again: its own state
    tells.
    """

    id: int
    submission_id: str | None
    delivery_id: int | None
    outcome: Literal["done", "failed", "skipped"] | None
    error: str | None


class JobItemPage(TypedDict):
    data: list[JobItem]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class JobOutcome(TypedDict):
    """`done` ended well. Submissions that were replayed or released and are dead once more are `died_again`."""

    id: int
    kind: Literal[
        "replay", "release", "reject", "deliveries", "backfill", "edit", "delete", "stage_removal", "rescore", "import"
    ]
    state: Literal["queued", "running", "paused", "done", "cancelled", "failed"]
    filter: dict[str, Any]
    changes: list[dict[str, Any]] | None
    with_automations: bool
    total: int
    done: int
    failed: int
    skipped: int
    rate: int | None
    reason: str | None
    error: str | None
    created_by: VersionAuthor
    created_at: str
    started_at: str | None
    finished_at: str | None
    died_again: int


class JobOutcomePage(TypedDict):
    data: list[JobOutcome]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class JobOutcomeResponse(TypedDict):
    data: JobOutcome
    meta: NotRequired[RecordMeta]


class JobResponse(TypedDict):
    data: Job
    meta: NotRequired[RecordMeta]


class JobWithAfterwards(TypedDict):
    id: int
    kind: Literal[
        "replay", "release", "reject", "deliveries", "backfill", "edit", "delete", "stage_removal", "rescore", "import"
    ]
    state: Literal["queued", "running", "paused", "done", "cancelled", "failed"]
    filter: dict[str, Any]
    changes: list[dict[str, Any]] | None
    with_automations: bool
    total: int
    done: int
    failed: int
    skipped: int
    rate: int | None
    reason: str | None
    error: str | None
    created_by: VersionAuthor
    created_at: str
    started_at: str | None
    finished_at: str | None
    died_again: int
    afterwards: Afterwards | None


class JobWithAfterwardsResponse(TypedDict):
    data: JobWithAfterwards


class KeptDays(TypedDict):
    """For how many days what is kept. Null: as long as the installation keeps it."""

    submissions_days: int | None
    held_days: int | None
    activities_days: int | None
    attempts_days: int | None


class Lane(TypedDict):
    """A lane: due work, the age of the oldest, rates, and percentiles over the last five minutes.

    The figures of `waited_for`, `prompt` and `bulk` are null: these lanes serve all workspaces.
    """

    name: Literal["waited_for", "prompt", "bulk", "automations", "deliveries"]
    is_paused: bool
    pause: LanePauseInfo | None
    depth: int | None
    oldest_s: float | None
    in_per_s: float | None
    out_per_s: float | None
    waiting_ms: Percentiles | None
    work_ms: Percentiles | None
    forecast: Forecast | None


class LaneHistory(TypedDict):
    """A lane in one step: due work and its oldest at the end, what came and went, percentiles. Null is unknown."""

    name: Literal["automations", "deliveries"]
    depth: int | None
    oldest_s: float | None
    entered: int | None
    out: int
    waiting_ms: Percentiles
    work_ms: Percentiles


class LanePauseInfo(TypedDict):
    """A pause. `acknowledged` of `processes` live workers and sweepers obey it: then it holds.

    The installation's lanes show neither the reason nor the person.
    """

    reason: str | None
    paused_by: PauseActor | None
    since: str
    until: str | None
    acknowledged: int
    processes: int


class LaneResponse(TypedDict):
    data: Lane
    meta: NotRequired[RecordMeta]


class Lead(TypedDict):
    """A lead. `email_as_given` is what came as its email and cannot be read; it is null where there is an email.

    A phone that cannot be read stands in `phone` as it was sent. Neither identifies anybody.
    """

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    email_as_given: str | None
    phone: str | None
    company: str | None
    job_title: str | None
    country: str | None
    source: str | None
    status: Literal["new", "contacted", "qualified", "converted", "lost"]
    lead_score: int
    starred: bool
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    notes: str | None
    custom_fields: dict[str, Any]
    tags: list[str]
    possible_duplicate_of: int | None
    attribution: LeadAttribution | None
    created_at: str
    updated_at: str


class LeadAssigned(TypedDict):
    type: Literal["lead_assigned"]


class LeadAssignedEvent(TypedDict):
    """A lead was assigned to a user."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["lead.assigned"]
    data: ReferenceChange


class LeadAttribution(TypedDict):
    """Where the lead came from, at first and at last."""

    first: Attribution
    last: Attribution


class LeadCreated(TypedDict):
    type: Literal["lead_created"]
    sources: NotRequired[list[str] | None]


class LeadCreatedData(TypedDict):
    source: NotRequired[str]
    channel: NotRequired[str]
    submission_id: NotRequired[str]


class LeadCreatedEvent(TypedDict):
    """A lead was created, by any channel."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["lead.created"]
    data: LeadCreatedData


class LeadDeletedEvent(TypedDict):
    """A lead was deleted. `lead` is the lead as it was; of an erased person nothing but the id is told."""

    id: str
    occurred_at: str
    lead: Lead | ErasedLead | RemovedLead
    event: Literal["lead.deleted"]
    data: NoData
    test: NotRequired[Literal[True]]


class LeadDuplicateData(TypedDict):
    source: NotRequired[str]
    channel: NotRequired[str]
    submission_id: NotRequired[str]
    matched_on: NotRequired[list[str]]


class LeadDuplicateEvent(TypedDict):
    """A lead was received that was there already. `matched_on` says by what it was recognised."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["lead.duplicate"]
    data: LeadDuplicateData


class LeadFields(TypedDict):
    """`custom_fields` is merged key by key, null removes a key; `tags` replaces the set.

    `email_as_given` is what came as an email and cannot be read. It goes when the lead gets an email.
    """

    first_name: NotRequired[str | None]
    last_name: NotRequired[str | None]
    email: NotRequired[str | None]
    email_as_given: NotRequired[str | None]
    phone: NotRequired[str | None]
    company: NotRequired[str | None]
    job_title: NotRequired[str | None]
    country: NotRequired[str | None]
    source: NotRequired[str | None]
    status: NotRequired[Literal["new", "contacted", "qualified", "converted", "lost"]]
    starred: NotRequired[bool]
    pipeline_id: NotRequired[int | None]
    pipeline_stage_id: NotRequired[int | None]
    assigned_user_id: NotRequired[int | None]
    notes: NotRequired[str | None]
    custom_fields: NotRequired[dict[str, Any] | None]
    tags: NotRequired[list[str] | None]


class LeadMergedData(TypedDict):
    """`merged_lead_id` is the lead that went. Its id answers with `lead` from now on."""

    merge_id: int
    merged_lead_id: int


class LeadMergedEvent(TypedDict):
    """Another lead was merged into this one. `lead.updated` follows if fields changed."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["lead.merged"]
    data: LeadMergedData


class LeadPage(TypedDict):
    data: list[Lead]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class LeadResponse(TypedDict):
    data: Lead
    meta: NotRequired[RecordMeta]


class LeadScoreCrossed(TypedDict):
    """The score came to `threshold` or over it (above), or fell below it. Without a direction: either."""

    type: Literal["lead_score_crossed"]
    threshold: int
    direction: NotRequired[Literal["above", "below"] | None]


class LeadStageChanged(TypedDict):
    type: Literal["lead_stage_changed"]
    from_stage_id: NotRequired[int | None]
    to_stage_id: NotRequired[int | None]


class LeadStageChangedEvent(TypedDict):
    """A lead moved to another stage of a pipeline."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["lead.stage_changed"]
    data: ReferenceChange


class LeadTag(TypedDict):
    tag: str


class LeadUnmergedData(TypedDict):
    merge_id: int
    winner_id: int
    restored_lead_id: int


class LeadUnmergedEvent(TypedDict):
    """A merge was undone. It comes twice: with the lead that had stayed, and with the one that is back."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["lead.unmerged"]
    data: LeadUnmergedData


class LeadUpdated(TypedDict):
    type: Literal["lead_updated"]
    fields: NotRequired[list[str] | None]


class LeadUpdatedData(TypedDict):
    """`fields` names what changed, a custom field as `custom_fields.<key>`. Notes and tags are not in `changes`."""

    fields: list[str]
    changes: dict[str, ValueChange]


class LeadUpdatedEvent(TypedDict):
    """Fields, notes or tags of a lead changed."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["lead.updated"]
    data: LeadUpdatedData


class Ledger(TypedDict):
    """Submissions: accepted = done + pending + dead + quarantined + spooled. `spooled` is null if the spool is down."""

    accepted: int
    pending: int
    done: int
    dead: int
    quarantined: int
    spooled: int | None


class Limit(TypedDict):
    """What may keep an automation from running. `passed`: it did not stand in the way."""

    limit: Literal["active", "age", "version", "told", "chain", "loop", "lane", "queue", "once"]
    passed: bool
    why: str


class LoggedActivity(TypedDict):
    """What is logged. A call may have an `outcome`, and a note has a `text`."""

    type: Literal["call", "note", "email", "meeting"]
    outcome: NotRequired[Literal["reached", "no_answer", "left_message"] | None]
    text: NotRequired[str | None]


MailServer = TypedDict(
    "MailServer",
    {
        "host": "str | None",
        "port": "str | None",
        "security": "Literal['tls', 'starttls'] | None",
        "username": "str | None",
        "password": "str | None",
        "from": "str | None",
        "from_name": "str | None",
    },
)


class MailTrial(TypedDict):
    """The newest test mail. `answer` is what the mail server said, `error` why it was not sent."""

    state: Literal["pending", "sent", "failed", "cancelled"]
    error: str | None
    answer: str | None
    created_at: str
    finished_at: str | None


class MailTrialFields(TypedDict):
    """Who gets the test mail: an active user of the workspace."""

    user_id: int


class MailTrialResponse(TypedDict):
    data: MailTrial
    meta: NotRequired[RecordMeta]


class ManualTrigger(TypedDict):
    type: Literal["manual"]


class Me(TypedDict):
    id: int
    name: str
    scopes: list[str]
    rate_limit: int | None
    expires_at: str | None
    workspace: Workspace


class MeResponse(TypedDict):
    data: Me


class Merge(TypedDict):
    """A merge of a lead, or of one that merged into it.

    `fields` are those of the winner that the merge changed. `submissions` and `activities` count what went over.
    `blocked_by` is the merge that has to be undone first.
    """

    id: int
    winner_id: int
    merged_lead_id: int
    by: dict[str, Any]
    merged_at: str
    undone_at: str | None
    undone_by: dict[str, Any] | None
    fields: list[str]
    merged_name: str | None
    merged_contact: str | None
    submissions: int
    activities: int
    blocked_by: int | None


class MergeFields(TypedDict):
    """`lead_id` is the lead that goes. `fields` says by name whose value stays, a custom field as
    `custom_fields.<key>`.
    """

    lead_id: int
    fields: NotRequired[dict[str, Literal["ours", "theirs"]]]


class MergePage(TypedDict):
    data: list[Merge]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class MergedLead(TypedDict):
    """The lead that stays, with the merge that it can be undone by."""

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    email_as_given: str | None
    phone: str | None
    company: str | None
    job_title: str | None
    country: str | None
    source: str | None
    status: Literal["new", "contacted", "qualified", "converted", "lost"]
    lead_score: int
    starred: bool
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    notes: str | None
    custom_fields: dict[str, Any]
    tags: list[str]
    possible_duplicate_of: int | None
    attribution: LeadAttribution | None
    created_at: str
    updated_at: str
    merge_id: int


class MergedLeadResponse(TypedDict):
    data: MergedLead
    meta: NotRequired[RecordMeta]


class MoveStage(TypedDict):
    type: Literal["move_stage"]
    stage_id: int


class NewApiKeyFields(TypedDict):
    name: str
    scopes: list[
        Literal[
            "*",
            "delete:automations",
            "delete:forms",
            "delete:leads",
            "delete:users",
            "read:automations",
            "read:forms",
            "read:integrations",
            "read:leads",
            "read:operations",
            "read:pipelines",
            "read:tags",
            "read:users",
            "submit:leads",
            "write:automations",
            "write:forms",
            "write:integrations",
            "write:leads",
            "write:operations",
            "write:pipelines",
            "write:tags",
            "write:users",
        ]
    ]
    rate_limit: NotRequired[int | None]
    expires_at: NotRequired[str | None]


class NewAutomationFields(TypedDict):
    name: str
    description: NotRequired[str | None]
    is_active: NotRequired[bool]
    trigger: (
        LeadCreated
        | LeadUpdated
        | LeadStageChanged
        | LeadAssigned
        | TagAdded
        | LeadScoreCrossed
        | NoActivity
        | FormSubmitted
        | DuplicateReceived
        | ManualTrigger
    )
    steps: list[ConditionStep | ActionStep | DelayStep]


class NewFormField(TypedDict):
    """One field of a form, as it is sent. Unknown members are ignored.

    `step`: the page of a longer form, from 1. `show_if`: a condition over the keys of earlier fields; a field
    that is not shown is not required, and its value is ignored. `prefill`: the page's URL may fill it.
    `consent_text`: the wording of a consent, with links as `[text](https://…)`; it is kept with each consent.
    `accept`, `max_size_mb`: the types and the size of files.
    """

    key: str
    label: NotRequired[str | None]
    type: Literal[
        "text",
        "textarea",
        "email",
        "phone",
        "number",
        "date",
        "url",
        "select",
        "multiselect",
        "radio",
        "checkbox",
        "file",
        "hidden",
        "consent",
    ]
    required: NotRequired[bool | None]
    options: NotRequired[list[str] | None]
    maps_to: NotRequired[str | None]
    placeholder: NotRequired[str | None]
    help: NotRequired[str | None]
    step: NotRequired[int | None]
    show_if: NotRequired[dict[str, Any] | None]
    prefill: NotRequired[bool | None]
    consent_text: NotRequired[str | None]
    accept: NotRequired[list[str] | None]
    max_size_mb: NotRequired[int | None]


class NewFormFields(TypedDict):
    name: str
    is_active: NotRequired[bool]
    fields: NotRequired[list[NewFormField] | None]
    settings: NotRequired[FormSettingsFields | None]


class NewIntegrationFields(TypedDict):
    type: Literal[
        "meta_lead_ads",
        "google_ads",
        "linkedin",
        "tiktok",
        "snapchat",
        "pinterest",
        "microsoft_ads",
        "whatsapp",
        "telegram",
        "viber",
        "mailgun",
        "sendgrid",
        "twilio",
        "typeform",
        "jotform",
        "calendly",
        "tally",
        "webflow",
        "gravity_forms",
        "wpforms",
        "elementor",
        "unbounce",
        "netlify",
        "hubspot",
        "intercom",
        "shopify",
        "zapier",
        "make",
        "n8n",
        "webhook",
        "standard_webhooks",
        "smtp",
        "slack",
        "meta_conversions",
        "google_data_manager",
    ]
    name: str
    is_active: NotRequired[bool]
    settings: NotRequired[IntegrationSettingsFields | None]
    credentials: NotRequired[dict[str, str | int | None] | None]


class NewLeadFields(TypedDict):
    """`custom_fields` is merged key by key, null removes a key; `tags` replaces the set.

    `email_as_given` is what came as an email and cannot be read. It goes when the lead gets an email.
    """

    first_name: str
    last_name: NotRequired[str | None]
    email: NotRequired[str | None]
    email_as_given: NotRequired[str | None]
    phone: NotRequired[str | None]
    company: NotRequired[str | None]
    job_title: NotRequired[str | None]
    country: NotRequired[str | None]
    source: NotRequired[str | None]
    status: NotRequired[Literal["new", "contacted", "qualified", "converted", "lost"]]
    starred: NotRequired[bool]
    pipeline_id: NotRequired[int | None]
    pipeline_stage_id: NotRequired[int | None]
    assigned_user_id: NotRequired[int | None]
    notes: NotRequired[str | None]
    custom_fields: NotRequired[dict[str, Any] | None]
    tags: NotRequired[list[str] | None]


class NewPipelineFields(TypedDict):
    name: str
    description: NotRequired[str | None]
    is_default: NotRequired[bool]
    stages: NotRequired[list[NewStage]]


class NewScoringRuleFields(TypedDict):
    """`value` is checked together with the operator: none for `is_empty` and `is_not_empty`, a list for `in`."""

    field: str
    operator: Literal[
        "equals",
        "not_equals",
        "contains",
        "not_contains",
        "is_empty",
        "is_not_empty",
        "greater_than",
        "less_than",
        "in",
    ]
    value: NotRequired[str | int | float | bool | list[str | int | float | bool] | None]
    points: int
    is_active: NotRequired[bool]
    position: NotRequired[int]


class NewStage(TypedDict):
    name: str
    color: NotRequired[str | None]
    position: NotRequired[int]
    is_won: NotRequired[bool]
    is_lost: NotRequired[bool]


class NewStageFields(TypedDict):
    name: str
    color: NotRequired[str | None]
    position: NotRequired[int]
    is_won: NotRequired[bool]
    is_lost: NotRequired[bool]


class NewTagFields(TypedDict):
    name: str
    color: NotRequired[str | None]


class NewTaskFields(TypedDict):
    title: str
    lead_id: NotRequired[int | None]
    user_id: NotRequired[int | None]
    due_at: NotRequired[str | None]
    done_at: NotRequired[str | None]


class NewUserFields(TypedDict):
    name: str
    email: str
    role: NotRequired[Literal["admin", "manager", "agent", "read_only"]]
    is_active: NotRequired[bool]


class NewWebhookFields(TypedDict):
    url: str
    events: list[
        Literal[
            "lead.created",
            "lead.updated",
            "lead.deleted",
            "lead.merged",
            "lead.unmerged",
            "lead.duplicate",
            "lead.stage_changed",
            "lead.assigned",
            "tag.added",
            "form.submitted",
            "source.silent",
            "*",
        ]
    ]
    description: NotRequired[str | None]
    filters: NotRequired[SubscriptionFilters | None]
    filter_expression: NotRequired[str | None]
    body_expression: NotRequired[str | None]
    max_per_minute: NotRequired[int | None]
    is_active: NotRequired[bool]


class NoActivity(TypedDict):
    """Nothing happened to the lead for this long, except for changes by automations."""

    type: Literal["no_activity"]
    minutes: int


NoData: TypeAlias = "dict[str, Any]"

NotCondition = TypedDict(
    "NotCondition",
    {
        "not": "Comparison | AllConditions | AnyCondition | NotCondition",
    },
)


class NotifySlack(TypedDict):
    type: Literal["notify_slack"]
    integration_id: int
    text: str


class NotifyUsers(TypedDict):
    type: Literal["notify_users"]
    to: Literal["assigned"] | list[int]
    text: str


class Operations(TypedDict):
    ledger: Ledger
    oldest_waiting_s: float
    queues: list[Queue]
    workers: list[Process]
    dead_letters: DeadLetters
    lanes: list[Lane]


class OperationsResponse(TypedDict):
    data: Operations


class PageLinks(TypedDict):
    first: str
    last: str | None
    prev: str | None
    next: str | None
    self: str


PageMeta = TypedDict(
    "PageMeta",
    {
        "current_page": "int",
        "last_page": "int",
        "per_page": "int",
        "total": "int",
        "from": "int | None",
        "to": "int | None",
        "total_is_lower_bound": "NotRequired[Literal[True]]",
        "search_is_behind": "NotRequired[Literal[True]]",
        "searched_until": "NotRequired[str | None]",
    },
)


class PairReason(TypedDict):
    """A reason for a pair, or against it: points are bits of evidence, and each one for it doubles the odds.

    `level` is a code, such as `exact`, `nickname` or `differ`.
    """

    field: str
    level: str
    points: float
    text: str


class PairedLead(TypedDict):
    """A lead of a pair. One that was merged into the other has only its id left."""

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    phone: str | None
    company: str | None


class PauseActor(TypedDict):
    """The key, user or operator that paused a lane."""

    kind: Literal["key", "user", "operator"]
    id: int
    name: str


class PauseFields(TypedDict):
    reason: str
    until: NotRequired[str | None]


class PayloadChangeFields(TypedDict):
    """A change to the payload: `set` a field (dotted) to `value`, `map` its values by `values`, or `drop` it."""

    op: Literal["set", "map", "drop"]
    field: str
    value: NotRequired[Any]
    values: NotRequired[dict[str, Any]]


class Percentiles(TypedDict):
    """Milliseconds that half, 95 % and 99 % of the work did not exceed; null without work."""

    p50: float | None
    p95: float | None
    p99: float | None


class PersonReport(TypedDict):
    """Everything that is held on a person, with a member for each kind of rows.

    `lead` is as the API shows it, and null if it was deleted. A submission has its `payload` as it was sent, and
    all of what is `stored`. Files have a `url`.
    """

    format: int
    lead_ids: list[int]
    lead: dict[str, Any] | None
    submissions: list[dict[str, Any]]
    waiting_submissions: list[dict[str, Any]]
    leads: list[dict[str, Any]]
    lead_attributions: list[dict[str, Any]]
    lead_points: list[dict[str, Any]]
    lead_search: list[dict[str, Any]]
    identities: list[dict[str, Any]]
    submission_versions: list[dict[str, Any]]
    submission_visitors: list[dict[str, Any]]
    source_fetches: list[dict[str, Any]]
    files: list[dict[str, Any]]
    activities: list[dict[str, Any]]
    tasks: list[dict[str, Any]]
    events: list[dict[str, Any]]
    automation_runs: list[dict[str, Any]]
    inactivity_timers: list[dict[str, Any]]
    delivery_attempts: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    feed_events: list[dict[str, Any]]
    conversions: list[dict[str, Any]]
    possible_duplicates: list[dict[str, Any]]
    suppressions: list[dict[str, Any]]
    merges: list[dict[str, Any]]
    duplicate_pairs: list[dict[str, Any]]
    likeness: list[dict[str, Any]]
    import_rows: list[dict[str, Any]]


class PersonReportResponse(TypedDict):
    data: PersonReport


class Pipeline(TypedDict):
    id: int
    name: str
    description: str | None
    is_default: bool
    stages: list[Stage]
    created_at: str
    updated_at: str


class PipelineFields(TypedDict):
    name: NotRequired[str]
    description: NotRequired[str | None]
    is_default: NotRequired[bool]


class PipelinePage(TypedDict):
    data: list[Pipeline]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class PipelineResponse(TypedDict):
    data: Pipeline
    meta: NotRequired[RecordMeta]


class PlainAlarm(TypedDict):
    """Who is told: null, all admins; none, nobody."""

    user_ids: list[int] | None


class PlainAlarmFields(TypedDict):
    user_ids: NotRequired[list[int] | None]


class Preview(TypedDict):
    """Of `checked` events `matching` would be sent. For `failing` ones the filter gives nothing.

    `is_complete` is false where events are too large, or the filter too slow, to look at more of them.
    `is_made_up`: the workspace had no such event yet, and these are of a made-up lead. `bodies` are the first
    three.
    """

    checked: int
    matching: int
    failing: int
    is_complete: bool
    is_made_up: bool
    events: list[PreviewedEvent]
    bodies: list[PreviewedBody]


class PreviewFields(TypedDict):
    """What a subscription would have. Without `events` it is all of them."""

    events: NotRequired[
        list[
            Literal[
                "lead.created",
                "lead.updated",
                "lead.deleted",
                "lead.merged",
                "lead.unmerged",
                "lead.duplicate",
                "lead.stage_changed",
                "lead.assigned",
                "tag.added",
                "form.submitted",
                "source.silent",
                "*",
            ]
        ]
    ]
    filters: NotRequired[SubscriptionFilters | None]
    filter_expression: NotRequired[str | None]
    body_expression: NotRequired[str | None]


class PreviewResponse(TypedDict):
    data: Preview
    meta: NotRequired[RecordMeta]


class PreviewedBody(TypedDict):
    """`body` is what would be sent in place of `standard_body`; null with an `error` if the mapping gives none.

    Where no event matches, there is one body of the newest event, which `matches` says.
    """

    id: str
    matches: bool
    standard_body: (
        LeadCreatedEvent
        | LeadUpdatedEvent
        | LeadDeletedEvent
        | LeadMergedEvent
        | LeadUnmergedEvent
        | LeadDuplicateEvent
        | LeadStageChangedEvent
        | LeadAssignedEvent
        | TagAddedEvent
        | FormSubmittedEvent
        | SourceSilentEvent
    )
    body: Any
    error: str | None


class PreviewedEvent(TypedDict):
    """`error` says why `filter_expression` gives nothing for this event: then it does not match."""

    id: str
    event: str
    occurred_at: str
    lead_id: int | None
    matches: bool
    error: str | None


class Process(TypedDict):
    """A process, which serves all workspaces. It is not alive if it has not reported for ten seconds.

    `name` is its kind and a number, such as `worker 1`; only operators see the names of machines.
    """

    name: str
    kind: str
    started_at: str
    seen_at: str
    is_alive: bool
    memory_bytes: int | None
    restarts: int
    activity: str


class PublishFields(TypedDict):
    """`revision`: that of the draft that is meant; another one is a conflict."""

    revision: NotRequired[int]


class Queue(TypedDict):
    """How much waits to be ingested, to be processed by automations and webhooks, or to be sent."""

    name: Literal["ingest", "events", "deliveries"]
    waiting: int


class RecalculationFields(TypedDict):
    with_automations: NotRequired[bool]


ReceivedCounts = TypedDict(
    "ReceivedCounts",
    {
        "1h": "int",
        "24h": "int",
        "7d": "int",
    },
)


class RecordMeta(TypedDict):
    """Absent where every field of the body was used."""

    ignored: list[str]


ReferenceChange = TypedDict(
    "ReferenceChange",
    {
        "from": "int | None",
        "to": "int | None",
    },
)


class RejectFields(TypedDict):
    reason: NotRequired[str | None]


class ReleaseFields(TypedDict):
    """Without automations nothing but the timeline tells of the submission."""

    reason: NotRequired[str | None]
    with_automations: NotRequired[bool]


class RemoveTag(TypedDict):
    type: Literal["remove_tag"]
    tag: str


class RemovedLead(TypedDict):
    """All that is known of a lead that was removed before the message was made."""

    id: int


class ReplayExample(TypedDict):
    """A payload before and after the changes, and the `outcome`: the answer of a dry run, or null with an `error`."""

    id: str
    before: Any
    after: Any
    differences: list[VersionDifference]
    outcome: dict[str, Any] | None
    error: str | None


class ReplayFields(TypedDict):
    """`payload` takes the place of the one that came, which is kept as the first version.

    Of a form's submission it is the lead that the form made; the form's values stay as they came.
    """

    reason: NotRequired[str | None]
    with_automations: NotRequired[bool]
    payload: NotRequired[dict[str, Any] | None]


class ResendFields(TypedDict):
    """`since` selects deliveries created at that time or later."""

    since: str


class ResendResult(TypedDict):
    count: int


class ResendResultResponse(TypedDict):
    data: ResendResult
    meta: NotRequired[RecordMeta]


class Retention(TypedDict):
    """For how many days a workspace keeps what. `installation_days` is the most for all but the timeline."""

    submissions_days: int | None
    held_days: int | None
    activities_days: int | None
    attempts_days: int | None
    installation_days: int


class RetentionFields(TypedDict):
    """Days. Null: as long as the installation keeps them."""

    submissions_days: NotRequired[int | None]
    held_days: NotRequired[int | None]
    activities_days: NotRequired[int | None]
    attempts_days: NotRequired[int | None]


class RetentionResponse(TypedDict):
    data: Retention
    meta: NotRequired[RecordMeta]


class RotationFields(TypedDict):
    """`overlap_hours` says for how long the old secret signs as well: 24 unless sent. With 0 it ends at once."""

    overlap_hours: NotRequired[int]


class SampleEventFields(TypedDict):
    """`event` is the one to send; without it, the first of the subscription. `*` stands for `lead.created`."""

    event: NotRequired[
        Literal[
            "lead.created",
            "lead.updated",
            "lead.deleted",
            "lead.merged",
            "lead.unmerged",
            "lead.duplicate",
            "lead.stage_changed",
            "lead.assigned",
            "tag.added",
            "form.submitted",
            "source.silent",
            "*",
        ]
    ]


class ScoreExample(TypedDict):
    lead_id: int
    before: int
    after: int


class ScorePreview(TypedDict):
    """`counted` leads were compared, the newest of all `total`: as many as two seconds allow, 50,000 at most."""

    total: int
    counted: int
    gaining: int
    losing: int
    same: int
    gains: list[ScoreExample]
    losses: list[ScoreExample]


class ScorePreviewFields(TypedDict):
    """The rules as they would be, all of them. Those that are off give no points."""

    rules: list[ScoringRuleFields]


class ScorePreviewResponse(TypedDict):
    data: ScorePreview
    meta: NotRequired[RecordMeta]


class ScoringRule(TypedDict):
    id: int
    field: str
    operator: Literal[
        "equals",
        "not_equals",
        "contains",
        "not_contains",
        "is_empty",
        "is_not_empty",
        "greater_than",
        "less_than",
        "in",
    ]
    value: Any
    points: int
    is_active: bool
    position: int
    created_at: str
    updated_at: str


class ScoringRuleFields(TypedDict):
    """`value` is checked together with the operator: none for `is_empty` and `is_not_empty`, a list for `in`."""

    field: NotRequired[str]
    operator: NotRequired[
        Literal[
            "equals",
            "not_equals",
            "contains",
            "not_contains",
            "is_empty",
            "is_not_empty",
            "greater_than",
            "less_than",
            "in",
        ]
    ]
    value: NotRequired[str | int | float | bool | list[str | int | float | bool] | None]
    points: NotRequired[int]
    is_active: NotRequired[bool]
    position: NotRequired[int]


class ScoringRulePage(TypedDict):
    data: list[ScoringRule]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class ScoringRuleResponse(TypedDict):
    data: ScoringRule
    meta: NotRequired[RecordMeta]


class SendEmail(TypedDict):
    type: Literal["send_email"]
    to: Literal["lead"] | list[int]
    subject: str
    body: str


class SendSms(TypedDict):
    type: Literal["send_sms"]
    integration_id: int
    body: str


class SendWebhook(TypedDict):
    """Posts the lead to a URL, signed if there is a secret. The secret is shown as asterisks."""

    type: Literal["send_webhook"]
    url: str
    secret: NotRequired[str | None]


class SetField(TypedDict):
    """Sets a field to a value, null to clear it."""

    type: Literal["set_field"]
    field: str
    value: str | int | float | bool | None


class SetStatus(TypedDict):
    type: Literal["set_status"]
    status: Literal["new", "contacted", "qualified", "converted", "lost"]


class SettingEffect(TypedDict):
    """What a change would do. `count` is null where counting took too long; `of` says how many were looked at.

    `is_final`: it cannot be taken back.
    """

    field: str
    code: str
    count: int | None
    of: int | None
    entry: str | None
    is_final: bool
    text: str


class SilentSourceAlarm(TypedDict):
    user_ids: list[int] | None
    minutes: int | None


class SilentSourceFields(TypedDict):
    """A source or form sends nothing. `minutes`: for those without a number of their own that have sent before."""

    user_ids: NotRequired[list[int] | None]
    minutes: NotRequired[int | None]


class Source(TypedDict):
    """An integration, form or API key that leads come from.

    `rejected_24h` counts requests that were refused, by reason: `missing_signature, bad_signature, stale,
    wrong_token, replayed, too_many_items, handshake`. A source is silent if its `silence_after_minutes` are over
    without a lead, or, where that is not set, if it has sent nothing for much longer than it ever does.
    """

    kind: Literal["integration", "form", "key"]
    id: int
    name: str
    type: str | None
    is_active: bool
    last_received_at: str | None
    received: ReceivedCounts
    duplicates_24h: int
    held_24h: int
    rejected_24h: dict[str, int]
    silence_after_minutes: int | None
    is_silent: bool


class SourceFigures(TypedDict):
    """`source`: the campaign's `utm_source`, otherwise the host of the page before, otherwise `direct`.

    Beyond 200 sources an hour, or 50 in the answer, they count as `other`.
    """

    views: int
    starts: int
    submissions: int
    held: int
    source: str


class SourceList(TypedDict):
    data: list[Source]


class SourceSilentData(TypedDict):
    integration_id: int | None
    form_id: int | None
    name: str
    type: str
    last_received_at: str | None
    silence_after_minutes: int


class SourceSilentEvent(TypedDict):
    """A source has sent no lead for its `silence_after_minutes`. It comes once, until a lead comes again.

    Either `integration_id` or `form_id` is set. The `type` of a form is `form`.
    """

    id: str
    occurred_at: str
    lead: None
    event: Literal["source.silent"]
    data: SourceSilentData
    test: NotRequired[Literal[True]]


class Spam(TypedDict):
    """The points of a visitor's submission, and the signals that gave them: why it is held, if it is."""

    score: float
    reasons: list[SpamReason]


class SpamReason(TypedDict):
    code: str
    points: float
    text: str


class SpamRule(TypedDict):
    """A rule. `hits`: submissions on which it decided."""

    id: int
    form_id: int | None
    verdict: Literal["allow", "hold"]
    kind: Literal["email", "domain", "address", "word"]
    value: str
    created_by: str | None
    created_at: str
    hits: int
    last_hit_at: str | None


class SpamRuleFields(TypedDict):
    """`value`: an email address, a domain, an IP address or network, or words, by the `kind`.

    Without a `form_id` the rule is for all forms of the workspace.
    """

    kind: Literal["email", "domain", "address", "word"]
    value: str
    verdict: Literal["allow", "hold"]
    form_id: NotRequired[int | None]


class SpamRulePage(TypedDict):
    data: list[SpamRule]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class SpamRuleResponse(TypedDict):
    data: SpamRule
    meta: NotRequired[RecordMeta]


class SpamSettings(TypedDict):
    threshold: int | None
    proof_of_work: Literal["auto", "always", "never"]


class SpamSettingsFields(TypedDict):
    """What is held. `threshold`: points from which a submission is held; 0: only rules hold; null: the workspace's.

    `proof_of_work`: `auto` asks browsers for it while the form is under attack.
    """

    threshold: NotRequired[int | None]
    proof_of_work: NotRequired[Literal["auto", "always", "never"] | None]


class Stage(TypedDict):
    id: int
    pipeline_id: int
    name: str
    color: str | None
    position: int
    is_won: bool
    is_lost: bool
    created_at: str
    updated_at: str


class StageFields(TypedDict):
    name: NotRequired[str]
    color: NotRequired[str | None]
    position: NotRequired[int]
    is_won: NotRequired[bool]
    is_lost: NotRequired[bool]


class StagePage(TypedDict):
    data: list[Stage]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class StageResponse(TypedDict):
    data: Stage
    meta: NotRequired[RecordMeta]


class StepDelivery(TypedDict):
    """A message that a step sent, for as long as the delivery is kept."""

    id: int
    state: Literal["pending", "sent", "failed", "cancelled", "suppressed"]
    error: str | None


class StepOutcome(TypedDict):
    """The outcome of a step. `step` counts from 0; `data` has the choices that were made.

    `passed`: a condition matched, or a delay is over; `ended`: a condition did not match; `skipped`: a mail was
    not sent, since its address had enough of them. A step whose delivery failed is `failed`, until the delivery
    is sent again.
    """

    step: int
    type: str
    outcome: Literal["passed", "ended", "waiting", "done", "skipped", "failed"]
    reason: str | None
    data: dict[str, Any]
    deliveries: list[StepDelivery]


class Submission(TypedDict):
    """`payload` is what was sent: the lead, the values of a form's fields, or the document of a provider's webhook.

    A test lead of a provider is done without a lead.
    """

    id: str
    state: Literal["accepted", "done", "dead", "quarantined", "replayed"]
    channel: str
    source: str | None
    lead_id: int | None
    is_duplicate: bool | None
    matched_on: list[str] | None
    payload: Any
    changes: dict[str, Any] | None
    warnings: list[str] | None
    error: str | None
    attempts: int
    received_at: str
    processed_at: str | None
    spam: Spam | None
    rejected_at: str | None
    attribution: Attribution | None
    is_test: bool


class SubmissionFilterFields(TypedDict):
    """The filters of the list of submissions, and `ids`. None of them: all that the action can take."""

    state: NotRequired[Literal["accepted", "done", "dead", "quarantined", "replayed"] | None]
    channel: NotRequired[str | None]
    source: NotRequired[str | None]
    lead_id: NotRequired[int | None]
    is_duplicate: NotRequired[bool | None]
    rejected: NotRequired[bool | None]
    received_after: NotRequired[str | None]
    received_before: NotRequired[str | None]
    search: NotRequired[str | None]
    ids: NotRequired[list[str] | None]


class SubmissionPage(TypedDict):
    data: list[Submission]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class SubmissionResponse(TypedDict):
    data: Submission
    meta: NotRequired[RecordMeta]


class SubmissionVersion(TypedDict):
    """A payload that was replayed. Version 1 is the payload as it came, and has no author."""

    version: int
    created_at: str
    author: VersionAuthor | None
    reason: str | None
    payload: Any
    changes: list[VersionDifference]


class SubmissionVersionList(TypedDict):
    data: list[SubmissionVersion]


class SubscriptionFilters(TypedDict):
    """All of those that are set must hold. They narrow events about leads, not `source.silent`.

    `sources`: the lead is from one of them. `tag`: the lead has it; of `tag.added`, it is the one. `stage_id`:
    the lead is there; of `lead.stage_changed`, it came there. `form_id`: what came by that form, and no later
    events.
    """

    sources: NotRequired[list[str] | None]
    form_id: NotRequired[int | None]
    tag: NotRequired[str | None]
    stage_id: NotRequired[int | None]


class Suppression(TypedDict):
    """An address that gets no mail. `created_by` is null if the person unsubscribed by the link in a mail."""

    id: int
    email: str
    reason: Literal["unsubscribed", "manual"]
    note: str | None
    created_by: VersionAuthor | None
    created_at: str


class SuppressionFields(TypedDict):
    """`note` says why, for your team."""

    email: str
    note: NotRequired[str | None]


class SuppressionPage(TypedDict):
    data: list[Suppression]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class SuppressionResponse(TypedDict):
    data: Suppression
    meta: NotRequired[RecordMeta]


class Tag(TypedDict):
    id: int
    name: str
    color: str | None
    leads_count: int
    aliases: list[str]
    created_at: str
    updated_at: str


class TagAdded(TypedDict):
    type: Literal["tag_added"]
    tag: str


class TagAddedData(TypedDict):
    tag: str


class TagAddedEvent(TypedDict):
    """A lead was given a tag. Each tag is a message of its own."""

    id: str
    occurred_at: str
    lead: Lead | RemovedLead
    test: NotRequired[Literal[True]]
    event: Literal["tag.added"]
    data: TagAddedData


class TagFields(TypedDict):
    name: NotRequired[str]
    color: NotRequired[str | None]


class TagMergeFields(TypedDict):
    into: int
    confirm: NotRequired[int]


class TagPage(TypedDict):
    data: list[Tag]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class TagResponse(TypedDict):
    data: Tag
    meta: NotRequired[RecordMeta]


class Task(TypedDict):
    id: int
    lead_id: int | None
    title: str
    due_at: str | None
    user_id: int | None
    done_at: str | None
    created_at: str
    updated_at: str


class TaskFields(TypedDict):
    title: NotRequired[str]
    lead_id: NotRequired[int | None]
    user_id: NotRequired[int | None]
    due_at: NotRequired[str | None]
    done_at: NotRequired[str | None]


class TaskPage(TypedDict):
    data: list[Task]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class TaskResponse(TypedDict):
    data: Task
    meta: NotRequired[RecordMeta]


class Trial(TypedDict):
    """A trial, newest events first. `left_out` counts events that were not tried, since the texts took too long."""

    automation_id: int
    would_run: int
    would_stop: int
    not_started: int
    left_out: int
    tried: list[Tried]


class TrialEventFields(TypedDict):
    """`event` is the name of the event. Without it the name is `Test`."""

    event: NotRequired[str | None]


class TrialFields(TypedDict):
    """A lead, or how many of the last events."""

    lead_id: NotRequired[int | None]
    last: NotRequired[int | None]


class TrialResponse(TypedDict):
    data: Trial
    meta: NotRequired[RecordMeta]


class Tried(TypedDict):
    """What would become of a lead. Without an event the trigger is passed over.

    `false_comparisons` are those of the condition that would end the run. `why` says why it would not start.
    """

    lead_id: int
    event: Event | None
    outcome: Literal["would_run", "would_stop", "not_started"]
    why: str | None
    ended_step: int | None
    false_comparisons: list[FalseComparison]
    steps: list[TriedStep]


class TriedBody(TypedDict):
    """What a body means. `problem` says why it cannot be read."""

    items: list[TriedItem]
    problem: str | None


class TriedBodyResponse(TypedDict):
    data: TriedBody
    meta: NotRequired[RecordMeta]


class TriedItem(TypedDict):
    """An item of the body, with the lead that would come of it. Nothing is stored."""

    kind: Literal["lead", "fetch", "deletion", "ignored"]
    event_id: str | None
    is_test: bool
    note: str
    lead: dict[str, Any]
    attribution: dict[str, Any]
    external_id: str | None
    account_id: str | None
    object_id: str | None
    document: Any


class TriedStep(TypedDict):
    """What a step would do. `step` counts from 0."""

    step: int
    type: str
    outcome: Literal["passed", "ended", "waiting", "done", "skipped", "failed"]
    reason: str | None
    data: dict[str, Any]


class Trigger(TypedDict):
    matched: bool
    why: str


class TryFields(TypedDict):
    """`body` is the text of a request, or its JSON; without it the type's own sample is read."""

    body: NotRequired[Any]
    content_type: NotRequired[str | None]
    headers: NotRequired[dict[str, str] | None]


class UnmergeFields(TypedDict):
    merge_id: int


class UnmergedLead(TypedDict):
    """The lead that had stayed, and the one that is back.

    `kept` are fields that were not taken back, each with the reason: they were edited since, or another merge has
    replaced them.
    """

    id: int
    first_name: str | None
    last_name: str | None
    email: str | None
    email_as_given: str | None
    phone: str | None
    company: str | None
    job_title: str | None
    country: str | None
    source: str | None
    status: Literal["new", "contacted", "qualified", "converted", "lost"]
    lead_score: int
    starred: bool
    pipeline_id: int | None
    pipeline_stage_id: int | None
    assigned_user_id: int | None
    notes: str | None
    custom_fields: dict[str, Any]
    tags: list[str]
    possible_duplicate_of: int | None
    attribution: LeadAttribution | None
    created_at: str
    updated_at: str
    merge_id: int
    restored: Lead
    kept: dict[str, str]


class UnmergedLeadResponse(TypedDict):
    data: UnmergedLead
    meta: NotRequired[RecordMeta]


class User(TypedDict):
    id: int
    name: str
    email: str
    role: Literal["admin", "manager", "agent", "read_only"]
    is_active: bool
    created_at: str
    updated_at: str


class UserFields(TypedDict):
    name: NotRequired[str]
    email: NotRequired[str]
    role: NotRequired[Literal["admin", "manager", "agent", "read_only"]]
    is_active: NotRequired[bool]


class UserPage(TypedDict):
    data: list[User]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class UserResponse(TypedDict):
    data: User
    meta: NotRequired[RecordMeta]


ValueChange = TypedDict(
    "ValueChange",
    {
        "from": "Any",
        "to": "Any",
    },
)


class VersionAuthor(TypedDict):
    """An API key, a user, or a command on the machine, with the name that it had at the time."""

    kind: Literal["key", "user", "command"]
    id: int | None
    name: str


class VersionDifference(TypedDict):
    """A field that differs from the version before. A side that lacks it is null."""

    op: Literal["added", "changed", "removed"]
    field: str
    before: Any
    after: Any


class WaitingAlarm(TypedDict):
    user_ids: list[int] | None
    minutes: int


class WaitingFields(TypedDict):
    """Automations or deliveries wait. `minutes`: of the oldest that is due."""

    user_ids: NotRequired[list[int] | None]
    minutes: NotRequired[int | None]


class Webhook(TypedDict):
    """`disabled_reason` and `disabled_at` say why and when it was disabled automatically.

    `filter_failures` counts the events for which `filter_expression` gave nothing, since it was written. They
    were not sent. `filter_error` says why of the last one, and `filter_failed_at` when.
    """

    id: int
    url: str
    events: list[str]
    description: str | None
    filters: SubscriptionFilters | None
    filter_expression: str | None
    body_expression: str | None
    max_per_minute: int | None
    is_active: bool
    disabled_reason: str | None
    disabled_at: str | None
    created_at: str
    updated_at: str
    filter_failures: int
    filter_error: str | None
    filter_failed_at: str | None


class WebhookFields(TypedDict):
    url: NotRequired[str]
    events: NotRequired[
        list[
            Literal[
                "lead.created",
                "lead.updated",
                "lead.deleted",
                "lead.merged",
                "lead.unmerged",
                "lead.duplicate",
                "lead.stage_changed",
                "lead.assigned",
                "tag.added",
                "form.submitted",
                "source.silent",
                "*",
            ]
        ]
    ]
    description: NotRequired[str | None]
    filters: NotRequired[SubscriptionFilters | None]
    filter_expression: NotRequired[str | None]
    body_expression: NotRequired[str | None]
    max_per_minute: NotRequired[int | None]
    is_active: NotRequired[bool]


class WebhookPage(TypedDict):
    data: list[Webhook]
    meta: PageMeta | CursorMeta
    links: PageLinks | CursorLinks


class WebhookResponse(TypedDict):
    data: Webhook
    meta: NotRequired[RecordMeta]


class WebhookWithSecret(TypedDict):
    """With the signing secret, which is only shown once."""

    id: int
    url: str
    events: list[str]
    description: str | None
    filters: SubscriptionFilters | None
    filter_expression: str | None
    body_expression: str | None
    max_per_minute: int | None
    is_active: bool
    disabled_reason: str | None
    disabled_at: str | None
    created_at: str
    updated_at: str
    filter_failures: int
    filter_error: str | None
    filter_failed_at: str | None
    secret: str


class WebhookWithSecretResponse(TypedDict):
    data: WebhookWithSecret
    meta: NotRequired[RecordMeta]


class Workspace(TypedDict):
    id: int
    slug: str
    name: str


class WorkspaceAlarmFields(TypedDict):
    """Of each alarm what is sent changes. Null sets an alarm, or a member of it, back to its default.

    `user_ids`: who is told; null: all admins; none: nobody.
    """

    source_silent: NotRequired[SilentSourceFields | None]
    dead_letters: NotRequired[DeadLettersFields | None]
    waiting: NotRequired[WaitingFields | None]
    held_digest: NotRequired[PlainAlarmFields | None]
    webhook_disabled: NotRequired[PlainAlarmFields | None]


class WorkspaceAlarms(TypedDict):
    """The alarms of the workspace. `mail` and `slack`: how the installation's operators are told of theirs."""

    mail: bool
    slack: bool
    source_silent: SilentSourceAlarm
    dead_letters: DeadLettersAlarm
    waiting: WaitingAlarm
    held_digest: PlainAlarm
    webhook_disabled: PlainAlarm


class WorkspaceFields(TypedDict):
    """What is sent changes, the rest stays. `never_join` replaces the list; `retention` changes the kinds in it.

    `spam_threshold`: points from which forms without a number of their own hold a submission; 0: only rules hold.
    An entry of `never_join` is an email, a local part with its at sign (`info@`), or a phone. `mail` has the
    credentials of a mail server, as an integration of the type smtp has them, and changes key by key: null
    disconnects the server. Its password must be sent again if another of them changes.
    """

    name: NotRequired[str]
    country: NotRequired[str]
    timezone: NotRequired[str]
    merge_policy: NotRequired[Literal["fill_empty", "overwrite", "keep"]]
    fold_gmail: NotRequired[bool]
    never_join: NotRequired[list[str]]
    spam_threshold: NotRequired[int]
    retention: NotRequired[RetentionFields]
    alarms: NotRequired[WorkspaceAlarmFields]
    mail: NotRequired[dict[str, str | int | None] | None]


class WorkspaceMail(TypedDict):
    """Whose server sends the workspace's mails, and whose would without its own `server`. Null: nobody's.

    `integration_id` is the integration that sends them.
    """

    sent_by: Literal["workspace", "installation"] | None
    without_server: Literal["workspace", "installation"] | None
    integration_id: int | None
    server: MailServer | None


class WorkspaceSettings(TypedDict):
    """A workspace. `country` is where phones without a prefix are dialled.

    By what `never_join` lists nobody is recognised. From `spam_threshold` points on, forms without a number of
    their own hold a submission. `effects` are those of a change that is previewed.
    """

    id: int
    slug: str
    name: str
    country: str | None
    timezone: str
    merge_policy: Literal["fill_empty", "overwrite", "keep"]
    fold_gmail: bool
    never_join: list[str]
    spam_threshold: int
    retention: KeptDays
    installation_days: int
    mail: WorkspaceMail
    alarms: WorkspaceAlarms
    created_at: str
    effects: NotRequired[list[SettingEffect]]


class WorkspaceSettingsResponse(TypedDict):
    data: WorkspaceSettings
    meta: NotRequired[RecordMeta]


class ListApiKeysQuery(TypedDict):
    per_page: NotRequired[int]


class ListAuditEntriesQuery(TypedDict):
    per_page: NotRequired[int]
    actor: NotRequired[str | None]
    action: NotRequired[str | None]
    outcome: NotRequired[Literal["done", "refused", "failed"]]
    after: NotRequired[str]
    before: NotRequired[str]


class ListAutomationsQuery(TypedDict):
    per_page: NotRequired[int]


class ListAutomationRunsQuery(TypedDict):
    per_page: NotRequired[int]
    lead_id: NotRequired[int]


class ExplainAutomationQuery(TypedDict):
    lead_id: int
    event: NotRequired[int]


class ListDeliveriesQuery(TypedDict):
    per_page: NotRequired[int]
    state: NotRequired[Literal["pending", "sent", "failed", "cancelled", "suppressed"]]
    lead_id: NotRequired[int]
    kind: NotRequired[Literal["webhook", "email", "sms", "slack", "notice", "conversion"]]
    cause: NotRequired[int]
    subscription_id: NotRequired[int]
    integration_id: NotRequired[int]
    created_after: NotRequired[str]
    created_before: NotRequired[str]


class ListDuplicatesQuery(TypedDict):
    per_page: NotRequired[int]
    state: NotRequired[Literal["open", "dismissed", "merged"]]
    min_score: NotRequired[float]
    lead_id: NotRequired[int]


class ListFormsQuery(TypedDict):
    per_page: NotRequired[int]


class ListFormSubmissionsQuery(TypedDict):
    per_page: NotRequired[int]
    state: NotRequired[Literal["accepted", "done", "dead", "quarantined", "replayed"]]
    source: NotRequired[str | None]
    lead_id: NotRequired[int]
    is_duplicate: NotRequired[bool]
    received_after: NotRequired[str]
    received_before: NotRequired[str]


class GetFormNumbersQuery(TypedDict):
    days: NotRequired[int]


class ListImportsQuery(TypedDict):
    per_page: NotRequired[int]


class ListImportRowsQuery(TypedDict):
    per_page: NotRequired[int]
    state: NotRequired[Literal["created", "merged", "unchanged", "invalid", "warned", "kept"]]


class DownloadImportRowsQuery(TypedDict):
    state: NotRequired[Literal["created", "merged", "unchanged", "invalid", "warned", "kept"]]


class ListIntegrationsQuery(TypedDict):
    per_page: NotRequired[int]


class ListJobsQuery(TypedDict):
    per_page: NotRequired[int]
    kind: NotRequired[
        Literal[
            "replay",
            "release",
            "reject",
            "deliveries",
            "backfill",
            "edit",
            "delete",
            "stage_removal",
            "rescore",
            "import",
        ]
    ]
    state: NotRequired[Literal["queued", "running", "paused", "done", "cancelled", "failed"]]


class ListJobItemsQuery(TypedDict):
    per_page: NotRequired[int]
    outcome: NotRequired[Literal["done", "failed", "skipped", "waiting"]]


class ListLeadsQuery(TypedDict):
    per_page: NotRequired[int]
    source: NotRequired[str | None]
    status: NotRequired[Literal["new", "contacted", "qualified", "converted", "lost"]]
    pipeline_id: NotRequired[int]
    stage_id: NotRequired[int]
    assigned_user_id: NotRequired[int]
    tag: NotRequired[str | None]
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    unreadable: NotRequired[Literal["email", "phone"]]
    search: NotRequired[str | None]
    created_after: NotRequired[str]
    created_before: NotRequired[str]
    updated_after: NotRequired[str]
    updated_before: NotRequired[str]
    starred: NotRequired[bool]
    utm_source: NotRequired[str | None]
    utm_campaign: NotRequired[str | None]
    sort: NotRequired[Literal["created_at", "updated_at", "lead_score", "first_name", "last_name", "email"]]
    direction: NotRequired[Literal["desc", "asc"]]


class ListLeadActivitiesQuery(TypedDict):
    per_page: NotRequired[int]


class ListLeadDuplicatesQuery(TypedDict):
    per_page: NotRequired[int]
    state: NotRequired[Literal["open", "dismissed", "merged"]]
    min_score: NotRequired[float]


class ListLeadMergesQuery(TypedDict):
    per_page: NotRequired[int]


class ExportLeadsQuery(TypedDict):
    source: NotRequired[str | None]
    status: NotRequired[Literal["new", "contacted", "qualified", "converted", "lost"]]
    pipeline_id: NotRequired[int]
    stage_id: NotRequired[int]
    assigned_user_id: NotRequired[int]
    tag: NotRequired[str | None]
    email: NotRequired[str | None]
    phone: NotRequired[str | None]
    unreadable: NotRequired[Literal["email", "phone"]]
    search: NotRequired[str | None]
    created_after: NotRequired[str]
    created_before: NotRequired[str]
    updated_after: NotRequired[str]
    updated_before: NotRequired[str]
    starred: NotRequired[bool]
    utm_source: NotRequired[str | None]
    utm_campaign: NotRequired[str | None]
    sort: NotRequired[Literal["created_at", "updated_at", "lead_score", "first_name", "last_name", "email"]]
    direction: NotRequired[Literal["desc", "asc"]]
    format: NotRequired[Literal["csv", "ndjson"]]


class ListCausesQuery(TypedDict):
    per_page: NotRequired[int]
    since: NotRequired[str]
    kind: NotRequired[Literal["submission", "delivery", "automation_run"]]
    state: NotRequired[Literal["open", "ignored", "fixed"]]


class GetOperationsHistoryQuery(TypedDict):
    minutes: NotRequired[int]


class ListPipelinesQuery(TypedDict):
    per_page: NotRequired[int]


class ListStagesQuery(TypedDict):
    per_page: NotRequired[int]


class DeleteStageQuery(TypedDict):
    to: NotRequired[int]


class ListScoringRulesQuery(TypedDict):
    per_page: NotRequired[int]


class ListSpamRulesQuery(TypedDict):
    per_page: NotRequired[int]


class ListSubmissionsQuery(TypedDict):
    per_page: NotRequired[int]
    state: NotRequired[Literal["accepted", "done", "dead", "quarantined", "replayed"]]
    source: NotRequired[str | None]
    lead_id: NotRequired[int]
    is_duplicate: NotRequired[bool]
    received_after: NotRequired[str]
    received_before: NotRequired[str]
    channel: NotRequired[str | None]
    cause: NotRequired[int]
    rejected: NotRequired[bool]
    search: NotRequired[str | None]


class ListSuppressionsQuery(TypedDict):
    per_page: NotRequired[int]


class ListTagsQuery(TypedDict):
    per_page: NotRequired[int]


class ListTasksQuery(TypedDict):
    per_page: NotRequired[int]
    lead_id: NotRequired[int]
    user_id: NotRequired[int]
    done: NotRequired[bool]


class ListUsersQuery(TypedDict):
    per_page: NotRequired[int]


class ListWebhooksQuery(TypedDict):
    per_page: NotRequired[int]


class ListWebhookDeliveriesQuery(TypedDict):
    per_page: NotRequired[int]
    state: NotRequired[Literal["pending", "sent", "failed", "cancelled", "suppressed"]]
    lead_id: NotRequired[int]


class UpdateWorkspaceQuery(TypedDict):
    preview: NotRequired[bool]


WebhookEvent: TypeAlias = "LeadCreatedEvent | LeadUpdatedEvent | LeadDeletedEvent | LeadMergedEvent | LeadUnmergedEvent | LeadDuplicateEvent | LeadStageChangedEvent | LeadAssignedEvent | TagAddedEvent | FormSubmittedEvent | SourceSilentEvent | AutomationRanEvent"
