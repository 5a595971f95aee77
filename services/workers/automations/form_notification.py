"""The mails about a form submission: its values as a plain text table, and the reply to the visitor. Pure."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from shared.outbound.staff_texts import StaffTexts

TEXTS_NAME = "form_submission"
MAX_REPLY_SUBJECT_LENGTH = 255  # characters
MAX_REPLY_VALUE_LENGTH = 100  # characters of a visitor's value in a reply
# Whoever fills in a form chooses the address that the reply goes to. What they typed must not advertise anything there.
_ADVERTISING_PATTERN = re.compile(r"://|www\.|\b[a-z0-9-]{2,}\.[a-z]{2,}\b", re.IGNORECASE).search
_REPLY_FIELDS = ("first_name", "last_name", "company", "job_title", "country")

MAX_LABEL_WIDTH = 24  # characters of the label column; longer labels extend beyond it


class FormNotification(NamedTuple):
    """A form submission, with the current labels, notification addresses and reply of the form.

    `lead`: the values that the templates of the reply may use, with the `email` that it goes to.
    """

    lead_id: int
    form_id: int
    submission_id: str
    received_at: datetime
    form_name: str
    fields: Sequence[Mapping[str, Any]]
    addresses: Sequence[str]
    languages: Mapping[str, str]  # that users have chosen, by their address in lower case
    values: Mapping[str, Any]
    auto_reply: Mapping[str, str] | None
    lead: Mapping[str, Any]


def reply_values(body: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a submission that a reply may use, without long ones and those that hold addresses."""
    usable = {name: body.get(name) for name in _REPLY_FIELDS}
    return {"email": body.get("email"), **{name: value for name, value in usable.items() if _is_harmless(value)}}


def _is_harmless(value: Any) -> bool:
    return isinstance(value, str) and len(value) <= MAX_REPLY_VALUE_LENGTH and not _ADVERTISING_PATTERN(value)


def mail_subject(filled: FormNotification, texts: StaffTexts) -> str:
    """Return the subject of the mail."""
    return texts.fill(TEXTS_NAME, "subject", form=filled.form_name)


def mail_body(filled: FormNotification, texts: StaffTexts) -> str:
    """Return the text of the mail. Values are in the order of the form; values of removed fields come last."""
    labels = {field["key"]: field["label"] for field in filled.fields}
    order = [key for key in labels if key in filled.values] + [key for key in filled.values if key not in labels]
    rows = [(labels.get(key, key), _value_text(filled.values[key], texts)) for key in order]
    width = min(max((len(label) for label, _ in rows), default=0), MAX_LABEL_WIDTH) + 2
    at = f"{filled.received_at:%Y-%m-%d %H:%M:%S %Z}"
    told = texts.fill(TEXTS_NAME, "received", at=at, lead=filled.lead_id)
    return "\n".join([*(_table_row(label, text, width) for label, text in rows), "", told, filled.submission_id, ""])


def _table_row(label: str, text: str, width: int) -> str:
    indented = f"\n{' ' * width}".join(text.splitlines())
    return f"{label:<{width - 2}}  {indented}".rstrip()


def _value_text(value: Any, texts: StaffTexts) -> str:
    match value:
        case bool():
            return texts.fill(TEXTS_NAME, "yes" if value else "no")
        case list():
            return texts.fill(TEXTS_NAME, "separator").join(_value_text(one, texts) for one in value)
        case {"name": name, "size": size, "type": kind}:  # only this is kept of a file
            return texts.fill(TEXTS_NAME, "file", name=name, type=kind, size=size)
        case None:
            return ""
    return str(value)
