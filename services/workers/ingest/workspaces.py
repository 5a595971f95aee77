"""What a batch must know of its workspaces: their settings, and which pipelines, stages and users there are."""

from collections.abc import Sequence
from dataclasses import dataclass

from services.workers.ingest.submission import Submission
from shared.db import Connection
from shared.leads.merge import Policy

SELECT = """
SELECT w.id, w.country, w.fold_gmail, w.merge_policy, p.id,
       (SELECT s.id FROM pipeline_stages s WHERE s.workspace_id = w.id AND s.pipeline_id = p.id
        ORDER BY s.position, s.id LIMIT 1)
FROM workspaces w LEFT JOIN pipelines p ON p.workspace_id = w.id AND p.is_default
WHERE w.id = ANY(%s)
"""
STAGES = """
SELECT p.workspace_id, p.id, s.id, s.is_won, s.is_lost
FROM pipelines p LEFT JOIN pipeline_stages s ON s.workspace_id = p.workspace_id AND s.pipeline_id = p.id
WHERE p.workspace_id = ANY(%s) ORDER BY s.position, s.id
"""
USERS = "SELECT workspace_id, id FROM users WHERE workspace_id = ANY(%s)"
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


async def load_workspaces(connection: Connection, submissions: Sequence[Submission]) -> dict[int, Workspace]:
    """The workspaces of the submissions, by id."""
    wanted = list({submission.workspace_id for submission in submissions})
    rows = await (await connection.execute(SELECT, (wanted,))).fetchall()
    return {row[0]: Workspace(*row) for row in rows}


async def load_places(connection: Connection, submissions: Sequence[Submission]) -> Places:
    """The pipelines, stages and users of those workspaces whose submissions name any."""
    places = Places({}, {}, set())
    wanted = list({s.workspace_id for s in submissions if any(s.body.get(name) for name in PLACES)})
    if not wanted:
        return places
    for workspace, pipeline, stage, won, lost in await (await connection.execute(STAGES, (wanted,))).fetchall():
        places.first_stages.setdefault((workspace, pipeline), stage)
        if stage is not None:
            status = "converted" if won else "lost" if lost else None
            places.stages[workspace, stage] = Stage(pipeline, status)
    places.users = set(await (await connection.execute(USERS, (wanted,))).fetchall())
    return places


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
