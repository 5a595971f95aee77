"""Webflow: forms of both versions are read."""

import pytest

from shared.integrations.providers import webflow
from tests.support.provider_requests import read_one

pytestmark = pytest.mark.unit


def test_webflow_answers_of_both_versions_are_read() -> None:
    old = read_one(
        webflow.PROVIDER, {"name": "Form", "site": "s", "data": {"name": "Ada Example"}, "d": "2022-09-14", "_id": 5}
    )
    assert (old.event_id, old.lead) == ("5", {"first_name": "Ada", "last_name": "Example"})
    new = read_one(
        webflow.PROVIDER,
        {
            "triggerType": "form_submission",
            "payload": {
                "id": "1",
                "pageUrl": "https://www.example.com/?gclid=g1",
                "data": {
                    "UTM Source": "ads",
                    "Contact": "ada@example.com",
                    "I agree to the privacy policy": "true",
                    "Call me": "on",
                    "Topics": ["A", "B"],
                    "Empty": "",
                    "None": None,
                },
                "schema": [
                    {"fieldName": "I agree to the privacy policy", "fieldType": "FormCheckboxInput"},
                    {"fieldName": "Call me", "fieldType": "FormCheckboxInput"},
                ],
            },
        },
    )
    assert new.lead == {"email": "ada@example.com", "custom_fields": {"call_me": True, "topics": ["A", "B"]}}
    assert new.attribution == {
        "utm_source": "ads",
        "click_ids": {"gclid": "g1"},
        "consent": {"I agree to the privacy policy": True},
        "page_url": "https://www.example.com/?gclid=g1",
        "provider_lead_id": "1",
    }
    assert read_one(webflow.PROVIDER, {"triggerType": "ecomm_new_order", "payload": {}}).kind == "ignored"
