"""A workspace in another database, whose ids are taken by others there; and files that somebody changed."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from cli.workspace_moves.move_archive import member_name
from shared import workspaces
from shared.auth import installation_keys
from shared.platform.crypto.encryption import Cipher
from shared.platform.db.connections import Connection, connect
from tests.support.database import Databases
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.tiers import first_in_tier
from tests.support.workspace_moves import (
    Members,
    export_workspace,
    forge,
    import_workspace,
    rows_of,
    settings_at,
)

pytestmark = pytest.mark.integration

LEADS = [{"email": f"lead{n}@example.com", "first_name": "Ann", "tags": ["vip"]} for n in range(5)]
OTHERS_SQL = """
SELECT (SELECT jsonb_agg(to_jsonb(t) ORDER BY id) FROM tags t WHERE workspace_id = %(w)s),
       (SELECT jsonb_agg(to_jsonb(l) ORDER BY id) FROM leads l WHERE workspace_id = %(w)s),
       (SELECT jsonb_agg(to_jsonb(p) ORDER BY id) FROM pipelines p WHERE workspace_id = %(w)s)
"""
ADD_WAITING_RUN_SQL = """
INSERT INTO automation_runs (workspace_id, automation_id, trigger_key, lead_id, state, due_at)
VALUES (%s, 1, 'entry:1', 1, 'waiting', now())
"""
ADD_DELIVERY_SQL = """
INSERT INTO deliveries (workspace_id, message_id, kind, endpoint, payload) VALUES (%s, 'msg_1', 'webhook', 'host:x', '')
"""
ADD_INTEGRATION_SQL = """
INSERT INTO integrations (workspace_id, type, name, credentials, token, token_digest)
VALUES (%s, 'smtp', 'Mail', %s, %s, sha256('token'))
"""


@pytest_asyncio.fixture
async def other_url(databases: Databases) -> AsyncIterator[str]:
    """A second database. Another workspace has the ids that those of the first one have."""
    with databases.clone() as url:
        async with connect(url, "tests") as connection:
            workspace = await workspace_id(connection)
            leads = [{"email": f"other{n}@example.com", "tags": ["x"]} for n in range(3)]
            await accept(connection, [item(workspace, lead) for lead in leads])
            await drain(url)
        yield url


@pytest_asyncio.fixture
async def moved_file(database: Connection, database_url: str, tmp_path: Path) -> Path:
    """The export of a workspace with leads, a key, an integration and work under way."""
    workspace = await workspace_id(database)
    await accept(database, [item(workspace, lead) for lead in LEADS])
    await drain(database_url)
    await installation_keys.create_key(database, "main", "website", ["submit:leads"], None)
    async with database.transaction():
        cipher = await Cipher.from_settings(settings_at(tmp_path / "one")).in_transaction(database)
        sealed = cipher.encrypt('{"password": "geheim"}'), cipher.encrypt("token")
        await database.execute(ADD_INTEGRATION_SQL, (workspace, *sealed))
    await database.execute(ADD_WAITING_RUN_SQL, (workspace,))
    await database.execute(ADD_DELIVERY_SQL, (workspace,))
    file = tmp_path / "moved.tar"
    await export_workspace(database_url, file, tmp_path / "one")
    return file


async def others(url: str) -> Any:
    async with connect(url, "tests") as connection:
        return await (await connection.execute(OTHERS_SQL, {"w": await workspace_id(connection)})).fetchone()


async def fetch(url: str, query: str, *values: object) -> list[tuple[Any, ...]]:
    async with connect(url, "tests") as connection:
        return await (await connection.execute(query, values)).fetchall()


@pytest.mark.extended
async def test_work_under_way_stays_behind_and_others_are_left_alone(
    moved_file: Path, other_url: str, tmp_path: Path
) -> None:
    before = await others(other_url)
    report = await import_workspace(other_url, moved_file, tmp_path / "two")
    assert await others(other_url) == before
    w = report.workspace_id
    assert report.counts["leads"] == len(LEADS)
    assert await fetch(other_url, "SELECT count(*) FROM deliveries WHERE workspace_id = %s", w) == [(0,)]
    assert await fetch(other_url, "SELECT count(*) FROM automation_runs WHERE workspace_id = %s", w) == [(0,)]
    tags = (
        "SELECT t.name, t.id <> ALL (SELECT id FROM tags WHERE workspace_id <> %s), count(*) FROM leads l JOIN tags t"
    )
    assert await fetch(
        other_url,
        f"{tags} ON t.id = ANY (l.tag_ids) AND t.workspace_id = %s WHERE l.workspace_id = %s GROUP BY 1, 2",
        w,
        w,
        w,
    ) == [("vip", True, len(LEADS))]
    [(credentials,)] = await fetch(other_url, "SELECT credentials FROM integrations WHERE workspace_id = %s", w)
    assert Cipher.from_settings(settings_at(tmp_path / "two")).decrypt(credentials) == '{"password": "geheim"}'
    again = tmp_path / "again.tar"
    await export_workspace(other_url, again, tmp_path / "two", "moved")
    for table in ("identities", "activities", "api_keys", "submissions"):
        assert len(rows_of(again, table)) == len(rows_of(moved_file, table)) > 0, table
    assert rows_of(again, "identities") == rows_of(moved_file, "identities")


@pytest.mark.extended
async def test_a_new_lead_merges_into_an_imported_one(moved_file: Path, other_url: str, tmp_path: Path) -> None:
    w = (await import_workspace(other_url, moved_file, tmp_path / "two")).workspace_id
    async with connect(other_url, "tests") as connection:
        await accept(connection, [item(w, {**LEADS[0], "company": "Acme"}), item(w, {"email": "new@example.com"})])
    await drain(other_url)
    companies = (
        "SELECT email, company FROM leads WHERE workspace_id = %s AND (company <> '' OR email LIKE 'new%%') ORDER BY 1"
    )
    assert await fetch(other_url, companies, w) == [(LEADS[0]["email"], "Acme"), ("new@example.com", None)]
    total = "SELECT count(*), count(DISTINCT id) FROM leads WHERE workspace_id = %s"
    assert await fetch(other_url, total, w) == [(len(LEADS) + 1,) * 2]


@pytest.mark.extended
async def test_credentials_that_were_left_out_are_named(
    moved_file: Path, database_url: str, other_url: str, tmp_path: Path
) -> None:
    plain = tmp_path / "plain.tar"
    await export_workspace(database_url, plain, tmp_path / "one", sealed=False)
    report = await import_workspace(other_url, plain, tmp_path / "two", passphrase=None)
    assert any("'Mail' is off" in note for note in report.notes)
    active = "SELECT is_active, token_digest = sha256('token') FROM integrations WHERE workspace_id = %s"
    assert await fetch(other_url, active, report.workspace_id) == [(False, False)]


@pytest.mark.usefixtures("moved_file")
async def test_an_export_with_another_key_says_so(database_url: str, tmp_path: Path) -> None:
    file = tmp_path / "lost.tar"
    with pytest.raises(RuntimeError, match="without-secrets"):
        await export_workspace(database_url, file, tmp_path / "another")
    head = await export_workspace(database_url, file, tmp_path / "another", sealed=False)
    assert head.counts["integrations"] == 1


@pytest.mark.extended
async def test_a_dry_run_and_a_refusal_leave_nothing(moved_file: Path, other_url: str, tmp_path: Path) -> None:
    report = await import_workspace(other_url, moved_file, tmp_path / "two", dry_run=True)
    assert report.counts["leads"] == len(LEADS)
    with pytest.raises(RuntimeError, match="passphrase"):
        await import_workspace(other_url, moved_file, tmp_path / "two", passphrase="another passphrase")
    with pytest.raises(ValueError, match="already"):
        await import_workspace(other_url, moved_file, tmp_path / "two", "main")
    assert await fetch(other_url, "SELECT count(*) FROM workspaces") == [(1,)]


def replace(table: str, old: bytes, new: bytes) -> Callable[[Members, dict[str, Any]], None]:
    def change(members: Members, _: dict[str, Any]) -> None:
        name = member_name(table)
        assert old in members[name]
        members[name] = members[name].replace(old, new)

    return change


def add_row(table: str, **values: object) -> Callable[[Members, dict[str, Any]], None]:
    """A row more, with null for what is not given."""

    def change(members: Members, head: dict[str, Any]) -> None:
        cells = [str(values.get(column, r"\N")) for column in head["columns"][table]]
        members[member_name(table)] += "\t".join(cells).encode() + b"\n"

    return change


def set_head(name: str, value: Any) -> Callable[[Members, dict[str, Any]], None]:
    def change(_: Members, head: dict[str, Any]) -> None:
        head[name] = value

    return change


def add_member(members: Members, _: dict[str, Any]) -> None:
    members["../../etc/cron.d/x"] = b"* * * * * root true"


def add_column(_: Members, head: dict[str, Any]) -> None:
    head["columns"]["leads"][0] = "workspace_id"


NOW = "2026-01-01 00:00:00+00"
OUTSIDER = {"workspace_id": 1, "id": 900, "email": "planted@example.com"}
FORGERIES = {
    "another member": (add_member, "no export of this version has"),
    "the workspace as a column": (add_column, "does not know"),
    "a table of others": (set_head("columns", {"accounts": ["id", "email"]}), "does not know"),
    "a row that is a command": (replace("tags", b"vip", b"vip\n\\.\n"), "values instead of"),
    "an unknown id": (add_row("tags", id=777, name="x", created_at=NOW, updated_at=NOW), "does not name the row 777"),
    "an id without end": (replace("leads", b"Ann", b"Ann\t1"), "values instead of"),
    "a huge sequence": (set_head("sequences", {"lead_ids": 2**62}), "cannot be read"),
    "a row of no type": (replace("leads", b"new\t0", b"new\tmany"), "not of its type"),
    "a role": (add_row("users", id=1, name="x", email="x", role="root", is_active="t"), "does not name the row"),
    "a job to run": (
        add_row("jobs", id=1, kind="delete", state="queued", filter="{}", created_by="{}", finished_at=NOW, due_at=NOW),
        "not of its type|no export holds",
    ),
    "a time to come": (replace("submissions", b"\tdone\tinbound", b"\tpending\tinbound"), "no export holds"),
}


@pytest.mark.parametrize("name", first_in_tier(*FORGERIES))
async def test_a_changed_file_is_refused(name: str, moved_file: Path, other_url: str, tmp_path: Path) -> None:
    change, reason = FORGERIES[name]
    before = await others(other_url)
    with pytest.raises(RuntimeError, match=reason):
        await import_workspace(other_url, forge(moved_file, tmp_path / "forged.tar", change), tmp_path / "two")
    assert await fetch(other_url, "SELECT count(*) FROM workspaces") == [(1,)]
    assert await others(other_url) == before


async def test_a_snapshot_in_a_file_names_no_other_workspace(moved_file: Path, other_url: str, tmp_path: Path) -> None:
    planted = '{"lead": {"workspace_\\\\u0069d": 1, "id": 900}, "identities": [], "notes_of_likeness": []}'
    row = add_row(
        "lead_merges", id=1, winner_id=1, loser_id=900, cause="{}", changes="{}", loser=planted, merged_at=NOW,
        activity_ids="{}", submission_ids="{}", task_ids="{}", run_ids="{}", conversion_ids="{}",
    )  # fmt: skip
    w = (await import_workspace(other_url, forge(moved_file, tmp_path / "x.tar", row), tmp_path / "two")).workspace_id
    query = "SELECT (loser->'lead'->>'workspace_id')::bigint FROM lead_merges WHERE workspace_id = %s"
    assert await fetch(other_url, query, w) == [(w,)]


@pytest.mark.extended
async def test_definitions_that_no_process_could_read_are_off(
    moved_file: Path, database_url: str, database: Connection, other_url: str, tmp_path: Path
) -> None:
    w, file = await workspace_id(database), tmp_path / "unsound.tar"
    odd = '[{"key": "a", "type": "nothing"}]'
    for n in (1, 2):
        await database.execute(
            "INSERT INTO forms (workspace_id, name, public_id, fields, settings) VALUES (%s, 'Odd', %s, %s, %s)",
            (w, f"unsound-form-{n}", odd if n == 1 else "[]", "{}" if n == 1 else '{"redirect_url": "javascript:a()"}'),
        )
    await database.execute("INSERT INTO form_versions SELECT workspace_id, id, 1, name, fields, settings FROM forms")
    sealed = await sealed_text(database, tmp_path / "one", "no JSON")
    await database.execute("UPDATE integrations SET credentials = %s, settings = '{\"mapping\": 7}'", (sealed,))
    await export_workspace(database_url, file, tmp_path / "one")
    report = await import_workspace(other_url, file, tmp_path / "two")
    forms = "SELECT is_active, fields, settings FROM forms WHERE workspace_id = %s"
    assert await fetch(other_url, forms, report.workspace_id) == [(False, [], {})] * 2
    assert await fetch(other_url, "SELECT count(*) FROM form_versions") == [(0,)]
    [(active, settings, sealed)] = await fetch(
        other_url,
        "SELECT is_active, settings, credentials FROM integrations WHERE workspace_id = %s",
        report.workspace_id,
    )
    assert (active, settings) == (False, {})
    assert Cipher.from_settings(settings_at(tmp_path / "two")).decrypt(sealed) == "{}"
    assert sum("not sound" in note for note in report.notes) == 4


async def sealed_text(database: Connection, folder: Path, text: str) -> bytes:
    async with database.transaction():
        return (await Cipher.from_settings(settings_at(folder)).in_transaction(database)).encrypt(text)


@pytest.mark.extended
async def test_a_content_that_did_not_come_along_belongs_to_nobody(
    moved_file: Path, other_url: str, tmp_path: Path
) -> None:
    id_ = "0190b5c8-0000-7000-8000-000000000001"
    row = add_row(
        "files", id=id_, submission_id=id_, form_id=0, field_key="cv", digest="\\\\x" + "ab" * 32, name="a", size=1,
        type="text/plain", created_at=NOW,
    )  # fmt: skip
    report = await import_workspace(other_url, forge(moved_file, tmp_path / "x.tar", row), tmp_path / "two")
    assert await fetch(other_url, "SELECT count(*) FROM files") == [(0,)]
    assert report.left_out["files"] == 1


async def test_a_second_workspace_of_the_same_file(moved_file: Path, database_url: str, tmp_path: Path) -> None:
    report = await import_workspace(database_url, moved_file, tmp_path / "one")
    assert any("API key 'website' is left out" in note for note in report.notes)
    assert any("'Mail' has a new webhook URL" in note for note in report.notes)
    with pytest.raises(workspaces.InvalidWorkspace):
        async with connect(database_url, "tests") as connection:
            await workspaces.create_workspace(connection, "moved", "x")
