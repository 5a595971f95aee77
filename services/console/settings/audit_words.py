"""The entries of the audit log as sentences: what was done, and what was only tried."""

from collections.abc import Mapping
from typing import Any

from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.audit.audit_masking import PERSONAL_MASK

# By action: what it says once done, and what it says if it was refused or failed.
ACTION_WORDS: dict[str, tuple[str, str]] = {
    "agent.tool_called": (_("Called a tool by an agent"), _("Tried to call a tool by an agent")),
    "account.begin_second_factor": (_("Began to set up a second factor"), _("Tried to set up a second factor")),
    "account.change_password": (_("Changed their password"), _("Tried to change their password")),
    "account.confirm_second_factor": (_("Set up a second factor"), _("Tried to set up a second factor")),
    "account.renew_recovery_codes": (_("Made new recovery codes"), _("Tried to make new recovery codes")),
    "account.disable_second_factor": (_("Took the second factor away"), _("Tried to take the second factor away")),
    "account.end_other_sessions": (_("Ended all other sessions"), _("Tried to end all other sessions")),
    "account.end_session": (_("Ended a session"), _("Tried to end a session")),
    "account.password_changed": (_("Set a password by a link"), _("Tried to set a password by a link")),
    "account.preferences_changed": (_("Changed their settings"), _("Tried to change their settings")),
    "account.rename": (_("Changed their name"), _("Tried to change their name")),
    "account.reset_asked": (_("Asked for a link for a new password"), _("Tried to ask for a new password")),
    "account.trusted": (_("Trusted the mailbox of an account"), _("Tried to trust the mailbox of an account")),
    "sign_in.sign_out": (_("Signed out"), _("Tried to sign out")),
    "sign_in.submit": (_("Signed in"), _("Tried to sign in")),
    "backfill.created": (_("Fetched missed leads"), _("Tried to fetch missed leads")),
    "conversion.created": (_("Connected an ad platform"), _("Tried to connect an ad platform")),
    "conversion.changed": (
        _("Changed what an ad platform is told"),
        _("Tried to change what an ad platform is told"),
    ),
    "conversion.send_test": (_("Sent a test event"), _("Tried to send a test event")),
    "conversion.deleted": (_("Disconnected an ad platform"), _("Tried to disconnect an ad platform")),
    "conversion_trial.created": (_("Sent a test event"), _("Tried to send a test event")),
    "bulk.replay": (_("Replayed many submissions"), _("Tried to replay many submissions")),
    "bulk.release": (_("Released many submissions"), _("Tried to release many submissions")),
    "bulk.reject": (_("Marked many submissions as spam"), _("Tried to mark many submissions as spam")),
    "bulk.deliveries": (_("Sent many deliveries again"), _("Tried to send many deliveries again")),
    "delivery.resent": (_("Sent a delivery again"), _("Tried to send a delivery again")),
    "import.cancel": (_("Stopped an import"), _("Tried to stop an import")),
    "import.cancelled": (_("Stopped an import"), _("Tried to stop an import")),
    "import.created": (_("Started an import"), _("Tried to start an import")),
    "import.rows_csv": (_("Took the rows of an import as a file"), _("Tried to take the rows of an import as a file")),
    "import.run": (_("Started an import"), _("Tried to start an import")),
    "import.tried": (_("Tried an import without storing it"), _("Could not try an import")),
    "import.undo": (_("Took an import back"), _("Tried to take an import back")),
    "import.undone": (_("Took an import back"), _("Tried to take an import back")),
    "import.uploaded": (_("Uploaded a file of leads"), _("Tried to upload a file of leads")),
    "integration.mapping_tried": (_("Tried the mapping of a source"), _("Could not try the mapping of a source")),
    "lead.changed": (_("Changed a lead"), _("Tried to change a lead")),
    "lead.created": (_("Added a lead by hand"), _("Tried to add a lead by hand")),
    "lead.deleted": (_("Deleted a lead"), _("Tried to delete a lead")),
    "lead.example_sent": (_("Sent an example lead"), _("Tried to send an example lead")),
    "lead.exported": (_("Exported leads"), _("Tried to export leads")),
    "lead.moved": (_("Moved a lead to another stage"), _("Tried to move a lead to another stage")),
    "lead_export.export": (_("Exported leads"), _("Tried to export leads")),
    "merge.merge": (_("Merged two leads"), _("Tried to merge two leads")),
    "merge.unmerge": (_("Undid a merge of two leads"), _("Tried to undo a merge of two leads")),
    "submission.rejected": (_("Marked a submission as spam"), _("Tried to mark a submission as spam")),
    "submission.released": (_("Released a submission"), _("Tried to release a submission")),
    "submission.replayed": (_("Replayed a submission"), _("Tried to replay a submission")),
    "submission.tried": (_("Tried a changed submission"), _("Could not try a changed submission")),
    "activity.logged": (_("Logged a call, a note, a mail or a meeting"), _("Tried to log on the timeline of a lead")),
    "activity.taken_back": (_("Took back what was logged"), _("Tried to take back what was logged")),
    "task.changed": (_("Changed a task"), _("Tried to change a task")),
    "task.created": (_("Added a task"), _("Tried to add a task")),
    "api_key.created": (_("Made an API key"), _("Tried to make an API key")),
    "api_key.changed": (_("Changed an API key"), _("Tried to change an API key")),
    "api_key.deleted": (_("Revoked an API key"), _("Tried to revoke an API key")),
    "automation.created": (_("Made an automation"), _("Tried to make an automation")),
    "automation.changed": (_("Changed an automation"), _("Tried to change an automation")),
    "automation.deleted": (_("Deleted an automation"), _("Tried to delete an automation")),
    "automation.draft_saved": (_("Began a draft of an automation"), _("Tried to change the draft of an automation")),
    "automation.draft_discarded": (
        _("Threw the draft of an automation away"),
        _("Tried to throw the draft of an automation away"),
    ),
    "automation.previewed": (_("Previewed a message"), _("Tried to preview a message")),
    "automation.published": (_("Published an automation"), _("Tried to publish an automation")),
    "automation.restored": (
        _("Took an older version of an automation as the draft"),
        _("Tried to take an older version of an automation"),
    ),
    "automation.run": (_("Started an automation by hand"), _("Tried to start an automation by hand")),
    "cause.changed": (_("Changed a cause"), _("Tried to change a cause")),
    "delivery.resend": (_("Sent a delivery again"), _("Tried to send a delivery again")),
    "delivery.resend_all": (_("Sent deliveries again"), _("Tried to send deliveries again")),
    "delivery.resend_failed": (_("Sent failed deliveries again"), _("Tried to send failed deliveries again")),
    "form.created": (_("Made a form"), _("Tried to make a form")),
    "form.changed": (_("Changed a form"), _("Tried to change a form")),
    "form.draft_saved": (_("Began a draft of a form"), _("Tried to change the draft of a form")),
    "form.draft_discarded": (_("Threw the draft of a form away"), _("Tried to throw the draft of a form away")),
    "form.published": (_("Published a form"), _("Tried to publish a form")),
    "form.restored": (_("Took an older version of a form as the draft"), _("Tried to take an older version of a form")),
    "form.deleted": (_("Deleted a form"), _("Tried to delete a form")),
    "integration.created": (_("Made a source"), _("Tried to make a source")),
    "integration.changed": (_("Changed a source"), _("Tried to change a source")),
    "integration.rotate_url": (_("Renewed the address of a source"), _("Tried to renew the address of a source")),
    "integration.test_event": (_("Sent a test event"), _("Tried to send a test event")),
    "integration.account_granted": (_("Granted an account of an app"), _("Tried to grant an account of an app")),
    "integration.account_withdrawn": (
        _("Withdrew the grant of an account"),
        _("Tried to withdraw the grant of an account"),
    ),
    "integration.deleted": (_("Deleted a source"), _("Tried to delete a source")),
    "job.created": (_("Started a job"), _("Tried to start a job")),
    "job.changed": (_("Changed the rate of a job"), _("Tried to change the rate of a job")),
    "job.pause": (_("Paused a job"), _("Tried to pause a job")),
    "job.resume": (_("Resumed a job"), _("Tried to resume a job")),
    "job.rate_changed": (_("Changed the rate of a job"), _("Tried to change the rate of a job")),
    "job.paused": (_("Paused a job"), _("Tried to pause a job")),
    "job.resumed": (_("Resumed a job"), _("Tried to resume a job")),
    "job.cancelled": (_("Cancelled the rest of a job"), _("Tried to cancel the rest of a job")),
    "job.followed": (_("Asked for a mail when a job ends"), _("Tried to ask for a mail when a job ends")),
    "job.unfollowed": (_("Asked for no mail when a job ends"), _("Tried to ask for no mail when a job ends")),
    "job.cancel": (_("Cancelled the rest of a job"), _("Tried to cancel the rest of a job")),
    "duplicate.dismissed": (
        _("Said that two leads are not the same"),
        _("Tried to say that two leads are not the same"),
    ),
    "duplicate.reopened": (
        _("Said that two leads may be the same after all"),
        _("Tried to say that two leads may be the same after all"),
    ),
    "lead.merged": (_("Merged two leads"), _("Tried to merge two leads")),
    "lead.unmerged": (_("Undid a merge of two leads"), _("Tried to undo a merge of two leads")),
    "lead.erased": (_("Erased a person"), _("Tried to erase a person")),
    "drill.started": (_("Started a drill"), _("Tried to start a drill")),
    "drill.stopped": (_("Stopped a drill"), _("Tried to stop a drill")),
    "retention.changed": (_("Changed the retention"), _("Tried to change the retention")),
    "pipeline.created": (_("Made a pipeline"), _("Tried to make a pipeline")),
    "pipeline.changed": (_("Changed a pipeline"), _("Tried to change a pipeline")),
    "pipeline.deleted": (_("Deleted a pipeline"), _("Tried to delete a pipeline")),
    "stage.created": (_("Made a stage"), _("Tried to make a stage")),
    "stage.changed": (_("Changed a stage"), _("Tried to change a stage")),
    "stage.deleted": (_("Deleted a stage"), _("Tried to delete a stage")),
    "tag.created": (_("Made a tag"), _("Tried to make a tag")),
    "tag.changed": (_("Changed a tag"), _("Tried to change a tag")),
    "tag.merge": (_("Merged a tag into another"), _("Tried to merge a tag into another")),
    "tag.delete_alias": (_("Took another name of a tag away"), _("Tried to take another name of a tag away")),
    "tag.deleted": (_("Deleted a tag"), _("Tried to delete a tag")),
    "lane.pause": (_("Paused a lane"), _("Tried to pause a lane")),
    "lane.resume": (_("Resumed a lane"), _("Tried to resume a lane")),
    "operation.pause": (_("Paused a lane"), _("Tried to pause a lane")),
    "operation.resume": (_("Resumed a lane"), _("Tried to resume a lane")),
    "bulk.edit_leads": (_("Edited many leads"), _("Tried to edit many leads")),
    "bulk.delete_leads": (_("Deleted many leads"), _("Tried to delete many leads")),
    "view.created": (_("Saved a view of the leads"), _("Tried to save a view of the leads")),
    "view.change": (_("Changed a view of the leads"), _("Tried to change a view of the leads")),
    "view.rename": (_("Renamed a view of the leads"), _("Tried to rename a view of the leads")),
    "view.delete": (_("Deleted a view of the leads"), _("Tried to delete a view of the leads")),
    "view.restore": (_("Brought a view of the leads back"), _("Tried to bring a view of the leads back")),
    "scoring_rule.created": (_("Made a rule of scoring"), _("Tried to make a rule of scoring")),
    "scoring_rule.changed": (_("Changed a rule of scoring"), _("Tried to change a rule of scoring")),
    "scoring_rule.deleted": (_("Deleted a rule of scoring"), _("Tried to delete a rule of scoring")),
    "scoring_rule.recalculated": (_("Had all scores counted again"), _("Tried to have all scores counted again")),
    "spam_rule.created": (_("Made a rule about spam"), _("Tried to make a rule about spam")),
    "spam_rule.deleted": (_("Deleted a rule about spam"), _("Tried to delete a rule about spam")),
    "submission_action.release": (_("Released a submission"), _("Tried to release a submission")),
    "submission_action.release_all": (_("Released submissions"), _("Tried to release submissions")),
    "submission_action.reject": (_("Marked a submission as spam"), _("Tried to mark a submission as spam")),
    "submission_action.reject_all": (_("Marked submissions as spam"), _("Tried to mark submissions as spam")),
    "submission_action.replay": (_("Replayed a submission"), _("Tried to replay a submission")),
    "submission_action.replayed": (_("Replayed submissions"), _("Tried to replay submissions")),
    "suppression.created": (_("Stopped mail to an address"), _("Tried to stop mail to an address")),
    "suppression.imported": (
        _("Stopped mail to the addresses of a file"),
        _("Tried to stop mail to a file of addresses"),
    ),
    "suppression.undone": (
        _("Allowed mail again to addresses that were added together"),
        _("Tried to allow mail again to addresses that were added together"),
    ),
    "suppression.deleted": (_("Allowed mail to an address again"), _("Tried to allow mail to an address again")),
    "user.created": (_("Made a user"), _("Tried to make a user")),
    "user.invited": (_("Invited a user"), _("Tried to invite a user")),
    "user.changed": (_("Changed a user"), _("Tried to change a user")),
    "user.deleted": (_("Took a user out"), _("Tried to take a user out")),
    "user.reset_link_made": (_("Made a link for a new password"), _("Tried to make a link for a new password")),
    "user.signed_out": (_("Signed a user out everywhere"), _("Tried to sign a user out everywhere")),
    "webhook.created": (_("Made a webhook"), _("Tried to make a webhook")),
    "webhook.changed": (_("Changed a webhook"), _("Tried to change a webhook")),
    "webhook.previewed": (_("Previewed a webhook"), _("Tried to preview a webhook")),
    "webhook.deleted": (_("Deleted a webhook"), _("Tried to delete a webhook")),
    "webhook.send_test": (_("Sent a test event to a webhook"), _("Tried to send a test event to a webhook")),
    "webhook.cancel_waiting": (_("Cancelled what waited for a webhook"), _("Tried to cancel what waits for a webhook")),
    "webhook.rotate_secret": (_("Renewed the secret of a webhook"), _("Tried to renew the secret of a webhook")),
    "workspace.created": (_("Made the workspace"), _("Tried to make the workspace")),
    "workspace.exported": (_("Exported the workspace"), _("Tried to export the workspace")),
    "workspace.imported": (_("Imported the workspace"), _("Tried to import the workspace")),
    "workspace.mail_changed": (
        _("Changed the mail server of the workspace"),
        _("Tried to change the mail server of the workspace"),
    ),
    "workspace.alarm_tried": (_("Sent an alarm as a test"), _("Tried to send an alarm as a test")),
    "workspace_alarm.send": (_("Sent an alarm as a test"), _("Tried to send an alarm as a test")),
    "workspace_mail.send": (_("Sent a test mail"), _("Tried to send a test mail")),
    "workspace.mail_tried": (_("Sent a test mail to themselves"), _("Tried to send a test mail to themselves")),
    "workspace.changed": (_("Changed the workspace"), _("Tried to change the workspace")),
}


