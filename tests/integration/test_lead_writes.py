"""The one way in which leads are written beside ingest: what an edit makes of a lead, its identities, its timeline."""

from typing import Any

import pytest
import pytest_asyncio

from shared.leads import writes
from shared.leads.submission import MAX_LEAD_TAGS
from shared.leads.writes import ChangeCause, LeadChange, LeadNotCreated
from shared.platform.db.connections import Connection
from tests.support.ingesting import accept, drain, item, workspace_id
from tests.support.leads import ANNA, BY, change, create, edit, identities, lead, rows, timeline

pytestmark = pytest.mark.integration


@pytest_asyncio.fixture
async def workspace(database: Connection) -> int:
    return await workspace_id(database)


@pytest_asyncio.fixture
async def board(database: Connection, workspace: int) -> dict[str, int]:
    """The default pipeline, `sales`, with its stages by name, and a second, `other`, of the stages `one` and `two`."""
    found = {name.lower(): id_ for id_, name in await rows(database, "SELECT id, name FROM pipeline_stages")}
    found["sales"] = (await rows(database, "SELECT id FROM pipelines"))[0][0]
    made = "INSERT INTO pipelines (workspace_id, name) VALUES (%s, 'Other') RETURNING id"
    found["other"] = (await rows(database, made, workspace))[0][0]
    stage = (
        "INSERT INTO pipeline_stages (workspace_id, pipeline_id, name, position) VALUES (%s, %s, %s, %s) RETURNING id"
    )
    for position, name in enumerate(("one", "two"), 1):
        found[name] = (await rows(database, stage, workspace, found["other"], name, position))[0][0]
    return found


def by_id(board: dict[str, int], sent: dict[str, Any]) -> dict[str, Any]:
    return {name: board.get(value, value) if name.endswith("_id") else value for name, value in sent.items()}


async def place(connection: Connection, workspace: int, lead_id: int) -> tuple[Any, ...]:
    found = await lead(connection, workspace, lead_id)
    return found["pipeline_id"], found["pipeline_stage_id"], found["status"]


async def test_a_new_lead_is_whole(database: Connection, workspace: int, board: dict[str, int]) -> None:
    fields = {"email": " Anna@Example.COM", "phone": "(415) 555-0100", "custom_fields": {"a": 1, "b": None}}
    lead_id = await create(database, workspace, first_name="Anna", tags=["Hot", "hot", "New"], source="shop", **fields)
    found = await lead(database, workspace, lead_id)
    assert (found["email"], found["phone"]) == ("anna@example.com", "+14155550100")
    assert (found["tags"], found["custom_fields"], found["lead_score"]) == (["Hot", "New"], {"a": 1}, 0)
    assert await place(database, workspace, lead_id) == (board["sales"], board["new"], "new")
    assert await identities(database, lead_id) == {"anna@example.com", "+14155550100"}
    said = {"by": {"kind": "api", "id": 7}, "source": "shop", "tags_added": ["Hot", "New"]}
    assert await timeline(database, lead_id) == [{"type": "lead.created", "data": said}]


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"pipeline_id": "other"}, ("other", "one", "new")),
        ({"pipeline_stage_id": "two"}, ("other", "two", "new")),
        ({"pipeline_id": "other", "pipeline_stage_id": "two"}, ("other", "two", "new")),
        ({"pipeline_stage_id": "won"}, ("sales", "won", "converted")),
        ({"pipeline_stage_id": "lost"}, ("sales", "lost", "lost")),
        ({"pipeline_stage_id": "won", "status": "qualified"}, ("sales", "won", "qualified")),
        ({"pipeline_id": None, "pipeline_stage_id": None}, ("sales", "new", "new")),
    ],
)
async def test_where_a_new_lead_goes(
    database: Connection, workspace: int, board: dict[str, int], sent: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    lead_id = await create(database, workspace, **by_id(board, sent))
    pipeline, stage, status = expected
    assert await place(database, workspace, lead_id) == (board[pipeline], board[stage], status)


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ({"pipeline_id": "other"}, ("other", "one", "contacted")),
        ({"pipeline_id": "sales"}, ("sales", "contacted", "contacted")),
        ({"pipeline_stage_id": "two"}, ("other", "two", "contacted")),
        ({"pipeline_stage_id": "won"}, ("sales", "won", "converted")),
        ({"pipeline_stage_id": "lost", "status": "new"}, ("sales", "lost", "new")),
        ({"pipeline_stage_id": None}, ("sales", None, "contacted")),
        ({"pipeline_id": None}, (None, None, "contacted")),
        ({"pipeline_id": "other", "pipeline_stage_id": None}, ("other", None, "contacted")),
    ],
)
async def test_where_a_lead_is_moved(
    database: Connection,
    workspace: int,
    board: dict[str, int],
    sent: dict[str, Any],
    expected: tuple[str | None, str | None, str],
) -> None:
    lead_id = await create(database, workspace, pipeline_stage_id=board["contacted"], status="contacted")
    await edit(database, workspace, lead_id, **by_id(board, sent))
    pipeline, stage, status = expected
    assert await place(database, workspace, lead_id) == (board.get(pipeline or ""), board.get(stage or ""), status)


