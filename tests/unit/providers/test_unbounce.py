"""Unbounce: a submission is identified by page, person and minute."""

import json

import pytest

from shared.integrations.providers import unbounce
from tests.support.provider_requests import read_form, read_one

pytestmark = pytest.mark.unit


def test_unbounce_identifies_a_submission_by_page_person_and_minute() -> None:
    data = {
        "email": ["ada@example.com"],
        "topics": ["A", "B"],
        "page_uuid": ["p"],
        "date_submitted": ["2026-05-01"],
        "time_submitted": ["12:05 AM UTC"],
    }
    event = read_form(unbounce.PROVIDER, {"data.json": json.dumps(data)})
    assert event.lead == {"email": "ada@example.com", "custom_fields": {"topics": ["A", "B"]}}
    assert event.attribution == {"at": "2026-05-01T00:05:00+00:00", "form_id": "p"}
    assert event.event_id == read_one(unbounce.PROVIDER, {"data.json": data}).event_id
    ids = {
        read_form(unbounce.PROVIDER, {"data.json": json.dumps({**data, **change})}).event_id
        for change in ({}, {"email": ["b@example.com"]}, {"page_uuid": ["q"]}, {"time_submitted": ["12:06 AM UTC"]})
    }
    assert len(ids) == 4
    assert read_form(unbounce.PROVIDER, {"data.json": json.dumps({**data, "time_submitted": []})}).event_id is None
