"""Which records a run of a whole collection acts on: those that it made itself, or the newest; and what it leaves."""

NO_RECORD = "0"  # an id that no record has
# The variable of a path's `{id}`, by the part of the path before it.
ID_VARIABLES = {
    "api-keys": "api_key_id",
    "automations": "automation_id",
    "causes": "cause_id",
    "deliveries": "delivery_id",
    "duplicates": "duplicate_id",
    "files": "file_id",
    "forms": "form_id",
    "imports": "import_id",
    "integrations": "integration_id",
    "jobs": "job_id",
    "lead-scoring-rules": "scoring_rule_id",
    "leads": "lead_id",
    "pipelines": "pipeline_id",
    "spam-rules": "spam_rule_id",
    "stages": "stage_id",
    "submissions": "submission_id",
    "suppressions": "suppression_id",
    "tags": "tag_id",
    "tasks": "task_id",
    "users": "user_id",
    "webhooks": "webhook_id",
}
RECORD_VARIABLES = tuple(ID_VARIABLES.values())
# What answers leave behind for later requests: a variable, and the path of its value. `create_` makes one, too.
OPERATION_CAPTURES = {
    "submit_lead": {"lead_id": "lead_id"},
    "merge_lead": {"merge_id": "data.merge_id"},
    "import_leads": {"import_id": "data.id"},
    "create_integration": {"integration_id": "data.id", "integration_url": "data.url"},
    "list_causes": {"cause_id": "data.0.id"},
    "list_deliveries": {"delivery_id": "data.0.id"},
    "list_duplicates": {"duplicate_id": "data.0.id"},
    "list_jobs": {"job_id": "data.0.id"},
    "list_submissions": {"submission_id": "data.0.id"},
}
# These delete, erase, end an access, send something out, or change what the collection has not made.
RISKY_OPERATIONS = frozenset(
    {
        *("erase_lead", "merge_lead", "unmerge_lead", "merge_tag", "undo_import", "cancel_import"),
        *("update_workspace", "update_retention", "send_mail_test", "send_alarm_test", "update_cause"),
        *("replay_submissions", "release_submissions", "reject_submissions"),
        *("replay_submission", "release_submission", "reject_submission"),
        *("update_job", "pause_job", "resume_job", "cancel_job", "pause_lane", "resume_lane"),
        *("recalculate_scores", "create_automation", "create_suppression", "create_spam_rule", "create_scoring_rule"),
        *("create_webhook", "rotate_webhook_secret", "rotate_integration_url"),
        *("resend_failed_deliveries", "resend_deliveries", "resend_delivery", "backfill_integration"),
        *("dismiss_duplicate", "reopen_duplicate", "unsubscribe_address"),
    }
)
ENDING_OPERATIONS = frozenset({"erase_lead", "undo_import", "merge_tag"})  # as a deletion
# What cannot succeed as it stands in a workspace that holds nothing else: why, as its page in the collection says.
NEEDED_INPUT = {
    "answer_handshake": "the token at the end of an integration's URL, and the question of its provider",
    "receive_webhook": "the token at the end of an integration's URL",
    "remove_lead_tag": "a tag of the lead in the path",
    "delete_lead": "a lead that is not erased, in `lead_id`",
    "run_import": "an import that was a dry run, in `import_id`",
    "cancel_import": "an import that still runs, in `import_id`",
    "undo_import": "an import that has ended, in `import_id`",
    "get_mail_test": "a test mail that was sent before",
    "send_mail_test": "a mail server, and the id of a user in the body",
    "send_alarm_test": "somebody who is told of alarms",
    "get_cause": "something that failed, in `cause_id`",
    "update_cause": "something that failed, in `cause_id`",
    "pause_lane": "a key of a workspace that may pause its lanes",
    "resume_lane": "a key of a workspace that may pause its lanes",
    "dismiss_duplicate": "two leads that are alike, in `duplicate_id`",
    "reopen_duplicate": "two leads that are alike, in `duplicate_id`",
    "publish_form": "a form with a draft, in `form_id`",
    "replay_submission": "a dead submission, in `submission_id`",
    "release_submission": "a quarantined submission, in `submission_id`",
    "reject_submission": "a quarantined submission, in `submission_id`",
    **dict.fromkeys(("update_job", "pause_job", "resume_job", "cancel_job"), "a job that has not ended, in `job_id`"),
    "delete_tag_alias": "another name of the tag in the path",
    "delete_tag": "a tag that is not merged, in `tag_id`",
    "merge_tag": "the name of another tag in the body",
    "update_api_key": "no more scopes than your own key has",
    "run_automation": "a lead that is not erased, in `lead_id`",
    "explain_automation": "a lead and an automation that are there, in `lead_id` and `automation_id`",
    "backfill_integration": "an integration whose provider gives old leads, in `integration_id`",
    "send_conversion_test": "an integration that sends conversions, in `integration_id`",
    **dict.fromkeys(("get_scoring_rule", "update_scoring_rule"), "a rule, in `scoring_rule_id`"),
    **dict.fromkeys(("get_webhook", "update_webhook", "test_webhook"), "a subscription, in `webhook_id`"),
    "list_webhook_deliveries": "a subscription, in `webhook_id`",
    "get_delivery": "a delivery, in `delivery_id`",
    "resend_delivery": "a delivery that has ended, in `delivery_id`",
    "show_unsubscribe_page": "the token of a mail's link in the path",
    "unsubscribe_address": "the token of a mail's link in the path",
    "download_file": "a file that came with a form, in `file_id`",
}


def record_variable(name: str, path: str) -> str:
    """Return the variable for a parameter of a path; empty if it names no record."""
    if name == "token":
        return ""
    return ID_VARIABLES.get(path.partition(f"/{{{name}}}")[0].rpartition("/")[2], "")


def captures_of(operation_id: str) -> dict[str, str]:
    """Return the variables that an operation's answer sets, each with the path of its value."""
    variable = f"{operation_id.removeprefix('create_')}_id"
    own = {variable: "data.id"} if operation_id.startswith("create_") and variable in RECORD_VARIABLES else {}
    return own | OPERATION_CAPTURES.get(operation_id, {})
