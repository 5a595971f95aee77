"""Turn a fetched response to a LinkedIn lead form into a lead, by the questions of its form. Pure.

Source: https://learn.microsoft.com/linkedin/marketing/lead-sync/lead-sync-schema (forms, responses, consents). Answers
of the versioned API stand in `answerDetails`, those of the former one under names such as
`com.linkedin.ads.TextQuestionAnswer` or directly in the answer.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from shared.integrations.attribution import Attribution, make_attribution
from shared.integrations.reading.contact_reading import AnsweredField, ContactKind, is_email, read_contact
from shared.integrations.reading.event_times import utc_time
from shared.integrations.reading.untrusted_json import dict_at, is_true_at, list_at, text_at, value_at
from shared.integrations.source_event import SourceEvent

CREATED_ACTION = "CREATED"
KINDS_BY_PREDEFINED_FIELD: Mapping[str, ContactKind] = {
    "FIRST_NAME": "first_name",
    "LAST_NAME": "last_name",
    "EMAIL": "email",
    "WORK_EMAIL": "email",
    "PHONE_NUMBER": "phone",
    "WORK_PHONE_NUMBER": "phone",
    "COMPANY_NAME": "company",
    "JOB_TITLE": "job_title",
    "COUNTRY": "country",
}
MAX_WORDING_LENGTH = 255  # characters of a consent's wording
_FORM_NUMBER = re.compile(r"leadGenForm:(\d+)").search
_INTERNATIONAL_NUMBER = re.compile(r"\+\d[\d ()./-]{6,20}").fullmatch


def lead_event_of(response: Any, form: Any = None) -> SourceEvent:
    """Return the event of a fetched response. It has the key of the notification of that response.

    The form is that of the API, with its questions, hidden fields and consents; without one, the form within the
    response counts.
    """
    form = form or value_at(response, "form")
    response_id = text_at(response, "id").rpartition(":")[2]
    hidden = list(_hidden_fields(response, form))
    submitter = text_at(response, "submitter")
    return SourceEvent(
        event_id=event_key(response_id, CREATED_ACTION) if response_id else None,
        object_id=response_id or None,
        account_id=owner_of(response),
        external_id=submitter if submitter.rpartition(":")[2] not in ("", "0") else None,
        lead=read_contact([*_answers(response, form), *hidden]),
        attribution=_attribution(response, form, hidden),
        is_test=is_true_at(response, "testLead"),
        document={**response, "form": form} if isinstance(response, dict) and form else response,
    )


def event_key(response_id: str, action: str) -> str:
    """Return the key of a notification: a response is created and deleted under one id."""
    return f"{response_id}:{action}"


def owner_of(node: Any) -> str | None:
    """Return the URN of the advertising account or organization, or None."""
    owners = dict_at(node, "owner")
    found = text_at(owners, "sponsoredAccount") or text_at(owners, "organization") or text_at(node, "owner")
    return found or next(filter(None, (text_at(owners, name) for name in owners)), None)


def form_id_of(urn: str) -> str:
    """Return the number of a form from its URN, which may name a version of it."""
    found = _FORM_NUMBER(urn)
    return found.group(1) if found else urn


def ad_of_entity(node: Any) -> str:
    """Return the number of the creative that a lead came by; leads of events and pages have none."""
    entity = value_at(node, "associatedEntity")
    urns = [entity, *(entity.values() if isinstance(entity, dict) else ())]
    creative = next((urn for urn in urns if isinstance(urn, str) and "sponsoredCreative:" in urn), "")
    return creative.rpartition(":")[2]


def _attribution(response: Any, form: Any, hidden: list[AnsweredField]) -> Attribution:
    campaign = text_at(response, "leadMetadata", "sponsoredLeadMetadata", "campaign")
    form_urn = text_at(response, "versionedLeadGenFormUrn") or text_at(response, "leadGenForm")
    return make_attribution(
        {field.key: field.value for field in hidden},
        at=utc_time(value_at(response, "submittedAt") or value_at(response, "formResponse", "submittedAt")),
        platform="linkedin",
        provider_lead_id=text_at(response, "id").rpartition(":")[2],
        form_id=form_id_of(form_urn or text_at(form, "id")),
        ad_id=ad_of_entity(response),
        campaign_id=(campaign or text_at(response, "campaign")).rpartition(":")[2],
        campaign_name=text_at(response, "leadMetadataInfo", "sponsoredLeadMetadataInfo", "campaign", "name"),
        consent=_consents(response, form),
    )


def _hidden_fields(response: Any, form: Any) -> Iterator[AnsweredField]:
    for field in list_at(form, "hiddenFields") or list_at(response, "hiddenFields"):
        yield AnsweredField(value_at(field, "value"), key=text_at(field, "name"))


def _consents(response: Any, form: Any) -> dict[str, bool]:
    wordings = {
        text_at(consent, "id"): _localized(value_at(consent, "consent"), form) or text_at(consent, "label")
        for consent in list_at(form, "content", "legalInfo", "consents")
    }
    consents: dict[str, bool] = {}
    for answer in list_at(response, "formResponse", "consentResponses"):
        consent_id = text_at(answer, "consentId")
        name = wordings.get(consent_id) or (f"consent_{consent_id}" if consent_id else "consent")
        consents[name[:MAX_WORDING_LENGTH]] = is_true_at(answer, "accepted")
    return consents


def _answers(response: Any, form: Any) -> Iterator[AnsweredField]:
    questions = {
        text_at(question, "questionId") or text_at(question, "id"): question
        for question in list_at(form, "content", "questions") or list_at(form, "questions")
    }
    for answer in list_at(response, "formResponse", "answers") or list_at(response, "answers"):
        question_id = (text_at(answer, "questionId") or text_at(answer, "question")).rpartition(",")[2].rstrip(")")
        question = questions.get(question_id)
        value = _answer_value(answer, question, form)
        yield AnsweredField(
            value,
            label=_localized(value_at(question, "question"), form) or text_at(question, "label"),
            key=text_at(question, "name") or f"answer_{question_id}",
            kind=_kind(text_at(question or answer, "predefinedField").upper(), question, value),
        )


def _kind(predefined_field: str, question: Any, value: Any) -> ContactKind | None:
    """Return the kind by the predefined field; without the question, by an answer that can be nothing else."""
    if predefined_field:
        return KINDS_BY_PREDEFINED_FIELD.get(predefined_field, "custom")
    if question is None and isinstance(value, str):
        return "email" if is_email(value.strip()) else "phone" if _INTERNATIONAL_NUMBER(value.strip()) else None
    return None


def _answer_value(answer: Any, question: Any, form: Any) -> Any:
    details = dict_at(answer, "answerDetails") or dict_at(answer, "accepted") or dict_at(answer)
    for name, detail in details.items():
        kind = name.rpartition(".")[2].lower()
        if kind == "textquestionanswer":
            return text_at(detail, "answer")
        if kind in ("multiplechoiceanswer", "multiplechoicequestionanswer"):
            chosen = [_choice(option, question, form) for option in list_at(detail, "options")]
            return chosen[0] if len(chosen) == 1 else chosen
    return value_at(answer, "answer") if "answer" in dict_at(answer) else value_at(answer, "value")


def _choice(option: Any, question: Any, form: Any) -> str:
    """Return the wording of a chosen option: the answer holds its number."""
    if isinstance(option, dict):
        option = next((value for value in option.values() if isinstance(value, dict)), option)
        option = text_at(option, "id") or text_at(option, "index") or text_at(option, "text")
    number = str(option)
    offered = list_at(question, "questionDetails", "multipleChoiceQuestionDetails", "options")
    for position, offer in enumerate(offered):
        if (text_at(offer, "id") or str(position)) == number:
            return _localized(value_at(offer, "text"), form) or text_at(offer, "label") or number
    return number


def _localized(node: Any, form: Any) -> str:
    """Return a text in the language in which the form was made, or in the first one that there is."""
    texts = dict_at(node, "localized")
    locale = f"{text_at(form, 'creationLocale', 'language')}_{text_at(form, 'creationLocale', 'country')}"
    return text_at(texts, locale) or next(filter(None, (text_at(texts, name) for name in texts)), "") or text_at(node)
