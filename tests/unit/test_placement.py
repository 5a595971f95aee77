"""Where on the board a source's lead goes, and what is left out of what it says."""

from typing import Any

import pytest

from shared.leads.placement import Board, BoardStage, WorkspaceSettings, place_on_board
from shared.leads.submission import AcceptedSubmission

pytestmark = pytest.mark.unit

NO_STAGE = "pipeline_stage_id: there is no stage {} there; left out."
OURS = WorkspaceSettings(1, None, False, "fill_empty", 10, 100)
PLACES = Board(
    stages={
        (1, 100): BoardStage(10, None),
        (1, 101): BoardStage(10, "converted"),
        (1, 200): BoardStage(20, "lost"),
        (2, 300): BoardStage(30, None),
    },
    first_stages={(1, 10): 100, (1, 20): 200, (1, 40): None, (2, 30): 300},
    users={(1, 7), (2, 8)},
)


def placed(**body: Any) -> AcceptedSubmission:
    submission = AcceptedSubmission("id", 0, 1, "inbound", None, None, body, None, "", 0, 0)
    if "status" in body:
        submission.fields["status"] = body["status"]
    place_on_board(submission, OURS, PLACES)
    return submission


@pytest.mark.parametrize(
    ("sent", "pipeline", "stage", "status"),
    [
        ({}, 10, 100, None),
        ({"pipeline_id": None}, 10, 100, None),
        ({"pipeline_id": 20}, 20, 200, "lost"),
        ({"pipeline_id": 40}, 40, None, None),
        ({"pipeline_stage_id": 101}, 10, 101, "converted"),
        ({"pipeline_stage_id": 101, "status": "qualified"}, 10, 101, "qualified"),
        ({"pipeline_id": 20, "pipeline_stage_id": 200}, 20, 200, "lost"),
    ],
)
def test_a_lead_goes_where_its_source_says(
    sent: dict[str, Any], pipeline: int, stage: int | None, status: str | None
) -> None:
    fields, warnings = placed(**sent).fields, placed(**sent).warnings
    assert (fields["pipeline_id"], fields["pipeline_stage_id"], fields.get("status")) == (pipeline, stage, status)
    assert warnings == []


@pytest.mark.parametrize(
    ("sent", "pipeline", "stage", "warning"),
    [
        ({"pipeline_id": 30}, 10, 100, "pipeline_id: there is no pipeline 30; left out."),
        ({"pipeline_stage_id": 300}, 10, 100, NO_STAGE.format(300)),
        ({"pipeline_id": 20, "pipeline_stage_id": 101}, 20, 200, NO_STAGE.format(101)),
        ({"assigned_user_id": 8}, 10, 100, "assigned_user_id: there is no user 8; left out."),
    ],
)
def test_unknown_or_foreign_placement_is_dropped_with_a_warning(
    sent: dict[str, Any], pipeline: int, stage: int, warning: str
) -> None:
    found = placed(**sent)
    assert (found.fields["pipeline_id"], found.fields["pipeline_stage_id"]) == (pipeline, stage)
    assert "assigned_user_id" not in found.fields
    assert found.warnings == [warning]


def test_a_user_of_the_workspace_gets_the_lead() -> None:
    assert placed(assigned_user_id=7).fields["assigned_user_id"] == 7
