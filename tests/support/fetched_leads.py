"""What the APIs of providers would return for the leads of their samples."""

from collections.abc import Mapping
from typing import Any

# Of Meta, for the lead of its sample.
META_LEAD: Mapping[str, Any] = {
    "id": "900800700600500",
    "created_time": "2026-03-28T09:00:00+0000",
    "form_id": "500400300200100",
    "ad_id": "120200300400500600",
    "ad_name": "Spring, video",
    "adset_id": "120200300400500500",
    "adset_name": "Homeowners",
    "campaign_id": "120200300400500400",
    "campaign_name": "Spring 2026",
    "platform": "ig",
    "is_organic": False,
    "field_data": [
        {"name": "full_name", "values": ["Sam Sample"]},
        {"name": "email", "values": ["sam@example.com"]},
        {"name": "phone_number", "values": ["+14155550123"]},
        {"name": "which_service_do_you_need?", "values": ["Solar panels"]},
        {"name": "utm_source", "values": ["instagram"]},
    ],
    "custom_disclaimer_responses": [{"checkbox_key": "newsletter", "is_checked": "1"}],
}
# Of LinkedIn, for the response of its sample.
LINKEDIN_RESPONSE: dict[str, Any] = {
    "id": "sample-response-1",
    "owner": {"sponsoredAccount": "urn:li:sponsoredAccount:5000001"},
    "leadType": "SPONSORED",
    "leadMetadata": {"sponsoredLeadMetadata": {"campaign": "urn:li:sponsoredCampaign:8000001"}},
    "versionedLeadGenFormUrn": "urn:li:versionedLeadGenForm:(urn:li:leadGenForm:7000001,1)",
    "associatedEntity": {"associatedCreative": "urn:li:sponsoredCreative:9000001"},
    "submittedAt": 1774688400000,
    "testLead": False,
    "form": {
        "id": 7000001,
        "hiddenFields": [{"name": "utm_source", "value": "linkedin"}],
        "content": {
            "questions": [
                {"questionId": 1, "name": "firstName", "predefinedField": "FIRST_NAME"},
                {"questionId": 2, "name": "lastName", "predefinedField": "LAST_NAME"},
                {"questionId": 3, "name": "email", "predefinedField": "EMAIL"},
                {"questionId": 4, "name": "phoneNumber", "predefinedField": "PHONE_NUMBER"},
                {"questionId": 5, "name": "service", "question": {"localized": {"en_US": "Which service?"}}},
            ]
        },
    },
    "formResponse": {
        "answers": [
            {"questionId": 1, "answerDetails": {"textQuestionAnswer": {"answer": "Sam"}}},
            {"questionId": 2, "answerDetails": {"textQuestionAnswer": {"answer": "Sample"}}},
            {"questionId": 3, "answerDetails": {"textQuestionAnswer": {"answer": "sam@example.com"}}},
            {"questionId": 4, "answerDetails": {"textQuestionAnswer": {"answer": "+14155550123"}}},
            {"questionId": 5, "answerDetails": {"textQuestionAnswer": {"answer": "Solar panels"}}},
        ]
    },
}
