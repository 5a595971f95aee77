"""Double opt-in: whether a submission waits until its sender confirms the address, and the mail that asks for it."""

from collections.abc import Mapping
from typing import Any

from shared.form_pages.page_messages import fill_text, page_messages
from shared.forms.definition import FormDefinition


def awaits_confirmation(form: FormDefinition, lead: Mapping[str, Any]) -> bool:
    """Return whether the submission waits until the link of a mail is followed."""
    return form.settings["double_opt_in"] and bool(lead.get("email"))


def confirmation_mail(form: FormDefinition, language: str) -> dict[str, str]:
    """Return the subject and the body of the mail that asks for a confirmation. `[link]` stands for its link."""
    texts = page_messages(language).texts["confirmation"]
    title = form.settings["title"] or form.name
    return {part: fill_text(texts[part], {"form": title}) for part in ("subject", "body")}
