"""What an import could not apply stands at its row, counted, in the dry run as in the import."""

import pytest

from shared.imports.import_control import revise_dry_run, run_dry_run
from shared.imports.import_erasure import forget_in_imports
from shared.imports.import_report import read_rows
from shared.platform.db.connections import Connection
from shared.workspaces import create_workspace
from tests.support.importing import AUTHOR, counts_of, finish_imports, start_import
from tests.support.ingesting import workspace_id
from tests.support.leads import rows

pytestmark = pytest.mark.integration

HEADER = "email,pipeline_id,pipeline_stage_id,assigned_user_id,status"
PLACES_SQL = (
    "SELECT email, pipeline_id, pipeline_stage_id, assigned_user_id FROM leads WHERE workspace_id = %s ORDER BY id"
)


async def foreign_ids(connection: Connection) -> tuple[int, int, int]:
    """A pipeline, a stage and a user of another workspace."""
    other = await create_workspace(connection, "elsewhere", "Elsewhere")
    [(pipeline, stage)] = await rows(
        connection, "SELECT pipeline_id, min(id) FROM pipeline_stages WHERE workspace_id = %s GROUP BY 1", other
    )
    [(user,)] = await rows(
        connection,
        "INSERT INTO users (workspace_id, name, email) VALUES (%s, 'U', 'u@example.com') RETURNING id",
        other,
    )
    return pipeline, stage, user


def rows_with_places(pipeline: int, stage: int, user: int) -> tuple[str, list[list[str]]]:
    """Rows that name these foreign places, and what is said of each row."""
    lines = [
        f"a@example.com,{pipeline},,,",
        f"b@example.com,,{stage},{user},",
        "c@example.com,987654321,,,shiny",
        f"a@example.com,,,{user},",
        "d@example.com,,,,",
    ]
    no_user = f"assigned_user_id: there is no user {user}; left out."
    reasons = [
        [f"pipeline_id: there is no pipeline {pipeline}; left out."],
        [f"pipeline_stage_id: there is no stage {stage} there; left out.", no_user],
        ["status: 'shiny' is not a status; left out.", "pipeline_id: there is no pipeline 987654321; left out."],
        [no_user],
        [],
    ]
    return "\n".join([HEADER, *lines]), reasons


async def test_unknown_and_foreign_places_are_named_at_their_row(database_url: str, database: Connection) -> None:
    w, (pipeline, stage, user) = await workspace_id(database), await foreign_ids(database)
    data, reasons = rows_with_places(pipeline, stage, user)
    dry_id = await start_import(database, data, dry_run=True)
    dry = await finish_imports(database_url, database, dry_id)
    async with database.transaction():
        await revise_dry_run(database, w, dry_id, dry["mapping"], {})
    dry = await finish_imports(database_url, database, dry_id)
    async with database.transaction():
        run_id = await run_dry_run(database, w, dry_id, AUTHOR, run_automations=False)
    done = await finish_imports(database_url, database, run_id)
    for found in (dry, done):
        report = await read_rows(database, w, found)
        assert [row["reasons"] for row in report] == reasons
        assert (found["warned"], counts_of(found)) == (4, (4, 0, 1, 0))
        assert [row["row"] for row in await read_rows(database, w, found, "warned")] == [1, 2, 3, 4]
        assert found["rows"] == sum(counts_of(found))
        assert report[2]["values"]["status"] == "shiny"
        assert report[3]["values"]["assigned_user_id"] == str(user)
    [(default_pipeline, default_stage)] = await rows(
        database, "SELECT DISTINCT pipeline_id, pipeline_stage_id FROM leads WHERE workspace_id = %s", w
    )
    assert default_pipeline != pipeline
    assert default_stage != stage
    assert [row[3] for row in await rows(database, PLACES_SQL, w)] == [None] * 4
    [(lead_id,)] = await rows(database, "SELECT id FROM leads WHERE email = 'c@example.com'")
    async with database.transaction():
        await forget_in_imports(database, w, ["c@example.com"], [lead_id])
    assert (await read_rows(database, w, done))[2]["reasons"] == ["erased"]
