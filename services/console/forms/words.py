"""Forms in words: the types of fields, where answers go, and what is wrong with a draft."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from services.console.sources.words import target_words
from services.console.web.page_view import PageView
from services.console.web.translations import mark_message as _
from shared.form_pages.accent_colors import DEFAULT_ACCENT, contrast_ratio, light_colors
from shared.forms.field_definition import CHOICE_TYPES
from shared.platform.errors import FieldErrors

FIELD_TYPE_WORDS: Mapping[str, str] = {
    "text": _("one line"),
    "textarea": _("several lines"),
    "email": _("e-mail"),
    "phone": _("phone"),
    "number": _("number"),
    "date": _("date"),
    "url": _("web address"),
    "select": _("list"),
    "radio": _("choice"),
    "multiselect": _("several choices"),
    "checkbox": _("tick box"),
    "file": _("file"),
    "consent": _("consent"),
    "hidden": _("hidden"),
}
# Colours to choose from: their class in the style sheet, and their names.
ACCENT_COLORS: Mapping[str, tuple[str, str]] = {
    "#006c97": ("hue-5", _("tide")),
    DEFAULT_ACCENT: ("hue-4", _("pine")),
    "#546e0d": ("hue-3", _("moss")),
    "#8e5300": ("hue-2", _("clay")),
    "#914373": ("hue-8", _("plum")),
}
GOOD_CONTRAST, FAIR_CONTRAST = 4.5, 3.0  # to one, on white

SETTING_WORDS: Mapping[str, str] = {
    "name": _("the name"),
    "title": _("the title"),
    "intro": _("the introduction"),
    "submit_label": _("the button"),
    "step_titles": _("the titles of steps"),
    "theme": _("the looks"),
    "redirect_url": _("the page after sending"),
    "success_message": _("the message after sending"),
    "source": _("the source of leads"),
    "tags": _("the tags"),
    "pipeline_id": _("the pipeline"),
    "pipeline_stage_id": _("the stage"),
    "assigned_user_id": _("whom leads are assigned to"),
    "allowed_origins": _("where it may stand"),
    "notify_emails": _("who gets a mail"),
    "merge_policy": _("what happens to a known person"),
    "language": _("the language"),
    "spam": _("what is held as spam"),
    "double_opt_in": _("the confirmation by mail"),
    "auto_reply": _("the answer by mail"),
    "silence_after_minutes": _("when it counts as silent"),
    "max_upload_mb": _("the size of files"),
}
MEMBER_WORDS: Mapping[str, str] = {
    "key": _("key"),
    "label": _("question"),
    "type": _("type"),
    "required": _("whether it is required"),
    "options": _("choices"),
    "maps_to": _("where it goes"),
    "placeholder": _("example in the field"),
    "help": _("help"),
    "step": _("step"),
    "show_if": _("when it is shown"),
    "prefill": _("whether an address fills it"),
    "consent_text": _("text of the consent"),
    "accept": _("types of files"),
    "max_size_mb": _("size of files"),
}
PROBLEM_WORDS: Mapping[str, str] = {
    "name": _("Give it a name of 255 characters or fewer."),
    "f_key": _("A key has up to 64 letters a to z, digits, hyphens and underscores. It begins with a letter or digit."),
    "f_label": _("The question must have 255 characters or fewer."),
    "f_options": _("Choices are up to 500 lines of 255 characters or fewer."),
    "f_maps_to": _("Name the custom field, in 100 characters or fewer."),
    "f_placeholder": _("This must have 255 characters or fewer."),
    "f_help": _("The help must have 500 characters or fewer."),
    "f_step": _("A step is a number from 1 to 20."),
    "f_show_if": _("Each line needs a field and a value."),
    "f_consent_text": _("The text must have 2,000 characters or fewer."),
    "f_accept": _("Types are endings such as .pdf, or media types such as image/*."),
    "f_max_size_mb": _("A file may have 1 to 10 MB."),
    "s_title": _("The title must have 255 characters or fewer."),
    "s_intro": _("The introduction must have 2,000 characters or fewer."),
    "s_submit_label": _("The button must have 100 characters or fewer."),
    "s_step_titles": _("Up to 20 titles, of 100 characters or fewer."),
    "s_accent": _("This must be a colour such as #0b6e99."),
    "s_logo_url": _("This must be an https address."),
    "s_redirect_url": _("This must be a web address, or a path that begins with a slash."),
    "s_success_message": _("The message must have 2,000 characters or fewer."),
    "s_source": _("The source must have 255 characters or fewer."),
    "s_tags": _("Tags are texts of 100 characters or fewer, 100 of them at most."),
    "s_place": _("This stage is not there any more."),
    "s_assigned_user_id": _("This user is not there any more."),
    "s_allowed_origins": _("Each line is an address such as https://www.example.com, without a path."),
    "s_notify_emails": _("Each line is an e-mail address, 20 at most."),
    "s_merge_policy": _("This is none of the merge rules."),
    "s_language": _("This must be the tag of a language, such as en or pt-BR."),
    "s_threshold": _("This must be a number of points, from 0 to 1,000."),
    "s_auto_reply": _("It needs a subject and a text, with names of fields in double braces."),
    "s_silence_after_minutes": _("This must be a whole number of minutes, from 1 to 525,600."),
    "s_max_upload_mb": _("This must be 1 to 25 MB."),
}
# By a part of the message of a contradiction.
CONTRADICTION_WORDS: Mapping[str, str] = {
    "does not offer": _("its condition asks for a choice that is not there: %(choices)s"),
    "do not come before": _("it depends on a field that does not come before it"),
    "must be unique": _("another field has the same key"),
    "mapped to already": _("another field goes to the same place"),
    "must be a custom field": _("its answer can only go to a custom field"),
    "is required for": _("it has no choices yet"),
    "an option twice": _("it has a choice twice"),
}


# Inputs that not every type of field has.
_TYPES_BY_INPUT: Mapping[str, frozenset[str]] = {
    "f_options": frozenset((*CHOICE_TYPES, "checkbox")),
    "f_consent_text": frozenset(("consent",)),
    "f_accept": frozenset(("file",)),
    "f_max_size_mb": frozenset(("file",)),
    "f_placeholder": frozenset(("text", "textarea", "email", "phone", "number", "url")),
    "f_help": frozenset(FIELD_TYPE_WORDS) - {"hidden"},
    "f_required": frozenset(FIELD_TYPE_WORDS) - {"hidden"},
    "f_prefill": frozenset(FIELD_TYPE_WORDS) - {"file", "consent"},
}


class DraftProblem(NamedTuple):
    """What stands in the way of publishing a draft: a sentence, and the place of the field, None for a setting."""

    text: str
    place: int | None
    label: str


def field_inputs(kind: str) -> list[str]:
    """Return the inputs that the form of a field of that type has beside those that each has."""
    return [name for name, kinds in _TYPES_BY_INPUT.items() if kind in kinds]


def place_words(view: PageView, field: Mapping[str, Any]) -> str:
    """Return in short what a field is: where it goes if that tells more than its type."""
    if field["maps_to"] in ("first_name", "last_name", "full_name", "company", "job_title", "country"):
        return target_words(view)[field["maps_to"]]
    return view.translate_choice(FIELD_TYPE_WORDS, field["type"])


def draft_problems(view: PageView, fields: list[dict[str, Any]], problems: FieldErrors) -> list[DraftProblem]:
    """Return the contradictions of a draft in words, in the order of the fields."""
    shown_problems = []
    for name, messages in problems.items():
        place = int(name.split(".")[1])
        text = next((words for sign, words in CONTRADICTION_WORDS.items() if sign in messages[0]), "")
        choices = messages[0].partition(": ")[2].removesuffix(".")
        told = view.translate(text, choices=choices) if text else messages[0]
        shown_problems.append(DraftProblem(told, place, fields[place]["label"]))
    return sorted(shown_problems, key=lambda one: one.place or 0)


def mail_problem(view: PageView, settings: Mapping[str, Any], *, has_mail: bool) -> str:
    """Return what is wrong with settings that ask for confirmations by mail while no mail can be sent."""
    if has_mail or not settings.get("double_opt_in"):
        return ""
    return view.translate(
        "No mail can be sent, so nobody can confirm: an admin connects a mail server to the workspace, or an operator"
        " sets %(first)s and %(second)s.",
        first="LEADHUB_SMTP_URL",
        second="LEADHUB_MAIL_FROM",
    )


def input_problems(view: PageView, errors: FieldErrors, place: int | None) -> dict[str, str]:
    """Return refused inputs in words, by the input's name. Those of a field that is not open are under `fields`."""
    problems: dict[str, str] = {}
    for path, messages in errors.items():
        name = _input_name(path, place)
        words = PROBLEM_WORDS.get(name)
        problems[name] = view.translate(words) if words else f"{path}: {messages[0]}"
    return problems