async def test_a_status_set_by_hand_stays_while_the_stage_does(
    database: Connection, workspace: int, board: dict[str, int]
) -> None:
    lead_id = await create(database, workspace, pipeline_stage_id=board["won"])
    await edit(database, workspace, lead_id, status="qualified")
    found = await edit(database, workspace, lead_id, pipeline_stage_id=board["won"], notes="seen")
    assert found["status"] == "qualified"


async def test_all_errors_of_a_lead_write_are_reported_together(
    database: Connection, workspace: int, board: dict[str, int]
) -> None:
    holder = await create(database, workspace, **ANNA)
    wrong = {"pipeline_id": board["sales"], "pipeline_stage_id": board["two"], "assigned_user_id": 99}
    fields = {**wrong, "email": "ANNA@example.com", "phone": "12"}
    with pytest.raises(LeadNotCreated) as refused:
        await create(database, workspace, **fields)
    assert refused.value.errors.keys() == {*wrong, "email", "phone"} - {"pipeline_id"}
    assert refused.value.holders == {"email": holder}
    assert str(holder) in refused.value.errors["email"][0]
    assert (await rows(database, "SELECT count(*) FROM leads")) == [(1,)]
    other = await create(database, workspace)
    (refusal,) = await change(database, workspace, other, set_fields={**fields, "pipeline_id": 98, "tags": ["x"]})
    assert refusal.errors.keys() == {"pipeline_id", "assigned_user_id", "email", "phone"}
    assert len(await timeline(database, other)) == 1
    assert await rows(database, "SELECT count(*) FROM tags") == [(0,)]


async def test_lead_writes_reject_records_of_another_workspace(
    database: Connection, workspace: int, board: dict[str, int]
) -> None:
    made = "INSERT INTO workspaces (slug, name) VALUES ('other', 'Other') RETURNING id"
    foreign = (await rows(database, made))[0][0]
    user = "INSERT INTO users (workspace_id, name, email) VALUES (%s, 'U', 'u@example.com') RETURNING id"
    sent = {"pipeline_id": board["sales"], "assigned_user_id": (await rows(database, user, workspace))[0][0]}
    with pytest.raises(LeadNotCreated) as refused:
        await create(database, foreign, **sent)
    assert refused.value.errors.keys() == sent.keys()
    lead_id = await create(database, workspace, **sent, email="a@example.com")
    (refusal,) = await change(database, foreign, lead_id, set_fields={"email": "b@example.com"})
    assert refusal.is_missing
    assert await identities(database, lead_id) == {"a@example.com"}
    assert await create(database, foreign, email="a@example.com")  # a contact belongs to a lead of each workspace
    assert (await timeline(database, lead_id))[0]["data"]["user_id"] == sent["assigned_user_id"]


