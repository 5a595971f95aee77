"""What the form builder shows: the whole page, or the parts of it that a save changed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

from services.console.forms.builder_actions import NEW_FIELDS
from services.console.forms.changes import form_changes
from services.console.forms.draft_fields import follows_label
from services.console.forms.draft_form import BuilderState, field_texts, setting_texts
from services.console.forms.reads import FormVisits, read_form_visits
from services.console.forms.show_rules import TICKED_ANSWER, RuleLine, ShowRule, ShowRules, asked_questions, rule_line
from services.console.forms.words import (
    ACCENT_COLORS,
    FIELD_TYPE_WORDS,
    PROBLEM_WORDS,
    DraftProblem,
    contrast_words,
    draft_problems,
    field_inputs,
    mail_problem,
    place_words,
)
from services.console.sources.reads import read_placement_choices
from services.console.sources.words import target_words
from services.console.web.operator_words import OPERATOR_WORDS
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.form_pages.page_messages import MESSAGE_LANGUAGES, choose_language
from shared.forms.definition import complete_settings, owner_texts
from shared.forms.field_definition import complete_fields
from shared.forms.form_editing import FormRow, find_draft, find_form, find_published_keys
from shared.outbound.mail_setup import can_send_mail

ALL_INPUTS = frozenset(name for kind in FIELD_TYPE_WORDS for name in field_inputs(kind))
MIN_RULE_LINES = 2  # lines for conditions that the open field shows
PREVIEW_LANGUAGES = ("en", "ar")  # beside the form's own
HOSTED_PATH = "/f/"


@dataclass
class BuilderNews:
    """What the last request left behind. `typed` is a draft that was not saved, shown in place of the stored one.

    `conflict`: the draft of whoever was faster. `is_whole`: the list of fields and the open field are shown again.
    `is_key_made`: the key of the open field followed its question.
    """

    problems: dict[str, str] = field(default_factory=dict)
    conflict: FormRow | None = None
    typed: Mapping[str, Any] | None = None
    removed: Mapping[str, Any] | None = None
    removed_place: int = 0
    is_whole: bool = False
    is_accent_changed: bool = False
    is_key_made: bool = False
    asked: str = ""


@dataclass(frozen=True)
class ReadForm:
    """A form, its draft, and what was read beside them."""

    form: FormRow
    draft: FormRow
    visits: FormVisits
    published_keys: Collection[str]
    has_mail: bool


def builder_path(view: PageView, id_: int, below: str = "", **query: object) -> str:
    """Return the address of a form's builder, or of a page below it."""
    return view.path(f"forms/{id_}{f'/{below}' if below else ''}", **query)


async def render_builder(
    view: PageView, id_: int, state: BuilderState, news: BuilderNews, status: int = 200, **more: Any
) -> web.Response:
    """Return the page of the builder. Raises NotFound."""
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        read = await _read_form(view, id_)
        choices = await read_placement_choices(connection, workspace_id)
    shown = _shown(view, read, state, news)
    response = await view.render("forms/builder.html", status, choices=choices, **shown, **more)
    # The preview is a page of this console, in a frame.
    policy = response.headers["Content-Security-Policy"]
    response.headers["Content-Security-Policy"] = f"{policy}; frame-src 'self'"
    return response


async def render_parts(view: PageView, id_: int, state: BuilderState, news: BuilderNews) -> web.Response:
    """Return the parts of the builder that a save changed, for its script."""
    read = await _read_form(view, id_)
    html = view.render_text("forms/_saved.html", **_shown(view, read, state, news))
    return web.Response(text=html, content_type="text/html", headers={"Cache-Control": "no-store"})


async def _read_form(view: PageView, id_: int) -> ReadForm:
    workspace_id = view.workspace.workspace_id
    async with view.console.reading() as connection:
        form = await find_form(connection, workspace_id, id_)
        draft = await find_draft(connection, workspace_id, id_)
        visits = await read_form_visits(connection, workspace_id, id_)
        published_keys = await find_published_keys(connection, workspace_id, id_)
        has_mail = await can_send_mail(connection, view.console.settings, workspace_id)
        return ReadForm(form, draft, visits, published_keys, has_mail)


