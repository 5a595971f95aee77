"""Render the pages of a form from templates. Pure: the caller sends what comes out of it."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from babel.lists import format_list
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from shared.form_pages.field_problems import problem_texts
from shared.form_pages.field_views import FieldView, field_views, json_attribute
from shared.form_pages.page_messages import PageMessages, fill_text, nearest_language, page_messages
from shared.form_pages.page_state import FORM_PROBLEM_KEY, FieldProblem, FormPageState, ThanksKind
from shared.forms.definition import FormDefinition

__all__ = [
    "FieldProblem",
    "FormPageState",
    "ThanksKind",
    "render_confirmation",
    "render_form",
    "render_fragment",
    "render_problem_page",
    "render_thanks",
    "thanks_text",
]

TEMPLATE_DIR = Path(__file__).with_name("templates")

_TEMPLATES = Environment(
    loader=FileSystemLoader(TEMPLATE_DIR),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


_FIELD_LINK = Markup('<a href="#{}"><bdi>{}</bdi></a>')
_SENTENCE_ENDS = (".", "?", "!", "…", "؟", ":")


class StepView(NamedTuple):
    """One page of a longer form."""

    number: int
    title: str
    views: Sequence[FieldView]


def render_form(form: FormDefinition, state: FormPageState) -> str:
    """Return the whole page of a form, with its errors if there are any."""
    return _TEMPLATES.get_template("form_page.html").render(_form_values(form, state))


def render_fragment(form: FormDefinition, state: FormPageState) -> str:
    """Return the `<form>` alone, for a site that embeds it."""
    return _TEMPLATES.get_template("form_fragment.html").render(_form_values(form, state)).strip()


def render_thanks(
    form: FormDefinition,
    language: str,
    *,
    base_path: str,
    kind: ThanksKind = "received",
    reference: str = "",
    return_url: str = "",
) -> str:
    """Return the page after a submission: the form's success message, otherwise a general one.

    `kind` is `unconfirmed` when a mail with a link is sent, `unconfirmable` when none can be sent, and `confirmed` for
    the page behind that link.
    `reference` is shown as the number of the submission. A `return_url` that is no web address is left out.
    """
    messages = page_messages(language)
    values = {
        **_page_values(form, messages, base_path),
        "kind": kind,
        "title": messages.texts["thanks"][kind]["title"],
        "text": thanks_text(form, language, kind),
        "form_title": _title(form),
        "reference": reference,
        **_return_link(messages, return_url),
    }
    return _TEMPLATES.get_template("thanks_page.html").render(values)


def render_confirmation(form: FormDefinition, language: str, *, base_path: str, action: str) -> str:
    """Return the page behind the link of a mail. Its button posts to `action`."""
    messages = page_messages(language)
    texts: Mapping[str, str] = messages.texts["confirmation"]
    words = {name: fill_text(texts[name], {"form": _title(form)}) for name in ("title", "text", "button")}
    values = {**_page_values(form, messages, base_path), **words, "action": action}
    return _TEMPLATES.get_template("confirmation_page.html").render(values)


def render_problem_page(status: int, language: str, *, form: FormDefinition | None = None, base_path: str = "") -> str:
    """Return the page of an HTTP error, in the form's colours if the form and its `base_path` are given."""
    messages = page_messages(language)
    pages: Mapping[str, Any] = messages.texts["pages"]
    words = pages.get(str(status), pages["other"])
    values = {**_page_values(form, messages, base_path or "/f"), "title": words["title"], "text": words["text"]}
    return _TEMPLATES.get_template("problem_page.html").render(values)


def thanks_text(form: FormDefinition, language: str, kind: ThanksKind = "received") -> str:
    """Return the text that thanks for a submission. The form's own one says nothing of a confirmation."""
    own = form.settings["success_message"] if kind in ("received", "confirmed") else None
    text: str = own or page_messages(language).texts["thanks"][kind]["text"]
    return text


def _form_values(form: FormDefinition, state: FormPageState) -> dict[str, Any]:
    messages = page_messages(state.language)
    views = field_views(form, state, messages)
    wrong = [view for view in views if view.errors and view.type != "hidden"]
    whole = state.errors.get(FORM_PROBLEM_KEY, ())
    return {
        **_page_values(form, messages, state.base_path),
        "is_framed": state.is_framed,
        "form": form,
        "state": state,
        "title": _title(form),
        "intro": form.settings["intro"],
        "submit_label": form.settings["submit_label"] or messages.texts["submit"],
        "steps": _step_views(form, views, messages),
        "wrong_links": _field_links(wrong, messages),
        "form_problems": problem_texts(form, state.language, {FORM_PROBLEM_KEY: whole}, {})[FORM_PROBLEM_KEY],
        "summary": _summary(messages, len(wrong), is_whole_wrong=bool(whole)),
        "has_files": any(view.type == "file" for view in views),
        "script_messages": json_attribute(_script_messages(form, messages)),
    }


def _script_messages(form: FormDefinition, messages: PageMessages) -> dict[str, str]:
    """Return the texts that the form's script shows, by the names that `embed.js` gives them."""
    texts = messages.texts
    return {
        **texts["problems"],
        **texts["script"],
        "file_size": texts["problems"]["file_too_large"].replace("{max_mb}", "{max}"),
        "files_again": texts["files_again"],
        "success": form.settings["success_message"] or _general_thanks(messages),
    }


def _general_thanks(messages: PageMessages) -> str:
    words = messages.texts["thanks"]["received"]
    return f"{words['title']} {words['text']}"


def _page_values(form: FormDefinition | None, messages: PageMessages, base_path: str) -> dict[str, Any]:
    logo = form.settings["theme"]["logo_url"] if form else None
    return {
        "messages": messages,
        "texts": messages.texts,
        "base_path": base_path,
        "is_framed": False,
        "version": form.version if form else 0,
        "owner": form.workspace_name if form else "",
        "logo_url": logo if logo and urlsplit(logo).scheme == "https" else None,
    }


def _title(form: FormDefinition) -> str:
    return form.settings["title"] or form.name


def _summary(messages: PageMessages, wrong: int, *, is_whole_wrong: bool) -> str:
    if wrong:
        return messages.counted("summary", wrong)
    other: str = messages.texts["pages"]["other"]["title"]
    return other if is_whole_wrong else ""


def _field_links(views: Sequence[FieldView], messages: PageMessages) -> Markup:
    """Return a sentence of links to the fields, such as `Email and Phone.`"""
    if not views:
        return Markup()
    links = [_FIELD_LINK.format(view.id, view.label) for view in views]
    end = "" if views[-1].label.rstrip().endswith(_SENTENCE_ENDS) else "."
    joined = format_list(links, locale=nearest_language(messages.language))
    return Markup(joined) + end  # noqa: S704  # the links are escaped, and the words between them are Babel's


def _step_views(form: FormDefinition, views: Sequence[FieldView], messages: PageMessages) -> list[StepView]:
    """Return the fields by step. Steps without fields are left out, and the others keep their titles."""
    ordered = sorted(views, key=lambda view: view.step)
    titles = form.settings["step_titles"]
    return [
        StepView(
            number,
            titles[number - 1] if number <= len(titles) else fill_text(messages.texts["step"], {"step": number}),
            list(group),
        )
        for number, group in groupby(ordered, key=lambda view: view.step)
    ]


def _return_link(messages: PageMessages, return_url: str) -> dict[str, str]:
    parts = urlsplit(return_url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return {"return_url": "", "return_label": ""}
    return {"return_url": return_url, "return_label": fill_text(messages.texts["return"], {"host": parts.hostname})}
