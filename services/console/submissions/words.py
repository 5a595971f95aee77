"""Submissions in words: their state, the person, and the verdict as a sentence with its reason."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from markupsafe import Markup

from services.console.quarantine.spam_words import stored_sentence, waits_for_sender
from services.console.submissions.reads import SubmissionDict
from services.console.web.page_view import PageView
from shared.auth.roles import Permission
from shared.leads.submission import SOURCE_KEY

NAME_PAIR = ("first_name", "last_name")
WHOLE_NAMES = ("name", "full_name", "your_name")
CONTACT_FIELDS = ("email", "phone", "company")
MAX_NAME_LENGTH = 60  # characters that a list shows of a name or a contact
MAX_LISTED_REASONS = 3
SHORT_ID_LENGTH = 8


@dataclass(frozen=True)
class SubmissionLine:
    """A submission as a list shows it. `note` is the second line below the verdict; `took` is in seconds."""

    id: str
    record: SubmissionDict
    name: str
    contact: str
    verdict: Markup | str
    note: str
    took: float | None


def submission_line(view: PageView, record: SubmissionDict) -> SubmissionLine:
    """Return a submission in the reader's words."""
    id_ = str(record["id"])
    name, contact = person_of(record["payload"])
    if not view.permits(Permission.SEE_PERSONS):
        name, contact = view.translate("hidden for your role"), ""
    verdict, note = VERDICT_WORDS.get(record["state"], _waiting_words)(view, record)
    decided_at = record["processed_at"]
    took = (decided_at - record["received_at"]).total_seconds() if decided_at else None
    title = name or contact or id_[:SHORT_ID_LENGTH]
    return SubmissionLine(id_, record, title, contact if name else "", verdict, note, took)


def state_words(view: PageView) -> Mapping[str, str]:
    """Return the states of submissions as people call them."""
    return {
        "done": view.translate("done"),
        "accepted": view.translate("waiting"),
        "dead": view.translate("dead"),
        "quarantined": view.translate("held"),
    }


def person_of(payload: Any) -> tuple[str, str]:
    """Return the name and one contact that a payload gives: its bytes as stored, or its value. Empty if it has none."""
    if isinstance(payload, (bytes, memoryview)):
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return "", ""
    if not isinstance(payload, dict):
        return "", ""
    name = " ".join(filter(None, (_text_of(payload, field) for field in NAME_PAIR)))
    name = name or next(filter(None, (_text_of(payload, field) for field in WHOLE_NAMES)), "")
    contact = next(filter(None, (_text_of(payload, field) for field in CONTACT_FIELDS)), "")
    return _shortened(name), contact


def _is_test(payload: Any) -> bool:
    """Return whether a stored payload, if it is known, is a provider's test."""
    if isinstance(payload, (bytes, memoryview)) and b'"is_test"' in bytes(payload):
        try:
            payload = orjson.loads(payload)
        except orjson.JSONDecodeError:
            return False
    part = payload.get(SOURCE_KEY) if isinstance(payload, dict) else None
    return isinstance(part, dict) and bool(part.get("is_test"))


def _text_of(payload: Mapping[str, Any], field: str) -> str:
    value = payload.get(field)
    return _shortened(" ".join(value[:1000].split())) if isinstance(value, str) else ""


def _shortened(text: str) -> str:
    return text if len(text) <= MAX_NAME_LENGTH else f"{text[: MAX_NAME_LENGTH - 1]}…"


def _done_words(view: PageView, record: SubmissionDict) -> tuple[Markup | str, str]:
    warning = stored_sentence(next(iter(record["warnings"] or ()), ""), view.translate)
    if record["lead_id"] is None and _is_test(record["payload"]):
        return view.translate("a test: it makes no lead"), warning
    if record["lead_id"] is None:
        return view.translate("decided; its lead is gone"), warning
    address = view.path(f"leads/{record['lead_id']}")
    lead = Markup('<a class="link ltr" href="{}">#{}</a>').format(address, record["lead_id"])
    if not record["is_duplicate"]:
        return _sentence(view.translate("new lead %(lead)s"), lead=lead), warning
    by_match = {
        ("email",): view.translate("joined %(lead)s by e-mail"),
        ("phone",): view.translate("joined %(lead)s by phone"),
        ("email", "phone"): view.translate("joined %(lead)s by e-mail and phone"),
    }
    sentence = by_match.get(tuple(sorted(record["matched_on"] or ())), view.translate("joined %(lead)s"))
    changes = len(record["changes"] or ())
    changed = view.translate_count("%(n)s field changed", "%(n)s fields changed", changes)
    return _sentence(sentence, lead=lead), warning or (changed if changes else view.translate("nothing new"))


def _dead_words(view: PageView, record: SubmissionDict) -> tuple[Markup | str, str]:
    title, attempts = record.get("cause_title"), record["attempts"]
    tries = view.translate_count("%(n)s attempt", "%(n)s attempts", attempts)
    if not title:
        return view.translate("could not be decided"), tries
    shown = Markup("<bdi>{}</bdi>").format(title)
    link = Markup('<a class="link" href="{}">{}</a>').format(view.path("dead-letters", cause=record["cause_id"]), shown)
    return link, view.translate("%(type)s, %(tries)s", type=record["error_type"], tries=tries)


def _held_words(view: PageView, record: SubmissionDict) -> tuple[Markup | str, str]:
    spam = record["spam"] or {}
    listed = [str(reason["text"]) for reason in (spam.get("reasons") or ())[:MAX_LISTED_REASONS]]
    hides = not view.permits(Permission.SEE_PERSONS)
    reasons = " · ".join(stored_sentence(text, view.translate, hides_values=hides).removesuffix(".") for text in listed)
    if record["rejected_at"]:
        return view.translate("marked as spam"), reasons
    if waits_for_sender(spam, None):
        return view.translate("waits for its sender to confirm the address"), ""
    if "score" not in spam:
        return view.translate("held as suspected spam"), reasons
    return view.translate("spam score %(score)s", score=view.formatting.number(spam["score"])), reasons


def _waiting_words(view: PageView, record: SubmissionDict) -> tuple[Markup | str, str]:
    attempts = record["attempts"]
    tried = view.translate_count("tried %(n)s time, goes on", "tried %(n)s times, goes on", attempts)
    return view.translate("being decided"), tried if attempts else ""


def _sentence(message: str, **values: Markup) -> Markup:
    """Return a translated sentence with markup in its places."""
    return Markup(message) % values  # noqa: S704  # the message is ours, and the values are markup


VERDICT_WORDS = {
    "done": _done_words,
    "dead": _dead_words,
    "quarantined": _held_words,
    "accepted": _waiting_words,
}
