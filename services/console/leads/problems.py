"""What is wrong with an edit of a lead, in words, by field."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from services.console.leads.words import shown_person_value, status_words
from services.console.web.page_view import PageView
from shared.leads.edit import INVALID_PHONE_MESSAGE
from shared.platform.errors import FieldErrors
from shared.platform.validation.messages import ERROR_MESSAGES

_TOO_LONG = re.compile(r"must not be greater than (\d+) characters")


def lead_problems(
    view: PageView, errors: FieldErrors, conflicts: Mapping[str, Any], names: Mapping[tuple[str, int], str]
) -> dict[str, str]:
    """Return one problem for each field. `names` are those of stages and users, by field and id."""
    problems = {field: _problem(view, field, messages) for field, messages in errors.items()}
    for field, value in conflicts.items():
        if field in problems:
            problems[field] = view.translate(
                "Somebody changed this meanwhile: it is now %(value)s. Save again to replace it.",
                value=_value_words(view, field, value, names),
            )
    return problems


def _problem(view: PageView, field: str, messages: Sequence[str]) -> str:
    message = messages[0]
    if message == INVALID_PHONE_MESSAGE:
        return view.translate("This is no possible number. Begin with + and the code of the country.")
    if message == ERROR_MESSAGES["email"].format(field=field):
        return view.translate("This is no e-mail address.")
    if message == ERROR_MESSAGES["missing"].format(field=field):
        return view.translate("This cannot be left empty.")
    if found := _TOO_LONG.search(message):
        return view.translate("This has more than %(n)s characters.", n=view.formatting.number(int(found[1])))
    return message


def _value_words(view: PageView, field: str, value: Any, names: Mapping[tuple[str, int], str]) -> str:
    if value is None or value == "":
        return view.translate("empty")
    if field == "status":
        return status_words(view).get(str(value), str(value))
    if (field, value) in names:
        return names[field, value]
    return shown_person_value(view, field, value) or view.translate("empty")
