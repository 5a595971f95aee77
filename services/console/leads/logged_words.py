"""What people logged on a timeline, in words: calls, notes, mails and meetings."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from services.console.leads.author_words import author_words
from services.console.leads.related_records import RowDict
from services.console.leads.timeline_entry import ActivityLook, LoggedCard, Names, TimelineEntry
from services.console.leads.timeline_reads import author_key
from services.console.leads.words import masked_text
from services.console.submissions.timeline import quoted
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.auth.roles import Permission
from shared.leads.logged_activities import LOGGED_TYPES, TAKE_BACK_HOURS

# By the type of the entry. `%(name)s` is who logged it.
LOGGED_LOOKS: Mapping[str, ActivityLook] = {
    "call.logged": ActivityLook("phone", "", _("%(name)s called")),
    "note.logged": ActivityLook("edit", "", _("%(name)s noted")),
    "email.logged": ActivityLook("mail", "", _("%(name)s wrote a mail")),
    "meeting.logged": ActivityLook("people", "", _("%(name)s met the person")),
}
NAMELESS_LOOKS = {
    "call.logged": _("A call"),
    "note.logged": _("A note"),
    "email.logged": _("A mail"),
    "meeting.logged": _("A meeting"),
}
KIND_WORDS = {"call": _("Call"), "note": _("Note"), "email": _("Mail"), "meeting": _("Meeting")}
KIND_ICONS = {kind: LOGGED_LOOKS[type_].icon for kind, type_ in LOGGED_TYPES.items()}
OUTCOME_WORDS = {
    "reached": _("reached"),
    "no_answer": _("no answer"),
    "left_message": _("left a message"),
}
# What was logged, for the toast with its undo.
LOGGED_SENTENCES = {
    "call": _("The call is logged."),
    "note": _("The note is logged."),
    "email": _("The mail is logged."),
    "meeting": _("The meeting is logged."),
}


def logged_entry(view: PageView, row: RowDict, names: Names) -> TimelineEntry:
    """Return an entry that somebody logged, on a card."""
    type_, data = row["type"], row["data"]
    by = data.get("by") or {}
    author = names.get(key, "") if by.get("kind") == "user" and (key := author_key(by)) else ""
    look = LOGGED_LOOKS[type_]
    outcome = str(data.get("outcome") or "")
    card = LoggedCard(
        author,
        view.translate(OUTCOME_WORDS[outcome]) if outcome in OUTCOME_WORDS else "",
        outcome == "reached",
        masked_text(view, str(data["text"])) if data.get("text") else "",
        row["id"] if _may_take_back(view, row, by) else None,
    )
    return TimelineEntry(
        look.icon,
        look.colour,
        quoted(view.translate(look.sentence), name=author) if author else view.translate(NAMELESS_LOOKS[type_]),
        row["created_at"],
        "" if author else author_words(view, by, names),
        card=card,
    )


def _may_take_back(view: PageView, row: RowDict, by: Mapping[str, Any]) -> bool:
    is_own = by.get("kind") == "user" and by.get("id") == view.account.account_id
    is_fresh = view.formatting.now - row["created_at"] < timedelta(hours=TAKE_BACK_HOURS)
    return is_own and is_fresh and view.permits(Permission.CHANGE_LEADS)
