"""An operator's agent finds why leads died, proposes a replay, and does it once it is confirmed."""

from typing import Any

import pytest

from tests.integrations.agent_clients import AgentSite, AskedPerson, agent_of, call, refusal_of
from tests.support.stack import Stack
from tests.support.waiting import until, until_async


@pytest.fixture(scope="module")
def agent_site(shared_stack: Stack) -> AgentSite:
    return AgentSite.make(shared_stack)


@pytest.fixture(autouse=True)
def new_key(agent_site: AgentSite) -> None:
    """No test uses up the calls of another."""
    agent_site.key = agent_site.make_key("*")


async def test_an_agent_finds_why_leads_died_and_replays_them(agent_site: AgentSite) -> None:
    cause_id = agent_site.bury(3)
    person = AskedPerson(agrees=True)
    async with agent_of(agent_site.url, agent_site.key, "asked", person=person) as client:
        causes: list[dict[str, Any]] = []

        async def is_folded() -> bool:
            found = await call(client, "dead_or_held")
            causes[:] = [one for one in found["causes"] if one["id"] == cause_id and one["count"] == 3]
            return bool(causes)

        await until_async(is_folded, what="the cause with its count")
        assert (causes[0]["kind"], causes[0]["error_type"]) == ("submission", "ValueError")
        shown = await call(client, "dead_or_held", cause_id=cause_id)
        assert "replay" in shown["next"]
        dead = [one["id"] for one in shown["failures"]]
        assert len(dead) == 3
        explained = await call(client, "explain_submission", submission_id=dead[0])
        assert (explained["submission"]["state"], explained["submission"]["attempts"]) == ("dead", 5)
        assert explained["submission"]["untrusted"]["error"] == "ValueError: no"
        assert "Mend the cause" in explained["meaning"]

        wanted = {"action": "replay", "cause_id": cause_id, "reason": "The rule was mended"}
        proposal = await call(client, "replay_or_release", **wanted)
        assert (proposal["dry_run"], proposal["count"], len(proposal["examples"])) == (True, 3, 3)
        assert (await call(client, "explain_submission", submission_id=dead[0]))["submission"]["state"] == "dead"
        done = await call(client, "replay_or_release", **wanted, confirm_token=proposal["confirm_token"])
        assert (done["count"], done["job"]["total"], done["write_budget_left"]) == (3, 3, 197)
        assert "job" in done["undo"]
        assert "Records: 3" in person.questions[0]

        job: dict[str, Any] = {}

        async def is_over() -> bool:
            job.update((await call(client, "follow_job", job_id=done["job"]["id"]))["job"])
            return job["finished_at"] is not None and job["afterwards"]["waiting"] == 0

        await until_async(is_over, what="the replay")
        assert (job["done"], job["afterwards"]["done"], job["died_again"]) == (3, 3, 0)

        async def are_found() -> bool:
            return bool((await call(client, "find_leads", search="buried-"))["total"] == 3)

        await until_async(are_found, what="the leads by search, which may trail a change")
    actions = until(lambda: _actions(agent_site, "submission_action.replayed"), what="the entry of the replay")
    assert actions[0]["actor_kind"] == "key"


async def test_a_count_that_moved_starts_nothing(agent_site: AgentSite) -> None:
    cause_id = agent_site.bury(2)
    async with agent_of(agent_site.url, agent_site.key, "on") as client:

        async def is_known() -> bool:
            return any(one["id"] == cause_id for one in (await call(client, "dead_or_held"))["causes"])

        await until_async(is_known, what="the cause")
        wanted = {"action": "replay", "cause_id": cause_id}
        proposal = await call(client, "replay_or_release", **wanted)
        dead = (await call(client, "dead_or_held", cause_id=cause_id))["failures"]
        with agent_site.client() as person:
            person.submissions.replay(dead[0]["id"])
        said = await refusal_of(client, "replay_or_release", **wanted, confirm_token=proposal["confirm_token"])
        assert "(2 record(s) then, 1 now)" in said
        state = (await call(client, "explain_submission", submission_id=dead[1]["id"]))["submission"]["state"]
        assert state == "dead"


async def test_filters_that_do_not_fit_are_refused(agent_site: AgentSite) -> None:
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        some = "00000000-0000-4000-8000-000000000000"
        for said, arguments in (
            ("delivery_ids go with resend", {"action": "replay", "delivery_ids": [1]}),
            ("delivery_ids go with resend", {"action": "resend", "submission_ids": [some]}),
            ("cause_id goes with", {"action": "reject", "cause_id": 1}),
            ("not both", {"action": "replay", "cause_id": 1, "submission_ids": [some]}),
        ):
            assert said in await refusal_of(client, "replay_or_release", **arguments)
        for action, source in (("release", "nobody"), ("resend", None)):
            nothing = await call(client, "replay_or_release", action=action, source=source)
            assert (nothing["count"], "confirm_token" in nothing) == (0, False)


async def test_held_submissions_are_released_and_rejected(agent_site: AgentSite) -> None:
    agent_site.bury(2, "quarantined")
    async with agent_of(agent_site.url, agent_site.key, "on") as client:
        held = [one["id"] for one in (await call(client, "dead_or_held", held=True))["held"]]
        assert len(held) == 2
        for action, submission_id in zip(("release", "reject"), held, strict=True):
            wanted = {"action": action, "submission_ids": [submission_id]}
            shown = await call(client, "replay_or_release", **wanted)
            done = await call(client, "replay_or_release", **wanted, confirm_token=shown["confirm_token"])
            assert (shown["count"], done["job"]["total"], done["job"]["kind"]) == (1, 1, action)
            assert done["undo"]
        job_id = done["job"]["id"]

        async def is_left() -> bool:
            return bool((await call(client, "dead_or_held", held=True))["total"] == 0)

        await until_async(is_left, what="the end of both")
        over = await call(client, "undo", kind="job", id=job_id)
        assert (over["count"], "confirm_token" in over) == (0, False)


def _actions(site: AgentSite, action: str) -> list[dict[str, Any]]:
    with site.client() as client:
        return [dict(one) for one in client.audit_log.list(action=action)]
