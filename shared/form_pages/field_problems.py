"""Word a visitor's mistakes in the language of the page. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from shared.form_pages.page_messages import PageMessages, page_messages
from shared.form_pages.page_state import FORM_PROBLEM_KEY, FieldProblem
from shared.forms.definition import FormDefinition
from shared.forms.field_definition import FormFieldRecord

# Codes of problems. A code without a wording of its own gets that of `invalid`.
FIELD_PROBLEM_CODES = (
    *("required", "invalid", "email", "phone", "number", "date", "url", "option", "too_long"),
    *("file_too_large", "file_type", "file_no_room"),
)
FORM_PROBLEM_CODES = ("files_too_large", "challenge", "rate_limited", "unavailable", "conflict")

MIN_PHONE_DIGITS = 5
_find_space = re.compile(r"\s").search
_count_digits = re.compile(r"\d").findall

_REQUIRED_CODES = {
    **dict.fromkeys(("select", "multiselect", "radio"), "required_choice"),
    **{"file": "required_file", "consent": "required_consent"},
}


def problem_texts(
    form: FormDefinition, language: str, errors: Mapping[str, Sequence[FieldProblem]], values: Mapping[str, Any]
) -> dict[str, list[str]]:
    """Return the wording of all problems by field key, in the order of the form; those of the whole form under ""."""
    messages = page_messages(language)
    fields = {field["key"]: field for field in form.fields}
    order = [key for key in (FORM_PROBLEM_KEY, *fields) if key in errors]
    return {
        key: [word_problem(messages, fields.get(key), problem, values.get(key)) for problem in errors[key]]
        for key in order
    }


def word_problem(messages: PageMessages, field: FormFieldRecord | None, problem: FieldProblem, value: Any) -> str:
    """Return the wording of one problem of a field, or of the whole form (None)."""
    params = dict(problem.params)
    if "types" in params:
        params["types"] = file_type_names(messages, params["types"])
    return messages.problem(_refined_code(field, problem.code, value), params)


def file_type_names(messages: PageMessages, accepted: Sequence[str]) -> str:
    """Return the names of file types: `PDF, images` for `.pdf` and `image/*`."""
    families: Mapping[str, str] = messages.texts["file_families"]
    names = (
        families.get(each.removesuffix("/*"), each)
        if each.endswith("/*")
        else each.rpartition("/")[2].removeprefix(".").upper()
        for each in accepted
    )
    comma: str = messages.texts["list_comma"]
    return comma.join(dict.fromkeys(names))


def _refined_code(field: FormFieldRecord | None, code: str, value: Any) -> str:
    """Return a code that says more, where the field's type or the value shows it."""
    if field is not None and code == "required":
        return _REQUIRED_CODES.get("select" if field["options"] else field["type"], code)
    if code == "email" and isinstance(value, str):
        return _email_code(value.strip())
    if code == "phone" and isinstance(value, str) and len(_count_digits(value)) < MIN_PHONE_DIGITS:
        return "phone_short"
    return code


def _email_code(value: str) -> str:
    if "@" not in value:
        return "email_no_at"
    if _find_space(value):
        return "email_space"
    _, _, domain = value.rpartition("@")
    return "email" if "." in domain.strip(".") else "email_no_dot"
