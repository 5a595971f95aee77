"""`workspace retention`: it shows and changes the days, within what the installation allows."""

from pathlib import Path

import pytest

from shared.platform.db.connections import Connection
from shared.retention import read_retention
from tests.support.commands import started
from tests.support.ingesting import workspace_id

pytestmark = pytest.mark.integration

ENTRIES_SQL = "SELECT count(*) FROM audit_log WHERE action = 'retention.changed' AND actor_kind = 'cli'"


def run(tmp_path: Path, url: str, *options: str) -> tuple[int, str, str]:
    process = started(tmp_path, "workspace", "retention", "main", *options, LEADHUB_DATABASE_URL=url)
    out, err = process.communicate(timeout=120)
    return process.returncode, out, err


@pytest.mark.extended
async def test_days_are_shown_changed_and_bounded(database_url: str, database: Connection, tmp_path: Path) -> None:
    w = await workspace_id(database)
    code, out, _ = run(tmp_path, database_url, "--submissions", "60", "--timelines", "365")
    assert (code, "365" in out, "90 (the installation's)" in out) == (0, True, True)
    expected = {"submissions_days": 60, "held_days": None, "activities_days": 365, "attempts_days": None}
    assert await read_retention(database, w) == expected
    code, _, err = run(tmp_path, database_url, "--submissions", "91")
    assert (code, "90 days at most" in err) == (2, True)
    code, _, err = run(tmp_path, database_url, "--timelines", "30")
    assert (code, "at least as long" in err) == (2, True)
    assert run(tmp_path, database_url, "--submissions", "installation", "--held", "7")[0] == 0
    assert await read_retention(database, w) == {**expected, "submissions_days": None, "held_days": 7}
    assert await (await database.execute(ENTRIES_SQL)).fetchall() == [(2,)]
