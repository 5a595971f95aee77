"""Which events a narrowed subscription is told of."""

from typing import Any

import pytest

from shared.outbound.subscription_filters import passes_filters

pytestmark = pytest.mark.unit

LEAD: dict[str, Any] = {"id": 7, "source": "Website", "tags": ["vip", "new"], "pipeline_stage_id": 3}


@pytest.mark.parametrize(
    ("filters", "event", "data", "passes"),
    [
        (None, "lead.created", {}, True),
        ({}, "lead.created", {}, True),
        ({"sources": ["fair", "website"]}, "lead.updated", {}, True),
        ({"sources": ["fair"]}, "lead.updated", {}, False),
        ({"tag": "VIP"}, "lead.created", {}, True),
        ({"tag": "VIP"}, "tag.added", {"tag": "new"}, False),
        ({"tag": "new"}, "tag.added", {"tag": "New"}, True),
        ({"stage_id": 3}, "lead.assigned", {}, True),
        ({"stage_id": 3}, "lead.stage_changed", {"from": 3, "to": 4}, False),
        ({"stage_id": 4}, "lead.stage_changed", {"from": 3, "to": 4}, True),
        ({"form_id": 5}, "form.submitted", {"form_id": 5}, True),
        ({"form_id": 5}, "form.submitted", {"form_id": 6}, False),
        ({"form_id": 5}, "lead.duplicate", {"channel": "form:5"}, True),
        ({"form_id": 5}, "lead.created", {"channel": "form:55"}, False),
        ({"form_id": 5}, "lead.updated", {"channel": "form:5"}, False),
        ({"sources": ["website"], "tag": "none"}, "lead.created", {}, False),
    ],
)
def test_filters_must_all_hold(filters: dict[str, Any] | None, event: str, data: dict[str, Any], passes: bool) -> None:
    assert passes_filters(filters, event, data, LEAD) is passes


def test_removed_lead_passes_no_filter_and_an_event_about_no_lead_all() -> None:
    for filters in ({"sources": ["website"]}, {"tag": "vip"}, {"stage_id": 3}):
        assert not passes_filters(filters, "lead.updated", {}, {"id": 7})
        assert passes_filters(filters, "source.silent", {}, None)
