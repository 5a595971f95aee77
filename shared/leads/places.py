"""Decide in which pipeline and stage a lead is placed, and to whom it is assigned. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.leads.merge import Policy
from shared.leads.submission import Submission

PLACES = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")


@dataclass(frozen=True, slots=True)
class Workspace:
    """The settings of a workspace that apply to every write of a lead."""

    id: int
    country: str | None
    fold_gmail: bool
    policy: Policy
    pipeline_id: int | None
    stage_id: int | None

    @property
    def norms(self) -> tuple[str | None, bool]:
        """The settings by which contacts are normalised."""
        return self.country, self.fold_gmail


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, and the status that a lead gets when it is moved there."""

    pipeline_id: int
    status: str | None


@dataclass(slots=True)
class Places:
    """The pipelines, stages and users of workspaces. Loaded only if a lead names one of them."""

    stages: dict[tuple[int, int], Stage]  # by (workspace, stage)
    first_stages: dict[tuple[int, int], int | None]  # by (workspace, pipeline)
    users: set[tuple[int, int]]


class Place(NamedTuple):
    """A pipeline and a stage, and the status that a lead gets when it is moved there."""

    pipeline_id: int | None
    stage_id: int | None
    status: str | None


def names_a_place(fields: Mapping[str, Any]) -> bool:
    """Return whether the fields name a pipeline, stage or user, so that a `Board` is needed."""
    return not fields.keys().isdisjoint(PLACES) and any(fields.get(name) for name in PLACES)


def find_place(
    workspace: Workspace, places: Places, pipeline: int | None, stage: int | None
) -> tuple[Place, dict[str, str]]:
    """Return the placement for a pipeline and a stage, and problems by field. What does not exist is ignored.

    A stage alone implies its pipeline, a pipeline alone its first stage. With neither, the lead goes to the first stage
    of the default pipeline.
    """
    w = workspace.id
    place, problems = Place(workspace.pipeline_id, workspace.stage_id, None), {}
    if pipeline and (w, pipeline) not in places.first_stages:
        problems["pipeline_id"] = f"there is no pipeline {pipeline}"
        pipeline = None
    if pipeline:
        first = places.first_stages[w, pipeline]
        place = Place(pipeline, first, _status(places, w, first))
    known = places.stages.get((w, stage)) if stage else None
    if stage and (known is None or (pipeline and known.pipeline_id != pipeline)):
        problems["pipeline_stage_id"] = f"there is no stage {stage} there"
    elif known:
        place = Place(known.pipeline_id, stage, known.status)
    return place, problems


def user_problem(workspace: Workspace, places: Places, user: int | None) -> dict[str, str]:
    """Return the problem with an assignee, by field; empty if there is none."""
    if user and (workspace.id, user) not in places.users:
        return {"assigned_user_id": f"there is no user {user}"}
    return {}


def place(submission: Submission, workspace: Workspace, places: Places) -> None:
    """Place a new lead on the board. Add a warning for each id that does not exist and was left out."""
    fields, body = submission.fields, submission.body
    if not names_a_place(body):
        fields["pipeline_id"], fields["pipeline_stage_id"] = workspace.pipeline_id, workspace.stage_id
        return
    pipeline, stage, user = (body.get(name) for name in PLACES)
    found, problems = find_place(workspace, places, pipeline, stage)
    fields["pipeline_id"], fields["pipeline_stage_id"] = found.pipeline_id, found.stage_id
    if found.status:
        fields.setdefault("status", found.status)
    problems |= user_problem(workspace, places, user)
    if user and "assigned_user_id" not in problems:
        fields["assigned_user_id"] = user
    submission.warnings.extend(f"{field}: {problem}; left out." for field, problem in problems.items())


def _status(places: Places, workspace_id: int, stage: int | None) -> str | None:
    found = places.stages.get((workspace_id, stage)) if stage else None
    return found.status if found else None
