"""The entries of a lead's timeline in words: what happened, by whom, and what changed."""

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

from markupsafe import Markup

from services.console.leads.author_words import author_words
from services.console.leads.channel_words import channel_words
from services.console.leads.logged_words import LOGGED_LOOKS, logged_entry
from services.console.leads.timeline_entry import ActivityLook, FieldDifference, FoldKind, Names, TimelineEntry
from services.console.leads.timeline_folds import score_change_words
from services.console.leads.timeline_reads import REFERENCE_FIELDS, TimelinePage, TimelineRow
from services.console.leads.words import field_label, masked_text, shown_person_value, status_words
from services.console.submissions.timeline import mail_title, quoted, receiver_kind, run_node
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _

MAX_SHOWN_CHANGES = 40
MAX_VALUE_LENGTH = 300  # characters of a value that a change shows

# A test compares the keys with all types that are written.
ACTIVITY_LOOKS: Mapping[str, ActivityLook] = {
    "lead.created": ActivityLook("inbox", "pen", _("New lead, %(name)s")),
    "lead.duplicate": ActivityLook("inbox", "pen", _("Came in again, %(name)s")),
    "lead.updated": ActivityLook("edit", "", _("Changed")),
    "lead.deleted": ActivityLook("trash", "bad", _("Deleted")),
    "lead.merged": ActivityLook("merge", "held", _("Lead %(name)s was merged into this one")),
    "lead.unmerged": ActivityLook("undo", "held", _("The merge with lead %(name)s was undone")),
    "delivery.sent": ActivityLook("send", "ok", _("Sent to %(name)s")),
    "delivery.failed": ActivityLook("x", "bad", _("Could not be sent to %(name)s")),
    "delivery.cancelled": ActivityLook("stop", "", _("Not sent to %(name)s: it was cancelled")),
    "delivery.suppressed": ActivityLook("stop", "", _("Not sent to %(name)s: the address gets no mail")),
    "conversion.sent": ActivityLook("send", "ok", _("Told to the ad platform %(name)s")),
    "conversion.failed": ActivityLook("x", "bad", _("Could not be told to the ad platform %(name)s")),
    "conversion.skipped": ActivityLook("stop", "", _("Not told to the ad platform %(name)s")),
}
UNKNOWN_LOOK = ActivityLook("more", "", "%(name)s")
MATCHED_WORDS = {"email": _("joined by email"), "phone": _("joined by phone")}
SKIP_WORDS = {
    "consent_denied": _("the person did not agree to it"),
    "consent_unknown": _("it is not known whether the person agrees"),
    "event_too_old": _("the event is older than the platform takes"),
    "lead_too_old": _("the lead is older than the platform takes"),
    "no_identifier": _("there is nothing by which the platform could know the person"),
    "lead_deleted": _("the lead was deleted"),
    "integration_off": _("the connection is switched off"),
}


def timeline_entries(view: PageView, page: TimelinePage, undoable: Collection[int] = ()) -> list[TimelineEntry]:
    """Return a page of a timeline. `undoable` are the merges, by id, that can be taken back."""
    return [_timeline_entry(view, row, page.names, undoable) for row in page.rows]


def _timeline_entry(view: PageView, row: TimelineRow, names: Names, undoable: Collection[int]) -> TimelineEntry:
    if row.is_run:
        return _run_entry(view, row)
    type_, data = row.row["type"], row.row["data"]
    if type_ in LOGGED_LOOKS:
        return logged_entry(view, row.row, names)
    look = ACTIVITY_LOOKS.get(type_, UNKNOWN_LOOK)
    headline = HEADLINES.get(type_.partition(".")[0] if type_ not in HEADLINES else type_, _other_headline)
    text = headline(view, look, type_, data, names)
    fold = _fold_kind(type_, data)
    merge_id = data.get("merge_id") if type_ == "lead.merged" else None
    return TimelineEntry(
        look.icon,
        look.colour,
        text,
        row.at,
        _detail(view, type_, data, names),
        differences=() if fold == "score" else tuple(_differences(view, data, names)),
        tags_added=tuple(map(str, data.get("tags_added") or ())),
        tags_removed=tuple(map(str, data.get("tags_removed") or ())),
        warnings=tuple(masked_text(view, str(each)) for each in data.get("warnings") or ()),
        link=_link(view, data),
        merge_id=merge_id if merge_id in undoable else None,
        fold=fold,
        score=_score_change(data),
    )


def _run_entry(view: PageView, row: TimelineRow) -> TimelineEntry:
    """Return a run of an automation. One that waits or failed stands alone, so that it is seen."""
    node, state = run_node(view, row.row), row.row["state"]
    code = masked_text(view, node.code) if node.code else ""
    fold: FoldKind = "run" if state in ("done", "stopped") else ""
    return TimelineEntry(node.icon, node.colour, node.text, row.at, node.detail, code, fold=fold)


def _fold_kind(type_: str, data: Mapping[str, Any]) -> FoldKind:
    if type_.startswith(("delivery.", "conversion.")):
        return "delivery"
    only_score = set(data.get("changes") or ()) == {"lead_score"} and not data.keys() & {"tags_added", "tags_removed"}
    return "score" if type_ == "lead.updated" and only_score else ""


def _score_change(data: Mapping[str, Any]) -> tuple[int, int] | None:
    change = (data.get("changes") or {}).get("lead_score")
    return (int(change.get("from") or 0), int(change.get("to") or 0)) if change else None


Headline = Callable[[PageView, ActivityLook, str, Mapping[str, Any], Names], Markup | str]


