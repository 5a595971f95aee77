"""What the forms of all builders have in common: campaign parameters, consents, and their bodies. Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import lru_cache
from typing import Any

from shared.integrations.attribution import CLICK_ID_NAMES, UTM_FIELDS, Attribution, make_attribution
from shared.integrations.reading.contact_labels import asks_about_others
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, answer_text, is_email, read_contact
from shared.integrations.reading.label_text import MAX_LABEL_LENGTH
from shared.integrations.webhook_exchange import MULTIPART_MEDIA_TYPE, UnreadableBody, WebhookRequest
from shared.leads.form_encoding import MalformedBody, parse_brackets

_NOT_WORDS = re.compile(r"[\W_]+")
_PARAMETERS = {name.lower().replace("_", ""): name for name in (*UTM_FIELDS, *CLICK_ID_NAMES)}

_ASKS_FOR_CONSENT = re.compile(
    r"consent|gdpr|dsgvo|rgpd|lgpd|privacy|(?<![a-z])agree|i accept|accept the|(?<![a-z])terms.(?:and|of|&)|^terms$|"
    r"acceptance|(?<![a-z])opt.?in(?![a-z])|datenschutz|einwillig|zustimm|privacidad|confidentialit|j.accepte|acepto|"
    r"aceito|accetto|согла|同意|أوافق",
    re.IGNORECASE,
).search
_YES = frozenset("yes true 1 on checked accepted agreed agree accept ja si sí oui sim да はい نعم".split())
_NO = frozenset("no false 0 off unchecked declined disagree nein non não nao нет いいえ لا".split())
_AGREES = re.compile(r"(?:yes,? )?i (?:agree|accept|consent)\b", re.IGNORECASE).match


def parameter_name(name: str) -> str:
    """Return the campaign parameter or click id that a field is named after, or an empty text.

    `UTM Source` and `utmSource` are `utm_source`.
    """
    return _parameter_name(name) if len(name) <= MAX_LABEL_LENGTH else ""


@lru_cache(maxsize=4096)  # the same forms come again and again
def _parameter_name(name: str) -> str:
    return _PARAMETERS.get(_NOT_WORDS.sub("", name.lower()), "")


def form_answer(value: Any, label: str = "", key: str = "", kind: ContactKind | None = None) -> AnsweredField:
    """Return an answer of a form. If it holds a campaign parameter, the parameter's name is its key."""
    return AnsweredField(value, label, parameter_name(key) or parameter_name(label) or key, kind)


def read_form(
    answers: Iterable[AnsweredField], consent: Mapping[str, bool] | None = None, **known: Any
) -> tuple[dict[str, Any], Attribution]:
    """Return the lead and the attribution of a form.

    `consent` and `known` are what the provider says outright. Further consents are recognised by their wording. Without
    any email under a telling label, the first answer that is an email address counts. It is never that of a field whose
    kind is known, or of a field that asks about somebody else.
    """
    consents, rest = dict(consent or {}), []
    for answer in answers:
        agreed = agrees(answer.label or answer.key, answer.value)
        if agreed is None:
            rest.append(answer)
        else:
            consents.setdefault(answer.label or answer.key, agreed)
    parameters: dict[str, Any] = {}
    for answer in rest:
        if answer_text(answer.value):
            parameters.setdefault(answer.key, answer.value)
    lead = read_contact(rest)
    if "email" not in lead:
        lead = read_contact(_with_guessed_email(rest))
    return lead, make_attribution(parameters, consent=consents, **known)


def asks_for_consent(wording: str) -> bool:
    """Return whether a question asks for a consent, by its wording in the commonest languages."""
    return bool(_ASKS_FOR_CONSENT(wording))


def agrees(wording: str, value: Any) -> bool | None:
    """Return the answer to a question for a consent, or None for other questions and answers."""
    agreed = says_yes(value)  # first, since looking for a consent in the wording takes longer
    return agreed if agreed is not None and asks_for_consent(wording) else None


def says_yes(value: Any) -> bool | None:
    """Return what an answer says: true, false, or None if it is neither a yes nor a no."""
    if isinstance(value, bool):
        return value
    if isinstance(value, list) and len(value) == 1:
        return says_yes(value[0])
    if not isinstance(value, str | int):
        return None
    text = str(value).strip().rstrip(".!").lower()
    if text in _YES or _AGREES(text):
        return True
    return False if text in _NO else None


def body_object(request: WebhookRequest) -> dict[str, Any]:
    """Return the JSON object of a body, or the fields of its form, nested by their brackets. Raises UnreadableBody.

    Of a file in a multipart form the name is kept.
    """
    if is_json(request):
        return request.document_object
    pairs = request.multipart_pairs if request.media_type == MULTIPART_MEDIA_TYPE else request.form_pairs
    try:
        form = parse_brackets((name, value if isinstance(value, str) else value.name) for name, value in pairs)
    except MalformedBody as error:
        raise UnreadableBody("The form is nested too deeply.") from error
    if not form:
        raise UnreadableBody("The body has no fields.")
    return form


def is_json(request: WebhookRequest) -> bool:
    """Return whether the body is JSON, by its type, or by its first character where a sender forgot the type."""
    return request.media_type.endswith("json") or request.body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")


def _with_guessed_email(answers: list[AnsweredField]) -> list[AnsweredField]:
    guessed = list(answers)
    for index, answer in enumerate(answers):
        is_of_another = asks_about_others(answer.label) or asks_about_others(answer.key)
        is_asked = answer.kind is None and not parameter_name(answer.key) and not is_of_another
        if is_asked and isinstance(answer.value, str) and is_email(answer.value.strip()):
            guessed[index] = replace(answer, kind="email")
            break
    return guessed
