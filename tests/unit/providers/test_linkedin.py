"""LinkedIn: notices are fetched or are deletions, and responses are read by the questions of their form."""

from typing import Any

import pytest

from shared.integrations.providers import linkedin
from shared.integrations.webhook_exchange import SignatureRefused, UnreadableBody
from tests.support.provider_requests import SECRET, URL, read_one, request_of, sample_document

pytestmark = pytest.mark.unit


def test_linkedin_created_is_fetched_and_deleted_is_a_deletion() -> None:
    created = read_one(linkedin.PROVIDER, sample_document("linkedin/lead_action_created.json"))
    assert (created.kind, created.event_id, created.object_id, created.account_id) == (
        "fetch",
        "1a2b3c-4:CREATED",
        "1a2b3c-4",
        "urn:li:sponsoredAccount:123",
    )
    assert created.attribution == {
        "at": "2023-06-07T23:59:18.881+00:00",
        "platform": "linkedin",
        "provider_lead_id": "1a2b3c-4",
        "form_id": "1",
        "ad_id": "456",
    }
    deleted = read_one(linkedin.PROVIDER, sample_document("linkedin/lead_action_deleted.json"))
    assert (deleted.kind, deleted.event_id, deleted.object_id, deleted.account_id) == (
        "deletion",
        "1a2b3c-4:DELETED",
        "1a2b3c-4",
        "urn:li:organization:123",
    )


def test_linkedin_other_notifications_are_ignored() -> None:
    urn = "urn:li:leadGenFormResponse:1"
    for body in (
        {"type": "ORGANIZATION_SOCIAL_ACTION_NOTIFICATIONS", "leadAction": "CREATED", "leadGenFormResponse": urn},
        {"type": "LEAD_ACTION", "leadAction": "UPDATED", "leadGenFormResponse": urn},
        {"type": "LEAD_ACTION", "leadAction": "CREATED"},
    ):
        assert read_one(linkedin.PROVIDER, body).kind == "ignored"
    bodies: tuple[Any, ...] = ({}, [], [{}], {"leadAction": "CREATED"}, 5)
    for strange in bodies:
        with pytest.raises(UnreadableBody):
            read_one(linkedin.PROVIDER, strange)


def test_linkedin_challenge_cannot_be_used_to_sign_a_body() -> None:
    for code in ("", "hmacsha256%3D%7B%7D", "a" * 65, "%0A"):
        with pytest.raises(SignatureRefused, match="wrong_token"):
            linkedin.answer_handshake(
                request_of(method="GET", url=f"{URL}?challengeCode={code}"), {"client_secret": SECRET}
            )


QUESTIONS = [
    {"questionId": 0, "name": "First", "predefinedField": "FIRST_NAME"},
    {"questionId": 1, "name": "Last", "predefinedField": "LAST_NAME"},
    {"questionId": "2", "name": "Mail", "predefinedField": "WORK_EMAIL"},
    {"questionId": 3, "name": "Phone", "predefinedField": "PHONE_NUMBER"},
]


def test_linkedin_response_becomes_a_lead_by_the_questions_of_its_form() -> None:
    response = sample_document("linkedin/lead_form_response_answerDetails.json")
    event = linkedin.lead_event_of(response, {"id": 12, "content": {"questions": QUESTIONS}})
    assert event.lead == {
        "first_name": "Kim",
        "last_name": "Lee",
        "email": "kim@example.com",
        "phone": "+12025550123",
    }
    assert (event.event_id, event.object_id, event.account_id, event.is_test) == (
        "1a2b3c-4:CREATED",
        "1a2b3c-4",
        "urn:li:sponsoredAccount:1",
        False,
    )
    assert event.attribution == {
        "at": "2023-06-07T23:59:18.881+00:00",
        "platform": "linkedin",
        "provider_lead_id": "1a2b3c-4",
        "form_id": "12",
    }


def test_linkedin_response_without_its_form_still_has_email_and_phone() -> None:
    event = linkedin.lead_event_of(sample_document("linkedin/lead_form_response_answerDetails.json"))
    assert event.lead == {
        "email": "kim@example.com",
        "phone": "+12025550123",
        "custom_fields": {"answer_0": "Kim", "answer_1": "Lee"},
    }


