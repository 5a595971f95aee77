"""The mail about a form submission: its values as a plain text table. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

MAX_LABEL_WIDTH = 24  # characters of the label column; longer labels extend beyond it


class FormNotification(NamedTuple):
    """A form submission, with the current labels and notification addresses of the form."""

    lead_id: int
    submission_id: str
    received_at: datetime
    form_name: str
    fields: Sequence[Mapping[str, Any]]
    addresses: Sequence[str]
    values: Mapping[str, Any]


def mail_subject(filled: FormNotification) -> str:
    """Return the subject of the mail."""
    return f"{filled.form_name}: new submission"


def mail_body(filled: FormNotification) -> str:
    """Return the text of the mail. Values are in the order of the form; values of removed fields come last."""
    labels = {field["key"]: field["label"] for field in filled.fields}
    order = [key for key in labels if key in filled.values] + [key for key in filled.values if key not in labels]
    rows = [(labels.get(key, key), _value_text(filled.values[key])) for key in order]
    width = min(max((len(label) for label, _ in rows), default=0), MAX_LABEL_WIDTH) + 2
    told = f"Received {filled.received_at:%Y-%m-%d %H:%M:%S %Z}. Lead {filled.lead_id}."
    return "\n".join([*(_table_row(label, text, width) for label, text in rows), "", told, filled.submission_id, ""])


def _table_row(label: str, text: str, width: int) -> str:
    indented = f"\n{' ' * width}".join(text.splitlines())
    return f"{label:<{width - 2}}  {indented}".rstrip()


def _value_text(value: Any) -> str:
    match value:
        case bool():
            return "yes" if value else "no"
        case list():
            return ", ".join(map(_value_text, value))
        case {"name": name, "size": size, "type": kind}:  # only this is kept of a file
            return f"{name} ({kind}, {size} bytes)"
        case None:
            return ""
    return str(value)
