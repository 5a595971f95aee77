"""Find the person in the answers of a form: by the type of a field first, then by its label. Pure.

Whatever is no field of a lead becomes a custom field under a readable key, so that nothing that a person wrote is lost.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from shared.integrations.attribution import is_campaign_parameter
from shared.integrations.reading.contact_labels import LabelKind, kind_by_label, kinds_mentioned
from shared.integrations.reading.label_text import word_slug
from shared.integrations.reading.name_parts import name_parts
from shared.leads.contact_text import InvalidContact
from shared.leads.email_normalization import normalise_email

ContactKind = LabelKind | Literal["custom"]  # custom: certainly no field of a lead, whatever its label says

# Characters that an inbound lead may have.
MAX_LENGTHS = {
    "first_name": 255,
    "last_name": 255,
    "company": 255,
    "job_title": 255,
    "country": 100,
    "phone": 255,
    "email": 254,
    "notes": 10_000,
}
MAX_CUSTOM_FIELDS = 200
MAX_KEY_LENGTH = 100  # characters of a custom field's key
NAME_KINDS = ("full_name", "first_name", "last_name")

_EMAIL_PATTERN = re.compile(r"[^\s@<>]+@[^\s@<>]+\.[^\s@<>]+").fullmatch
_PHONE_PATTERN = re.compile(r"\+?[\d\s().\-/]{7,}(?:(?:x|ext\.?)\s*\d{1,6})?", re.IGNORECASE).fullmatch
_DATE_PATTERN = re.compile(r"\d{4}[-./]\d\d?[-./]\d\d?|\d\d?[-./]\d\d?[-./](?:\d\d|\d{4})").fullmatch
_SALUTATIONS = frozenset("mr mrs ms miss mx dr prof sir madam herr frau monsieur madame señor señora sr sra".split())


@dataclass(frozen=True, slots=True)
class AnsweredField:
    """A field of a form with its answer.

    `kind` is what the provider says that the field is, if it says so. `label` is what the person saw; `key` is the
    field's technical name, which is used where the label tells nothing.
    """

    value: Any
    label: str = ""
    key: str = ""
    kind: ContactKind | None = None


def read_contact(fields: Iterable[AnsweredField]) -> dict[str, Any]:
    """Return an inbound lead from answered fields.

    A field whose provider says its kind wins over one with a telling label, and this over one whose label only mentions
    an email or phone. The first email, phone and so on counts; further ones become custom fields. Answers that are no
    email or phone, and campaign parameters, never identify a person. Several notes become one. Texts are cut to the
    limits of a lead.
    """
    waiting = [field for field in fields if not _is_blank(field.value) and not _is_parameter(field)]
    contact: dict[str, Any] = {}
    for kinds_of in (_declared_kinds, _labelled_kinds, _mentioned_kinds):
        waiting = [field for field in waiting if not any(_fill(contact, kind, field) for kind in kinds_of(field))]
    custom: dict[str, Any] = {}
    if full_name := contact.pop("full_name", None):
        if names := name_parts(full_name, contact.get("first_name", ""), contact.get("last_name", "")):
            contact |= names
        else:
            custom["full_name"] = full_name
    for field in waiting:
        _add_custom(custom, readable_key(field.label, field.key), field.value)
    return fit_lead({**contact, **({"custom_fields": custom} if custom else {})})


def readable_key(label: str, key: str = "") -> str:
    """Return a key for a custom field: the label in lower case, with underscores, in its own script."""
    slug = word_slug(label) or word_slug(key) or "field"
    return slug[:MAX_KEY_LENGTH].rstrip("_")


def answer_text(value: Any) -> str:
    """Return an answer as one text: choices joined by commas, members of an object by spaces, flags as yes or no."""
    if isinstance(value, list):
        return ", ".join(filter(None, map(answer_text, value)))
    if isinstance(value, dict):
        return " ".join(filter(None, map(answer_text, value.values())))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()


def is_email(text: str) -> bool:
    """Return whether a text is an email address that a lead may have."""
    if len(text) > MAX_LENGTHS["email"] or not _EMAIL_PATTERN(text):
        return False
    try:
        normalise_email(text)
    except InvalidContact:
        return False
    return True


def looks_like_phone(text: str) -> bool:
    """Return whether a text may be a phone number: at most 64 characters, at least five digits, few letters."""
    digits = sum(char.isdigit() for char in text)
    letters = sum(char.isalpha() for char in text)
    return len(text) <= 64 and digits >= 5 and letters <= digits


def fit_lead(lead: Mapping[str, Any]) -> dict[str, Any]:
    """Return a lead within the limits of an inbound lead: texts are cut, and superfluous custom fields left out.

    An email that is none becomes the custom field `email`. The raw body keeps what does not fit.
    """
    fitted = dict(lead)
    custom: dict[str, Any] = {}
    for key, value in (fitted.pop("custom_fields", None) or {}).items():
        _add_custom(custom, str(key)[:MAX_KEY_LENGTH] or "field", value)
    email = fitted.get("email")
    if email is not None and not (isinstance(email, str) and is_email(email.strip())):
        del fitted["email"]
        _add_custom(custom, "email", email)
    for name, limit in MAX_LENGTHS.items():
        if isinstance(fitted.get(name), str):
            fitted[name] = fitted[name].strip()[:limit].rstrip()
    fitted = {name: value for name, value in fitted.items() if not _is_blank(value)}
    if custom:
        fitted["custom_fields"] = dict(list(custom.items())[:MAX_CUSTOM_FIELDS])
    return fitted


def _declared_kinds(field: AnsweredField) -> list[ContactKind]:
    return [field.kind] if field.kind and field.kind != "custom" else []


def _labelled_kinds(field: AnsweredField) -> list[ContactKind]:
    kind = None if field.kind else kind_by_label(field.label) or kind_by_label(field.key)
    return [kind] if kind and _fits_label(kind, answer_text(field.value)) else []


def _mentioned_kinds(field: AnsweredField) -> list[ContactKind]:
    """Return the kinds that a long label mentions, as far as the answer has the shape of an email or phone number."""
    if field.kind:
        return []
    found = [*kinds_mentioned(field.label), *kinds_mentioned(field.key)]
    return [kind for kind in found if kind == "email" or _is_certainly_phone(field.value)]


def _fits_label(kind: ContactKind, text: str) -> bool:
    """Return whether an answer may be what its label says. Emails and phones are checked for every field."""
    if kind in ("email", "phone"):
        return True
    if len(text) > MAX_LENGTHS.get(kind, 255) or (kind != "notes" and (is_email(text) or "://" in text)):
        return False
    if kind == "job_title" and text.rstrip(".").casefold() in _SALUTATIONS:
        return False
    if kind == "country" and any(map(str.isdigit, text)):
        return False
    return kind in ("company", "notes") or any(map(str.isalpha, text))


def _is_certainly_phone(value: Any) -> bool:
    texts = [answer_text(item) for item in value] if isinstance(value, list) else [answer_text(value)]
    return any(
        bool(_PHONE_PATTERN(text)) and not _DATE_PATTERN(text) and 7 <= sum(map(str.isdigit, text)) <= 21
        for text in texts
    )


def _fill(contact: dict[str, Any], kind: ContactKind, field: AnsweredField) -> bool:
    """Put the answer into the lead. Return False if it does not belong there, or not all of it fits."""
    value = field.value
    if isinstance(value, bool):
        return False
    if kind == "notes":
        return _add_note(contact, answer_text(value))
    check = _CHECKS.get(kind)
    if isinstance(value, list) and (check or kind in NAME_KINDS):
        return _fill_from_list(contact, kind, value)
    text = answer_text(value)
    if not text or (check and not check(text)):
        return False
    return bool(contact.setdefault(kind, text) == text)


def _fill_from_list(contact: dict[str, Any], kind: ContactKind, values: list[Any]) -> bool:
    """Fill from several answers: from the first that fits, or for a name from all its words."""
    texts = [answer_text(value) for value in values if not _is_blank(value)]
    if kind in NAME_KINDS:
        return _fill(contact, kind, AnsweredField(" ".join(texts)))
    filled = [text for text in texts if _fill(contact, kind, AnsweredField(text))]
    return len(filled) == len(texts)


def _add_note(contact: dict[str, Any], text: str) -> bool:
    notes = f"{contact['notes']}\n\n{text}" if "notes" in contact else text
    if not text or ("notes" in contact and len(notes) > MAX_LENGTHS["notes"]):
        return False
    contact["notes"] = notes
    return True


def _add_custom(custom: dict[str, Any], key: str, value: Any) -> None:
    number, name = 1, key
    while name in custom:
        number += 1
        name = f"{key[: MAX_KEY_LENGTH - 5]}_{number}"
    custom[name] = value.strip() if isinstance(value, str) else value


def _is_blank(value: Any) -> bool:
    if isinstance(value, str):
        return not value.strip()
    if isinstance(value, list | dict):
        return all(map(_is_blank, value.values() if isinstance(value, dict) else value))
    return value is None


def _is_parameter(field: AnsweredField) -> bool:
    """Return whether a field belongs to the attribution, which takes texts and numbers."""
    if field.kind or not is_campaign_parameter(field.key or field.label):
        return False
    return isinstance(field.value, str | int | float) and not isinstance(field.value, bool)


_CHECKS: Mapping[ContactKind, Callable[[str], bool]] = {"email": is_email, "phone": looks_like_phone}
