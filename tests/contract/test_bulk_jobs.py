"""Jobs: counted, confirmed, watched; fix and replay; the quarantine."""

from typing import Any

import aiohttp
import orjson

from tests.contract.service import Service, ask, new_email, post_lead
from tests.contract.test_submissions import SUBMISSIONS, Bury, bury, new_source, state_of, until_done
from tests.support.waiting import until_async

__all__ = ["bury"]
JOBS = "/api/v1/jobs"


async def until_ended(client: aiohttp.ClientSession, id_: int) -> Any:
    job: dict[str, Any] = {}

    async def has_ended() -> bool:
        job.update((await ask(client, "GET", f"{JOBS}/{id_}")).body["data"])
        return job["finished_at"] is not None

    await until_async(has_ended, what="the job")
    return job


async def test_many_are_counted_confirmed_and_replayed_as_a_job(client: aiohttp.ClientSession, bury: Bury) -> None:
    source = new_source()
    ids = bury(source, 5)

    async def replay(**members: Any) -> Any:
        return await ask(client, "POST", f"{SUBMISSIONS}/replay", json={"filter": {"source": source}, **members})

    for members in ({}, {"confirm": None}):
        answer = await replay(**members)
        assert (answer.status, answer.body["data"]["count"]) == (200, 5)
    for wrong in (4, 6):
        answer = await replay(confirm=wrong)
        assert (answer.status, answer.code, answer.body["count"]) == (409, "CONFLICT", 5)
    assert {await state_of(client, id_) for id_ in ids} == {"dead"}
    answer = await replay(confirm=5, reason="the outage", rate=100)
    assert answer.status == 202, answer.raw
    assert answer.headers["Location"] == f"{JOBS}/{answer.body['data']['id']}"
    assert answer.body["data"]["created_by"]["kind"] == "key"
    job = await until_ended(client, answer.body["data"]["id"])
    assert (job["state"], job["total"], job["reason"]) == ("done", 5, "the outage")
    await until_done(client, ids)
    job = (await ask(client, "GET", f"{JOBS}/{job['id']}")).body["data"]
    assert (job["done"], job["died_again"]) == (5, 0)
    assert job["afterwards"] == {"waiting": 0, "done": 5, "dead": 0, "quarantined": 0}
    items = (await ask(client, "GET", f"{JOBS}/{job['id']}/items?outcome=done")).body["data"]
    assert {item["submission_id"] for item in items} == set(ids)
    assert (await ask(client, "GET", f"{JOBS}/{job['id']}/items?outcome=failed")).body["meta"]["total"] == 0
    assert job["id"] in [each["id"] for each in (await ask(client, "GET", f"{JOBS}?kind=replay")).body["data"]]
    for action in ("pause", "resume", "cancel"):
        assert (await ask(client, "POST", f"{JOBS}/{job['id']}/{action}")).status == 409


async def test_job_takes_what_was_counted_and_leaves_what_died_later(client: aiohttp.ClientSession, bury: Bury) -> None:
    source = new_source()
    ids = bury(source, 4)
    body: dict[str, Any] = {"filter": {"source": source}}
    counted = (await ask(client, "POST", f"{SUBMISSIONS}/replay", json=body)).body["data"]
    later = bury(source, 2)
    assert (await ask(client, "POST", f"{SUBMISSIONS}/{ids[0]}/replay")).status == 202  # somebody is quicker
    body |= {"confirm": counted["count"], "as_of": counted["as_of"]}
    answer = await ask(client, "POST", f"{SUBMISSIONS}/replay", json=body)
    assert (answer.status, answer.body["data"]["total"]) == (202, 3), answer.raw
    await until_done(client, ids)
    assert {await state_of(client, id_) for id_ in later} == {"dead"}
    answer = await ask(client, "POST", f"{SUBMISSIONS}/replay", json={**body, "as_of": "soon"})
    assert (answer.status, [*answer.body["errors"]]) == (422, ["as_of"])


async def test_a_filter_that_is_not_known_is_no_filter_for_all(client: aiohttp.ClientSession) -> None:
    wrong: list[Any] = [{"sauce": "x"}, {"received_after": "soon"}, {"lead_id": 2**40}, None, []]
    for filters in wrong:
        answer = await ask(client, "POST", f"{SUBMISSIONS}/reject", json={"filter": filters, "confirm": 0})
        assert answer.status == 422, answer.raw
        assert {name.partition(".")[0] for name in answer.body["errors"]} == {"filter"}
    answer = await ask(client, "POST", f"{SUBMISSIONS}/replay", json={"confirm": True})
    assert answer.body["errors"].keys() == {"filter", "confirm"}
    changes = [{"op": "map", "field": "a..b"}, {"op": "set", "field": "x"}]
    answer = await ask(client, "POST", f"{SUBMISSIONS}/replay", json={"filter": {}, "changes": changes})
    assert answer.body["errors"].keys() == {"changes.0.field", "changes.0.values", "changes.1.value"}


