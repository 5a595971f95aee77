"""Up to a thousand leads in one request to `/api/inbound/leads/batch`."""

import json
import secrets
from typing import Any

import aiohttp
import pytest

from tests.contract.service import BATCH, Answer, ask, new_email, new_phone

NDJSON = {"Content-Type": "application/x-ndjson"}


async def post(client: aiohttp.ClientSession, leads: object, **headers: str) -> Answer:
    """Posts a batch as a JSON array."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await ask(client, "POST", BATCH, json=leads, headers=named)


def statuses(answer: Answer) -> list[str]:
    """The items' statuses, once it is seen that they come in order."""
    assert answer.status == 200, answer.raw
    data: list[dict[str, Any]] = answer.body["data"]
    assert [item["index"] for item in data] == list(range(len(data)))
    return [item["status"] for item in data]


async def test_bad_items_fail_alone(client: aiohttp.ClientSession) -> None:
    good = [{"email": new_email()}, {"email": new_email()}]
    bad: list[object] = [{"email": "no"}, {}, "text", None, [1], 7, {"email": new_email(), "notes": "\u0000"}]
    answer = await post(client, [good[0], *bad, good[1]])
    assert statuses(answer) == ["created", *["invalid"] * len(bad), "created"]
    for item in answer.body["data"][1:-1]:
        assert item["errors"]
        assert (item["submission_id"], item["lead_id"], item["is_duplicate"]) == (None, None, None)
    assert answer.body["data"][0].keys() >= {"index", "status", "submission_id", "lead_id", "is_duplicate"}


async def test_person_twice_in_a_batch_becomes_one_lead(client: aiohttp.ClientSession) -> None:
    email, phone = new_email(), new_phone()
    leads = [{"email": email}, {"email": email.upper(), "phone": phone}, {"email": new_email(), "phone": phone[2:]}]
    data = (await post(client, leads)).body["data"]
    assert len({item["lead_id"] for item in data}) == 1
    assert [item["is_duplicate"] for item in data] == [False, True, True]


async def test_items_are_taken_in_their_order_whatever_their_sources(client: aiohttp.ClientSession) -> None:
    email, sources = new_email(), ["a", "a", "b", "c", "a", "c", "b"] * 5
    leads = [{"email": email, "source": source, "notes": str(number)} for number, source in enumerate(sources)]
    data = (await post(client, [{"email": new_email(), "source": "a"}, *leads])).body["data"]
    assert [item["is_duplicate"] for item in data] == [False, False, *[True] * (len(leads) - 1)]
    lead = (await ask(client, "GET", f"/api/v1/leads/{data[-1]['lead_id']}")).body["data"]
    assert (lead["source"], lead["notes"].split("\n\n")) == ("a", [one["notes"] for one in leads])


@pytest.mark.parametrize("separator", ["\n", "\r\n", "\n\n"])
async def test_batch_accepts_ndjson(client: aiohttp.ClientSession, separator: str) -> None:
    lines = [json.dumps({"email": new_email()}), "{broken", json.dumps({"email": new_email()}), ""]
    answer = await ask(client, "POST", BATCH, data=separator.join(lines), headers=NDJSON)
    assert statuses(answer) == ["created", "invalid", "created"]


async def test_respond_async_accepts_every_item(client: aiohttp.ClientSession) -> None:
    answer = await post(client, [{"email": new_email()} for _ in range(3)], Prefer="respond-async")
    assert statuses(answer) == ["accepted"] * 3
    assert all(item["submission_id"] and item["lead_id"] is None for item in answer.body["data"])


async def test_a_key_covers_each_item(client: aiohttp.ClientSession) -> None:
    used, leads = secrets.token_hex(8), [{"email": new_email()} for _ in range(3)]
    first = await post(client, leads, Idempotency_Key=used)
    repeat = await post(client, leads, Idempotency_Key=used)
    assert [item["submission_id"] for item in repeat.body["data"]] == [i["submission_id"] for i in first.body["data"]]
    assert repeat.body == first.body
    told = [answer.headers.get("Idempotent-Replayed") for answer in (first, repeat)]
    more = await post(client, [*leads, {"email": new_email()}], Idempotency_Key=used)
    assert [*told, more.headers.get("Idempotent-Replayed")] == [None, "true", None]
    single = await ask(
        client, "POST", BATCH.replace("/batch", ""), json=leads[1], headers={"Idempotency-Key": f"{used}:1"}
    )
    assert (single.headers["Idempotent-Replayed"], single.body["lead_id"]) == ("true", first.body["data"][1]["lead_id"])
    changed = await post(client, [leads[0], {"email": new_email()}, leads[2]], Idempotency_Key=used)
    assert statuses(changed) == ["created", "invalid", "created"]
    assert list(changed.body["data"][1]["errors"]) == ["Idempotency-Key"]


async def test_a_thousand_and_no_more(client: aiohttp.ClientSession) -> None:
    leads = [{"email": new_email()} for _ in range(1000)]
    assert set(statuses(await post(client, leads))) == {"created"}
    answer = await post(client, [*leads, leads[0]])
    assert (answer.status, answer.code) == (422, "VALIDATION_FAILED")
    lines = "\n".join(json.dumps(lead) for lead in [*leads, leads[0]])
    assert (await ask(client, "POST", BATCH, data=lines, headers=NDJSON)).status == 422


async def test_empty_batch_gets_an_empty_answer(client: aiohttp.ClientSession) -> None:
    answer = await post(client, [])
    assert (answer.status, answer.body) == (200, {"data": []})


@pytest.mark.parametrize("body", [b"{}", b"7", b"null", b'"a"', b"[", b"", b"\xff", b"[{]}"])
async def test_no_array_is_400(client: aiohttp.ClientSession, body: bytes) -> None:
    answer = await ask(client, "POST", BATCH, data=body, headers={"Content-Type": "application/json"})
    assert (answer.status, answer.code) == (400, "BAD_REQUEST")


async def test_a_form_is_no_batch(client: aiohttp.ClientSession) -> None:
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await ask(client, "POST", BATCH, data="email=a@example.com", headers=headers)
    assert (answer.status, answer.code) == (415, "UNSUPPORTED_MEDIA_TYPE")
