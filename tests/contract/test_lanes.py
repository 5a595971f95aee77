"""Lanes: pausing them by a key, and their history."""

from datetime import UTC, datetime, timedelta

import aiohttp

from tests.contract.service import Service, ask
from tests.contract.workspaces import new_workspace

LANES = "/api/v1/operations/lanes"


async def test_a_key_pauses_and_resumes_the_lanes_of_its_workspace(service: Service) -> None:
    async with new_workspace(service) as own, new_workspace(service) as other:
        client, others = own.client, other.client
        for lane in ("automations", "deliveries"):
            until = (datetime.now(UTC) + timedelta(hours=1)).isoformat(timespec="seconds")
            body = {"reason": "The CRM is being moved.", "until": until}
            paused = (await ask(client, "POST", f"{LANES}/{lane}/pause", json=body)).body["data"]
            assert (paused["name"], paused["is_paused"], paused["pause"]["reason"]) == (lane, True, body["reason"])
            assert paused["pause"]["until"] == until
            assert paused["pause"]["paused_by"]["kind"] == "key"
            assert await is_paused(client, lane)
            assert not await is_paused(others, lane)
            resumed = (await ask(client, "POST", f"{LANES}/{lane}/resume")).body["data"]
            assert (resumed["is_paused"], resumed["pause"]) == (False, None)


async def test_a_key_may_not_pause_the_lanes_of_the_installation(service: Service) -> None:
    async with service.client(service.make_key("*")) as client:
        for lane in ("waited_for", "prompt", "bulk"):
            for verb, body in (("pause", {"reason": "no"}), ("resume", None)):
                answer = await ask(client, "POST", f"{LANES}/{lane}/{verb}", json=body)
                assert (answer.status, answer.body["code"]) == (403, "FORBIDDEN")
                assert "operator" in answer.body["message"]


async def test_a_pause_needs_a_known_lane_a_reason_and_an_end_to_come(service: Service) -> None:
    async with service.client(service.make_key("*")) as client:
        assert (await ask(client, "POST", f"{LANES}/express/pause", json={"reason": "x"})).status == 404
        for body, field in (({}, "reason"), ({"reason": "x", "until": "2020-01-01T00:00:00+00:00"}, "until")):
            answer = await ask(client, "POST", f"{LANES}/deliveries/pause", json=body)
            assert (answer.status, [*answer.body["errors"]]) == (422, [field])


async def test_the_history_has_a_point_for_each_step(service: Service) -> None:
    async with service.client(service.make_key("read:operations")) as client:
        for query, step, points in (("", 60, 60), ("?minutes=5", 60, 5), ("?minutes=9999", 1800, 96)):
            answer = await ask(client, "GET", f"/api/v1/operations/history{query}")
            assert answer.status == 200, answer.raw
            data = answer.body["data"]
            assert (data["step_s"], len(data["points"])) == (step, points)


async def is_paused(client: aiohttp.ClientSession, lane: str) -> bool:
    data = (await ask(client, "GET", "/api/v1/operations")).body["data"]
    return any(found["name"] == lane and found["is_paused"] for found in data["lanes"])