async def test_an_inactive_user_can_be_assigned(database: Connection, workspace: int) -> None:
    user = "INSERT INTO users (workspace_id, name, email, is_active) VALUES (%s, 'U', 'u@x.com', false) RETURNING id"
    (found,) = (await rows(database, user, workspace))[0]
    lead_id = await create(database, workspace, assigned_user_id=found)
    assert (await edit(database, workspace, lead_id, assigned_user_id=None))["assigned_user_id"] is None


async def test_custom_fields_tags_and_score(database: Connection, workspace: int) -> None:
    lead_id = await create(database, workspace, custom_fields={"a": 1, "b": {"x": 2}}, tags=["One", "two"])
    found = await edit(database, workspace, lead_id, custom_fields={"a": None, "c": True, "none": None})
    assert found["custom_fields"] == {"b": {"x": 2}, "c": True}
    await change(database, workspace, lead_id, set_fields={"tags": ["TWO", "three"]}, add_score=5)
    await change(database, workspace, lead_id, add_tags=["Two", "four", "FOUR"], remove_tags=["THREE", "nobody"])
    found = await lead(database, workspace, lead_id)
    assert (found["tags"], found["lead_score"]) == (["two", "four"], 5)
    by = {"by": {"kind": "api", "id": 7}}
    assert [entry["data"] for entry in (await timeline(database, lead_id))[1:]] == [
        {
            **by,
            "changes": {
                "custom_fields.a": {"from": 1, "to": None},
                "custom_fields.c": {"from": None, "to": True},
            },
        },
        {**by, "changes": {"lead_score": {"from": 0, "to": 5}}, "tags_added": ["three"], "tags_removed": ["One"]},
        {**by, "tags_added": ["four"], "tags_removed": ["three"]},
    ]
    assert (await edit(database, workspace, lead_id, custom_fields=None, tags=None))["tags"] == []
    assert (await lead(database, workspace, lead_id))["custom_fields"] == {}


async def test_a_tag_that_was_deleted_is_in_no_edits_way(database: Connection, workspace: int) -> None:
    """As long as the lead is yet to be cleared of it. Nobody took it away, and it is no more seen."""
    lead_id = await create(database, workspace, tags=["gone", "old"])
    await database.execute("DELETE FROM tags WHERE name = 'gone'")
    assert (await edit(database, workspace, lead_id, tags=["new"]))["tags"] == ["new"]
    (said,) = [entry["data"] for entry in await timeline(database, lead_id) if entry["type"] == "lead.updated"]
    assert (said["tags_added"], said["tags_removed"]) == (["new"], ["old"])


async def test_a_lead_that_bears_more_tags_than_one_may_can_be_edited(database: Connection, workspace: int) -> None:
    """Only more of them is too many."""
    lead_id = await create(database, workspace, tags=[f"t{n}" for n in range(MAX_LEAD_TAGS)])
    await database.execute("UPDATE leads SET tag_ids = tag_ids || 999999::bigint")
    assert (
        await change(database, workspace, lead_id, set_fields={"company": "Acme"}, remove_tags=["T0"], add_tags=["x"])
        == []
    )
    (refusal,) = await change(database, workspace, lead_id, add_tags=["y"])
    assert refusal.errors.keys() == {"tag"}


async def test_edit_without_changes_leaves_no_trace(database: Connection, workspace: int) -> None:
    lead_id = await create(database, workspace, **ANNA, tags=["x"], custom_fields={"a": [1]})
    before = await lead(database, workspace, lead_id)
    same = {name: before[name] for name in before if name not in ("id", "lead_score", "created_at", "updated_at")}
    assert await edit(database, workspace, lead_id, **same) == before
    await change(database, workspace, lead_id, add_tags=["X"], remove_tags=["y"])
    assert await lead(database, workspace, lead_id) == before
    assert len(await timeline(database, lead_id)) == 1
    assert (await edit(database, workspace, lead_id, notes="!"))["updated_at"] > before["updated_at"]