def _shown(view: PageView, read_form: ReadForm, state: BuilderState, news: BuilderNews) -> dict[str, Any]:
    draft = news.typed or read_form.draft
    fields, settings = complete_fields(draft["fields"]), complete_settings(draft["settings"])
    if state.place is not None and state.place >= len(fields):
        state.place = None
    changes = form_changes(view, read_form.form, read_form.draft) if read_form.draft["is_changed"] else []
    accent = setting_texts(settings)["accent"]
    return {
        "form": read_form.form,
        "draft": read_form.draft,
        "draft_name": draft["name"],
        "fields": fields,
        "settings": setting_texts(settings),
        "state": state,
        "news": news,
        "changes": changes,
        "blocks": _blocks(view, read_form),
        "mail_problem": mail_problem(view, settings, has_mail=read_form.has_mail),
        "published_problem": mail_problem(view, read_form.form["settings"], has_mail=read_form.has_mail),
        "removed": orjson.dumps(news.removed).decode() if news.removed else "",
        "place_words": lambda one: place_words(view, one),
        "accents": ACCENT_COLORS,
        "accent_words": contrast_words(view, accent),
        "hosted_url": f"{view.base_url}{HOSTED_PATH}{read_form.form['public_id']}",
        "visits": read_form.visits,
        "may_change": view.permits(Permission.SET_UP),
        "address": lambda below="", **query: builder_path(view, read_form.form["id"], below, **query),
        "languages": _preview_languages(
            view, preview_language(owner_texts(draft["name"], fields, settings), settings["language"])
        ),
        "language_names": _language_names(view),
        **_open_field(view, fields, state, read_form.published_keys),
    }


def _blocks(view: PageView, read_form: ReadForm) -> list[DraftProblem]:
    """Return what stands in the way of publishing the draft."""
    problems = draft_problems(view, read_form.draft["fields"], read_form.draft["problems"])
    problem = mail_problem(view, read_form.draft["settings"], has_mail=read_form.has_mail)
    if problem and read_form.draft["is_changed"]:
        problems.append(DraftProblem(problem, None, view.translate("Confirm the address by a link")))
    return problems


def _open_field(
    view: PageView, fields: list[Any], state: BuilderState, published_keys: Collection[str]
) -> dict[str, Any]:
    """Return the open field as its form shows it, with the words of its choices."""
    words = {
        "new_fields": [*NEW_FIELDS, *(kind for kind in FIELD_TYPE_WORDS if kind not in NEW_FIELDS)],
        "new_field_words": {**FIELD_TYPE_WORDS, **{key: label for key, (_, label, _) in NEW_FIELDS.items()}},
        "type_words": FIELD_TYPE_WORDS,
        "operator_words": OPERATOR_WORDS,
        "targets": target_words(view),
    }
    if state.place is None:
        slots = [name for name in PROBLEM_WORDS if not name.startswith("f_")]
        return {**words, "open": None, "inputs": [], "slots": slots, "follows_label": False}
    shown = field_texts(fields[state.place])
    inputs = field_inputs(shown["type"])
    absent = set(ALL_INPUTS) - set(inputs)
    slots = [name for name in PROBLEM_WORDS if name not in absent]
    return {
        **words,
        "open": shown,
        "inputs": inputs,
        "slots": slots,
        "follows_label": follows_label(fields[state.place], published_keys),
        **_rule_lines(view, fields[: state.place], shown["rules"]),
    }


def _rule_lines(view: PageView, earlier: list[Any], rules: ShowRules) -> dict[str, Any]:
    """Return the lines of the open field's condition, with blank ones, and the questions that they may ask about."""
    questions = asked_questions(earlier)
    ticked = {TICKED_ANSWER: view.translate("ticked")}
    tick_keys = {key for key, question in questions.items() if tuple(question.answers) == (TICKED_ANSWER,)}

    def line(rule: ShowRule) -> RuleLine:
        return rule_line(
            rule, questions, lambda answer: ticked.get(answer, answer) if rule.field in tick_keys else answer
        )

    blank = [ShowRule()] * max(MIN_RULE_LINES - len(rules.rules), 1)
    gone = [rule.field for rule in rules.rules if rule.field and rule.field not in questions]
    return {
        "rules": rules,
        "rule_lines": [line(rule) for rule in [*rules.rules, *blank]],
        "asked": [(key, question.label) for key, question in questions.items()] + [(key, key) for key in gone],
    }


def preview_language(texts: Sequence[str], own: str | None, wanted: str | None = None) -> str:
    """Return the language of the preview: the `wanted` one, otherwise the form's. The reader's counts not."""
    return choose_language(own, "", wanted, texts=texts)


def _preview_languages(view: PageView, own: str) -> list[tuple[str, str]]:
    """Return the languages that the preview offers, with their names: the form's own, English and Arabic."""
    tags = dict.fromkeys((own, *PREVIEW_LANGUAGES))
    names = _language_names(view)
    return [(tag, names.get(tag.partition("-")[0], tag)) for tag in tags]


def _language_names(view: PageView) -> dict[str, str]:
    """Return the languages whose texts a form has, each by its own name."""
    own = {"en": "English", "ar": "العربية", "de": "Deutsch", "es": "Español", "fr": "Français", "pt": "Português"}
    return {tag: own.get(tag, tag) for tag in MESSAGE_LANGUAGES}
