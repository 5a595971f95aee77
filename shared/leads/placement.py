"""Decide in which pipeline and stage a lead is placed, and to whom it is assigned. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.leads.duplicate_policy import MergePolicy
from shared.leads.never_join import NOTHING_LISTED, NeverJoin
from shared.leads.submission import AcceptedSubmission

PLACEMENT_FIELDS = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")


@dataclass(frozen=True, slots=True)
class WorkspaceSettings:
    """The settings of a workspace that apply to every write of a lead."""

    id: int
    country: str | None
    fold_gmail: bool
    policy: MergePolicy
    pipeline_id: int | None
    stage_id: int | None
    never_join: NeverJoin = NOTHING_LISTED

    @property
    def contact_settings(self) -> tuple[str | None, bool, NeverJoin]:
        """The settings by which contacts are normalised."""
        return self.country, self.fold_gmail, self.never_join


@dataclass(frozen=True, slots=True)
class BoardStage:
    """A stage, and the status that a lead gets when it is moved there."""

    pipeline_id: int
    status: str | None


@dataclass(slots=True)
class Board:
    """The pipelines, stages and users of workspaces. Loaded only if a lead names one of them."""

    stages: dict[tuple[int, int], BoardStage]  # by (workspace, stage)
    first_stages: dict[tuple[int, int], int | None]  # by (workspace, pipeline)
    users: set[tuple[int, int]]


class Placement(NamedTuple):
    """A pipeline and a stage, and the status that a lead gets when it is moved there."""

    pipeline_id: int | None
    stage_id: int | None
    status: str | None


def needs_board(fields: Mapping[str, Any]) -> bool:
    """Return whether the fields name a pipeline, stage or user, so that a `Board` is needed."""
    return not fields.keys().isdisjoint(PLACEMENT_FIELDS) and any(fields.get(name) for name in PLACEMENT_FIELDS)


def find_placement(
    workspace: WorkspaceSettings, board: Board, pipeline: int | None, stage: int | None
) -> tuple[Placement, dict[str, str]]:
    """Return the placement for a pipeline and a stage, and problems by field. What does not exist is ignored.

    A stage alone implies its pipeline, a pipeline alone its first stage. With neither, the lead goes to the first stage
    of the default pipeline.
    """
    w = workspace.id
    place, problems = Placement(workspace.pipeline_id, workspace.stage_id, None), {}
    if pipeline and (w, pipeline) not in board.first_stages:
        problems["pipeline_id"] = f"there is no pipeline {pipeline}"
        pipeline = None
    if pipeline:
        first = board.first_stages[w, pipeline]
        place = Placement(pipeline, first, _stage_status(board, w, first))
    known = board.stages.get((w, stage)) if stage else None
    if stage and (known is None or (pipeline and known.pipeline_id != pipeline)):
        problems["pipeline_stage_id"] = f"there is no stage {stage} there"
    elif known:
        place = Placement(known.pipeline_id, stage, known.status)
    return place, problems


def assignee_problem(workspace: WorkspaceSettings, board: Board, user: int | None) -> dict[str, str]:
    """Return the problem with an assignee, by field; empty if there is none."""
    if user and (workspace.id, user) not in board.users:
        return {"assigned_user_id": f"there is no user {user}"}
    return {}


def place_on_board(submission: AcceptedSubmission, workspace: WorkspaceSettings, board: Board) -> None:
    """Place a new lead on the board. Add a warning for each id that does not exist and was left out."""
    fields, body = submission.fields, submission.body
    if not needs_board(body):
        fields["pipeline_id"], fields["pipeline_stage_id"] = workspace.pipeline_id, workspace.stage_id
        return
    pipeline, stage, user = (body.get(name) for name in PLACEMENT_FIELDS)
    placement, problems = find_placement(workspace, board, pipeline, stage)
    fields["pipeline_id"], fields["pipeline_stage_id"] = placement.pipeline_id, placement.stage_id
    if placement.status:
        fields.setdefault("status", placement.status)
    problems |= assignee_problem(workspace, board, user)
    if user and "assigned_user_id" not in problems:
        fields["assigned_user_id"] = user
    submission.warnings.extend(f"{field}: {problem}; left out." for field, problem in problems.items())


def _stage_status(board: Board, workspace_id: int, stage: int | None) -> str | None:
    found = board.stages.get((workspace_id, stage)) if stage else None
    return found.status if found else None
