"""Where on the board a lead goes: pure decisions over a workspace's settings, pipelines, stages and users."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from shared.leads.merge import Policy
from shared.leads.submission import Submission

PLACES = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace's settings that every write of a lead obeys."""

    id: int
    country: str | None
    fold_gmail: bool
    policy: Policy
    pipeline_id: int | None
    stage_id: int | None

    @property
    def norms(self) -> tuple[str | None, bool]:
        """How contacts are normalised there."""
        return self.country, self.fold_gmail


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, and what moving a lead into it makes of the lead's status."""

    pipeline_id: int
    status: str | None


@dataclass(slots=True)
class Places:
    """Where a lead can be put: read only where somebody says where."""

    stages: dict[tuple[int, int], Stage]  # by (workspace, stage)
    first_stages: dict[tuple[int, int], int | None]  # by (workspace, pipeline)
    users: set[tuple[int, int]]


class Place(NamedTuple):
    """A place on the board, and what moving there makes of a lead's status."""

    pipeline_id: int | None
    stage_id: int | None
    status: str | None


def names_a_place(fields: Mapping[str, Any]) -> bool:
    """Whether the fields name a pipeline, stage or user, so that `Places` are needed."""
    return not fields.keys().isdisjoint(PLACES) and any(fields.get(name) for name in PLACES)


def find_place(
    workspace: Workspace, places: Places, pipeline: int | None, stage: int | None
) -> tuple[Place, dict[str, str]]:
    """The place of that pipeline and stage, and by field what is not there; that is passed over.

    A stage alone implies its pipeline, a pipeline alone its first stage, neither the default pipeline's.
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
    """By field what is wrong with an assignee."""
    if user and (workspace.id, user) not in places.users:
        return {"assigned_user_id": f"there is no user {user}"}
    return {}


def place(submission: Submission, workspace: Workspace, places: Places) -> None:
    """Puts a new lead on the board, and names in the warnings what is not there and was left out."""
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
