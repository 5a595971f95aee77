"""The form of the builder: what it sent, as changes of a draft, and a draft as the texts that it shows. Pure."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from services.console.forms.draft_fields import CUSTOM_TARGET, change_field, chosen_target, follow_label
from services.console.forms.show_rules import (
    LIST_SIGN,
    MAX_SHOW_RULES,
    ShowRule,
    ShowRules,
    asked_questions,
    complete_rules,
    condition_of_rules,
    rules_of_condition,
)
from shared.form_pages.accent_colors import DEFAULT_ACCENT
from shared.forms.field_definition import CUSTOM_PREFIX

MAX_INPUT_LENGTH = 100_000  # characters
MAX_DIGITS = 9
FIELD_TEXTS = ("key", "label", "type", "placeholder", "help", "consent_text")
SETTING_TEXTS = (
    *("title", "intro", "submit_label", "redirect_url", "success_message", "source", "merge_policy", "language"),
)
_split_words = re.compile(r"[\s,،]+").split


class RepeatedInputs(Protocol):
    """The inputs of a form. A name may occur several times."""

    def getall(self, name: str, default: Any) -> Any:
        """Return all values of a name."""


@dataclass
class BuilderState:
    """Where the reader is in the builder: the open field, the tab on a phone, and how the preview is shown."""

    place: int | None = None
    tab: str = "preview"
    width: str = "desktop"
    language: str = ""
    mode: str = ""

    @property
    def query(self) -> dict[str, Any]:
        """The query of the builder's address."""
        return {
            "field": self.place,
            "tab": None if self.tab == "preview" else self.tab,
            "width": None if self.width == "desktop" else self.width,
            "language": self.language or None,
            "mode": self.mode or None,
        }


@dataclass
class SentDraft:
    """What the builder sent. `action` is the button's, such as `up`; `argument` stands behind its colon."""

    texts: Mapping[str, str]
    state: BuilderState
    action: str
    argument: str
    revision: int | None
    rules: ShowRules = field(default_factory=ShowRules)


def read_state(texts: Mapping[str, str]) -> BuilderState:
    """Return where the reader is, from the query of an address or from a form."""
    place, tab, width, mode = (texts.get(name, "") for name in ("field", "tab", "width", "mode"))
    return BuilderState(
        int(place) if _is_number(place) else None,
        tab if tab in ("fields", "settings") else "preview",
        "phone" if width == "phone" else "desktop",
        texts.get("language", "")[:35],
        mode if mode in ("light", "dark") else "",
    )


def read_draft(form: RepeatedInputs, names: Sequence[str]) -> SentDraft:
    """Return what the builder sent. Half surrogates, which no database takes, are replaced."""

    def all_texts(name: str) -> list[str]:
        return [
            str(text)[:MAX_INPUT_LENGTH].replace("\r\n", "\n").encode(errors="replace").decode()
            for text in form.getall(name, [])
        ]

    # The last value counts: before each box stands a hidden input for the case that it is not ticked.
    texts = {name: values[-1].replace("\0", "") for name in names if (values := all_texts(name))}
    action, _, argument = texts.get("do", "save").partition(":")
    lines = zip(*(all_texts(name)[:MAX_SHOW_RULES] for name in ("rule_field", "rule_operator")), strict=False)
    rules = [
        ShowRule(
            key, operator, _rule_values(operator, all_texts(f"rule_choice.{line}"), texts.get(f"rule_value.{line}"))
        )
        for line, (key, operator) in enumerate(lines)
    ]
    group = "any" if texts.get("rule_group") == "any" else "all"
    revision = texts.get("revision", "")
    return SentDraft(
        texts,
        read_state(texts),
        action,
        argument,
        int(revision) if revision.isascii() and revision.isdigit() and len(revision) <= 18 else None,
        ShowRules(group, rules),  # type: ignore[arg-type]  # one of the two
    )


def changed_draft(
    sent_draft: SentDraft, draft: Mapping[str, Any], published_keys: Collection[str] = ()
) -> dict[str, Any]:
    """Return the members of a draft with what was typed: `name`, `fields`, and the `settings` that were sent.

    The key of a field that was never published follows its question.
    """
    texts, fields, place = sent_draft.texts, list(draft["fields"]), sent_draft.state.place
    if place is not None and place < len(fields) and "f_key" in texts:
        changes = _field_changes(sent_draft, fields[place], fields[:place])
        fields = change_field(fields, place, follow_label(fields, place, changes, published_keys))
    settings = _settings(texts) if "s_title" in texts else {}
    return {"name": texts.get("name", draft["name"]).strip(), "fields": fields, "settings": settings}


def field_texts(field: Mapping[str, Any]) -> dict[str, Any]:
    """Return a field as the builder shows it."""
    target, custom = chosen_target(field)
    return {
        **{name: field[name] or "" for name in FIELD_TEXTS},
        "options": "\n".join(field["options"]),
        "accept": " ".join(field["accept"]),
        "maps_to": target,
        "custom": custom,
        "step": str(field["step"]),
        "max_size_mb": str(field["max_size_mb"]),
        "required": field["required"],
        "prefill": field["prefill"],
        "rules": rules_of_condition(field["show_if"]),
    }


