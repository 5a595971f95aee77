"""Where a new lead goes: pure decisions over a workspace's settings, pipelines, stages and users."""

from dataclasses import dataclass

from services.workers.ingest.submission import Submission
from shared.leads.merge import Policy

PLACES = ("pipeline_id", "pipeline_stage_id", "assigned_user_id")


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace's settings that ingest obeys."""

    id: int
    country: str | None
    fold_gmail: bool
    policy: Policy
    pipeline_id: int | None
    stage_id: int | None


@dataclass(frozen=True, slots=True)
class Stage:
    """A stage, and what moving a lead into it makes of the lead's status."""

    pipeline_id: int
    status: str | None


@dataclass(slots=True)
class Places:
    """Where a lead can be put: read only for a batch in which somebody says where."""

    stages: dict[tuple[int, int], Stage]  # by (workspace, stage)
    first_stages: dict[tuple[int, int], int | None]  # by (workspace, pipeline)
    users: set[tuple[int, int]]


def place(submission: Submission, workspace: Workspace, places: Places) -> None:
    """Puts a new lead on the board: where the submission says, else first stage of the default pipeline.

    What is not there is left out and named in the warnings.
    """
    fields, body, w = submission.fields, submission.body, workspace.id
    pipeline, stage, user = (body.get(name) for name in PLACES)
    fields["pipeline_id"], fields["pipeline_stage_id"] = workspace.pipeline_id, workspace.stage_id
    if pipeline and (w, pipeline) not in places.first_stages:
        submission.warnings.append(f"pipeline_id: there is no pipeline {pipeline}; left out.")
        pipeline = None
    if pipeline:
        fields["pipeline_id"], fields["pipeline_stage_id"] = pipeline, places.first_stages[w, pipeline]
    known = places.stages.get((w, stage)) if stage else None
    if stage and (known is None or (pipeline and known.pipeline_id != pipeline)):
        submission.warnings.append(f"pipeline_stage_id: there is no stage {stage} there; left out.")
    elif known:
        fields["pipeline_id"], fields["pipeline_stage_id"] = known.pipeline_id, stage
        if known.status:
            fields.setdefault("status", known.status)
    if user and (w, user) not in places.users:
        submission.warnings.append(f"assigned_user_id: there is no user {user}; left out.")
    elif user:
        fields["assigned_user_id"] = user