def entry_sentence(view: PageView, entry: Mapping[str, Any]) -> str:
    """Return what an entry tells, in the reader's language; an action without words as it is written."""
    words = ACTION_WORDS.get(entry["action"])
    if words is not None:
        return view.translate(words[0] if entry["outcome"] == "done" else words[1])
    if entry["outcome"] == "done":
        return str(entry["action"])
    return view.translate("Tried: %(action)s", action=entry["action"])


def action_choices(view: PageView) -> list[tuple[str, str]]:
    """Return the actions that can be chosen, each once: one that has several codes stands for all of them."""
    by_words = {words[0]: action for action, words in reversed(ACTION_WORDS.items())}
    choices = [(action, view.translate(words)) for words, action in by_words.items()]
    return sorted(choices, key=lambda choice: choice[1].casefold())


def same_actions(action: str) -> list[str]:
    """Return the codes that say the same as one, itself among them."""
    words = ACTION_WORDS.get(action)
    return [code for code, said in ACTION_WORDS.items() if words and said[0] == words[0]] or [action]


def object_name(entry: Mapping[str, Any]) -> str:
    """Return the name of what an entry is about, as far as it kept one: those of people are masked."""
    name = {**(entry["before"] or {}), **(entry["after"] or {})}.get("name")
    return name if isinstance(name, str) and name != PERSONAL_MASK else ""


def changed_fields(entry: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the fields of an entry with their values before and after, None where there is none."""
    before, after = entry["before"] or {}, entry["after"] or {}
    return [(name, before.get(name), after.get(name)) for name in {**before, **after}]
