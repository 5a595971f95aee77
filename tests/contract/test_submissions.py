"""Submissions, replaying them, and operations."""

import secrets
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import aiohttp
import orjson
import pytest
import pytest_asyncio

from shared.intake.journal import JournalItem, Lane, NewJournalRow
from shared.platform.ids import now_ms, received_time, uuid7
from tests.contract.service import Service, ask, new_email, post_lead
from tests.support.stack import Database
from tests.support.waiting import until_async

SUBMISSIONS = "/api/v1/submissions"
RECORD = {
    *("id", "state", "channel", "source", "lead_id", "is_duplicate", "matched_on", "payload", "changes", "warnings"),
    *("error", "attempts", "received_at", "processed_at", "spam", "rejected_at", "attribution"),
    "is_test",
}
# As a worker buries one, with the ledger that goes with it.
BURY = """
WITH counted AS (
    INSERT INTO ledger_deltas (workspace_id, state, n)
    SELECT id, state, 1 FROM workspaces, unnest(ARRAY['accepted', %(state)s]) state WHERE slug = 'main'
)
INSERT INTO submissions (workspace_id, id, received_at, state, channel, source, payload, error, attempts)
SELECT id, %(id)s, %(at)s, %(state)s, 'inbound', %(source)s, %(payload)s, 'ValueError: no', 5
FROM workspaces WHERE slug = 'main'
"""
# As a gateway stores one that no worker takes before an hour is over.
WAIT = """
WITH counted AS (INSERT INTO ledger_deltas (workspace_id, state, n) VALUES (%(workspace)s, 'accepted', 1))
INSERT INTO journal (lane, n, ids, payload, due_at)
VALUES (1, 1, ARRAY[%(id)s]::uuid[], %(document)s, now() + interval '1 hour')
"""
DUE = "UPDATE journal SET due_at = now() WHERE ids @> ARRAY[%s]::uuid[]"

Bury = Callable[..., list[str]]


@pytest_asyncio.fixture
async def bury(client: aiohttp.ClientSession, service: Service) -> AsyncIterator[Bury]:
    """Makes so many submissions that no worker could ingest, and that one can now; none of them is left."""
    buried: list[str] = []

    def bury(source: str, n: int = 1, state: str = "dead") -> list[str]:
        ids = [uuid7(now_ms() - 1000 * number) for number in range(n)]
        buried.extend(ids)
        with service.stack.database() as database:
            for id_ in ids:
                payload = orjson.dumps({"email": new_email(), "source": source})
                values = {"id": id_, "at": received_time(id_), "state": state, "source": source, "payload": payload}
                database.execute(BURY, values)
        return ids

    yield bury
    for id_ in buried:
        for action in ("replay", "release"):
            await ask(client, "POST", f"{SUBMISSIONS}/{id_}/{action}")
    await until_done(client, buried)


def new_source() -> str:
    return f"source-{secrets.token_hex(6)}"


def wait(database: Database, email: str, source: str) -> str:
    """Stores a submission that waits until it is made `DUE`; its id."""
    ((workspace,),) = database.execute("SELECT id FROM workspaces WHERE slug = 'main'").fetchall()
    now = now_ms()  # one and the same: by its id a submission's row is found
    id_ = uuid7(now)
    item = JournalItem(id_, now, workspace, "inbound", source, orjson.dumps({"email": email, "source": source}))
    database.execute(
        WAIT,
        {"id": id_, "workspace": workspace, "document": NewJournalRow.from_items(Lane.PROMPT, [item], "").document},
    )
    return id_


async def state_of(client: aiohttp.ClientSession, id_: str) -> Any:
    answer = await ask(client, "GET", f"{SUBMISSIONS}/{id_}")
    assert answer.status == 200, answer.body
    return answer.body["data"]["state"]


async def until_done(client: aiohttp.ClientSession, ids: list[str]) -> None:
    async def are_done() -> bool:
        return {await state_of(client, id_) for id_ in ids} == {"done"}

    await until_async(are_done, what="the replay")


