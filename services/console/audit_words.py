"""The entries of the audit log as sentences: what was done, and what was only tried."""

from collections.abc import Mapping
from typing import Any

from services.console.page_view import PageView
from services.console.translations import mark_message as _

# By action: what it says once done, and what it says if it was refused or failed.
ACTION_WORDS: dict[str, tuple[str, str]] = {
    "api_key.created": (_("Made an API key"), _("Tried to make an API key")),
    "api_key.changed": (_("Changed an API key"), _("Tried to change an API key")),
    "api_key.deleted": (_("Revoked an API key"), _("Tried to revoke an API key")),
    "automation.created": (_("Made an automation"), _("Tried to make an automation")),
    "automation.changed": (_("Changed an automation"), _("Tried to change an automation")),
    "automation.deleted": (_("Deleted an automation"), _("Tried to delete an automation")),
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
    "retention.changed": (_("Changed the retention"), _("Tried to change the retention")),
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
    "spam_rule.created": (_("Made a rule about spam"), _("Tried to make a rule about spam")),
    "spam_rule.deleted": (_("Deleted a rule about spam"), _("Tried to delete a rule about spam")),
    "submission_action.release": (_("Released a submission"), _("Tried to release a submission")),
    "submission_action.release_all": (_("Released submissions"), _("Tried to release submissions")),
    "submission_action.reject": (_("Marked a submission as spam"), _("Tried to mark a submission as spam")),
    "submission_action.reject_all": (_("Marked submissions as spam"), _("Tried to mark submissions as spam")),
    "submission_action.replay": (_("Replayed a submission"), _("Tried to replay a submission")),
    "submission_action.replayed": (_("Replayed submissions"), _("Tried to replay submissions")),
    "suppression.created": (_("Stopped mail to an address"), _("Tried to stop mail to an address")),
    "suppression.deleted": (_("Allowed mail to an address again"), _("Tried to allow mail to an address again")),
    "user.created": (_("Made a user"), _("Tried to make a user")),
    "user.invited": (_("Invited a user"), _("Tried to invite a user")),
    "user.changed": (_("Changed a user"), _("Tried to change a user")),
    "user.deleted": (_("Took a user out"), _("Tried to take a user out")),
    "user.reset_link_made": (_("Made a link for a new password"), _("Tried to make a link for a new password")),
    "user.signed_out": (_("Signed a user out everywhere"), _("Tried to sign a user out everywhere")),
    "webhook.created": (_("Made a webhook"), _("Tried to make a webhook")),
    "webhook.changed": (_("Changed a webhook"), _("Tried to change a webhook")),
    "webhook.deleted": (_("Deleted a webhook"), _("Tried to delete a webhook")),
    "webhook.rotate_secret": (_("Renewed the secret of a webhook"), _("Tried to renew the secret of a webhook")),
    "workspace.created": (_("Made the workspace"), _("Tried to make the workspace")),
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


def changed_fields(entry: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Return the fields of an entry with their values before and after, None where there is none."""
    before, after = entry["before"] or {}, entry["after"] or {}
    return [(name, before.get(name), after.get(name)) for name in {**before, **after}]