async def test_a_name_is_not_taken_away(database: Connection, workspace: int) -> None:
    lead_id = await create(database, workspace, first_name="Anna")
    (refusal,) = await change(database, workspace, lead_id, set_fields={"first_name": None, "notes": "x"})
    assert refusal.errors.keys() == {"first_name"}
    nameless = await create(database, workspace, email="x@example.com")
    assert (await edit(database, workspace, nameless, first_name=None, notes="x"))["notes"] == "x"


async def test_many_changes_at_once(database: Connection, workspace: int) -> None:
    """In order, some of one lead, one refused and one of a lead that is gone: the others are made all the same."""
    first, second, third = [await create(database, workspace, email=f"{n}@example.com") for n in range(3)]
    by = ChangeCause("automation", 3, depth=2, run=9)
    changes = [
        LeadChange(workspace, first, cause=by, set_fields={"email": "new@example.com"}, add_tags=["a"]),
        LeadChange(workspace, second, cause=by, set_fields={"email": "new@example.com"}, add_tags=["b"]),
        LeadChange(workspace, first, cause=by, set_fields={"email": "newer@example.com"}, remove_tags=["A"]),
        LeadChange(workspace, third, cause=by, set_fields={"email": "2@example.com"}, add_score=1),
        LeadChange(workspace, 10**9, cause=by, set_fields={"email": "gone@example.com"}),
        LeadChange(workspace, third, cause=by, set_fields={"phone": "+14155550111", "assigned_user_id": 5}),
    ]
    async with database.transaction():
        refusals = await writes.change_leads(database, changes)
    assert [(refusal.change, refusal.is_missing) for refusal in refusals] == [
        (changes[1], False),
        (changes[4], True),
        (changes[5], False),
    ]
    assert refusals[0].holders == {"email": first}
    assert await rows(database, "SELECT value FROM identities ORDER BY 1") == [
        ("1@example.com",),
        ("2@example.com",),
        ("newer@example.com",),
    ]
    said = [entry["data"] for entry in await timeline(database, first)][1:]
    assert [data["by"] for data in said] == [{"kind": "automation", "id": 3, "depth": 2, "run": 9}] * 2
    assert said[1]["changes"] == {"email": {"from": "new@example.com", "to": "newer@example.com"}}
    assert (said[0]["tags_added"], said[1]["tags_removed"]) == (["a"], ["a"])
    assert [len(await timeline(database, lead_id)) for lead_id in (second, third)] == [1, 2]


async def test_a_deleted_lead_frees_its_contacts_and_leaves_its_story(
    database_url: str, database: Connection, workspace: int
) -> None:
    lead_id = await create(database, workspace, **ANNA, tags=["x"])
    other = await create(database, workspace, email="b@example.com")
    await accept(database, [item(workspace, {"email": "b@example.com", "phone": ANNA["phone"]})])
    await drain(database_url)
    assert (await lead(database, workspace, other))["possible_duplicate_of"] == lead_id
    await database.execute(
        "INSERT INTO tasks (workspace_id, lead_id, title) VALUES (%s, %s, 'Call')", (workspace, lead_id)
    )
    before = await lead(database, workspace, lead_id)
    async with database.transaction():
        assert await writes.delete_lead(database, workspace, lead_id, BY)
        assert not await writes.delete_lead(database, workspace + 1, other, BY)
    for table in ("possible_duplicates", "tasks"):
        assert await rows(database, f"SELECT count(*) FROM {table}") == [(0,)]
    assert await identities(database, lead_id) == set()
    assert (await lead(database, workspace, other))["possible_duplicate_of"] is None
    last = (await timeline(database, lead_id))[-1]
    assert last["type"] == "lead.deleted"
    assert last["data"]["lead"] == {
        **before,
        "created_at": before["created_at"].isoformat(),
        "updated_at": before["updated_at"].isoformat(),
    }
    async with database.transaction():
        assert not await writes.delete_lead(database, workspace, lead_id, BY)
    assert await create(database, workspace, **{**ANNA, "phone": None}) > other