COLOURS = [
    {"id": 1, "text": {"localized": {"de_DE": "Rot", "en_US": "Red"}}},
    {"id": 2, "text": {"localized": {"en_US": "Blue"}}},
]
FORM = {
    "id": 7234246,
    "creationLocale": {"language": "en", "country": "US"},
    "hiddenFields": [{"name": "utm_campaign", "value": "spring"}, {"name": "Entity name", "value": "Example"}],
    "content": {
        "questions": [
            {"questionId": 1, "predefinedField": "EMAIL", "question": {"localized": {"es_ES": "Correo"}}},
            {"questionId": 2, "predefinedField": "COMPANY_SIZE", "question": {"localized": {"en_US": "Company"}}},
            {
                "questionId": 3,
                "question": {"localized": {"de_DE": "Farben?", "en_US": "Which colours?"}},
                "questionDetails": {"multipleChoiceQuestionDetails": {"options": COLOURS}},
            },
        ],
        "legalInfo": {"consents": [{"id": 1, "consent": {"localized": {"en_US": "Send me the newsletter"}}}]},
    },
}
RESPONSE = {
    "id": "urn:li:leadGenFormResponse:abc-1",
    "owner": {"organization": "urn:li:organization:5"},
    "submitter": "urn:li:person:xyz",
    "testLead": True,
    "leadMetadata": {"sponsoredLeadMetadata": {"campaign": "urn:li:sponsoredCampaign:99"}},
    "leadMetadataInfo": {"sponsoredLeadMetadataInfo": {"campaign": {"name": "Spring"}}},
    "associatedEntity": {"associatedCreative": "urn:li:sponsoredCreative:44"},
    "submittedAt": 1774688400000,
    "form": FORM,
    "formResponse": {
        "answers": [
            {"questionId": 1, "answerDetails": {"textQuestionAnswer": {"answer": "kim@example.com"}}},
            {"questionId": 2, "answerDetails": {"textQuestionAnswer": {"answer": "11-50"}}},
            {"questionId": 3, "answerDetails": {"multipleChoiceAnswer": {"options": [1, 2, 9]}}},
            None,
        ],
        "consentResponses": [{"consentId": 1, "accepted": True}, {"consentId": 2, "accepted": False}, 3],
    },
}


def test_linkedin_choices_consents_hidden_fields_and_campaign_are_read() -> None:
    event = linkedin.lead_event_of(RESPONSE)
    assert event.lead == {
        "email": "kim@example.com",
        "custom_fields": {"company": "11-50", "which_colours": ["Red", "Blue", "9"], "entity_name": "Example"},
    }
    assert event.is_test
    assert event.external_id == "urn:li:person:xyz"
    assert event.attribution == {
        "at": "2026-03-28T09:00:00+00:00",
        "platform": "linkedin",
        "provider_lead_id": "abc-1",
        "form_id": "7234246",
        "ad_id": "44",
        "campaign_id": "99",
        "campaign_name": "Spring",
        "utm_campaign": "spring",
        "consent": {"Send me the newsletter": True, "consent_2": False, "consent": False},
    }
    assert linkedin.lead_event_of({**RESPONSE, "form": None}, FORM).lead == event.lead


@pytest.mark.parametrize(
    "answer",
    [
        {"questionId": 2, "answerDetails": {"com.linkedin.ads.TextQuestionAnswer": {"answer": "a@example.com"}}},
        {"questionId": 2, "accepted": {"textQuestionAnswer": {"answer": "a@example.com"}}},
        {"questionId": 2, "textQuestionAnswer": {"answer": "a@example.com"}},
        {"questionId": 2, "answer": "a@example.com"},
        {"question": "urn:li:leadGenFormQuestion:(urn:li:leadGenForm:1,2)", "value": "a@example.com"},
    ],
)
def test_linkedin_answers_of_former_shapes_are_read(answer: dict[str, Any]) -> None:
    event = linkedin.lead_event_of(
        {"id": "1", "formResponse": {"answers": [answer]}}, {"content": {"questions": QUESTIONS}}
    )
    assert event.lead == {"email": "a@example.com"}


def test_linkedin_former_choices_name_their_position() -> None:
    options = [{"text": "Red"}, {"text": "Blue"}]
    question = {
        "questionId": 1,
        "label": "Colour",
        "questionDetails": {"multipleChoiceQuestionDetails": {"options": options}},
    }
    details = {
        "com.linkedin.ads.MultipleChoiceAnswer": {"options": [{"com.linkedin.ads.TextOptionAnswer": {"index": 1}}]}
    }
    response = {"id": "1", "formResponse": {"answers": [{"questionId": 1, "answerDetails": details}]}}
    assert linkedin.lead_event_of(response, {"content": {"questions": [question]}}).lead == {
        "custom_fields": {"colour": "Blue"}
    }