async def test_submissions_are_listed_newest_first(client: aiohttp.ClientSession) -> None:
    source, email = new_source(), new_email()
    posted = [(await post_lead(client, {"email": email, "source": source, "n": n})).body for n in range(3)]
    page = (await ask(client, "GET", f"{SUBMISSIONS}?source={source}&per_page=2")).body
    assert page["meta"]["total"] == 3
    assert [each["id"] for each in page["data"]] == [each["submission_id"] for each in posted[:0:-1]]
    newest = page["data"][0]
    assert newest.keys() == RECORD
    assert newest["payload"] == {"email": email, "source": source, "n": 2}
    assert (newest["state"], newest["is_duplicate"], newest["matched_on"]) == ("done", True, ["email"])
    assert (await ask(client, "GET", f"{SUBMISSIONS}/{newest['id']}")).body["data"] == newest


async def test_submissions_are_filtered(client: aiohttp.ClientSession, bury: Bury) -> None:
    source, email = new_source(), new_email()
    before = datetime.now(UTC) - timedelta(minutes=1)
    first, second = [(await post_lead(client, {"email": email, "source": source})).body for _ in range(2)]
    (dead,) = bury(source)

    async def found(**filters: Any) -> set[str]:
        answer = await ask(client, "GET", SUBMISSIONS, params={"source": source, **filters})
        assert answer.status == 200, answer.raw
        assert answer.body["meta"]["total"] == len(answer.body["data"])
        return {each["id"] for each in answer.body["data"]}

    done = {first["submission_id"], second["submission_id"]}
    assert await found(state="done") == done
    assert await found(state="dead") == {dead}
    assert await found(state="accepted") == set()
    assert await found(lead_id=str(first["lead_id"])) == done
    assert await found(is_duplicate="true") == {second["submission_id"]}
    assert await found(channel="inbound") == done | {dead}
    assert await found(channel="form:1") == set()
    assert await found(received_after=before.isoformat()) == done | {dead}
    assert await found(received_before=before.isoformat()) == set()


async def test_pending_submission_is_listed(client: aiohttp.ClientSession, service: Service) -> None:
    source, email = new_source(), new_email()
    posted = (await post_lead(client, {"email": email, "source": source})).body["submission_id"]
    with service.stack.database() as database:
        id_ = wait(database, email, source)
        path = f"{SUBMISSIONS}?source={source}"
        page = (await ask(client, "GET", path)).body
        assert (page["meta"]["total"], [each["id"] for each in page["data"]]) == (2, [id_, posted])
        waiting = (await ask(client, "GET", f"{path}&state=accepted")).body["data"]
        assert waiting == page["data"][:1] == [(await ask(client, "GET", f"{SUBMISSIONS}/{id_}")).body["data"]]
        assert waiting[0].keys() == RECORD
        database.execute(DUE, (id_,))
    await until_done(client, [id_])
    assert (await ask(client, "GET", f"{path}&state=accepted")).body["meta"]["total"] == 0
    assert (await ask(client, "GET", path)).body["meta"]["total"] == 2


@pytest.mark.parametrize("name", ["state", "lead_id", "is_duplicate", "received_after", "received_before", "page"])
@pytest.mark.parametrize("value", ["x", "-1", "a%00b"])
async def test_a_filter_that_cannot_be_one_is_422(client: aiohttp.ClientSession, name: str, value: str) -> None:
    answer = await ask(client, "GET", f"{SUBMISSIONS}?{name}={value}")
    assert (answer.status, list(answer.body["errors"])) == (422, [name])


async def test_a_dead_submission_is_replayed(client: aiohttp.ClientSession, bury: Bury) -> None:
    for state, action in (("dead", "replay"), ("quarantined", "release")):
        (id_,) = bury(new_source(), state=state)
        assert await state_of(client, id_) == state
        other = await ask(client, "POST", f"{SUBMISSIONS}/{id_}/{'release' if action == 'replay' else 'replay'}")
        assert (other.status, other.code) == (409, "CONFLICT")
        answer = await ask(client, "POST", f"{SUBMISSIONS}/{id_}/{action}")
        assert answer.status == 202, answer.raw
        assert (answer.body["data"].keys(), answer.body["data"]["state"]) == (RECORD, "accepted")
        assert answer.headers["Location"] == f"{SUBMISSIONS}/{id_}"
        await until_done(client, [id_])
        again = await ask(client, "POST", f"{SUBMISSIONS}/{id_}/{action}")
        assert (again.status, again.code) == (409, "CONFLICT")