def contrast_words(view: PageView, accent: str) -> str:
    """Return how well an accent is read on white, in words."""
    try:
        ratio = contrast_ratio(accent, "#ffffff")
    except ValueError:
        return ""
    figure = f"{ratio:.1f}"
    if ratio >= GOOD_CONTRAST:
        return view.translate("%(n)s to 1 on white: easy to read.", n=figure)
    darker = light_colors(accent).accent
    if ratio >= FAIR_CONTRAST:
        return view.translate(
            "%(n)s to 1 on white: fit for the button; small text takes the darker %(color)s.", n=figure, color=darker
        )
    return view.translate(
        "%(n)s to 1 on white: hard to see. The button gets dark words, and small text the darker %(color)s.",
        n=figure,
        color=darker,
    )


def _input_name(path: str, place: int | None) -> str:
    parts = path.split(".")
    if parts[0] == "fields":
        return f"f_{parts[2]}" if len(parts) > 2 and parts[1] == str(place) else "fields"
    if parts[0] != "settings" or len(parts) < 2:
        return parts[0]
    if parts[1] in ("theme", "spam") and len(parts) > 2:
        return f"s_{parts[2]}"
    return "s_place" if parts[1] in ("pipeline_id", "pipeline_stage_id") else f"s_{parts[1]}"