async def test_examples_show_what_would_become_and_store_nothing(
    client: aiohttp.ClientSession, bury: Bury, service: Service
) -> None:
    source, email = new_source(), new_email()
    lead = (await post_lead(client, {"email": email})).body["lead_id"]
    ids = bury(source, 4)
    body = {
        "filter": {"source": source},
        "preview": 3,
        "changes": [{"op": "set", "field": "email", "value": email}, {"op": "drop", "field": "source"}],
    }
    counted = ", ".join(f"(SELECT count(*) FROM {table})" for table in ("leads", "submission_versions", "jobs"))
    tables = f"SELECT {counted}"
    with service.stack.database() as database:
        before = database.execute(tables).fetchall()
        data = (await ask(client, "POST", f"{SUBMISSIONS}/replay", json=body)).body["data"]
        assert database.execute(tables).fetchall() == before
    assert (data["count"], len(data["examples"])) == (4, 3)
    example = data["examples"][0]
    assert example["id"] == ids[-1]  # the oldest
    assert (example["before"]["source"], example["after"]) == (source, {"email": email})
    assert [each["op"] for each in example["differences"]] == ["changed", "removed"]
    assert (example["outcome"]["lead_id"], example["outcome"]["is_duplicate"]) == (lead, True)


async def test_a_fixed_payload_is_replayed_and_the_original_is_kept(client: aiohttp.ClientSession, bury: Bury) -> None:
    (id_,) = bury(new_source())
    path, email = f"{SUBMISSIONS}/{id_}", new_email()
    original = (await ask(client, "GET", path)).body["data"]["payload"]
    answer = await ask(client, "POST", f"{path}/replay", json={"payload": {"email": "nobody"}})
    assert (answer.status, list(answer.body["errors"])) == (422, ["payload.email"])
    assert (await ask(client, "GET", f"{path}/versions")).body["data"] == []
    answer = await ask(client, "POST", f"{path}/replay", json={"payload": {"email": email}, "reason": "a typo"})
    assert (answer.status, answer.body["data"]["payload"]) == (202, {"email": email})
    await until_done(client, [id_])
    shown = (await ask(client, "GET", path)).body["data"]
    lead = (await ask(client, "GET", f"/api/v1/leads/{shown['lead_id']}")).body["data"]
    assert (shown["payload"], lead["email"]) == ({"email": email}, email)
    second, first = (await ask(client, "GET", f"{path}/versions")).body["data"]
    assert (first["version"], first["author"], first["payload"]) == (1, None, original)
    assert (second["author"]["kind"], second["reason"], second["payload"]) == ("key", "a typo", {"email": email})
    assert {each["field"] for each in second["changes"]} == {"email", "source"}
    raw = await ask(client, "GET", f"{path}/raw")
    assert orjson.loads(raw.raw) == original
    assert "attachment" in raw.headers["Content-Disposition"]


async def test_held_ones_are_rejected_left_out_and_released(
    client: aiohttp.ClientSession, bury: Bury, service: Service
) -> None:
    source = new_source()
    ids = bury(source, 3, state="quarantined")
    spam = {"score": 8, "reasons": [{"code": "links", "points": 8, "text": "Many links"}]}
    with service.stack.database() as database:
        values = (orjson.dumps(spam).decode(), ids)
        database.execute("UPDATE submissions SET spam = %s::jsonb WHERE id = ANY(%s::uuid[])", values)
    listed = f"{SUBMISSIONS}?state=quarantined&source={source}"
    assert (await ask(client, "GET", listed)).body["data"][0]["spam"] == spam
    answer = await ask(client, "POST", f"{SUBMISSIONS}/{ids[0]}/reject")
    assert (answer.status, answer.body["data"]["state"]) == (200, "quarantined")
    assert answer.body["data"]["rejected_at"]
    assert (await ask(client, "POST", f"{SUBMISSIONS}/{ids[0]}/reject")).status == 409
    assert {each["id"] for each in (await ask(client, "GET", listed)).body["data"]} == set(ids[1:])
    rejected = (await ask(client, "GET", f"{listed}&rejected=true")).body["data"]
    assert [each["id"] for each in rejected] == ids[:1]
    body = {"filter": {"source": source}, "confirm": 2}
    job = (await ask(client, "POST", f"{SUBMISSIONS}/reject", json=body)).body["data"]
    assert (await until_ended(client, job["id"]))["done"] == 2
    body = {"filter": {"source": source, "rejected": True, "ids": ids}, "confirm": 3, "with_automations": False}
    job = (await ask(client, "POST", f"{SUBMISSIONS}/release", json=body)).body["data"]
    assert ((await until_ended(client, job["id"]))["state"], job["with_automations"]) == ("done", False)
    await until_done(client, ids)
    assert (await until_ended(client, job["id"]))["done"] == 3


async def test_a_text_of_the_payload_is_searched_for_and_says_how_far_it_looked(
    client: aiohttp.ClientSession, bury: Bury
) -> None:
    source = new_source()
    ids = bury(source, 3)
    for search in (source.upper(), f'"{source}"'):
        page = (await ask(client, "GET", SUBMISSIONS, params={"search": search, "per_page": "2"})).body
        assert (page["meta"]["total"], page["meta"]["searched_until"]) == (3, None)
        assert [each["id"] for each in page["data"]] == ids[:2]
    page = (await ask(client, "GET", SUBMISSIONS, params={"search": ids[1]})).body
    assert [each["id"] for each in page["data"]] == [ids[1]]
    page = (await ask(client, "GET", f"{SUBMISSIONS}?search={source}&cursor=&per_page=2")).body
    following = page["links"]["next"]
    assert following
    rest = (await ask(client, "GET", following[following.index("/api") :])).body
    assert [each["id"] for each in (*page["data"], *rest["data"])] == ids
    body = {"filter": {"search": source}}
    assert (await ask(client, "POST", f"{SUBMISSIONS}/replay", json=body)).body["data"]["count"] == 3
    assert (await ask(client, "GET", f"{SUBMISSIONS}?search=no-{source}-no")).body["data"] == []