async def test_a_replay_of_what_waits_changes_nothing(client: aiohttp.ClientSession, service: Service) -> None:
    """Whether it was replayed before is not to be told once an attempt has failed since: both are on their way."""
    with service.stack.database() as database:
        id_ = wait(database, new_email(), new_source())
        shown = (await ask(client, "GET", f"{SUBMISSIONS}/{id_}")).body
        for _ in range(2):
            answer = await ask(client, "POST", f"{SUBMISSIONS}/{id_}/replay")
            assert (answer.status, answer.body) == (202, shown)
        rows = "SELECT lane, due_at > now() FROM journal WHERE ids @> ARRAY[%s]::uuid[]"
        assert database.execute(rows, (id_,)).fetchall() == [(1, True)]
        database.execute(DUE, (id_,))
    await until_done(client, [id_])


@pytest.mark.parametrize("id_", ["2f1b6a5e-6d0c-4a7f-9b61-0c8a4e5d7f10", uuid7(0), "1", "x"], ids="4 7 1 x".split())
async def test_replay_of_an_unknown_submission_answers_404(client: aiohttp.ClientSession, id_: str) -> None:
    assert (await ask(client, "POST", f"{SUBMISSIONS}/{id_}/replay")).status == 404


async def test_operations_add_up(client: aiohttp.ClientSession, bury: Bury) -> None:
    bury(new_source())
    await post_lead(client, {"email": new_email()})
    data = (await ask(client, "GET", "/api/v1/operations")).body["data"]
    assert data.keys() == {"ledger", "oldest_waiting_s", "queues", "workers", "dead_letters", "lanes"}
    ledger = data["ledger"]
    assert ledger["accepted"] == sum(ledger[name] for name in ledger if name != "accepted")
    assert (ledger["done"] > 0, ledger["dead"] > 0) == (True, True)
    assert data["dead_letters"]["submissions"] == ledger["dead"]
    assert {queue["name"] for queue in data["queues"]} == {"ingest", "events", "deliveries"}
    assert {"worker", "sweeper"} <= {process["kind"] for process in data["workers"] if process["is_alive"]}


async def test_another_workspace_sees_and_replays_nothing(
    client: aiohttp.ClientSession, service: Service, bury: Bury
) -> None:
    source = new_source()
    (id_,) = bury(source)
    slug = f"other-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Other")
    async with service.client(service.make_key("*", workspace=slug)) as other:
        assert (await ask(other, "GET", SUBMISSIONS)).body["meta"]["total"] == 0
        assert (await ask(other, "POST", f"{SUBMISSIONS}/{id_}/replay")).status == 404
        replay = {"filter": {"source": source}}
        assert (await ask(other, "POST", f"{SUBMISSIONS}/replay", json=replay)).body["data"]["count"] == 0
        for path in ("versions", "raw"):
            assert (await ask(other, "GET", f"{SUBMISSIONS}/{id_}/{path}")).status == 404
        ledger = (await ask(other, "GET", "/api/v1/operations")).body["data"]["ledger"]
        assert set(ledger.values()) == {0}
    assert await state_of(client, id_) == "dead"


async def test_operations_need_their_scopes(service: Service) -> None:
    calls = {
        **{("GET", SUBMISSIONS): "read", ("GET", "/api/v1/operations"): "read"},
        **{("POST", f"{SUBMISSIONS}/replay"): "write", ("POST", f"{SUBMISSIONS}/{uuid.uuid4()}/replay"): "write"},
        **{("GET", "/api/v1/jobs"): "read", ("GET", f"{SUBMISSIONS}/{uuid.uuid4()}/raw"): "read"},
    }
    for scope in ("read", "write"):
        async with service.client(service.make_key(f"{scope}:operations")) as session:
            for (method, path), needed in calls.items():
                answer = await ask(session, method, path, json={})
                assert (answer.status == 403) == (scope != needed), (scope, path, answer.raw)


async def test_an_id_of_no_time_is_not_found(client: aiohttp.ClientSession) -> None:
    for path in ("", "/replay"):
        id_ = "ffffffff-ffff-7fff-bfff-ffffffffffff"
        answer = await ask(client, "POST" if path else "GET", f"{SUBMISSIONS}/{id_}{path}")
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
