"""Edits of many leads: what a form asks for as changes of a job, and these as sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup, escape

from services.console.leads.reads import ListNames
from services.console.leads.words import STATUS_WORDS, field_label, status_words
from services.console.web.page_view import PageView

MAX_TAGS = 20  # tags that one edit adds or removes
MAX_TAG_LENGTH = 100  # characters
NOBODY = "nobody"
FLAGS = {"true": True, "false": False}

LeadChangeJson = dict[str, Any]


@dataclass(frozen=True)
class EditForm:
    """What a reader chose in the form of an edit, as it was sent. An empty text leaves a field as it is."""

    status: str = ""
    stage: str = ""
    owner: str = ""
    starred: str = ""
    add_tags: str = ""
    remove_tags: str = ""

    def changes(self, view: PageView, names: ListNames) -> list[LeadChangeJson]:
        """Return the changes. A value keeps what it was called, for the page of the job."""
        lead_changes: list[LeadChangeJson] = []
        if self.status in STATUS_WORDS:
            lead_changes.append(_set_change("status", self.status, status_words(view)[self.status]))
        if (stage := names.stages.get(_number(self.stage))) is not None:
            lead_changes.append(_set_change("pipeline_stage_id", _number(self.stage), stage.name))
        if self.owner == NOBODY:
            lead_changes.append(_set_change("assigned_user_id", None, ""))
        elif (owner := names.users.get(_number(self.owner))) is not None:
            lead_changes.append(_set_change("assigned_user_id", _number(self.owner), owner))
        if self.starred in FLAGS:
            lead_changes.append(_set_change("starred", FLAGS[self.starred], ""))
        lead_changes += [{"op": "add_tag", "value": tag} for tag in tag_names(self.add_tags)]
        return [*lead_changes, *({"op": "remove_tag", "value": tag} for tag in tag_names(self.remove_tags))]


def tag_names(text: str) -> list[str]:
    """Return the tags that a text names between commas, each once."""
    named = (" ".join(part.replace("\0", "").split())[:MAX_TAG_LENGTH] for part in text.split(","))
    return list(dict.fromkeys(name for name in named if name))[:MAX_TAGS]


def lead_change_sentences(view: PageView, changes: Sequence[Mapping[str, Any]]) -> list[Markup]:
    """Return the changes of an edit, each as a sentence."""
    return [_sentence(view, change) for change in changes]


def _sentence(view: PageView, change: Mapping[str, Any]) -> Markup:
    value = Markup("<b><bdi>{}</bdi></b>").format(change.get("label") or change.get("value") or "")
    if change["op"] == "add_tag":
        return escape(view.translate("Add the tag %(tag)s")) % {"tag": value}
    if change["op"] == "remove_tag":
        return escape(view.translate("Remove the tag %(tag)s")) % {"tag": value}
    if change["field"] == "starred":
        return escape(view.translate("Star it") if change["value"] else view.translate("Take the star away"))
    if change["value"] is None:
        return escape(view.translate("Assign it to nobody"))
    label = field_label(view, change["field"])
    return Markup("{}: {}").format(label, value)


def _set_change(field: str, value: Any, label: str) -> LeadChangeJson:
    return {"op": "set", "field": field, "value": value, "label": label}


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0