def _intake_headline(view: PageView, look: ActivityLook, _type: str, data: Mapping[str, Any], names: Names) -> Markup:
    channel = data.get("channel")
    way = channel_words(view, str(channel), names) if channel else author_words(view, data.get("by") or {}, names)
    return Markup(view.translate(look.sentence)) % {"name": way}  # noqa: S704  # the sentence is ours


def _update_headline(
    view: PageView, look: ActivityLook, _type: str, data: Mapping[str, Any], names: Names
) -> Markup | str:
    """Return what a change came to, by what was decided with it."""
    changes = data.get("changes") or {}
    if stage := changes.get("pipeline_stage_id"):
        if stage.get("to") is None:
            return view.translate("Taken out of its stage")
        return quoted(view.translate("Moved to the stage %(name)s"), name=_name(names, "stage", stage["to"]))
    if owner := changes.get("assigned_user_id"):
        if owner.get("to") is None:
            return view.translate("Assigned to nobody")
        return quoted(view.translate("Assigned to %(name)s"), name=_name(names, "user", owner["to"]))
    if set(changes) == {"lead_score"}:
        return score_change_words(view, *(_score_change(data) or (0, 0)))
    if set(changes) == {"starred"}:
        return view.translate("Marked with a star") if changes["starred"].get("to") else view.translate("Star removed")
    if not changes and (data.get("tags_added") or data.get("tags_removed")):
        return view.translate("Tags changed")
    return view.translate(look.sentence)


def _merge_headline(view: PageView, look: ActivityLook, _type: str, data: Mapping[str, Any], _names: Names) -> Markup:
    if into := data.get("into_lead_id"):
        return quoted(view.translate("Merged into lead %(name)s"), name=f"#{into}")
    return quoted(view.translate(look.sentence), name=f"#{data.get('merged_lead_id') or data.get('winner_id') or '?'}")


def _delivery_headline(view: PageView, look: ActivityLook, _type: str, data: Mapping[str, Any], names: Names) -> Markup:
    return quoted(view.translate(look.sentence), name=_receiver(view, data, names))


def _other_headline(_view: PageView, look: ActivityLook, type_: str, _data: Mapping[str, Any], _names: Names) -> Markup:
    return quoted(look.sentence, name=type_)


HEADLINES: Mapping[str, Headline] = {
    "lead.created": _intake_headline,
    "lead.duplicate": _intake_headline,
    "lead.updated": _update_headline,
    "lead.deleted": lambda view, look, *_: view.translate(look.sentence),
    "lead.merged": _merge_headline,
    "lead.unmerged": _merge_headline,
    "delivery": _delivery_headline,
    "conversion": _delivery_headline,
}


def _receiver(view: PageView, data: Mapping[str, Any], names: Names) -> str:
    for kind in ("subscription", "integration", "user"):
        if (kind, data.get(f"{kind}_id")) in names:
            return names[kind, data[f"{kind}_id"]]
    return receiver_kind(view, str(data.get("kind") or ""), data.get("event"), has_user="user_id" in data)


def _detail(view: PageView, type_: str, data: Mapping[str, Any], names: Names) -> Markup | str:
    """Return the second line of an entry."""
    parts: list[Markup | str] = []
    if type_ == "lead.duplicate":
        parts += [view.translate(MATCHED_WORDS[kind]) for kind in data.get("matched_on") or () if kind in MATCHED_WORDS]
    elif type_.startswith("lead.") and not data.get("channel") and type_ != "lead.created":
        parts.append(author_words(view, data.get("by") or {}, names))
    if data.get("source") and data.get("channel"):
        parts.append(quoted(view.translate("source %(name)s"), name=data["source"]))
    if data.get("notes_added"):
        parts.append(view.translate("notes added"))
    if type_.startswith(("delivery.", "conversion.")):
        parts += [mail_title(view, data["event"]) or _bdi(data["event"])] if data.get("event") else []
        parts += [view.translate(SKIP_WORDS[data["reason"]])] if data.get("reason") in SKIP_WORDS else []
        if attempts := data.get("attempts"):
            parts.append(view.translate_count("%(n)s attempt", "%(n)s attempts", attempts))
    return Markup(" · ").join(part for part in parts if part)


def _bdi(text: object) -> Markup:
    return Markup("<bdi>{}</bdi>").format(text)


def _name(names: Names, kind: str, id_: int) -> str:
    return names.get((kind, id_), f"#{id_}")


def _link(view: PageView, data: Mapping[str, Any]) -> tuple[str, str] | None:
    if data.get("submission_id"):
        return f"submissions/{data['submission_id']}", view.translate("Its submission")
    if other := data.get("into_lead_id"):
        return f"leads/{other}", f"#{other}"
    return None


def _differences(view: PageView, data: Mapping[str, Any], names: Names) -> Iterator[FieldDifference]:
    for field, change in list((data.get("changes") or {}).items())[:MAX_SHOWN_CHANGES]:
        sides = (_shown_side(view, field, change.get(side), names) for side in ("from", "to"))
        yield FieldDifference(field_label(view, field), *sides)


def _shown_side(view: PageView, field: str, value: Any, names: Names) -> str | None:
    if kind := REFERENCE_FIELDS.get(field):
        return _name(names, kind, value) if isinstance(value, int) else None
    if field == "status":
        return status_words(view).get(str(value), str(value))
    if isinstance(value, bool):
        return view.translate("yes") if value else view.translate("no")
    text = shown_person_value(view, field, value)
    return text if text is None or len(text) <= MAX_VALUE_LENGTH else f"{text[:MAX_VALUE_LENGTH]}…"