def setting_texts(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return complete settings as the builder shows them."""
    stage, pipeline = settings["pipeline_stage_id"], settings["pipeline_id"]
    reply, theme, spam = settings["auto_reply"], settings["theme"], settings["spam"]
    return {
        **{name: settings[name] or "" for name in SETTING_TEXTS},
        "accent": theme["accent"] or DEFAULT_ACCENT,
        "logo_url": theme["logo_url"] or "",
        "mode": theme["mode"],
        "tags": ", ".join(settings["tags"]),
        "place": f"{pipeline}:{stage}" if stage else f"{pipeline}:" if pipeline else "",
        "assigned_user_id": str(settings["assigned_user_id"] or ""),
        "after": "redirect" if settings["redirect_url"] else "message",
        "holds_spam": spam["threshold"] != 0,
        "threshold": str(spam["threshold"] or ""),
        "proof_of_work": spam["proof_of_work"],
        "double_opt_in": settings["double_opt_in"],
        "has_reply": reply is not None,
        "reply_subject": reply["subject"] if reply else "",
        "reply_body": reply["body"] if reply else "",
        "silence_after_minutes": str(settings["silence_after_minutes"] or ""),
        "max_upload_mb": str(settings["max_upload_mb"]),
        **{name: "\n".join(settings[name]) for name in ("step_titles", "allowed_origins", "notify_emails")},
    }


def _field_changes(
    sent_draft: SentDraft, stored: Mapping[str, Any], earlier: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """Return the members that were sent. Inputs that the type of the field does not have are absent, and stay."""
    texts = sent_draft.texts
    changes: dict[str, Any] = {name: texts[f"f_{name}"].strip() for name in FIELD_TEXTS if f"f_{name}" in texts}
    for name in ("required", "prefill"):
        if f"f_{name}" in texts:
            changes[name] = texts[f"f_{name}"] == "1"
    for name in ("step", "max_size_mb"):
        if f"f_{name}" in texts:
            changes[name] = _whole_number(texts[f"f_{name}"])
    if "f_options" in texts:
        changes["options"] = _lines(texts["f_options"])
    if "f_accept" in texts:
        changes["accept"] = [word for word in _split_words(texts["f_accept"]) if word]
    if "f_maps_to" in texts:
        chosen = texts["f_maps_to"]
        own = texts.get("f_custom", "").strip() or (stored["key"] if chosen == CUSTOM_TARGET else "")
        changes["maps_to"] = f"{CUSTOM_PREFIX}{own}" if chosen == CUSTOM_TARGET else chosen or None
    if "rule_group" in texts:
        was = rules_of_condition(stored["show_if"])
        condition = condition_of_rules(complete_rules(sent_draft.rules, asked_questions(earlier)))
        if condition != condition_of_rules(was):
            changes["show_if"] = condition
    return {name: None if value == "" and name not in ("key", "type") else value for name, value in changes.items()}


def _settings(texts: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings that were sent, as a form takes them. What is empty goes back to its default."""
    texts_by_name = {name.removeprefix("s_"): text.strip() for name, text in texts.items() if name.startswith("s_")}
    settings: dict[str, Any] = {name: texts_by_name.get(name) or None for name in SETTING_TEXTS}
    if texts_by_name.get("after") != "redirect":
        settings["redirect_url"] = None
    pipeline, _, stage = texts_by_name.get("place", "").partition(":")
    settings |= {"pipeline_id": _whole_number(pipeline), "pipeline_stage_id": _whole_number(stage)}
    for name in ("assigned_user_id", "silence_after_minutes", "max_upload_mb"):
        settings[name] = _whole_number(texts_by_name.get(name, ""))
    for name in ("step_titles", "allowed_origins", "notify_emails"):
        settings[name] = _lines(texts_by_name.get(name, ""))
    settings["tags"] = _unique(texts_by_name.get("tags", "").replace("،", ",").split(","))
    accent = texts_by_name.get("accent", "").lower()
    settings["theme"] = {
        "accent": None if accent == DEFAULT_ACCENT else accent or None,
        "logo_url": texts_by_name.get("logo_url") or None,
        "mode": texts_by_name.get("mode") or "auto",
    }
    threshold = _whole_number(texts_by_name.get("threshold", "")) if texts_by_name.get("holds_spam") == "1" else 0
    settings["spam"] = {"threshold": threshold, "proof_of_work": texts_by_name.get("proof_of_work") or "auto"}
    settings["double_opt_in"] = texts_by_name.get("double_opt_in") == "1"
    reply = {"subject": texts_by_name.get("reply_subject", ""), "body": texts_by_name.get("reply_body", "")}
    settings["auto_reply"] = reply if texts_by_name.get("has_reply") == "1" else None
    return settings


def _rule_values(operator: str, choices: Sequence[str], text: str | None) -> tuple[str, ...]:
    """Return what a line asks for: nothing if it had no input for it, a blank text if that was left empty."""
    if choices:
        return tuple(filter(None, choices)) or ("",)
    if text is None:
        return ()
    return tuple(one.strip() for one in (text.split(LIST_SIGN) if operator == "in" else [text]))


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= MAX_DIGITS


def _whole_number(text: str) -> int | str | None:
    """Return a number that was typed; a text that is none stays one, and is refused."""
    plain = text.strip().replace(",", "")
    return (int(plain) if _is_number(plain) else plain) if plain else None


def _lines(text: str) -> list[str]:
    return [line for one in text.splitlines() if (line := one.strip())]


def _unique(texts: list[str]) -> list[str]:
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))
