"""The catalogue of events: its schemas hold for its messages, and the page of the documentation is up to date."""

from typing import Any

import jsonschema_rs
import pytest

from docs.event_catalogue_page import PAGE, page
from services.api.openapi.event_catalogue import event_catalogue
from shared.outbound.subscription_fields import EVENT_TYPES


def test_the_page_is_up_to_date() -> None:
    """If it is not: `.venv/bin/python -m docs.event_catalogue_page`."""
    assert PAGE.read_text(encoding="utf-8") == page()


def test_each_event_is_there_with_a_sentence() -> None:
    catalogue = event_catalogue()
    assert {event["name"] for event in catalogue if event["is_subscribable"]} == {*EVENT_TYPES}
    assert all(event["description"].endswith(".") for event in catalogue)


@pytest.mark.parametrize("event", event_catalogue(), ids=lambda event: event["name"])
def test_schema_needs_no_other_file_and_holds_for_the_message(event: dict[str, Any]) -> None:
    jsonschema_rs.meta.validate(event["schema"])
    validator = jsonschema_rs.Draft202012Validator(event["schema"])
    validator.validate(event["sample"])
    assert not validator.is_valid({**event["sample"], "event": "lead.unknown"})
