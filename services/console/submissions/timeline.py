"""The timeline of a submission in words: received, stored, decided, and what followed, each with how long it took."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from markupsafe import Markup

from services.console.quarantine.spam_words import waits_for_sender
from services.console.submissions.story import SubmissionStory
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from services.console.web.worker_errors import own_error
from shared.intake.submission_lookup import FoundSubmission
from shared.outbound.deliveries import REPLY_EVENT
from shared.outbound.double_opt_in_links import CONFIRMATION_EVENT


@dataclass(frozen=True)
class TimelineNode:
    """One thing that happened. `took` is in seconds; `detail` and `code` stand below, `code` as a machine wrote it."""

    icon: str
    colour: str
    text: str
    at: datetime | None = None
    took: float | None = None
    detail: str = ""
    code: str = ""


class EffectLook(NamedTuple):
    """How a state of a run or a delivery looks, and its sentence, with the name in it."""

    icon: str
    colour: str
    sentence: str


# By state; an empty one stands for all others.
RUN_LOOKS = {
    "done": EffectLook("bolt", "ok", _("Automation %(name)s ran")),
    "stopped": EffectLook("bolt", "", _("Automation %(name)s ended at a condition")),
    "waiting": EffectLook("clock", "wait", _("Automation %(name)s waits for its next step")),
    "failed": EffectLook("x", "bad", _("Automation %(name)s failed")),
    "": EffectLook("bolt", "", _("Automation %(name)s")),
}
MAIL_TITLES = {REPLY_EVENT: _("the form’s reply"), CONFIRMATION_EVENT: _("asks to confirm the address")}
MAILS_TO_LEAD = frozenset(MAIL_TITLES)
DELIVERY_LOOKS = {
    "sent": EffectLook("send", "ok", _("Sent to %(name)s")),
    "pending": EffectLook("clock", "wait", _("Waits to be sent to %(name)s")),
    "failed": EffectLook("x", "bad", _("Could not be sent to %(name)s")),
    "cancelled": EffectLook("stop", "", _("Not sent to %(name)s: it was cancelled")),
    "suppressed": EffectLook("stop", "", _("Not sent to %(name)s: the address gets no mail")),
    "": EffectLook("stop", "", "%(name)s"),
}


def timeline_nodes(view: PageView, submission: FoundSubmission, story: SubmissionStory) -> list[TimelineNode]:
    """Return the timeline of a submission, in the order of time."""
    nodes = [_received_node(view, submission, story), _stored_node(view, submission)]
    nodes.extend(_version_nodes(view, story))
    nodes.append(_verdict_node(view, submission))
    nodes.extend(run_node(view, run) for run in story.runs)
    nodes.extend(delivery_node(view, delivery) for delivery in story.deliveries)
    return nodes


def quoted(template: str, **values: object) -> Markup:
    """Return a translated sentence in which foreign texts keep their own direction."""
    return Markup(template) % {  # noqa: S704  # the sentence is ours; its values are escaped
        name: Markup("<bdi>{}</bdi>").format(value) for name, value in values.items()
    }


def origin_sentence(view: PageView, channel: str, story: SubmissionStory) -> Markup:
    """Return by which way a submission came."""
    kind = channel.partition(":")[0]
    if kind == "form" and not story.origin_name:
        return quoted(view.translate("Through a form that was deleted since."))
    if kind == "form":
        return quoted(view.translate("Through the form %(name)s."), name=story.origin_name)
    if kind == "integration" and not story.origin_name:
        return quoted(view.translate("Through the webhook of a source that was deleted since."))
    if kind == "integration":
        return quoted(view.translate("Through the webhook of %(name)s."), name=story.origin_name)
    if kind == "inbound" and story.key_name:
        return quoted(view.translate("Through the API, with the key %(name)s."), name=story.key_name)
    if kind == "inbound":
        return quoted(view.translate("Through the API."))
    return quoted(view.translate("Through %(name)s."), name=channel)


def _received_node(view: PageView, found: FoundSubmission, story: SubmissionStory) -> TimelineNode:
    record = found.record
    source = quoted(view.translate("source %(name)s"), name=record["source"]) if record["source"] else ""
    icon = {"form": "form", "integration": "plug"}.get(record["channel"].partition(":")[0], "inbox")
    return TimelineNode(
        icon, "pen", view.translate("Arrived"), record["received_at"], detail=source, code=record["channel"]
    )


def _stored_node(view: PageView, found: FoundSubmission) -> TimelineNode:
    if found.place == "spool":
        text = view.translate("Stored in the spool and acknowledged")
        detail = view.translate("The database did not answer. The spool keeps it on disk until it does.")
    else:
        text = view.translate("Stored and acknowledged")
        detail = view.translate("On disk before the sender had its answer.")
    return TimelineNode("check", "ok", text, detail=detail)


def _version_nodes(view: PageView, story: SubmissionStory) -> Iterator[TimelineNode]:
    for version in sorted(story.versions, key=lambda each: int(each["version"])):
        if version["author"]:
            text = quoted(
                view.translate("Fixed by %(name)s: version %(n)s was replayed"),
                name=version["author"]["name"],
                n=version["version"],
            )
            detail = Markup("<bdi>{}</bdi>").format(version["reason"] or "")
            yield TimelineNode("edit", "pen", text, version["created_at"], detail=detail)


def _verdict_node(view: PageView, submission: FoundSubmission) -> TimelineNode:
    record = submission.record
    attempts = int(record["attempts"])
    if submission.place != "decided":
        detail = ""
        if attempts:
            detail = view.translate_count("%(n)s attempt failed.", "%(n)s attempts failed.", attempts)
        return TimelineNode("clock", "wait", view.translate("Waiting for its verdict"), detail=detail)
    took = (record["processed_at"] - record["received_at"]).total_seconds()
    tried = view.translate_count("after %(n)s attempt", "after %(n)s attempts", attempts)
    at = record["processed_at"]
    if record["state"] == "dead":
        said = _with_error(view, tried, record["error"])
        return TimelineNode("dead", "bad", view.translate("Died"), at, took, *said)
    if record["state"] == "quarantined" and waits_for_sender(record["spam"], record["rejected_at"]):
        return TimelineNode("clock", "held", view.translate("Waits for its sender to confirm the address"), at, took)
    if record["state"] == "quarantined":
        return TimelineNode("shield", "held", view.translate("Held as likely spam"), at, took)
    if record["lead_id"] is None:
        return TimelineNode("check", "ok", view.translate("Done"), at, took, tried)
    sentence = view.translate("Joined lead %(id)s") if record["is_duplicate"] else view.translate("Made lead %(id)s")
    return TimelineNode("lead", "ok", sentence % {"id": f"#{record['lead_id']}"}, at, took, tried)


def run_node(view: PageView, run: dict[str, Any]) -> TimelineNode:
    """Return the node of a run of an automation."""
    steps = view.translate_count("%(n)s step", "%(n)s steps", run["steps"])
    return _effect_node(view, run, RUN_LOOKS, run["name"] or f"#{run['id']}", steps)


def delivery_node(view: PageView, delivery: dict[str, Any]) -> TimelineNode:
    """Return the node of a delivery."""
    tries = view.translate_count("%(n)s attempt", "%(n)s attempts", delivery["attempts"])
    what = mail_title(view, delivery["event"]) or delivery["event"] or delivery["kind"]
    detail = Markup("<bdi>{}</bdi> · {}").format(what, tries)
    return _effect_node(view, delivery, DELIVERY_LOOKS, receiver_name(view, delivery), detail)


def mail_title(view: PageView, event: str | None) -> str:
    """Return what a mail of a form is, empty for another event."""
    return view.translate(MAIL_TITLES[event]) if event in MAIL_TITLES else ""


def _effect_node(
    view: PageView, row: dict[str, Any], looks: Mapping[str, EffectLook], name: str, detail: str
) -> TimelineNode:
    """Return the node of what followed from the submission: a run or a delivery, by its state."""
    icon, colour, sentence = looks.get(row["state"], looks[""])
    text = quoted(view.translate(sentence), name=name)
    return TimelineNode(icon, colour, text, row["created_at"], _length(row), *_with_error(view, detail, row["error"]))


def _with_error(view: PageView, detail: str, error: str | None) -> tuple[str, str]:
    """Return a detail with what the workers say of a failure, and what somebody else says of it, as it came."""
    if why := own_error(error or "", view.translate):
        return Markup("{} · {}").format(detail, why), ""
    return detail, error or ""


def receiver_name(view: PageView, delivery: dict[str, Any]) -> str:
    """Return to whom a delivery goes. Of an address only the host is shown: the rest may be a secret."""
    host = urlsplit(delivery["url"]).hostname if delivery["url"] else None
    known: str | None = delivery["description"] or host or delivery["integration"] or delivery["user_name"]
    return known or receiver_kind(view, delivery["kind"], delivery["event"], has_user=delivery["user_id"] is not None)


def receiver_kind(view: PageView, kind: str, event: str | None, *, has_user: bool) -> str:
    """Return what a delivery without a name goes to: the lead, a user, or an address of somebody else."""
    if kind == "slack":
        return view.translate("Slack")
    if kind in ("email", "notice") and has_user:
        return view.translate("a user")
    if kind == "email" or (kind == "notice" and event in MAILS_TO_LEAD):
        return view.translate("the lead")
    if kind == "notice":
        return view.translate("an address that the form names")
    return view.translate("the lead’s phone") if kind == "sms" else view.translate("the address of a webhook")


def _length(row: dict[str, Any]) -> float | None:
    finished: datetime | None = row["finished_at"]
    return None if finished is None else float((finished - row["created_at"]).total_seconds())
